import Events

// When an incident of each class that is not a kill begins, and whether it still goes on.

extension State {
    /// The host's conditions, once a tick.
    mutating func checkHost(_ emit: (Finding) -> Void) {
        for index in devices.indices {
            if devices[index].stalled.isOn(at: nowNs, hold: rules[.closeCalm]) {
                // Dated to when completions stopped.
                let began =
                    devices[index].silentSinceNs != 0 ? devices[index].silentSinceNs : devices[index].stalled.sinceNs
                if let at = ensure(Scope(), .deviceStall, from: began, holding: devices[index].stalled.lastNs, emit) {
                    followDevice(at, index)
                }
            }
            let storm = devices[index].storm
            if storm.isOn(at: nowNs, hold: rules[.closeCalm]), storm.lastNs &- storm.sinceNs >= rules[.stormDuration] {
                if let at = ensure(Scope(), .ioStorm, from: storm.sinceNs, holding: storm.lastNs, emit) {
                    followDevice(at, index)
                }
            }
        }
        guard host.phase.phase >= .thrash, let paging = pagingDevice(),
            let kind = thrashKind(paging.swapShare, host.rates(over: rules[.phaseWindow]))
        else { return }
        let began = host.phase.changes.first?.at.boottimeNs ?? nowNs
        if let at = ensure(Scope(), kind, from: began, holding: calmClockNs, emit) { followDevice(at, paging.index) }
    }

    /// Thrash by swap when swap is most of the device's bytes, by the page cache when refaults are.
    private func thrashKind(_ swapShare: UInt64?, _ rates: PagingRates) -> IncidentClass? {
        if let swapShare, swapShare >= rules[.pagingShare] * 100 { return .swapThrash }
        return rates.refaultFile ?? 0 >= rules[.pagingRate] ? .fileThrash : nil
    }

    /// A cgroup that thrashes while the host itself does not reclaim.
    mutating func checkCgroupThrash(_ index: Int, at ns: UInt64, _ emit: (Finding) -> Void) {
        guard cgroups[index].phase.phase >= .thrash, !hasGlobalReclaim, host.phase.phase <= .watch,
            let paging = pagingDevice(), cgroupPages(index)
        else { return }
        let heard = cgroups.span[index].heard(over: rules[.phaseWindow])
        let share =
            heard.movedBytes > 0
            ? max(paging.swapShare ?? 0, hundredths(heard.swapBytes, of: heard.movedBytes)) : paging.swapShare
        guard let kind = thrashKind(share, cgroups.span[index].rates(over: rules[.phaseWindow])) else { return }
        let began = cgroups[index].phase.changes.first?.at.boottimeNs ?? ns
        if let at = ensure(limitedScope(index), kind, from: began, holding: ns, emit) { followDevice(at, paging.index) }
    }

    /// A cgroup that stalls at memory.high most of the time, while its use stands still or creeps by what each throttle lets through.
    mutating func checkLivelock(_ index: Int, at ns: UInt64, _ emit: (Finding) -> Void) {
        // One that was never throttled, by no account.
        if cgroups.span[index].activity.latest.throttledNs == 0,
            cgroups.span[index].window.latest.eventsHigh.value ?? 0 == 0
        {
            return
        }
        let window = rules[.livelockWindow]
        let least = rules[.livelockStall] * 100
        guard let from = cgroups.span[index].window.start(of: window) else { return }
        let to = cgroups.span[index].window.latest
        guard to.ns &- from.ns >= window - window / 10 else { return }
        let throttled = cgroups.span[index].throttleShare(over: window)
        let pressure = cgroups.span[index].shares(over: window).some
        var stalled = throttled
        if throttled == 0 {
            // Without a hook on the throttle, pressure while the high counter rises says the same.
            guard let high = rise(from.eventsHigh, to.eventsHigh), high > 0 else { return }
            stalled = pressure ?? 0
        } else if let pressure {
            // Task time adds up over tasks that each stall a little: the union over the tasks decides.
            stalled = min(throttled, pressure)
            // Lifted or killed, the window is still full of what was: the last second says whether it goes on.
            stalled = min(stalled, cgroups.span[index].shares(over: rules[.watchWindow]).some ?? stalled)
        } else if ns > cgroups[index].throttle.lastNs &+ window {
            // Without PSI only silence tells that it is over: the kernel lets a task sleep 2 s at most, then its stall is told.
            return
        }
        guard stalled >= least else { return }
        let scope = throttlingCgroup(index)
        guard let range = cgroups.span[scope].useRange(over: window) else { return }
        func stands(_ range: (low: UInt64, high: UInt64)) -> Bool {
            hundredths(range.high - range.low, of: range.high) < rules[.livelockMove] * 100
        }
        if !stands(range) {
            // It may creep, if slowly: a cgroup whose cap was just lifted does not.
            let heard = cgroups.span[index].heard(over: window)
            guard heard.throttledNs / max(heard.throttles, 1) >= rules[.livelockSleep],
                let lately = cgroups.span[scope].useRange(over: rules[.watchWindow]), stands(lately)
            else { return }
        }
        cgroups[index].livelock.note(true, stalled, at: ns, hold: rules[.closeCalm])
        let throttle = cgroups[index].throttleMean
        let began = throttle.isOn(at: ns, hold: rules[.phaseWindow]) ? throttle.sinceNs : from.ns
        let id = cgroups[scope].id
        guard let at = ensure(cgroupScope(id, names.path(id)), .throttleLivelock, from: began, holding: ns, emit) else {
            return
        }
        open[at].heldBytes = Figure(range.high)
        open[at].throttle.follow(throttle, at: ns, hold: rules[.phaseWindow])
        if open[at].throttle.onsetNs == 0 {
            open[at].throttle.follow(cgroups[index].livelock, at: ns, hold: rules[.phaseWindow])
        }
    }

    /// The cgroup whose memory.high holds this one back: itself or the nearest ancestor at its limit, else itself.
    private func throttlingCgroup(_ index: Int) -> Int {
        nearestLimited(index) { state in
            guard let high = state.sample.highBytes.value, let current = state.sample.currentBytes.value else {
                return false
            }
            return current >= high - high / 10
        } ?? index
    }

    /// The scope of a cgroup's trouble: the nearest ancestor whose limit is reached, else the cgroup itself.
    private func limitedScope(_ index: Int) -> Scope {
        let id = cgroups[nearestLimited(index) { $0.isNearLimit } ?? index].id
        return cgroupScope(id, names.path(id))
    }

    private func nearestLimited(_ index: Int, _ limited: (CgroupState) -> Bool) -> Int? {
        if limited(cgroups[index]) { return index }
        let path = names.path(cgroups[index].id)
        var best: Int?
        var bestLength = 0
        for other in cgroups.indices where other != index && cgroups[other].sampledNs != 0 {
            let otherPath = names.path(cgroups[other].id)
            guard otherPath.count > bestLength, isWithin(path, otherPath), limited(cgroups[other]) else { continue }
            best = other
            bestLength = otherPath.count
        }
        return best
    }

    /// Whether a saturated device makes the reads of others wait, with memory calm.
    func isStorm(_ index: Int, at ns: UInt64) -> Bool {
        guard !devices[index].inMemory, host.phase.phase <= .watch,
            devices[index].saturation.isOn(at: ns, hold: rules[.closeCalm]),
            let p99 = devices.span[index].readP99Ns(at: ns), p99 >= rules[.stormReadP99],
            let calm = devices.span[index].calmP99Ns(rules), p99 >= calm &* rules[.stormReadFactor]
        else { return false }
        return doOthersWait(index, at: ns)
    }

    /// Whether cgroups other than the one that moves most bytes wait: by their slow reads, or by their IO pressure. Where IO is not
    /// charged to cgroups nobody can be named the mover: then two unrelated cgroups must stall, so that one of them is not it.
    private func doOthersWait(_ index: Int, at ns: UInt64) -> Bool {
        var mover: UInt64?
        if accountsIO {
            var most: UInt64 = 0
            for state in cgroups {
                let moved = state.heard(over: rules[.phaseWindow]).movedBytes
                if moved > most {
                    most = moved
                    mover = state.id
                }
            }
            guard let mover else { return false }
            var others: UInt64 = 0
            for reader in devices[index].slowReaders where reader.cgroup > 1 && reader.cgroup != mover {
                if names.path(reader.cgroup) == RecorderCgroup.path { continue }
                if ns <= reader.lastNs &+ rules[.stormDuration] { others &+= reader.count }
            }
            if others >= rules[.stormOtherReads] { return true }
        }
        var stalling: [Bytes] = mover.map { [names.path($0)] } ?? []
        for state in cgroups where state.id != mover {
            guard state.shares(over: rules[.phaseWindow]).ioFull ?? 0 >= rules[.stormOtherIoFull] * 100 else {
                continue
            }
            let path = names.path(state.id)
            if path == RecorderCgroup.path { continue }
            if stalling.allSatisfy({ !isWithin(path, $0) && !isWithin($0, path) }) {
                if !stalling.isEmpty { return true }
                stalling.append(path)
            }
        }
        return false
    }

    /// The incident of a scope for a condition that holds: the running one raised to the class, or a new one.
    private mutating func ensure(
        _ scope: Scope, _ incidentClass: IncidentClass, from began: UInt64, holding ns: UInt64,
        _ emit: (Finding) -> Void
    ) -> Int? {
        var running = runningIncident(scope)
        if let at = running, open[at].isHost, scope.kind == .cgroup {
            // A host that thrashes explains its cgroups; other trouble of the host does not, nor a thrash that is over.
            if open[at].incident.incidentClass >= .fileThrash, host.phase.phase > .watch { return nil }
            running = nil
        }
        if let at = running {
            raise(at, incidentClass, at: nowNs)
            open[at].conditionNs = max(open[at].conditionNs, ns)
            return at
        }
        // An incident is named by the event that opened it: one event opens one.
        guard lastOpenedSeq != lastSeq else { return nil }
        let at = start(scope, incidentClass, at: min(began, nowNs), emit)
        open[at].conditionNs = ns
        return at
    }
}
