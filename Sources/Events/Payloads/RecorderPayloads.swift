// What the recorder says about itself and about the machine: who records, since when, with which hooks, by which names.

public enum CgroupMode: UInt8, Choice {
    case unknown = 0
    /// One hierarchy (cgroup v2) with the memory controller.
    case unified = 1
    /// The memory controller in a v1 hierarchy.
    case legacy = 2
    /// No memory controller at all.
    case none = 3
    public static var fallback: CgroupMode { .unknown }
}

/// The recorder began. Everything a reader on another machine needs to know about this one.
public struct RecorderStart: Fields, Equatable, Sendable {
    public var bootID = BootID.unknown
    public var version = Bytes()
    public var hostname = Bytes()
    /// `uname -r`.
    public var kernel = Bytes()
    public var pageSize: UInt64 = 4096
    public var cpus: UInt32 = 0
    public var memoryTotalBytes = Figure.unknown
    public var swapTotalBytes = Figure.unknown
    public var pressureAvailable = false
    public var cgroupMode = CgroupMode.unknown
    /// The hierarchy that carries the memory controller (`/proc/cgroups`).
    public var memoryHierarchy: UInt32 = 0
    /// Whether IO is charged to cgroups (the io controller is on for the root's children).
    public var ioAccounted = false
    /// pstore held a panic of the previous boot.
    public var previousPanic = false
    /// The recorder itself: its process id, so that it is never taken for a suspect. 0: it runs in a pid namespace of its own,
    /// sees no process of the host outside that, and does not know its number on the host.
    public var recorderTgid: UInt32 = 0

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.bootID("boot_id", &bootID)
        try w.text("version", &version)
        try w.text("hostname", &hostname)
        try w.text("kernel", &kernel)
        try w.unsigned("page_size", &pageSize)
        try w.unsigned("cpus", &cpus)
        try w.figure("memory_total_bytes", &memoryTotalBytes)
        try w.figure("swap_total_bytes", &swapTotalBytes)
        try w.flag("pressure_available", &pressureAvailable)
        try w.choice("cgroup_mode", &cgroupMode)
        try w.unsigned("memory_hierarchy", &memoryHierarchy)
        try w.flag("io_accounted", &ioAccounted)
        try w.flag("previous_panic", &previousPanic)
        try w.unsigned("recorder_tgid", &recorderTgid)
    }
}

public enum StopReason: UInt8, Choice {
    case unknown = 0
    /// SIGINT or SIGTERM while the machine goes on.
    case requested = 1
    /// The system is going down.
    case shutdown = 2
    /// The recorder gave up on an error.
    case failed = 3
    public static var fallback: StopReason { .unknown }
}

public struct RecorderStop: Fields, Equatable, Sendable {
    public var reason = StopReason.unknown

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.choice("reason", &reason)
    }
}

/// The clocks at one moment: how boottime converts to wall clock from here on.
public struct ClockSnapshot: Fields, Equatable, Sendable {
    public var boottimeNs: UInt64 = 0
    /// CLOCK_REALTIME, nanoseconds since 1970.
    public var realtimeNs: UInt64 = 0
    public var monotonicNs: UInt64 = 0
    /// Local time zone's offset, seconds east of UTC.
    public var utcOffsetSeconds: Int32 = 0

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("boottime_ns", &boottimeNs)
        try w.unsigned("realtime_ns", &realtimeNs)
        try w.unsigned("monotonic_ns", &monotonicNs)
        try w.signed("utc_offset_seconds", &utcOffsetSeconds)
    }

    /// Nanoseconds since 1970 of a moment of the same boot; `nil` without a snapshot.
    public func realtimeNs(of moment: Moment) -> UInt64? {
        guard realtimeNs != 0, !moment.isUnknown else { return nil }
        return realtimeNs &+ (moment.boottimeNs &- boottimeNs)
    }
}

public enum HookMode: UInt8, Choice {
    case absent = 0
    case plain = 1
    case rich = 2
    public static var fallback: HookMode { .absent }
}

/// How one thing is heard on this kernel, and why not better.
public struct HookState: Fields, Equatable, Sendable {
    /// The feature: `oom_kill`, `signal`, `exit`, `memory_high`, `block_io`, `census`, ...
    public var name = Bytes()
    public var mode = HookMode.absent
    /// The program in use: `raw_tp/mark_victim`, `fentry/oom_kill_process`, ...; empty when absent.
    public var mechanism = Bytes()
    /// Errno of the richest mechanism that was refused; 0 when none was.
    public var errno: UInt32 = 0
    /// Which mechanism was refused; with `, lockdown=confidentiality` after it where that is the reason.
    public var refused = Bytes()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("name", &name)
        try w.choice("mode", &mode)
        try w.text("mechanism", &mechanism)
        try w.unsigned("errno", &errno)
        try w.text("refused", &refused)
    }

    public static let lockdown = Bytes(", lockdown=confidentiality".utf8)

    /// Absent because the kernel lets no BPF program read its memory.
    public var isLockedDown: Bool { mode == .absent && refused.suffix(Self.lockdown.count) == Self.lockdown[...] }
}

/// The sampler ran late.
public struct SamplerGap: Fields, Equatable, Sendable {
    public var expectedNs: UInt64 = 0
    public var actualNs: UInt64 = 0

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("expected_ns", &expectedNs)
        try w.unsigned("actual_ns", &actualNs)
    }
}

/// A block device's name and what it is used for.
public struct DeviceName: Fields, Equatable, Sendable {
    /// `major << 20 | minor` of the whole disk.
    public var device: UInt32 = 0
    public var name = Bytes()
    public var rotational = false
    /// Holds swap (a partition or a swap file of a file system on it).
    public var swap = false
    /// Memory in disguise (zram, brd): no IO leaves the machine.
    public var inMemory = false
    public var sizeBytes = Figure.unknown
    /// Bytes per second that it can move, as somebody set it; 0 where nobody did, and in recordings from before it could be set.
    public var ceilingBytes: UInt64 = 0

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("device", &device)
        try w.text("name", &name)
        try w.flag("rotational", &rotational)
        try w.flag("swap", &swap)
        try w.flag("in_memory", &inMemory)
        try w.figure("size_bytes", &sizeBytes)
        try w.unsigned("ceiling_bytes", &ceilingBytes)
    }
}

public struct UserName: Fields, Equatable, Sendable {
    public var uid: UInt32 = 0
    public var name = Bytes()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("uid", &uid)
        try w.text("name", &name)
    }
}

/// What people call a container, or a pod: one of the two ids says whose names these are.
public struct ContainerName: Fields, Equatable, Sendable {
    /// As in the container's cgroup path; empty where the names are the pod's, of whatever container in it.
    public var containerID = Bytes()
    public var podUID = Bytes()
    public var namespace = Bytes()
    public var pod = Bytes()
    /// The container's within its pod; empty for a pod.
    public var name = Bytes()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("container_id", &containerID)
        try w.text("pod_uid", &podUID)
        try w.text("namespace", &namespace)
        try w.text("pod", &pod)
        try w.text("name", &name)
    }
}

public enum BackstopKind: UInt8, Choice {
    case unknown = 0
    case earlyoom = 1
    case systemdOomd = 2
    case oomd = 3
    case nohang = 4
    /// Cgroup limits: one event a capped or uncapped tree comes as `CgroupSample`; this sums them up.
    case caps = 5
    public static var fallback: BackstopKind { .unknown }
}

/// A userspace killer: whether it runs and with which settings.
public struct BackstopState: Fields, Equatable, Sendable {
    public var kind = BackstopKind.unknown
    public var running = false
    public var pid: UInt32 = 0
    /// Its command line (NUL-separated) or the settings read from its files, one `key=value` a line.
    public var settings = Bytes()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.choice("kind", &kind)
        try w.flag("running", &running)
        try w.unsigned("pid", &pid)
        try w.text("settings", &settings)
    }
}

/// A kill as the kernel log told it: the labelled fallback (`from_kmsg`) where no hook is there.
public struct KernelLogKill: Fields, Equatable, Sendable {
    public var pid: UInt32 = 0
    public var uid: UInt32 = 0
    public var comm = Comm()
    public var constraint = Constraint.unknown
    public var oomCgroupPath = Bytes()
    public var cgroupPath = Bytes()
    public var totalVmBytes = Figure.unknown
    public var anonRssBytes = Figure.unknown
    public var fileRssBytes = Figure.unknown
    public var shmemRssBytes = Figure.unknown
    public var pgtablesBytes = Figure.unknown
    public var oomScoreAdj: Int32 = 0

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("pid", &pid)
        try w.unsigned("uid", &uid)
        try w.comm("comm", &comm)
        try w.choice("constraint", &constraint)
        try w.text("oom_cgroup", &oomCgroupPath)
        try w.text("cgroup", &cgroupPath)
        try w.figure("total_vm_bytes", &totalVmBytes)
        try w.figure("anon_rss_bytes", &anonRssBytes)
        try w.figure("file_rss_bytes", &fileRssBytes)
        try w.figure("shmem_rss_bytes", &shmemRssBytes)
        try w.figure("pgtables_bytes", &pgtablesBytes)
        try w.signed("oom_score_adj", &oomScoreAdj)
    }
}

public enum IncidentState: UInt8, Choice {
    case opened = 0
    case closed = 1
    public static var fallback: IncidentState { .opened }
}

/// The recorder's own finding, kept beside the events so that a list needs no replay. Never read by the correlator.
public struct IncidentRecord: Fields, Equatable, Sendable {
    public var state = IncidentState.opened
    public var bootID = BootID.unknown
    /// `seq` of the event that opened it: with the boot id, its identity.
    public var openingSeq: UInt64 = 0
    /// The archived `Incident` (opaque here).
    public var document = Bytes()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.choice("state", &state)
        try w.bootID("boot_id", &bootID)
        try w.unsigned("opening_seq", &openingSeq)
        try w.blob("document", &document)
    }
}

/// The correlator's state before the next event: each segment begins with one (opaque here).
public struct StateSnapshot: Fields, Equatable, Sendable {
    public var state = Bytes()

    public init() {}
    public init(state: Bytes) { self.state = state }
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.blob("state", &state)
    }
}
