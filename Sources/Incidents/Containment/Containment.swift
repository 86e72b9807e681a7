import Events

/// Judges what would stop a runaway here: facts to findings, each with what follows and the setting that changes it.
///
///     let findings = Containment(facts).findings
///
/// Pure, and the only judge: `doctor --containment` asks it about now, an incident about its own time.
public struct Containment {
    let facts: ContainmentFacts

    public init(_ facts: ContainmentFacts) { self.facts = facts }

    /// About everything, in the order in which a runaway would meet it.
    public var findings: [BackstopFinding] { caps + swap + io + userspaceKillers + kernel + wayIn }

    /// What an incident adds to the story of its own backstops: what was wrong before it began. That no IO at all is charged it
    /// says elsewhere.
    ///
    /// - Parameter named: what grew, which has a finding of its own.
    func standing(besides named: Bytes) -> [BackstopFinding] {
        let notable = (facts.memoryTotalBytes.value ?? 0) / Self.notableShare
        let small = facts.trees.filter { ($0.currentBytes.value ?? 0) &+ ($0.swapBytes.value ?? 0) < notable }.map(
            \.path)
        return (caps + swap + ioBelow + wayIn).filter { finding in
            switch finding.rule {
            case .uncappedTree:
                !small.contains(finding.subject.bytes) && !isWithin(named, finding.subject.bytes)
                    && !isWithin(finding.subject.bytes, named)
            case .swapInMemory: true
            default: finding.verdict == .gap || finding.verdict == .unknown
            }
        }
    }

    /// A tree with less than this part of all memory and swap is none of an incident's business.
    private static let notableShare: UInt64 = 10
}

// MARK: - Caps

extension Containment {
    private static let listed = 6

    var caps: [BackstopFinding] {
        switch facts.cgroupMode {
        case .unknown:
            return [finding(.caps, .unknown, "unknown: whether there are memory cgroups could not be read")]
        case .none:
            return [
                finding(
                    .caps, .gap, "there is no memory controller",
                    consequence: "nothing can be capped: every runaway is the whole machine's",
                    setting: "enable it: cgroup_enable=memory on the kernel's command line")
            ]
        case .unified, .legacy: break
        }
        guard !facts.trees.isEmpty else {
            return [finding(.caps, .unknown, "unknown: no cgroup's limits could be read")]
        }
        return capSum + uncapped + highWithoutMax + unread
    }

    private var capSum: [BackstopFinding] {
        let sums = facts.state(.caps).map { CapSums(settings: $0.settings) }
        let trees = sums?.trees ?? UInt64(facts.trees.count { $0.maxBytes.value != nil })
        guard trees > 0 else { return [] }
        let total = sums?.bytes ?? facts.trees.reduce(0) { $0 &+ ($1.maxBytes.value ?? 0) }
        guard let memory = facts.memoryTotalBytes.value else {
            return [finding(.caps, .unknown, "unknown: how much memory the caps share could not be read")]
        }
        let shown = [evidence("caps, added up", Figure(total), "bytes", threshold: Figure(memory), "memory.max")]
        guard total > memory else {
            return [
                finding(
                    .caps, .holds,
                    "the caps of \(trees, of: "tree") add up to \(bytes: total) of \(bytes: memory)", shown)
            ]
        }
        return [
            finding(
                .capsAboveMemory, .gap,
                "the caps of \(trees, of: "tree") add up to \(bytes: total), more than the \(bytes: memory) there are",
                shown,
                consequence: "all can be within their caps while the machine is out of memory",
                setting: "lower MemoryMax= until they fit, with some memory left for the system")
        ]
    }

    private var uncapped: [BackstopFinding] {
        facts.trees.filter { $0.isKnown && !$0.isCapped }.prefix(Self.listed).map { tree in
            let swap: Phrase =
                switch tree.mayUseSwap {
                case _ where facts.swapTotalBytes == 0: ""
                case true?: " and swap"
                case false?: ", but no swap"
                case nil: ", and swap as far as is known"
                }
            return finding(
                .uncappedTree, .gap,
                "\(cgroup: tree.path)\(owner(tree)) has no cap: it has \(size(tree)) and may use all memory\(swap)",
                limits(tree),
                subject: "\(cgroup: tree.path)", consequence: "if it grows, everybody else pays",
                setting: settingOf(tree, "MemoryMax=", mode: facts.cgroupMode))
        }
    }

    private var highWithoutMax: [BackstopFinding] {
        facts.trees.filter { $0.highBytes.value != nil && $0.maxBytes.isUnlimited }.prefix(Self.listed).map { tree in
            finding(
                .highWithoutMax, .gap,
                "\(cgroup: tree.path)\(owner(tree)) has memory.high \(bytes: tree.highBytes.value ?? 0) and no memory.max",
                limits(tree),
                subject: "\(cgroup: tree.path)",
                consequence:
                    "what cannot be reclaimed there is throttled for ever, alive and without progress: nobody kills it",
                setting: settingOf(tree, "MemoryMax=", mode: facts.cgroupMode))
        }
    }

    private var unread: [BackstopFinding] {
        let unread = facts.trees.filter { !$0.isKnown }
        guard let first = unread.first else { return [] }
        return [
            finding(
                .uncappedTree, .unknown,
                "unknown: the limits of \(unread.count, of: "tree") could not be read, first \(cgroup: first.path)",
                subject: "\(cgroup: first.path)")
        ]
    }

    private func owner(_ tree: CgroupTree) -> Phrase {
        tree.uid.isUnknown ? "" : " (\(user: tree.uid, name: tree.user))"
    }

    private func size(_ tree: CgroupTree) -> Phrase {
        let memory: Phrase = tree.currentBytes.value.map { "\(bytes: $0)" } ?? "an unknown amount"
        guard let swap = tree.swapBytes.value, swap > 0 else { return memory }
        return "\(memory) and \(bytes: swap) of swap"
    }

    private func limits(_ tree: CgroupTree) -> [Evidence] {
        let files =
            facts.cgroupMode == .legacy
            ? ("memory.usage_in_bytes", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
            : ("memory.current", "memory.max", "memory.swap.max")
        var shown = [
            evidence("use of \(cgroup: tree.path)", tree.currentBytes, "bytes", files.0),
            evidence("memory.max of \(cgroup: tree.path)", tree.maxBytes, "bytes", files.1),
        ]
        if facts.cgroupMode == .unified {
            shown.append(evidence("memory.high of \(cgroup: tree.path)", tree.highBytes, "bytes", "memory.high"))
        }
        shown.append(evidence("memory.swap.max of \(cgroup: tree.path)", tree.swapMaxBytes, "bytes", files.2))
        return shown
    }

    /// `MemoryMax= of /user.slice/user-1002.slice (systemctl set-property)`, or the file of a cgroup that is no unit's.
    private func settingOf(_ tree: CgroupTree, _ property: String, mode: CgroupMode) -> Phrase {
        let isUnit = [".slice", ".service", ".scope"].contains { hasSuffix(tree.path[...], $0) }
        if isUnit { return "\(property) of \(cgroup: tree.path) (systemctl set-property)" }
        return "\(mode == .legacy ? "memory.limit_in_bytes" : "memory.max") of \(cgroup: tree.path)"
    }
}

// MARK: - Swap and IO

extension Containment {
    var swap: [BackstopFinding] {
        guard let total = facts.swapTotalBytes.value else {
            return [finding(.swapOnDisk, .unknown, "unknown: how much swap there is could not be read")]
        }
        guard total > 0 else {
            return [
                finding(
                    .noSwap, .note, "there is no swap",
                    consequence: "no swap storm; what runs out of memory is killed, not slowed down")
            ]
        }
        guard !facts.swapDevices.isEmpty else {
            return [
                finding(
                    .swapOnDisk, .unknown,
                    "unknown: which device carries the \(bytes: total) of swap could not be told")
            ]
        }
        let disks = facts.swapDevices.filter { !$0.inMemory }
        return disks.map { onDisk($0, total) }
            + facts.swapDevices.filter(\.inMemory).map { device in
                finding(
                    .swapInMemory, disks.isEmpty ? .holds : .note,
                    "swap on \(device: device.name) is compressed memory", subject: "\(device: device.name)",
                    consequence: "swapping there costs processor time, and no disk")
            }
    }

    private func onDisk(_ device: SwapDevice, _ total: UInt64) -> BackstopFinding {
        let users = facts.trees.filter { $0.mayUseSwap == true && $0.currentBytes != 0 }
        let unread = facts.trees.filter { $0.mayUseSwap == nil }
        let speed: Phrase =
            device.ceilingBytes.value.map {
                ", which sustains \(bytes: $0)/s (\(device.ceilingIsSet ? "set" : "learned"))"
            } ?? ""
        let fact: Phrase = "\(bytes: total) of swap, on the disk \(device: device.name)\(speed)"
        let shown =
            [evidence("swap", facts.swapTotalBytes, "bytes", "/proc/swaps")]
            + (device.ceilingBytes.isUnknown
                ? [] : [evidence("ceiling of \(device: device.name)", device.ceilingBytes, "bytes/s", "/sys/block")])
        guard let first = users.first else {
            return finding(
                .swapOnDisk, unread.isEmpty && !facts.trees.isEmpty ? .holds : .unknown,
                unread.isEmpty && !facts.trees.isEmpty
                    ? "\(fact); no tree may use it" : "\(fact); which trees may use it is unknown",
                shown, subject: "\(device: device.name)")
        }
        let more: Phrase = users.count > 1 ? " and \(users.count - 1) more" : ""
        return finding(
            .swapOnDisk, .gap, "\(fact); \(cgroup: first.path)\(more) may use it", shown,
            subject: "\(device: device.name)",
            consequence:
                "a tree that outgrows memory fills the disk with its pages, and everybody's reads wait behind them",
            setting: "MemorySwapMax=0 for those trees, or swap on zram")
    }

    var io: [BackstopFinding] {
        switch facts.cgroupMode {
        case .unknown, .none: return []
        case .legacy, .unified: break
        }
        guard !isIOCharged else { return ioBelow }
        return [
            finding(
                .ioNotCharged, .gap, "IO is not charged to cgroups",
                consequence: "who swaps or floods the disk stays unknown, and io.max and io.weight hold nobody back",
                setting: facts.cgroupMode == .legacy
                    ? "cgroup v2: systemd.unified_cgroup_hierarchy=1 on the kernel's command line"
                    : "IOAccounting=yes of the slices, or +io in cgroup.subtree_control")
        ]
    }

    /// By the recorder's start, and by what it saw since.
    private var isIOCharged: Bool { facts.ioAccounted && !ioEnds.contains(Bytes("/".utf8)) }

    private var ioEnds: [Bytes] { facts.state(.caps).flatMap { CapSums(settings: $0.settings).ioEnds } ?? [] }

    /// Trees that the io controller cannot see, though memory is controlled there.
    private var ioBelow: [BackstopFinding] {
        guard isIOCharged else { return [] }
        return ioEnds.prefix(Self.listed).map { path in
            finding(
                .ioNotCharged, .gap,
                "below \(cgroup: path) memory is controlled and IO is not: all of it is charged to \(cgroup: path)",
                [evidence("no io in cgroup.subtree_control of \(cgroup: path)", "cgroup.subtree_control")],
                subject: "\(cgroup: path)",
                consequence:
                    "who floods the disk down there stays unknown, and io.max and io.weight hold none of them back",
                setting: ioSetting(path))
        }
    }

    private func ioSetting(_ path: Bytes) -> Phrase {
        // A user's own manager controls what it was given, and io is not among it unless somebody says so.
        if hasSuffix(path[...], ".service") { return "Delegate= with io of \(cgroup: path)" }
        if hasSuffix(path[...], ".slice") { return "IOAccounting=yes of the units below \(cgroup: path)" }
        return "+io in cgroup.subtree_control of \(cgroup: path)"
    }
}
