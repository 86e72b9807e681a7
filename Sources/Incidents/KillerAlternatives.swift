import Events

// Who else could have killed, and what speaks against each. What cannot be known is left out: silence rules nobody out.

extension BackstopKind {
    /// A program that may run, and kill.
    fileprivate var isProgram: Bool {
        switch self {
        case .earlyoom, .systemdOomd, .oomd, .nohang: true
        case .unknown, .caps: false
        }
    }
}

extension State {
    /// A kill by the kernel: its other reasons to kill, and the other cgroups that could have run out.
    func killerAlternatives(_ kill: OomKill, _ verdict: Verdict) -> [Alternative] {
        var others: [Alternative] = []
        let source = kill.traced ? "fentry/oom_kill_process" : "kernel stack at oom:mark_victim"
        let isKnown = kill.traced || kill.entry != .unknown
        if isKnown, verdict.killer != .sysrq {
            others.append(
                alternative(
                    Killer.sysrq.label, "nobody asked for it with sysrq-f",
                    [evidence(kill.traced ? "order \(kill.order), not -1" : "not called from moom_callback", source)]))
        }
        if isKnown, verdict.killer == .kernelMemcg {
            others.append(
                alternative(
                    Killer.kernelGlobal.label, "the OOM was that of a memory cgroup",
                    [evidence("constraint \(verdict.constraint.label)", source)]))
        }
        if isKnown, verdict.killer == .kernelGlobal {
            others.append(
                alternative(
                    Killer.kernelMemcg.label, "the OOM was that of no memory cgroup",
                    [evidence("constraint \(verdict.constraint.label)", source)]))
        }
        // Nobody in user space marks a victim of the OOM killer; only the other cgroups remain.
        for memcg in kill.ancestors where memcg.id != verdict.oomCgroup {
            let path = path(of: memcg.id, in: kill)
            guard !path.isEmpty, let used = bytes(memcg.usagePages).value else { continue }
            let limit = bytes(memcg.maxPages)
            if limit.isUnlimited {
                others.append(
                    alternative(
                        "\(cgroup: path)", "it has no limit",
                        [evidence("memory.current", Figure(used), "bytes", "memory cgroups at oom:mark_victim")]))
            } else if !limit.isUnknown, !isAtLimit(memcg) {
                others.append(
                    alternative(
                        "\(cgroup: path)", "it was below its limit",
                        [
                            evidence(
                                "memory.current", Figure(used), "bytes", threshold: limit,
                                "memory cgroups at oom:mark_victim")
                        ]))
            }
        }
        return Array(others.prefix(Bounds.alternatives))
    }

    /// A fatal signal from user space: the kernel, and the userspace killers that are known here.
    func killerAlternatives(_ signal: Signal, _ verdict: Verdict) -> [Alternative] {
        let hook = "signal:signal_generate"
        var others = [
            alternative(
                "kernel", "the signal came from user space, and no OOM marked the victim",
                [evidence("si_code \(signal.siCode)", hook)])
        ]
        for backstop in backstops where backstop.kind.isProgram && backstop.kind.label != verdict.killer.label {
            if !backstop.running {
                others.append(
                    alternative(backstop.kind.label, "it was not running", [evidence("no such process", "/proc")]))
            } else if backstop.pid != signal.sender.tgid, backstop.pid != 0, signal.sender.tgid != 0 {
                others.append(
                    alternative(
                        backstop.kind.label, "the sender was another process",
                        [
                            evidence(
                                "process id of the sender", Figure(UInt64(signal.sender.tgid)), "",
                                threshold: Figure(UInt64(backstop.pid)), hook)
                        ]))
            }
        }
        if verdict.killer != .serviceManager, signal.sender.tgid > 1 {
            others.append(
                alternative(
                    Killer.serviceManager.label, "the sender was not process 1",
                    [evidence("process id of the sender", Figure(UInt64(signal.sender.tgid)), "", hook)]))
        }
        return Array(others.prefix(Bounds.alternatives))
    }
}
