import EventSamples
import Events
import Incidents
import Testing

/// Which kill is whose, and which signal is none.
@Suite struct KillTests {
    private let start = """
        0.5 recorder_start boot_id=b1e7c2d4-0000-4000-8000-000000000001 page_size=4096 pressure_available=true cgroup_mode=unified memory_hierarchy=3
        """

    /// To the millisecond: a Double's own digits may be more than a time has.
    private func seconds(_ time: Double) -> String {
        let ms = Int((time * 1000).rounded())
        return "\(ms / 1000)." + String("\(1000 + ms % 1000)".dropFirst())
    }

    private func mark(
        _ time: Double, _ tgid: Int, cgroup: Int = 7, path: String = "/jobs", comm: String = "job", extra: String = ""
    ) -> String {
        "\(seconds(time)) oom_kill entry=memcg trigger.tgid=\(tgid) victim.task.pid=\(tgid) victim.task.tgid=\(tgid) victim.task.cgroup_id=\(cgroup) victim.task.comm=\(comm) victim.cgroup=\(path) ancestors.0.id=\(cgroup) ancestors.0.usage_pages=100 ancestors.0.max_pages=100 \(extra)"
    }

    private func signal(_ time: Double, _ number: Int, from: String, _ pid: Int, to tgid: Int, _ extra: String = "")
        -> String
    {
        "\(seconds(time)) signal signal=\(number) group=true sender.tgid=\(pid) sender.comm=\(from) target.task.pid=\(tgid) target.task.tgid=\(tgid) target.task.cgroup_id=7 target.task.comm=job target.cgroup=/jobs \(extra)"
    }

    private func open(_ lines: String...) throws -> [Incident] {
        try Cases.run(EventText.parse(([start] + lines).joined(separator: "\n"))).open
    }

    @Test func `a second mark of the same process is the same kill`() throws {
        let incident = try #require(try open(mark(10, 9), mark(10.5, 9)).first)
        #expect(incident.kills.count == 1)
    }

    @Test func `the OOM killer overtakes a backstop's SIGTERM: one kill, by the kernel`() throws {
        let incidents = try open(
            signal(9, 15, from: "earlyoom", 420, to: 9, "sender_exe=/usr/bin/earlyoom"), mark(10, 9))
        #expect(incidents.count == 1)
        let kill = try #require(incidents.first?.kills.first)
        #expect(incidents.first?.kills.count == 1)
        #expect(kill.cause.killer == .kernelMemcg)
        #expect(kill.outcome.signals.map(\.signal) == [15])
        #expect(kill.at == Moment(boottimeNs: 9_000_000_000))
    }

    @Test func `a process id used again is another kill`() throws {
        let incident = try #require(
            try open(mark(10, 9), "10.1 exit task.tgid=9 exit_code=9", mark(12, 9, comm: "next")).first)
        #expect(incident.kills.map(\.victim.comm) == [Comm("job"), Comm("next")])
    }

    @Test func `each kill is told once when it is heard, in its incident, and again where the kernel overtakes`() throws
    {
        let lines = [
            start, mark(10, 9), mark(10.5, 9), mark(11, 11),
            signal(12, 15, from: "earlyoom", 420, to: 30, "sender_exe=/usr/bin/earlyoom"), mark(12.5, 30),
        ]
        let run = try Cases.run(EventText.parse(lines.joined(separator: "\n")))
        let told = run.findings.compactMap { if case .kill(let kill, _) = $0 { kill } else { nil } }
        #expect(told.map(\.victim.tgid) == [9, 11, 30, 30])
        #expect(told.map(\.cause.killer) == [.kernelMemcg, .kernelMemcg, .earlyoom, .kernelMemcg])
        #expect(told.prefix(2).allSatisfy { $0.incidentID == run.open.first?.id })
        #expect(told[2].incidentID == told[3].incidentID)
    }

    @Test func `signals that were ignored or already pending kill nobody`() throws {
        for result in 1...3 {
            #expect(try open(signal(9, 9, from: "systemd", 1, to: 9, "result=\(result)")).isEmpty)
        }
        #expect(
            try open(signal(9, 15, from: "earlyoom", 420, to: 9, "result=1 sender_exe=/usr/bin/earlyoom")).isEmpty)
    }

    @Test func `a SIGTERM that the victim ignores is where the escalation begins`() throws {
        let incident = try #require(
            try open(
                signal(9, 15, from: "earlyoom", 420, to: 9, "result=1 sender_exe=/usr/bin/earlyoom"),
                signal(10, 9, from: "earlyoom", 420, to: 9, "sender_exe=/usr/bin/earlyoom"),
                signal(10.1, 15, from: "earlyoom", 420, to: 9, "result=1 sender_exe=/usr/bin/earlyoom")
            ).first)
        #expect(incident.kills.map { $0.outcome.signals.map(\.signal) } == [[15, 9]])
        #expect(incident.kills.first?.at == Moment(boottimeNs: 10_000_000_000))
        #expect(String(decoding: incident.summary, as: UTF8.self).contains("SIGTERM came first, SIGKILL 1 s later."))
    }

    @Test func `a killer whose user is unknown is nobody's, and not root's`() throws {
        let events = try Cases.events("admin-kill-under-pressure").map { event in
            guard case .signal(var signal) = event.payload else { return event }
            signal.sender.uid = .max
            return Event(seq: event.seq, boottimeNs: event.boottimeNs, .signal(signal))
        }
        let result = Cases.run(events)
        let closed = result.findings.compactMap { if case .closed(let incident) = $0 { incident } else { nil } }
        let incident = try #require((closed + result.open).first { $0.kills.contains { $0.cause.killer == .user } })
        #expect(incident.kills.allSatisfy { $0.sender?.uid == .unknown })
        let told = incident.chain.map(\.text) + incident.timeline.map(\.text) + [incident.summary]
        let text = told.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
        #expect(text.contains("of an unknown user with SIGKILL"), "\(text)")
        #expect(!text.contains("uid 0") && !text.contains("4294967295"), "\(text)")
    }

    @Test func `what a lockdown or a namespace hides is said in the notes`() throws {
        let hidden = start.replacing("page_size", with: "recorder_tgid=50 page_size")
        func notes(_ lines: String...) throws -> [String] {
            let open = try Cases.run(EventText.parse((lines + [mark(10, 9)]).joined(separator: "\n"))).open
            return open.first?.quality.notes.map { String(decoding: $0, as: UTF8.self) } ?? []
        }
        #expect(try notes(start).contains { $0.contains("pid namespace") })
        #expect(try !notes(hidden).contains { $0.contains("pid namespace") || $0.contains("locked down") })
        let hook =
            "0.6 hook name=signal mode=absent errno=1 refused=\"raw_tp/signal_generate, lockdown=confidentiality\""
        #expect(try notes(hidden, hook).contains { $0.contains("locked down") })
    }

    @Test func `ordinary signals of a service manager are no kill, SIGKILL is`() throws {
        #expect(try open(signal(9, 15, from: "systemd", 1, to: 9)).isEmpty)
        let incident = try #require(
            try open(signal(9, 15, from: "systemd", 1, to: 9), signal(20, 9, from: "systemd", 1, to: 9)).first)
        #expect(incident.kills.first?.cause.killer == .serviceManager)
        #expect(incident.kills.first?.outcome.signals.map(\.signal) == [15, 9])
    }

    @Test func `what is left of a unit that stopped as asked is cleared away, and that is no kill`() throws {
        let login = "target.cgroup=/user.slice/user-7.slice/user@7.service/init.scope"
        let asked = signal(9, 15, from: "systemd", 1, to: 9).replacing("target.cgroup=/jobs", with: login)
        let ended = "9.1 exit task.tgid=9 exit_code=0"
        let cleared = signal(9.2, 9, from: "systemd", 1, to: 10).replacing("target.cgroup=/jobs", with: login)
        #expect(try open(asked, ended, cleared).isEmpty)
        #expect(try open(asked, cleared).count == 1, "the one that was asked still runs")
        #expect(try open(ended, cleared).count == 1, "nobody was asked")
        let later = cleared.replacing("9.200", with: "14.200")
        #expect(try open(asked, ended, later).count == 1, "long after")
        let alsoAsked = signal(9, 15, from: "systemd", 1, to: 10).replacing("target.cgroup=/jobs", with: login)
        #expect(try open(asked, alsoAsked, ended, cleared).count == 1, "it was asked itself, and did not end")
        #expect(try open(asked, ended, signal(9.2, 9, from: "systemd", 1, to: 10)).count == 1, "another unit")
    }

    @Test func `cgroup.kill inside a running incident is told by its missing siginfo`() throws {
        let line = signal(11, 9, from: "systemctl", 500, to: 12, "").replacing(
            "group=true", with: "group=false origin=no_info")
        let kill = try #require(try open(mark(10, 9), line).first?.kills.last)
        #expect(kill.cause.killer == .cgroupKill)
        #expect(kill.sender?.comm == Comm("systemctl"))
    }

    @Test(arguments: [
        ("earlyoom", "/usr/bin/earlyoom", "", Killer.earlyoom, Confidence.high),
        ("earlyoom", "", "", .earlyoom, .low),
        ("other", "/usr/bin/earlyoom", "", .earlyoom, .medium),
        ("nohang", "/usr/bin/python3.11", "", .nohang, .medium),
        ("nohang", "/usr/bin/python3.11", "0.6 backstop kind=nohang running=true pid=420", .nohang, .high),
        ("systemd-oomd", "/usr/lib/systemd/systemd-oomd", "", .systemdOomd, .high),
        ("oomd", "/usr/bin/oomd_bin", "", .oomd, .high),
    ])
    func `a backstop is known by its name and its executable`(
        _ comm: String, _ exe: String, _ more: String, _ killer: Killer, _ confidence: Confidence
    ) throws {
        let sent = signal(9, 9, from: comm, 420, to: 9, exe.isEmpty ? "" : "sender_exe=\(exe)")
        let cause = try #require(try open(more, sent).first?.kills.first?.cause)
        #expect(cause.killer == killer)
        #expect(cause.confidence == confidence)
        #expect(!cause.evidence.isEmpty)
    }

    @Test func `a container runtime's SIGKILL inside a running incident is a kill of that incident`() throws {
        let stop = signal(11, 9, from: "containerd-shim", 600, to: 12, "sender_exe=/usr/bin/containerd-shim-runc-v2")
        let incidents = try open(mark(10, 9), stop)
        #expect(incidents.count == 1)
        #expect(incidents.first?.incidentClass == .userspaceKill)
        #expect(incidents.first?.classes.map(\.to) == [.containedKill, .userspaceKill])
        #expect(incidents.first?.kills.last?.cause.killer == .containerRuntime)
        #expect(incidents.first?.kills.last?.cause.confidence == .high)
    }

    @Test(arguments: ["sender.session=5 target.task.session=5", "target.task.ppid=600"])
    func `a shell that ends its own is no kill, even inside a running incident`(_ relation: String) throws {
        let incident = try #require(try open(mark(10, 9), signal(11, 9, from: "bash", 600, to: 12, relation)).first)
        #expect(incident.kills.count == 1)
        #expect(incident.timeline.last?.kind == .signal)
    }

    private let globalOom = "10 oom_kill entry=global victim.task.pid=9 victim.task.tgid=9 victim.task.comm=hog"
    private let pressed =
        "10.5..11.5/0.5 pressure memory_some_us=0..400000 memory_full_us=0..400000 io_some_us=0 io_full_us=0"

    @Test func `once the host is calm an ordinary kill is not its incident's`() throws {
        // An administrator's, from a session of his own: only while somebody is under pressure.
        let kill = signal(12, 9, from: "bash", 600, to: 12, "sender.session=600 target.task.session=70")
        #expect(try open(globalOom, kill).first?.kills.count == 1)
        #expect(try open(globalOom, pressed, kill).first?.kills.count == 2)
        // A backstop's always.
        let backstop = signal(12, 9, from: "earlyoom", 420, to: 12, "sender_exe=/usr/bin/earlyoom")
        #expect(try open(globalOom, backstop).first?.kills.count == 2)
    }

    @Test func `what one shell runs may end what else it runs, even without sessions`() throws {
        let sibling = signal(12, 9, from: "sh", 600, to: 12, "sender.ppid=100 target.task.ppid=100")
        #expect(try open(globalOom, pressed, sibling).first?.kills.count == 1)
        // Process 1 adopts what has no parent left: that makes nobody relatives.
        let adopted = signal(12, 9, from: "sh", 600, to: 12, "sender.ppid=1 target.task.ppid=1")
        #expect(try open(globalOom, pressed, adopted).first?.kills.count == 2)
    }

    @Test func `an exit says when, how, and what it freed`() throws {
        let incident = try #require(try open(mark(10, 9), "10.25 exit task.tgid=9 exit_code=9 rss_pages=100").first)
        let outcome = try #require(incident.kills.first?.outcome)
        #expect(outcome.exitTime == Moment(boottimeNs: 10_250_000_000))
        #expect(outcome.exitCode == 9)
        #expect(outcome.killToExitNs == 250_000_000)
        #expect(outcome.freedBytes == 409_600)
    }

    @Test func `what was not heard is unknown, never zero`() throws {
        let kill = try #require(try open(mark(10, 9)).first?.kills.first)
        #expect(kill.outcome.freedBytes.isUnknown && kill.outcome.exitTime.isUnknown && kill.outcome.exitCode == nil)
        #expect(kill.cause.limitPages.isUnknown && kill.cause.order == nil && kill.cause.chosenPoints == nil)
        #expect(kill.host.memory.availableBytes.isUnknown && kill.host.sampleAgeNs.isUnknown)
        #expect(kill.quality.partialFields.contains(Bytes("victim.anon_rss_bytes".utf8)))
    }

    @Test func `names stay the bytes they are`() throws {
        let hostile = "\"/a/\\e[31m x\\ny\""
        let incident = try #require(try open(mark(10, 9, path: hostile)).first)
        #expect(incident.kills.first?.victim.cgroup == Bytes("/a/\u{1b}[31m x\ny".utf8))
        #expect(incident.scope.cgroup == Bytes("/a/\u{1b}[31m x\ny".utf8))
    }

    @Test func `cgroups of another hierarchy share no names`() throws {
        let incident = try #require(
            try open(
                "1 cgroup id=8 hierarchy=3 action=seen path=/memory",
                "1 cgroup id=8 hierarchy=5 action=seen path=/pids", mark(10, 9, cgroup: 8)
            ).first)
        #expect(incident.scope.cgroup == Bytes("/memory".utf8))
    }

    @Test func `a removed cgroup keeps its name for its kill`() throws {
        let incident = try #require(
            try open(
                "1 cgroup id=7 hierarchy=3 action=created path=/jobs",
                "9 cgroup id=7 hierarchy=3 action=removed path=/jobs",
                mark(10, 9, path: "/jobs", extra: "ancestors.0.oom_events=1")
            ).first)
        #expect(incident.kills.first?.cause.oomMemcg == Bytes("/jobs".utf8))
    }

    @Test func `a flood of kills is counted, and only so many are kept`() throws {
        let lines = (0..<500).map { mark(10 + Double($0) / 100, 1000 + $0) }
        let incident = try #require(
            try Cases.run(EventText.parse(([start] + lines).joined(separator: "\n"))).open.first)
        #expect(incident.kills.count == 64)
        #expect(incident.timeline.count <= 512)
        #expect(incident.quality.notes.contains(Bytes("436 further kills beyond the first 64".utf8)))
        #expect(incident.timeline.first?.at == Moment(boottimeNs: 10_000_000_000))
        #expect(incident.timeline.last?.at == Moment(boottimeNs: 14_990_000_000))
    }

    @Test func `a crowded timeline keeps its kills, its beginning and its end`() throws {
        let lines = (0..<2000).map {
            "\(seconds(11 + Double($0) / 1000)) census processes=\($0) blocked=1"
        }
        let text = ([start, mark(10, 9)] + lines + [mark(14, 10)]).joined(separator: "\n")
        let incident = try #require(try Cases.run(EventText.parse(text)).open.first)
        #expect(incident.timeline.count == 512)
        #expect(incident.timeline.filter { $0.kind == .kill }.count == 2)
        #expect(incident.timeline[1].at == Moment(boottimeNs: 11_000_000_000))
        #expect(incident.quality.timelineOmitted == 2002 - 512)
    }

    @Test func `one incident a scope, and only so many at once`() throws {
        let lines = (0..<100).map { mark(10 + Double($0) / 1000, 2000 + $0, cgroup: 100 + $0, path: "/c\($0)") }
        let (findings, open, _) = Cases.run(try EventText.parse(([start] + lines).joined(separator: "\n")))
        #expect(open.count == 24)
        #expect(findings.filter { if case .opened = $0 { true } else { false } }.count == 100)
    }
}
