import Events

// Why nobody killed: each backstop against the facts. For a contained kill: that the cap did its work.

extension State {
    func backstopFindings(_ open: OpenIncident, _ suspects: [Suspect]) -> [BackstopFinding] {
        let kills = open.incident.kills
        if open.incident.incidentClass == .containedKill {
            return kills.first.flatMap { capDidItsWork($0) }.map { [$0] } ?? []
        }
        // A watchdog's or an administrator's kill is no sign that the backstops should have acted.
        if open.incident.incidentClass == .userspaceKill, !kills.contains(where: { $0.cause.killer.isBackstop }) {
            return []
        }
        // Memory was calm: none of them is about a disk, or about what somebody asks for.
        if open.isOnRequest { return [] }
        if open.incident.incidentClass == .deviceStall || open.incident.incidentClass == .ioStorm { return [] }
        var findings = [kernel(open)]
        findings.append(earlyoom(open))
        findings.append(systemdOomd(open, suspects))
        for (kind, rule) in [(BackstopKind.oomd, FindingRule.oomd), (.nohang, .nohang)] {
            if backstops.contains(where: { $0.kind == kind && $0.running }) {
                let acted = acted(open, kind)
                findings.append(finding(rule, acted == nil ? .gap : .holds, acted ?? "running, but it did not kill"))
            }
        }
        let caps = caps(open, suspects)
        if let caps { findings.append(caps) }
        return findings + standing(open, besides: caps?.subject.bytes ?? Bytes())
    }

    /// What the judge of containment has to say of the same time: of the whole machine, or of the cgroup that it was about.
    private func standing(_ open: OpenIncident, besides named: Bytes) -> [BackstopFinding] {
        Containment(containment(during: open)).standing(besides: named).filter { finding in
            open.isHost || !finding.subject.bytes.isEmpty && isWithin(open.incident.scope.cgroup, finding.subject.bytes)
        }
    }

    /// A userspace killer that did nothing, for it does not run, or nobody looked for it; what it did do before it ended.
    func absent(_ rule: FindingRule, _ state: BackstopState?, acted: Phrase?) -> BackstopFinding {
        if let acted { return finding(rule, .holds, acted) }
        guard state != nil else { return finding(rule, .unknown, "unknown: not looked for") }
        let isAlone = !backstops.contains { $0.kind != .caps && $0.running }
        return finding(
            rule, isAlone ? .gap : .note, "not running",
            consequence: isAlone ? "no userspace killer ran at all" : "",
            setting: isAlone ? "earlyoom, or systemd-oomd with ManagedOOMMemoryPressure=kill" : "")
    }

    private func capDidItsWork(_ kill: Kill) -> BackstopFinding? {
        guard kill.cause.killer == .kernelMemcg else { return nil }
        guard let memcg = kill.cgroup.first(where: \.isOomMemcg) else {
            return finding(.caps, .holds, "a memory cap did its work: the kernel killed inside the cgroup")
        }
        let limit: Phrase = memcg.maxBytes.value.map { " (\(bytes: $0))" } ?? ""
        return finding(
            .caps, .holds,
            "the cap did its work: \(cgroup: memcg.cgroup) reached its limit\(limit), and the kernel killed inside it",
            [
                evidence(
                    "memory.current", memcg.currentBytes, "bytes", threshold: memcg.maxBytes,
                    kill.quality.fromKmsg ? "/dev/kmsg" : "oom:mark_victim")
            ], subject: "\(cgroup: memcg.cgroup)")
    }

    private func kernel(_ open: OpenIncident) -> BackstopFinding {
        let killed = open.incident.kills.filter { $0.cause.killer.isKernel }.count
        if killed > 0 { return finding(.kernel, .holds, "its OOM killer killed \(killed, of: "process")") }
        if !open.isHost { return cgroupKernel(open) }
        let stolen = rise(open.stolenFrom, open.stolenTo)
        let scanned = rise(open.scannedFrom, open.scannedTo)
        let span = max(nowNs &- open.openedNs, 1)
        var shown: [Evidence] = []
        if let stolen {
            shown.append(
                evidence("pages reclaimed", Figure(perSecond(stolen, over: span)), "pages/s", "/proc/vmstat pgsteal"))
        }
        if let scanned {
            shown.append(
                evidence("pages scanned", Figure(perSecond(scanned, over: span)), "pages/s", "/proc/vmstat pgscan"))
        }
        if !open.lowestSwapFree.isUnknown {
            shown.append(evidence("lowest free swap", open.lowestSwapFree, "bytes", "/proc/meminfo SwapFree"))
        }
        if let stolen, stolen > 0 {
            return finding(
                .kernel, .gap, "no OOM: reclaim still progressed (\(perSecond(stolen, over: span)) pages/s)", shown,
                consequence: "while reclaim frees anything at all, however slowly, the kernel kills nobody",
                setting: "memory.max for what grows, or a userspace killer")
        }
        return finding(.kernel, .gap, "no OOM was declared", shown)
    }

    private func cgroupKernel(_ open: OpenIncident) -> BackstopFinding {
        guard let track = open.cgroups.first(where: { $0.id == open.incident.scope.cgroupID }),
            !track.maxBytes.isUnknown
        else {
            return finding(.kernel, .gap, "no OOM was declared in the cgroup")
        }
        if track.maxBytes.isUnlimited {
            return finding(
                .kernel, .gap, "no OOM: the cgroup has no memory.max",
                consequence: "nobody ends what is throttled there", setting: "memory.max of \(cgroup: track.path)")
        }
        return finding(
            .kernel, .gap,
            "no OOM: its memory.max (\(limit(track.maxBytes))) could always be kept by reclaim or throttling",
            consequence: "memory.high holds it below memory.max: alive, and without progress",
            setting: "memory.high near memory.max, or none")
    }

    /// What a userspace killer did in this incident; `nil` when nothing.
    func acted(_ open: OpenIncident, _ kind: BackstopKind) -> Phrase? {
        let killer: Killer =
            switch kind {
            case .earlyoom: .earlyoom
            case .systemdOomd: .systemdOomd
            case .oomd: .oomd
            case .nohang: .nohang
            case .caps, .unknown: .unknown
            }
        guard killer != .unknown else { return nil }
        let kills = open.incident.kills.filter { $0.cause.killer == killer }
        guard let first = kills.first else { return nil }
        let more: Phrase = kills.count > 1 ? " and \(kills.count - 1) more" : ""
        return "acted: it killed \(first.victim)\(more)"
    }

    /// The suspect's caps, and what the caps elsewhere add up to.
    private func caps(_ open: OpenIncident, _ suspects: [Suspect]) -> BackstopFinding? {
        let named = suspects.first { $0.pid == 0 }?.cgroup ?? (open.isHost ? nil : open.incident.scope.cgroup)
        guard let named, let track = open.cgroups.first(where: { $0.path == named }), !track.maxBytes.isUnknown else {
            return nil
        }
        var shown = [
            evidence("memory.max of \(cgroup: named)", track.maxBytes, "bytes", "memory.max"),
            evidence("memory.high of \(cgroup: named)", track.highBytes, "bytes", "memory.high"),
            evidence("memory.swap.max of \(cgroup: named)", track.swapMaxBytes, "bytes", "memory.swap.max"),
        ]
        var text = limits(track)
        // Without one of its own it is held by the nearest above it that has one.
        let above = open.cgroups.filter { $0.path != named && isWithin(named, $0.path) && $0.hasCap }
        if !track.hasCap, let holder = above.max(by: { $0.path.count < $1.path.count }) {
            text.append("; above it \(limits(holder))")
        }
        let elsewhere = capsElsewhere(open, named)
        if let trees = elsewhere.trees, trees > 0 {
            shown.append(
                evidence(
                    "caps elsewhere, added up", Figure(elsewhere.bytes), "bytes", threshold: recorder.memoryTotalBytes,
                    "memory.max")
            )
            text.append("; caps elsewhere add up to \(bytes: elsewhere.bytes)")
            if let memory = recorder.memoryTotalBytes.value { text.append(" of \(bytes: memory)") }
        }
        if let uncapped = elsewhere.uncapped { text.append("; \(uncapped, of: "tree") without a cap") }
        let isCapped = track.hasCap || !above.isEmpty
        return finding(
            .caps, isCapped ? .note : .gap, text, shown, subject: "\(cgroup: named)",
            consequence: isCapped ? "" : "it could take all memory\(track.swapMaxBytes == 0 ? "" : ", and swap")",
            setting: isCapped ? "" : "memory.max of \(cgroup: named)")
    }

    /// The least memory.max of a cgroup's ancestors: it holds for all that is below.
    func capAbove(_ open: OpenIncident, _ path: Bytes) -> (path: Bytes, bytes: UInt64)? {
        var found: [(path: Bytes, bytes: UInt64)] = open.cgroups.compactMap { track in
            track.maxBytes.value.map { (track.path, $0) }
        }
        if let state = backstops.first(where: { $0.kind == .caps }) {
            // As sampled goes before as summed up: it is newer.
            found += CapSums(settings: state.settings).capped.filter { cap in
                !open.cgroups.contains { $0.path == cap.path && !$0.maxBytes.isUnknown }
            }
        }
        return found.filter { $0.path != path && isWithin(path, $0.path) }.min { $0.bytes < $1.bytes }
    }

    /// What the caps outside a cgroup add up to: by the recorder's own sum over the tree, else by the cgroups that were sampled.
    private func capsElsewhere(_ open: OpenIncident, _ named: Bytes) -> (
        trees: UInt64?, bytes: UInt64, uncapped: UInt64?
    ) {
        if let state = backstops.first(where: { $0.kind == .caps }) {
            let sums = CapSums(settings: state.settings)
            if let trees = sums.trees, let bytes = sums.bytes {
                let own = sums.capped.filter { isWithin($0.path, named) || isWithin(named, $0.path) }
                let ownBytes = own.reduce(0 as UInt64) { $0 &+ $1.bytes }
                return (trees - min(trees, UInt64(own.count)), bytes - min(bytes, ownBytes), sums.uncapped)
            }
        }
        let capped = open.cgroups.filter { other in
            other.maxBytes.value != nil && !isWithin(other.path, named)
                && !open.cgroups.contains {
                    $0.id != other.id && $0.maxBytes.value != nil && isWithin(other.path, $0.path)
                }
        }
        return (UInt64(capped.count), capped.reduce(0) { $0 &+ ($1.maxBytes.value ?? 0) }, nil)
    }

    private func limits(_ track: CgroupTrack) -> Phrase {
        "\(cgroup: track.path): memory.max=\(limit(track.maxBytes)), memory.high=\(limit(track.highBytes)), memory.swap.max=\(limit(track.swapMaxBytes))"
    }

    private func limit(_ figure: Figure) -> Phrase {
        figure.isUnlimited ? "max" : figure.value.map { "\(bytes: $0)" } ?? "unknown"
    }
}

/// The recorder's sum of the caps, one `key=value` a line (`BackstopKind.caps`).
struct CapSums {
    var trees: UInt64?
    var bytes: UInt64?
    var uncapped: UInt64?
    /// The largest, by path.
    var capped: [(path: Bytes, bytes: UInt64)] = []
    /// Cgroups below which memory is controlled and IO is not, the highest first; `nil` where that was not recorded.
    var ioEnds: [Bytes]?

    init(settings: Bytes) {
        for line in settings.split(separator: UInt8(ascii: "\n")) {
            guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let value = line[(equals + 1)...]
            let number = wholeNumber(value.prefix { $0 != UInt8(ascii: " ") })
            switch String(decoding: line[..<equals], as: UTF8.self) {
            case "capped_trees": trees = number
            case "capped_total_bytes": bytes = number
            case "uncapped_trees": uncapped = number
            case "io_ends_trees": ioEnds = ioEnds ?? []
            case "io_ends": ioEnds = (ioEnds ?? []) + [Bytes(value)]
            case "capped":
                guard let space = value.firstIndex(of: UInt8(ascii: " ")), let number else { continue }
                capped.append((Bytes(value[(space + 1)...]), number))
            default: break
            }
        }
    }
}
