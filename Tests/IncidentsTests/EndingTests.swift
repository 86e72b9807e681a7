import EventSamples
import Events
import Incidents
import Testing

/// How incidents end, and what the recorder's own life says about it.
@Suite struct EndingTests {
    private let start = """
        0.5 recorder_start boot_id=b1e7c2d4-0000-4000-8000-000000000001 recorder_tgid=50 page_size=4096 pressure_available=true cgroup_mode=unified
        0.5 clock boottime_ns=500000000 realtime_ns=1780000000500000000
        """
    private let kill = """
        10 oom_kill entry=memcg trigger.tgid=9 victim.task.pid=9 victim.task.tgid=9 victim.task.cgroup_id=7 victim.task.comm=job victim.cgroup=/jobs ancestors.0.id=7 ancestors.0.usage_pages=100 ancestors.0.max_pages=100
        """

    private func closed(_ text: String) throws -> [Incident] {
        try Cases.run(EventText.parse(text)).findings.compactMap {
            if case .closed(let incident) = $0 { incident } else { nil }
        }
    }

    @Test func `a stop of the recorder ends what is open at that moment`() throws {
        let incident = try #require(try closed("\(start)\n\(kill)\n12 recorder_stop reason=requested").first)
        #expect(incident.ended?.by == .recorderStopped)
        #expect(incident.ended?.at == Moment(boottimeNs: 12_000_000_000))
    }

    @Test func `a shutdown is a clean end`() throws {
        #expect(try closed("\(start)\n\(kill)\n12 recorder_stop reason=shutdown").first?.ended?.by == .cleanShutdown)
    }

    @Test func `another boot without a stop is an unclean reset, with a panic in pstore a panic`() throws {
        let other = "0.9 recorder_start boot_id=b1e7c2d4-0000-4000-8000-000000000002 previous_panic="
        let clock = "0.9 clock boottime_ns=900000000 realtime_ns=1780000100900000000"
        for (panic, by) in [("false", EndedBy.uncleanReset), ("true", .kernelPanic)] {
            let incident = try #require(try closed("\(start)\n\(kill)\n---\n\(other)\(panic)\n\(clock)").first)
            #expect(incident.ended?.by == by)
            #expect(incident.ended?.gapNs == Figure(90_900_000_000))
            #expect(incident.host.bootID == BootID("b1e7c2d4000040008000000000000001".utf8))
            #expect(incident.chain.last?.kind == .reset)
        }
    }

    @Test func `a next start without a clock leaves the gap unknown`() throws {
        let next = "0.9 recorder_start boot_id=b1e7c2d4-0000-4000-8000-000000000002\n7 load blocked=0"
        let incident = try #require(try closed("\(start)\n\(kill)\n---\n\(next)").first)
        #expect(incident.ended?.by == .uncleanReset)
        #expect(incident.ended?.gapNs.isUnknown == true)
    }

    @Test func `a boot that followed a clean stop closes nothing`() throws {
        let next =
            "0.9 recorder_start boot_id=b1e7c2d4-0000-4000-8000-000000000002\n1 clock boottime_ns=1 realtime_ns=1780000100900000000"
        #expect(try closed("\(start)\n2 recorder_stop reason=requested\n---\n\(next)").isEmpty)
    }

    @Test func `nothing of one boot is taken for the next: names, counters, kills`() throws {
        let next = """
            0.9 recorder_start boot_id=b1e7c2d4-0000-4000-8000-000000000002 page_size=4096
            0.9 clock boottime_ns=900000000 realtime_ns=1780000100900000000
            3 oom_kill entry=memcg trigger.tgid=9 victim.task.pid=9 victim.task.tgid=9 victim.task.cgroup_id=7 victim.task.comm=other victim.cgroup=/new ancestors.0.id=7 ancestors.0.usage_pages=100 ancestors.0.max_pages=100
            3.1 exit task.tgid=9 task.comm=other exit_code=9
            20 load blocked=0
            """
        let incidents = try closed("\(start)\n\(kill)\n---\n\(next)")
        #expect(incidents.map(\.scope.cgroup) == [Bytes("/jobs".utf8), Bytes("/new".utf8)])
        #expect(incidents.last?.ended?.by == .recovered)
    }

    private let again = "recorder_start boot_id=b1e7c2d4-0000-4000-8000-000000000001 page_size=4096"

    @Test func `a recorder that is killed and soon back goes on with what was open, and says that it was gone`() throws
    {
        let incidents = try closed(
            "\(start)\n\(kill)\n10.1 load blocked=0\n14 \(again)\n14.5 exit task.tgid=9 task.comm=job exit_code=9\n40 load blocked=0"
        )
        #expect(incidents.count == 1)
        let incident = try #require(incidents.first)
        #expect(incident.ended?.by == .recovered)
        #expect(incident.kills.first?.outcome.exitTime == Moment(boottimeNs: 14_500_000_000))
        #expect(incident.quality.longestSamplerGapNs == Figure(3_900_000_000))
        #expect(
            incident.quality.notes.contains(
                Bytes("the recorder was killed while it lasted; nothing was heard for 3.9 s".utf8)))
        #expect(incident.timeline.contains { $0.kind == .gap && $0.at == Moment(boottimeNs: 14_000_000_000) })
    }

    @Test func `a recorder that comes back late finds ended what was open`() throws {
        let incident = try #require(
            try closed(
                "\(start)\n\(kill)\n75 \(again)\n76 clock boottime_ns=76000000000 realtime_ns=1780000076000000000"
            ).first)
        #expect(incident.ended?.by == .recorderKilled)
        #expect(incident.ended?.gapNs == Figure(65_000_000_000))
    }

    @Test func `an incident waits for its victim, but not for ever`() throws {
        #expect(try closed("\(start)\n\(kill)\n100 load blocked=0").isEmpty)
        let incident = try #require(try closed("\(start)\n\(kill)\n100 load blocked=0\n131 load blocked=0").first)
        #expect(incident.ended?.by == .recovered)
        #expect(incident.quality.notes == [Bytes("the exit of job[9] was not heard".utf8)])
    }

    @Test func `a findings record or a snapshot in the stream changes nothing`() throws {
        var events = try EventText.parse("\(start)\n\(kill)\n12 recorder_stop reason=requested")
        let without = Cases.run(events)
        events.insert(Event(seq: 99, boottimeNs: 99_000_000_000, .incident(IncidentRecord())), at: 2)
        events.insert(Event(seq: 99, boottimeNs: 99_000_000_000, .snapshot(StateSnapshot(state: [1, 2, 3]))), at: 3)
        let with = Cases.run(events)
        #expect(with.findings == without.findings)
        #expect(with.state == without.state)
    }

    @Test func `too many at once: what is removed makes room, where kills go on stays one incident`() throws {
        func kill(_ time: Double, _ tgid: Int, _ cgroup: Int, _ path: String) -> String {
            """
            \(time) oom_kill entry=memcg trigger.tgid=\(tgid) victim.task.pid=\(tgid) victim.task.tgid=\(tgid) victim.task.cgroup_id=\(cgroup) victim.task.comm=job victim.cgroup=\(path) ancestors.0.id=\(cgroup) ancestors.0.usage_pages=100 ancestors.0.max_pages=100
            \(time) exit task.pid=\(tgid) task.tgid=\(tgid) task.comm=job exit_code=9
            """
        }
        var lines = [start]
        for round in 0..<60 {
            let time = 10 + Double(round) / 4
            if round % 4 == 0 {
                lines.append(kill(time, 1000 + round, 7, "/again"))
            } else {
                lines.append(kill(time, 1000 + round, 100 + round, "/once-\(round)"))
                lines.append("\(time) cgroup id=\(100 + round) action=removed path=/once-\(round)")
            }
        }
        let incidents = try closed(lines.joined(separator: "\n") + "\n60 load blocked=0")
        #expect(incidents.count == 46)
        #expect(incidents.filter { $0.scope.cgroup == Bytes("/again".utf8) }.map(\.kills.count) == [15])
    }
}
