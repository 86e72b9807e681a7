public import Events

/// A tree of cgroups: where a limit on memory is met first on the way down, or would have to be.
public struct CgroupTree: Fields, Equatable, Sendable {
    public var path = Bytes()
    /// Of `user-UID.slice`.
    public var uid = Figure.unknown
    public var user = Bytes()
    public var currentBytes = Figure.unknown
    public var swapBytes = Figure.unknown
    public var highBytes = Figure.unknown
    public var maxBytes = Figure.unknown
    /// The least on the way up from it.
    public var swapMaxBytes = Figure.unknown
    /// Whom the kernel would kill first in it, were it to run out now.
    public var next: KillCandidate?

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("cgroup", &path)
        try w.figure("uid", &uid)
        try w.text("user", &user)
        try w.figure("current_bytes", &currentBytes)
        try w.figure("swap_bytes", &swapBytes)
        try w.figure("high_bytes", &highBytes)
        try w.figure("max_bytes", &maxBytes)
        try w.figure("swap_max_bytes", &swapMaxBytes)
        try w.optional("next", &next)
    }

    /// Whether it has a limit, as far as its limits could be read.
    var isCapped: Bool { maxBytes.value != nil || highBytes.value != nil }
    /// Whether its limits could be read at all. v1 has no memory.high.
    var isKnown: Bool { !maxBytes.isUnknown }
    var mayUseSwap: Bool? { swapMaxBytes.isUnknown ? nil : swapMaxBytes != 0 }
}

/// A device that carries swap.
public struct SwapDevice: Fields, Equatable, Sendable {
    public var name = Bytes()
    /// zram: swapping costs processor time, no IO.
    public var inMemory = false
    public var rotational = false
    /// The most it was seen to sustain, or is said to; unknown while it was never seen busy.
    public var ceilingBytes = Figure.unknown
    /// Whether somebody set it (`record --ceiling`).
    public var ceilingIsSet = false

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("name", &name)
        try w.flag("in_memory", &inMemory)
        try w.flag("rotational", &rotational)
        try w.figure("ceiling_bytes_per_second", &ceilingBytes)
        try w.flag("ceiling_is_set", &ceilingIsSet)
    }
}

/// What would stop a runaway on this machine, as facts. Live and after the fact they come from events, through the same correlator
/// (`Correlator.containment`); `Containment` judges them.
///
/// What could not be read is unknown, and judged as unknown.
public struct ContainmentFacts: Fields, Equatable, Sendable {
    public var memoryTotalBytes = Figure.unknown
    public var availableBytes = Figure.unknown
    public var swapTotalBytes = Figure.unknown
    public var swapFreeBytes = Figure.unknown
    public var pageSize: UInt64 = 4096
    public var cgroupMode = CgroupMode.unknown
    public var ioAccounted = false
    /// The largest first.
    public var trees: [CgroupTree] = []
    public var treesLeftOut: UInt64 = 0
    public var swapDevices: [SwapDevice] = []
    /// The userspace killers that were looked for, and what the caps add up to.
    public var backstops: [BackstopState] = []
    /// Those whom the kernel would kill first.
    public var ranking: [KillCandidate] = []
    /// Those whom it never kills.
    public var exempt: [KillCandidate] = []
    /// Who lets people in, and who records.
    public var wayIn: [KillCandidate] = []
    /// Processes of the census that the last three are from; 0 without one.
    public var processes: UInt64 = 0
    /// Whether that census has every process; one that was recorded has the largest.
    public var isWholeCensus = false
    public var recorderTgid: UInt32 = 0

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.figure("memory_total_bytes", &memoryTotalBytes)
        try w.figure("available_bytes", &availableBytes)
        try w.figure("swap_total_bytes", &swapTotalBytes)
        try w.figure("swap_free_bytes", &swapFreeBytes)
        try w.unsigned("page_size", &pageSize)
        try w.choice("cgroup_mode", &cgroupMode)
        try w.flag("io_accounted", &ioAccounted)
        try w.list("trees", &trees)
        try w.unsigned("trees_left_out", &treesLeftOut)
        try w.list("swap_devices", &swapDevices)
        try w.list("backstops", &backstops)
        try w.list("ranking", &ranking)
        try w.list("exempt", &exempt)
        try w.list("way_in", &wayIn)
        try w.unsigned("processes", &processes)
        try w.flag("whole_census", &isWholeCensus)
        try w.unsigned("recorder_tgid", &recorderTgid)
    }

    func state(_ kind: BackstopKind) -> BackstopState? { backstops.first { $0.kind == kind } }
}
