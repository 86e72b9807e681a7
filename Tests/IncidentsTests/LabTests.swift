import EventSamples
import Events
import Incidents
import Testing

/// What recordings of real kernels (Tests/cases/lab-*) have to say.
@Suite struct LabTests {
    private func incidents(_ name: String) throws -> [Incident] {
        let result = Cases.run(try Cases.events(name))
        return result.findings.compactMap { if case .closed(let incident) = $0 { incident } else { nil } } + result.open
    }

    @Test func `a real storm's chain is in order: memory stalls begin with the swapping, not with the full disk`()
        throws
    {
        let incident = try #require(try incidents("lab-swap-storm-reset").first)
        #expect(incident.chain.map(\.kind) == [.growth, .reclaim, .swapOut, .refault, .saturation, .stalls, .reset])
        #expect(incident.chain.allSatisfy { !$0.outOfOrder })
        #expect(incident.ended?.by == .uncleanReset)
        // The 99th percentile of the few reads beside the swapping was 66 ms: no claim that they waited.
        #expect(!String(decoding: incident.summary, as: UTF8.self).contains("read waited"))
        #expect(!(incident.ended?.gapNs.isUnknown ?? true))
    }

    @Test
    func
        `of three users who have just logged in the one who fills the swap is named, not the slice that holds all three`()
        throws
    {
        let incident = try #require(try incidents("lab-origin").first)
        let first = try #require(incident.suspects.first)
        #expect(String(decoding: first.cgroup, as: UTF8.self) == "/user.slice/user-1002.slice/tmux-ben.service")
        #expect(first.user == Bytes("ben".utf8) && first.confidence == .high)
        let bystanders = incident.bystanders.map { String(decoding: $0.cgroup, as: UTF8.self) }
        #expect(bystanders.contains("/user.slice/user-1001.slice/tmux-ana.service"))
        #expect(bystanders.contains("/user.slice/user-1003.slice/tmux-cyn.service"))
    }

    @Test func `what a cgroup swaps out was reclaimed by then, though its own count of that is read later`() throws {
        let incident = try #require(try incidents("lab-swap-in-a-cgroup").first)
        #expect(incident.incidentClass == .swapThrash && incident.scope.cgroup == Bytes("/small".utf8))
        let reclaim = try #require(incident.chain.first { $0.kind == .reclaim })
        let swapOut = try #require(incident.chain.first { $0.kind == .swapOut })
        #expect(reclaim.onset.boottimeNs <= swapOut.onset.boottimeNs)
        #expect(incident.chain.allSatisfy { !$0.outOfOrder })
    }

    @Test func `a storm goes on through a time in which the sampler itself hung in a read`() throws {
        let found = try incidents("lab-hung-sampler").filter { $0.incidentClass == .swapThrash }
        #expect(found.count == 1)
        #expect(found.first?.chain.contains { $0.kind == .saturation } == true)
        #expect(found.first?.quality.longestSamplerGapNs.value ?? 0 > 9_000_000_000)
    }

    @Test
    func `without PSI nobody is calm while the tasks wait for a queue of swap writes, though nothing is reclaimed`()
        throws
    {
        let found = try incidents("lab-queue-without-psi")
        #expect(found.count == 1 && found.first?.incidentClass == .swapThrash)
        #expect(found.first?.kills.count == 2)
    }

    @Test func `a wedge in which nobody waits for the disk but in reclaim is a swap thrash all the same`() throws {
        let incident = try #require(try incidents("lab-origin-stalled-in-reclaim").first)
        #expect(incident.incidentClass == .swapThrash && incident.ended?.by == .uncleanReset)
        #expect(incident.suspects.first?.user == Bytes("ben".utf8))
    }

    @Test func `a swap that fills up within seconds, until the kernel kills, is no thrash`() throws {
        let found = try incidents("lab-global-oom-with-swap")
        #expect(found.map(\.incidentClass) == [.globalOom])
    }

    @Test func `a storm in which only the recorder itself waits is no incident`() throws {
        for (path, count) in [("/web", 1), ("/inquest-recorder", 0)] {
            let events = try Cases.events("lab-io-storm").map { event in
                guard case .cgroup(var change) = event.payload, change.path == Bytes("/web".utf8) else { return event }
                change.path = Bytes(path.utf8)
                return Event(boottimeNs: event.boottimeNs, .cgroup(change))
            }
            let result = Cases.run(events)
            let closed = result.findings.filter { if case .closed = $0 { true } else { false } }
            #expect(closed.count + result.open.count == count, "\(path)")
        }
    }

    @Test func `a load that was high before the stalls is told as it is, one that fits the processors is not`() throws {
        for (load, isTold) in [(UInt64(11_000), true), (3_000, false)] {
            let events = try Cases.events("origin-wedge-reset").map { event in
                guard case .load(var sample) = event.payload else { return event }
                sample.load1Milli = Figure(load)
                return Event(boottimeNs: event.boottimeNs, .load(sample))
            }
            let result = Cases.run(events)
            let incident = try #require(
                result.findings.compactMap { if case .closed(let incident) = $0 { incident } else { nil } }.first)
            let stalls = try #require(incident.chain.first { $0.kind == .stalls })
            let text = String(decoding: stalls.text, as: UTF8.self)
            #expect(text.contains("load 11") == isTold && text.contains("load") == isTold, "\(text)")
        }
    }

    @Test func `a live-lock's figures agree with the cgroup's own pressure, and it ends when the cap is lifted`() throws
    {
        let incident = try #require(try incidents("lab-livelock-lifted").first)
        #expect(incident.incidentClass == .throttleLivelock)
        // One task in memory.high all the time: by memory.pressure 34.8 s of the 35 s until the cap was lifted at 40.55 s.
        let throttle = try #require(incident.chain.first { $0.kind == .throttle })
        #expect((95...100).contains(throttle.evidence.first?.value.value ?? 0))
        let throttled = try #require(incident.suspects.first?.throttledNs.value)
        #expect((33_000_000_000...36_500_000_000).contains(throttled))
        let ended = try #require(incident.ended?.at.boottimeNs)
        #expect((40_500_000_000...44_000_000_000).contains(ended))
        // Ended from the very shell that began it, three seconds after the cap was lifted: a kill all the same.
        #expect(incident.kills.map(\.victim.tgid) == [142])
        #expect(incident.phases.last?.to == .calm)
        #expect((incident.phases.last?.at.boottimeNs ?? 0) < 48_000_000_000)
    }

    @Test
    func
        `a cgroup that stalls at its limit right after a storm is no second storm, and a thrash that is over explains it not`()
        throws
    {
        let found = try incidents("lab-livelock-after-storm")
        #expect(found.map(\.incidentClass) == [.throttleLivelock])
        // With a lower bar the host thrashes for a while: what goes on in the cgroup after it is an incident of its own.
        var rules = Rules()
        try rules.set(name: "io_full_thrash", value: "0%")
        let both = Cases.run(try Cases.events("lab-livelock-after-storm"), rules: rules).findings.compactMap {
            if case .closed(let incident) = $0 { incident } else { nil }
        }
        #expect(both.map(\.incidentClass) == [.fileThrash, .throttleLivelock])
    }

    @Test func `who stalls at memory.high and still grows into swap is in no live-lock`() throws {
        let incident = try #require(try incidents("lab-oomd-pressure").first)
        #expect(incident.incidentClass == .userspaceKill)
        #expect(incident.scope.cgroup == Bytes("/hungry.slice/hog.service".utf8))
        #expect(incident.kills.map(\.cause.killer) == [.systemdOomd, .systemdOomd, .systemdOomd, .systemdOomd])
    }

    @Test func `an armed systemd-oomd that cannot act is said to be inert, with the pressure that there was`() throws {
        let incident = try #require(try incidents("lab-oomd-inert").first)
        #expect(incident.incidentClass == .throttleLivelock)
        #expect(incident.kills.isEmpty)
        let oomd = try #require(incident.backstops.first { $0.name == Bytes("systemd-oomd".utf8) })
        #expect(String(decoding: oomd.finding, as: UTF8.self).hasPrefix("running, but inert: "))
        #expect((90...100).contains(oomd.evidence[0].value.value ?? 0))
        #expect(oomd.evidence[1].value == 0)
    }

    @Test func `earlyoom's two signals to one that ignores the first are one kill, as its own log has it`() throws {
        let incidents = try incidents("lab-earlyoom")
        #expect(incidents.map { $0.kills.map { $0.outcome.signals.map(\.signal) } } == [[[15]], [[15, 9]]])
    }

    @Test func `a device that completes nothing accuses nobody of having grown`() throws {
        let incident = try #require(try incidents("lab-device-stall").first)
        #expect(incident.incidentClass == .deviceStall)
        #expect(incident.suspects.isEmpty)
        #expect(incident.chain.map(\.kind) == [.stalls, .recovery])
    }

    @Test func `each way to kill is told for what it was`() throws {
        let incidents = try incidents("lab-kinds-of-kills")
        #expect(incidents.map(\.incidentClass) == [.containedKill, .userspaceKill, .globalOom])
        #expect(
            incidents.map { $0.kills.map(\.cause.killer) } == [
                [.kernelMemcg, .kernelMemcg, .kernelMemcg], [.cgroupKill, .cgroupKill], [.sysrq],
            ])
        #expect(incidents[0].kills.allSatisfy { $0.cause.oomGroup == true })
        // The third was asked for with memory to spare: nobody is accused, and no backstop has to explain itself.
        #expect(incidents[2].suspects.isEmpty && incidents[2].backstops.isEmpty)
    }

    @Test func `a kill by hand after the machine recovered is not the OOM's second`() throws {
        let events = try Cases.events("lab-global-oom-then-kill")
        // The shell's SIGKILL to what it had started is there.
        #expect(
            events.contains { event in
                if case .signal(let signal) = event.payload {
                    signal.signal == 9 && signal.origin == .user
                } else {
                    false
                }
            })
        let incidents = try incidents("lab-global-oom-then-kill")
        #expect(incidents.map(\.incidentClass) == [.globalOom])
        #expect(incidents.first?.kills.count == 1)
    }

    @Test func `buffered writers that make others wait are an IO storm, one copy alone is none`() throws {
        let incidents = try incidents("lab-io-storm")
        let storm = try #require(incidents.first)
        #expect(incidents.count == 1)
        #expect(storm.incidentClass == .ioStorm)
        // The copy ended before the writers began.
        #expect(storm.started.boottimeNs > 90_000_000_000)
        #expect(storm.suspects.map { String(decoding: $0.cgroup, as: UTF8.self) } == ["/batch"])
        #expect(storm.bystanders.map { String(decoding: $0.cgroup, as: UTF8.self) } == ["/web"])
        #expect(!storm.chain.contains { $0.kind == .growth })
    }

    @Test func `page cache read again and again is file thrash, and names no process of another cgroup`() throws {
        let incident = try #require(try incidents("lab-file-thrash").first)
        #expect(incident.incidentClass == .fileThrash)
        let growth = try #require(incident.chain.first { $0.kind == .growth })
        let text = String(decoding: growth.text, as: UTF8.self)
        #expect(text.hasPrefix("/app grew from"))
        #expect(!text.contains("balloon"))
    }

    @Test func `swapping to compressed memory is no storm`() throws {
        let events = try Cases.events("lab-swap-on-zram")
        let swappedOut = events.compactMap { event -> UInt64? in
            if case .vmstat(let sample) = event.payload { sample.pswpout.value } else { nil }
        }
        #expect(swappedOut.max() ?? 0 > 10_000)
        #expect(try incidents("lab-swap-on-zram").isEmpty)
    }

    @Test func `a limit at work is said once, with its sum, and is no loss`() throws {
        let incident = try #require(try incidents("lab-swap-storm-reset").first)
        #expect(incident.quality.lostEvents == 0)
        #expect(!incident.timeline.contains { $0.kind == .loss })
        let notes = incident.quality.notes.map { String(decoding: $0, as: UTF8.self) }
        #expect(notes.filter { $0.contains("slow IOs beyond the rate limit") }.count == 1)
    }

    @Test func `who grew by next to nothing is no suspect`() throws {
        let incident = try #require(try incidents("lab-swap-storm-reset").first)
        let grown = incident.suspects.filter { $0.pid != 0 }.compactMap(\.grewBytes.value)
        #expect(grown.count == 3)
        #expect(grown.allSatisfy { $0 >= (grown.first ?? 0) / 20 })
    }

    @Test func `the longest gap is measured from the samples themselves`() throws {
        let text = """
            0.5 recorder_start boot_id=b1e7c2d4-0000-4000-8000-000000000001 page_size=4096
            9.9 oom_kill traced=true order=-1 victim.task.tgid=9
            """
        let samples = [10.0, 10.1, 11.4, 11.5].map { "\n\($0) pressure memory_some_us=0\n\($0) vmstat pswpin=0" }
            .joined()
        let incident = try #require(Cases.run(try EventText.parse(text + samples)).open.first)
        #expect(incident.quality.longestSamplerGapNs == Figure(1_300_000_000))
        // One sample is no gap yet.
        let one = try #require(Cases.run(try EventText.parse(text + "\n10 pressure memory_some_us=0")).open.first)
        #expect(one.quality.longestSamplerGapNs.isUnknown)
    }

    @Test func `blindness is a loss with a line of its own`() throws {
        let events = try EventText.parse(
            """
            0.5 recorder_start boot_id=b1e7c2d4-0000-4000-8000-000000000001 page_size=4096
            10 oom_kill entry=memcg trigger.tgid=9 victim.task.pid=9 victim.task.tgid=9 victim.task.cgroup_id=7 victim.cgroup=/jobs ancestors.0.id=7 ancestors.0.usage_pages=100 ancestors.0.max_pages=100
            10.1 lost source=ring_full_kill count=3
            10.2 lost source=signal_suppressed count=40
            10.3 lost source=signal_suppressed count=2
            """)
        let incident = try #require(Cases.run(events).open.first)
        #expect(incident.quality.lostEvents == 3)
        #expect(incident.timeline.filter { $0.kind == .loss }.count == 1)
        let notes = incident.quality.notes.map { String(decoding: $0, as: UTF8.self) }
        #expect(notes.contains("42 signals between processes beyond the rate limit: counted only"))
    }

    @Test func `of the slow IOs of a second the first and the worst keep a line`() throws {
        var text = """
            0.5 recorder_start boot_id=b1e7c2d4-0000-4000-8000-000000000001 page_size=4096
            9.9 oom_kill traced=true order=-1 victim.task.tgid=9
            """
        for (index, ms) in [600, 700, 2000, 900, 800].enumerated() {
            text += "\n10.\(index) slow_io device=1 bytes=4096 device_ns=\(ms)000000"
        }
        text += "\n11.2 slow_io device=1 bytes=4096 device_ns=650000000"
        let incident = try #require(Cases.run(try EventText.parse(text)).open.first)
        let slow = incident.timeline.filter { $0.kind == .slowIO }
        #expect(slow.map(\.at.boottimeNs) == [10_000_000_000, 10_200_000_000, 11_200_000_000])
        #expect(incident.quality.timelineOmitted == 3)
    }
}
