/// What Prometheus makes of a family's values.
public enum MetricType: String, Sendable {
    /// Only rises, until whoever counts begins anew.
    case counter
    case gauge
    case histogram
}

/// One family of metrics as data: the page, docs/metrics.md and the tests read nothing else.
public struct MetricFamily: Sendable {
    /// By Prometheus' conventions: the unit, then `_total` for a counter.
    public let name: String
    public let type: MetricType
    /// One line, without a full stop.
    public let help: String
    public let labels: [String]

    init(_ name: String, _ type: MetricType, labels: [String] = [], _ help: String) {
        self.name = "inquest_" + name
        self.type = type
        self.help = help
        self.labels = labels
    }
}

/// Every family there is, in the order of the page.
public enum Families {
    public static let all: [MetricFamily] = [
        up, buildInfo, recorderInfo, recorderStarts, lastEvent, events, lost, gaps, gapSeconds, hooks, phase, cgroups,
        incidentsOpen, incidents, kills, highStall, reclaimStall, swapBytes, latency, ioErrors, oldestRequest,
        backstops, findings,
    ]

    static let up = MetricFamily("up", .gauge, "1 while a recorder is connected, 0 while there is none")
    static let buildInfo = MetricFamily(
        "build_info", .gauge, labels: ["version"], "1, with the version of what serves this page")
    static let recorderInfo = MetricFamily(
        "recorder_info", .gauge, labels: ["version"], "1, with the version of the recorder that was heard last")
    static let recorderStarts = MetricFamily(
        "recorder_starts_total", .counter, "Starts of a recorder that were heard of")
    static let lastEvent = MetricFamily(
        "last_event_timestamp_seconds", .gauge, "Time of the latest event heard, in seconds since 1970")
    static let events = MetricFamily("events_total", .counter, "Events heard from the recorder")
    static let lost = MetricFamily(
        "events_lost_total", .counter, labels: ["source"], "Events that could not be heard or kept, by where")
    static let gaps = MetricFamily("sampler_gaps_total", .counter, "Times that the sampler ran late")
    static let gapSeconds = MetricFamily(
        "sampler_gap_seconds_total", .counter, "Time between samples that came late")
    static let hooks = MetricFamily(
        "hooks", .gauge, labels: ["mode"], "Features heard richly, plainly, and not at all (absent)")
    static let phase = MetricFamily(
        "phase", .gauge, "The host's phase: 0 calm, 1 watch, 2 pressure, 3 thrash, 4 critical")
    static let cgroups = MetricFamily(
        "cgroups", .gauge, labels: ["phase"], "Cgroups above calm, by their own phase")
    static let incidentsOpen = MetricFamily(
        "incidents_open", .gauge, labels: ["class"], "Incidents that have not ended, by the class reached")
    static let incidents = MetricFamily(
        "incidents_total", .counter, labels: ["class"], "Incidents that have ended, by their strongest class")
    static let kills = MetricFamily(
        "kills_total", .counter, labels: ["killer", "constraint", "drill"],
        "Processes killed, by who killed, why the kernel did, and whether it was a rehearsal")
    static let highStall = MetricFamily(
        "memory_high_stall_seconds_total", .counter, labels: ["cgroup"],
        "Task time stalled at memory.high, by cgroup")
    static let reclaimStall = MetricFamily(
        "memory_reclaim_stall_seconds_total", .counter, labels: ["cgroup", "reclaim"],
        "Task time stalled in reclaim for the whole host (direct) or a cgroup's own limit (memcg)")
    static let swapBytes = MetricFamily(
        "swap_bytes_total", .counter, labels: ["cgroup", "operation"],
        "Bytes of swap read from and written to devices, by the cgroup they are charged to")
    static let latency = MetricFamily(
        "io_latency_seconds", .histogram, labels: ["device", "operation", "swap"],
        "Time of block IO from the start of the request to its completion")
    static let ioErrors = MetricFamily(
        "io_errors_total", .counter, labels: ["device", "operation", "swap"], "Block IO that failed")
    static let oldestRequest = MetricFamily(
        "io_oldest_request_min_seconds", .gauge, labels: ["device"],
        "A lower bound for the age of the oldest request in flight")
    static let backstops = MetricFamily(
        "backstop_running", .gauge, labels: ["backstop"], "Whether a userspace killer runs")
    static let findings = MetricFamily(
        "containment_findings", .gauge, labels: ["rule", "verdict"],
        "What would stop a runaway and what would not, as inquest doctor --containment judges")
}
