import CSQLite
import Foundation

/// Reads a database with SQLite itself, past everything that wrote it.
enum Reading {
    struct Failure: Error, CustomStringConvertible { let description: String }

    /// Each row's columns as text; NULL is empty.
    static func rows(_ path: String, _ sql: String, header: Bool = false) throws -> [[String]] {
        var handle: OpaquePointer?
        guard sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, nil) == SQLITE_OK else {
            throw Failure(description: "cannot open \(path)")
        }
        defer { sqlite3_close_v2(handle) }
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else {
            throw Failure(description: String(cString: sqlite3_errmsg(handle)) + ": " + sql)
        }
        defer { sqlite3_finalize(statement) }
        let columns = 0..<sqlite3_column_count(statement)
        var rows: [[String]] = header ? [columns.map { String(cString: sqlite3_column_name(statement, $0)) }] : []
        while sqlite3_step(statement) == SQLITE_ROW {
            rows.append(columns.map { sqlite3_column_text(statement, $0).map { String(cString: $0) } ?? "" })
        }
        return rows
    }
}

/// The examples of docs/sqlite.md: each ```sql block, and the ```text block after it.
enum Examples {
    static let caseName = "lab-origin"

    static let path = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/docs/sqlite.md"
    static var pattern: Regex<(Substring, Substring, Substring)> { /```sql\n([^`]*)```\n\n```text\n([^`]*)```/ }

    static func text() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    /// The document with the result that each query has.
    static func answered(_ text: String, _ rows: (String) throws -> [[String]]) throws -> String {
        try text.replacing(pattern) { match in
            try "```sql\n\(match.1)```\n\n```text\n\(table(rows(String(match.1))))```"
        }
    }

    /// Columns beside each other, two spaces between.
    static func table(_ rows: [[String]]) -> String {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
