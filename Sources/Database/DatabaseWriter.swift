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
/// The first failure is kept, what follows is dropped, and `finish` throws it. Memory does not grow with the number of events,
/// but for 16 bytes of each page.
public struct DatabaseWriter: ~Copyable {
    private let file: DatabaseFile
    private let tables: [(name: String, columns: [String], table: Table)]
    /// By the number of the event's kind.
    private var samples: [Inserter?]
    private let events: Inserter
    private let incidents: Inserter
    private let kills: Inserter
    private let links: Inserter
    private let suspects: Inserter
    private var lines: EventJSON
    private let labels: [Bytes]

    /// - Parameter path: of an empty file.
    public init(_ path: String) throws(DatabaseError) {
        let file = try DatabaseFile(path)
        let tables = Tables.all.map { ($0.name, $0.columns, Table(file)) }
        func inserter(_ name: String) -> Inserter {
            let found = tables.first { $0.0 == name }!
            return Inserter(found.2, columns: found.1.count)
        }
        self.file = file
        self.tables = tables
        (events, incidents, kills) = (inserter("events"), inserter("incidents"), inserter("kills"))
        (links, suspects) = (inserter("links"), inserter("suspects"))
        samples = Array(repeating: nil, count: 256)
        var before: [String: Int] = [:]
        for (kind, table, prefix) in Tables.samples {
            let inserter = inserter(table)
            if !prefix.isEmpty { inserter.kind = Bytes(kind.label.utf8) }
            inserter.columnsBefore = before[table] ?? 0
            before[table, default: 0] += Tables.columns(of: kind, prefix: prefix).names.count
            samples[Int(kind.rawValue)] = inserter
        }
        lines = EventJSON()
        labels = (0..<256).map { EventKind(rawValue: UInt8($0)).map { Bytes($0.label.utf8) } ?? [] }
    }

    /// - Parameter names: what numbers were called, and the clock, up to and including this event.
    public mutating func take(_ event: Event, _ names: borrowing NameTable) {
        let kind = Int(event.payload.kind.rawValue)
        if let inserter = samples[kind] {
            return inserter.insert(event, names.clock) { event.payload.write(&$0) }
        }
        if case .snapshot = event.payload { return }
        lines.clear()
        lines.clock = names.clock
        lines.append(event)
        let task = event.payload.subject
        events.insert(event, names.clock) { row in
            row.record.append(labels[kind])
            if var task {
                row.unsigned("pid", &task.tgid)
                row.comm("comm", &task.comm)
                row.unsigned("uid", &task.uid)
                row.unsigned("cgroup_id", &task.cgroup)
            } else {
                for _ in 0..<4 { row.record.appendNull() }
            }
            // Without the line feed.
            unsafe lines.withBytes {
                row.record.append(unsafe $0.bindMemory(to: UInt8.self).span.extracting(droppingLast: 1))
            }
        }
    }

    public mutating func add(_ incident: Incident) {
        let clock = incident.clock
        var document = IncidentJSON.document(incident, pretty: false)
        document.removeLast()
        incidents.insert(IncidentRow(incident: incident, document: document), clock)
        for kill in incident.kills { kills.insert(KillRow(kill: kill), clock) }
        for (index, link) in incident.chain.enumerated() {
            links.insert(LinkRow(incidentID: incident.id, position: UInt64(index + 1), link: link), clock)
        }
        for (index, suspect) in incident.suspects.enumerated() {
            let row = SuspectRow(incidentID: incident.id, position: UInt64(index + 1), suspect: suspect)
            suspects.insert(row, clock)
        }
    }

    /// Writes what numbers were called, and everything that is still in memory.
    public mutating func finish(_ names: borrowing NameTable) throws(DatabaseError) {
        dictionary("cgroups", names.cgroups.map { (Int64(clamping: $0.key), $0.value) })
        dictionary("devices", names.devices.map { (Int64($0.key), $0.value) })
        dictionary("users", names.users.map { (Int64($0.key), $0.value) })
        let made = tables.map { name, columns, table in
            ("table", name, table.finish(), "CREATE TABLE \(name) (\n  \(columns.joined(separator: ",\n  "))\n)")
        }
        let views = Tables.views.map { ("view", $0.name, 0 as UInt32, $0.sql) }
        try file.finish(
            Table.ofTables(made + views, file), version: Tables.version, application: Tables.application)
    }

    private func dictionary(_ table: String, _ names: [(Int64, Bytes)]) {
        let inserter = Inserter(tables.first { $0.name == table }!.table, columns: 2)
        for (number, name) in names.sorted(by: { $0.0 < $1.0 }) {
            inserter.insert { row in
                row.record.append(key: number)
                row.text(name)
            }
        }
    }
}

/// Adds rows to one table.
private final class Inserter {
    /// Where rows of several kinds share a table, which this is of, and how many columns are the kinds' before it.
    var kind: Bytes?
    var columnsBefore = 0
    private let table: Table
    private let columns: Int
    private var row = Row()

    init(_ table: Table, columns: Int) {
        self.table = table
        self.columns = columns
    }

    func insert(_ body: (inout Row) -> Void) {
        row.record.clear()
        body(&row)
        row.record.fill(columns)
        table.append(row.record)
    }

    func insert(_ event: Event, _ clock: ClockSnapshot, _ body: (inout Row) -> Void) {
        insert { row in
            row.record.append(key: Int64(clamping: event.seq))
            row.record.append(event.boottimeNs)
            if let realtimeNs = clock.realtimeNs(of: event.moment) {
                row.record.append(realtimeNs)
            } else {
                row.record.appendNull()
            }
            if let kind { row.record.append(kind) }
            for _ in 0..<columnsBefore { row.record.appendNull() }
            body(&row)
        }
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
