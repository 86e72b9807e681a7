public import Events

// The incident document: what `export --format json` writes, what the recorder archives when an incident closes. The lists of
// fields below are its JSON keys (schema "inquest.incident/1", docs/incident.schema.json) and its archive at once.

/// From harmless to hopeless; also an incident's severity.
public enum Phase: UInt8, Choice, Comparable {
    case calm = 0
    case watch = 1
    case pressure = 2
    case thrash = 3
    case critical = 4
    public static var fallback: Phase { .calm }
    public static func < (a: Phase, b: Phase) -> Bool { a.rawValue < b.rawValue }
}

/// What kind of disaster, from weakest to strongest.
public enum IncidentClass: UInt8, Choice, Comparable {
    case containedKill = 1
    case userspaceKill = 2
    case ioStorm = 3
    case throttleLivelock = 4
    case deviceStall = 5
    case fileThrash = 6
    case globalOom = 7
    case swapThrash = 8
    public static var fallback: IncidentClass { .containedKill }
    public static func < (a: IncidentClass, b: IncidentClass) -> Bool { a.rawValue < b.rawValue }
}

public enum EndedBy: UInt8, Choice {
    /// Still open.
    case open = 0
    case recovered = 1
    case uncleanReset = 2
    case kernelPanic = 3
    case cleanShutdown = 4
    case recorderStopped = 5
    case recorderKilled = 6
    public static var fallback: EndedBy { .open }
    public var isNull: Bool { self == .open }
}

public enum Confidence: UInt8, Choice {
    case unknown = 0
    case low = 1
    case medium = 2
    case high = 3
    public static var fallback: Confidence { .unknown }
}

public enum ScopeKind: UInt8, Choice {
    case host = 0
    case cgroup = 1
    public static var fallback: ScopeKind { .host }
}

/// Whose trouble it is: the whole host's, or one cgroup's.
public struct Scope: Fields, Equatable, Sendable {
    public var kind = ScopeKind.host
    public var cgroup = Bytes()
    public var cgroupID: UInt64 = 0

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.choice("kind", &kind)
        try w.text("cgroup", &cgroup)
        try w.unsigned("cgroup_id", &cgroupID)
    }
}

/// The machine, as the recorder described it at its start.
public struct HostIdentity: Fields, Equatable, Sendable {
    public var name = Bytes()
    public var bootID = BootID.unknown
    public var kernel = Bytes()
    public var cpus: UInt32 = 0
    public var memoryTotalBytes = Figure.unknown
    public var swapTotalBytes = Figure.unknown
    public var inquestVersion = Bytes()

    public init() {}

    public init(_ recorder: RecorderStart) {
        name = recorder.hostname
        bootID = recorder.bootID
        kernel = recorder.kernel
        cpus = recorder.cpus
        memoryTotalBytes = recorder.memoryTotalBytes
        swapTotalBytes = recorder.swapTotalBytes
        inquestVersion = recorder.version
    }

    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("name", &name)
        try w.bootID("boot_id", &bootID)
        try w.text("kernel", &kernel)
        try w.unsigned("cpus", &cpus)
        try w.figure("memory_total_bytes", &memoryTotalBytes)
        try w.figure("swap_total_bytes", &swapTotalBytes)
        try w.text("inquest_version", &inquestVersion)
    }
}

/// How and when it ended; `by` is null while it has not.
public struct Ending: Fields, Equatable, Sendable {
    public var at = Moment.unknown
    public var by = EndedBy.open
    /// After a reset: from the last record to the next recorder's first, by the wall clock.
    public var gapNs = Figure.unknown
    /// After a reset: the wall clock of the next recorder start, nanoseconds since 1970.
    public var nextStartRealtimeNs = Figure.unknown
    /// After a reset: the wall clock when the kernel of that next start booted; earlier boots may have had no recorder.
    public var nextBootRealtimeNs = Figure.unknown

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        // The empty name: documents write the moment's two keys in place.
        try w.moment("", &at)
        try w.choice("by", &by)
        try w.figure("gap_ns", &gapNs)
        try w.figure("next_start_realtime_ns", &nextStartRealtimeNs)
        try w.figure("next_boot_realtime_ns", &nextBootRealtimeNs)
    }
}

public struct ClassChange: Fields, Equatable, Sendable {
    public var at = Moment.unknown
    public var to = IncidentClass.containedKill

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.moment("", &at)
        try w.choice("class", &to)
    }
}

public struct PhaseChange: Fields, Equatable, Sendable {
    public var at = Moment.unknown
    public var to = Phase.calm

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.moment("", &at)
        try w.choice("phase", &to)
    }
}

/// How far to trust it: what was heard, and what was missed.
public struct Quality: Fields, Equatable, Sendable {
    public var hooks: [HookState] = []
    public var pressureAvailable = false
    public var ioAccounted = false
    public var lostEvents: UInt64 = 0
    /// The longest time between two samples.
    public var longestSamplerGapNs = Figure.unknown
    /// Timeline entries that the incident's bound left out.
    public var timelineOmitted: UInt64 = 0
    public var seriesOmitted: UInt64 = 0
    /// Anything else a reader must know, one sentence each.
    public var noteSentences: [Sentence] = []
    public var notes: [Bytes] { noteSentences.map(\.bytes) }

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.list("hooks", &hooks)
        try w.flag("pressure_available", &pressureAvailable)
        try w.flag("io_accounted", &ioAccounted)
        try w.unsigned("lost_events", &lostEvents)
        try w.figure("longest_sampler_gap_ns", &longestSamplerGapNs)
        try w.unsigned("timeline_omitted", &timelineOmitted)
        try w.unsigned("series_omitted", &seriesOmitted)
        try w.list("notes", &noteSentences)
    }
}

/// One incident: what happened, in which order, who caused it, and why nothing stopped it.
public struct Incident: Fields, Equatable, Sendable {
    public var id = Bytes()
    public var incidentClass = IncidentClass.containedKill
    public var severity = Phase.calm
    public var scope = Scope()
    public var host = HostIdentity()
    public var started = Moment.unknown
    public var ended: Ending?
    /// A few sentences for a tired reader.
    public var summarySentence = Sentence()
    public var summary: Bytes {
        get { summarySentence.bytes }
        set { summarySentence = Sentence(opaque: newValue) }
    }
    public var classes: [ClassChange] = []
    public var phases: [PhaseChange] = []
    public var chain: [Link] = []
    public var suspects: [Suspect] = []
    public var bystanders: [Bystander] = []
    public var kills: [Kill] = []
    public var backstops: [BackstopFinding] = []
    public var timeline: [TimelineEntry] = []
    public var series: [SeriesPoint] = []
    public var quality = Quality()
    /// `seq` of the event that opened it.
    public var openingSeq: UInt64 = 0
    /// Converts the document's moments to the wall clock.
    public var clock = ClockSnapshot()
    /// The other classes, and why it is none of them.
    public var alternatives: [Alternative] = []

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("id", &id)
        try w.choice("class", &incidentClass)
        try w.choice("severity", &severity)
        try w.group("scope", &scope)
        try w.group("host", &host)
        try w.moment("started", &started)
        try w.optional("ended", &ended)
        try w.group("summary", &summarySentence)
        try w.list("classes", &classes)
        try w.list("phases", &phases)
        try w.list("chain", &chain)
        try w.list("suspects", &suspects)
        try w.list("bystanders", &bystanders)
        try w.list("kills", &kills)
        try w.list("backstops", &backstops)
        try w.list("timeline", &timeline)
        try w.list("series", &series)
        try w.group("quality", &quality)
        try w.unsigned("opening_seq", &openingSeq)
        try w.group("clock", &clock)
        try w.list("alternatives", &alternatives)
    }

    /// `b1e7c2d4-48213`: the boot, and the event that opened it.
    public static func identity(boot: BootID, openingSeq: UInt64) -> Bytes {
        Bytes((boot.short + "-" + String(openingSeq)).utf8)
    }
}
