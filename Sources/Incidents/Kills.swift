import Events

// Kills as they are heard: marks, signals, exits; which incident each belongs to.

extension State {
    mutating func mark(_ kill: OomKill, _ event: Event, _ emit: (Finding) -> Void) {
        let tgid = kill.victim.task.tgid
        let verdict = attribute(kill)
        var record = record(kill, verdict, event)
        learnAncestors(kill)
        takePending(for: tgid, into: &record, at: event.boottimeNs)
        remember(tgid, trigger: kill.trigger.tgid, event)

        // Already being killed: a backstop's SIGTERM that the OOM killer overtook, or a second mark of the same process.
        for index in open.indices {
            guard let at = open[index].livingKill(tgid) else { continue }
            let earlier = open[index].incident.kills[at]
            guard !earlier.cause.killer.isKernel else { return }
            record.at = earlier.at
            record.seq = earlier.seq
            record.incidentID = earlier.incidentID
            record.lostEventsBefore = earlier.lostEventsBefore
            record.sender = earlier.sender
            record.outcome.signals = earlier.outcome.signals + record.outcome.signals
            open[index].incident.kills[at] = record
            open[index].lastKillNs = event.boottimeNs
            open[index].tell(
                "the kernel's OOM killer chose \(record.victim), already signalled", .kill,
                at: event.boottimeNs,
                seq: event.seq, source: record.quality.source)
            raise(index, record.cause.killer == .kernelMemcg ? .containedKill : .globalOom, at: event.boottimeNs)
            emit(.kill(record, open[index].incident.incidentClass))
            return
        }

        switch verdict.killer {
        case .kernelMemcg:
            let id = verdict.oomCgroup ?? kill.victim.task.cgroup
            let path = verdict.oomCgroup.map { self.path(of: $0, in: kill) } ?? kill.victim.cgroupPath
            attach(record, cgroupScope(id, path), .containedKill, event, emit)
        default:
            attach(record, Scope(), .globalOom, event, emit)
        }
    }

    mutating func mark(_ kill: KernelLogKill, _ event: Event, _ emit: (Finding) -> Void) {
        for index in open.indices {
            guard
                let at = open[index].incident.kills.lastIndex(where: {
                    $0.victim.pid == kill.pid || $0.victim.tgid == kill.pid
                })
            else { continue }
            complete(index, at, kill)
            return
        }
        if recentKills.contains(where: { $0.tgid == kill.pid && event.boottimeNs <= $0.ns &+ rules[.victimWait] }) {
            return
        }
        remember(kill.pid, trigger: 0, event)
        let record = record(kill, event)
        if record.cause.killer == .kernelMemcg {
            let path = kill.oomCgroupPath.isEmpty ? kill.cgroupPath : kill.oomCgroupPath
            attach(record, cgroupScope(names.id(of: path) ?? 0, path), .containedKill, event, emit)
        } else {
            attach(record, Scope(), .globalOom, event, emit)
        }
    }

    /// What the kernel log knows and the hooks did not.
    private mutating func complete(_ index: Int, _ at: Int, _ kill: KernelLogKill) {
        var record = open[index].incident.kills[at]
        var filled: [String] = []
        if record.cause.constraint == .unknown, kill.constraint != .unknown {
            record.cause.constraint = kill.constraint
            filled.append("cause.constraint")
        }
        if record.cause.oomMemcg.isEmpty, !kill.oomCgroupPath.isEmpty {
            record.cause.oomMemcg = kill.oomCgroupPath
            for position in record.cgroup.indices where record.cgroup[position].cgroup == kill.oomCgroupPath {
                record.cgroup[position].isOomMemcg = true
            }
            filled.append("cause.oom_memcg")
        }
        if record.victim.anonRssBytes.isUnknown, !kill.anonRssBytes.isUnknown {
            record.victim.anonRssBytes = kill.anonRssBytes
            record.victim.fileRssBytes = kill.fileRssBytes
            record.victim.shmemRssBytes = kill.shmemRssBytes
            filled.append("victim.anon_rss_bytes")
        }
        guard !filled.isEmpty else { return }
        record.quality.fromKmsg = true
        record.quality.partialFields.removeAll { missing in filled.contains { Bytes($0.utf8) == missing } }
        record.cause.evidence.append(evidence("\(filled.joined(separator: ", ")) by the kernel log alone", "/dev/kmsg"))
        open[index].incident.kills[at] = record
    }

    mutating func note(_ signal: Signal, _ event: Event, _ emit: (Finding) -> Void) {
        let tgid = signal.target.task.tgid
        // An ignored SIGTERM kills nobody, but it is where an escalation begins. (An ignored SIGKILL: the target is dying already.)
        if signal.result == 1, signal.signal != 9, signal.origin != .kernel {
            if !open.contains(where: { $0.livingKill(tgid) != nil }) { putPending(signal, event, fromKernel: false) }
            return
        }
        // Delivered, or delivered without its siginfo; the others changed nothing.
        guard signal.result == 0 || signal.result == 4 else { return }
        if signal.origin == .kernel {
            guard signal.signal == 9 else { return }
            for index in open.indices {
                guard let at = open[index].livingKill(tgid) else { continue }
                addStep(index, at, signal.signal, event.boottimeNs)
                return
            }
            putPending(signal, event, fromKernel: true)
            return
        }
        let verdict = attribute(signal)
        for index in open.indices {
            guard let at = open[index].livingKill(tgid) else { continue }
            escalate(index, at, signal, verdict, event)
            return
        }
        guard isKill(signal, verdict) else {
            putPending(signal, event, fromKernel: false, stopping: verdict.killer == .serviceManager)
            guard !open.isEmpty else { return }
            tell(
                signal.target.task.cgroup, signal.target.cgroupPath, .signal, event, "signal:signal_generate",
                "\(signal.sender) sent \(signalName(signal.signal)) to \(signal.target.task)"
            )
            return
        }
        var record = record(signal, verdict, event)
        takePending(for: tgid, into: &record, at: event.boottimeNs)
        let hostwide = verdict.killer == .earlyoom || verdict.killer == .nohang
        let scope = hostwide ? Scope() : cgroupScope(signal.target.task.cgroup, signal.target.cgroupPath)
        attach(record, scope, .userspaceKill, event, emit)
    }

    /// Whether a signal from user space is a kill to report, rather than the ordinary life of processes.
    private func isKill(_ signal: Signal, _ verdict: Verdict) -> Bool {
        if verdict.killer.isBackstop { return true }
        if verdict.killer == .serviceManager {
            return signal.signal == 6 || (signal.signal == 9 && !isLeftover(signal))
        }
        guard signal.signal == 9 else { return false }
        let (sender, target) = (signal.sender, signal.target.task)
        // Whoever ends a process of a cgroup that sits in a live-lock ends the live-lock, even from the shell that began it.
        let livelocked = open.contains { incident in
            incident.incident.incidentClass == .throttleLivelock
                && incident.covers(target.cgroup, signal.target.cgroupPath)
                && scopePhase(incident.incident.scope)?.phase ?? .calm > .calm
        }
        if livelocked { return true }
        if sender.tgid == target.tgid || sender.tgid == target.ppid { return false }
        if sender.session != 0, sender.session == target.session { return false }
        // Where nobody made sessions: two that the same shell runs. (Process 1 adopts, and is nobody's shell.)
        if sender.session == target.session, sender.ppid > 1, sender.ppid == target.ppid { return false }
        // The host's incident has everyone in its scope: once nobody is under pressure any more, life there is ordinary again.
        return isAnythingAboveCalm
            || open.contains { !$0.isHost && $0.covers(target.cgroup, signal.target.cgroupPath) }
    }

    /// Whether a service manager only clears away what an obedient service left behind (KillMode=mixed: SIGTERM goes to the main
    /// process, and when that has ended SIGKILL to the others; so ends every login). Who was asked and did not end is none.
    private func isLeftover(_ signal: Signal) -> Bool {
        let target = signal.target
        let wasAsked = pending.contains {
            $0.tgid == target.task.tgid && $0.signal == 15 && $0.senderTgid == signal.sender.tgid && !$0.fromKernel
        }
        guard !wasAsked, !target.cgroupTruncated else { return false }
        let unit = unitPath(target.cgroupPath)
        return !unit.isEmpty
            && stoppedUnits.contains { $0.path == unit && nowNs <= $0.ns &+ rules[.leftoverWindow] }
    }

    var isAnythingAboveCalm: Bool { host.phase.phase > .calm || cgroups.contains { $0.phase.phase > .calm } }

    /// Another signal to a process that is already being killed.
    private mutating func escalate(_ index: Int, _ at: Int, _ signal: Signal, _ verdict: Verdict, _ event: Event) {
        addStep(index, at, signal.signal, event.boottimeNs)
        open[index].lastKillNs = event.boottimeNs
        let kill = open[index].incident.kills[at]
        if !kill.cause.killer.isKernel, signal.signal == 9 {
            var cause = kill.cause
            if verdict.killer != cause.killer, verdict.killer != .unknown {
                cause.killer = verdict.killer
                cause.confidence = verdict.confidence
                cause.evidence += verdict.evidence
                cause.alternatives = killerAlternatives(signal, verdict)
            }
            open[index].incident.kills[at].cause = cause
            open[index].incident.kills[at].sender = sender(signal)
        }
        open[index].tell(
            "\(signal.sender) sent \(signalName(signal.signal)) to \(kill.victim) too",
            .signal, at: event.boottimeNs, seq: event.seq, "signal:signal_generate")
    }

    private mutating func addStep(_ index: Int, _ at: Int, _ signal: Int32, _ ns: UInt64) {
        guard open[index].incident.kills[at].outcome.signals.count < Bounds.signalSteps else { return }
        open[index].incident.kills[at].outcome.signals.append(step(signal, ns))
    }

    // Signals that wait for their meaning

    private mutating func putPending(_ signal: Signal, _ event: Event, fromKernel: Bool, stopping: Bool = false) {
        if pending.count >= Bounds.pendingSignals { pending.removeFirst() }
        var entry = PendingSignal()
        entry.ns = event.boottimeNs
        entry.signal = signal.signal
        entry.fromKernel = fromKernel
        entry.senderTgid = signal.sender.tgid
        entry.tgid = signal.target.task.tgid
        entry.comm = signal.target.task.comm
        if stopping, signal.signal == 15, !signal.target.cgroupTruncated {
            entry.stoppedUnit = unitPath(signal.target.cgroupPath)
        }
        pending.append(entry)
    }

    /// Earlier signals to the process are steps of this kill.
    private mutating func takePending(for tgid: UInt32, into record: inout Kill, at ns: UInt64) {
        var earlier: [SignalStep] = []
        for entry in pending where entry.tgid == tgid {
            let window = entry.fromKernel ? rules[.markWindow] : rules[.escalationWindow]
            if ns <= entry.ns &+ window { earlier.append(step(entry.signal, entry.ns)) }
        }
        pending.removeAll { $0.tgid == tgid }
        record.outcome.signals = earlier + record.outcome.signals
    }

    /// A kernel SIGKILL without a mark of its own, sent by the task that triggered an OOM: the target shared the victim's memory.
    mutating func settlePending() {
        guard !pending.isEmpty else { return }
        var kept: [PendingSignal] = []
        for entry in pending {
            if !entry.fromKernel {
                if nowNs <= entry.ns &+ rules[.escalationWindow] { kept.append(entry) }
                continue
            }
            guard nowNs > entry.ns &+ rules[.markWindow] else {
                kept.append(entry)
                continue
            }
            for recent in recentKills.reversed() {
                guard recent.triggerTgid == entry.senderTgid, recent.tgid != entry.tgid,
                    entry.ns &+ rules[.markWindow] >= recent.ns, recent.ns &+ rules[.markWindow] >= entry.ns
                else { continue }
                addOtherVictim(entry, of: recent)
                break
            }
        }
        pending = kept
    }

    private mutating func addOtherVictim(_ entry: PendingSignal, of recent: RecentKill) {
        for index in open.indices {
            guard let at = open[index].incident.kills.lastIndex(where: { $0.victim.tgid == recent.tgid }) else {
                continue
            }
            guard open[index].incident.kills[at].outcome.otherVictims.count < Bounds.otherVictims else { return }
            var other = OtherVictim()
            other.pid = entry.tgid
            other.comm = entry.comm
            other.why = Bytes("shared its memory: SIGKILL by the same OOM, without a mark of its own".utf8)
            open[index].incident.kills[at].outcome.otherVictims.append(other)
            return
        }
    }

    private mutating func remember(_ tgid: UInt32, trigger: UInt32, _ event: Event) {
        if recentKills.count >= Bounds.recentKills { recentKills.removeFirst() }
        var recent = RecentKill()
        recent.ns = event.boottimeNs
        recent.tgid = tgid
        recent.triggerTgid = trigger
        recent.openingSeq = event.seq
        recentKills.append(recent)
    }

    mutating func note(_ exit: Exit, _ event: Event) {
        let tgid = exit.task.tgid
        if let asked = pending.last(where: { $0.tgid == tgid && !$0.stoppedUnit.isEmpty }) {
            stoppedUnits.removeAll { event.boottimeNs > $0.ns &+ rules[.leftoverWindow] }
            if stoppedUnits.count >= Bounds.stoppedUnits { stoppedUnits.removeFirst() }
            var stopped = StoppedUnit()
            stopped.ns = event.boottimeNs
            stopped.path = asked.stoppedUnit
            stoppedUnits.append(stopped)
        }
        pending.removeAll { $0.tgid == tgid && !$0.fromKernel }
        for index in open.indices {
            guard let at = open[index].livingKill(tgid) else { continue }
            let began = open[index].incident.kills[at].at.boottimeNs
            open[index].incident.kills[at].outcome.exitTime = event.moment
            open[index].incident.kills[at].outcome.exitCode = Int64(exit.exitCode)
            if event.boottimeNs >= began {
                open[index].incident.kills[at].outcome.killToExitNs = Figure(event.boottimeNs - began)
            }
            open[index].incident.kills[at].outcome.freedBytes = bytes(exit.rssPages)
            open[index].tell(
                "\(exit.task) died after \(duration: event.boottimeNs &- began)", .exit,
                at: event.boottimeNs,
                seq: event.seq, "sched:sched_process_exit")
            return
        }
    }

    // Which incident a kill belongs to

    /// Puts a kill into the running incident of its scope, or opens one.
    private mutating func attach(
        _ kill: Kill, _ scope: Scope, _ incidentClass: IncidentClass, _ event: Event, _ emit: (Finding) -> Void
    ) {
        let running = runningIncident(scope)
        let index = running ?? start(scope, incidentClass, at: event.boottimeNs, emit)
        if running != nil { raise(index, incidentClass, at: event.boottimeNs) }
        var kill = kill
        kill.incidentID = open[index].incident.id
        kill.lostEventsBefore = open[index].incident.quality.lostEvents
        kill.quality.samplerGapNs = open[index].incident.quality.longestSamplerGapNs
        open[index].lastKillNs = event.boottimeNs
        open[index].tell(killSentence(kill), .kill, at: event.boottimeNs, seq: event.seq, source: kill.quality.source)
        if open[index].incident.kills.count < Bounds.kills {
            open[index].incident.kills.append(kill)
        } else {
            open[index].killsOmitted &+= 1
        }
        follow(index, kill)
        announceOpenings(emit)
        emit(.kill(kill, open[index].incident.incidentClass))
    }

    /// The incident of this very scope, else the innermost whose scope has it.
    func runningIncident(_ scope: Scope) -> Int? {
        var best: Int?
        for index in open.indices {
            let running = open[index].incident.scope
            let sameCgroup = scope.cgroupID != 0 ? running.cgroupID == scope.cgroupID : running.cgroup == scope.cgroup
            if running.kind == scope.kind, scope.kind == .host || sameCgroup { return index }
            if scope.kind == .host ? running.kind == .host : open.span[index].covers(scope.cgroupID, scope.cgroup) {
                if best == nil || open[best!].incident.scope.cgroup.count < running.cgroup.count { best = index }
            }
        }
        return best
    }

    /// `KILL chrome[8812] of uid 1003 in /user.slice by the kernel: ...`, the line of the timeline.
    func killSentence(_ kill: Kill) -> Phrase {
        var text: Phrase = "\(kill.victim)"
        if !kill.victim.uid.isUnknown { text.say("of \(user: kill.victim.uid)") }
        if !kill.victim.cgroup.isEmpty { text.say("in \(cgroup: kill.victim.cgroup)") }
        text.say("killed by \(killerWords(kill))")
        return text
    }

    /// Who killed, in words.
    func killerWords(_ kill: Kill) -> Phrase {
        switch kill.cause.killer {
        case .kernelMemcg:
            kill.cause.oomMemcg.isEmpty
                ? "the kernel: a memory cgroup above it reached its limit"
                : "the kernel: \(cgroup: kill.cause.oomMemcg) reached its memory limit"
        case .kernelGlobal: "the kernel: the machine ran out of memory"
        case .sysrq: "the kernel, asked by sysrq-f"
        case .unknown: kill.sender.map { "\($0)" } ?? "an unknown killer"
        case .user:
            kill.sender.map { "\($0) of \(user: $0.uid) with \(signalName($0.signal))" }
                ?? "a user"
        case .cgroupKill: kill.sender.map { "cgroup.kill, written by \($0)" } ?? "cgroup.kill"
        default:
            kill.sender.map { "\($0) with \(signalName($0.signal))" } ?? "\(kill.cause.killer.label)"
        }
    }
}

func signalName(_ number: Int32) -> String {
    switch number {
    case 6: "SIGABRT"
    case 9: "SIGKILL"
    case 15: "SIGTERM"
    default: "signal \(number)"
    }
}
