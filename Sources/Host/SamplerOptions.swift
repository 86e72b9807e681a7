public import Events

/// Every number of the sampler in one place: intervals in nanoseconds, thresholds with their unit in the name.
///
/// The thresholds are the dead band of a calm machine: what moves less is not written. They are far below the levels at
/// which the correlator changes a phase (15 % memory pressure over a second), so that it never misses an onset; what they
/// buy is a day of calm in single megabytes.
public struct SamplerOptions: Sendable {
    public var calmIntervalNs: UInt64 = 1_000_000_000
    public var pressureIntervalNs: UInt64 = 100_000_000
    /// Everything is written this often, moved or not, so that a reader never looks further back for a level.
    public var keyframeNs: UInt64 = 60_000_000_000
    /// A series of counters is written for this long after it last moved: the end of a movement is a finding too.
    /// Twice the 5 s that the correlator needs below a level to leave a phase.
    public var tailNs: UInt64 = 10_000_000_000
    /// Wall clock against boottime: a larger step is recorded at once.
    public var clockJumpNs: UInt64 = 100_000_000

    /// Pressure totals, in a tick: 0.5 % of a second.
    public var pressureRiseUs: UInt64 = 5_000
    /// Pressure totals, since last written.
    public var pressureDriftUs: UInt64 = 50_000
    /// Available memory, as a share of all memory.
    public var memoryShare: Double = 0.01
    /// Dirty + writeback, zswap.
    public var memoryBytes: UInt64 = 64 << 20
    public var swapBytes: UInt64 = 4 << 20
    /// Scanned, stolen, swapped, refaulted pages, in a tick.
    public var pagingPages: UInt64 = 256
    public var majorFaults: UInt64 = 200
    /// Load average over a minute, thousandths, since last written.
    public var loadMilli: UInt64 = 1_000
    /// Running or blocked tasks, since last written.
    public var tasks: UInt64 = 4
    /// Device: busy milliseconds in a tick (20 % of a second), bytes in a tick.
    public var deviceBusyMs: UInt64 = 200
    public var deviceBytes: UInt64 = 16 << 20
    /// A request known to be in flight for longer is always written.
    public var deviceOldestNs: UInt64 = 500_000_000
    /// A cgroup's memory: the larger of this and a sixteenth of what it had.
    public var cgroupBytes: UInt64 = 16 << 20

    /// Cgroups sampled because of their size: by memory, and as many again at most by swap.
    public var topCgroups = 32
    public var topSwapCgroups = 8
    /// Cgroups sampled because something happened to them.
    public var notedCgroups = 64
    public var notedNs: UInt64 = 300_000_000_000
    /// Cgroups known by name at all.
    public var knownCgroups = 16_384
    /// How often the largest are looked for, in calm and under pressure, and how many cgroups one tick reads for it. In calm the
    /// cost does not grow beyond that of the batch: a search of ten thousand takes five minutes then, and eight seconds under
    /// pressure.
    public var rankingNs: UInt64 = 10_000_000_000
    public var rankingUnderPressureNs: UInt64 = 1_000_000_000
    public var rankingBatch = 128
    public var rankingBatchInCalm = 32
    /// Limits and `memory.stat` of a sampled cgroup (`memory.stat` makes the kernel sum up its per-cpu counters): how old they
    /// may be in a sample that is written, and in one that is only compared.
    public var cgroupDetailNs: UInt64 = 1_000_000_000
    public var cgroupDetailInCalmNs: UInt64 = 10_000_000_000
    /// User names announced, and processes looked at in one scan for backstops. A scan of many is the seldomer (nanoseconds for each
    /// process): never more than one process in that time, on average.
    public var users = 256
    public var processes = 8_192
    public var processScanNs: UInt64 = 60_000_000
    /// Containers and pods that wait for their names, how often these are looked for at the most, and how many times: kubelet makes a
    /// container's link when it has started it, and none for the container that only holds a pod's namespaces.
    public var waitingContainers = 1024
    public var containerNamesNs: UInt64 = 2_000_000_000
    public var containerLooks = 30

    /// Bytes per second that a disk can move, by its name, where somebody knows: it is told with the disk's name.
    public var ceilings: [Bytes: UInt64] = [:]

    public init() {}
}
