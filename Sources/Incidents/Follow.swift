import Events

// What is followed through an incident, so that its document can be completed at any moment.

extension State {
    /// Takes over the host's figures of this moment.
    mutating func followHost(_ index: Int) {
        let hold = rules[.phaseWindow]
        let now = nowNs
        if open[index].isHost {
            open[index].reclaim.follow(host.reclaim, at: now, hold: hold)
            open[index].swapOut.follow(host.swapOut, at: now, hold: hold)
            open[index].refault.follow(host.refault, at: now, hold: hold)
            open[index].stalls.follow(host.stalls, at: now, hold: hold)
        } else if let cgroup = knownCgroup(open[index].incident.scope.cgroupID) {
            open[index].reclaim.follow(cgroups[cgroup].reclaim, at: now, hold: hold)
            open[index].throttle.follow(cgroups[cgroup].throttleMean, at: now, hold: hold)
            open[index].swapOut.follow(cgroups[cgroup].swapOut, at: now, hold: hold)
            open[index].refault.follow(cgroups[cgroup].refault, at: now, hold: hold)
            open[index].stalls.follow(cgroups[cgroup].stalls, at: now, hold: hold)
        }
        open[index].blocked.follow(host.blocked, at: now, hold: hold)
        for position in devices.indices {
            let silence = devices.span[position].silenceNs
            open[index].longestSilenceNs = max(open[index].longestSilenceNs, silence)
        }
        let swapUsed = Figure(rise(host.memory.swapFreeBytes, host.memory.swapTotalBytes))
        let rates = host.rates(over: rules[.phaseWindow])
        open[index].lowestAvailable = lower(open[index].lowestAvailable, host.memory.availableBytes)
        open[index].lowestSwapFree = lower(open[index].lowestSwapFree, host.memory.swapFreeBytes)
        open[index].swapUsedPeak = higher(open[index].swapUsedPeak, swapUsed)
        open[index].loadPeak = higher(open[index].loadPeak, host.load.load1Milli)
        let paging = host.paging.latest
        if open[index].swapUsedFrom.isUnknown { open[index].swapUsedFrom = swapUsed }
        if open[index].loadFrom.isUnknown { open[index].loadFrom = host.load.load1Milli }
        if open[index].blockedFrom.isUnknown { open[index].blockedFrom = host.load.blocked }
        if open[index].stolenFrom.isUnknown { open[index].stolenFrom = paging.stolen }
        if open[index].scannedFrom.isUnknown { open[index].scannedFrom = paging.scanned }
        if open[index].swapOutAtOpening.isUnknown { open[index].swapOutAtOpening = Figure(rates.swappedOut) }
        open[index].stolenTo = paging.stolen
        open[index].scannedTo = paging.scanned
    }

    /// Takes over the figures of the device that the incident is about, keeping the worst.
    mutating func followDevice(_ index: Int, _ position: Int) {
        let device = devices[position]
        let rates = device.rates(over: rules[.phaseWindow])
        open[index].device = device.device
        open[index].deviceName = deviceName(position)
        open[index].saturation.follow(device.saturation, at: nowNs, hold: rules[.phaseWindow])
        open[index].deviceBytes = higher(open[index].deviceBytes, Figure(rates.throughput))
        open[index].deviceCeiling = device.ceilingBytes == 0 ? .unknown : Figure(device.ceilingBytes)
        open[index].deviceCeilingIsSet = device.setBytes > 0
        if let times = rates.requestTimes {
            let (queue, inDevice) = (open[index].requestQueueNs.value ?? 0, open[index].requestDeviceNs.value ?? 0)
            if times.queue &+ times.device > queue &+ inDevice {
                open[index].requestQueueNs = Figure(times.queue)
                open[index].requestDeviceNs = Figure(times.device)
            }
        }
        open[index].deviceSwapShare = higher(open[index].deviceSwapShare, Figure(swapShare(of: position, rates)))
        if let p99 = device.readP99Ns(at: nowNs), p99 > open[index].readP99.peak {
            open[index].readP99.peak = p99
            open[index].readP99.peakNs = nowNs
        }
        if let calm = device.calmP99Ns(rules) { open[index].deviceCalmP99 = Figure(calm) }
        if device.silenceNs > 0 {
            open[index].deviceSilenceNs = higher(open[index].deviceSilenceNs, Figure(device.silenceNs))
            open[index].deviceInflight = higher(open[index].deviceInflight, Figure(device.inflight))
        }
        if device.storm.sinceNs != 0, open[index].readP99.onsetNs == 0 {
            open[index].readP99.onsetNs = device.storm.sinceNs
        }
    }

    /// The track of a cgroup in an incident, made when it is new; `nil` beyond the bound. Host incidents follow everyone: suspects
    /// and bystanders. A cgroup's incident also follows the others, as bystanders.
    mutating func track(_ index: Int, _ id: UInt64) -> Int? {
        let tracks = open.span[index].cgroups
        for place in tracks.indices where tracks.span[place].id == id { return place }
        guard open.span[index].cgroups.count < Bounds.cgroupTracks else { return nil }
        var fresh = CgroupTrack()
        fresh.id = id
        fresh.path = names.path(id)
        if let cgroup = knownCgroup(id) {
            let started = open.span[index].incident.started.boottimeNs
            let lookback = rules[.growthLookback]
            if let low = cgroups.span[cgroup].lowestUse(
                since: started > lookback ? started - lookback : 0, share: rules[.growthShare])
            {
                fresh.lowBytes = Figure(low.bytes)
                fresh.lowNs = low.ns
            }
            // What stalled since it began, though it could be known for an incident only later.
            if let past = cgroups.span[cgroup].window.start(of: max(nowNs &- min(started, nowNs), 1)) {
                fresh.ioFullFrom = past.ioFullUs
                fresh.memoryFullFrom = past.memoryFullUs
                fresh.scannedFrom = past.scanned
            }
            // Throttled since before the incident could be known for one: that counts too.
            let throttle = cgroups[cgroup].throttle
            if throttle.isOn(at: nowNs, hold: rules[.phaseWindow]) {
                fresh.throttledNs = throttle.peak &- min(throttle.first, throttle.peak)
            }
            // Swapped or moved since it began.
            let moved = cgroups[cgroup].moved(since: started)
            fresh.movedBytes = moved.bytes
            fresh.swapWritten = moved.swapWritten
            if let created = names[id]?.createdNs, created != 0, started <= created &+ lookback {
                // Younger than the lookback: it began with nothing.
                // It may have stood empty for a while.
                let first = fresh.lowBytes.value ?? .max
                let growth = cgroups.span[cgroup].useBytes ?? 0
                if first > growth / 100 &* rules[.growthShare] || fresh.lowNs < created { fresh.lowNs = created }
                fresh.lowBytes = 0
            }
        }
        open[index].cgroups.append(fresh)
        return open[index].cgroups.count - 1
    }

    /// Takes over a cgroup's sample.
    mutating func follow(_ index: Int, _ cgroup: Int) {
        let sample = cgroups.span[cgroup].sample
        guard let at = track(index, cgroups.span[cgroup].id) else { return }
        if open.span[index].cgroups[at].path.isEmpty { open[index].cgroups[at].path = names.path(sample.cgroup) }
        let grows = !open.span[index].incident.incidentClass.isLiveLockPast(
            heldNs: open.span[index].conditionNs, at: nowNs)
        let full = cgroups.span[cgroup].window.fullShare(over: rules[.phaseWindow])
        open[index].cgroups[at].follow(sample, full: full, at: nowNs, grows: grows)
    }

    /// Takes over a process of a census.
    mutating func follow(_ index: Int, _ task: CensusTask) {
        if open.span[index].isLiveLockPast(at: nowNs &- min(rules[.watchWindow], nowNs)) { return }
        let use = sum(task.anonRssPages, task.shmemRssPages, task.swapPages).scaled(by: recorder.pageSize)
        follow(index, task.task, names.path(task.task.cgroup), use, startNs: task.startBoottimeNs)
    }

    /// Takes over the victim, and the memory cgroups as they were at the kill.
    mutating func follow(_ index: Int, _ kill: Kill) {
        var task = TaskIdentity()
        task.tgid = kill.victim.tgid
        task.comm = kill.victim.comm
        task.uid = UInt32(truncatingIfNeeded: kill.victim.uid.value ?? .max)
        task.cgroup = kill.cgroup.first?.cgroupID ?? 0
        let isAfterwards =
            !kill.cause.killer.isKernel
            && open.span[index].isLiveLockPast(at: kill.at.boottimeNs &- min(rules[.watchWindow], kill.at.boottimeNs))
        let use = sum(kill.victim.anonRssBytes, kill.victim.shmemRssBytes, kill.victim.swapBytes)
        follow(
            index, task, kill.victim.cgroup, isAfterwards ? .unknown : use,
            startNs: kill.victim.startTime.isUnknown ? 0 : kill.victim.startTime.boottimeNs)
        for memcg in kill.cgroup where memcg.cgroupID != 0 && (memcg.isOomMemcg || memcg == kill.cgroup.first) {
            guard let at = track(index, memcg.cgroupID) else { continue }
            if open[index].cgroups[at].path.isEmpty { open[index].cgroups[at].path = memcg.cgroup }
            let use = sum(memcg.currentBytes, memcg.swapCurrentBytes)
            if let bytes = use.value, bytes > open[index].cgroups[at].peakBytes.value ?? 0, !isAfterwards {
                open[index].cgroups[at].peakBytes = use
                open[index].cgroups[at].peakNs = kill.at.boottimeNs
            }
            if let created = names[memcg.cgroupID]?.createdNs, created != 0, open[index].cgroups[at].lowBytes.isUnknown,
                kill.at.boottimeNs <= created &+ rules[.growthLookback]
            {
                open[index].cgroups[at].lowBytes = 0
                open[index].cgroups[at].lowNs = created
            }
            // At an OOM the limits of that moment are what counts; otherwise those it began with: lifting one may be the remedy.
            func takes(_ known: Figure, _ now: Figure) -> Bool {
                !now.isUnknown && (known.isUnknown || kill.cause.killer.isKernel)
            }
            if takes(open[index].cgroups[at].maxBytes, memcg.maxBytes) {
                open[index].cgroups[at].maxBytes = memcg.maxBytes
            }
            if takes(open[index].cgroups[at].highBytes, memcg.highBytes) {
                open[index].cgroups[at].highBytes = memcg.highBytes
            }
            if takes(open[index].cgroups[at].swapMaxBytes, memcg.swapMaxBytes) {
                open[index].cgroups[at].swapMaxBytes = memcg.swapMaxBytes
            }
        }
    }

    private mutating func follow(
        _ index: Int, _ task: TaskIdentity, _ path: Bytes, _ use: Figure, startNs: UInt64
    ) {
        guard let bytes = use.value else { return }
        guard let at = open[index].processes.firstIndex(where: { $0.tgid == task.tgid }) else {
            var fresh = ProcessTrack()
            fresh.tgid = task.tgid
            fresh.comm = task.comm
            fresh.uid = task.uid
            fresh.cgroup = task.cgroup
            fresh.path = path
            fresh.startNs = startNs
            fresh.peakBytes = use
            let started = open[index].incident.started.boottimeNs
            // Younger than the lookback: it began with nothing. Otherwise growth is counted from here.
            fresh.firstBytes = startNs != 0 && started <= startNs &+ rules[.growthLookback] ? 0 : use
            if open[index].processes.count >= Bounds.processTracks {
                guard
                    let smallest = open[index].processes.indices.min(by: { a, b in
                        open[index].processes[a].peakBytes.value ?? 0 < open[index].processes[b].peakBytes.value ?? 0
                    }), open[index].processes[smallest].peakBytes.value ?? 0 < bytes
                else { return }
                open[index].processes.remove(at: smallest)
            }
            open[index].processes.append(fresh)
            return
        }
        open[index].processes[at].peakBytes = higher(open[index].processes[at].peakBytes, use)
    }
}
