import Events

/// The format's number. A reader refuses what says it needs a newer one; within a version fields are only added in space
/// that was zero.
enum Format {
    static let version = BlockFormat.current
    /// Numbers of events and generations are below this: no machine writes so many, and a reader may add to them.
    static let numberLimit: UInt64 = 1 << 62
    /// A segment is at most so large, bytes: what a header claims bounds what a reader goes through for it.
    static let segmentLimit = 256 << 20
}

/// What a segment says about itself and about the one before it. Written once, when the segment begins; twice in the
/// segment's first 4096 bytes (at 0 and at 2048), so that one damaged place does not cost the segment.
///
///       0  magic: 8 bytes `inquest\n`   8  crc32c:u32 (of bytes 12 ..< 512)  12  header bytes:u32 (512)
///      16  format version:u16  18  oldest reader's version:u16  20  page bytes:u32  24  segment bytes:u64
///      32  generation:u64  40  recording:u64  48  first seq:u64
///      56  previous segment's next seq:u64  64  previous segment's generation:u64 (0: none)
///      72  boot id high:u64  80  boot id low:u64
///      88  boottime_ns:u64  96  realtime_ns:u64  104  monotonic_ns:u64  112  utc offset seconds:i32
///     116  flags:u32 (1: the previous segment held an incident)
///     120  open incidents:u16  122  host bytes:u16  124  zero:u32
///     128  opening seqs of up to 16 open incidents:u64  256  host: up to 248 bytes  504  zero:u64
struct SegmentHeader: Equatable, Sendable {
    static let size = 512
    static let copies = [0, 2048]
    static let magic: [UInt8] = Array("inquest\n".utf8)
    static let maxOpen = 16
    static let maxHost = 248

    var version = Format.version
    var readerVersion = Format.version
    var pageBytes: UInt32 = 0
    var segmentBytes: UInt64 = 0
    /// Numbers segments in the order in which they were begun; never reused within a recording.
    var generation: UInt64 = 0
    /// Tells one recording from another: chosen when the directory was first written.
    var recording: UInt64 = 0
    var firstSeq: UInt64 = 0
    /// The number after the last durable event of the previous segment.
    var previousNextSeq: UInt64 = 0
    var previousGeneration: UInt64 = 0
    var bootID = BootID.unknown
    var clock = ClockSnapshot()
    var previousHeldIncident = false
    /// Incidents open when the segment began, by the number of their opening event, the oldest first.
    var openIncidents: [UInt64] = []
    var host = Bytes()

    init() {}

    /// Fills the first block of a segment.
    func write(_ block: UnsafeMutableRawBufferPointer) {
        unsafe block.initializeMemory(as: UInt8.self, repeating: 0)
        for start in Self.copies {
            let copy = unsafe UnsafeMutableRawBufferPointer(rebasing: block[start..<start + Self.size])
            unsafe copy.copyBytes(from: Self.magic)
            unsafe copy.put(UInt32(Self.size), 12)
            unsafe copy.put(version, 16)
            unsafe copy.put(readerVersion, 18)
            unsafe copy.put(pageBytes, 20)
            unsafe copy.put(segmentBytes, 24)
            unsafe copy.put(generation, 32)
            unsafe copy.put(recording, 40)
            unsafe copy.put(firstSeq, 48)
            unsafe copy.put(previousNextSeq, 56)
            unsafe copy.put(previousGeneration, 64)
            unsafe copy.put(bootID.high, 72)
            unsafe copy.put(bootID.low, 80)
            unsafe copy.put(clock.boottimeNs, 88)
            unsafe copy.put(clock.realtimeNs, 96)
            unsafe copy.put(clock.monotonicNs, 104)
            unsafe copy.put(clock.utcOffsetSeconds, 112)
            unsafe copy.put(UInt32(previousHeldIncident ? 1 : 0), 116)
            let open = openIncidents.prefix(Self.maxOpen)
            unsafe copy.put(UInt16(open.count), 120)
            let name = host.prefix(Self.maxHost)
            unsafe copy.put(UInt16(name.count), 122)
            for (place, seq) in open.enumerated() { unsafe copy.put(seq, 128 + 8 * place) }
            for (place, byte) in name.enumerated() { unsafe copy.put(byte, 256 + place) }
            let covered = unsafe UnsafeRawBufferPointer(rebasing: copy[12..<Self.size])
            unsafe copy.put(crc32c(covered), 8)
        }
    }

    /// The first intact copy in a segment's first block; `nil` when there is none.
    init?(block: UnsafeRawBufferPointer) {
        for start in Self.copies where block.count >= start + Self.size {
            let copy = unsafe UnsafeRawBufferPointer(rebasing: block[start..<start + Self.size])
            if let header = unsafe SegmentHeader(copy: copy) {
                self = header
                return
            }
        }
        return nil
    }

    private init?(copy: UnsafeRawBufferPointer) {
        guard unsafe copy.starts(with: Self.magic) else { return nil }
        let covered = unsafe UnsafeRawBufferPointer(rebasing: copy[12..<Self.size])
        guard unsafe copy.get(UInt32.self, 8) == crc32c(covered) else { return nil }
        version = unsafe copy.get(UInt16.self, 16)
        readerVersion = unsafe copy.get(UInt16.self, 18)
        pageBytes = unsafe copy.get(UInt32.self, 20)
        segmentBytes = unsafe copy.get(UInt64.self, 24)
        generation = unsafe copy.get(UInt64.self, 32)
        recording = unsafe copy.get(UInt64.self, 40)
        firstSeq = unsafe copy.get(UInt64.self, 48)
        previousNextSeq = unsafe copy.get(UInt64.self, 56)
        previousGeneration = unsafe copy.get(UInt64.self, 64)
        bootID = BootID(high: unsafe copy.get(UInt64.self, 72), low: unsafe copy.get(UInt64.self, 80))
        clock.boottimeNs = unsafe copy.get(UInt64.self, 88)
        clock.realtimeNs = unsafe copy.get(UInt64.self, 96)
        clock.monotonicNs = unsafe copy.get(UInt64.self, 104)
        clock.utcOffsetSeconds = unsafe copy.get(Int32.self, 112)
        previousHeldIncident = unsafe copy.get(UInt32.self, 116) & 1 != 0
        let open = min(Int(unsafe copy.get(UInt16.self, 120)), Self.maxOpen)
        for place in 0..<open { openIncidents.append(unsafe copy.get(UInt64.self, 128 + 8 * place)) }
        let name = min(Int(unsafe copy.get(UInt16.self, 122)), Self.maxHost)
        host = unsafe Bytes(copy[256..<256 + name])
        // A version to come may mean other sizes by these fields: whoever reads them checks `readerVersion` first.
        guard readerVersion > Format.version || plausible else { return nil }
    }

    private var plausible: Bool {
        let page = Int(pageBytes)
        guard page >= 4096, page <= 65536, page & (page - 1) == 0 else { return false }
        guard max(generation, firstSeq, previousNextSeq) < Format.numberLimit else { return false }
        return segmentBytes >= UInt64(4 * page) && segmentBytes <= Format.segmentLimit
    }

    var dataPages: Int { Int(segmentBytes) / Int(pageBytes) - Layout.firstDataUnit }
}

/// `segment-<generation, 16 hexadecimal digits>.inq`.
enum SegmentName {
    static let spare = "spare.inq"

    static func of(_ generation: UInt64) -> String {
        let digits = String(generation, radix: 16)
        return "segment-" + String(repeating: "0", count: 16 - digits.count) + digits + ".inq"
    }

    static func generation(_ name: String) -> UInt64? {
        guard name.hasPrefix("segment-"), name.hasSuffix(".inq") else { return nil }
        let digits = name.dropFirst(8).dropLast(4)
        guard digits.utf8.count == 16, let generation = UInt64(digits, radix: 16) else { return nil }
        // A name is no proof, and the next segment's number is above all names: it must stay below the limit.
        return generation < Format.numberLimit / 2 ? generation : nil
    }
}
