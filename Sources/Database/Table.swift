import Events

/// One row as SQLite stores it: the type of each value, then the values.
struct Record: ~Copyable {
    /// Of the column INTEGER PRIMARY KEY, the first; without one rows are numbered.
    private(set) var key: Int64?
    private var columns = 0
    private var types = ByteSink(capacity: 256)
    private var values = ByteSink(capacity: 4096)

    mutating func clear() {
        (key, columns) = (nil, 0)
        types.clear()
        values.clear()
    }

    /// The key's column is empty: the key stands beside the row.
    mutating func append(key: Int64) {
        self.key = key
        appendNull()
    }

    mutating func appendNull() {
        types.append(UInt8(0))
        columns += 1
    }

    /// What is missing of so many columns is unknown.
    mutating func fill(_ all: Int) { while columns < all { appendNull() } }

    mutating func append(_ value: Int64) {
        columns += 1
        if value == 0 || value == 1 { return types.append(UInt8(8 + value)) }
        let bytes = (72 - (value ^ value >> 63).leadingZeroBitCount) / 8
        let (type, size): (UInt8, Int) = bytes <= 4 ? (UInt8(bytes), bytes) : bytes <= 6 ? (5, 6) : (6, 8)
        types.append(type)
        values.append(bigEndian: UInt64(bitPattern: value), bytes: size)
    }

    /// SQLite's integers have a sign: beyond them the largest.
    mutating func append(_ value: UInt64) { append(Int64(clamping: value)) }

    mutating func append(_ value: Double) {
        columns += 1
        types.append(UInt8(7))
        values.append(bigEndian: value.bitPattern, bytes: 8)
    }

    /// UTF-8.
    mutating func append(_ text: Span<UInt8>) {
        columns += 1
        types.append(sqlite: UInt64(text.count) * 2 + 13)
        values.append(text)
    }

    mutating func append(_ text: Bytes) { append(text.span) }

    /// Writes the whole of it.
    func write(to sink: inout ByteSink) {
        // The size of the types counts its own bytes.
        sink.append(sqlite: UInt64(types.count + (types.count < 0x7f ? 1 : 2)))
        unsafe types.withBytes { sink.append(unsafe $0.bindMemory(to: UInt8.self).span) }
        unsafe values.withBytes { sink.append(unsafe $0.bindMemory(to: UInt8.self).span) }
    }
}

/// A table of a database, filled in the order of its keys: each page is written when it is full, the pages that lead there at the
/// end.
///
/// Of each page of rows 16 bytes stay in memory.
final class Table {
    private let file: DatabaseFile
    private var leaf: TreePage
    private var children: [(page: UInt32, last: Int64)] = []
    private var last: Int64?
    private var payload = ByteSink(capacity: 4096)
    private var cell = ByteSink(capacity: 4096)

    init(_ file: DatabaseFile, _ first: TreePage = TreePage(.leaf)) {
        self.file = file
        leaf = first
    }

    /// A row whose key is not above the one before it is left out: where a number beyond SQLite's was cut to the largest.
    func append(_ record: borrowing Record) {
        let key = record.key ?? (last ?? 0) + 1
        if let last, key <= last { return }
        payload.clear()
        record.write(to: &payload)
        makeCell(key)
        if !leaf.hasRoom(for: cell) { endLeaf() }
        leaf.append(cell)
        last = key
    }

    private func makeCell(_ key: Int64) {
        let kept = Table.kept(of: payload.count)
        cell.clear()
        cell.append(sqlite: UInt64(payload.count))
        cell.append(sqlite: UInt64(bitPattern: key))
        unsafe payload.withBytes { bytes in
            let bytes = unsafe bytes.bindMemory(to: UInt8.self).span
            cell.append(bytes.extracting(..<kept))
            guard kept < bytes.count else { return }
            cell.append(bigEndian: UInt64(file.nextPage), bytes: 4)
            file.append(chain: bytes.extracting(kept...))
        }
    }

    /// How much of a row stays on its page: all, if it has room alone; otherwise so much that the pages it goes on to are full.
    private static func kept(of count: Int) -> Int {
        let (most, page) = (DatabaseFile.pageBytes - 35, DatabaseFile.pageBytes - 4)
        if count <= most { return count }
        let least = (DatabaseFile.pageBytes - 12) * 32 / 255 - 23
        let even = least + (count - least) % page
        return even <= most ? even : least
    }

    private func endLeaf() {
        children.append((file.nextPage, last ?? 0))
        file.append(leaf.closed(rightmost: 0))
        leaf = TreePage(.leaf)
    }

    /// Writes the last rows and what leads to them all.
    ///
    /// - Returns: the root's page.
    func finish() -> UInt32 {
        endLeaf()
        // As many children as have room with the longest keys; shared out evenly, so that none is alone on a page.
        let most = (DatabaseFile.pageBytes - 12) / (2 + 4 + 9)
        while children.count > 1 {
            let (count, parents) = (children.count, (children.count + most - 1) / most)
            children = (0..<parents).map { parent in
                inner(children[parent * count / parents..<(parent + 1) * count / parents])
            }
        }
        return children[0].page
    }

    /// Writes the page that leads to these, each with the last key that is found there.
    private func inner(_ children: ArraySlice<(page: UInt32, last: Int64)>) -> (page: UInt32, last: Int64) {
        var page = TreePage(.inner)
        for child in children.dropLast() {
            cell.clear()
            cell.append(bigEndian: UInt64(child.page), bytes: 4)
            cell.append(sqlite: UInt64(bitPattern: child.last))
            page.append(cell)
        }
        let (number, end) = (file.nextPage, children[children.endIndex - 1])
        file.append(page.closed(rightmost: end.page))
        return (number, end.last)
    }

    /// The table of tables and views: one page, the file's first, that nothing leads to.
    static func ofTables(_ rows: [(type: String, name: String, root: UInt32, sql: String)], _ file: DatabaseFile)
        -> TreePage
    {
        let table = Table(file, TreePage(.leaf, start: 100))
        var record = Record()
        for row in rows {
            record.clear()
            record.append(Bytes(row.type.utf8))
            record.append(Bytes(row.name.utf8))
            record.append(Bytes(row.name.utf8))
            record.append(UInt64(row.root))
            record.append(Bytes(row.sql.utf8))
            table.append(record)
        }
        precondition(table.children.isEmpty)
        return table.leaf
    }
}

extension DatabaseFile {
    /// Writes what has no room beside its row to pages of its own, each of which names the next.
    func append(chain bytes: Span<UInt8>) {
        var start = 0
        while start < bytes.count {
            let end = min(start + DatabaseFile.pageBytes - 4, bytes.count)
            var page = ByteSink(capacity: DatabaseFile.pageBytes)
            page.append(bigEndian: end < bytes.count ? UInt64(self.page(after: nextPage)) : 0, bytes: 4)
            page.append(bytes.extracting(start..<end))
            append(page.bytes + Bytes(repeating: 0, count: DatabaseFile.pageBytes - page.count))
            start = end
        }
    }
}
