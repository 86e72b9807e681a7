import Events

// What samples and intervals change. Nothing here allocates once the windows are full, unless an incident is open.

extension State {
    mutating func note(_ sample: PressureSample, _ ns: UInt64, _ emit: (Finding) -> Void) {
        samplerNs = max(samplerNs, ns)
        measureGaps(at: ns)
        host.note(sample, at: ns)
        let short = host.shares(over: rules[.watchWindow])
        let full = short.full ?? 0
        // Compaction counts as a stall, too (mm/compaction.c, kcompactd), and goes on for seconds while nothing is short.
        let scanned = host.rates(over: rules[.watchWindow]).scanned
        let reclaims = scanned.map { $0 >= rules[.globalReclaimRate] } ?? true
        host.stalls.note(
            full >= rules[.memoryFullPressure] * 100 && reclaims, full, at: ns, hold: rules[.phaseWindow])
        host.phase.note(hostLevel(), at: ns)
        settleHost(emit)
        addToSeries(at: ns)
    }

    mutating func note(_ sample: VmstatSample, _ ns: UInt64, _ emit: (Finding) -> Void) {
        samplerNs = max(samplerNs, ns)
        measureGaps(at: ns)
        host.note(sample, at: ns)
        let rates = host.rates(over: rules[.watchWindow])
        let hold = rules[.phaseWindow]
        let scanned = rates.scanned ?? 0
        let out = rates.swappedOut ?? 0
        let refaulted = rates.refaulted ?? 0
        host.reclaim.note(scanned >= rules[.globalReclaimRate], scanned, at: ns, hold: hold)
        host.swapOut.note(out >= rules[.pagingRate] && !swapIsInMemory, out &* recorder.pageSize, at: ns, hold: hold)
        host.refault.note(refaulted >= rules[.pagingRate], refaulted, at: ns, hold: hold)
        if !knowsPressure {
            host.phase.note(hostLevel(), at: ns)
            settleHost(emit)
            addToSeries(at: ns)
        }
    }

    /// The longest time without a sample of the host while an incident is open: then every sample is told.
    private mutating func measureGaps(at ns: UInt64) {
        for index in open.indices {
            let before = open[index].sampledNs
            open[index].sampledNs = max(before, ns)
            guard before != 0, ns >= before else { continue }
            open[index].incident.quality.longestSamplerGapNs = higher(
                open[index].incident.quality.longestSamplerGapNs, Figure(ns - before))
        }
    }

    mutating func note(_ sample: MemorySample, _ ns: UInt64) {
        samplerNs = max(samplerNs, ns)
        host.memory = sample
        host.memoryNs = ns
    }

    mutating func note(_ sample: LoadSample, _ ns: UInt64) {
        samplerNs = max(samplerNs, ns)
        host.load = sample
        host.loadNs = ns
        let blocked = sample.blocked.value ?? 0
        host.blocked.note(blocked >= rules[.blockedTasksThrash], blocked, at: ns, hold: rules[.phaseWindow])
    }

    mutating func note(_ sample: DeviceSample, _ ns: UInt64) {
        samplerNs = max(samplerNs, ns)
        guard let index = deviceIndex(sample.device) else { return }
        devices[index].note(sample, at: ns, rules)
        let rates = devices.span[index].rates(over: rules[.watchWindow])
        let saturated = devices.span[index].isSaturated(rates, rules)
        devices[index].saturation.note(
            saturated, rates.bytesPerSecond ?? 0, at: ns, hold: rules[.phaseWindow], began: rates.sinceNs)
        let silent = devices[index].silenceNs >= rules[.deviceSilence] && !devices[index].inMemory
        devices[index].stalled.note(
            silent && host.phase.phase <= .watch, devices[index].silenceNs, at: ns, hold: rules[.closeCalm])
    }

    mutating func note(_ interval: borrowing IOInterval, _ ns: UInt64) {
        samplerNs = max(samplerNs, ns)
        guard let index = deviceIndex(interval.device) else { return }
        let calm = host.phase.phase == .calm && !devices[index].saturation.isOn(at: ns, hold: rules[.phaseWindow])
        devices[index].note(interval, at: ns, calm: calm)
        guard interval.operation == .read, !interval.swap else { return }
        let holds = isStorm(index, at: ns)
        let p99 = holds ? devices.span[index].readP99Ns(at: ns) ?? 0 : 0
        devices[index].storm.note(holds, p99, at: ns, hold: rules[.closeCalm])
    }

    mutating func note(_ io: CgroupIO, _ ns: UInt64) {
        samplerNs = max(samplerNs, ns)
        let index = cgroupIndex(io.cgroup)
        // Before the cgroup's own sums: a track that begins here takes those over.
        for position in open.indices {
            guard let track = track(position, io.cgroup) else { continue }
            open[position].cgroups[track].movedBytes &+= io.bytes
            if io.swap, io.operation == .write { open[position].cgroups[track].swapWritten &+= io.bytes }
        }
        cgroups[index].note(moved: io.bytes, swap: io.swap, written: io.operation == .write, at: ns)
        guard io.swap, io.operation == .write else { return }
        let rate = perSecond(io.bytes, over: max(io.intervalNs, 1))
        cgroups[index].swapOut.note(
            rate / recorder.pageSize >= rules[.pagingRate], rate, at: ns, hold: rules[.phaseWindow])
    }

    mutating func note(_ stall: CgroupStall, _ ns: UInt64, _ emit: (Finding) -> Void) {
        samplerNs = max(samplerNs, ns)
        switch stall.mechanism {
        case .directReclaim:
            host.reclaimStallNs &+= stall.totalNs
            var point = StallPoint()
            point.ns = ns
            point.totalNs = host.reclaimStallNs
            host.reclaimStalls.push(point)
        case .memoryHigh, .memoryHighSleep:
            let index = cgroupIndex(stall.cgroup)
            // Before the cgroup's own sum: a track that begins here takes that over.
            for position in open.indices {
                guard let track = track(position, stall.cgroup) else { continue }
                open[position].cgroups[track].throttledNs &+= stall.totalNs
            }
            cgroups[index].noteThrottle(stall, at: ns, rules)
            checkLivelock(index, at: ns, emit)
        case .memcgReclaim, .unknown: break
        }
    }

    mutating func note(_ sample: borrowing CgroupSample, _ ns: UInt64, _ emit: (Finding) -> Void) {
        samplerNs = max(samplerNs, ns)
        let index = cgroupIndex(sample.cgroup)
        let short = cgroups[index].note(sample, at: ns, rules)
        cgroups[index].phase.note(rules.levelAtMostWatch(short) ?? cgroupLevel(index, short), at: ns)
        settleCgroup(index, emit)
        checkCgroupThrash(index, at: ns, emit)
        checkLivelock(index, at: ns, emit)
        for position in open.indices { follow(position, index) }
    }

    /// A cgroup that the census found large. The sampler's own figures are fresher and fuller: this is for the others.
    mutating func note(_ state: MemcgState, _ ns: UInt64) {
        let index = cgroupIndex(state.id)
        guard ns > cgroups[index].sampledNs &+ rules[.samplerSilence] || cgroups[index].sampledNs == 0 else { return }
        let figures = atKill(state, Bytes(), oom: nil)
        var sample = cgroups[index].sample
        sample.cgroup = state.id
        sample.currentBytes = figures.currentBytes
        sample.peakBytes = figures.peakBytes
        sample.minBytes = figures.minBytes
        sample.lowBytes = figures.lowBytes
        sample.highBytes = figures.highBytes
        sample.maxBytes = figures.maxBytes
        sample.swapBytes = figures.swapCurrentBytes
        sample.swapMaxBytes = figures.swapMaxBytes
        cgroups[index].note(census: sample, at: ns)
        for position in open.indices { follow(position, index) }
    }

    mutating func note(_ io: SlowIO, _ event: Event) {
        let ns = event.boottimeNs
        guard let index = deviceIndex(io.device) else { return }
        let total = (io.deviceNs.value ?? 0) &+ (io.queueNs.value ?? 0)
        if io.operation == .read, !io.swap, total >= rules[.stormReadP99] {
            noteSlowReader(index, io.cgroup, total, ns)
            for position in open.indices {
                guard let track = track(position, io.cgroup) else { continue }
                open[position].cgroups[track].follow(readNs: total)
            }
        }
        guard !open.isEmpty else { return }
        let path = names.path(io.cgroup)
        let device = nameOfDevice(devices.span[index].device, devices.span[index].name)
        for position in open.indices where open.span[position].incident.scope.covers(io.cgroup, path) {
            open[position].tell(
                "\(io.swap ? "swap " : "")\(io.operation.label) of \(bytes: io.bytes) on \(device: device) took \(duration: total)\(io.failed ? " and failed" : "")",
                .slowIO, badness: io.failed ? .max : total, in: \.slowIOs, at: event.boottimeNs, seq: event.seq,
                "block:block_rq_complete")
        }
    }

    private mutating func noteSlowReader(_ index: Int, _ cgroup: UInt64, _ totalNs: UInt64, _ ns: UInt64) {
        devices[index].slowReaders.removeAll { ns > $0.lastNs &+ rules[.stormDuration] }
        if let position = devices[index].slowReaders.firstIndex(where: { $0.cgroup == cgroup }) {
            devices[index].slowReaders[position].count &+= 1
            devices[index].slowReaders[position].longestNs = max(
                devices[index].slowReaders[position].longestNs, totalNs)
            devices[index].slowReaders[position].lastNs = ns
        } else if devices[index].slowReaders.count < Bounds.bystanders {
            var reader = SlowReader()
            reader.cgroup = cgroup
            reader.count = 1
            reader.longestNs = totalNs
            reader.lastNs = ns
            devices[index].slowReaders.append(reader)
        }
    }

    mutating func note(_ change: CgroupChange, _ event: Event, _ emit: (Finding) -> Void) {
        // Other v1 hierarchies number their cgroups independently.
        guard change.hierarchy == recorder.memoryHierarchy || change.hierarchy == 0 || recorder.memoryHierarchy == 0
        else { return }
        let old = names.path(change.id)
        names.note(change, at: event.boottimeNs)
        guard change.action != .seen else { return }
        let path = change.path.isEmpty ? old : change.path
        if change.action == .removed, let index = knownCgroup(change.id) {
            // Gone: nothing in it can be under pressure any more.
            if cgroups[index].phase.phase != .calm {
                cgroups[index].phase.reset()
                announce(cgroupScope(change.id, path), .calm, at: event.boottimeNs, emit)
            }
            cgroups[index].livelock = Onset()
            cgroups[index].thrash = Onset()
        }
        guard !open.isEmpty else { return }
        tell(
            change.id, path, .cgroup, event, "cgroup tracepoints",
            "cgroup \(cgroup: path) \(change.action.label)")
    }

    mutating func note(_ end: Census, _ event: Event) {
        samplerNs = max(samplerNs, event.boottimeNs)
        census.tasks = census.coming
        census.coming.removeAll(keepingCapacity: true)
        census.ns = event.boottimeNs
        for index in open.indices {
            for task in census.tasks where task.task.tgid != recorder.recorderTgid && task.task.pid == task.task.tgid {
                follow(index, task)
            }
            for at in open[index].incident.kills.indices {
                let kill = open[index].incident.kills[at]
                guard kill.context.largest.isEmpty, kill.context.blocked.isEmpty,
                    event.boottimeNs <= kill.at.boottimeNs &+ rules[.contextAge]
                else { continue }
                open[index].incident.kills[at].context = context()
            }
        }
        guard !open.isEmpty else { return }
        tellAll(
            .census, event, "BPF task iterator",
            "\(end.processes, of: "process"), \(end.blocked) in D state")
    }
}
