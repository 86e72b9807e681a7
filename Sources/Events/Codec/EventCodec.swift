// Events as bytes, for the recording's pages and the live socket's frames.
//
// A *block* is a run of events with consecutive `seq` that is decoded from its own bytes alone. A `snapshot` takes no number:
// it shows that of the event it precedes. Within a block:
//
//     event  = tag:u8  [series:u8 for kinds with series]  [time:difference to the previous event's time]  fields
//              tag: the kind in the low six bits (`incident` is 62, `snapshot` 63); 0x80: a time follows, otherwise it is the
//              previous event's; 0x40: the masks are those of the series' last event, and left out
//     fields = groups of eight numbers: mask:u8, then for each set bit the difference to the previous value
//              difference d: varint(d * 2) when it is positive, varint(-d * 4 + 3) when it is negative; whole pages shorter:
//              varint(zigzag(d / 4096) * 4 + 1); what that has no room for: 0, varint(zigzag(d))
//              names:      packed against those before (TextPacking.swift)
//              histograms: first:u8 count:u8, then count varints
//              lists:      varint count, then the elements' fields
//
// "Previous" is the same field of the last event of the same kind and series in this block; zero at its start.
//
// Format 1 had the kind's seven bits in the tag, all masks, times as varint(zigzag(ns - previous event's ns)), and names as varint
// length, bytes.

/// Previous values per kind and series. Cleared lazily: a slot belongs to the block whose number it carries.
@safe
struct DeltaState: ~Copyable {
    /// Slots of a kind with series; a series' key is hashed to one.
    static let series = 256
    /// Numbers of an event that have a previous value; those beyond are written as they are.
    static let fields = 48
    /// Masks that are kept, behind the fields in one number, the first one lowest.
    static let groups = fields / 8
    static let masks = fields
    private static let stride = fields + 1
    /// Event kinds are below this.
    static let kinds = 96
    /// Kinds without series come first, then the slots of each kind with series.
    private static let slots = kinds + EventKind.kindsWithSeries * series

    private let values: UnsafeMutablePointer<UInt64>
    private let owner: UnsafeMutablePointer<UInt32>
    private var block: UInt32 = 0

    init() {
        unsafe values = .allocate(capacity: Self.slots * Self.stride)
        unsafe owner = .allocate(capacity: Self.slots)
        unsafe owner.initialize(repeating: 0, count: Self.slots)
    }

    deinit {
        unsafe values.deallocate()
        unsafe owner.deallocate()
    }

    mutating func beginBlock() {
        block &+= 1
        if block == 0 {
            unsafe owner.initialize(repeating: 0, count: Self.slots)
            block = 1
        }
    }

    /// Masks of an event with so many groups, after those of the event before.
    @inline(__always)
    static func merged(_ masks: UInt64, into previous: UInt64, groups: Int) -> UInt64 {
        masks | previous & ~(UInt64.max >> UInt64(64 - 8 * min(groups, Self.groups)))
    }

    /// The previous values of a kind's series: `fields` numbers, then the masks.
    @inline(__always)
    func slot(_ kind: EventKind, _ series: Int) -> UnsafeMutablePointer<UInt64> {
        let place = kind.seriesPlace
        let index = place < 0 ? Int(kind.rawValue) : Self.kinds + place * Self.series + series
        let slot = unsafe values + index * Self.stride
        if unsafe owner[index] != block {
            unsafe owner[index] = block
            unsafe slot.initialize(repeating: 0, count: Self.stride)
        }
        return unsafe slot
    }
}

@inline(__always)
func seriesSlot(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 56)
}

/// Writes events into a block.
public struct EventEncoder: ~Copyable {
    private var writer: DeltaWriter
    private var delta = DeltaState()
    private var lastNs: UInt64 = 0
    /// Events in the block so far.
    public private(set) var count = 0

    public init(capacity: Int = 8192) { writer = DeltaWriter(capacity: capacity) }

    /// Starts a new block: what follows does not depend on what came before.
    public mutating func beginBlock() {
        writer.beginBlock()
        delta.beginBlock()
        lastNs = 0
        count = 0
    }

    /// Appends one event; `seq` is not written, it follows from the block's first.
    public mutating func append(_ event: borrowing Event) {
        let kind = event.payload.kind
        let elapsed = event.boottimeNs &- lastNs
        let start = writer.sink.count
        var tag = kind.tag
        writer.sink.append(tag)
        var series = 0
        if let key = event.payload.seriesKey {
            series = seriesSlot(key)
            writer.sink.append(UInt8(series))
        }
        if elapsed != 0 {
            tag |= EventTag.timed
            writer.sink.append(difference: Int64(bitPattern: elapsed))
        }
        lastNs = event.boottimeNs
        unsafe writer.beginEvent(delta.slot(kind, series))
        event.payload.write(&writer)
        if writer.endEvent() { tag |= EventTag.masksKept }
        writer.sink.patch(start, tag)
        count += 1
    }

    /// Bytes of the block so far.
    public var byteCount: Int { writer.sink.count }

    /// Takes back what was appended after the block held `bytes` bytes and `events` events. Only a block's end may be
    /// taken back, and the block must then be closed: its previous values have moved on.
    public mutating func rollBack(toBytes bytes: Int, events: Int) {
        writer.sink.truncate(to: bytes)
        count = events
    }

    public func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try unsafe writer.sink.withBytes(body)
    }
}

/// The coding of blocks changes with the recording's format.
public enum BlockFormat {
    public static let current: UInt16 = 3
}

/// What is in an event's first byte beside its kind.
enum EventTag {
    /// The event's time differs from that of the event before.
    static let timed: UInt8 = 0x80
    /// The masks are those of the series' last event.
    static let masksKept: UInt8 = 0x40
}

/// Reads a block's events in order.
@safe
public struct EventDecoder: ~Copyable {
    private var delta = DeltaState()
    private let texts: UnsafeMutablePointer<ByteSink>
    private var nextSeq: UInt64 = 0
    /// The event that was decoded last.
    public private(set) var decoded = DecodedEvent()
    /// Version of the recording that the next blocks are from.
    public var format = BlockFormat.current
    private var isFirstFormat: Bool { format == 1 }

    public init() {
        unsafe texts = .allocate(capacity: 1)
        unsafe texts.initialize(to: ByteSink())
    }

    deinit {
        unsafe texts.deinitialize(count: 1)
        unsafe texts.deallocate()
    }

    public mutating func beginBlock(firstSeq: UInt64) {
        delta.beginBlock()
        unsafe texts.pointee.clear()
        decoded.boottimeNs = 0
        nextSeq = firstSeq
    }

    /// Decodes the event at `offset` and moves `offset` behind it.
    public mutating func next(_ bytes: Span<UInt8>, at offset: inout Int) throws(DecodeError) -> Event {
        try advance(bytes, at: &offset)
        return decoded.event
    }

    /// Decodes the event at `offset` to `decoded`, and moves `offset` behind it.
    public mutating func advance(_ bytes: Span<UInt8>, at offset: inout Int) throws(DecodeError) {
        offset += try unsafe bytes.withUnsafeBufferPointer { buffer throws(DecodeError) in
            guard let base = buffer.baseAddress, offset < buffer.count else { throw DecodeError.truncated }
            return try unsafe decode(base + offset, base + buffer.count)
        }
    }

    /// - Returns: how many bytes it takes.
    private mutating func decode(
        _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
    ) throws(DecodeError) -> Int {
        var source = unsafe ByteSource(cursor: start, end: end)
        let tag = try unsafe source.byte()
        guard let kind = isFirstFormat ? EventKind(rawValue: tag & ~EventTag.timed) : EventKind(tag: tag) else {
            throw .unknownKind(UInt64(tag))
        }
        var series = 0
        if kind.hasSeries {
            series = Int(try unsafe source.byte())
        }
        var ns = decoded.boottimeNs
        if tag & EventTag.timed != 0 {
            let elapsed = isFirstFormat ? unzigzag(try unsafe source.varint()) : try unsafe source.difference()
            ns &+= UInt64(bitPattern: elapsed)
        }
        try unsafe decoded.payloads.pointee.read(
            kind, &source, delta.slot(kind, series), texts: isFirstFormat ? nil : texts,
            masksKept: !isFirstFormat && tag & EventTag.masksKept != 0)
        decoded.kind = kind
        decoded.boottimeNs = ns
        decoded.seq = nextSeq
        // A snapshot is state, not an observation: it has no number of its own, it shows that of the event it precedes.
        if kind != .snapshot { nextSeq &+= 1 }
        return unsafe source.cursor - start
    }
}

extension EventKind {
    static let kindsWithSeries = 5
    /// The two kinds that have more than six bits come before 64.
    private static let lifted: UInt8 = 2

    @inline(__always)
    var tag: UInt8 { rawValue < 64 ? rawValue : rawValue - Self.lifted }

    @inline(__always)
    init?(tag: UInt8) {
        let number = tag & 0x3f
        self.init(rawValue: number < 62 ? number : number + Self.lifted)
    }

    /// Place among the kinds for which `Payload.seriesKey` names a series; negative for the others.
    @inline(__always)
    var seriesPlace: Int {
        switch self {
        case .cgroupSample: 0
        case .cgroupIO: 1
        case .cgroupStall: 2
        case .device: 3
        case .ioInterval: 4
        default: -1
        }
    }

    @inline(__always)
    var hasSeries: Bool { seriesPlace >= 0 }
}
