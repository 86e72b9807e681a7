import Events
import Incidents

// What was recorded in a span of time, incident or not: schema "inquest.window/1" (docs/window.schema.json), and what the
// Markdown page is made of. The lists of fields are the JSON keys.

/// The span by the wall clock. Boottime is a boot's own: each boot says its first and its last.
struct WindowSpan: Fields {
    /// As it was asked for; unknown where nothing was.
    var sinceRealtimeNs = Figure.unknown
    var untilRealtimeNs = Figure.unknown
    /// Of the first and of the last event in it.
    var firstRealtimeNs = Figure.unknown
    var lastRealtimeNs = Figure.unknown
    var utcOffsetSeconds: Int32 = 0
    var events: UInt64 = 0

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.figure("since_realtime_ns", &sinceRealtimeNs)
        try w.figure("until_realtime_ns", &untilRealtimeNs)
        try w.figure("first_realtime_ns", &firstRealtimeNs)
        try w.figure("last_realtime_ns", &lastRealtimeNs)
        try w.signed("utc_offset_seconds", &utcOffsetSeconds)
        try w.unsigned("events", &events)
    }
}

/// A level over the span. The mean is over the time in which it is known.
struct Extent: Fields, Equatable {
    var min = Figure.unknown
    var mean = Figure.unknown
    var max = Figure.unknown

    init() {}

    init(_ bin: Bin?) {
        guard let bin else { return }
        (min, mean, max) = (Figure(whole(bin.low)), Figure(whole(bin.mean)), Figure(whole(bin.high)))
    }

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.figure("min", &min)
        try w.figure("mean", &mean)
        try w.figure("max", &max)
    }
}

/// What moved over the span: the rates are between one sample and the next.
struct Flow: Fields, Equatable {
    var bytes = Figure.unknown
    var mean = Figure.unknown
    var max = Figure.unknown

    init() {}

    /// - Parameter unit: bytes of a count of one.
    init(_ curve: Curve, unit: UInt64 = 1) {
        guard let bin = curve.whole else { return }
        bytes = Figure(curve.increase).scaled(by: unit)
        (mean, max) = (Figure(whole(bin.mean)), Figure(whole(bin.high)))
    }

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.figure("bytes", &bytes)
        try w.figure("mean_bytes_per_second", &mean)
        try w.figure("max_bytes_per_second", &max)
    }
}

/// Time stalled, of the time that there was.
struct StalledShare: Fields, Equatable {
    var stalledNs = Figure.unknown
    var mean = Ratio.unknown
    var max = Ratio.unknown

    init() {}

    /// - Parameter curve: of microseconds stalled, in percent.
    init(_ curve: Curve) {
        guard let bin = curve.whole else { return }
        stalledNs = Figure(curve.increase).scaled(by: 1000)
        // A counter is read a little later than the clock: a second can seem to have more than a second of stalls.
        (mean, max) = (Ratio(Swift.min(bin.mean, 100) / 100), Ratio(Swift.min(bin.high, 100) / 100))
    }

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.figure("stalled_ns", &stalledNs)
        try w.ratio("mean_ratio", &mean)
        try w.ratio("max_ratio", &max)
    }
}

/// The host over the span.
struct WindowHost: Fields {
    /// The most that there was of either: swap can be turned on and off.
    var memoryTotal = Figure.unknown
    var swapTotal = Figure.unknown
    var available = Extent()
    var swapUsed = Extent()
    var memorySome = StalledShare()
    var memoryFull = StalledShare()
    var ioSome = StalledShare()
    var ioFull = StalledShare()
    var cpuSome = StalledShare()
    var swapIn = Flow()
    var swapOut = Flow()
    var refaults = Flow()
    var blocked = Extent()
    var running = Extent()
    var load = Extent()

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.figure("memory_total_bytes", &memoryTotal)
        try w.figure("swap_total_bytes", &swapTotal)
        try w.group("available_bytes", &available)
        try w.group("swap_used_bytes", &swapUsed)
        try w.group("memory_some", &memorySome)
        try w.group("memory_full", &memoryFull)
        try w.group("io_some", &ioSome)
        try w.group("io_full", &ioFull)
        try w.group("cpu_some", &cpuSome)
        try w.group("swap_in", &swapIn)
        try w.group("swap_out", &swapOut)
        try w.group("refaults", &refaults)
        try w.group("blocked_milli", &blocked)
        try w.group("running_milli", &running)
        try w.group("load1_milli", &load)
    }
}

/// A disk over the span.
struct WindowDevice: Fields {
    var name = Bytes()
    var reads = Flow()
    var writes = Flow()
    /// Of reads and writes, as far as the block IO hook was heard.
    var swapBytes = Figure.unknown
    /// Upper bounds of the histograms' buckets; queue and device together.
    var readP50Us = Figure.unknown
    var readP99Us = Figure.unknown
    var writeP50Us = Figure.unknown
    var writeP99Us = Figure.unknown

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("name", &name)
        try w.group("reads", &reads)
        try w.group("writes", &writes)
        try w.figure("swap_bytes", &swapBytes)
        try w.figure("read_p50_us", &readP50Us)
        try w.figure("read_p99_us", &readP99Us)
        try w.figure("write_p50_us", &writeP50Us)
        try w.figure("write_p99_us", &writeP99Us)
    }
}

/// A cgroup over the span: one of the largest, or one that an incident names.
struct WindowCgroup: Fields {
    var cgroup = Bytes()
    var cgroupID: UInt64 = 0
    var memory = Extent()
    var swap = Extent()
    var throttledTaskNs = Figure.unknown
    var reclaimTaskNs = Figure.unknown

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("cgroup", &cgroup)
        try w.unsigned("cgroup_id", &cgroupID)
        try w.group("memory_bytes", &memory)
        try w.group("swap_bytes", &swap)
        try w.figure("throttled_task_ns", &throttledTaskNs)
        try w.figure("reclaim_task_ns", &reclaimTaskNs)
    }
}

/// An incident that touches the span, in brief.
struct WindowIncident: Fields {
    var id = Bytes()
    var incidentClass = IncidentClass.containedKill
    var severity = Phase.calm
    var scope = Scope()
    var headline = Bytes()
    var started = Moment.unknown
    var ended: Ending?
    var kills: UInt64 = 0

    init() {}

    init(_ incident: Incident) {
        id = incident.id
        incidentClass = incident.incidentClass
        severity = incident.severity
        scope = incident.scope
        headline = Bytes(IncidentWords(incident, utcOffsetSeconds: nil).headline.utf8)
        started = incident.started
        ended = incident.ended
        kills = UInt64(incident.kills.count)
    }

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("id", &id)
        try w.choice("class", &incidentClass)
        try w.choice("severity", &severity)
        try w.group("scope", &scope)
        try w.text("headline", &headline)
        try w.moment("started", &started)
        try w.optional("ended", &ended)
        try w.unsigned("kills_count", &kills)
    }
}

/// Why nothing was sampled for a while.
enum GapCause: UInt8, Choice {
    case unknown = 0
    /// The sampler ran late.
    case samplerLate = 1
    /// No recorder ran.
    case notRecording = 2
    static var fallback: GapCause { .unknown }
}

struct WindowGap: Fields {
    var from = Moment.unknown
    var to = Moment.unknown
    var cause = GapCause.unknown

    init() {}
    init(from: Moment, to: Moment, _ cause: GapCause) { (self.from, self.to, self.cause) = (from, to, cause) }

    var lengthNs: UInt64 { to.boottimeNs - Swift.min(from.boottimeNs, to.boottimeNs) }

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.moment("from", &from)
        try w.moment("to", &to)
        try w.choice("cause", &cause)
    }
}

/// Events that were recorded once and are not there any more, or never came to be recorded.
struct MissingEvents: Fields {
    var firstSeq: UInt64 = 0
    var lastSeq: UInt64 = 0
    var why = Bytes()

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("first_seq", &firstSeq)
        try w.unsigned("last_seq", &lastSeq)
        try w.text("why", &why)
    }
}

/// One boot's part of the span: everything that has a moment of that boot.
struct WindowBoot: Fields {
    var host = HostIdentity()
    /// Converts the moments of this boot.
    var clock = ClockSnapshot()
    /// How the recorder heard each feature.
    var hooks: [HookState] = []
    /// Of the first and of the last event in the span.
    var first = Moment.unknown
    var last = Moment.unknown
    /// How the host fared: the phase at the first event, then each change.
    var phases: [PhaseChange] = []
    var incidents: [WindowIncident] = []
    /// Those of incidents as the incident tells them; others as they were heard, with who sent the signal and no verdict.
    var kills: [Kill] = []
    /// Times in which nothing was sampled.
    var gaps: [WindowGap] = []

    mutating func note(_ moment: Moment) {
        if first.isUnknown || moment < first { first = moment }
        if last.isUnknown || moment > last { last = moment }
    }

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.group("host", &host)
        try w.group("clock", &clock)
        try w.moment("first", &first)
        try w.moment("last", &last)
        try w.list("hooks", &hooks)
        try w.list("phases", &phases)
        try w.list("incidents", &incidents)
        try w.list("kills", &kills)
        try w.list("gaps", &gaps)
    }
}

/// What was recorded in a span of time.
struct Window: Fields {
    var span = WindowSpan()
    var boots: [WindowBoot] = []
    var host = WindowHost()
    var devices: [WindowDevice] = []
    var cgroups: [WindowCgroup] = []
    /// What the recorder counted as lost or left out, by why.
    var lost: [Lost] = []
    var missing: [MissingEvents] = []
    /// Kills, gaps, disks and cgroups beyond what is kept.
    var killsOmitted: UInt64 = 0
    var gapsOmitted: UInt64 = 0
    var seriesOmitted: UInt64 = 0

    var incidents: [WindowIncident] { boots.flatMap(\.incidents) }

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.group("span", &span)
        try w.list("boots", &boots)
        try w.group("figures", &host)
        try w.list("devices", &devices)
        try w.list("cgroups", &cgroups)
        try w.list("lost", &lost)
        try w.list("missing", &missing)
        try w.unsigned("kills_omitted", &killsOmitted)
        try w.unsigned("gaps_omitted", &gapsOmitted)
        try w.unsigned("series_omitted", &seriesOmitted)
    }
}
