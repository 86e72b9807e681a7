import Events

// How incidents begin, rise and end; and what the recorder's own starts and stops say about that.

extension State {
    /// Opens an incident; its index. The caller gives it what it knows; the opening is told at the end of the step.
    mutating func start(_ scope: Scope, _ incidentClass: IncidentClass, at ns: UInt64, _ emit: (Finding) -> Void) -> Int
    {
        if open.count >= Bounds.openIncidents {
            let index = mostNearlyOver
            open[index].note("closed early: more than \(Bounds.openIncidents) incidents were open at once")
            close(index, .recovered, at: nowNs, emit)
        }
        let phase = scopePhase(scope)
        var fresh = OpenIncident()
        fresh.openedNs = nowNs
        fresh.incident.id = Incident.identity(boot: recorder.bootID, openingSeq: lastSeq)
        fresh.incident.openingSeq = lastSeq
        fresh.incident.incidentClass = incidentClass
        fresh.incident.scope = scope
        fresh.incident.severity = max(incidentClass.leastSeverity, phase?.phase ?? .calm)
        var began = ns
        if let phase, phase.phase > .calm {
            fresh.incident.phases = phase.changes
            // A host may have been on watch for hours: what is beyond the lookback is not this incident's beginning.
            let lookback = ns > rules[.growthLookback] ? ns - rules[.growthLookback] : 0
            began = min(began, max(phase.changes.first?.at.boottimeNs ?? began, lookback))
            for change in phase.changes {
                fresh.tell(
                    phaseSentence(scope, change.to), .phase, at: change.at.boottimeNs, seq: lastSeq, "memory.pressure")
            }
        }
        fresh.incident.started = Moment(boottimeNs: began)
        var change = ClassChange()
        change.at = Moment(boottimeNs: ns)
        change.to = incidentClass
        fresh.incident.classes = [change]
        fresh.incident.quality.pressureAvailable = recorder.pressureAvailable
        lastOpenedSeq = lastSeq
        open.append(fresh)
        let index = open.count - 1
        followHost(index)
        for cgroup in cgroups.indices where cgroups[cgroup].sampledNs != 0 { follow(index, cgroup) }
        for task in census.tasks
        where census.ns != 0 && task.task.pid == task.task.tgid && task.task.tgid != recorder.recorderTgid {
            if nowNs <= census.ns &+ rules[.growthLookback] { follow(index, task) }
        }
        return index
    }

    /// The open incident to give up when there are too many: one whose cgroup is gone before the others, then the weakest class,
    /// then the one that has had no news for longest.
    private var mostNearlyOver: Int {
        func rank(_ index: Int) -> (Int, IncidentClass, UInt64) {
            let one = open[index]
            let isGone = one.incident.scope.kind == .cgroup && names[one.incident.scope.cgroupID]?.removedNs ?? 0 != 0
            return (
                isGone ? 0 : 1, one.incident.incidentClass, max(one.lastKillNs, one.conditionNs, one.openedNs)
            )
        }
        return open.indices.min { rank($0) < rank($1) } ?? 0
    }

    /// Tells of what opened in this step.
    mutating func announceOpenings(_ emit: (Finding) -> Void) {
        for index in open.indices where !open[index].announced {
            open[index].announced = true
            emit(.opened(document(open[index])))
        }
    }

    /// An incident keeps the strongest class it reached, and how it got there.
    mutating func raise(_ index: Int, _ incidentClass: IncidentClass, at ns: UInt64) {
        guard incidentClass > open[index].incident.incidentClass else { return }
        open[index].incident.incidentClass = incidentClass
        open[index].incident.severity = max(open[index].incident.severity, incidentClass.leastSeverity)
        var change = ClassChange()
        change.at = Moment(boottimeNs: ns)
        change.to = incidentClass
        open[index].incident.classes.append(change)
        open[index].tell("now \(incidentClass.label)", .classChange, at: ns, seq: lastSeq, "inquest")
    }

    func scopePhase(_ scope: Scope) -> ScopePhase? {
        scope.kind == .host ? host.phase : knownCgroup(scope.cgroupID).map { cgroups[$0].phase }
    }

    // Phases

    mutating func settleHost(_ emit: (Finding) -> Void) {
        let at = calmClockNs
        guard let phase = host.phase.settle(at: at, leave: rules[.phaseLeave]) else { return }
        announce(Scope(), phase, at: at, emit)
    }

    mutating func settleCgroup(_ index: Int, _ emit: (Finding) -> Void) {
        let at = calmClockNs
        guard let phase = cgroups[index].phase.settle(at: at, leave: rules[.phaseLeave]) else { return }
        announce(cgroupScope(cgroups[index].id, names.path(cgroups[index].id)), phase, at: at, emit)
    }

    mutating func announce(_ scope: Scope, _ phase: Phase, at ns: UInt64, _ emit: (Finding) -> Void) {
        var change = PhaseChange()
        change.at = Moment(boottimeNs: ns)
        change.to = phase
        var key: IncidentKey?
        for index in open.indices {
            let own = open[index].incident.scope
            guard own.kind == scope.kind, own.cgroupID == scope.cgroupID else { continue }
            key = IncidentKey(id: open[index].incident.id, incidentClass: open[index].incident.incidentClass)
            if open[index].incident.phases.count < Bounds.phaseChanges { open[index].incident.phases.append(change) }
            open[index].incident.severity = max(open[index].incident.severity, phase)
            open[index].tell(phaseSentence(scope, phase), .phase, at: ns, seq: lastSeq, "memory.pressure")
        }
        emit(.phase(scope, change, key))
    }

    private func phaseSentence(_ scope: Scope, _ phase: Phase) -> Phrase {
        let who: Phrase = scope.kind == .host ? "the host" : cgroupLabel(scope.cgroupID, scope.cgroup)
        return phase == .calm
            ? "\(who) is calm again" : phase == .watch ? "\(who) is on watch" : "\(who) is in \(phase.label)"
    }

    // The passing of time

    mutating func tick(_ emit: (Finding) -> Void) {
        settlePending()
        settleHost(emit)
        for index in cgroups.indices where cgroups[index].phase.phase != .calm { settleCgroup(index, emit) }
        checkHost(emit)
        if !open.isEmpty {
            announceOpenings(emit)
            for index in open.indices { followHost(index) }
            closeRecovered(emit)
        }
        if !closing.isEmpty, nowNs > closingSinceNs &+ 5_000_000_000 { finishClosing(emit) }
    }

    private mutating func closeRecovered(_ emit: (Finding) -> Void) {
        var index = 0
        while index < open.count {
            if let end = recovery(index) {
                close(index, .recovered, at: end, emit)
            } else {
                index += 1
            }
        }
    }

    /// When it was over, if it is: the last victim gone, the condition past, the phase below watch for `close_calm`, and no kill
    /// of the same cgroup to come within `kill_merge`.
    private func recovery(_ index: Int) -> UInt64? {
        let (lastKillNs, conditionNs) = (open.span[index].lastKillNs, open.span[index].conditionNs)
        let started = open.span[index].incident.started.boottimeNs
        var end = max(conditionNs, started)
        for kill in open.span[index].incident.kills {
            if !kill.outcome.exitTime.isUnknown {
                end = max(end, kill.outcome.exitTime.boottimeNs)
            } else if kill.quality.source != Bytes("/dev/kmsg".utf8),
                nowNs <= max(kill.at.boottimeNs, lastKillNs) &+ rules[.victimWait]
            {
                // Where only the kernel log told of it, no hook will tell of its exit either: that is not waited for.
                return nil
            } else {
                end = max(end, kill.at.boottimeNs)
            }
        }
        if lastKillNs != 0, nowNs <= lastKillNs &+ rules[.killMerge] { return nil }
        let calm = calmClockNs
        if conditionNs != 0, calm < conditionNs &+ rules[.closeCalm] { return nil }
        if let phase = scopePhase(open.span[index].incident.scope) {
            if phase.phase > .calm || (phase.lastWatchNs != 0 && calm < phase.lastWatchNs &+ rules[.closeCalm]) {
                return nil
            }
            if phase.lastWatchNs > started { end = max(end, phase.lastWatchNs) }
        }
        return nowNs >= end &+ rules[.closeCalm] ? end : nil
    }

    private mutating func close(_ index: Int, _ by: EndedBy, at ns: UInt64, _ emit: (Finding) -> Void) {
        if !open[index].announced {
            open[index].announced = true
            emit(.opened(document(open[index])))
        }
        let document = ended(index, by, at: ns)
        open.remove(at: index)
        emit(.closed(document))
    }

    private mutating func ended(_ index: Int, _ by: EndedBy, at ns: UInt64) -> Incident {
        var ending = Ending()
        ending.at = Moment(boottimeNs: ns)
        ending.by = by
        open[index].incident.ended = ending
        for kill in open[index].incident.kills where kill.outcome.exitTime.isUnknown && by == .recovered {
            open[index].note("the exit of \(kill.victim) was not heard")
        }
        return document(open[index])
    }

    // The recorder

    /// A recorder start: whatever was open ended with the boot, or with the recorder that should have stopped first; unless that one was
    /// killed and is back soon.
    mutating func begin(_ start: RecorderStart, _ event: Event, _ emit: (Finding) -> Void) {
        finishClosing(emit)
        let sameBoot = start.bootID == recorder.bootID
        if sameBoot, recording, event.boottimeNs <= nowNs &+ rules[.restartGap] {
            goOn(after: event.boottimeNs &- min(nowNs, event.boottimeNs), event)
        } else if recording || !open.isEmpty {
            let by: EndedBy = sameBoot ? .recorderKilled : start.previousPanic ? .kernelPanic : .uncleanReset
            announceOpenings(emit)
            closingRealtimeNs = Figure(clock.realtimeNs(of: Moment(boottimeNs: nowNs)))
            for index in open.indices { closing.append(ended(index, by, at: nowNs)) }
            if sameBoot {
                for index in closing.indices { closing[index].ended?.gapNs = Figure(event.boottimeNs &- nowNs) }
            }
            open.removeAll()
        }
        pending.removeAll()
        hooks.removeAll()
        backstops.removeAll()
        census = CensusState()
        if !sameBoot {
            names.clear()
            cgroups.removeAll()
            devices.removeAll()
            users.removeAll()
            containers.removeAll()
            recentKills.removeAll()
            host = HostState()
            clock = ClockSnapshot()
            nowNs = 0
            samplerNs = 0
            nextTickNs = 0
        }
        recorder = start
        repairPageSize()
        recording = true
        nowNs = max(nowNs, event.boottimeNs)
        samplerNs = max(samplerNs, event.boottimeNs)
        lastSeq = event.seq
        closingSinceNs = nowNs
    }

    /// A recorder that was killed is back: the same incidents go on, with a time in which nobody listened.
    private mutating func goOn(after gapNs: UInt64, _ event: Event) {
        guard !open.isEmpty else { return }
        hold(for: gapNs, until: event.boottimeNs)
        for index in open.indices {
            let longest = open[index].incident.quality.longestSamplerGapNs
            open[index].incident.quality.longestSamplerGapNs = higher(longest, Figure(gapNs))
            open[index].note("the recorder was killed while it lasted; nothing was heard for \(duration: gapNs)")
        }
        tellAll(
            .gap, event, "recorder_start",
            "the recorder is back after it was killed; nothing was heard for \(duration: gapNs)")
    }

    mutating func end(_ stop: RecorderStop, _ event: Event, _ emit: (Finding) -> Void) {
        let by: EndedBy = stop.reason == .shutdown ? .cleanShutdown : .recorderStopped
        for index in open.indices where stop.reason == .failed { open[index].note("the recorder gave up on an error") }
        while !open.isEmpty { close(0, by, at: event.boottimeNs, emit) }
        finishClosing(emit)
        recording = false
    }

    mutating func note(_ snapshot: ClockSnapshot, _ event: Event, _ emit: (Finding) -> Void) {
        samplerNs = max(samplerNs, event.boottimeNs)
        tellSteps(from: clock, to: snapshot, event)
        clock = snapshot
        if !closing.isEmpty { finishClosing(emit) }
    }

    /// What the clocks say of each other: boottime alone goes on in a suspend, and only the wall clock can be set.
    private mutating func tellSteps(from before: ClockSnapshot, to now: ClockSnapshot, _ event: Event) {
        guard before.realtimeNs != 0, now.realtimeNs != 0 else { return }
        let passed = now.boottimeNs &- before.boottimeNs
        if before.monotonicNs != 0, now.monotonicNs != 0 {
            let slept = Int64(bitPattern: passed &- (now.monotonicNs &- before.monotonicNs))
            if slept >= Int64(rules[.gapTold]) {
                // Nobody was there to sample, and nothing happened.
                hold(for: UInt64(slept), until: now.boottimeNs)
                for index in open.indices where open[index].sampledNs != 0 {
                    open[index].sampledNs &+= UInt64(slept)
                }
                tellAll(
                    .gap, event, "CLOCK_BOOTTIME beside CLOCK_MONOTONIC",
                    "the machine was suspended for \(duration: UInt64(slept))")
            }
        }
        guard !open.isEmpty else { return }
        let step = Int64(bitPattern: now.realtimeNs &- before.realtimeNs &- passed)
        if step.magnitude >= rules[.gapTold] {
            let way = step < 0 ? "back" : "forward"
            tellAll(
                .recorder, event, "CLOCK_REALTIME beside CLOCK_BOOTTIME",
                "the wall clock was set \(way) by \(duration: step.magnitude); all times here are by its last reading")
        }
    }

    /// Tells of what a reset ended, with the gap as far as the clocks give it.
    private mutating func finishClosing(_ emit: (Finding) -> Void) {
        guard !closing.isEmpty else { return }
        let next = clock.realtimeNs(of: Moment(boottimeNs: closingSinceNs))
        for var incident in closing {
            incident.ended?.nextStartRealtimeNs = Figure(next)
            if let next, incident.ended?.by != .recorderKilled {
                incident.ended?.nextBootRealtimeNs = Figure(next &- closingSinceNs)
            }
            if let next, let last = closingRealtimeNs.value, next >= last, incident.ended?.gapNs.isUnknown == true {
                incident.ended?.gapNs = Figure(next - last)
            }
            endChain(&incident)
            let ending = endingSentence(incident)
            if !ending.isEmpty { incident.summarySentence.append(" \(ending)") }
            emit(.closed(incident))
        }
        closing.removeAll()
        closingRealtimeNs = .unknown
    }
}
