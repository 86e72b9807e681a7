import Events
import Glibc

/// Why a database could not be written.
public struct DatabaseError: Error, Equatable {
    public let errno: Int32
}

/// The pages of a new SQLite database, one after the other; the first, which says where everything is, comes last. The bytes are
/// those of https://www.sqlite.org/fileformat2.html.
///
/// SQLite itself would take 0.9 s for a million rows, for what a file that is filled once, in order, has no use for: it interprets a
/// program for each, looks for its place, could undo it. Whoever gave the path makes the file durable and gives it its name.
///
/// The first failure is kept, what follows is dropped, and `finish` throws it.
final class DatabaseFile {
    static let pageBytes = 16_384
    /// SQLite locks bytes behind the first GiB, and keeps nothing else on their page.
    private static let lockPage = UInt32((1 << 30) / pageBytes + 1)

    private let descriptor: Int32
    private var waiting = ByteSink(capacity: 1 << 18)
    private var pages: UInt32 = 0
    private var failure: DatabaseError?

    /// - Parameter path: of an empty file.
    init(_ path: String) throws(DatabaseError) {
        descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DatabaseError(errno: errno) }
        append(Bytes(repeating: 0, count: Self.pageBytes))
    }

    deinit { close(descriptor) }

    /// The number of the page that is appended next.
    var nextPage: UInt32 { page(after: pages) }

    func page(after page: UInt32) -> UInt32 { page + 1 == Self.lockPage ? page + 2 : page + 1 }

    func append(_ page: Bytes) {
        let number = nextPage
        // What stands on the page that is passed over does not matter.
        for _ in pages..<number { waiting.append(contentsOf: page) }
        pages = number
        if waiting.count >= 1 << 18 { flush() }
    }

    private func flush() {
        var start = 0
        while failure == nil, start < waiting.count {
            let written = unsafe waiting.withBytes {
                unsafe write(descriptor, $0.baseAddress! + start, $0.count - start)
            }
            if written >= 0 { start += written } else if errno != EINTR { failure = DatabaseError(errno: errno) }
        }
        waiting.clear()
    }

    /// Writes what is still in memory, and the first page.
    ///
    /// - Parameter first: the root of the table of tables, behind the 100 bytes of the file's header.
    func finish(_ first: TreePage, version: Int, application: Int) throws(DatabaseError) {
        var first = first.closed(rightmost: 0)
        var header = ByteSink()
        header.append("SQLite format 3\0")
        header.append(bigEndian: UInt64(Self.pageBytes), bytes: 2)
        // A rollback journal; no bytes left over; three shares of a page that SQLite fixes.
        for byte in [1, 1, 0, 64, 32, 32] as Bytes { header.append(byte) }
        // Changed once; pages; no free ones (2); the schema's cookie and format; cache, vacuum (none); UTF-8.
        for word in [1, UInt64(pages), 0, 0, 1, 4, 0, 0, 1, UInt64(version), 0, UInt64(application), 0, 0, 0, 0, 0, 1] {
            header.append(bigEndian: word, bytes: 4)
        }
        // The oldest SQLite whose words the views use.
        header.append(bigEndian: 3_025_000, bytes: 4)
        first.replaceSubrange(0..<header.count, with: header.bytes)
        flush()
        if let failure { throw failure }
        guard unsafe pwrite(descriptor, first, first.count, 0) == first.count else { throw DatabaseError(errno: errno) }
    }
}

/// A page of a table's tree while it is filled: rows from its end, where each is from its beginning.
struct TreePage {
    enum Kind: UInt8 {
        case inner = 5
        case leaf = 13
    }

    private var bytes = Bytes(repeating: 0, count: DatabaseFile.pageBytes)
    private let kind: Kind
    private let start: Int
    private var cells = 0
    private var content = DatabaseFile.pageBytes

    /// - Parameter start: bytes that are not the tree's, on the file's first page.
    init(_ kind: Kind, start: Int = 0) {
        self.kind = kind
        self.start = start
    }

    private var places: Int { start + (kind == .leaf ? 8 : 12) + 2 * cells }

    func hasRoom(for cell: borrowing ByteSink) -> Bool { places + 2 + cell.count <= content }

    mutating func append(_ cell: borrowing ByteSink) {
        precondition(hasRoom(for: cell))
        content -= cell.count
        let place = content
        unsafe cell.withBytes { cell in
            unsafe bytes.withUnsafeMutableBytes { page in
                unsafe UnsafeMutableRawBufferPointer(rebasing: page[place...]).copyMemory(from: cell)
            }
        }
        put(content, at: places)
        cells += 1
    }

    private mutating func put(_ number: Int, at place: Int) {
        bytes[place] = UInt8(truncatingIfNeeded: number >> 8)
        bytes[place + 1] = UInt8(truncatingIfNeeded: number)
    }

    /// The page's bytes.
    ///
    /// - Parameter rightmost: an inner page's last child.
    func closed(rightmost: UInt32) -> Bytes {
        var page = self
        page.bytes[start] = kind.rawValue
        page.put(cells, at: start + 3)
        page.put(content, at: start + 5)
        if kind == .inner {
            page.put(Int(rightmost >> 16), at: start + 8)
            page.put(Int(rightmost & 0xffff), at: start + 10)
        }
        return page.bytes
    }
}

extension ByteSink {
    mutating func append(bigEndian value: UInt64, bytes: Int) {
        append(word: (value << UInt64(64 - 8 * bytes)).byteSwapped, count: bytes)
    }

    /// SQLite's own: seven bits a byte, the high ones first; a ninth byte has eight.
    mutating func append(sqlite value: UInt64) {
        if value >> 56 != 0 {
            for shift in stride(from: 57 as UInt64, through: 8, by: -7) {
                append(UInt8(truncatingIfNeeded: value >> shift) | 0x80)
            }
            return append(UInt8(truncatingIfNeeded: value))
        }
        var shift = UInt64(max(0, 63 - value.leadingZeroBitCount) / 7 * 7)
        while shift > 0 {
            append(UInt8(truncatingIfNeeded: value >> shift) | 0x80)
            shift -= 7
        }
        append(UInt8(value & 0x7f))
    }
}
