// What the BPF programs report. Bytes: bpf/include/inquest_wire.h; decoded in Wire/.

/// A task, named well enough that /proc is never asked about it.
public struct TaskIdentity: Fields, Equatable, Sendable {
    public var pid: UInt32 = 0
    public var tgid: UInt32 = 0
    public var ppid: UInt32 = 0
    public var uid: UInt32 = 0
    /// Session id (setsid(2)) in the initial pid namespace; 0 unknown.
    public var session: UInt32 = 0
    /// `task_struct.flags` (include/linux/sched.h, PF_*).
    public var flags: UInt32 = 0
    /// kernfs id of its cgroup in the memory controller's hierarchy.
    public var cgroup: UInt64 = 0
    public var comm = Comm()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("pid", &pid)
        try w.unsigned("tgid", &tgid)
        try w.unsigned("ppid", &ppid)
        try w.unsigned("uid", &uid)
        try w.unsigned("session", &session)
        try w.unsigned("flags", &flags)
        try w.unsigned("cgroup_id", &cgroup)
        try w.comm("comm", &comm)
    }

    /// PF_KTHREAD (include/linux/sched.h).
    public var isKernelThread: Bool { flags & 0x0020_0000 != 0 }
}

/// A process that was killed or signalled, as it was at that moment.
public struct Victim: Fields, Equatable, Sendable {
    public var task = TaskIdentity()
    /// Its process id and user id as seen inside its own namespaces.
    public var nsPid: UInt32 = 0
    public var nsUid: UInt32 = 0
    public var oomScoreAdj: Int32 = 0
    public var alreadyExiting = false
    public var cmdlineTruncated = false
    public var cgroupTruncated = false
    /// When the process began, nanoseconds of CLOCK_BOOTTIME.
    public var startBoottimeNs: UInt64 = 0
    public var totalVmPages = Figure.unknown
    public var anonRssPages = Figure.unknown
    public var fileRssPages = Figure.unknown
    public var shmemRssPages = Figure.unknown
    public var swapPages = Figure.unknown
    public var pgtablesBytes = Figure.unknown
    /// Path in the memory controller's hierarchy, from its root: `/user.slice/...`.
    public var cgroupPath = Bytes()
    /// Arguments separated by NUL, at most 256 bytes; empty when unknown.
    public var cmdline = Bytes()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.group("task", &task)
        try w.unsigned("ns_pid", &nsPid)
        try w.unsigned("ns_uid", &nsUid)
        try w.signed("oom_score_adj", &oomScoreAdj)
        try w.flag("already_exiting", &alreadyExiting)
        try w.flag("cmdline_truncated", &cmdlineTruncated)
        try w.flag("cgroup_truncated", &cgroupTruncated)
        try w.unsigned("start_boottime_ns", &startBoottimeNs)
        try w.figure("total_vm_pages", &totalVmPages)
        try w.figure("anon_rss_pages", &anonRssPages)
        try w.figure("file_rss_pages", &fileRssPages)
        try w.figure("shmem_rss_pages", &shmemRssPages)
        try w.figure("swap_pages", &swapPages)
        try w.figure("pgtables_bytes", &pgtablesBytes)
        try w.text("cgroup", &cgroupPath)
        try w.text("cmdline", &cmdline)
    }
}

/// One memory cgroup at the moment of a kill or of a census: limits and use in pages, event counters since it was made.
public struct MemcgState: Fields, Equatable, Sendable {
    public var id: UInt64 = 0
    public var usagePages = Figure.unknown
    public var peakPages = Figure.unknown
    public var minPages = Figure.unknown
    public var lowPages = Figure.unknown
    public var highPages = Figure.unknown
    public var maxPages = Figure.unknown
    /// Swap; on a v1 hierarchy memory + swap (memsw).
    public var swapUsagePages = Figure.unknown
    public var swapMaxPages = Figure.unknown
    public var highEvents = Figure.unknown
    public var maxEvents = Figure.unknown
    public var oomEvents = Figure.unknown
    public var oomKillEvents = Figure.unknown

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("id", &id)
        try w.figure("usage_pages", &usagePages)
        try w.figure("peak_pages", &peakPages)
        try w.figure("min_pages", &minPages)
        try w.figure("low_pages", &lowPages)
        try w.figure("high_pages", &highPages)
        try w.figure("max_pages", &maxPages)
        try w.figure("swap_usage_pages", &swapUsagePages)
        try w.figure("swap_max_pages", &swapMaxPages)
        try w.figure("high_events", &highEvents)
        try w.figure("max_events", &maxEvents)
        try w.figure("oom_events", &oomEvents)
        try w.figure("oom_kill_events", &oomKillEvents)
    }
}

/// `enum oom_constraint` (include/linux/oom.h).
public enum Constraint: UInt8, Choice {
    case unknown = 0
    case none = 1
    case cpuset = 2
    case memoryPolicy = 3
    case memcg = 4
    public static var fallback: Constraint { .unknown }
    public var isNull: Bool { self == .unknown }
    /// The kernel's own names.
    public var label: String {
        switch self {
        case .unknown: "unknown"
        case .none: "CONSTRAINT_NONE"
        case .cpuset: "CONSTRAINT_CPUSET"
        case .memoryPolicy: "CONSTRAINT_MEMORY_POLICY"
        case .memcg: "CONSTRAINT_MEMCG"
        }
    }
}

/// How the kernel came to kill, read off its call stack where `oom_kill_process` cannot be traced.
public enum OomEntry: UInt8, Choice {
    case unknown = 0
    case memcg = 1
    case global = 2
    case sysrq = 3
    public static var fallback: OomEntry { .unknown }
}

/// The kernel's OOM killer marked a victim (`oom:mark_victim`).
public struct OomKill: Fields, Equatable, Sendable {
    /// True when the facts of the OOM come from `oom_kill_process` itself.
    public var traced = false
    public var constraint = Constraint.unknown
    public var entry = OomEntry.unknown
    public var order: Int32 = 0
    public var gfpMask: UInt32 = 0
    /// `oom_control.totalpages`: the limit in pages, not the victim's size.
    public var limitPages = Figure.unknown
    public var chosenPoints: Int64 = 0
    /// The memory cgroup that ran out of memory; 0 none (global).
    public var oomCgroup = Figure.unknown
    public var oomGroup = false
    /// The task whose allocation failed. Not the victim.
    public var trigger = TaskIdentity()
    public var victim = Victim()
    /// The victim's memory cgroup first, then its ancestors.
    public var ancestors: [MemcgState] = []

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.flag("traced", &traced)
        try w.choice("constraint", &constraint)
        try w.choice("entry", &entry)
        try w.signed("order", &order)
        try w.unsigned("gfp_mask", &gfpMask)
        try w.figure("limit_pages", &limitPages)
        try w.signed("chosen_points", &chosenPoints)
        try w.figure("oom_cgroup_id", &oomCgroup)
        try w.flag("oom_group", &oomGroup)
        try w.group("trigger", &trigger)
        try w.group("victim", &victim)
        try w.list("ancestors", &ancestors)
    }
}

/// Who vouches for a signal's origin.
public enum SignalOrigin: UInt8, Choice {
    /// kill(2) and kin: siginfo came from a process.
    case user = 0
    /// SEND_SIG_NOINFO: `cgroup.kill`, the terminal.
    case noInfo = 1
    /// SEND_SIG_PRIV: the kernel itself (OOM, end of a pid namespace).
    case kernel = 2
    public static var fallback: SignalOrigin { .user }
}

/// A fatal signal from another process, or from the kernel (`signal:signal_generate`).
public struct Signal: Fields, Equatable, Sendable {
    public var signal: Int32 = 0
    public var siCode: Int32 = 0
    /// 0 delivered, 1 ignored, 2 already pending, 3 and 4 lost (include/trace/events/signal.h).
    public var result: Int32 = 0
    public var group = false
    public var origin = SignalOrigin.user
    public var sender = TaskIdentity()
    public var target = Victim()
    /// The sender's executable, a path from its mount's root; empty when unknown.
    public var senderExe = Bytes()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.signed("signal", &signal)
        try w.signed("si_code", &siCode)
        try w.signed("result", &result)
        try w.flag("group", &group)
        try w.choice("origin", &origin)
        try w.group("sender", &sender)
        try w.group("target", &target)
        try w.text("sender_exe", &senderExe)
    }
}

/// A process that had been marked or fatally signalled is gone (`sched:sched_process_exit`, its last thread).
public struct Exit: Fields, Equatable, Sendable {
    public var task = TaskIdentity()
    /// As wait(2) gives it: the signal in the low 7 bits.
    public var exitCode: Int32 = 0
    public var lastSignal: UInt32 = 0
    /// The first fatal signal or mark.
    public var markedBoottimeNs: UInt64 = 0
    /// Still resident at exit; unknown where the kernel drops the address space first (up to 6.12).
    public var rssPages = Figure.unknown

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.group("task", &task)
        try w.signed("exit_code", &exitCode)
        try w.unsigned("last_signal", &lastSignal)
        try w.unsigned("marked_boottime_ns", &markedBoottimeNs)
        try w.figure("rss_pages", &rssPages)
    }
}

public enum ReapStep: UInt8, Choice {
    case unknown = 0
    case wake = 1
    case start = 2
    case finish = 3
    case skip = 4
    public static var fallback: ReapStep { .unknown }
}

/// A step of the OOM reaper (`oom:wake_reaper`, `start_task_reaping`, `finish_task_reaping`, `skip_task_reaping`).
public struct Reap: Fields, Equatable, Sendable {
    public var pid: UInt32 = 0
    public var step = ReapStep.unknown

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("pid", &pid)
        try w.choice("step", &step)
    }
}

/// What a task waited for, and by which hook it was seen.
public enum StallMechanism: UInt8, Choice {
    case unknown = 0
    /// The whole memory.high stall: fentry and fexit on the throttle function.
    case memoryHigh = 1
    /// The sleep of a memory.high stall: `sched_switch` in a memory stall.
    case memoryHighSleep = 2
    case directReclaim = 3
    /// Reclaim in a cgroup's own limit.
    case memcgReclaim = 4
    public static var fallback: StallMechanism { .unknown }
}

/// One long stall; the event's time is its end.
public struct Stall: Fields, Equatable, Sendable {
    public var task = TaskIdentity()
    public var durationNs: UInt64 = 0
    public var mechanism = StallMechanism.unknown

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.group("task", &task)
        try w.unsigned("duration_ns", &durationNs)
        try w.choice("mechanism", &mechanism)
    }
}

public enum IOOperation: UInt8, Choice {
    case read = 0
    case write = 1
    case flush = 2
    case discard = 3
    public static var fallback: IOOperation { .read }
}

/// One IO slower than the threshold; the event's time is its completion.
public struct SlowIO: Fields, Equatable, Sendable {
    /// `major << 20 | minor`.
    public var device: UInt32 = 0
    public var operation = IOOperation.read
    public var swap = false
    public var failed = false
    public var bytes: UInt64 = 0
    public var sector: UInt64 = 0
    /// Issue to completion.
    public var deviceNs = Figure.unknown
    /// Start of the request to issue.
    public var queueNs = Figure.unknown
    /// Owner by blkcg; 1 (the root) also when the io controller is off; 0 unknown.
    public var cgroup: UInt64 = 0

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("device", &device)
        try w.choice("operation", &operation)
        try w.flag("swap", &swap)
        try w.flag("failed", &failed)
        try w.unsigned("bytes", &bytes)
        try w.unsigned("sector", &sector)
        try w.figure("device_ns", &deviceNs)
        try w.figure("queue_ns", &queueNs)
        try w.unsigned("cgroup_id", &cgroup)
    }
}

public enum CgroupAction: UInt8, Choice {
    /// Found by the scan at start.
    case seen = 0
    case created = 1
    case removed = 2
    case renamed = 3
    public static var fallback: CgroupAction { .seen }
}

/// A cgroup's name became known or changed.
public struct CgroupChange: Fields, Equatable, Sendable {
    public var id: UInt64 = 0
    public var hierarchy: UInt32 = 0
    public var action = CgroupAction.seen
    /// From the hierarchy's root: `/user.slice/...`.
    public var path = Bytes()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("id", &id)
        try w.unsigned("hierarchy", &hierarchy)
        try w.choice("action", &action)
        try w.text("path", &path)
    }
}
