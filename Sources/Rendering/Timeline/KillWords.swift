import Events
import Incidents

/// One kill in sentences: who died, by whom and why, through whose allocation, how large, how fast, and how one knows.
struct KillWords {
    let kill: Kill

    /// `chrome[8812] of alice (uid 1003) in user-1003.slice/session-4.scope`.
    var victim: String {
        let victim = kill.victim
        var text =
            NameWords.process(victim.comm, victim.tgid == 0 ? victim.pid : victim.tgid) + " of "
            + NameWords.user(uid: victim.uid, name: victim.user) + " in " + NameWords.cgroup(victim.cgroup)
        if kill.drill { text += " (a rehearsal: drill)" }
        return text
    }

    /// `by the kernel: the cgroup user-1003.slice reached its memory limit (16 GiB)`.
    var killer: String {
        var text = ""
        switch kill.cause.killer {
        case .kernelMemcg:
            let own = !kill.cause.oomMemcg.isEmpty && kill.cause.oomMemcg == kill.victim.cgroup
            let cgroup = own ? "that cgroup" : "the cgroup " + NameWords.cgroup(kill.cause.oomMemcg)
            text = "by the kernel: " + cgroup + " reached its memory limit" + limit
        case .kernelGlobal: text = "by the kernel: " + shortage
        case .sysrq: text = "by the kernel on request: sysrq-f"
        case .cgroupKill: text = "through cgroup.kill" + (kill.sender == nil ? "" : " by " + sender)
        case .serviceManager: text = "by the service manager " + sender
        case .containerRuntime: text = "by the container runtime " + sender
        case .unknown where kill.sender == nil: text = "by an unknown killer"
        case .systemdOomd, .earlyoom, .oomd, .nohang, .user, .unknown: text = "by " + sender
        }
        text += signals
        if kill.cause.oomGroup { text += ", with its whole group (memory.oom.group)" }
        // Where nobody judged there is nothing to be sure of.
        let isJudged = kill.cause.killer != .unknown || kill.cause.confidence != .unknown
        if isJudged, kill.cause.confidence != .high { text += " (confidence " + kill.cause.confidence.label + ")" }
        return text
    }

    /// The limit of the cgroup that ran out, in brackets; nothing where it is unknown.
    private var limit: String {
        let atKill = kill.cgroup.first { $0.isOomMemcg }
        if let bytes = atKill?.maxBytes, bytes.value != nil { return " (" + Units.bytes(bytes) + ")" }
        if let pages = kill.cause.limitPages.value { return " (" + Units.count(pages) + " pages)" }
        return ""
    }

    private var shortage: String {
        switch kill.cause.constraint {
        case .cpuset: "the memory nodes of its cpuset were full"
        case .memoryPolicy: "the memory nodes of its memory policy were full"
        default: "the host was out of memory"
        }
    }

    private var sender: String {
        guard let sender = kill.sender else { return NameWords.killer(kill.cause.killer) }
        return NameWords.process(sender.comm, sender.tgid == 0 ? sender.pid : sender.tgid) + " of "
            + NameWords.user(uid: sender.uid)
    }

    /// ` with SIGTERM, then SIGKILL after 5.0 s`; nothing for the kernel's own kills.
    private var signals: String {
        let steps = kill.outcome.signals
        guard kill.sender != nil || kill.cause.killer == .cgroupKill else { return "" }
        guard let first = steps.first else {
            guard let signal = kill.sender?.signal, signal != 0 else { return "" }
            return " with " + NameWords.signal(Int64(signal))
        }
        var text = " with " + NameWords.signal(Int64(first.signal))
        for (before, step) in zip(steps, steps.dropFirst()) {
            text += ", then " + NameWords.signal(Int64(step.signal))
            if !step.at.isUnknown && !before.at.isUnknown && step.at >= before.at {
                text += " after " + Units.duration(step.at.boottimeNs - before.at.boottimeNs)
            }
        }
        return text
    }

    /// `trigger node[8790]`; nothing where no allocation triggered it.
    var trigger: String? {
        guard let trigger = kill.trigger else { return nil }
        if trigger.tgid != 0 && trigger.tgid == kill.victim.tgid { return "triggered by its own allocation" }
        let own = !trigger.cgroup.isEmpty && trigger.cgroup == kill.victim.cgroup
        return "trigger " + NameWords.process(trigger.comm, trigger.tgid == 0 ? trigger.pid : trigger.tgid) + " in "
            + (own ? "the same cgroup" : NameWords.cgroup(trigger.cgroup))
    }

    /// `9.1 GiB anonymous, 3.2 MiB file, swap 0 B`.
    var size: String {
        let victim = kill.victim
        let figures = [victim.anonRssBytes, victim.fileRssBytes, victim.shmemRssBytes, victim.swapBytes]
        if figures.allSatisfy(\.isUnknown) { return "size unknown" }
        var parts = [Units.bytes(victim.anonRssBytes) + " anonymous"]
        if victim.fileRssBytes.value != 0 { parts.append(Units.bytes(victim.fileRssBytes) + " file") }
        if let shmem = victim.shmemRssBytes.value, shmem > 0 { parts.append(Units.bytes(shmem) + " shared") }
        parts.append("swap " + Units.bytes(victim.swapBytes))
        return parts.joined(separator: ", ")
    }

    /// `died after 38 ms`.
    var death: String {
        if kill.victim.alreadyExiting && kill.outcome.killToExitNs.isUnknown { return "was already exiting" }
        guard let ns = kill.outcome.killToExitNs.value else {
            return kill.outcome.exitTime.isUnknown ? "its end was not seen" : "died, after how long is unknown"
        }
        var text = "died after " + Units.duration(ns)
        if let code = kill.outcome.exitCode, code & 0x7f != 9 { text += " (" + NameWords.exit(code) + ")" }
        if let freed = kill.outcome.freedBytes.value { text += ", " + Units.bytes(freed) + " freed" }
        if kill.victim.alreadyExiting { text += ", was already exiting" }
        return text
    }

    /// Where else the victim and its killer belong: container and namespace, the sender's executable and cgroup.
    var belongings: [String] {
        var facts: [String] = []
        let victim = kill.victim
        var container: [String] = []
        if !victim.containerID.isEmpty {
            container.append("container " + named(victim.containerName, victim.containerID))
        }
        if !victim.podUID.isEmpty || !victim.pod.isEmpty {
            let name = victim.pod.isEmpty ? [] : victim.namespace + Bytes("/".utf8) + victim.pod
            container.append("pod " + named(name, victim.podUID))
        }
        if let inside = victim.nsPid.value, inside != UInt64(victim.tgid) {
            container.append("pid \(inside) in its own namespace")
        }
        if !container.isEmpty { facts.append(container.joined(separator: ", ")) }
        if let sender = kill.sender, !(sender.exe.isEmpty && sender.cgroup.isEmpty) {
            let exe = sender.exe.isEmpty ? "sender" : "sender " + Escaping.terminal(sender.exe)
            facts.append(exe + (sender.cgroup.isEmpty ? "" : " in " + NameWords.cgroup(sender.cgroup)))
        }
        return facts
    }

    /// `app (3f4a9c01...)`; the id alone where no name is known.
    private func named(_ name: Bytes, _ id: Bytes) -> String {
        if name.isEmpty || id.isEmpty { return Escaping.terminal(name + id) }
        return Escaping.terminal(name) + " (" + Escaping.terminal(id) + ")"
    }

    /// How it is known: the constraint, the cgroup that ran out, the hook.
    func evidence(all: Bool) -> String {
        var parts: [String] = []
        if kill.cause.constraint != .unknown { parts.append(kill.cause.constraint.label) }
        if !kill.cause.oomMemcg.isEmpty { parts.append("oom_memcg " + Escaping.terminal(kill.cause.oomMemcg)) }
        for item in kill.cause.evidence {
            parts.append(all ? NameWords.evidence(item) : NameWords.name(item.name))
        }
        if all {
            if let mask = kill.cause.gfpMask.value { parts.append("gfp_mask 0x" + String(mask, radix: 16)) }
            if let order = kill.cause.order { parts.append("order \(order)") }
            if let points = kill.cause.chosenPoints { parts.append("points \(points)") }
        }
        if !kill.quality.source.isEmpty { parts.append("heard by " + Escaping.terminal(kill.quality.source)) }
        return parts.isEmpty ? "none" : parts.joined(separator: ", ")
    }

    /// One line for each memory cgroup that matters: the one that ran out and the victim's own; all on request.
    func cgroups(all: Bool) -> [String] {
        kill.cgroup.enumerated().filter { all || $0.offset == 0 || $0.element.isOomMemcg }.map { _, cgroup in
            var text =
                NameWords.cgroup(cgroup.cgroup) + ": memory " + Units.bytes(cgroup.currentBytes) + " of "
                + Units.bytes(cgroup.maxBytes)
            if let high = cgroup.highBytes.value { text += ", high " + Units.bytes(high) }
            text += ", swap " + Units.bytes(cgroup.swapCurrentBytes) + " of " + Units.bytes(cgroup.swapMaxBytes)
            if all {
                text +=
                    ", peak " + Units.bytes(cgroup.peakBytes) + "; events high " + Units.count(cgroup.eventsLocalHigh)
                text += ", max " + Units.count(cgroup.eventsLocalMax) + ", oom " + Units.count(cgroup.eventsLocalOom)
                text += ", oom_kill " + Units.count(cgroup.eventsLocalOomKill)
            }
            return text
        }
    }

    /// The host around the kill, and who else was large or stuck: from the last samples and the nearest census.
    var surroundings: [String] {
        var facts: [String] = []
        let memory = kill.host.memory
        if !memory.availableBytes.isUnknown || !kill.host.sampleAgeNs.isUnknown {
            var text = "host " + kill.host.phase.label + ": " + Units.bytes(memory.availableBytes) + " available of "
            text += Units.bytes(memory.totalBytes) + ", swap free " + Units.bytes(memory.swapFreeBytes) + " of "
            text += Units.bytes(memory.swapTotalBytes) + ", " + Units.count(kill.host.load.blocked) + " tasks blocked"
            facts.append(text + " (sampled " + Units.duration(kill.host.sampleAgeNs) + " before)")
        }
        if !kill.context.largest.isEmpty {
            facts.append(
                "largest: "
                    + kill.context.largest.map { task in
                        NameWords.process(task.task.comm, task.task.tgid) + " " + Units.count(task.anonRssPages)
                            + " anonymous pages, " + Units.count(task.swapPages) + " swapped"
                    }.joined(separator: "; "))
        }
        if !kill.context.blocked.isEmpty {
            facts.append(
                "in D state: "
                    + kill.context.blocked.map { task in
                        let frame = task.stack.split(separator: UInt8(ascii: "\n")).first.map { Bytes($0) } ?? Bytes()
                        return NameWords.process(task.task.comm, task.task.tgid)
                            + (frame.isEmpty ? "" : " in " + Escaping.terminal(frame))
                    }.joined(separator: "; "))
        }
        return facts
    }

    /// Who died with it.
    var others: String? {
        guard !kill.outcome.otherVictims.isEmpty else { return nil }
        return kill.outcome.otherVictims.map { other in
            NameWords.process(other.comm, other.pid)
                + (other.why.isEmpty ? "" : " (" + Escaping.terminal(other.why) + ")")
        }.joined(separator: ", ")
    }

    /// What a reader must know before relying on the figures.
    var caveats: [String] {
        var notes: [String] = []
        if kill.quality.fromKmsg { notes.append("known from the kernel log only") }
        if !kill.quality.partialFields.isEmpty {
            notes.append(
                "fields not heard: " + kill.quality.partialFields.map(Escaping.terminal).joined(separator: ", "))
        }
        if kill.lostEventsBefore > 0 { notes.append(Units.count(kill.lostEventsBefore) + " events lost before it") }
        return notes
    }
}
