public import Events
public import Incidents
public import Rendering

/// `export --format sqlite`: incidents and events as tables, for questions that nobody thought of before (docs/sqlite.md).
///
///     var database = try DatabaseWriter(path)
///     database.add(incident)
///     database.take(event, names)        // each, in order
///     try database.finish(names)
///
/// The first failure is kept, what follows is dropped, and `finish` throws it. Memory does not grow with the number of events.
public struct DatabaseWriter: ~Copyable {
    private let connection: Connection
    private let tables: Inserters
    private var failure: DatabaseError?
    private var lines: EventJSON
    private let labels: [Bytes]

    /// - Parameter path: of an empty file.
    public init(_ path: String) throws(DatabaseError) {
        let connection = try Connection.open(path)
        try connection.execute(
            "PRAGMA user_version = \(Tables.version); PRAGMA application_id = \(Tables.application); BEGIN;"
                + Tables.schema)
        let tables = try Inserters(connection)
        self.connection = connection
        self.tables = tables
        failure = nil
        lines = EventJSON()
        labels = (0..<256).map { EventKind(rawValue: UInt8($0)).map { Bytes($0.label.utf8) } ?? [] }
    }

    /// - Parameters:
    ///   - event: the next one of the span, by number.
    ///   - names: what numbers were called, and the clock, up to and including this event.
    public mutating func take(_ event: Event, _ names: borrowing NameTable) {
        guard failure == nil else { return }
        let kind = Int(event.payload.kind.rawValue)
        if let inserter = tables.samples[kind] {
            inserter.insert(event, names.clock) { row in
                if case .pressure = event.payload { row.statement.bind(labels[kind]) }
                if case .memory = event.payload { row.statement.bind(labels[kind]) }
                if case .vmstat = event.payload { row.statement.bind(labels[kind]) }
                if case .load = event.payload { row.statement.bind(labels[kind]) }
                event.payload.write(&row)
            }
            return check(inserter)
        }
        if case .snapshot = event.payload { return }
        lines.clear()
        lines.clock = names.clock
        lines.append(event)
        let task = event.payload.subject
        tables.events.insert(event, names.clock) { row in
            row.statement.bind(labels[kind])
            if var task {
                row.unsigned("pid", &task.tgid)
                row.comm("comm", &task.comm)
                row.unsigned("uid", &task.uid)
                row.unsigned("cgroup_id", &task.cgroup)
            } else {
                for _ in 0..<4 { row.statement.bindNull() }
            }
            // Without the line feed.
            unsafe lines.withBytes { unsafe row.statement.bind(UnsafeRawBufferPointer(rebasing: $0.dropLast())) }
        }
        check(tables.events)
    }

    public mutating func add(_ incident: Incident) {
        guard failure == nil else { return }
        let clock = incident.clock
        var document = IncidentJSON.document(incident, pretty: false)
        document.removeLast()
        tables.incidents.insert(IncidentRow(incident: incident, document: document), clock)
        for kill in incident.kills { tables.kills.insert(KillRow(kill: kill), clock) }
        for (index, link) in incident.chain.enumerated() {
            tables.links.insert(LinkRow(incidentID: incident.id, position: UInt64(index + 1), link: link), clock)
        }
        for (index, suspect) in incident.suspects.enumerated() {
            let row = SuspectRow(incidentID: incident.id, position: UInt64(index + 1), suspect: suspect)
            tables.suspects.insert(row, clock)
        }
        for inserter in [tables.incidents, tables.kills, tables.links, tables.suspects] { check(inserter) }
    }

    /// Writes what numbers were called, and everything that is still in memory.
    public mutating func finish(_ names: borrowing NameTable) throws(DatabaseError) {
        if let failure { throw failure }
        try dictionary("cgroups", ["cgroup_id", "path"], names.cgroups.map { (Int64(clamping: $0.key), $0.value) })
        try dictionary("devices", ["device", "name"], names.devices.map { (Int64($0.key), $0.value) })
        try dictionary("users", ["uid", "name"], names.users.map { (Int64($0.key), $0.value) })
        try connection.execute("COMMIT")
    }

    private func dictionary(
        _ table: String, _ columns: [String], _ names: [(Int64, Bytes)]
    ) throws(DatabaseError) {
        let inserter = try Inserter(connection, table, columns)
        for (number, name) in names.sorted(by: { $0.0 < $1.0 }) {
            inserter.insert { row in
                row.statement.bind(number)
                row.text(name)
            }
        }
        if inserter.hasFailed { throw connection.failure }
    }

    private mutating func check(_ inserter: Inserter) {
        if inserter.hasFailed, failure == nil { failure = connection.failure }
    }
}

/// One for each table that grows.
private struct Inserters {
    /// By the number of the event's kind.
    var samples: [Inserter?]
    let events: Inserter
    let incidents: Inserter
    let kills: Inserter
    let links: Inserter
    let suspects: Inserter

    init(_ connection: Connection) throws(DatabaseError) {
        let front = ["seq", "boottime_ns", "realtime_ns"]
        samples = Array(repeating: nil, count: 256)
        for (kind, table, prefix) in Tables.samples {
            let own = Tables.columns(of: kind, prefix: prefix).names
            samples[Int(kind.rawValue)] = try Inserter(
                connection, table, front + (prefix.isEmpty ? [] : ["kind"]) + own)
        }
        events = try Inserter(connection, "events", front + ["kind", "pid", "comm", "uid", "cgroup_id", "json"])
        incidents = try Inserter(connection, "incidents", Tables.columns(of: IncidentRow.self).names)
        kills = try Inserter(connection, "kills", Tables.columns(of: KillRow.self).names)
        links = try Inserter(connection, "links", Tables.columns(of: LinkRow.self).names)
        suspects = try Inserter(connection, "suspects", Tables.columns(of: SuspectRow.self).names)
    }
}

/// Adds rows to one table.
private final class Inserter {
    private var row: Row

    init(_ connection: Connection, _ table: String, _ columns: [String]) throws(DatabaseError) {
        let values = Array(repeating: "?", count: columns.count).joined(separator: ",")
        row = Row(
            try connection.prepare("INSERT INTO \(table) (\(columns.joined(separator: ","))) VALUES (\(values))"))
    }

    var hasFailed: Bool { row.statement.hasFailed }

    func insert(_ body: (inout Row) -> Void) {
        body(&row)
        row.statement.step()
    }

    func insert(_ event: Event, _ clock: ClockSnapshot, _ body: (inout Row) -> Void) {
        row.statement.bind(event.seq)
        row.statement.bind(event.boottimeNs)
        if let realtimeNs = clock.realtimeNs(of: event.moment) {
            row.statement.bind(realtimeNs)
        } else {
            row.statement.bindNull()
        }
        insert(body)
    }

    func insert<F: Fields>(_ value: F, _ clock: ClockSnapshot) {
        var value = value
        row.clock = clock
        insert { value.walk(&$0) }
    }
}

extension Payload {
    /// Whom it is about; `nil` where no process is named.
    fileprivate var subject: TaskIdentity? {
        switch self {
        case .oomKill(let kill): kill.victim.task
        case .signal(let signal): signal.target.task
        case .exit(let exit): exit.task
        case .stall(let stall): stall.task
        case .censusTask(let task): task.task
        default: nil
        }
    }
}
