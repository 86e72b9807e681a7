import Events

// Who may have caused it, and who stalled because of it.

extension State {
    /// Cgroups, then processes, most suspicious first. For an incident of a cgroup only those within its scope.
    func suspects(_ open: OpenIncident) -> [Suspect] {
        // A watchdog's or an administrator's kill accuses nobody of having grown.
        if open.incident.incidentClass == .userspaceKill,
            !open.incident.kills.contains(where: { $0.cause.killer.isAboutMemory })
        {
            return []
        }
        if open.isOnRequest { return [] }
        // A device that completes nothing, with memory calm: nobody's growth is to blame.
        if open.incident.incidentClass == .deviceStall { return [] }
        // Who moved the bytes is known by cgroup; what a process holds in memory says nothing of it.
        if open.incident.incidentClass == .ioStorm { return cgroupSuspects(open) }
        let groups = cgroupSuspects(open)
        var processes = processSuspects(open)
        // What a process holds is its own memory: where another cgroup grew more, by its page cache say, it is not alone in front.
        if let first = groups.first, let grew = first.grewBytes.value {
            for index in processes.indices
            where processes[index].confidence == .high && !isWithin(processes[index].cgroup, first.cgroup)
                && processes[index].grewBytes.value ?? 0 < grew
            {
                processes[index].confidence = .medium
            }
        }
        // Beside a process of the root cgroup that grew, a cgroup that hardly did is no suspect either.
        let least = leastSuspicious(processes.compactMap(\.grewBytes.value).max() ?? 0)
        return groups.filter { suspect in
            suspect.grewBytes.value ?? 0 >= least
                || suspect.swapWrittenBytes.value ?? 0 > 0 || suspect.throttledNs.value ?? 0 > 0
        } + processes
    }

    private func cgroupSuspects(_ open: OpenIncident) -> [Suspect] {
        let storm = open.incident.incidentClass == .ioStorm
        var weights: [UInt64: UInt64] = [:]
        for track in open.cgroups { weights[track.id] = storm ? track.movedBytes : weight(track, in: open) }
        func weigh(_ track: CgroupTrack) -> UInt64 { weights[track.id] ?? 0 }
        var ranked = open.cgroups.filter { track in
            guard isSomebodys(track.path), open.covers(track.id, track.path) else { return false }
            return weigh(track) > 0
        }
        ranked.sort { a, b in weigh(a) != weigh(b) ? weigh(a) > weigh(b) : a.path.lexicographicallyPrecedes(b.path)
        }
        // An ancestor most of whose part is one child's says nothing new: the innermost is named. (Half, not nearly all: in the lab two
        // users who had just logged in made user.slice the suspect instead of the third, with three quarters of it.)
        var kept: [CgroupTrack] = []
        for track in ranked {
            let explained = ranked.contains { other in
                other.id != track.id && isWithin(other.path, track.path) && weigh(other) >= weigh(track) / 2
            }
            if !explained || track.id == open.incident.scope.cgroupID { kept.append(track) }
        }
        let most = kept.first.map(weigh) ?? 0
        let second = runnerUp(kept, weigh)
        let least = leastSuspicious(most)
        let leastThrottled = max(leastSuspicious(kept.map(\.throttledNs).max() ?? 0), 1)
        kept = kept.filter { weigh($0) >= least || $0.throttledNs >= leastThrottled }
        return kept.prefix(Bounds.suspects).map { track in
            var suspect = Suspect()
            let identity = Identity(path: track.path)
            suspect.cgroup = track.path
            if let uid = identity.uid {
                suspect.uid = Figure(UInt64(uid))
                suspect.user = userName(uid)
            }
            suspect.grewBytes = Figure(track.grewBytes)
            suspect.swapWrittenBytes = swapWritten(track, in: open)
            suspect.throttledNs = heardStalls ? Figure(track.throttledNs) : .unknown
            suspect.evidence = suspectEvidence(track, suspect)
            // Alone in front: high. Side by side with others, or without growth: less.
            let mine = weigh(track)
            suspect.confidence =
                track.grewBytes == nil && !storm
                ? .low : mine == most && second < most / 2 ? .high : mine >= most / 2 ? .medium : .low
            return suspect
        }
    }

    /// Where a cgroup's figures come from.
    private func suspectEvidence(_ track: CgroupTrack, _ suspect: Suspect) -> [Evidence] {
        var shown: [Evidence] = []
        if !track.peakBytes.isUnknown {
            shown.append(
                evidence(
                    "memory and swap", track.peakBytes, "bytes", threshold: track.lowBytes,
                    "memory.current + memory.swap.current"))
        }
        if suspect.swapWrittenBytes.value ?? 0 > 0 {
            shown.append(evidence("swap written", suspect.swapWrittenBytes, "bytes", "block IO hook, by cgroup"))
        }
        if track.throttledNs > 0 {
            shown.append(evidence("task time at memory.high", suspect.throttledNs, "ns", "memory.high stall hook"))
        }
        return shown
    }

    /// What still makes a suspect beside the largest one.
    private func leastSuspicious(_ most: UInt64) -> UInt64 { most / 100 &* rules[.suspectShare] }

    private func runnerUp(_ tracks: [CgroupTrack], _ weigh: (CgroupTrack) -> UInt64) -> UInt64 {
        guard let first = tracks.first else { return 0 }
        for track in tracks.dropFirst() where !isWithin(track.path, first.path) && !isWithin(first.path, track.path) {
            return weigh(track)
        }
        return 0
    }

    /// Growth and swap written, in bytes; throttle time breaks ties only where nobody grew.
    private func weight(_ track: CgroupTrack, in open: OpenIncident) -> UInt64 {
        let bytes = (track.grewBytes ?? 0) &+ charged(track, in: open).swap
        return bytes > 0 ? bytes &+ 1_000_000 : track.throttledNs / 1_000_000
    }

    /// What the kernel charged to a cgroup and those below it.
    private func charged(_ track: CgroupTrack, in open: OpenIncident) -> (moved: UInt64, swap: UInt64) {
        var sum: (moved: UInt64, swap: UInt64) = (0, 0)
        for other in open.cgroups where other.id == track.id || isWithin(other.path, track.path) {
            sum.moved &+= other.movedBytes
            sum.swap &+= other.swapWritten
        }
        return sum
    }

    /// Swap that a cgroup wrote. A cgroup that has no io controller is charged nothing, an ancestor is charged instead: whose swap
    /// grew without a byte of IO is such a one, and not one that wrote nothing.
    private func swapWritten(_ track: CgroupTrack, in open: OpenIncident) -> Figure {
        let charged = charged(track, in: open)
        if charged.moved > 0 { return Figure(charged.swap) }
        return accountsIO && track.swapPeak.value ?? 0 == 0 ? 0 : .unknown
    }

    /// Whether IO is charged to cgroups: by the root's controllers when the recorder started, or because some was charged since.
    var accountsIO: Bool {
        recorder.ioAccounted || cgroups.contains { $0.id > 1 && $0.activity.latest.movedBytes > 0 }
    }

    /// Whether throttle time is measured at all here.
    var heardStalls: Bool {
        hooks.contains { $0.name == Bytes("memory_high".utf8) && $0.mode != .absent }
            || cgroups.contains { $0.activity.latest.throttledNs > 0 }
    }

    private func processSuspects(_ open: OpenIncident) -> [Suspect] {
        var ranked = open.processes.filter { track in
            track.tgid != recorder.recorderTgid && (open.isHost || open.covers(track.cgroup, track.path))
                && (grew(track) > 0 || open.incident.kills.contains { $0.victim.tgid == track.tgid })
        }
        ranked.sort { a, b in
            let (x, y) = (grew(a), grew(b))
            return x != y ? x > y : a.tgid < b.tgid
        }
        let most = ranked.first.map(grew) ?? 0
        let least = leastSuspicious(most)
        return ranked.prefix(Bounds.processSuspects).filter { grew($0) >= least }.map { track in
            var suspect = Suspect()
            suspect.cgroup = track.path
            suspect.pid = track.tgid
            suspect.comm = track.comm
            suspect.uid = Figure(uid: track.uid)
            suspect.user = userName(track.uid)
            suspect.grewBytes = grew(track) > 0 ? Figure(grew(track)) : .unknown
            suspect.evidence = [
                evidence(
                    "anonymous and shared memory and swap", track.peakBytes, "bytes", threshold: track.firstBytes,
                    "BPF task iterator, oom:mark_victim")
            ]
            let mine = grew(track)
            suspect.confidence =
                mine == 0 ? .low : mine == most && (ranked.count < 2 || grew(ranked[1]) < most / 2) ? .high : .medium
            return suspect
        }
    }

    /// A cgroup that can be named as having done or suffered something: not the root, and not the recorder's own.
    private func isSomebodys(_ path: Bytes) -> Bool {
        !path.isEmpty && path != [UInt8(ascii: "/")] && path != RecorderCgroup.path
    }

    private func grew(_ track: ProcessTrack) -> UInt64 { rise(track.firstBytes, track.peakBytes) ?? 0 }

    /// Those that stalled and are not the suspect, most stalled first. Their pressure is a union over their tasks.
    func bystanders(_ open: OpenIncident, _ suspects: [Suspect]) -> [Bystander] {
        // A kill that was contained, or no matter of memory: whoever waits for the disk meanwhile does so for reasons of its own.
        if open.incident.incidentClass <= .userspaceKill, host.phase.phase < .pressure,
            open.incident.kills.allSatisfy({ $0.host.phase < .pressure })
        {
            return []
        }
        let suspect = suspects.first { $0.pid == 0 }?.cgroup ?? (open.isHost ? nil : open.incident.scope.cgroup)
        var found: [Bystander] = []
        for track in open.cgroups {
            guard isSomebodys(track.path),
                suspect.map({ !isWithin(track.path, $0) && !isWithin($0, track.path) }) ?? true,
                open.isHost || !open.covers(track.id, track.path)
            else { continue }
            let io = (rise(track.ioFullFrom, track.ioFullTo) ?? 0) &* 1000
            let memory = (rise(track.memoryFullFrom, track.memoryFullTo) ?? 0) &* 1000
            var bystander = Bystander()
            bystander.cgroup = track.path
            if max(io, memory) > 0 {
                bystander.stalledNs = Figure(max(io, memory))
                bystander.source = Bytes((io >= memory ? "PSI io full" : "PSI memory full").utf8)
            } else if track.slowestReadNs > 0 {
                bystander.stalledNs = Figure(track.slowestReadNs)
                bystander.source = Bytes("slowest read".utf8)
            } else {
                continue
            }
            found.append(bystander)
        }
        // An ancestor stalls whenever all its children do: the innermost are named.
        found = found.filter { one in !found.contains { $0.cgroup != one.cgroup && isWithin($0.cgroup, one.cgroup) } }
        found.sort { a, b in
            let (x, y) = (a.stalledNs.value ?? 0, b.stalledNs.value ?? 0)
            return x != y ? x > y : a.cgroup.lexicographicallyPrecedes(b.cgroup)
        }
        // What is less than a hundredth of the time did not hurt.
        let length = max(nowNs &- open.incident.started.boottimeNs, 1)
        return Array(found.filter { $0.stalledNs.value ?? 0 >= length / 100 }.prefix(Bounds.bystanders))
    }
}
