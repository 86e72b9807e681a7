import Events
import Testing

@testable import Incidents

@Suite struct TicksTests {
    private let second: UInt64 = 1_000_000_000

    @Test func `an open incident wants ticks, and the passing of time alone closes it`() {
        var correlator = Correlator()
        var seq: UInt64 = 0
        var closed = 0
        func take(_ seconds: UInt64, _ payload: Payload) {
            seq += 1
            correlator.consume(Event(seq: seq, boottimeNs: seconds * second, payload)) {
                if case .closed = $0 { closed += 1 }
            }
        }
        take(100, .recorderStart(RecorderStart()))
        #expect(!correlator.wantsTicks)
        var kill = OomKill()
        kill.entry = .memcg
        kill.constraint = .memcg
        kill.oomCgroup = 7
        kill.victim.task.tgid = 42
        kill.victim.task.cgroup = 7
        kill.victim.cgroupPath = Bytes("/a".utf8)
        take(101, .oomKill(kill))
        var exit = Exit()
        exit.task.tgid = 42
        exit.exitCode = 9
        take(101, .exit(exit))
        #expect(correlator.wantsTicks)
        for seconds in UInt64(102)..<120 { take(seconds, .pressure(PressureSample())) }
        #expect(closed == 1)
        #expect(!correlator.wantsTicks)
    }
}
