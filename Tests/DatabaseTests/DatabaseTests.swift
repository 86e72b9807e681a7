import EventSamples
import Events
import Foundation
import Incidents
import Rendering
import Testing

@testable import Database

/// A case's events and incidents as a database, in a file of the test's own.
final class CaseDatabase {
    let path: String
    let events: [Event]
    let incidents: [Incident]

    convenience init(_ name: String) throws {
        try self.init(CaseEvents.of(name))
    }

    init(_ events: [Event]) throws {
        self.events = events
        path = NSTemporaryDirectory() + "inquest-database-\(UUID().uuidString).db"
        try Data().write(to: URL(fileURLWithPath: path))
        var correlator = Correlator()
        var incidents: [Incident] = []
        for event in events {
            correlator.consume(event) { if case .closed(let closed) = $0 { incidents.append(closed) } }
        }
        self.incidents = incidents + correlator.openIncidents()
        var database = try DatabaseWriter(path)
        for incident in self.incidents { database.add(incident) }
        var names = NameTable()
        for event in events {
            names.note(event)
            database.take(event, names)
        }
        try database.finish(names)
    }

    deinit { unlink(path) }

    /// Rows as a reader of its own sees them, by column.
    func rows(_ sql: String) throws -> [[String]] { try Reading.rows(path, sql) }

    func number(_ sql: String) throws -> Int { Int(try rows(sql).first?.first ?? "") ?? -1 }
}

@Suite struct DatabaseTests {
    @Test(arguments: CaseEvents.names)
    func `every event is one row, and every incident, kill, link and suspect is`(_ name: String) throws {
        let database = try CaseDatabase(name)
        #expect(try database.rows("PRAGMA integrity_check") == [["ok"]])
        let tables = ["events"] + Set(Tables.samples.map(\.table)).sorted()
        let rows = try tables.map { try database.number("SELECT count(*) FROM \($0)") }
        #expect(
            rows.reduce(0, +) == database.events.filter { if case .snapshot = $0.payload { false } else { true } }.count
        )
        #expect(try database.number("SELECT count(*) FROM incidents") == database.incidents.count)
        #expect(try database.number("SELECT count(*) FROM kills") == database.incidents.flatMap(\.kills).count)
        #expect(try database.number("SELECT count(*) FROM links") == database.incidents.flatMap(\.chain).count)
        #expect(try database.number("SELECT count(*) FROM suspects") == database.incidents.flatMap(\.suspects).count)
    }

    @Test func `figures are numbers, unlimited ones the text max, unknown ones nothing`() throws {
        var sample = CgroupSample()
        sample.cgroup = 7
        sample.currentBytes = Figure(12)
        sample.maxBytes = .unlimited
        var change = CgroupChange()
        (change.id, change.path) = (7, Bytes("/a\\b\u{e9}\n".utf8) + [0xff])
        let database = try CaseDatabase([
            Event(seq: 1, boottimeNs: 5, .cgroup(change)), Event(seq: 2, boottimeNs: 6, .cgroupSample(sample)),
        ])
        let rows = try database.rows(
            """
            SELECT seq, path, current_bytes, typeof(current_bytes), max_bytes, max_bytes > 1e18, typeof(swap_bytes),
              typeof(realtime_ns) FROM cgroup_memory
            """)
        #expect(rows == [["2", "/a\\\\b\u{e9}\n\\xff", "12", "integer", "max", "1", "null", "null"]])
    }

    @Test func `a kill's columns say who, whom and how it ended`() throws {
        let database = try CaseDatabase("contained-kill")
        let kill = try #require(database.incidents.first?.kills.first)
        let rows = try database.rows(
            "SELECT victim_comm, victim_pid, victim_uid, cause_killer, outcome_kill_to_exit_ns, sender_comm FROM kills")
        #expect(rows.first?.first == String(decoding: kill.victim.comm.bytes, as: UTF8.self))
        #expect(rows.first?[1] == "\(kill.victim.pid)")
        #expect(rows.first?[3] == kill.cause.killer.label)
        #expect(rows.first?[5] == "")
    }

    @Test func `rates are what the counters gained`() throws {
        let database = try CaseDatabase("lab-io-storm")
        let rows = try database.rows(
            "SELECT max(write_bytes_per_second) > 1e6, min(write_bytes_per_second) >= 0 FROM device_rates")
        #expect(rows == [["1", "1"]])
        let shares = try database.rows("SELECT max(io_full_ratio) BETWEEN 0.01 AND 1.05 FROM pressure_shares")
        #expect(shares == [["1"]])
    }

    /// `INQUEST_WRITE_GOLDEN=1 swift test --filter DatabaseTests` writes the results anew (and fails while it does).
    @Test func `the documented queries give what the document shows`() throws {
        let database = try CaseDatabase(Examples.caseName)
        let text = try Examples.text()
        #expect(text.matches(of: Examples.pattern).count >= 6)
        let expected = try Examples.answered(text) { try Reading.rows(database.path, $0, header: true) }
        guard expected != text else { return }
        if ProcessInfo.processInfo.environment["INQUEST_WRITE_GOLDEN"] == "1" {
            try expected.write(toFile: Examples.path, atomically: true, encoding: .utf8)
        }
        Issue.record(
            "docs/sqlite.md should read: \(expected.difference(from: text).insertions.count) characters differ")
    }

    @Test func `every table and view is documented`() throws {
        let text = try Examples.text()
        for row in try CaseDatabase("contained-kill").rows("SELECT name FROM sqlite_schema WHERE type <> 'index'") {
            #expect(text.contains("`\(row[0])`"), "\(row[0])")
        }
    }

    @Test func `a file that cannot be written is said in SQLite's words`() {
        #expect(throws: DatabaseError(message: "unable to open database file")) {
            _ = try Connection.open("/nonexistent/x.db")
        }
    }
}
