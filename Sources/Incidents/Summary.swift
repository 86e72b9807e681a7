import Events

// The document of an incident as it stands, and its few sentences for a tired reader.

extension State {
    /// The whole document, open or ended.
    func document(_ open: OpenIncident) -> Incident {
        var incident = open.incident
        incident.host = hostIdentity
        incident.clock = clock
        incident.quality.hooks = hooks
        func note(_ text: Phrase) { incident.quality.noteSentences.append(text.sentence) }
        if !knowsPressure {
            note("PSI is not available here: phases come from reclaim rates, reclaim stalls and blocked tasks")
        }
        if hooks.contains(where: { $0.isLockedDown }) {
            note(
                "the kernel is locked down (confidentiality): its own kills are known from its log, others' kills not at all"
            )
        }
        if recorder.recorderTgid == 0 {
            note(
                "recorded inside a pid namespace: what runs outside it was not looked at (userspace killers, census, command lines)"
            )
        }
        incident.quality.ioAccounted = accountsIO
        if !accountsIO, open.incident.incidentClass != .containedKill {
            note("IO is not charged to cgroups here: swap written per cgroup is unknown")
        }
        for limit in open.limits {
            if let text = limit.source.limitAtWork(limit.count) { note(text) }
        }
        if open.killsOmitted > 0 { note("\(open.killsOmitted, of: "further kill") beyond the first \(Bounds.kills)") }
        incident.suspects = suspects(open)
        incident.bystanders = bystanders(open, incident.suspects)
        incident.chain = chain(open, incident.suspects)
        incident.backstops = backstopFindings(open, incident.suspects)
        incident.alternatives = classAlternatives(open)
        // Stable: lines of the same moment keep the order in which they were heard.
        incident.timeline = incident.timeline.enumerated().sorted { a, b in
            a.element.at != b.element.at ? a.element.at < b.element.at : a.offset < b.offset
        }.map(\.element)
        incident.summarySentence = body(open, incident).sentence
        endChain(&incident)
        return incident
    }

    private func body(_ open: OpenIncident, _ incident: Incident) -> Phrase {
        var text = Phrase()
        switch incident.incidentClass {
        case .containedKill: containedKill(open, &text)
        case .userspaceKill: userspaceKill(open, &text)
        case .globalOom: globalOom(open, &text)
        case .ioStorm:
            text.say(
                "\(device: open.deviceName) was saturated\(throughput(open)), and the reads of others waited\(latency(open)).\(mover(open, incident)) Memory was calm."
            )
        case .deviceStall:
            text.say(
                "\(device: open.deviceName) stopped completing: \(open.deviceInflight.value ?? 0, of: "request") in flight, none completed for \(duration: open.deviceSilenceNs.value ?? 0). Memory was calm."
            )
        case .throttleLivelock: livelock(open, &text)
        case .fileThrash, .swapThrash: thrash(open, incident, &text)
        }
        if incident.kills.isEmpty, incident.incidentClass != .deviceStall { text.say("Nothing was killed.") }
        if incident.incidentClass > .userspaceKill, incident.incidentClass != .globalOom,
            let first = incident.kills.first
        {
            text.say("\(first.victim) was killed by \(killerWords(first)).")
            moreKills(open, &text)
        }
        return text
    }

    private func containedKill(_ open: OpenIncident, _ text: inout Phrase) {
        guard let kill = open.incident.kills.first else { return }
        let cgroup =
            kill.cause.oomMemcg.isEmpty
            ? cgroupLabel(open.incident.scope.cgroupID, open.incident.scope.cgroup) : "\(cgroup: kill.cause.oomMemcg)"
        let limit: Phrase = kill.cgroup.first(where: \.isOomMemcg)?.maxBytes.value.map { " of \(bytes: $0)" } ?? ""
        text.say("\(cgroup) reached its memory limit\(limit), and the kernel killed \(victim(kill)) in it.")
        size(kill, &text)
        if let trigger = kill.trigger, trigger.tgid != kill.victim.tgid, trigger.tgid != 0 {
            text.say("It was \(trigger) that asked for more.")
        }
        moreKills(open, &text)
        if kill.host.phase >= .pressure {
            text.say("The host itself was in \(kill.host.phase.label).")
        } else if host.pressureNs != 0 || host.paging.latest.ns != 0 {
            let flat = (open.swapOutAtOpening.value ?? .max) < rules[.swapFlatRate]
            text.say(
                flat
                    ? "The rest of the host was not under pressure, and swap stayed flat."
                    : "The rest of the host was not under pressure.")
        }
    }

    private func userspaceKill(_ open: OpenIncident, _ text: inout Phrase) {
        guard let kill = open.incident.kills.first else { return }
        text.say("\(victim(kill)) was killed by \(killerWords(kill)).")
        let signals = kill.outcome.signals
        if signals.count > 1, let first = signals.first, let last = signals.last {
            text.say(
                "\(signalName(first.signal)) came first, \(signalName(last.signal)) \(duration: last.at.boottimeNs &- first.at.boottimeNs) later."
            )
        }
        size(kill, &text)
        moreKills(open, &text)
        if kill.host.phase > .calm {
            text.say("The host was \(kill.host.phase == .watch ? "on" : "in") \(kill.host.phase.label) at that moment.")
        }
    }

    private func globalOom(_ open: OpenIncident, _ text: inout Phrase) {
        guard
            let kill = open.incident.kills.first(where: {
                $0.cause.killer == .kernelGlobal || $0.cause.killer == .sysrq
            })
        else { return }
        if kill.cause.killer == .sysrq {
            text.say("Someone asked the kernel to kill with sysrq-f: it chose \(victim(kill)).")
        } else {
            text.say("The machine ran out of memory, and the kernel killed \(victim(kill)).")
            if let trigger = kill.trigger, trigger.tgid != kill.victim.tgid, trigger.tgid != 0 {
                text.say("It was \(trigger) that asked for more.")
            }
        }
        size(kill, &text)
        moreKills(open, &text)
    }

    private func livelock(_ open: OpenIncident, _ text: inout Phrase) {
        let scope = open.incident.scope
        let who = cgroupLabel(scope.cgroupID, scope.cgroup)
        let howMuch: Phrase = open.throttle.peak > 0 ? " \(taskTime(open.throttle.peak))" : ""
        text.say("\(who) stalled at memory.high\(howMuch), and its use hardly moved: alive, but without progress.")
        if let track = open.cgroups.first(where: { $0.id == scope.cgroupID }), let held = open.heldBytes.value,
            let high = track.highBytes.value
        {
            text.say("It uses \(bytes: held) with memory.high at \(bytes: high).")
        }
    }

    private func thrash(_ open: OpenIncident, _ incident: Incident, _ text: inout Phrase) {
        if let link = incident.chain.first(where: { $0.kind == .growth }) {
            text.say("\(Phrase(link.sentence)).")
        }
        if let suspect = incident.suspects.first(where: { $0.pid == 0 }),
            let track = open.cgroups.first(where: { $0.path == suspect.cgroup }),
            track.maxBytes.isUnlimited
        {
            if let above = capAbove(open, track.path) {
                text.say("Its cap was that of \(cgroup: above.path): \(bytes: above.bytes).")
            } else {
                text.say(
                    track.swapMaxBytes.isUnlimited && recorder.swapTotalBytes != 0
                        ? "It had no memory cap and could use all swap." : "It had no memory cap.")
            }
        }
        let device: Phrase = open.deviceName.isEmpty ? "the disk" : "\(device: open.deviceName)"
        if incident.incidentClass == .swapThrash {
            text.say(
                "Swapping filled \(device)\(throughput(open))\(readsWaited(open) ? ", and every other read waited behind it" : "")."
            )
        } else {
            text.say(
                "The page cache was evicted and read again from \(device)\(throughput(open)): up to \(open.refault.peak) refaults/s."
            )
        }
        if let link = incident.chain.first(where: { $0.kind == .saturation && $0.outOfOrder }) {
            let began = link.onset.boottimeNs
            let early: Phrase =
                open.swapOut.onsetNs > began ? ", \(duration: open.swapOut.onsetNs - began) earlier" : ""
            text.say("But \(device) was saturated before that\(early).")
        }
        if open.stalls.peak > 0 {
            let who: Phrase = open.isHost ? "Everyone" : "It"
            text.say("\(who) stalled on memory for up to \(share: min(open.stalls.peak, 10_000)) of the time.")
        }
    }

    // Parts of sentences

    private func victim(_ kill: Kill) -> Phrase {
        let who: Phrase =
            kill.victim.uid.isUnknown && kill.victim.user.isEmpty
            ? "" : " of \(user: kill.victim.uid, name: kill.victim.user)"
        return "\(kill.victim)\(who)"
    }

    private func size(_ kill: Kill, _ text: inout Phrase) {
        let anon: Phrase? = kill.victim.anonRssBytes.value.map { "It held \(bytes: $0) of anonymous memory" }
        let died: Phrase? = kill.outcome.killToExitNs.value.map { "died after \(duration: $0)" }
        switch (anon, died) {
        case (let anon?, let died?): text.say("\(anon) and \(died).")
        case (let anon?, nil): text.say("\(anon).")
        case (nil, let died?): text.say("It \(died).")
        case (nil, nil): break
        }
    }

    private func moreKills(_ open: OpenIncident, _ text: inout Phrase) {
        let count = UInt64(open.incident.kills.count) &+ open.killsOmitted
        if count > 1 { text.say("\(count) processes were killed in all.") }
    }

    private func throughput(_ open: OpenIncident) -> Phrase {
        guard let bytes = open.deviceBytes.value else { return "" }
        var text: Phrase = " (\(bytes: bytes)/s"
        if let ceiling = open.deviceCeiling.value { text.append(" of \(bytes: ceiling)/s") }
        if let share = open.deviceSwapShare.value, share >= 100 { text.append(", \(share: share) swap") }
        text.append(")")
        return text
    }

    /// Who moved most bytes, where IO is charged to cgroups.
    private func mover(_ open: OpenIncident, _ incident: Incident) -> Phrase {
        guard accountsIO, let suspect = incident.suspects.first(where: { $0.pid == 0 }),
            let bytes = open.cgroups.first(where: { $0.path == suspect.cgroup })?.movedBytes, bytes > 0
        else { return "" }
        return " Most of it was \(cgroup: suspect.cgroup)'s (\(bytes: bytes))."
    }

    /// Whether reads that are not swap-ins took long, by the measure of an IO storm: slow, and slow for this device.
    private func readsWaited(_ open: OpenIncident) -> Bool {
        let slow = open.readP99.peak >= rules[.stormReadP99]
        guard let calm = open.deviceCalmP99.value else { return slow }
        return slow || open.readP99.peak >= calm &* rules[.stormReadFactor]
    }

    private func latency(_ open: OpenIncident) -> Phrase {
        guard open.readP99.peak > 0 else { return "" }
        let calm: Phrase = open.deviceCalmP99.value.map { ", \(duration: $0) in calm" } ?? ""
        return " (p99 up to \(duration: open.readP99.peak)\(calm))"
    }

    /// The sentence about a reset, once the next start said how long it took.
    func endingSentence(_ incident: Incident) -> Phrase {
        guard let ended = incident.ended else { return "" }
        let gap: Phrase =
            ended.gapNs.value.map { "; the next recorder started \(duration: $0) after the last record" } ?? ""
        switch ended.by {
        case .uncleanReset: return "It ended with an unclean reset\(gap)."
        case .kernelPanic: return "It ended with a kernel panic\(gap)."
        case .recorderKilled: return "The recorder itself was killed while it lasted\(gap)."
        case .open, .recovered, .cleanShutdown, .recorderStopped: return ""
        }
    }
}
