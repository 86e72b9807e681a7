import EventSamples
import Events
import Incidents
import Testing

/// What the clocks do meanwhile: set, stopped by a suspend, another boot's, another host's.
@Suite struct ClockTests {
    private static let second: UInt64 = 1_000_000_000
    private let start = """
        0.5 recorder_start boot_id=b1e7c2d4-0000-4000-8000-000000000001 recorder_tgid=50 page_size=4096 pressure_available=true cgroup_mode=unified hostname=before
        0.5 clock boottime_ns=500000000 realtime_ns=1780000000500000000 monotonic_ns=500000000
        """
    private let kill = """
        10 oom_kill entry=memcg trigger.tgid=9 victim.task.pid=9 victim.task.tgid=9 victim.task.cgroup_id=7 victim.task.comm=job victim.cgroup=/jobs ancestors.0.id=7 ancestors.0.usage_pages=100 ancestors.0.max_pages=100
        """

    /// A clock snapshot: seconds of boottime, what the wall clock is off, how long the machine slept so far.
    private func clock(_ boottime: UInt64, set offset: Int64 = 0, asleep: UInt64 = 0) -> String {
        let ns = boottime * Self.second
        let realtime = UInt64(Int64(1_780_000_000_000_000_000 + ns) + offset * Int64(Self.second))
        return "\(boottime) clock boottime_ns=\(ns) realtime_ns=\(realtime) monotonic_ns=\(ns - asleep * Self.second)"
    }

    private func closed(_ lines: String...) throws -> [Incident] {
        try Cases.run(EventText.parse(lines.joined(separator: "\n"))).findings.compactMap {
            if case .closed(let incident) = $0 { incident } else { nil }
        }
    }

    private func told(_ incident: Incident) -> [String] {
        incident.timeline.map { String(decoding: $0.text, as: UTF8.self) }.filter {
            $0.contains("clock") || $0.contains("suspended")
        }
    }

    private let exit = "12 exit task.tgid=9 task.comm=job exit_code=9"
    private let over = "100 load blocked=0"

    @Test(arguments: [(-3600, "back"), (7200, "forward")] as [(Int64, String)])
    func `a wall clock that is set is told, moves no event, and lengthens nothing`(step: Int64, way: String) throws {
        let incident = try #require(
            try closed(start, kill, clock(11, set: step), exit, over).first)
        #expect(incident.started == Moment(boottimeNs: 10 * Self.second))
        #expect(incident.ended?.at == Moment(boottimeNs: 12 * Self.second))
        #expect(told(incident).count == 1)
        #expect(told(incident).first?.contains("the wall clock was set \(way) by") == true, "\(told(incident))")
        // The document's times are all by one clock: the one in force at its end.
        let began = incident.clock.realtimeNs(of: incident.started)
        #expect(began == UInt64(1_780_000_010_000_000_000 + step * Int64(Self.second)))
    }

    @Test func `drift is no step`() throws {
        let drifted = "11 clock boottime_ns=11000000000 realtime_ns=1780000011900000000 monotonic_ns=11000000000"
        let incident = try #require(try closed(start, kill, drifted, exit, over).first)
        #expect(told(incident).isEmpty)
    }

    @Test func `a suspend is told as one, and is no gap in what was seen`() throws {
        // The victim is still there when the lid is closed; a second later, by the clock that stops, it is gone.
        let samples = [10, 11, 72, 73].map { "\($0) vmstat pgscan_kswapd=0" }.joined(separator: "\n")
        let incident = try #require(
            try closed(
                start, kill, clock(72, asleep: 60), samples, "72.5 exit task.tgid=9 task.comm=job exit_code=9",
                "200 load blocked=0"
            ).first)
        #expect(told(incident).count == 1)
        #expect(told(incident).first?.hasPrefix("the machine was suspended for ") == true, "\(told(incident))")
        #expect((incident.quality.longestSamplerGapNs.value ?? 0) <= 2 * Self.second)
    }

    @Test func `without CLOCK_MONOTONIC nothing is said about a suspend`() throws {
        let unknown = "5000 clock boottime_ns=5000000000000 realtime_ns=1780005000000000000"
        let incident = try #require(
            try closed(start, kill, unknown, "5001 exit task.tgid=9 task.comm=job exit_code=9", "5100 load blocked=0")
                .first)
        #expect(told(incident).isEmpty)
    }

    @Test func `a wall clock set back over a reset leaves the gap unknown, never negative`() throws {
        let next = """
            ---
            0.9 recorder_start boot_id=b1e7c2d4-0000-4000-8000-000000000002
            0.9 clock boottime_ns=900000000 realtime_ns=1700000000900000000
            """
        let incident = try #require(try closed(start, kill, next).first)
        #expect(incident.ended?.by == .uncleanReset)
        #expect(incident.ended?.gapNs.isUnknown == true)
        #expect(incident.ended?.nextStartRealtimeNs == Figure(1_700_000_000_900_000_000))
    }

    @Test func `a host that was renamed between two runs has each incident under the name of its time`() throws {
        let stop = "20 recorder_stop reason=requested"
        let renamed = """
            30 recorder_start boot_id=b1e7c2d4-0000-4000-8000-000000000001 recorder_tgid=51 page_size=4096 pressure_available=true cgroup_mode=unified hostname=after
            30 clock boottime_ns=30000000000 realtime_ns=1780000030000000000 monotonic_ns=30000000000
            40 oom_kill entry=memcg trigger.tgid=19 victim.task.pid=19 victim.task.tgid=19 victim.task.cgroup_id=7 victim.task.comm=job victim.cgroup=/jobs ancestors.0.id=7 ancestors.0.usage_pages=100 ancestors.0.max_pages=100
            41 exit task.tgid=19 task.comm=job exit_code=9
            140 load blocked=0
            """
        let incidents = try closed(start, kill, exit, stop, renamed)
        #expect(incidents.map { String(decoding: $0.host.name, as: UTF8.self) } == ["before", "after"])
        #expect(incidents.map(\.host.bootID).allSatisfy { $0 == incidents[0].host.bootID })
        #expect(Set(incidents.map(\.id)).count == 2)
    }
}
