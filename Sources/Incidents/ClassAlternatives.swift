import Events

// What else the incident could have been, and the figure that decided against it. What was not heard is not ruled out: then nothing
// is said.

extension State {
    /// The other classes, the strongest first.
    func classAlternatives(_ open: OpenIncident) -> [Alternative] {
        IncidentClass.allCases.sorted(by: >).compactMap { candidate in
            guard candidate != open.incident.incidentClass else { return nil }
            if open.incident.classes.contains(where: { $0.to == candidate }) {
                return alternative(
                    candidate.label, "it was that too; \(open.incident.incidentClass.label) is the stronger class")
            }
            switch candidate {
            case .swapThrash: return notSwapThrash(open)
            case .fileThrash: return notFileThrash(open)
            case .globalOom, .userspaceKill, .containedKill: return noKill(open, candidate)
            case .deviceStall: return notDeviceStall(open)
            case .throttleLivelock: return notLivelock(open)
            case .ioStorm: return notIOStorm(open)
            }
        }
    }

    func alternative(_ name: String, _ text: Phrase, _ evidence: [Evidence] = []) -> Alternative {
        alternative("\(name)" as Phrase, text, evidence)
    }

    func alternative(_ name: Phrase, _ text: Phrase, _ evidence: [Evidence] = []) -> Alternative {
        var result = Alternative()
        result.nameSentence = name.sentence
        result.sentence = text.sentence
        result.evidence = evidence
        return result
    }

    private func notSwapThrash(_ open: OpenIncident) -> Alternative? {
        let name = IncidentClass.swapThrash.label
        if let calm = notThrash(open, name) { return calm }
        guard let share = swapShareEvidence(open) else { return nil }
        return alternative(name, "swap was the smaller part of what the device moved", [share])
    }

    private func notFileThrash(_ open: OpenIncident) -> Alternative? {
        let name = IncidentClass.fileThrash.label
        if let calm = notThrash(open, name) { return calm }
        guard let share = swapShareEvidence(open) else { return nil }
        if open.deviceSwapShare.value ?? 0 >= rules[.pagingShare] * 100 {
            return alternative(name, "swap, not the page cache, was most of what the device moved", [share])
        }
        return alternative(
            name, "little of the page cache was read again after its eviction",
            [refaultEvidence(open)])
    }

    /// What rules out thrash of either kind: a device that completes nothing, or the phase.
    private func notThrash(_ open: OpenIncident, _ name: String) -> Alternative? {
        if let stalled = nothingCompleted(open, name) { return stalled }
        guard open.incident.severity < .thrash else { return nil }
        let full = open.stalls.onsetNs == 0 ? Figure.unknown : Figure(open.stalls.peak / 100)
        let shown = evidence(
            "memory full", full, "percent", threshold: Figure(rules[.memoryFullThrash]),
            open.isHost ? "/proc/pressure/memory" : "memory.pressure")
        if full.value ?? 0 >= rules[.memoryFullThrash] {
            return alternative(name, "memory stalled, but no disk was busy with paging", [shown])
        }
        return alternative(name, "the phase was \(open.incident.severity.label) at most", [shown])
    }

    /// A device with too much to do completes requests, if late.
    private func nothingCompleted(_ open: OpenIncident, _ name: String) -> Alternative? {
        guard open.incident.incidentClass == .deviceStall else { return nil }
        return alternative(
            name, "the device completed nothing, where one with too much to do completes late",
            [silenceEvidence(open)])
    }

    private func notDeviceStall(_ open: OpenIncident) -> Alternative? {
        let name = IncidentClass.deviceStall.label
        let longest = open.longestSilenceNs
        guard !devices.isEmpty else { return nil }
        let shown = evidence(
            "time without a completion, at most", Figure(longest), "ns", threshold: Figure(rules[.deviceSilence]),
            "/sys/block/*/inflight, stat")
        if longest >= rules[.deviceSilence] {
            return alternative(name, "nothing completed for a while, but memory was not calm", [shown])
        }
        return alternative(name, "every device completed requests all along", [shown])
    }

    private func notLivelock(_ open: OpenIncident) -> Alternative? {
        guard heardStalls else { return nil }
        let most = open.cgroups.map(\.throttledNs).max() ?? 0
        let shown = evidence("task time at memory.high, of one cgroup", Figure(most), "ns", "memory.high stall hook")
        return alternative(
            IncidentClass.throttleLivelock.label,
            most == 0 ? "no cgroup was throttled at memory.high" : "no cgroup stood still at memory.high", [shown])
    }

    private func notIOStorm(_ open: OpenIncident) -> Alternative? {
        let name = IncidentClass.ioStorm.label
        if let stalled = nothingCompleted(open, name) { return stalled }
        if open.incident.severity > .watch {
            return alternative(name, "memory was not calm: the phase reached \(open.incident.severity.label)")
        }
        guard open.readP99.peak > 0 else {
            return open.incident.kills.isEmpty
                ? nil : alternative(name, "no saturated device made the reads of others wait")
        }
        return alternative(
            name, "the reads of others did not wait for long behind a saturated device",
            [slowReadEvidence(open)])
    }

    /// The classes that are kills: none of that kind was heard, by the hook that hears them.
    private func noKill(_ open: OpenIncident, _ candidate: IncidentClass) -> Alternative? {
        let isOfKind: (Killer) -> Bool
        let (text, feature): (Phrase, String)
        switch candidate {
        case .globalOom:
            isOfKind = { $0.isKernel && $0 != .kernelMemcg }
            (text, feature) = ("the kernel killed nobody outside a memory cgroup", "oom_kill")
        case .containedKill:
            isOfKind = { $0 == .kernelMemcg }
            (text, feature) = ("the kernel killed nobody at a cgroup's limit", "oom_kill")
        default:
            isOfKind = { !$0.isKernel }
            (text, feature) = ("nobody in user space killed anything", "signal")
        }
        if open.incident.kills.contains(where: { isOfKind($0.cause.killer) }) {
            return alternative(
                candidate.label,
                "such a kill came within it; \(open.incident.incidentClass.label) is the stronger class")
        }
        guard open.killsOmitted == 0, let hook = hooks.first(where: { $0.name == Bytes(feature.utf8) }),
            hook.mode != .absent
        else { return nil }
        let source = String(decoding: hook.mechanism, as: UTF8.self)
        return alternative(candidate.label, text, [evidence("such kills", 0, "count", source)])
    }
}
