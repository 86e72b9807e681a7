public import Events

// Who did it, and to whom.

/// Who may have caused it: a cgroup, or a process in one (`pid` not 0).
public struct Suspect: Fields, Equatable, Sendable {
    public var cgroup = Bytes()
    public var pid: UInt32 = 0
    public var comm = Comm()
    public var uid = Figure.unknown
    public var user = Bytes()
    /// Growth of memory + swap over the incident's window.
    public var grewBytes = Figure.unknown
    public var swapWrittenBytes = Figure.unknown
    /// Task time stalled in memory.high: several tasks may stall at once.
    public var throttledNs = Figure.unknown
    public var confidence = Confidence.unknown
    /// Where the figures come from; the threshold is where the growth began.
    public var evidence: [Evidence] = []

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("cgroup", &cgroup)
        try w.unsigned("pid", &pid)
        try w.comm("comm", &comm)
        try w.figure("uid", &uid)
        try w.text("user", &user)
        try w.figure("grew_bytes", &grewBytes)
        try w.figure("swap_written_bytes", &swapWrittenBytes)
        try w.figure("throttled_task_ns", &throttledNs)
        try w.choice("confidence", &confidence)
        try w.list("evidence", &evidence)
    }
}

/// Who stalled because of it.
public struct Bystander: Fields, Equatable, Sendable {
    public var cgroup = Bytes()
    public var stalledNs = Figure.unknown
    /// What the time means: `PSI io full`, `read latency p99`.
    public var source = Bytes()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("cgroup", &cgroup)
        try w.figure("stalled_ns", &stalledNs)
        try w.text("source", &source)
    }
}
