import Events
import Incidents

// Incidents made up for the tests, one of each kind that renderers must get right. Figures are invented.

enum Samples {
    static let all: [(name: String, incident: Incident)] = [
        ("contained-kill", containedKill()), ("swap-thrash-reset", swapThrash()), ("open", openThrottle()),
        ("hostile-names", hostile()), ("unknown-everything", Incident()), ("unknown-parts", unknownParts()),
        ("userspace-kill", earlyoomKill()),
    ]

    /// A cgroup of 64 MiB ran full; the kernel killed in it.
    static func containedKill() -> Incident {
        var incident = base(seq: 412, .containedKill, .calm)
        incident.scope.kind = .cgroup
        incident.scope.cgroup = b("/user.slice/user-1001.slice/build.scope")
        incident.scope.cgroupID = 8123
        incident.ended = ending(at(6212), .recovered)
        incident.summary = b(
            "cc1plus[9120] of alice reached the 64 MiB limit of user-1001.slice/build.scope and was killed by the kernel"
                + " within 21 ms. Nobody else was affected; swap stayed flat.")
        incident.chain = [
            link(
                .growth, at(0), "user-1001.slice/build.scope 3.1 -> 64 MiB in 1.1 s", .high,
                [evidence("memory", 67_108_864, "bytes", from: "memory.current")]),
            link(
                .kill, at(1180), "cc1plus[9120] by the kernel (memory limit)", .high,
                [evidence("oom_kill", 1, "kills", from: "oom:mark_victim")]),
            link(.recovery, at(1201), "cc1plus[9120] is gone, 61.2 MiB freed", .medium),
        ]
        incident.suspects = [
            suspect("/user.slice/user-1001.slice/build.scope", grew: 63_858_278, swapped: 0),
            suspect("/user.slice/user-1001.slice/build.scope", 9120, "cc1plus", grew: 62_914_560),
        ]
        incident.suspects[1].user = b("alice")
        incident.kills = [memcgKill()]
        incident.backstops = [finding("earlyoom", "not running", [evidence("process", from: "/proc/*/comm")])]
        incident.phases = [phase(at(0), .calm)]
        incident.timeline = [
            entry(at(1180), 412, .kill, "KILL cc1plus[9120] in user-1001.slice/build.scope", "oom:mark_victim"),
            entry(at(1181), 413, .reap, "reaper started on 9120", "oom:start_task_reaping"),
            entry(at(1201), 414, .exit, "cc1plus[9120] exited (SIGKILL)", "sched:sched_process_exit"),
        ]
        incident.series = [point(at(0), full: 0), point(at(1000), full: 0.0041), point(at(2000), full: .nan)]
        return incident
    }

    /// The host thrashed on its swap device until somebody pressed reset.
    static func swapThrash() -> Incident {
        var incident = base(seq: 48213, .swapThrash, .critical)
        var ended = ending(at(456_400), .uncleanReset)
        ended.gapNs = Figure(163 * second)
        ended.nextStartRealtimeNs = Figure(1_772_600_767_250_000_000 + 619 * second)
        ended.nextBootRealtimeNs = Figure(1_772_600_767_250_000_000 + 598 * second)
        incident.ended = ended
        incident.summary = b(
            "user-1002.slice grew by 11.2 GiB in 94 s. It had no memory cap and could use all swap. Its swapping filled the"
                + " disk (58 of 60 MiB/s, 91 % swap) and every other read waited behind it. Nothing was killed.")
        incident.chain = [
            link(
                .growth, at(0), "user-1002.slice 0.8 -> 12.0 GiB; scan[4711] +9.8 GiB", .high,
                [evidence("memory and swap", 12_884_901_888, "bytes", from: "memory.current, memory.swap.current")]),
            link(
                .swapOut, at(50_700), "48 MiB/s; swap 0.1 -> 7.9 GiB by 07:10:20", .high,
                [evidence("swap-out", 12_288, "pages/s", from: "/proc/vmstat pswpout")]),
            link(
                .saturation, at(54_300), "vda 58 of 60 MiB/s (learned), reads p99 14 ms -> 2.1 s", .medium,
                [
                    evidence("swap share of bytes", 91, "percent", over: 50, from: "block:block_rq_complete"),
                    evidence("read latency p99", 2_100_000_000, "ns", from: "block:block_rq_complete"),
                ]),
            link(
                .stalls, at(52_000), "D state 4 -> 212 tasks, load 9 -> 61, memory full 72 %", .high, outOfOrder: true,
                [evidence("memory full", 72, "percent", over: 20, from: "/proc/pressure/memory")]),
            link(.reset, at(456_400), "last record; 0 events lost, longest gap 0.3 s", .high),
        ]
        incident.backstops = [
            finding(
                "kernel", "reclaim still progressed (11,204 refaults/s, swap not full until 07:10:20)",
                [evidence("refaults", 11_204, "pages/s", from: "/proc/vmstat workingset_refault_anon")]),
            finding("earlyoom", "not running"), finding("systemd-oomd", "not running"),
            finding(
                "caps",
                "user-1002.slice: memory.max=max, swap.max=max; caps set elsewhere add up to 48 GiB of 16 GiB",
                [evidence("sum of caps", 51_539_607_552, "bytes", over: 17_179_869_184, from: "memory.max")],
                rule: .caps, consequence: "it could take all memory, and swap",
                setting: "memory.max of /user.slice/user-1002.slice"),
        ]
        incident.alternatives = [
            alternative(
                "device_stall", "every device completed requests all along",
                [
                    evidence(
                        "time without a completion, at most", 1_200_000_000, "ns", over: 5_000_000_000,
                        from: "/sys/block/*/inflight, stat")
                ]),
            alternative("io_storm", "memory was not calm: the phase reached critical"),
        ]
        incident.suspects = [
            suspect("/user.slice/user-1002.slice", grew: 12_025_908_428, swapped: 14_066_017_894),
            suspect("/user.slice/user-1002.slice", 4711, "scan", grew: 10_522_669_875),
            suspect(
                "/system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope",
                grew: 31_457_280, swapped: 0, throttled: Figure(4 * second), .low),
        ]
        incident.bystanders = [
            bystander("/user.slice/user-1001.slice", Figure(310 * second), "PSI io full"),
            bystander("/system.slice/ssh.service", Figure(182 * second), "PSI io full"),
        ]
        incident.classes = [classChange(at(0), .fileThrash), classChange(at(54_300), .swapThrash)]
        incident.phases = [
            phase(at(0), .watch), phase(at(9000), .pressure), phase(at(52_000), .thrash), phase(at(92_000), .critical),
        ]
        incident.timeline = incident.phases.enumerated().map { index, change in
            entry(change.at, 48213 + UInt64(index) * 100, .phase, "host: \(change.to.label)", "/proc/pressure/memory")
        }
        for index in 0..<60 as Range<UInt64> {
            incident.timeline.append(
                entry(
                    at(100_000 + index * 5000), 50_000 + index, .slowIO, "vda read 4 KiB took \(index + 1) s",
                    "block:block_rq_complete"))
        }
        incident.timeline.append(entry(at(456_400), 60_001, .recorder, "last record of this boot", "recording"))
        incident.series = (0..<6).map { point(at($0 * 80_000), full: Double($0) * 0.144) }
        return incident
    }

    /// A cgroup crawls at memory.high; nobody has ended it yet.
    static func openThrottle() -> Incident {
        var incident = base(seq: 77, .throttleLivelock, .critical)
        incident.scope.kind = .cgroup
        incident.scope.cgroup = b("/system.slice/web.service")
        incident.ended = nil
        incident.summary = b("web.service stalls at memory.high (12 GiB) for 99 % of the time and makes no progress.")
        incident.chain = [
            link(
                .throttle, at(0), "web.service at memory.high", .high,
                [evidence("memory full", 99, "percent", over: 50, from: "memory.pressure")])
        ]
        incident.suspects = [
            suspect("/system.slice/web.service", grew: 0, swapped: 0, throttled: Figure(5521 * second))
        ]
        incident.backstops = [
            finding("systemd-oomd", "armed, but inert: swap is off for the cgroup, so nothing is reclaimed (pgscan 0)")
        ]
        incident.timeline = [
            entry(at(0), 77, .phase, "web.service: critical", "memory.pressure"),
            entry(at(93_000_000), 99, .gap, "the sampler ran 2.1 s late", "recorder"),
        ]
        incident.quality.lostEvents = 12
        incident.quality.hooks[3] = hook("memory_high", .plain, "tp_btf/sched_switch", errno: 1, refused: "fentry")
        return incident
    }

    /// earlyoom asked first and killed then.
    static func earlyoomKill() -> Incident {
        var incident = base(seq: 900, .userspaceKill, .pressure)
        incident.ended = ending(at(9000), .recovered)
        incident.summary = b("earlyoom ended browser[3001] when 4 % of the memory was left.")
        var kill = memcgKill()
        kill.seq = 901
        kill.cause = KillCause()
        kill.cause.killer = .earlyoom
        kill.cause.confidence = .high
        kill.cause.evidence = [evidence("sender is the known process", from: "signal:signal_generate")]
        kill.trigger = nil
        kill.cgroup = []
        kill.victim.comm = Comm("browser")
        kill.victim.pid = 3001
        kill.victim.tgid = 3001
        kill.victim.cmdlineTruncated = true
        var sender = Sender()
        sender.pid = 640
        sender.tgid = 640
        sender.comm = Comm("earlyoom")
        sender.exe = b("/usr/bin/earlyoom")
        sender.uid = 0
        sender.cgroup = b("/system.slice/earlyoom.service")
        sender.unit = b("earlyoom.service")
        sender.signal = 9
        kill.sender = sender
        kill.outcome.signals = [step(at(1000), 15), step(at(6000), 9)]
        kill.outcome.exitCode = 9
        kill.quality.source = b("signal:signal_generate")
        incident.kills = [kill]
        return incident
    }

    /// Every name is an attack; every renderer must come out harmless.
    static func hostile() -> Incident {
        let path =
            b("/user.slice/user-1003.slice/\u{202e}gpj.exe\u{1b}]0;owned\u{7}|x|/") + [0xff, 0xc3] + b("\r\n## Fake")
        let comm = Comm(b("a\u{1b}[2J\n`*_<b>|") + [0x9b])
        var incident = containedKill()
        incident.id = Incident.identity(boot: sampleHost().bootID, openingSeq: 666)
        incident.openingSeq = 666
        incident.host.name = b("<script>alert(1)</script>\u{1b}[31m")
        incident.host.kernel = b("6.1\n.0")
        incident.host.inquestVersion = b("0.1`0")
        incident.scope.cgroup = path
        incident.summary =
            b("# not a heading\n- [click](http://evil.example) www.evil.example @everyone \\x41 \u{202e}") + path
        incident.chain[0].text = b("grew | a | b ~~x~~ ![i](x) ") + path
        incident.chain[0].evidence[0].name = b("1. | \u{1b}c")
        incident.chain[0].evidence[0].unit = b("\u{9b}5m")
        incident.chain[0].evidence[0].source = path
        incident.alternatives = [Alternative()]
        incident.alternatives[0].name = path
        incident.alternatives[0].text = path
        incident.suspects = [suspect("", grew: 1), suspect("", 5, "", grew: 2)]
        for index in incident.suspects.indices {
            incident.suspects[index].cgroup = path
            incident.suspects[index].comm = comm
            incident.suspects[index].user = b("root\u{8}\u{8}|")
        }
        incident.bystanders = [bystander("/日本語/\u{200b}x", 1, "\u{2066}source")]
        incident.backstops = [finding("- caps\u{1b}", "| --- |\n| `rm -rf` | <img src=x>")]
        incident.kills[0].incidentID = incident.id
        incident.kills[0].victim.comm = comm
        incident.kills[0].victim.cgroup = path
        incident.kills[0].victim.user = b("m\u{1b}[1mallory")
        incident.kills[0].victim.cmdline = b("--evil=\"\u{7f}\\\" ") + [0x80, 0xfe]
        incident.kills[0].cause.oomMemcg = path
        incident.kills[0].trigger?.comm = comm
        incident.kills[0].trigger?.cgroup = path
        incident.kills[0].cgroup[0].cgroup = path
        incident.kills[0].quality.source = b("\u{1b}[0m")
        incident.kills[0].quality.partialFields = [b("\u{85}trigger")]
        incident.timeline[0].text = b("KILL ") + comm.bytes + b(" in ") + path
        incident.timeline[1].source = path
        incident.quality.hooks[0].name = b("oom\u{1b}kill")
        incident.quality.hooks[3].refused = b("fentry/`x`\n")
        incident.quality.noteSentences = [Sentence(opaque: b("<!-- \u{1b}[8m hidden -->"))]
        return incident
    }

    /// Everything is there, and of nothing is anything known.
    static func unknownParts() -> Incident {
        var incident = Incident()
        incident.ended = Ending()
        incident.classes = [ClassChange()]
        incident.phases = [PhaseChange()]
        incident.chain = [Link()]
        incident.chain[0].evidence = [Evidence()]
        incident.suspects = [Suspect()]
        incident.bystanders = [Bystander()]
        incident.kills = [Kill()]
        incident.kills[0].sender = Sender()
        incident.kills[0].cgroup = [CgroupAtKill()]
        incident.backstops = [BackstopFinding()]
        incident.timeline = [TimelineEntry()]
        incident.series = [SeriesPoint()]
        incident.quality.hooks = [HookState()]
        return incident
    }

    // MARK: Parts

    static func base(seq: UInt64, _ incidentClass: IncidentClass, _ severity: Phase) -> Incident {
        var incident = Incident()
        incident.host = sampleHost()
        incident.id = Incident.identity(boot: incident.host.bootID, openingSeq: seq)
        incident.openingSeq = seq
        incident.incidentClass = incidentClass
        incident.severity = severity
        incident.started = at(0)
        incident.clock = sampleClock()
        incident.quality = sampleQuality()
        return incident
    }

    static func ending(_ at: Moment, _ by: EndedBy) -> Ending {
        var ending = Ending()
        ending.at = at
        ending.by = by
        return ending
    }

    static func phase(_ at: Moment, _ to: Phase) -> PhaseChange {
        var change = PhaseChange()
        change.at = at
        change.to = to
        return change
    }

    static func classChange(_ at: Moment, _ to: IncidentClass) -> ClassChange {
        var change = ClassChange()
        change.at = at
        change.to = to
        return change
    }

    static func step(_ at: Moment, _ signal: Int32) -> SignalStep {
        var step = SignalStep()
        step.at = at
        step.signal = signal
        return step
    }

    static func point(_ at: Moment, full: Double) -> SeriesPoint {
        var point = SeriesPoint()
        point.at = at
        point.availableBytes = 9_000_000_000
        point.memoryFull = Ratio(full)
        return point
    }

    static func memcgKill() -> Kill {
        var kill = Kill()
        kill.seq = 412
        kill.bootID = sampleHost().bootID
        kill.incidentID = Incident.identity(boot: kill.bootID, openingSeq: 412)
        kill.at = at(1180)
        kill.cause.killer = .kernelMemcg
        kill.cause.confidence = .high
        kill.cause.evidence = [evidence("oom_kill_process ran for a memory cgroup", from: "fentry/oom_kill_process")]
        kill.cause.alternatives = [
            alternative(
                "sysrq", "nobody asked for it with sysrq-f",
                [evidence("order 0, not -1", from: "fentry/oom_kill_process")])
        ]
        kill.cause.constraint = .memcg
        kill.cause.gfpMask = 0xcc0
        kill.cause.order = 0
        kill.cause.oomMemcg = b("/user.slice/user-1001.slice/build.scope")
        kill.cause.limitPages = 16384
        kill.cause.chosenPoints = 15_680
        var trigger = Trigger()
        trigger.pid = 9118
        trigger.tgid = 9118
        trigger.comm = Comm("make")
        trigger.uid = 1001
        trigger.cgroup = b("/user.slice/user-1001.slice/build.scope")
        kill.trigger = trigger
        kill.victim.pid = 9120
        kill.victim.tgid = 9120
        kill.victim.ppid = 9118
        kill.victim.comm = Comm("cc1plus")
        kill.victim.cmdline = b("cc1plus -quiet -O2 main.cc")
        kill.victim.uid = 1001
        kill.victim.user = b("alice")
        kill.victim.cgroup = b("/user.slice/user-1001.slice/build.scope")
        kill.victim.slice = b("user-1001.slice")
        kill.victim.unit = b("build.scope")
        kill.victim.startTime = at(20)
        kill.victim.totalVmBytes = 91_226_112
        kill.victim.anonRssBytes = 64_172_851
        kill.victim.fileRssBytes = 1_048_576
        kill.victim.shmemRssBytes = 0
        kill.victim.swapBytes = 0
        kill.victim.pgtablesBytes = 196_608
        kill.outcome.signals = [step(at(1180), 9)]
        kill.outcome.exitTime = at(1201)
        kill.outcome.exitCode = 9
        kill.outcome.killToExitNs = 21_000_000
        kill.outcome.freedBytes = 64_172_851
        var cgroup = CgroupAtKill()
        cgroup.cgroup = b("/user.slice/user-1001.slice/build.scope")
        cgroup.cgroupID = 8123
        cgroup.isOomMemcg = true
        cgroup.currentBytes = 67_108_864
        cgroup.peakBytes = 67_108_864
        cgroup.highBytes = .unlimited
        cgroup.maxBytes = 67_108_864
        cgroup.swapCurrentBytes = 0
        cgroup.swapMaxBytes = 0
        cgroup.eventsLocalMax = 31
        cgroup.eventsLocalOom = 1
        var parent = CgroupAtKill()
        parent.cgroup = b("/user.slice/user-1001.slice")
        parent.currentBytes = 912_680_550
        parent.maxBytes = .unlimited
        kill.cgroup = [cgroup, parent]
        kill.host.sampleAgeNs = 400_000_000
        kill.host.memory.availableBytes = 9_000_000_000
        var task = CensusTask()
        task.task.pid = 9120
        task.task.tgid = 9120
        task.task.comm = Comm("cc1plus")
        task.anonRssPages = 15_667
        kill.context.largest = [task]
        kill.quality.source = b("fentry/oom_kill_process")
        return kill
    }
}
