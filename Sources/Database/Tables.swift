import Events
import Incidents

// What tables there are. Columns follow from the lists of fields; docs/sqlite.md says what each table is for.

enum Tables {
    /// `PRAGMA user_version`: counts what readers would notice.
    static let version = 1
    /// `PRAGMA application_id`: "inqs".
    static let application = 0x696e_7173

    /// The columns before those of an event's own.
    static let front = [
        "seq INTEGER PRIMARY KEY", "boottime_ns INTEGER NOT NULL", "realtime_ns INTEGER",
    ]

    /// Samples and intervals: each kind's table, and what its columns begin with there. All other kinds are rows of `events`.
    static let samples: [(kind: EventKind, table: String, prefix: String)] = [
        (.pressure, "samples", "pressure_"), (.memory, "samples", "memory_"), (.vmstat, "samples", "vmstat_"),
        (.load, "samples", "load_"), (.device, "device_samples", ""), (.cgroupSample, "cgroup_samples", ""),
        (.ioInterval, "io_intervals", ""), (.cgroupIO, "cgroup_io", ""), (.cgroupStall, "cgroup_stalls", ""),
    ]

    static let events =
        front + [
            "kind TEXT NOT NULL", "pid INTEGER", "comm TEXT", "uid INTEGER", "cgroup_id INTEGER", "json TEXT NOT NULL",
        ]

    static let dictionaries = """
        CREATE TABLE cgroups (cgroup_id INTEGER PRIMARY KEY, path TEXT NOT NULL);
        CREATE TABLE devices (device INTEGER PRIMARY KEY, name TEXT NOT NULL);
        CREATE TABLE users (uid INTEGER PRIMARY KEY, name TEXT NOT NULL);
        """

    /// Counters as rates, and numbers by their names.
    static let views = """
        CREATE VIEW cgroup_memory AS
          SELECT seq, boottime_ns, realtime_ns, path, current_bytes, swap_bytes, high_bytes, max_bytes, swap_max_bytes
          FROM cgroup_samples LEFT JOIN cgroups USING (cgroup_id);
        CREATE VIEW device_rates AS
          SELECT seq, boottime_ns, realtime_ns, name,
            1e9 * (read_bytes - lag(read_bytes) OVER before)
              / (boottime_ns - lag(boottime_ns) OVER before) AS read_bytes_per_second,
            1e9 * (write_bytes - lag(write_bytes) OVER before)
              / (boottime_ns - lag(boottime_ns) OVER before) AS write_bytes_per_second
          FROM device_samples LEFT JOIN devices USING (device)
          WINDOW before AS (PARTITION BY device ORDER BY seq);
        CREATE VIEW pressure_shares AS
          SELECT seq, boottime_ns, realtime_ns,
            1e3 * (pressure_memory_some_us - lag(pressure_memory_some_us) OVER before)
              / (boottime_ns - lag(boottime_ns) OVER before) AS memory_some_ratio,
            1e3 * (pressure_memory_full_us - lag(pressure_memory_full_us) OVER before)
              / (boottime_ns - lag(boottime_ns) OVER before) AS memory_full_ratio,
            1e3 * (pressure_io_full_us - lag(pressure_io_full_us) OVER before)
              / (boottime_ns - lag(boottime_ns) OVER before) AS io_full_ratio
          FROM samples WHERE kind = 'pressure'
          WINDOW before AS (ORDER BY seq);
        """

    /// The columns of an event kind's own fields.
    static func columns(of kind: EventKind, prefix: String) -> Columns {
        var columns = Columns(prefix: prefix)
        _ = Payload.read(kind, &columns)
        return columns
    }

    static func columns<F: Fields>(of type: F.Type) -> Columns {
        var columns = Columns()
        var sample = F()
        sample.walk(&columns)
        return columns
    }

    /// All `CREATE` statements.
    static var schema: String {
        func create(_ name: String, _ columns: [String]) -> String {
            "CREATE TABLE \(name) (\n  \(columns.joined(separator: ",\n  "))\n);\n"
        }
        var text = create("events", events)
        var tables: [(name: String, columns: [String])] = []
        for (kind, table, prefix) in samples {
            let own = columns(of: kind, prefix: prefix).declarations
            if let last = tables.last, last.name == table {
                tables[tables.count - 1].columns += own
            } else {
                tables.append((table, front + (prefix.isEmpty ? own : ["kind TEXT NOT NULL"] + own)))
            }
        }
        for table in tables { text += create(table.name, table.columns) }
        text += create("incidents", columns(of: IncidentRow.self).declarations)
        text += create("kills", columns(of: KillRow.self).declarations)
        text += create("links", columns(of: LinkRow.self).declarations)
        text += create("suspects", columns(of: SuspectRow.self).declarations)
        return text + dictionaries + views
    }
}

/// A row of `incidents`: the incident without its lists, and the whole of it as a document.
struct IncidentRow: Fields {
    var incident = Incident()
    var document = Bytes()

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("id", &incident.id)
        try w.choice("class", &incident.incidentClass)
        try w.choice("severity", &incident.severity)
        try w.group("scope", &incident.scope)
        try w.group("host", &incident.host)
        try w.moment("started", &incident.started)
        try w.optional("ended", &incident.ended)
        try w.group("summary", &incident.summarySentence)
        try w.unsigned("opening_seq", &incident.openingSeq)
        try w.unsigned("lost_events", &incident.quality.lostEvents)
        try w.blob("json", &document)
    }
}

/// A row of `kills`: who, whom, by what right, and how it ended. What was around it is in the incident's document.
struct KillRow: Fields {
    var kill = Kill()

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("seq", &kill.seq)
        try w.text("incident_id", &kill.incidentID)
        try w.moment("", &kill.at)
        try w.flag("drill", &kill.drill)
        try w.group("cause", &kill.cause)
        try w.optional("sender", &kill.sender)
        try w.optional("trigger", &kill.trigger)
        try w.group("victim", &kill.victim)
        try w.group("outcome", &kill.outcome)
    }
}

/// A row of `links`: one link of an incident's causal chain.
struct LinkRow: Fields {
    var incidentID = Bytes()
    /// From 1, causes before their effects.
    var position: UInt64 = 0
    var link = Link()

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("incident_id", &incidentID)
        try w.unsigned("position", &position)
        try link.walk(&w)
    }
}

struct SuspectRow: Fields {
    var incidentID = Bytes()
    /// From 1, the likeliest first.
    var position: UInt64 = 0
    var suspect = Suspect()

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("incident_id", &incidentID)
        try w.unsigned("position", &position)
        try suspect.walk(&w)
    }
}
