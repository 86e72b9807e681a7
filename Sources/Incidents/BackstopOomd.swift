import Events

// systemd-oomd against the facts: what it was told to watch, and why that was, or was not, enough.

extension State {
    func systemdOomd(_ open: OpenIncident, _ suspects: [Suspect]) -> BackstopFinding {
        let acted = acted(open, .systemdOomd)
        let state = backstops.first { $0.kind == .systemdOomd }
        guard let state, state.running else {
            return absent(.systemdOomd, state, acted: acted)
        }
        let settings = OomdWatch(settings: state.settings)
        let victim = open.incident.kills.first { $0.cause.killer == .systemdOomd }?.victim.cgroup
        let scope = victim ?? (open.isHost ? suspects.first { $0.pid == 0 }?.cgroup : open.incident.scope.cgroup)
        guard let scope, !scope.isEmpty else {
            return finding(.systemdOomd, acted == nil ? .gap : .holds, acted ?? "running, but it did not kill")
        }
        let pressure = settings.watched(scope, "ManagedOOMMemoryPressure")
        let swap = settings.watched(scope, "ManagedOOMSwap")
        if let acted {
            var shown: [Evidence] = []
            var text: Phrase = "\(acted) in \(cgroup: scope)"
            if let pressure {
                shown += pressureEvidence(open, pressure, settings)
                text.append(
                    "; it acts when memory full of \(cgroup: pressure) is above \(settings.pressureWords(of: pressure))"
                )
            }
            if swap != nil {
                shown += swapEvidence(open, settings)
                text.append(
                    "\(pressure == nil ? "; it acts when" : ", or when") memory and swap are both used above \(limit: settings.swapUsed)"
                )
            }
            return finding(.systemdOomd, .holds, text, shown)
        }
        let byPressure = pressure.map { whyNotByPressure(open, $0, settings) }
        let bySwap = swap.map { _ in whyNotBySwap(open, settings) }
        guard byPressure != nil || bySwap != nil else {
            return finding(
                .systemdOomd, .gap,
                "running, but no unit file tells it to watch \(cgroup: scope): neither it nor a slice above it has ManagedOOMMemoryPressure=kill or ManagedOOMSwap=kill",
                subject: "\(cgroup: scope)", consequence: "it kills nobody there",
                setting: "ManagedOOMMemoryPressure=kill of that slice (systemd.resource-control(5))")
        }
        var text: Phrase = byPressure?.inert == true ? "running, but inert: " : "running, but it did not kill: "
        if let byPressure { text.append(byPressure.text) }
        if let bySwap { text.append("\(byPressure == nil ? "" : "; ")\(bySwap.text)") }
        let isInert = byPressure?.inert == true
        return finding(
            isInert ? .oomdInert : .systemdOomd, .gap, text, (byPressure?.shown ?? []) + (bySwap?.shown ?? []),
            subject: "\(cgroup: scope)",
            consequence: isInert ? "armed, and without effect for anonymous memory that may not swap" : "",
            setting: isInert
                ? "a memory.max below what hurts, or earlyoom" : "lower limits in oomd.conf or of the slice")
    }

    private typealias Reason = (text: Phrase, shown: [Evidence], inert: Bool)

    /// Its pressure killer looks at `memory.pressure` full and, as a sign of reclaim, whether pgscan rises.
    private func whyNotByPressure(_ open: OpenIncident, _ watched: Bytes, _ settings: OomdWatch) -> Reason {
        let shown = pressureEvidence(open, watched, settings)
        let limit = settings.pressureWords(of: watched)
        guard let track = open.cgroups.first(where: { $0.path == watched }) else {
            return (
                "it acts when memory full of \(cgroup: watched) is above \(limit), and that is not known", shown, false
            )
        }
        let peak = track.fullPeak
        guard peak > settings.pressureLimit(of: watched) else {
            return (
                "memory full of \(cgroup: watched) was at most \(share: peak) over 10 s (it acts above \(limit))",
                shown,
                false
            )
        }
        let reached: Phrase =
            "memory full of \(cgroup: watched) was up to \(share: peak) over 10 s (it acts above \(limit))"
        guard let scanned = rise(track.scannedFrom, track.scannedTo), scanned == 0 else {
            return (reached, shown, false)
        }
        let noSwap = swapTotal == 0
        let why: Phrase =
            noSwap || track.swapMaxBytes.value == 0
            ? "\(noSwap ? "there is no swap" : "its swap is off"), so there is nothing to reclaim"
            : "nothing was reclaimed"
        return ("\(reached), but it only kills what reclaims, and its pgscan stayed the same (\(why))", shown, true)
    }

    private func pressureEvidence(_ open: OpenIncident, _ watched: Bytes, _ settings: OomdWatch) -> [Evidence] {
        guard let track = open.cgroups.first(where: { $0.path == watched }) else { return [] }
        return [
            evidence(
                "highest memory full of \(cgroup: watched) over 10 s", Figure(track.fullPeak / 100), "percent",
                threshold: Figure(settings.pressureLimit(of: watched) / 100), "memory.pressure"),
            evidence(
                "pgscan of \(cgroup: watched)", Figure(rise(track.scannedFrom, track.scannedTo)), "pages",
                "memory.stat pgscan"),
        ]
    }

    /// Its swap killer wants memory and swap both used above one limit.
    private func whyNotBySwap(_ open: OpenIncident, _ settings: OomdWatch) -> Reason {
        let shown = swapEvidence(open, settings)
        if swapTotal == 0 { return ("no swap whose use it could watch", shown, false) }
        let limit: Phrase = "its limit for both is \(limit: settings.swapUsed)"
        guard let (memory, swap) = highestUse(open) else {
            return ("how much memory and swap were used is not known", shown, false)
        }
        if swap <= settings.swapUsed { return ("swap was used up to \(share: swap) (\(limit))", shown, false) }
        if memory <= settings.swapUsed { return ("memory was used up to \(share: memory) (\(limit))", shown, false) }
        return ("memory was used up to \(share: memory), swap up to \(share: swap) (\(limit))", shown, false)
    }

    private func swapEvidence(_ open: OpenIncident, _ settings: OomdWatch) -> [Evidence] {
        guard let (memory, swap) = highestUse(open) else { return [] }
        let limit = Figure(settings.swapUsed / 100)
        return [
            evidence("highest memory used", Figure(memory / 100), "percent", threshold: limit, "/proc/meminfo"),
            evidence("highest swap used", Figure(swap / 100), "percent", threshold: limit, "/proc/meminfo"),
        ]
    }

    /// Memory that was not available and swap that was not free, at the most, in hundredths of a percent.
    private func highestUse(_ open: OpenIncident) -> (memory: UInt64, swap: UInt64)? {
        guard let memory = host.memory.totalBytes.value ?? recorder.memoryTotalBytes.value, memory > 0,
            let swap = swapTotal, swap > 0, let available = open.lowestAvailable.value,
            let free = open.lowestSwapFree.value
        else { return nil }
        return (
            10_000 - min(hundredths(available, of: memory), 10_000), 10_000 - min(hundredths(free, of: swap), 10_000)
        )
    }

    private var swapTotal: UInt64? { host.memory.swapTotalBytes.value ?? recorder.swapTotalBytes.value }
}

/// What systemd-oomd was told (oomd.conf(5), systemd.resource-control(5)), as the recorder read it from files: `key=value` lines, a
/// unit's property as `user.slice:ManagedOOMSwap=kill`.
struct OomdWatch {
    /// Hundredths of a percent.
    private(set) var swapUsed: UInt64 = 9_000
    private var pressure: UInt64 = 6_000
    private var duration = Bytes("30s".utf8)
    private var properties: [(unit: ArraySlice<UInt8>, key: ArraySlice<UInt8>, value: ArraySlice<UInt8>)] = []

    init(settings: Bytes) {
        for line in settings.split(separator: UInt8(ascii: "\n")) {
            guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let (key, value) = (line[..<equals], line[(equals + 1)...])
            // A unit's name may hold colons; a property's does not.
            if let colon = key.lastIndex(of: UInt8(ascii: ":")) {
                properties.append((key[..<colon], key[(colon + 1)...], value))
            } else if key.elementsEqual("SwapUsedLimit".utf8) {
                swapUsed = parseHundredths(value) ?? swapUsed
            } else if key.elementsEqual("DefaultMemoryPressureLimit".utf8) {
                pressure = parseHundredths(value) ?? pressure
            } else if key.elementsEqual("DefaultMemoryPressureDurationSec".utf8), !value.isEmpty {
                duration = Bytes(value)
            }
        }
    }

    /// The innermost cgroup at or above a path for which a property says `kill`; `nil` when none does.
    func watched(_ path: Bytes, _ key: String) -> Bytes? {
        var next: Bytes? = path
        while let cgroup = next {
            if let value = value(of: cgroup, key), value.elementsEqual("kill".utf8) { return cgroup }
            next = parentPath(cgroup)
        }
        return nil
    }

    func pressureLimit(of cgroup: Bytes) -> UInt64 {
        // 0 is "the default", as systemd has it.
        let own = value(of: cgroup, "ManagedOOMMemoryPressureLimit").flatMap { parseHundredths($0) } ?? 0
        return own > 0 ? own : pressure
    }

    /// `10 % for 3s`.
    func pressureWords(of cgroup: Bytes) -> Phrase {
        let own = value(of: cgroup, "ManagedOOMMemoryPressureDurationSec").flatMap { $0.isEmpty ? nil : Bytes($0) }
        return "\(limit: pressureLimit(of: cgroup)) for \(setting: own ?? duration)"
    }

    /// A unit's property, from the file that says most about this very unit.
    private func value(of cgroup: Bytes, _ key: String) -> ArraySlice<UInt8>? {
        let unit = cgroup == [UInt8(ascii: "/")] ? Bytes("-.slice".utf8) : baseName(cgroup)
        var best: (rank: Int, value: ArraySlice<UInt8>)?
        for property in properties where property.key.elementsEqual(key.utf8) {
            guard let rank = OomdWatch.rank(property.unit, for: unit), rank >= best?.rank ?? 0 else { continue }
            best = (rank, property.value)
        }
        return best?.value
    }

    /// How closely a file's name fits a unit: by its whole name, as its template (`user@.service`), by a prefix of its name
    /// (`user-.slice`, longer is closer), by its type alone (`slice`); `nil` not at all.
    private static func rank(_ file: ArraySlice<UInt8>, for unit: Bytes) -> Int? {
        if file.elementsEqual(unit) { return 1_000 }
        guard let dot = unit.lastIndex(of: UInt8(ascii: ".")) else { return nil }
        if file.elementsEqual(unit[(dot + 1)...]) { return 1 }
        guard let fileDot = file.lastIndex(of: UInt8(ascii: ".")), file[fileDot...].elementsEqual(unit[dot...]),
            let last = file[..<fileDot].last, file[..<fileDot].count > 1, unit.starts(with: file[..<fileDot])
        else { return nil }
        if last == UInt8(ascii: "@") { return 999 }
        return last == UInt8(ascii: "-") ? 1 + min(file.count, 900) : nil
    }
}
