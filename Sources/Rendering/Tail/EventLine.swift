public import Events

/// `inquest tail`: one line for each event that is worth one.
///
///     07:06:08.430  KILL    cc1plus[9120] of alice (uid 1001) in build.scope by the kernel: ...
///
/// Samples, names and the recorder's housekeeping have none (`nil`); samples together make a `HostLine`.
public enum EventLine {
    /// - Parameters:
    ///   - event: of any kind.
    ///   - names: has already noted this event.
    ///   - options: colour and time zone.
    /// - Returns: one line with its line feed, as long as it needs to be.
    public static func render(_ event: Event, _ names: NameTable, _ options: TextOptions = TextOptions()) -> Bytes? {
        guard let (word, style, text) = content(event, names) else { return nil }
        let line =
            Style.time.paint(time(event.moment, names, options), colour: options.colour) + "  "
            + style.paint(padded(word, to: 8), colour: options.colour) + "  " + text + "\n"
        return Bytes(line.utf8)
    }

    package static func time(
        _ moment: Moment, _ names: NameTable, _ options: TextOptions, decimals: Int = 3
    ) -> String {
        let offset = options.utcOffsetSeconds ?? names.clock.utcOffsetSeconds
        return LocalClock(snapshot: names.clock, utcOffsetSeconds: offset, origin: moment).short(
            moment, decimals: decimals)
    }

    package static func content(_ event: Event, _ names: NameTable) -> (String, Style, String)? {
        switch event.payload {
        case .oomKill(let kill): ("KILL", .alarm, text(kill, names))
        case .kernelLogKill(let kill): ("KILL", .alarm, text(kill, names))
        case .signal(let signal): ("SIGNAL", .warning, text(signal, names))
        case .exit(let exit): ("EXIT", .plain, text(exit, at: event.boottimeNs, names))
        case .reap(let reap): reap.step == .skip ? ("REAP", .warning, "the reaper gave up on \(reap.pid)") : nil
        case .stall(let stall): ("STALL", .plain, text(stall, names))
        case .slowIO(let io): ("SLOW IO", .plain, text(io, names))
        case .lost(let lost):
            (
                "LOST", .warning,
                Units.count(lost.count) + (lost.count == 1 ? " event: " : " events: ") + lost.source.label
            )
        case .census(let census):
            (
                "CENSUS", .plain,
                Units.count(census.processes) + " processes, " + Units.count(census.blocked) + " tasks in D state"
            )
        case .samplerGap(let gap):
            (
                "GAP", .warning,
                "samples " + Units.duration(gap.actualNs) + " apart instead of " + Units.duration(gap.expectedNs)
            )
        case .recorderStart(let start):
            (
                "START", .good,
                "inquest " + NameWords.name(start.version) + " on " + NameWords.name(start.hostname) + ", linux "
                    + NameWords.name(start.kernel)
            )
        case .recorderStop(let stop): ("STOP", .warning, "the recorder stops: " + stop.reason.label)
        case .hook(let hook): hook.mode == .absent ? ("HOOK", .warning, text(hook)) : nil
        case .backstop(let backstop):
            backstop.running
                ? ("BACKSTOP", .plain, backstop.kind.label + " runs" + (backstop.pid == 0 ? "" : " as \(backstop.pid)"))
                : nil
        case .incident(let record):
            (
                "INCIDENT", record.state == .opened ? .alarm : .good,
                record.bootID.short + "-\(record.openingSeq) " + record.state.label
            )
        case .cgroup, .ioInterval, .cgroupIO, .cgroupStall, .censusTask, .censusCgroup, .pressure, .memory, .vmstat,
            .load, .device,
            .cgroupSample, .clock, .deviceName, .userName, .containerName, .snapshot:
            nil
        }
    }

    private static func text(_ kill: OomKill, _ names: NameTable) -> String {
        let victim = kill.victim
        var text = process(victim, names) + " by the kernel: "
        switch (kill.constraint, kill.entry) {
        case (.memcg, _), (_, .memcg):
            let limit = kill.limitPages.scaled(by: names.pageSize)
            text += "the memory limit of " + (kill.oomCgroup.value.map(names.cgroup) ?? "an unknown cgroup")
            if limit.value != nil { text += " (" + Units.bytes(limit) + ")" }
        case (_, .sysrq): text += "sysrq-f"
        case (.cpuset, _): text += "the memory nodes of its cpuset were full"
        case (.memoryPolicy, _): text += "the memory nodes of its memory policy were full"
        case (.none, _), (_, .global):
            text += kill.traced && kill.order == -1 ? "sysrq-f" : "the host was out of memory"
        case (.unknown, .unknown): text += "why is unknown"
        }
        text += "; " + Units.bytes(victim.anonRssPages.scaled(by: names.pageSize)) + " anonymous, swap "
        text += Units.bytes(victim.swapPages.scaled(by: names.pageSize))
        if kill.trigger.tgid == victim.task.tgid { return text + "; its own allocation" }
        return text + (kill.trigger.tgid == 0 ? "" : "; trigger " + names.process(kill.trigger))
    }

    private static func text(_ kill: KernelLogKill, _ names: NameTable) -> String {
        NameWords.process(kill.comm, kill.pid) + " of " + names.user(kill.uid) + " in "
            + NameWords.cgroup(kill.cgroupPath)
            + " by the kernel, says its log; " + Units.bytes(kill.anonRssBytes) + " anonymous"
    }

    private static func text(_ signal: Signal, _ names: NameTable) -> String {
        var text = NameWords.signal(Int64(signal.signal)) + " to " + process(signal.target, names)
        switch signal.origin {
        case .user, .noInfo:
            text += " from " + names.process(signal.sender) + " of " + names.user(signal.sender.uid)
            if signal.origin == .noInfo && !signal.group { text += " (cgroup.kill or the like)" }
        case .kernel: text += " from the kernel"
        }
        switch signal.result {
        case 0: return text
        case 1: return text + "; ignored"
        case 2: return text + "; already pending"
        default: return text + "; lost"
        }
    }

    private static func text(_ exit: Exit, at boottimeNs: UInt64, _ names: NameTable) -> String {
        var text = names.process(exit.task) + " ended " + NameWords.exit(Int64(exit.exitCode))
        if exit.markedBoottimeNs != 0 && exit.markedBoottimeNs <= boottimeNs {
            text += ", " + Units.duration(boottimeNs - exit.markedBoottimeNs) + " after it was told to"
        }
        return text
    }

    private static func text(_ stall: Stall, _ names: NameTable) -> String {
        let what =
            switch stall.mechanism {
            case .memoryHigh, .memoryHighSleep: "at memory.high"
            case .directReclaim: "in direct reclaim"
            case .memcgReclaim: "in its cgroup's reclaim"
            case .unknown: "in memory"
            }
        return names.process(stall.task) + " in " + names.cgroup(stall.task.cgroup) + " stalled "
            + Units.duration(stall.durationNs) + " " + what
    }

    private static func text(_ io: SlowIO, _ names: NameTable) -> String {
        var text = names.device(io.device) + " " + io.operation.label + " of " + Units.bytes(io.bytes)
        if io.swap { text += " (swap)" }
        text += " took " + Units.duration(io.deviceNs)
        if let queued = io.queueNs.value, queued > 0 { text += " after " + Units.duration(queued) + " in the queue" }
        return text + (io.failed ? "; failed" : "")
    }

    private static func text(_ hook: HookState) -> String {
        var text = NameWords.name(hook.name) + " cannot be heard"
        if hook.errno != 0 {
            let refused = hook.refused.isEmpty ? "the kernel" : Escaping.terminal(hook.refused)
            text += ": " + refused + " refused, errno \(hook.errno)"
        }
        return text
    }

    private static func process(_ victim: Victim, _ names: NameTable) -> String {
        let cgroup = victim.cgroupPath.isEmpty ? names.cgroup(victim.task.cgroup) : NameWords.cgroup(victim.cgroupPath)
        return names.process(victim.task) + " of " + names.user(victim.task.uid) + " in " + cgroup
    }
}
