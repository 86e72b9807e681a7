/// Where things are in a segment, in units of one page: the segment's header, two tail slots, then the pages of events.
enum Layout {
    static let tailUnits = [1, 2]
    static let firstDataUnit = 3
    /// What one write is aligned to, bytes: the block size that O_DIRECT wants.
    static let block = 4096

    static func roundedToBlock(_ bytes: Int) -> Int { (bytes + block - 1) / block * block }
}

/// What a page holds beside whole events.
struct PageFlags: OptionSet, Equatable, Sendable {
    let rawValue: UInt16
    /// The page's bytes continue an event that began on an earlier page.
    static let continues = PageFlags(rawValue: 1 << 0)
    /// The event goes on, on the next page.
    static let unfinished = PageFlags(rawValue: 1 << 1)
    /// An incident was open, or a record of one is here.
    static let incident = PageFlags(rawValue: 1 << 2)
    /// The first event is a `snapshot`.
    static let snapshot = PageFlags(rawValue: 1 << 3)
    /// A copy in a tail slot of a page that is still being filled.
    static let tail = PageFlags(rawValue: 1 << 4)
    /// The record of an incident's closing is here, and nothing before it but a snapshot. Only beside a checksum of the header.
    static let closing = PageFlags(rawValue: 1 << 5)
}

/// The first 64 bytes of a page, little-endian:
///
///      0  magic:u32   4  crc32c:u32 (of bytes 8 ..< 64 + used)   8  generation:u64
///     16  index:u32  20  rewrite:u32  24  first seq:u64  32  numbered events:u32  36  used:u32
///     40  flags:u16  42  places since a closing:u16  44  crc32c of the header:u32 (of bytes 8 ..< 44 and 48 ..< 64; 0: not given)
///     48  recording:u64  56  first boottime_ns:u64
struct PageHeader: Equatable, Sendable {
    static let size = 64
    /// `IQPG`.
    static let magic: UInt32 = 0x4750_5149

    var generation: UInt64 = 0
    /// Place among the segment's pages of events.
    var index: UInt32 = 0
    /// Of several copies in tail slots the highest is the newest.
    var rewrite: UInt32 = 0
    var firstSeq: UInt64 = 0
    /// Events that begin here and have a number of their own (a snapshot has none).
    var events: UInt32 = 0
    /// Bytes of events after the header.
    var used: UInt32 = 0
    var flags: PageFlags = []
    var recording: UInt64 = 0
    /// Time of the first event that begins here.
    var firstNs: UInt64 = 0
    /// How many places before this one the last page with a closing is, in the same segment: from a full segment's last page
    /// they are found one by one. `noClosing` without any; 0 where it is not told.
    var sinceClosing: UInt16 = 0
    static let noClosing = UInt16.max
    /// Whether it has a checksum of its own: whoever wrote it knows the flag `closing`.
    private(set) var standsAlone = false

    /// Writes the header and the checksum in front of `used` bytes that are already in place.
    func seal(_ page: UnsafeMutableRawBufferPointer) {
        unsafe page.put(Self.magic, 0)
        unsafe page.put(generation, 8)
        unsafe page.put(index, 16)
        unsafe page.put(rewrite, 20)
        unsafe page.put(firstSeq, 24)
        unsafe page.put(events, 32)
        unsafe page.put(used, 36)
        unsafe page.put(flags.rawValue, 40)
        unsafe page.put(sinceClosing, 42)
        unsafe page.put(recording, 48)
        unsafe page.put(firstNs, 56)
        unsafe page.put(Self.ownChecksum(UnsafeRawBufferPointer(page)), 44)
        let covered = unsafe UnsafeRawBufferPointer(rebasing: page[8..<Self.size + Int(used)])
        unsafe page.put(crc32c(covered), 4)
    }

    /// The header of a page whose checksum holds; `nil` for anything else (never written, torn, damaged).
    init?(_ page: UnsafeRawBufferPointer) {
        guard page.count >= Self.size, unsafe page.get(UInt32.self, 0) == Self.magic else { return nil }
        used = unsafe page.get(UInt32.self, 36)
        guard Int(used) <= page.count - Self.size else { return nil }
        let covered = unsafe UnsafeRawBufferPointer(rebasing: page[8..<Self.size + Int(used)])
        guard unsafe page.get(UInt32.self, 4) == crc32c(covered) else { return nil }
        guard unsafe read(page) else { return nil }
    }

    /// The header of a page by its own checksum, whatever became of the events; `nil` also where it has none.
    init?(alone page: UnsafeRawBufferPointer) {
        guard page.count >= Self.size, unsafe page.get(UInt32.self, 0) == Self.magic else { return nil }
        used = unsafe page.get(UInt32.self, 36)
        guard unsafe read(page), standsAlone, unsafe page.get(UInt32.self, 44) == Self.ownChecksum(page) else {
            return nil
        }
    }

    private static func ownChecksum(_ page: UnsafeRawBufferPointer) -> UInt32 {
        let first = unsafe crc32c(UnsafeRawBufferPointer(rebasing: page[8..<44]))
        return unsafe crc32c(UnsafeRawBufferPointer(rebasing: page[48..<size]), seed: first)
    }

    /// Everything but magic, checksum and `used`; `false` when it cannot be meant.
    private mutating func read(_ page: UnsafeRawBufferPointer) -> Bool {
        generation = unsafe page.get(UInt64.self, 8)
        index = unsafe page.get(UInt32.self, 16)
        rewrite = unsafe page.get(UInt32.self, 20)
        firstSeq = unsafe page.get(UInt64.self, 24)
        guard firstSeq < Format.numberLimit else { return false }
        events = unsafe page.get(UInt32.self, 32)
        flags = PageFlags(rawValue: unsafe page.get(UInt16.self, 40))
        sinceClosing = unsafe page.get(UInt16.self, 42)
        recording = unsafe page.get(UInt64.self, 48)
        firstNs = unsafe page.get(UInt64.self, 56)
        standsAlone = unsafe page.get(UInt32.self, 44) != 0
        return true
    }

    init() {}
}

extension UnsafeMutableRawBufferPointer {
    @inline(__always)
    func put<N: FixedWidthInteger>(_ value: N, _ offset: Int) {
        unsafe storeBytes(of: value.littleEndian, toByteOffset: offset, as: N.self)
    }
}

extension UnsafeRawBufferPointer {
    @inline(__always)
    func get<N: FixedWidthInteger & BitwiseCopyable>(_ type: N.Type, _ offset: Int) -> N {
        N(littleEndian: unsafe loadUnaligned(fromByteOffset: offset, as: N.self))
    }
}
