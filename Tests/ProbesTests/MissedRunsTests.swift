import Events
import Testing

@testable import Probes

@Suite struct `Runs that the kernel left out` {
    @Test func `what was left out since the last call is one loss, over all programs`() {
        var counts: [Int32: UInt64] = [3: 0, 4: 0]
        var runs = MissedRuns(programs: [3, 4]) { counts[$0] ?? 0 }
        var lost: [Lost] = []
        func read() {
            runs.read(boottimeNs: 7) {
                #expect($0.boottimeNs == 7)
                if case .lost(let one) = $0.payload { lost.append(one) }
            }
        }
        read()
        #expect(lost.isEmpty)
        counts = [3: 2, 4: 5]
        read()
        read()
        #expect(lost == [Lost(source: .programBusy, count: 7)])
        counts[4] = 6
        read()
        #expect(lost.last == Lost(source: .programBusy, count: 1))
    }
}
