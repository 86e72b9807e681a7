// Events as bytes, for the recording's pages and the live socket's frames.
//
// A *block* is a run of events with consecutive `seq` that is decoded from its own bytes alone. A `snapshot` takes no number:
// it shows that of the event it precedes. Within a block:
//
//     event  = kind:u8, its highest bit set when a time follows  [series:u8 for kinds with series]
//              [time:varint(zigzag(ns - previous event's ns)), otherwise the same]  fields
//     fields = groups of eight numbers: mask:u8, then for each set bit the difference to the previous value
//              difference d: varint(d * 2) when it is positive, varint(-d * 4 + 3) when it is negative; whole pages shorter:
//              varint(zigzag(d / 4096) * 4 + 1); what that has no room for: 0, varint(zigzag(d))
//              names:      varint length, bytes
//              histograms: first:u8 count:u8, then count varints
//              lists:      varint count, then the elements' fields
//
// "Previous" is the same field of the last event of the same kind and series in this block; zero at its start.

/// Previous values per kind and series. Cleared lazily: a slot belongs to the block whose number it carries.
@safe
struct DeltaState: ~Copyable {
    /// Slots of a kind with series; a series' key is hashed to one.
    static let series = 256
    /// Numbers of an event that have a previous value; those beyond are written as they are.
    static let fields = 48
    /// Event kinds are below this.
    static let kinds = 96
    /// Kinds without series come first, then the slots of each kind with series.
    private static let slots = kinds + EventKind.kindsWithSeries * series

    private let values: UnsafeMutablePointer<UInt64>
    private let owner: UnsafeMutablePointer<UInt32>
    private var block: UInt32 = 0

    init() {
        unsafe values = .allocate(capacity: Self.slots * Self.fields)
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

    /// The previous values of a kind's series: `fields` numbers.
    @inline(__always)
    func slot(_ kind: EventKind, _ series: Int) -> UnsafeMutablePointer<UInt64> {
        let place = kind.seriesPlace
        let index = place < 0 ? Int(kind.rawValue) : Self.kinds + place * Self.series + series
        let slot = unsafe values + index * Self.fields
        if unsafe owner[index] != block {
            unsafe owner[index] = block
            unsafe slot.initialize(repeating: 0, count: Self.fields)
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
    /// In the byte of the kind: the event's time differs from that of the event before.
    static let timed: UInt8 = 0x80
    /// Events in the block so far.
    public private(set) var count = 0

    public init(capacity: Int = 8192) { writer = DeltaWriter(capacity: capacity) }

    /// Starts a new block: what follows does not depend on what came before.
    public mutating func beginBlock() {
        writer.sink.clear()
        delta.beginBlock()
        lastNs = 0
        count = 0
    }

    /// Appends one event; `seq` is not written, it follows from the block's first.
    public mutating func append(_ event: borrowing Event) {
        let kind = event.payload.kind
        let elapsed = event.boottimeNs &- lastNs
        writer.sink.append(elapsed == 0 ? kind.rawValue : kind.rawValue | Self.timed)
        var series = 0
        if let key = event.payload.seriesKey {
            series = seriesSlot(key)
            writer.sink.append(UInt8(series))
        }
        if elapsed != 0 { writer.sink.append(varint: zigzag(Int64(bitPattern: elapsed))) }
        lastNs = event.boottimeNs
        unsafe writer.beginEvent(delta.slot(kind, series))
        event.payload.write(&writer)
        writer.endEvent()
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

/// Reads a block's events in order.
public struct EventDecoder: ~Copyable {
    private var delta = DeltaState()
    private var lastNs: UInt64 = 0
    private var nextSeq: UInt64 = 0

    public init() {}

    public mutating func beginBlock(firstSeq: UInt64) {
        delta.beginBlock()
        lastNs = 0
        nextSeq = firstSeq
    }

    /// Decodes the event at `offset` and moves `offset` behind it.
    public mutating func next(_ bytes: Span<UInt8>, at offset: inout Int) throws(DecodeError) -> Event {
        let (event, used) = try unsafe bytes.withUnsafeBufferPointer { buffer throws(DecodeError) in
            guard let base = buffer.baseAddress, offset < buffer.count else { throw DecodeError.truncated }
            return try unsafe decode(base + offset, base + buffer.count)
        }
        offset += used
        return event
    }

    private mutating func decode(
        _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
    ) throws(DecodeError) -> (Event, Int) {
        var source = unsafe ByteSource(cursor: start, end: end)
        let number = try unsafe source.byte()
        guard let kind = EventKind(rawValue: number & ~EventEncoder.timed) else { throw .unknownKind(UInt64(number)) }
        var series = 0
        if kind.hasSeries {
            series = Int(try unsafe source.byte())
        }
        var ns = lastNs
        if number & EventEncoder.timed != 0 { ns &+= UInt64(bitPattern: unzigzag(try unsafe source.varint())) }
        var reader = unsafe DeltaReader(slot: delta.slot(kind, series), source: source)
        let payload = try unsafe Payload.read(kind, &reader)
        lastNs = ns
        let event = Event(seq: nextSeq, boottimeNs: ns, payload)
        // A snapshot is state, not an observation: it has no number of its own, it shows that of the event it precedes.
        if kind != .snapshot { nextSeq &+= 1 }
        return (event, unsafe reader.source.cursor - start)
    }
}

extension EventKind {
    static let kindsWithSeries = 5

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
