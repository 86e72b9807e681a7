import Events

// Figures that both the chain and the classes that were ruled out point to.

extension State {
    /// `nil` where nobody heard what the device moved.
    func swapShareEvidence(_ open: OpenIncident) -> Evidence? {
        guard let share = open.deviceSwapShare.value else { return nil }
        return evidence(
            "share of swap", Figure(share / 100), "percent", threshold: Figure(rules[.pagingShare]), "block IO hook")
    }

    func refaultEvidence(_ open: OpenIncident) -> Evidence {
        evidence(
            "refaults", Figure(open.refault.peak), "pages/s", threshold: Figure(rules[.pagingRate]),
            open.isHost ? "/proc/vmstat workingset_refault" : "memory.stat workingset_refault")
    }

    func silenceEvidence(_ open: OpenIncident) -> Evidence {
        evidence(
            "time without a completion, at least", open.deviceSilenceNs, "ns", threshold: Figure(rules[.deviceSilence]),
            "/sys/block/*/inflight, stat")
    }

    /// Against what an IO storm takes.
    func slowReadEvidence(_ open: OpenIncident) -> Evidence {
        evidence(
            "read p99", Figure(open.readP99.peak), "ns", threshold: Figure(rules[.stormReadP99]), "block IO hook")
    }
}
