import Events
import Testing

@testable import Incidents

@Suite struct WindowTests {
    private func point(_ seconds: Double, _ us: UInt64) -> PressurePoint {
        var point = PressurePoint()
        point.ns = UInt64(seconds * 1e9)
        point.memorySomeUs = Figure(us)
        return point
    }

    @Test func `a window never grows beyond its capacity and keeps the newest`() {
        var window = Window<PressurePoint>()
        for second in 0..<1000 { window.push(point(Double(second), UInt64(second))) }
        #expect(window.count == PressurePoint.capacity)
        #expect(window[window.count - 1].ns == 999_000_000_000)
        #expect(window[0].ns == UInt64(1000 - PressurePoint.capacity) * 1_000_000_000)
    }

    @Test func `points too close together are one, but the latest is always known`() {
        var window = Window<PressurePoint>()
        for tick in 0..<40 { window.push(point(Double(tick) * 0.1, UInt64(tick))) }
        #expect(window.count == 14)
        #expect(window.latest.ns == 3_900_000_000)
    }

    @Test func `the start of a window is the newest point that is old enough`() {
        var window = Window<PressurePoint>()
        for second in 1...20 { window.push(point(Double(second), UInt64(second))) }
        #expect(window.start(of: 10_000_000_000)?.ns == 11_000_000_000)
        #expect(window.start(of: 1_000_000_000)?.ns == 19_000_000_000)
        #expect(window.start(of: 100_000_000_000)?.ns == 1_000_000_000)
        #expect(Window<PressurePoint>().start(of: 1) == nil)
    }

    @Test func `a history shorter than the window counts as calm before it`() {
        var host = HostState()
        var sample = PressureSample()
        sample.memorySomeUs = 0
        host.note(sample, at: 1_000_000_000)
        sample.memorySomeUs = 1_000_000
        host.note(sample, at: 2_000_000_000)
        #expect(host.shares(over: 1_000_000_000).some == 10_000)
        #expect(host.shares(over: 10_000_000_000).some == 1_000)
        #expect(host.shares(over: 1_000_000_000).full == nil)
    }

    @Test func `a counter that was reset gains nothing`() {
        #expect(rise(10, 5) == nil)
        #expect(rise(.unknown, 5) == nil)
        #expect(rise(5, 5) == 0)
    }

    @Test func `an onset survives gaps shorter than its hold, and begins anew after longer ones`() {
        var onset = Onset()
        onset.note(true, 5, at: 10, hold: 10)
        onset.note(false, 0, at: 15, hold: 10)
        onset.note(true, 9, at: 19, hold: 10)
        #expect(onset.sinceNs == 10)
        #expect(onset.peak == 9)
        onset.note(true, 1, at: 40, hold: 10)
        #expect(onset.sinceNs == 40)
        #expect(onset.peak == 1)
    }

    @Test func `a phase is entered at once and left after its time below the level`() {
        var phase = ScopePhase()
        phase.note(.pressure, at: 1_000)
        #expect(phase.settle(at: 1_000, leave: 5_000) == .pressure)
        phase.note(.watch, at: 2_000)
        #expect(phase.settle(at: 2_000, leave: 5_000) == nil)
        #expect(phase.settle(at: 6_000, leave: 5_000) == .watch)
        #expect(phase.settle(at: 7_000, leave: 5_000) == .calm)
        #expect(phase.changes.count == 3)
    }

    @Test(
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (1 << 20, "1 MiB"),
            ((1 << 20) - 1, "1 MiB"),
            (16 << 30, "16 GiB"), (UInt64.max, "16 EiB"),
        ] as [(UInt64, String)])
    func `bytes are written in binary units`(_ count: UInt64, _ text: String) { #expect(formatBytes(count) == text) }

    @Test(
        arguments: [
            (0, "0 ns"), (999, "999 ns"), (1_500, "1.5 us"), (2_500_000, "2.5 ms"), (38_000_000, "38 ms"),
            (1_540_000_000, "1.5 s"),
            (999_900_000, "1 s"), (163_000_000_000, "2 min 43 s"), (59_960_000_000, "1 min"),
            (7_260_000_000_000, "2 h 1 min"),
        ] as [(UInt64, String)])
    func `times are written with the two units that matter`(_ ns: UInt64, _ text: String) {
        #expect(formatDuration(ns) == text)
    }
}
