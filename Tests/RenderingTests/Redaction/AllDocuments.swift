import CSQLite
import Database
import Events
import Foundation
import Incidents

@testable import Rendering

/// Whatever can be made of the events of a case: one text for each format of `export`, and `show` and `list`.
enum AllDocuments {
    /// What a test looks for in them.
    static let formats: Set<String> = [
        "json", "markdown", "show", "list", "ndjson", "csv", "trace", "html", "sqlite", "json of a span",
        "markdown of a span",
        "html of a span",
    ]

    static func incidents(_ events: [Event]) -> [Incident] {
        var correlator = Correlator()
        var incidents: [Incident] = []
        for event in events {
            correlator.consume(event) { if case .closed(let closed) = $0 { incidents.append(closed) } }
        }
        return incidents + correlator.openIncidents()
    }

    /// For one user; `nil` when nothing is known of them.
    static func redaction(of events: [Event], for uid: UInt32) -> Redaction? {
        var residents = Residents()
        var names = NameTable()
        for event in events {
            names.note(event)
            residents.learn(event, names)
        }
        residents.learn(names)
        for incident in incidents(events) { residents.learn(incident) }
        return residents.audience("\(uid)").map { Redaction(for: $0) }
    }

    /// As the commands make them: redacted before any format sees them.
    static func of(_ events: [Event], _ redaction: Redaction? = nil) throws -> [(format: String, text: String)] {
        let shown = incidents(events).map { redaction?.redacted($0) ?? $0 }
        let events = events.map { redaction?.redacted($0) ?? $0 }
        func text(_ bytes: Bytes) -> String { String(decoding: bytes, as: UTF8.self) }
        var documents: [(format: String, text: String)] = shown.flatMap { incident in
            [
                ("json", text(IncidentJSON.document(incident))), ("markdown", text(Markdown.render(incident))),
                ("show", text(TerminalTimeline.render(incident, TextOptions(timelineEntries: nil)))),
                ("list", text(IncidentTable.render([incident]))),
            ]
        }
        func export<E: EventExport & ~Copyable>(_ format: String, _ empty: consuming E) {
            var export = empty
            var names = NameTable()
            for event in events {
                names.note(event)
                export.take(event, names)
            }
            export.end(names)
            export.drain { documents.append((format, String(decoding: $0, as: UTF8.self))) }
        }
        export("ndjson", EventJSON())
        export("csv", SeriesCSV())
        export("trace", Trace(of: shown.first))
        export("html", HTMLReport(of: shown.first))
        let findings = SpanFindings(incidents: shown)
        export("json of a span", WindowExport(.json, findings))
        export("markdown of a span", WindowExport(.markdown, findings))
        export("html of a span", HTMLReport(of: nil, findings))
        documents.append(("sqlite", try database(shown, events)))
        return documents
    }

    /// Every row of every table, one a line, as SQLite itself reads it.
    private static func database(_ incidents: [Incident], _ events: [Event]) throws -> String {
        let path = NSTemporaryDirectory() + "inquest-documents-\(UUID().uuidString).db"
        try Data().write(to: URL(fileURLWithPath: path))
        defer { unlink(path) }
        try write(path, incidents, events)
        let tables = try rows(path, "SELECT name FROM sqlite_master WHERE type = 'table'")
        return try tables.flatMap { try rows(path, "SELECT * FROM \"\($0)\"") }.joined(separator: "\n")
    }

    /// Its file is nobody else's before this is over.
    private static func write(_ path: String, _ incidents: [Incident], _ events: [Event]) throws {
        var writer = try DatabaseWriter(path)
        for incident in incidents { writer.add(incident) }
        var names = NameTable()
        for event in events {
            names.note(event)
            writer.take(event, names)
        }
        try writer.finish(names)
    }

    struct Unreadable: Error { let sql: String }

    private static func rows(_ path: String, _ sql: String) throws -> [String] {
        var handle: OpaquePointer?
        var statement: OpaquePointer?
        defer {
            sqlite3_finalize(statement)
            sqlite3_close_v2(handle)
        }
        guard sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, nil) == SQLITE_OK,
            sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK
        else { throw Unreadable(sql: sql) }
        var rows: [String] = []
        while sqlite3_step(statement) == SQLITE_ROW {
            let columns = (0..<sqlite3_column_count(statement)).map { column in
                sqlite3_column_text(statement, column).map { String(cString: $0) } ?? ""
            }
            rows.append(columns.joined(separator: "|"))
        }
        return rows
    }
}
