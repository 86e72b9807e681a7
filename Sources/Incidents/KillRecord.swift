import Events

// From events to the kill record: every field that the events provide, and the names of those they do not.

extension State {
    /// The kill as the kernel's mark told it; its signals, exit and context follow.
    func record(_ kill: OomKill, _ verdict: Verdict, _ event: Event) -> Kill {
        var record = blank(event, kill.victim)
        record.cause.killer = verdict.killer
        record.cause.confidence = verdict.confidence
        record.cause.evidence = verdict.evidence
        record.cause.constraint = verdict.constraint
        record.cause.alternatives = killerAlternatives(kill, verdict)
        if let id = verdict.oomCgroup { record.cause.oomMemcg = path(of: id, in: kill) }
        if kill.traced {
            record.cause.gfpMask = Figure(UInt64(kill.gfpMask))
            record.cause.order = Int64(kill.order)
            record.cause.oomGroup = kill.oomGroup
            record.cause.limitPages = kill.limitPages
            record.cause.chosenPoints = kill.chosenPoints
        } else if kill.entry == .sysrq {
            record.cause.order = -1
        }
        var trigger = Trigger()
        trigger.pid = kill.trigger.pid
        trigger.tgid = kill.trigger.tgid
        trigger.comm = kill.trigger.comm
        trigger.uid = Figure(uid: kill.trigger.uid)
        trigger.cgroup = names.path(kill.trigger.cgroup)
        if trigger.cgroup.isEmpty, kill.trigger.cgroup == kill.victim.task.cgroup {
            trigger.cgroup = kill.victim.cgroupPath
        }
        record.trigger = trigger
        record.cgroup = kill.ancestors.map { atKill($0, path(of: $0.id, in: kill), oom: verdict.oomCgroup) }
        record.quality.source = hookMechanism(
            "oom_kill", otherwise: kill.traced ? "fentry/oom_kill_process" : "raw_tp/mark_victim")
        record.quality.partialFields = partialFields(record)
        return record
    }

    /// The kill as a signal from user space tells it.
    func record(_ signal: Signal, _ verdict: Verdict, _ event: Event) -> Kill {
        var record = blank(event, signal.target)
        record.cause.killer = verdict.killer
        record.cause.confidence = verdict.confidence
        record.cause.evidence = verdict.evidence
        record.cause.alternatives = killerAlternatives(signal, verdict)
        record.sender = sender(signal)
        record.outcome.signals = [step(signal.signal, event.boottimeNs)]
        if let index = knownCgroup(signal.target.task.cgroup), cgroups[index].sampledNs != 0 {
            record.cgroup = [sampledAtKill(index, signal.target.cgroupPath)]
        }
        record.quality.source = hookMechanism("signal", otherwise: "signal:signal_generate")
        record.quality.partialFields = partialFields(record)
        return record
    }

    /// The kill as the kernel log told it: the labelled fallback.
    func record(_ kill: KernelLogKill, _ event: Event) -> Kill {
        var victim = Victim()
        victim.task.pid = kill.pid
        victim.task.tgid = kill.pid
        victim.task.uid = kill.uid
        victim.task.comm = kill.comm
        victim.cgroupPath = kill.cgroupPath
        victim.oomScoreAdj = kill.oomScoreAdj
        victim.pgtablesBytes = kill.pgtablesBytes
        var record = blank(event, victim)
        record.victim.startTime = .unknown
        record.victim.nsPid = .unknown
        record.victim.nsUid = .unknown
        record.victim.totalVmBytes = kill.totalVmBytes
        record.victim.anonRssBytes = kill.anonRssBytes
        record.victim.fileRssBytes = kill.fileRssBytes
        record.victim.shmemRssBytes = kill.shmemRssBytes
        record.cause.constraint = kill.constraint
        record.cause.killer =
            kill.constraint == .memcg ? .kernelMemcg : kill.constraint == .unknown ? .unknown : .kernelGlobal
        record.cause.confidence = kill.constraint == .unknown ? .low : .high
        record.cause.oomMemcg = kill.oomCgroupPath
        record.cause.evidence = [evidence("oom-kill:constraint=\(kill.constraint.label)", "/dev/kmsg")]
        record.quality.source = Bytes("/dev/kmsg".utf8)
        record.quality.fromKmsg = true
        record.quality.partialFields = partialFields(record)
        return record
    }

    private func blank(_ event: Event, _ victim: Victim) -> Kill {
        var record = Kill()
        record.seq = event.seq
        record.bootID = recorder.bootID
        record.at = event.moment
        let identity = Identity(path: victim.cgroupPath)
        record.drill = identity.drillPid != nil
        record.victim.pid = victim.task.pid
        record.victim.tgid = victim.task.tgid
        record.victim.nsPid = victim.nsPid == 0 ? .unknown : Figure(UInt64(victim.nsPid))
        record.victim.nsUid = Figure(uid: victim.nsUid)
        record.victim.ppid = victim.task.ppid
        record.victim.comm = victim.task.comm
        var cmdline = victim.cmdline
        while cmdline.last == 0 { cmdline.removeLast() }
        record.victim.cmdline = cmdline.map { $0 == 0 ? UInt8(ascii: " ") : $0 }
        record.victim.cmdlineTruncated = victim.cmdlineTruncated
        record.victim.uid = Figure(uid: victim.task.uid)
        record.victim.user = userName(victim.task.uid)
        record.victim.cgroup = victim.cgroupPath
        record.victim.slice = identity.slice
        record.victim.unit = identity.unit
        record.victim.containerID = identity.container.containerID
        record.victim.podUID = identity.container.podUID
        for name in containers { record.victim.learn(name) }
        record.victim.startTime = victim.startBoottimeNs == 0 ? .unknown : Moment(boottimeNs: victim.startBoottimeNs)
        record.victim.oomScoreAdj = victim.oomScoreAdj
        record.victim.totalVmBytes = bytes(victim.totalVmPages)
        record.victim.anonRssBytes = bytes(victim.anonRssPages)
        record.victim.fileRssBytes = bytes(victim.fileRssPages)
        record.victim.shmemRssBytes = bytes(victim.shmemRssPages)
        record.victim.swapBytes = bytes(victim.swapPages)
        record.victim.pgtablesBytes = victim.pgtablesBytes
        record.victim.alreadyExiting = victim.alreadyExiting
        record.host = hostAtKill(event.boottimeNs)
        if census.ns != 0, event.boottimeNs <= census.ns &+ rules[.contextAge] { record.context = context() }
        return record
    }

    private func hostAtKill(_ ns: UInt64) -> HostAtKill {
        var host = HostAtKill()
        host.memory = self.host.memory
        host.pressure = self.host.pressureSample
        host.load = self.host.load
        host.phase = self.host.phase.phase
        let oldest = [self.host.memoryNs, self.host.pressureNs, self.host.loadNs].filter { $0 != 0 }.min()
        host.sampleAgeNs = Figure(oldest.map { ns > $0 ? ns - $0 : 0 })
        return host
    }

    func atKill(_ memcg: MemcgState, _ path: Bytes, oom: UInt64?) -> CgroupAtKill {
        var result = CgroupAtKill()
        if let index = knownCgroup(memcg.id), cgroups[index].sampledNs != 0 { result = sampledAtKill(index, path) }
        result.cgroup = path
        result.cgroupID = memcg.id
        result.isOomMemcg = memcg.id == oom
        result.currentBytes = bytes(memcg.usagePages)
        result.peakBytes = bytes(memcg.peakPages)
        result.minBytes = bytes(memcg.minPages)
        result.lowBytes = bytes(memcg.lowPages)
        result.highBytes = bytes(memcg.highPages)
        result.maxBytes = bytes(memcg.maxPages)
        if recorder.cgroupMode == .legacy {
            // v1 counts and limits memory and swap together; the swap alone is what that leaves beside the memory.
            result.swapCurrentBytes = bytes(Figure(rise(memcg.usagePages, memcg.swapUsagePages)))
            let left = Figure(rise(memcg.maxPages, memcg.swapMaxPages))
            result.swapMaxBytes = memcg.swapMaxPages.isUnlimited ? .unlimited : bytes(left)
        } else {
            result.swapCurrentBytes = bytes(memcg.swapUsagePages)
            result.swapMaxBytes = bytes(memcg.swapMaxPages)
        }
        result.eventsLocalHigh = memcg.highEvents
        result.eventsLocalMax = memcg.maxEvents
        result.eventsLocalOom = memcg.oomEvents
        result.eventsLocalOomKill = memcg.oomKillEvents
        return result
    }

    /// The cgroup by its last sample. Its event counters are of the subtree, so they stay unknown here.
    private func sampledAtKill(_ index: Int, _ path: Bytes) -> CgroupAtKill {
        let sample = cgroups[index].sample
        var result = CgroupAtKill()
        result.cgroup = path
        result.cgroupID = sample.cgroup
        result.currentBytes = sample.currentBytes
        result.peakBytes = sample.peakBytes
        result.minBytes = sample.minBytes
        result.lowBytes = sample.lowBytes
        result.highBytes = sample.highBytes
        result.maxBytes = sample.maxBytes
        result.swapCurrentBytes = sample.swapBytes
        result.swapMaxBytes = sample.swapMaxBytes
        result.anonBytes = sample.anonBytes
        result.fileBytes = sample.fileBytes
        result.shmemBytes = sample.shmemBytes
        result.slabBytes = sample.slabBytes
        result.pgscan = sample.pgscan
        result.workingsetRefault = sum(sample.refaultAnon, sample.refaultFile)
        return result
    }

    func sender(_ signal: Signal) -> Sender {
        var sender = Sender()
        sender.pid = signal.sender.pid
        sender.tgid = signal.sender.tgid
        sender.comm = signal.sender.comm
        sender.exe = signal.senderExe
        sender.uid = Figure(uid: signal.sender.uid)
        sender.cgroup = names.path(signal.sender.cgroup)
        sender.unit = Identity(path: sender.cgroup).unit
        sender.signal = signal.signal
        sender.siCode = signal.siCode
        return sender
    }

    func step(_ signal: Int32, _ ns: UInt64) -> SignalStep {
        var step = SignalStep()
        step.at = Moment(boottimeNs: ns)
        step.signal = signal
        return step
    }

    /// The largest tasks and the blocked ones of the last census.
    func context() -> KillContext {
        var context = KillContext()
        let processes = census.tasks.filter { $0.task.pid == $0.task.tgid }
        context.largest = Array(
            processes.sorted { a, b in
                let (x, y) = (State.pages(a), State.pages(b))
                return x != y ? x > y : a.task.tgid < b.task.tgid
            }.prefix(Bounds.contextLargest))
        context.blocked = Array(census.tasks.filter(\.isBlocked).prefix(Bounds.contextBlocked))
        return context
    }

    /// Resident and swapped pages of a task.
    static func pages(_ task: CensusTask) -> UInt64 {
        sum(task.anonRssPages, task.fileRssPages, task.shmemRssPages, task.swapPages).value ?? 0
    }

    /// The fields that this kill should have and has not.
    private func partialFields(_ kill: Kill) -> [Bytes] {
        var missing: [Bytes] = []
        func need(_ name: String, _ present: Bool) { if !present { missing.append(Bytes(name.utf8)) } }
        if kill.cause.killer.isKernel {
            need("cause.constraint", kill.cause.constraint != .unknown)
            need("cause.gfp_mask", !kill.cause.gfpMask.isUnknown)
            need("cause.order", kill.cause.order != nil)
            if kill.cause.killer == .kernelMemcg { need("cause.oom_memcg", !kill.cause.oomMemcg.isEmpty) }
            need("cause.limit_pages", !kill.cause.limitPages.isUnknown)
            need("cause.chosen_points", kill.cause.chosenPoints != nil)
        }
        need("victim.cgroup", !kill.victim.cgroup.isEmpty)
        need("victim.cmdline", !kill.victim.cmdline.isEmpty)
        need("victim.start_time", !kill.victim.startTime.isUnknown)
        need("victim.anon_rss_bytes", !kill.victim.anonRssBytes.isUnknown)
        need("victim.swap_bytes", !kill.victim.swapBytes.isUnknown)
        need("host.memory", !kill.host.memory.availableBytes.isUnknown)
        return missing
    }
}
