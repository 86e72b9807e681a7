import CSQLite
import Events

/// Why a database could not be written, in SQLite's words.
public struct DatabaseError: Error, Equatable {
    public let message: String
}

/// A new database file, filled once and then left alone.
///
/// Nothing is kept for a crash (no journal, no waiting for the disk): until it is finished the file is nobody's, and whoever gave the
/// path makes it durable and gives it its name. That is what makes a million rows a matter of a second or two.
@safe
final class Connection {
    private let handle: OpaquePointer

    /// - Parameter path: of an empty file.
    static func open(_ path: String) throws(DatabaseError) -> Connection {
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = unsafe sqlite3_open_v2(path, &opened, flags, nil)
        guard code == SQLITE_OK, let opened = unsafe opened else {
            let message = unsafe String(cString: sqlite3_errstr(code))
            unsafe sqlite3_close_v2(opened)
            throw DatabaseError(message: message)
        }
        let connection = unsafe Connection(opened)
        // 16 MiB of pages in memory; the file is written in order, so that more would not help.
        for setting in [
            "page_size = 16384", "journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE",
            "cache_size = -16384", "temp_store = MEMORY",
        ] {
            try connection.execute("PRAGMA \(setting)")
        }
        return connection
    }

    private init(_ handle: OpaquePointer) { unsafe self.handle = handle }

    deinit { unsafe sqlite3_close_v2(handle) }

    /// Statements without parameters, separated by semicolons.
    func execute(_ sql: String) throws(DatabaseError) {
        guard unsafe sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw failure }
    }

    func prepare(_ sql: String) throws(DatabaseError) -> Statement {
        var prepared: OpaquePointer?
        guard
            unsafe sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil) == SQLITE_OK,
            let prepared = unsafe prepared
        else { throw failure }
        return unsafe Statement(prepared)
    }

    /// What went wrong last.
    var failure: DatabaseError { DatabaseError(message: unsafe String(cString: sqlite3_errmsg(handle))) }
}

/// A prepared statement whose parameters are bound from left to right.
@safe
struct Statement: ~Copyable {
    private let handle: OpaquePointer
    private var next: Int32 = 1
    /// The first code that was not success.
    private(set) var hasFailed = false

    init(_ handle: OpaquePointer) { unsafe self.handle = handle }

    deinit { unsafe sqlite3_finalize(handle) }

    private mutating func check(_ code: Int32) {
        if code != SQLITE_OK { hasFailed = true }
        next += 1
    }

    mutating func bindNull() { check(unsafe sqlite3_bind_null(handle, next)) }
    mutating func bind(_ value: Int64) { check(unsafe sqlite3_bind_int64(handle, next, value)) }
    /// SQLite's integers have a sign: beyond them the largest.
    mutating func bind(_ value: UInt64) { bind(Int64(clamping: value)) }
    mutating func bind(_ value: Double) { check(unsafe sqlite3_bind_double(handle, next, value)) }

    /// UTF-8. SQLite keeps a copy.
    mutating func bind(_ text: UnsafeRawBufferPointer) {
        let copied = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        let bytes = unsafe text.baseAddress?.assumingMemoryBound(to: CChar.self)
        check(unsafe sqlite3_bind_text64(handle, next, bytes, UInt64(text.count), copied, UInt8(SQLITE_UTF8)))
    }

    mutating func bind(_ text: Bytes) { unsafe text.withUnsafeBytes { unsafe bind($0) } }

    /// Inserts the row that was bound, and begins the next.
    mutating func step() {
        if unsafe sqlite3_step(handle) != SQLITE_DONE { hasFailed = true }
        if unsafe sqlite3_reset(handle) != SQLITE_OK { hasFailed = true }
        next = 1
    }
}
