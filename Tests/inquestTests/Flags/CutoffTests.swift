import Events
import Testing

@testable import inquest

@Suite struct CutoffTests {
    private static let minute: UInt64 = 60_000_000_000
    private let boot = BootID(high: 1, low: 1)
    private let earlier = BootID(high: 2, low: 2)

    private func clock(boottime: UInt64, realtime: UInt64) -> ClockSnapshot {
        var clock = ClockSnapshot()
        clock.boottimeNs = boottime * Self.minute
        clock.realtimeNs = realtime * Self.minute
        return clock
    }

    private func moment(_ minutes: UInt64) -> Moment { Moment(boottimeNs: minutes * Self.minute) }

    @Test(arguments: [-60, 0, 60] as [Int64])
    func `ten minutes are ten minutes, whatever the wall clock was set by five minutes ago`(step: Int64) {
        let before = clock(boottime: 0, realtime: 10_000)
        let after = clock(boottime: 95, realtime: UInt64(10_095 + step))
        let now = clock(boottime: 100, realtime: UInt64(10_100 + step))
        let cutoff = Cutoff(10 * Self.minute, before: now, boot: boot)
        #expect(!cutoff.includes(moment(89), of: boot, clock: before))
        #expect(cutoff.includes(moment(90), of: boot, clock: before))
        #expect(cutoff.includes(moment(94), of: boot, clock: before))
        #expect(cutoff.includes(moment(96), of: boot, clock: after))
    }

    @Test func `of an earlier boot the wall clock decides, and without one nothing is shown`() {
        let cutoff = Cutoff(10 * Self.minute, before: clock(boottime: 3, realtime: 10_100), boot: boot)
        let then = clock(boottime: 5000, realtime: 10_080)
        #expect(!cutoff.includes(moment(5009), of: earlier, clock: then))
        #expect(cutoff.includes(moment(5010), of: earlier, clock: then))
        #expect(!cutoff.includes(moment(5010), of: earlier, clock: ClockSnapshot()))
        // All of this boot is younger.
        #expect(cutoff.includes(moment(0), of: boot, clock: ClockSnapshot()))
    }

    @Test func `a boot that nobody knows is not taken for this one`() {
        let cutoff = Cutoff(10 * Self.minute, before: clock(boottime: 100, realtime: 10_100), boot: .unknown)
        #expect(!cutoff.includes(moment(99), of: .unknown, clock: clock(boottime: 99, realtime: 10_000)))
    }
}
