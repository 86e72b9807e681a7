// Samples of /proc, /sys and cgroupfs. Counters are as the kernel shows them (since boot), so that a missed sample loses
// resolution and nothing else. Unknown: the file or the line does not exist here.

/// `/proc/pressure/*`, field `total`, microseconds since boot (Documentation/accounting/psi.rst).
public struct PressureSample: Fields, Equatable, Sendable {
    public var memorySomeUs = Figure.unknown
    public var memoryFullUs = Figure.unknown
    public var ioSomeUs = Figure.unknown
    public var ioFullUs = Figure.unknown
    public var cpuSomeUs = Figure.unknown

    public init() {}
    @inlinable
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.figure("memory_some_us", &memorySomeUs)
        try w.figure("memory_full_us", &memoryFullUs)
        try w.figure("io_some_us", &ioSomeUs)
        try w.figure("io_full_us", &ioFullUs)
        try w.figure("cpu_some_us", &cpuSomeUs)
    }
}

/// `/proc/meminfo`, bytes.
public struct MemorySample: Fields, Equatable, Sendable {
    public var totalBytes = Figure.unknown
    public var availableBytes = Figure.unknown
    public var freeBytes = Figure.unknown
    public var swapTotalBytes = Figure.unknown
    public var swapFreeBytes = Figure.unknown
    public var anonBytes = Figure.unknown
    public var cachedBytes = Figure.unknown
    public var shmemBytes = Figure.unknown
    public var slabBytes = Figure.unknown
    public var dirtyBytes = Figure.unknown
    public var writebackBytes = Figure.unknown
    public var zswapBytes = Figure.unknown
    public var zswappedBytes = Figure.unknown

    public init() {}
    @inlinable
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.figure("total_bytes", &totalBytes)
        try w.figure("available_bytes", &availableBytes)
        try w.figure("free_bytes", &freeBytes)
        try w.figure("swap_total_bytes", &swapTotalBytes)
        try w.figure("swap_free_bytes", &swapFreeBytes)
        try w.figure("anon_bytes", &anonBytes)
        try w.figure("cached_bytes", &cachedBytes)
        try w.figure("shmem_bytes", &shmemBytes)
        try w.figure("slab_bytes", &slabBytes)
        try w.figure("dirty_bytes", &dirtyBytes)
        try w.figure("writeback_bytes", &writebackBytes)
        try w.figure("zswap_bytes", &zswapBytes)
        try w.figure("zswapped_bytes", &zswappedBytes)
    }
}

/// `/proc/vmstat`: pages, since boot.
public struct VmstatSample: Fields, Equatable, Sendable {
    public var pgscanKswapd = Figure.unknown
    public var pgscanDirect = Figure.unknown
    public var pgstealKswapd = Figure.unknown
    public var pgstealDirect = Figure.unknown
    public var pswpin = Figure.unknown
    public var pswpout = Figure.unknown
    public var pgmajfault = Figure.unknown
    public var workingsetRefaultAnon = Figure.unknown
    public var workingsetRefaultFile = Figure.unknown
    /// Sum over the zones (`allocstall_*`).
    public var allocstall = Figure.unknown
    public var oomKill = Figure.unknown
    public var zswpin = Figure.unknown
    public var zswpout = Figure.unknown
    public var zswpwb = Figure.unknown

    public init() {}
    @inlinable
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.figure("pgscan_kswapd", &pgscanKswapd)
        try w.figure("pgscan_direct", &pgscanDirect)
        try w.figure("pgsteal_kswapd", &pgstealKswapd)
        try w.figure("pgsteal_direct", &pgstealDirect)
        try w.figure("pswpin", &pswpin)
        try w.figure("pswpout", &pswpout)
        try w.figure("pgmajfault", &pgmajfault)
        try w.figure("workingset_refault_anon", &workingsetRefaultAnon)
        try w.figure("workingset_refault_file", &workingsetRefaultFile)
        try w.figure("allocstall", &allocstall)
        try w.figure("oom_kill", &oomKill)
        try w.figure("zswpin", &zswpin)
        try w.figure("zswpout", &zswpout)
        try w.figure("zswpwb", &zswpwb)
    }
}

/// `/proc/loadavg` (thousandths), `procs_running` and `procs_blocked` of `/proc/stat`.
public struct LoadSample: Fields, Equatable, Sendable {
    public var load1Milli = Figure.unknown
    public var load5Milli = Figure.unknown
    public var load15Milli = Figure.unknown
    public var running = Figure.unknown
    public var blocked = Figure.unknown
    public var tasks = Figure.unknown

    public init() {}
    @inlinable
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.figure("load1_milli", &load1Milli)
        try w.figure("load5_milli", &load5Milli)
        try w.figure("load15_milli", &load15Milli)
        try w.figure("running", &running)
        try w.figure("blocked", &blocked)
        try w.figure("tasks", &tasks)
    }
}

/// `/sys/block/*/stat` and `inflight`; counters since boot.
public struct DeviceSample: Fields, Equatable, Sendable {
    /// `major << 20 | minor`.
    public var device: UInt32 = 0
    public var reads = Figure.unknown
    public var readBytes = Figure.unknown
    public var writes = Figure.unknown
    public var writeBytes = Figure.unknown
    public var flushes = Figure.unknown
    public var discards = Figure.unknown
    /// Time in which at least one request was in flight.
    public var busyMs = Figure.unknown
    public var inflightReads = Figure.unknown
    public var inflightWrites = Figure.unknown
    /// A lower bound for the age of the oldest request in flight: time since the last completion while some are in flight.
    public var oldestMinNs = Figure.unknown

    public init() {}
    @inlinable
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("device", &device)
        try w.figure("reads", &reads)
        try w.figure("read_bytes", &readBytes)
        try w.figure("writes", &writes)
        try w.figure("write_bytes", &writeBytes)
        try w.figure("flushes", &flushes)
        try w.figure("discards", &discards)
        try w.figure("busy_ms", &busyMs)
        try w.figure("inflight_reads", &inflightReads)
        try w.figure("inflight_writes", &inflightWrites)
        try w.figure("oldest_min_ns", &oldestMinNs)
    }
}

/// One memory cgroup: `memory.*` (v2) or `memory.*` of the v1 controller; counters since it was made.
public struct CgroupSample: Fields, Equatable, Sendable {
    public var cgroup: UInt64 = 0
    public var currentBytes = Figure.unknown
    public var peakBytes = Figure.unknown
    public var swapBytes = Figure.unknown
    public var minBytes = Figure.unknown
    public var lowBytes = Figure.unknown
    public var highBytes = Figure.unknown
    public var maxBytes = Figure.unknown
    public var swapMaxBytes = Figure.unknown
    public var eventsHigh = Figure.unknown
    public var eventsMax = Figure.unknown
    public var eventsOom = Figure.unknown
    public var eventsOomKill = Figure.unknown
    /// `memory.pressure`, `io.pressure`: field `total`, microseconds; a union over the cgroup's tasks.
    public var memorySomeUs = Figure.unknown
    public var memoryFullUs = Figure.unknown
    public var ioFullUs = Figure.unknown
    public var anonBytes = Figure.unknown
    public var fileBytes = Figure.unknown
    public var shmemBytes = Figure.unknown
    public var slabBytes = Figure.unknown
    public var pgscan = Figure.unknown
    public var refaultAnon = Figure.unknown
    public var refaultFile = Figure.unknown

    public init() {}
    @inlinable
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("cgroup_id", &cgroup)
        try w.figure("current_bytes", &currentBytes)
        try w.figure("peak_bytes", &peakBytes)
        try w.figure("swap_bytes", &swapBytes)
        try w.figure("min_bytes", &minBytes)
        try w.figure("low_bytes", &lowBytes)
        try w.figure("high_bytes", &highBytes)
        try w.figure("max_bytes", &maxBytes)
        try w.figure("swap_max_bytes", &swapMaxBytes)
        try w.figure("events_high", &eventsHigh)
        try w.figure("events_max", &eventsMax)
        try w.figure("events_oom", &eventsOom)
        try w.figure("events_oom_kill", &eventsOomKill)
        try w.figure("memory_some_us", &memorySomeUs)
        try w.figure("memory_full_us", &memoryFullUs)
        try w.figure("io_full_us", &ioFullUs)
        try w.figure("anon_bytes", &anonBytes)
        try w.figure("file_bytes", &fileBytes)
        try w.figure("shmem_bytes", &shmemBytes)
        try w.figure("slab_bytes", &slabBytes)
        try w.figure("pgscan", &pgscan)
        try w.figure("refault_anon", &refaultAnon)
        try w.figure("refault_file", &refaultFile)
    }
}
