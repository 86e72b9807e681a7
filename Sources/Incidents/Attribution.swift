import Events

/// Who killed, how sure, and why.
struct Verdict {
    var killer = Killer.unknown
    var confidence = Confidence.unknown
    var evidence: [Evidence] = []
    var constraint = Constraint.unknown
    /// The memory cgroup that ran out; `nil` unknown, or none for a global OOM.
    var oomCgroup: UInt64?
}

func evidence(
    _ name: Phrase, _ value: Figure = .unknown, _ unit: String = "", threshold: Figure = .unknown, _ source: String
) -> Evidence {
    var result = Evidence()
    result.nameSentence = name.sentence
    result.value = value
    result.unit = Bytes(unit.utf8)
    result.threshold = threshold
    result.source = Bytes(source.utf8)
    return result
}

/// A statement without a figure.
func evidence(_ statement: Phrase, _ source: String) -> Evidence { evidence(statement, .unknown, "", source) }

extension State {
    /// Who ran out of memory: the traced facts, else the call stack, else the counters of the victim's ancestors.
    func attribute(_ kill: OomKill) -> Verdict {
        var verdict = Verdict()
        verdict.constraint = kill.constraint
        if kill.traced {
            let source = "fentry/oom_kill_process"
            verdict.confidence = .high
            if kill.order == -1 {
                verdict.killer = .sysrq
                verdict.evidence = [evidence("order -1: sysrq-f", source)]
            } else if let id = kill.oomCgroup.value, id != 0 {
                verdict.killer = .kernelMemcg
                verdict.oomCgroup = id
                verdict.evidence = [evidence("oom_control.memcg is set", source)]
            } else if kill.oomCgroup.isUnknown, kill.constraint == .memcg {
                verdict.killer = .kernelMemcg
                verdict.evidence = [evidence("constraint \(kill.constraint.label)", source)]
                findMemcg(kill, &verdict)
            } else {
                verdict.killer = .kernelGlobal
                verdict.evidence = [evidence("oom_control.memcg is not set", source)]
            }
            return verdict
        }
        let source = "kernel stack at oom:mark_victim"
        switch kill.entry {
        case .memcg:
            verdict.killer = .kernelMemcg
            verdict.constraint = .memcg
            verdict.confidence = .high
            verdict.evidence = [evidence("called from mem_cgroup_out_of_memory", source)]
            if let id = kill.oomCgroup.value, id != 0 {
                verdict.oomCgroup = id
                verdict.evidence.append(
                    evidence(
                        "\(cgroup: path(of: id, in: kill)) holds the OOM lock, topmost of the victim's ancestors",
                        "memory cgroups at oom:mark_victim"))
            } else {
                findMemcg(kill, &verdict)
            }
        case .global:
            verdict.killer = .kernelGlobal
            verdict.confidence = .high
            verdict.evidence = [evidence("called from out_of_memory, outside any memory cgroup", source)]
        case .sysrq:
            verdict.killer = .sysrq
            verdict.confidence = .high
            verdict.evidence = [evidence("called from moom_callback: sysrq-f", source)]
        case .unknown:
            findMemcg(kill, &verdict)
            if verdict.oomCgroup != nil {
                verdict.killer = .kernelMemcg
                if verdict.constraint == .unknown { verdict.constraint = .memcg }
            } else {
                verdict.killer = .kernelGlobal
                verdict.confidence = .low
                verdict.evidence.append(
                    evidence("no ancestor of the victim is at its limit", "memory cgroups at oom:mark_victim"))
            }
        }
        return verdict
    }

    /// The ancestor whose own `oom` counter rose since it was last seen, else the one at its limit.
    private func findMemcg(_ kill: OomKill, _ verdict: inout Verdict) {
        var risen: [Int] = []
        var atLimit: [Int] = []
        for (index, memcg) in kill.ancestors.enumerated() {
            if let gained = rise(names[memcg.id]?.oomEvents ?? .unknown, memcg.oomEvents), gained > 0 {
                risen.append(index)
            }
            if isAtLimit(memcg) { atLimit.append(index) }
        }
        if risen.count > 1 { risen = risen.filter { atLimit.contains($0) } }
        if let index = risen.first {
            let memcg = kill.ancestors[index]
            verdict.oomCgroup = memcg.id
            let confidence: Confidence = risen.count == 1 ? .high : .medium
            if verdict.confidence == .unknown || confidence.rawValue < verdict.confidence.rawValue {
                verdict.confidence = confidence
            }
            verdict.evidence.append(
                evidence(
                    "oom events of \(cgroup: path(of: memcg.id, in: kill)) rose", memcg.oomEvents, "count",
                    threshold: names[memcg.id]?.oomEvents ?? .unknown, "memory.events.local oom at oom:mark_victim"))
        } else if let index = atLimit.first {
            let memcg = kill.ancestors[index]
            verdict.oomCgroup = memcg.id
            verdict.confidence = atLimit.count == 1 ? .medium : .low
            verdict.evidence.append(
                evidence(
                    "\(cgroup: path(of: memcg.id, in: kill)) had reached its limit", memcg.usagePages, "pages",
                    threshold: memcg.maxPages, "memory.current and memory.max at oom:mark_victim"))
        } else {
            verdict.confidence = verdict.confidence == .unknown ? .unknown : .medium
        }
    }

    func isAtLimit(_ memcg: MemcgState) -> Bool {
        func reached(_ usage: Figure, _ limit: Figure) -> Bool {
            guard let used = usage.value, let limit = limit.value, limit > 0 else { return false }
            return used &+ rules[.limitBatch] >= limit
        }
        if reached(memcg.usagePages, memcg.maxPages) { return true }
        // On a v1 hierarchy the second limit is of memory and swap together.
        return recorder.cgroupMode == .legacy && reached(memcg.swapUsagePages, memcg.swapMaxPages)
    }

    /// The path of one of the victim's ancestors: by name, else by its place above the victim.
    func path(of id: UInt64, in kill: OomKill) -> Bytes {
        let known = names.path(id)
        if !known.isEmpty { return known }
        guard !kill.victim.cgroupTruncated, let index = kill.ancestors.firstIndex(where: { $0.id == id }) else {
            return Bytes()
        }
        var path = kill.victim.cgroupPath
        for _ in 0..<index {
            guard let parent = parentPath(path) else { return Bytes() }
            path = parent
        }
        return path
    }

    /// Remembers what this kill said about the ancestors, for the next one.
    mutating func learnAncestors(_ kill: OomKill) {
        for memcg in kill.ancestors where memcg.id != 0 {
            let path = path(of: memcg.id, in: kill)
            names.update(memcg.id, at: nowNs) { name in
                if name.path.isEmpty { name.path = path }
                if !memcg.oomEvents.isUnknown { name.oomEvents = memcg.oomEvents }
            }
        }
    }

    /// Who sent a fatal signal: by name and executable together, so that a process cannot pass as another by its name alone.
    func attribute(_ signal: Signal) -> Verdict {
        var verdict = Verdict()
        let sender = signal.sender
        let comm = sender.comm.bytes
        let exe = baseName(signal.senderExe)
        let hook = "signal:signal_generate"

        func known(_ name: String, _ killer: Killer, _ kind: BackstopKind) -> Verdict? {
            let byComm = comm == Bytes(name.utf8)
            let byExe = exe == Bytes(name.utf8) || (killer == .oomd && exe == Bytes("oomd_bin".utf8))
            let byPid = backstops.contains {
                $0.kind == kind && $0.running && $0.pid == sender.tgid && sender.tgid != 0
            }
            // A script runs as its interpreter: its own name is then all there is.
            let interpreted = byComm && killer == .nohang && starts(exe[...], with: "python")
            guard byPid || byExe || interpreted || (byComm && exe.isEmpty) else { return nil }
            var result = Verdict()
            result.killer = killer
            result.confidence = byPid || (byComm && byExe) ? .high : byExe || interpreted ? .medium : .low
            if byComm { result.evidence.append(evidence("the sender's name is \(name)", hook)) }
            if byExe || interpreted {
                result.evidence.append(evidence("its executable is \(executable: signal.senderExe, of: sender)", hook))
            }
            if byPid {
                result.evidence.append(
                    evidence("its process id is the running \(name)'s", Figure(UInt64(sender.tgid)), "", "/proc"))
            }
            return result
        }

        if signal.origin != .kernel {
            if let found = known("earlyoom", .earlyoom, .earlyoom) ?? known("systemd-oomd", .systemdOomd, .systemdOomd)
                ?? known("oomd", .oomd, .oomd) ?? known("nohang", .nohang, .nohang)
            {
                return found
            }
            if sender.tgid == 1 || (exe == Bytes("systemd".utf8) && comm == Bytes("systemd".utf8)) {
                verdict.killer = .serviceManager
                verdict.confidence = exe == Bytes("systemd".utf8) || exe.isEmpty ? .high : .medium
                verdict.evidence = [
                    evidence(sender.tgid == 1 ? "the sender is process 1" : "the sender is a user's systemd", hook)
                ]
                return verdict
            }
            if let name = State.runtimes.first(where: {
                comm == Bytes($0.utf8.prefix(15)) || exe == Bytes($0.utf8) || starts(exe[...], with: $0 + "-")
            }) {
                let agree = starts(exe[...], with: name) && starts(comm[...], with: name)
                if exe.isEmpty || starts(exe[...], with: name) || starts(exe[...], with: "memfd:") {
                    verdict.killer = .containerRuntime
                    verdict.confidence = agree ? .high : .medium
                    verdict.evidence = [evidence("the sender is \(name)", hook)]
                    return verdict
                }
            }
        }
        switch signal.origin {
        case .noInfo where !signal.group && signal.signal == 9:
            verdict.killer = .cgroupKill
            verdict.confidence = .high
            verdict.evidence = [evidence("no siginfo, one SIGKILL for each process: cgroup.kill", hook)]
        case .user:
            verdict.killer = .user
            verdict.confidence = .high
            verdict.evidence = [evidence("kill(2) by \(comm: sender) of \(user: sender.ownerUID)", hook)]
            if !exe.isEmpty, State.backstopNames.contains(where: { comm == Bytes($0.utf8) }) {
                verdict.evidence.append(
                    evidence(
                        "it calls itself \(comm: sender), but its executable is \(executable: signal.senderExe, of: sender)",
                        hook))
            }
        case .noInfo, .kernel: verdict.killer = .unknown
        }
        return verdict
    }

    private static let runtimes = [
        "containerd-shim", "containerd", "runc", "crun", "conmon", "dockerd", "kubelet", "podman",
    ]
    private static let backstopNames = ["earlyoom", "systemd-oomd", "oomd", "nohang"]
}

extension Killer {
    /// A program whose purpose is to kill under memory pressure.
    var isBackstop: Bool {
        switch self {
        case .earlyoom, .systemdOomd, .oomd, .nohang: true
        default: false
        }
    }

    /// Kills because memory ran short: the victim's size then says something.
    var isAboutMemory: Bool { isBackstop || self == .kernelMemcg || self == .kernelGlobal }

    /// The kernel's own OOM killer.
    var isKernel: Bool {
        switch self {
        case .kernelMemcg, .kernelGlobal, .sysrq: true
        default: false
        }
    }
}
