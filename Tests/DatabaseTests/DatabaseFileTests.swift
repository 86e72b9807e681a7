import Events
import Foundation
import Testing

@testable import Database

/// A database of one table `t (key INTEGER PRIMARY KEY, value)`, in a file of the test's own.
private final class OneTable {
    private let path = NSTemporaryDirectory() + "inquest-database-\(UUID().uuidString).db"

    init(_ fill: (Table, inout Record) -> Void) throws {
        try Data().write(to: URL(fileURLWithPath: path))
        let file = try DatabaseFile(path)
        let table = Table(file)
        var record = Record()
        fill(table, &record)
        let row = ("table", "t", table.finish(), "CREATE TABLE t (key INTEGER PRIMARY KEY, value)")
        try file.finish(Table.ofTables([row], file), version: 3, application: 4)
    }

    deinit { unlink(path) }

    /// Rows as SQLite itself reads them.
    func rows(_ sql: String) throws -> [[String]] { try Reading.rows(path, sql) }
}

@Suite struct DatabaseFileTests {
    @Test func `whole numbers of every size come back`() throws {
        var numbers: [Int64] = [0, 1, -1, .max, .min]
        for bit in 1..<63 { numbers += [1 << bit, 1 << bit - 1, -(1 << bit), -(1 << bit) - 1] as [Int64] }
        let database = try OneTable { table, record in
            for (key, number) in numbers.enumerated() {
                record.clear()
                record.append(key: Int64(key))
                record.append(number)
                table.append(record)
            }
        }
        #expect(try database.rows("PRAGMA integrity_check") == [["ok"]])
        #expect(try database.rows("SELECT value FROM t ORDER BY key").map { $0[0] } == numbers.map { "\($0)" })
        #expect(try database.rows("PRAGMA user_version") == [["3"]])
    }

    @Test func `fractions, texts and nothing come back`() throws {
        let database = try OneTable { table, record in
            for key in 1...4 as ClosedRange<Int64> {
                record.clear()
                record.append(key: key)
                switch key {
                case 1: record.append(0.5)
                case 2: record.append(Bytes("\u{e9}".utf8))
                case 3: record.append(UInt64.max)
                default: break
                }
                record.fill(2)
                table.append(record)
            }
        }
        let rows = try database.rows("SELECT typeof(value), value FROM t ORDER BY key")
        #expect(rows == [["real", "0.5"], ["text", "\u{e9}"], ["integer", "\(Int64.max)"], ["null", ""]])
    }

    @Test func `a row goes on to other pages wherever it ends`() throws {
        let page = DatabaseFile.pageBytes
        let sizes = Array(page - 60..<page + 10) + Array(2 * page - 60..<2 * page + 10) + [0, 1, 100_000]
        let database = try OneTable { table, record in
            for (key, size) in sizes.enumerated() {
                record.clear()
                record.append(key: Int64(key))
                record.append(text(size, key))
                table.append(record)
            }
        }
        #expect(try database.rows("PRAGMA integrity_check") == [["ok"]])
        let texts = try database.rows("SELECT value FROM t ORDER BY key").map { $0[0] }
        #expect(texts.count == sizes.count)
        for (key, size) in sizes.enumerated() { #expect(Bytes(texts[key].utf8) == text(size, key), "\(size)") }
    }

    @Test func `every row of a deep tree is found by its key`() throws {
        // Two rows a page, and a thousand pages below one: the root has pages below it that have pages below them.
        let keys = (0..<5000).map { Int64($0) * 1_000_000_007 }
        let database = try OneTable { table, record in
            for key in keys {
                record.clear()
                record.append(key: key)
                record.append(text(8000, Int(key & 0xff)))
                table.append(record)
            }
        }
        #expect(try database.rows("PRAGMA integrity_check") == [["ok"]])
        #expect(try database.rows("SELECT count(*), max(key) FROM t") == [["5000", "\(keys.last ?? 0)"]])
        for key in keys where key % 97 == 0 {
            #expect(try database.rows("SELECT length(value) FROM t WHERE key = \(key)") == [["8000"]])
        }
    }

    private func text(_ size: Int, _ seed: Int) -> Bytes { (0..<size).map { UInt8(97 + ($0 * 7 + seed) % 26) } }

    @Test func `a full disk is said`() throws {
        let file = try DatabaseFile("/dev/full")
        for _ in 0..<100 { file.append(Bytes(repeating: 1, count: DatabaseFile.pageBytes)) }
        #expect(throws: DatabaseError(errno: ENOSPC)) {
            try file.finish(Table.ofTables([], file), version: 1, application: 1)
        }
    }
}
