public import Events

/// Who ended a process.
public enum Killer: UInt8, Choice {
    case unknown = 0
    case kernelMemcg = 1
    case kernelGlobal = 2
    case sysrq = 3
    case systemdOomd = 4
    case earlyoom = 5
    case oomd = 6
    case nohang = 7
    case cgroupKill = 8
    case serviceManager = 9
    case containerRuntime = 10
    case user = 11
    public static var fallback: Killer { .unknown }
}

public struct KillCause: Fields, Equatable, Sendable {
    public var killer = Killer.unknown
    public var confidence = Confidence.unknown
    public var evidence: [Evidence] = []
    public var constraint = Constraint.unknown
    public var gfpMask = Figure.unknown
    /// -1 is sysrq-f; null when unknown.
    public var order: Int64?
    /// Path of the memory cgroup that ran out of memory; null when unknown or none.
    public var oomMemcg = Bytes()
    public var oomGroup = false
    /// The limit, not the victim's size.
    public var limitPages = Figure.unknown
    public var chosenPoints: Int64?
    /// Other killers, and other cgroups that could have run out, and why it was none of them.
    public var alternatives: [Alternative] = []

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.choice("killer", &killer)
        try w.choice("confidence", &confidence)
        try w.list("evidence", &evidence)
        try w.choice("constraint", &constraint)
        try w.figure("gfp_mask", &gfpMask)
        try w.optionalSigned("order", &order)
        try w.text("oom_memcg", &oomMemcg)
        try w.flag("oom_group", &oomGroup)
        try w.figure("limit_pages", &limitPages)
        try w.optionalSigned("chosen_points", &chosenPoints)
        try w.list("alternatives", &alternatives)
    }
}

/// Who sent the signal of a userspace kill.
public struct Sender: Fields, Equatable, Sendable {
    public var pid: UInt32 = 0
    public var tgid: UInt32 = 0
    public var comm = Comm()
    public var exe = Bytes()
    public var uid = Figure.unknown
    public var cgroup = Bytes()
    public var unit = Bytes()
    public var signal: Int32 = 0
    public var siCode: Int32 = 0

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("pid", &pid)
        try w.unsigned("tgid", &tgid)
        try w.comm("comm", &comm)
        try w.text("exe", &exe)
        try w.figure("uid", &uid)
        try w.text("cgroup", &cgroup)
        try w.text("unit", &unit)
        try w.signed("signal", &signal)
        try w.signed("si_code", &siCode)
    }
}

/// The task whose allocation the kernel could not serve.
public struct Trigger: Fields, Equatable, Sendable {
    public var pid: UInt32 = 0
    public var tgid: UInt32 = 0
    public var comm = Comm()
    public var uid = Figure.unknown
    public var cgroup = Bytes()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("pid", &pid)
        try w.unsigned("tgid", &tgid)
        try w.comm("comm", &comm)
        try w.figure("uid", &uid)
        try w.text("cgroup", &cgroup)
    }
}

/// The process that died, as it was when it was chosen.
public struct KillVictim: Fields, Equatable, Sendable {
    public var pid: UInt32 = 0
    public var tgid: UInt32 = 0
    public var nsPid = Figure.unknown
    public var nsUid = Figure.unknown
    public var ppid: UInt32 = 0
    public var comm = Comm()
    /// Arguments joined by spaces; empty (null) when unknown.
    public var cmdline = Bytes()
    public var cmdlineTruncated = false
    public var uid = Figure.unknown
    public var user = Bytes()
    public var cgroup = Bytes()
    public var slice = Bytes()
    public var unit = Bytes()
    public var containerID = Bytes()
    public var podUID = Bytes()
    public var startTime = Moment.unknown
    public var oomScoreAdj: Int32 = 0
    public var totalVmBytes = Figure.unknown
    public var anonRssBytes = Figure.unknown
    public var fileRssBytes = Figure.unknown
    public var shmemRssBytes = Figure.unknown
    public var swapBytes = Figure.unknown
    public var pgtablesBytes = Figure.unknown
    public var alreadyExiting = false
    /// Names for people of the pod and of the container in it; empty (null) outside of Kubernetes, and when unknown.
    public var pod = Bytes()
    public var namespace = Bytes()
    public var containerName = Bytes()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("pid", &pid)
        try w.unsigned("tgid", &tgid)
        try w.figure("ns_pid", &nsPid)
        try w.figure("ns_uid", &nsUid)
        try w.unsigned("ppid", &ppid)
        try w.comm("comm", &comm)
        try w.text("cmdline", &cmdline)
        try w.flag("cmdline_truncated", &cmdlineTruncated)
        try w.figure("uid", &uid)
        try w.text("user", &user)
        try w.text("cgroup", &cgroup)
        try w.text("slice", &slice)
        try w.text("unit", &unit)
        try w.text("container_id", &containerID)
        try w.text("pod_uid", &podUID)
        try w.moment("start_time", &startTime)
        try w.signed("oom_score_adj", &oomScoreAdj)
        try w.figure("total_vm_bytes", &totalVmBytes)
        try w.figure("anon_rss_bytes", &anonRssBytes)
        try w.figure("file_rss_bytes", &fileRssBytes)
        try w.figure("shmem_rss_bytes", &shmemRssBytes)
        try w.figure("swap_bytes", &swapBytes)
        try w.figure("pgtables_bytes", &pgtablesBytes)
        try w.flag("already_exiting", &alreadyExiting)
        try w.text("pod", &pod)
        try w.text("namespace", &namespace)
        try w.text("container_name", &containerName)
    }
}

/// A fatal signal on the way to the end.
public struct SignalStep: Fields, Equatable, Sendable {
    public var at = Moment.unknown
    public var signal: Int32 = 0

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.moment("", &at)
        try w.signed("signal", &signal)
    }
}

/// Another process that died with the victim: it shared the address space, or the group was killed.
public struct OtherVictim: Fields, Equatable, Sendable {
    public var pid: UInt32 = 0
    public var comm = Comm()
    public var why = Bytes()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("pid", &pid)
        try w.comm("comm", &comm)
        try w.text("why", &why)
    }
}

public struct KillOutcome: Fields, Equatable, Sendable {
    public var signals: [SignalStep] = []
    public var exitTime = Moment.unknown
    /// As wait(2) gives it; null until it has exited.
    public var exitCode: Int64?
    public var killToExitNs = Figure.unknown
    public var freedBytes = Figure.unknown
    public var otherVictims: [OtherVictim] = []

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.list("signals", &signals)
        try w.moment("exit_time", &exitTime)
        try w.optionalSigned("exit_code", &exitCode)
        try w.figure("kill_to_exit_ns", &killToExitNs)
        try w.figure("freed_bytes", &freedBytes)
        try w.list("other_victims", &otherVictims)
    }
}

/// A memory cgroup at the kill: the victim's own first, then its ancestors.
public struct CgroupAtKill: Fields, Equatable, Sendable {
    public var cgroup = Bytes()
    public var cgroupID: UInt64 = 0
    /// Whether this is the one that ran out of memory.
    public var isOomMemcg = false
    public var currentBytes = Figure.unknown
    public var peakBytes = Figure.unknown
    public var minBytes = Figure.unknown
    public var lowBytes = Figure.unknown
    public var highBytes = Figure.unknown
    public var maxBytes = Figure.unknown
    public var swapCurrentBytes = Figure.unknown
    public var swapMaxBytes = Figure.unknown
    public var eventsLocalHigh = Figure.unknown
    public var eventsLocalMax = Figure.unknown
    public var eventsLocalOom = Figure.unknown
    public var eventsLocalOomKill = Figure.unknown
    /// `memory.stat` of the last sample before the kill.
    public var anonBytes = Figure.unknown
    public var fileBytes = Figure.unknown
    public var shmemBytes = Figure.unknown
    public var slabBytes = Figure.unknown
    public var pgscan = Figure.unknown
    public var workingsetRefault = Figure.unknown

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("cgroup", &cgroup)
        try w.unsigned("cgroup_id", &cgroupID)
        try w.flag("is_oom_memcg", &isOomMemcg)
        try w.figure("current_bytes", &currentBytes)
        try w.figure("peak_bytes", &peakBytes)
        try w.figure("min_bytes", &minBytes)
        try w.figure("low_bytes", &lowBytes)
        try w.figure("high_bytes", &highBytes)
        try w.figure("max_bytes", &maxBytes)
        try w.figure("swap_current_bytes", &swapCurrentBytes)
        try w.figure("swap_max_bytes", &swapMaxBytes)
        try w.figure("events_local_high", &eventsLocalHigh)
        try w.figure("events_local_max", &eventsLocalMax)
        try w.figure("events_local_oom", &eventsLocalOom)
        try w.figure("events_local_oom_kill", &eventsLocalOomKill)
        try w.figure("anon_bytes", &anonBytes)
        try w.figure("file_bytes", &fileBytes)
        try w.figure("shmem_bytes", &shmemBytes)
        try w.figure("slab_bytes", &slabBytes)
        try w.figure("pgscan", &pgscan)
        try w.figure("workingset_refault", &workingsetRefault)
    }
}

/// The host at the kill: the last samples before it.
public struct HostAtKill: Fields, Equatable, Sendable {
    public var memory = MemorySample()
    public var pressure = PressureSample()
    public var load = LoadSample()
    /// Age of these samples at the kill.
    public var sampleAgeNs = Figure.unknown
    public var phase = Phase.calm

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.group("memory", &memory)
        try w.group("pressure", &pressure)
        try w.group("load", &load)
        try w.figure("sample_age_ns", &sampleAgeNs)
        try w.choice("phase", &phase)
    }
}

/// The census nearest to the kill, cut down to what matters.
public struct KillContext: Fields, Equatable, Sendable {
    /// The largest by resident memory and swap.
    public var largest: [CensusTask] = []
    public var blocked: [CensusTask] = []

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.list("largest", &largest)
        try w.list("blocked", &blocked)
    }
}

public struct KillQuality: Fields, Equatable, Sendable {
    /// How the kill was heard: `raw_tp/mark_victim`, `fentry/oom_kill_process`, `/dev/kmsg`.
    public var source = Bytes()
    public var partialFields: [Bytes] = []
    public var samplerGapNs = Figure.unknown
    /// Fields that only the kernel log gave.
    public var fromKmsg = false

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("source", &source)
        try w.texts("partial_fields", &partialFields)
        try w.figure("sampler_gap_ns", &samplerGapNs)
        try w.flag("from_kmsg", &fromKmsg)
    }
}

/// One process that was killed.
public struct Kill: Fields, Equatable, Sendable {
    public var seq: UInt64 = 0
    public var incidentID = Bytes()
    public var bootID = BootID.unknown
    public var at = Moment.unknown
    /// Events lost before it within the incident.
    public var lostEventsBefore: UInt64 = 0
    public var drill = false
    public var cause = KillCause()
    public var sender: Sender?
    public var trigger: Trigger?
    public var victim = KillVictim()
    public var outcome = KillOutcome()
    public var cgroup: [CgroupAtKill] = []
    public var host = HostAtKill()
    public var context = KillContext()
    public var quality = KillQuality()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("seq", &seq)
        try w.text("incident_id", &incidentID)
        try w.bootID("boot_id", &bootID)
        try w.moment("", &at)
        try w.unsigned("lost_events_before", &lostEventsBefore)
        try w.flag("drill", &drill)
        try w.group("cause", &cause)
        try w.optional("sender", &sender)
        try w.optional("trigger", &trigger)
        try w.group("victim", &victim)
        try w.group("outcome", &outcome)
        try w.list("cgroup", &cgroup)
        try w.group("host", &host)
        try w.group("context", &context)
        try w.group("quality", &quality)
    }
}
