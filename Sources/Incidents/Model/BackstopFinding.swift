public import Events

/// Whether a finding is good news.
public enum FindingVerdict: UInt8, Choice {
    /// It could not be found out, which is never good news.
    case unknown = 0
    /// It holds, or it did its work.
    case holds = 1
    /// Worth knowing, neither good nor bad.
    case note = 2
    /// Nothing stops a runaway here.
    case gap = 3
    public static var fallback: FindingVerdict { .unknown }
}

/// What a finding is about, so that programs can tell findings apart without reading sentences.
public enum FindingRule: UInt8, Choice {
    case unknown = 0
    case kernel = 1
    case earlyoom = 2
    case systemdOomd = 3
    case oomd = 4
    case nohang = 5
    /// No userspace killer runs at all.
    case noUserspaceKiller = 6
    /// The caps of what grew; for a contained kill, the cap that did its work.
    case caps = 7
    /// A tree of cgroups without memory.max or memory.high.
    case uncappedTree = 8
    /// The caps add up to more than the memory there is.
    case capsAboveMemory = 9
    /// A tree with memory.high and no memory.max: it can be throttled for ever.
    case highWithoutMax = 10
    /// Swap on a disk, and trees that may use it.
    case swapOnDisk = 11
    /// Swap that is memory in disguise (zram).
    case swapInMemory = 12
    case noSwap = 13
    /// IO that is charged to no cgroup.
    case ioNotCharged = 14
    /// systemd-oomd watches, and has nothing whose reclaim it could see.
    case oomdInert = 15
    /// earlyoom's lists of whom to prefer and whom to avoid.
    case earlyoomLists = 16
    /// Who is exempt from the kernel's OOM killer.
    case exempt = 17
    /// Whom the kernel would kill now.
    case nextVictim = 18
    /// Whether somebody could still log in: sshd, the sessions.
    case wayIn = 19
    /// Whether the recorder would be there to tell.
    case recorder = 20
    public static var fallback: FindingRule { .unknown }
    public var isNull: Bool { self == .unknown }

    /// About a program that kills before the kernel has to.
    public var isUserspaceKiller: Bool {
        switch self {
        case .earlyoom, .systemdOomd, .oomd, .nohang, .noUserspaceKiller, .oomdInert, .earlyoomLists: true
        default: false
        }
    }

    /// About how the machine was set up, not about somebody who could have killed.
    public var isStanding: Bool {
        switch self {
        case .unknown, .kernel, .earlyoom, .systemdOomd, .oomd, .nohang, .oomdInert, .earlyoomLists: false
        case .noUserspaceKiller, .caps, .uncappedTree, .capsAboveMemory, .highWithoutMax, .swapOnDisk, .swapInMemory,
            .noSwap, .ioNotCharged, .exempt, .nextVictim, .wayIn, .recorder:
            true
        }
    }
}

/// One thing that could have stopped it, and why it did not; or one that could stop the next, and whether it would.
public struct BackstopFinding: Fields, Equatable, Sendable {
    /// `kernel`, `earlyoom`, `systemd-oomd`, `caps`, `swap`, ...
    public var name = Bytes()
    /// The fact, one line for people: `not running`, `armed, but swap is off: nothing to reclaim`.
    public var sentence = Sentence()
    public var finding: Bytes {
        get { sentence.bytes }
        set { sentence = Sentence(opaque: newValue) }
    }
    public var evidence: [Evidence] = []
    public var verdict = FindingVerdict.unknown
    public var rule = FindingRule.unknown
    /// Whose: a cgroup's path, a device's or a process's name; empty for the machine's.
    public var subject = Sentence()
    /// What follows from the fact; empty when nothing does.
    public var consequence = Sentence()
    /// What changes it: a setting and its place; empty where nothing needs to change.
    public var setting = Sentence()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("name", &name)
        try w.group("finding", &sentence)
        try w.list("evidence", &evidence)
        try w.choice("verdict", &verdict)
        try w.choice("rule", &rule)
        try w.group("subject", &subject)
        try w.group("consequence", &consequence)
        try w.group("setting", &setting)
    }
}
