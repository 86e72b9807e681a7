// Aggregates that the BPF programs keep and the recorder reads once an interval. Each holds what was added since the last.

/// IOs of one device, operation and purpose completed within the interval.
public struct IOInterval: Fields, Equatable, Sendable {
    public var device: UInt32 = 0
    public var operation = IOOperation.read
    public var swap = false
    public var intervalNs: UInt64 = 0
    public var count: UInt64 = 0
    public var bytes: UInt64 = 0
    public var errors: UInt64 = 0
    /// Requests without timestamps of their own: in `count`, in no histogram.
    public var untimed: UInt64 = 0
    public var deviceTotalNs: UInt64 = 0
    public var queueTotalNs: UInt64 = 0
    /// Issue to completion, microseconds.
    public var deviceUs = Histogram()
    /// Start of the request to completion (queue + device), microseconds.
    public var totalUs = Histogram()

    public init() {}
    @inlinable
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("device", &device)
        try w.choice("operation", &operation)
        try w.flag("swap", &swap)
        try w.unsigned("interval_ns", &intervalNs)
        try w.unsigned("count", &count)
        try w.unsigned("bytes", &bytes)
        try w.unsigned("errors", &errors)
        try w.unsigned("untimed", &untimed)
        try w.unsigned("device_total_ns", &deviceTotalNs)
        try w.unsigned("queue_total_ns", &queueTotalNs)
        try w.histogram("device_us", &deviceUs)
        try w.histogram("total_us", &totalUs)
    }
}

/// Bytes a cgroup moved to or from a device within the interval.
public struct CgroupIO: Fields, Equatable, Sendable {
    public var cgroup: UInt64 = 0
    public var device: UInt32 = 0
    public var operation = IOOperation.read
    public var swap = false
    public var intervalNs: UInt64 = 0
    public var count: UInt64 = 0
    public var bytes: UInt64 = 0

    public init() {}
    @inlinable
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("cgroup_id", &cgroup)
        try w.unsigned("device", &device)
        try w.choice("operation", &operation)
        try w.flag("swap", &swap)
        try w.unsigned("interval_ns", &intervalNs)
        try w.unsigned("count", &count)
        try w.unsigned("bytes", &bytes)
    }
}

/// Task time a cgroup stalled within the interval (several tasks may stall at once: task-nanoseconds).
public struct CgroupStall: Fields, Equatable, Sendable {
    public var cgroup: UInt64 = 0
    public var mechanism = StallMechanism.unknown
    public var intervalNs: UInt64 = 0
    public var count: UInt64 = 0
    public var totalNs: UInt64 = 0
    /// The longest single stall since recording began.
    public var maxNs: UInt64 = 0

    public init() {}
    @inlinable
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("cgroup_id", &cgroup)
        try w.choice("mechanism", &mechanism)
        try w.unsigned("interval_ns", &intervalNs)
        try w.unsigned("count", &count)
        try w.unsigned("total_ns", &totalNs)
        try w.unsigned("max_ns", &maxNs)
    }
}

/// What could not be observed, and where. The first eleven are the kernel side's (`enum iq_drop`), in its order.
public enum LossSource: UInt8, Choice {
    case ringFullKill = 0
    case ringFullOther = 1
    case ioSeriesFull = 2
    case cgroupIoFull = 3
    case stallSeriesFull = 4
    case stallStartFull = 5
    /// Slow IOs beyond the rate limit: counted in the histograms, without a record of their own.
    case slowIoSuppressed = 6
    case ioTimeUnknown = 7
    case markFull = 8
    case stallSuppressed = 9
    /// Fatal signals from process to process beyond the rate limit; their exits are reported all the same.
    case signalSuppressed = 10
    /// The sampler's queue to the recorder was full.
    case sampleQueueFull = 32
    /// The disk was too slow for the bounded memory of the recorder.
    case recordingMemoryFull = 33
    /// An incident larger than the whole recording was thinned in its middle.
    case recordingThinned = 34
    /// A live reader was too slow.
    case liveReaderSlow = 35
    /// A kernel record that could not be decoded.
    case undecodable = 36
    /// More cgroups than the sampler's bound: those left out.
    case cgroupsNotSampled = 37
    /// A census had more tasks than are kept.
    case censusTruncated = 38
    /// More disks than the sampler's bound: those left out.
    case devicesNotSampled = 39
    /// Runs of kernel programs that the kernel left out: a program is not entered again on a CPU where it runs already.
    case programBusy = 40
    case unknown = 255
    public static var fallback: LossSource { .unknown }
}

public struct Lost: Fields, Equatable, Sendable {
    public var source = LossSource.unknown
    public var count: UInt64 = 0

    public init() {}
    public init(source: LossSource, count: UInt64) {
        self.source = source
        self.count = count
    }
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.choice("source", &source)
        try w.unsigned("count", &count)
    }
}

public enum CensusReason: UInt8, Choice {
    case unknown = 0
    case pressure = 1
    case kill = 2
    case request = 3
    public static var fallback: CensusReason { .unknown }
}

/// Ends a census; its `CensusTask` and `censusCgroup` events precede it with the same time.
public struct Census: Fields, Equatable, Sendable {
    public var reason = CensusReason.unknown
    /// Thread-group leaders seen.
    public var processes: UInt64 = 0
    /// Tasks in uninterruptible sleep (D).
    public var blocked: UInt64 = 0
    /// `CensusTask` events written: the largest by memory and swap, and tasks in D state.
    public var kept: UInt64 = 0
    public var durationNs: UInt64 = 0

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.choice("reason", &reason)
        try w.unsigned("processes", &processes)
        try w.unsigned("blocked", &blocked)
        try w.unsigned("kept", &kept)
        try w.unsigned("duration_ns", &durationNs)
    }
}

/// One task of a census (BPF task iterator: no mmap lock is taken).
public struct CensusTask: Fields, Equatable, Sendable {
    public var task = TaskIdentity()
    /// `task_struct.__state`: 0 running, 1 interruptible, 2 uninterruptible, ... (include/linux/sched.h).
    public var state: UInt32 = 0
    public var oomScoreAdj: Int32 = 0
    public var startBoottimeNs: UInt64 = 0
    public var anonRssPages = Figure.unknown
    public var fileRssPages = Figure.unknown
    public var shmemRssPages = Figure.unknown
    public var swapPages = Figure.unknown
    public var inIowait = false
    /// Kernel stack of a D-state task, innermost first, frames separated by newline; empty otherwise.
    public var stack = Bytes()
    public var pgtablesBytes = Figure.unknown

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.group("task", &task)
        try w.unsigned("state", &state)
        try w.signed("oom_score_adj", &oomScoreAdj)
        try w.unsigned("start_boottime_ns", &startBoottimeNs)
        try w.figure("anon_rss_pages", &anonRssPages)
        try w.figure("file_rss_pages", &fileRssPages)
        try w.figure("shmem_rss_pages", &shmemRssPages)
        try w.figure("swap_pages", &swapPages)
        try w.flag("in_iowait", &inIowait)
        try w.text("stack", &stack)
        try w.figure("pgtables_bytes", &pgtablesBytes)
        // Recordings made before it was known read as 0, which no address space has.
        if pgtablesBytes == 0 { pgtablesBytes = .unknown }
    }

    /// Uninterruptible sleep: TASK_UNINTERRUPTIBLE without TASK_NOLOAD.
    public var isBlocked: Bool { state & 0x2 != 0 && state & 0x400 == 0 }
}
