import Events
import Incidents

/// What a post-mortem asks beyond the facts, as far as the facts answer it: what went well, what went badly, where it was luck, and what
/// could be set differently. Each is a sentence with its figures, already safe for a terminal; what only people know is not here.
struct Lessons {
    private(set) var well: [String] = []
    private(set) var badly: [String] = []
    private(set) var lucky: [String] = []
    /// Proposals, not decisions.
    private(set) var proposals: [String] = []

    private let words: IncidentWords
    private var incident: Incident { words.incident }

    /// Longer between two samples is a time in which nobody looked.
    private static let longGapNs: UInt64 = 1_000_000_000
    /// A victim that takes longer to die holds its memory meanwhile.
    private static let slowDeathNs: UInt64 = 1_000_000_000

    init(_ words: IncidentWords) {
        self.words = words
        kills()
        containment()
        backstops()
        swap()
        ending()
        kind()
        recorder()
    }

    // MARK: What killed, and whom

    private mutating func kills() {
        var caps: Set<Bytes> = []
        for kill in incident.kills where kill.cause.killer == .kernelMemcg {
            if caps.insert(kill.cause.oomMemcg).inserted { well.append(capHeld(kill)) }
        }
        for stopper in words.stoppers where stopper.name != "kernel" {
            well.append("A backstop did what it is for: " + stopper.name + ", " + stopper.finding + ".")
        }
        for kill in incident.kills {
            guard let ns = kill.outcome.killToExitNs.value, ns > Self.slowDeathNs else { continue }
            badly.append(
                NameWords.process(kill.victim.comm, kill.victim.tgid) + " took " + Units.duration(ns)
                    + " to die after it was killed, and held its memory meanwhile.")
        }
        guard let kill = incident.kills.first(where: { $0.cause.killer == .kernelGlobal }),
            let grower = incident.suspects.first(where: { $0.pid != 0 })
        else { return }
        let victim = NameWords.process(kill.victim.comm, kill.victim.tgid)
        if grower.pid == kill.victim.tgid {
            lucky.append(
                "The kernel chose the process that grew most: " + victim + ", " + Units.growth(grower.grewBytes) + ".")
        } else {
            badly.append(
                "The kernel killed " + victim + ", but " + NameWords.process(grower.comm, grower.pid) + " grew most: "
                    + Units.growth(grower.grewBytes) + ".")
        }
    }

    /// `The cap held: build.scope was stopped at exactly its limit of 64 MiB, and cc1plus[9120] was dead after 38 ms.`
    private func capHeld(_ kill: Kill) -> String {
        let cgroup = kill.cgroup.first { $0.isOomMemcg }
        var text = "The cap held: " + NameWords.cgroup(kill.cause.oomMemcg) + " was stopped at "
        if let limit = cgroup?.maxBytes.value {
            text += (cgroup?.currentBytes.value == limit ? "exactly " : "") + "its limit of " + Units.bytes(limit)
        } else {
            text += "its limit"
        }
        if let ns = kill.outcome.killToExitNs.value {
            text +=
                ", and " + NameWords.process(kill.victim.comm, kill.victim.tgid) + " was dead after "
                + Units.duration(ns)
        }
        return text + "."
    }

    // MARK: Who else, and what should have stopped it

    private mutating func containment() {
        if let longest = incident.bystanders.max(by: { $0.stalledNs.value ?? 0 < $1.stalledNs.value ?? 0 }) {
            var text = NameWords.plural(incident.bystanders.count, "other stalled", "others stalled") + " because of it"
            if !longest.stalledNs.isUnknown {
                text += ", " + NameWords.cgroup(longest.cgroup) + " for " + Units.duration(longest.stalledNs)
                text += " (" + NameWords.name(longest.source) + ")"
            }
            badly.append(text + ".")
        } else if incident.scope.kind == .cgroup, incident.kills.allSatisfy({ $0.host.phase <= .watch }) {
            well.append(
                "It stayed inside " + NameWords.cgroup(incident.scope.cgroup)
                    + ": nobody else is known to have stalled.")
        }
    }

    /// Who could have stopped it and did not, and what stood open before it began; of each gap what would change it.
    private mutating func backstops() {
        guard words.wantsBackstops else { return }
        var settings: Set<Bytes> = []
        var wantsKiller = false
        for finding in words.otherFindings where finding.isGap {
            // Somebody did kill: then nobody else had to.
            guard finding.rule.isStanding || words.backstopKills.isEmpty else { continue }
            let name = NameWords.name(finding.name)
            let fact =
                (finding.rule.isStanding ? name : "No help from " + name) + ": " + NameWords.name(finding.finding)
            let consequence = finding.consequence.bytes.isEmpty ? "" : "; " + NameWords.name(finding.consequence.bytes)
            badly.append(fact + consequence + ".")
            guard !finding.setting.bytes.isEmpty, settings.insert(finding.setting.bytes).inserted else { continue }
            proposals.append(proposal(finding))
            wantsKiller = wantsKiller || finding.rule.isUserspaceKiller
        }
        if wantsKiller {
            proposals.append("Prove that the userspace killer fires under this configuration: inquest drill backstop.")
        }
    }

    /// `memory.max of /user.slice/user-1002.slice: it could take all memory, and swap.`
    private func proposal(_ finding: BackstopFinding) -> String {
        var text = NameWords.name(finding.setting.bytes)
        let subject = NameWords.name(finding.subject.bytes)
        if !finding.subject.bytes.isEmpty, !text.contains(subject) { text += " (" + subject + ")" }
        let why = finding.consequence.bytes.isEmpty ? finding.finding : finding.consequence.bytes
        return text + ": " + NameWords.name(why) + "."
    }

    // MARK: Luck

    private mutating func swap() {
        guard let total = incident.host.swapTotalBytes.value, total > 0, incident.incidentClass >= .fileThrash,
            let most = incident.series.compactMap(\.swapUsedBytes.value).max(), most < total / 100 * 95
        else { return }
        lucky.append("Swap was not full: " + Units.bytes(most) + " of " + Units.bytes(total) + " at most.")
    }

    private mutating func ending() {
        guard let ending = words.ending else { return }
        switch ending.by {
        case .uncleanReset: badly.append("Nothing ended it but a reset.")
        case .kernelPanic: badly.append("It ended with a kernel panic.")
        case .recorderKilled: badly.append("The recorder was killed while it lasted.")
        case .recovered where incident.kills.isEmpty:
            lucky.append("It ended by itself after " + words.lasted + ": nobody was killed, and nothing was set to.")
        case .open, .recovered, .cleanShutdown, .recorderStopped: break
        }
    }

    private mutating func kind() {
        switch incident.incidentClass {
        case .ioStorm:
            let mover = incident.suspects.first { $0.pid == 0 }.map { NameWords.cgroup($0.cgroup) }
            proposals.append("Hold back " + (mover ?? "what filled the disk") + " with io.max or io.weight.")
        case .deviceStall:
            proposals.append(
                "Find out why the disk completed nothing (its host, its controller, its network): no memory setting changes that."
            )
        case .containedKill, .userspaceKill, .throttleLivelock, .fileThrash, .globalOom, .swapThrash: break
        }
    }

    // MARK: The record itself

    private mutating func recorder() {
        let quality = incident.quality
        if quality.lostEvents > 0 {
            badly.append(
                "The record has holes: " + NameWords.plural(Int(clamping: quality.lostEvents), "event", "events")
                    + " lost.")
        }
        guard let gap = quality.longestSamplerGapNs.value else { return }
        if gap > Self.longGapNs {
            badly.append("The recorder itself was held up: no sample for " + Units.duration(gap) + ".")
        } else if quality.lostEvents == 0 {
            well.append("The record is whole: " + words.losses + ".")
        }
    }
}

extension BackstopFinding {
    /// Whether nothing stopped it here. What an earlier version recorded was always about somebody who did nothing.
    fileprivate var isGap: Bool { verdict == .gap || rule == .unknown && !finding.isEmpty }
}
