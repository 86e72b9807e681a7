import Events

// The causal chain: growth, reclaim or throttle, swap-out or refault, saturation, stalls, kill, end. A link without evidence is left out.

extension State {
    func chain(_ open: OpenIncident, _ suspects: [Suspect]) -> [Link] {
        var links: [Link] = []
        // With memory calm, what grew is page cache on its way to the disk: no cause of anything. And a disk does not stop completing
        // because somebody grew, even if a kill happens meanwhile.
        let isAboutDisk = open.incident.incidentClass == .ioStorm || open.incident.incidentClass == .deviceStall
        if !isAboutDisk, let link = growth(open, suspects) { links.append(link) }
        if open.reclaim.onsetNs != 0 {
            let source = open.isHost ? "/proc/vmstat pgscan_kswapd + pgscan_direct" : "memory.stat pgscan"
            // Only reclaim swaps out: it ran by then, although a cgroup's pgscan is read less often than its swap writes are heard.
            let swapOut = open.swapOut.onsetNs
            let onset = swapOut == 0 ? open.reclaim.onsetNs : min(open.reclaim.onsetNs, swapOut)
            links.append(
                link(
                    .reclaim, onset, "reclaim scanned up to \(open.reclaim.peak) pages/s", .high,
                    [
                        evidence(
                            "pages scanned", Figure(open.reclaim.peak), "pages/s",
                            threshold: Figure(rules[.globalReclaimRate]), source)
                    ]))
        }
        if open.throttle.onsetNs != 0 {
            links.append(
                link(
                    .throttle, open.throttle.onsetNs,
                    "tasks stalled at memory.high \(taskTime(open.throttle.peak))", .high,
                    [
                        evidence(
                            "task time at memory.high", Figure(open.throttle.peak / 100), "percent",
                            threshold: Figure(rules[.livelockStall]), "memory.high stall hook")
                    ]))
        }
        if open.swapOut.onsetNs != 0 { links.append(swapOut(open)) }
        if open.refault.onsetNs != 0 {
            links.append(
                link(
                    .refault, open.refault.onsetNs,
                    "up to \(open.refault.peak) pages/s were read again after their eviction", .high,
                    [refaultEvidence(open)]))
        }
        // After a stall a device catches up with all that waited: an effect of it, and no trouble.
        let isCatchingUp =
            open.incident.incidentClass == .deviceStall
            && open.saturation.onsetNs > open.incident.started.boottimeNs
        if open.saturation.onsetNs != 0, !isCatchingUp { links.append(saturation(open)) }
        if let link = stalls(open) { links.append(link) }
        if let link = kills(open) { links.append(link) }
        markBroken(&links)
        return links
    }

    private func link(_ kind: LinkKind, _ ns: UInt64, _ text: Phrase, _ confidence: Confidence, _ evidence: [Evidence])
        -> Link
    {
        var link = Link()
        link.kind = kind
        link.onset = ns == 0 ? .unknown : Moment(boottimeNs: ns)
        link.sentence = text.sentence
        link.confidence = confidence
        link.evidence = evidence
        return link
    }

    private func growth(_ open: OpenIncident, _ suspects: [Suspect]) -> Link? {
        let track = suspects.lazy.filter { $0.pid == 0 }.compactMap { suspect in
            open.cgroups.first { $0.path == suspect.cgroup && ($0.grewBytes ?? 0) > 0 }
        }.first
        if let track, let from = track.lowBytes.value, let to = track.peakBytes.value {
            var text: Phrase =
                "\(cgroup: track.path) grew from \(bytes: from) to \(bytes: to) in \(duration: track.peakNs &- min(track.lowNs, track.peakNs))"
            let process = suspects.first { $0.pid != 0 && !$0.grewBytes.isUnknown && isWithin($0.cgroup, track.path) }
            if let process, let grew = process.grewBytes.value {
                text.append("; \(process) +\(bytes: grew)")
            }
            let mostOfIt = suspects.first { $0.cgroup == track.path && $0.pid == 0 }?.confidence ?? .medium
            return link(
                .growth, track.lowNs, text, mostOfIt,
                [
                    evidence(
                        "memory and swap of \(cgroup: track.path)", Figure(to), "bytes", threshold: Figure(from),
                        "memory.current + memory.swap.current")
                ])
        }
        // Without samples of the cgroup: what the kill itself says.
        guard
            let kill = open.incident.kills.first(where: {
                $0.cause.killer.isAboutMemory && !$0.victim.startTime.isUnknown && !$0.victim.anonRssBytes.isUnknown
            }),
            let held = sum(kill.victim.anonRssBytes, kill.victim.shmemRssBytes, kill.victim.swapBytes).value, held > 0
        else { return nil }
        let age = kill.at.boottimeNs &- min(kill.victim.startTime.boottimeNs, kill.at.boottimeNs)
        return link(
            .growth, kill.victim.startTime.boottimeNs,
            "\(kill.victim) grew to \(bytes: held) within \(duration: age) of its start",
            age <= rules[.growthLookback] ? .medium : .low,
            [
                evidence(
                    "memory and swap of the victim", Figure(held), "bytes",
                    threshold: kill.cgroup.first(where: \.isOomMemcg)?.maxBytes ?? .unknown,
                    kill.cause.killer.isKernel ? "oom:mark_victim" : "signal:signal_generate")
            ])
    }

    private func swapOut(_ open: OpenIncident) -> Link {
        var text: Phrase = "swap-out of up to \(bytes: open.swapOut.peak)/s"
        var shown = [
            evidence(
                "swap-out", Figure(open.swapOut.peak), "bytes/s",
                threshold: Figure(rules[.pagingRate]).scaled(by: recorder.pageSize),
                open.isHost ? "/proc/vmstat pswpout" : "block IO hook, swap writes")
        ]
        if let from = open.swapUsedFrom.value, let to = open.swapUsedPeak.value, to > from {
            text.append("; swap in use \(bytes: from) -> \(bytes: to)")
            shown.append(
                evidence(
                    "swap in use", Figure(to), "bytes", threshold: recorder.swapTotalBytes, "/proc/meminfo SwapFree"))
        }
        return link(.swapOut, open.swapOut.onsetNs, text, .high, shown)
    }

    /// Task time adds up over tasks: beyond the whole it is said in seconds. (Stalls are told at their ends: a little more is
    /// one task all the time.)
    func taskTime(_ share: UInt64) -> Phrase {
        share <= 10_500
            ? "for \(share: min(share, 10_000)) of the time (task time)"
            : "for \(duration: share &* 100_000) of task time in every second"
    }

    private func saturation(_ open: OpenIncident) -> Link {
        var text: Phrase = "\(device: open.deviceName)"
        var shown: [Evidence] = []
        if let bytes = open.deviceBytes.value {
            text.append(" moved \(bytes: bytes)/s")
            let known = open.deviceCeilingIsSet ? "set" : "learned"
            if let ceiling = open.deviceCeiling.value { text.append(" of \(bytes: ceiling)/s (\(known))") }
            shown.append(
                evidence(
                    "throughput of \(device: open.deviceName), ceiling \(open.deviceCeiling.isUnknown ? "unknown" : known)",
                    Figure(bytes), "bytes/s", threshold: open.deviceCeiling, "/sys/block/*/stat"))
        }
        if let share = open.deviceSwapShare.value, share >= 100, let found = swapShareEvidence(open) {
            text.append(", \(share: share) of it swap")
            shown.append(found)
        }
        if open.readP99.peak > 0 {
            text.append("; reads p99 ")
            if let calm = open.deviceCalmP99.value { text.append("\(duration: calm) -> ") }
            text.append("\(duration: open.readP99.peak)")
            shown.append(
                evidence("read p99", Figure(open.readP99.peak), "ns", threshold: open.deviceCalmP99, "block IO hook"))
        }
        // A host that throttles its guest's disk shows as time in the device; a queue that is too deep as time before it.
        if let queue = open.requestQueueNs.value, let device = open.requestDeviceNs.value {
            text.append(
                "; the mean request waited \(duration: queue) in the kernel's queue and \(duration: device) in the device"
            )
            shown.append(evidence("mean time in the kernel's queue", Figure(queue), "ns", "block IO hook"))
            shown.append(evidence("mean time in the device", Figure(device), "ns", "block IO hook"))
        }
        return link(.saturation, open.saturation.onsetNs, text, .high, shown)
    }

    private func stalls(_ open: OpenIncident) -> Link? {
        if let silence = open.deviceSilenceNs.value, open.incident.incidentClass == .deviceStall {
            return link(
                .stalls, open.incident.started.boottimeNs,
                "\(device: open.deviceName): \(open.deviceInflight.value ?? 0, of: "request") in flight, none completed for \(duration: silence)",
                .high,
                [silenceEvidence(open)])
        }
        let onset: UInt64 =
            [open.stalls.onsetNs, open.blocked.onsetNs, open.readP99.onsetNs].filter { $0 != 0 }.min() ?? 0
        guard onset != 0 else { return nil }
        var parts: [Phrase] = []
        var shown: [Evidence] = []
        if open.stalls.onsetNs != 0 {
            parts.append("memory full up to \(share: open.stalls.peak)")
            shown.append(
                evidence(
                    "memory full", Figure(open.stalls.peak / 100), "percent",
                    threshold: Figure(rules[.memoryFullPressure]),
                    open.isHost ? "/proc/pressure/memory" : "memory.pressure"))
        }
        if open.blocked.onsetNs != 0 {
            let from: Phrase = open.blockedFrom.value.map { "\($0) -> " } ?? ""
            parts.append("tasks in D state \(from)\(open.blocked.peak)")
            shown.append(
                evidence(
                    "blocked tasks", Figure(open.blocked.peak), "tasks", threshold: Figure(rules[.blockedTasksThrash]),
                    "/proc/stat procs_blocked"))
        }
        if open.isHost, let from = open.loadFrom.value, let to = open.loadPeak.value {
            let (before, most) = ((from &+ 500) / 1000, (to &+ 500) / 1000)
            if most > before {
                parts.append("load \(before) -> \(most)")
            } else if most > UInt64(recorder.cpus) {
                // An average over a minute may have been high for other reasons before.
                parts.append("load \(most)")
            }
        }
        if open.readP99.onsetNs != 0 {
            parts.append("reads of others waited, p99 up to \(duration: open.readP99.peak)")
            shown.append(slowReadEvidence(open))
        }
        var text = Phrase()
        for part in parts { text.append(text.isEmpty ? part : ", \(part)") }
        return link(.stalls, onset, text, .high, shown)
    }

    private func kills(_ open: OpenIncident) -> Link? {
        guard let first = open.incident.kills.first else { return nil }
        var text: Phrase = "\(first.victim) killed by \(killerWords(first))"
        let count = UInt64(open.incident.kills.count) &+ open.killsOmitted
        if count > 1 { text.append("; \(count) kills in all") }
        return link(.kill, first.at.boottimeNs, text, first.cause.confidence, first.cause.evidence)
    }

    /// An effect that began before its supposed cause breaks the chain: said, not hidden.
    private func markBroken(_ links: inout [Link]) {
        for index in links.indices where !links[index].onset.isUnknown {
            let level = links[index].kind.level
            // A machine that reads files reclaims page cache all the time: that contradicts nothing.
            if links[index].kind == .reclaim {
                if let grew = links.first(where: { $0.kind == .growth })?.onset, !grew.isUnknown,
                    grew > links[index].onset
                {
                    links[index].sentence.append("; it ran already before the growth")
                }
                continue
            }
            let earlier = links[..<index].filter { !$0.onset.isUnknown && $0.kind.level < level }
            // Tasks stall from the first pages that reclaim takes, whether the device saturates at once or in the end: stalls
            // are early only when nothing that makes tasks stall had begun.
            let stalling = links[index].kind == .stalls ? earlier.filter { $0.kind != .growth } : []
            guard
                let cause = stalling.min(by: { $0.onset < $1.onset })
                    ?? earlier.max(by: { a, b in
                        a.kind.level != b.kind.level ? a.kind.level < b.kind.level : a.onset > b.onset
                    })
            else { continue }
            let onset = links[index].onset.boottimeNs
            guard cause.onset.boottimeNs > onset, cause.onset.boottimeNs - onset > rules[.chainTolerance] else {
                continue
            }
            links[index].outOfOrder = true
            let early: Phrase =
                " (began \(duration: cause.onset.boottimeNs - onset) before the \(cause.kind.words): not caused by it)"
            links[index].sentence.append(early)
        }
    }

    /// The last link: how it ended.
    func endChain(_ incident: inout Incident) {
        incident.chain.removeAll { $0.kind == .reset || $0.kind == .recovery }
        guard let ended = incident.ended else { return }
        let length = ended.at.boottimeNs &- incident.started.boottimeNs
        switch ended.by {
        case .recovered:
            incident.chain.append(
                link(.recovery, ended.at.boottimeNs, "recovered after \(duration: length)", .high, []))
        case .uncleanReset, .kernelPanic:
            var text: Phrase = ended.by == .kernelPanic ? "the kernel panicked" : "last record before the reset"
            var shown: [Evidence] = []
            if let gap = ended.gapNs.value {
                text.append("; the next record came \(duration: gap) later")
                shown.append(evidence("time without a record", Figure(gap), "ns", "wall clock of both boots"))
            }
            text.append("; \(incident.quality.lostEvents, of: "event") lost before it")
            incident.chain.append(link(.reset, ended.at.boottimeNs, text, .high, shown))
        case .open, .cleanShutdown, .recorderStopped, .recorderKilled: break
        }
    }
}

extension LinkKind {
    /// Causes have lower levels than their effects.
    fileprivate var level: Int {
        switch self {
        case .unknown, .growth: 0
        case .reclaim, .throttle: 1
        case .swapOut, .refault: 2
        case .saturation: 3
        case .stalls: 4
        case .kill: 5
        case .reset, .recovery: 6
        }
    }

    fileprivate var words: String {
        switch self {
        case .unknown: "unknown"
        case .growth: "growth"
        case .reclaim: "reclaim"
        case .throttle: "throttling"
        case .swapOut: "swap-out"
        case .refault: "refaults"
        case .saturation: "saturation"
        case .stalls: "stalls"
        case .kill: "kill"
        case .reset: "reset"
        case .recovery: "recovery"
        }
    }
}
