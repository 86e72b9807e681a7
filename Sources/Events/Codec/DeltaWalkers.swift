/// Writes fields as differences to the previous event of the series.
@safe
struct DeltaWriter: ~Copyable, FieldWalker {
    typealias Failure = Never

    var sink: ByteSink
    private var texts = TextPacker()
    private var slot: UnsafeMutablePointer<UInt64>?
    private var index = 0
    private var mask: UInt8 = 0
    /// Where the group being written begins.
    private var start = 0
    /// Where the groups whose masks are kept begin, and the masks, the first one lowest.
    private var starts = InlineArray<6, Int>(repeating: 0)
    private var masks: UInt64 = 0

    init(capacity: Int) { sink = ByteSink(capacity: capacity) }

    mutating func beginBlock() {
        sink.clear()
        texts.beginBlock()
    }

    /// The next fields belong to one event, whose series has these previous values.
    mutating func beginEvent(_ slot: UnsafeMutablePointer<UInt64>) {
        unsafe self.slot = slot
        index = 0
        masks = 0
    }

    /// Puts the masks before their groups, where they are not those of the series' last event.
    ///
    /// - Returns: whether they are, and were left out.
    mutating func endEvent() -> Bool {
        guard index > 0, let slot = unsafe slot else { return false }
        closeGroup()
        let groups = (index + 7) / 8
        let kept = min(groups, DeltaState.groups)
        let known = unsafe slot[DeltaState.masks]
        let merged = DeltaState.merged(masks, into: known, groups: kept)
        if merged == known && groups == kept { return true }
        unsafe slot[DeltaState.masks] = merged
        sink.insert(masks, before: starts, count: kept)
        return false
    }

    @inline(__always)
    private mutating func closeGroup() {
        let group = (index - 1) / 8
        if group < DeltaState.groups {
            masks |= UInt64(mask) << UInt64(group * 8)
        } else {
            sink.patch(start, mask)
        }
    }

    @inline(__always)
    private mutating func number(_ value: UInt64) {
        let bit = index & 7
        if bit == 0 {
            if index > 0 { closeGroup() }
            mask = 0
            start = sink.count
            if index < DeltaState.fields { starts[index / 8] = start } else { sink.append(UInt8(0)) }
        }
        var previous: UInt64 = 0
        if index < DeltaState.fields, let slot = unsafe slot {
            previous = unsafe slot[index]
            unsafe slot[index] = value
        }
        if value != previous {
            mask |= 1 << UInt8(bit)
            sink.append(difference: Int64(bitPattern: value &- previous))
        }
        index += 1
    }

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) { number(value) }
    mutating func signed(_ name: StaticString, _ value: inout Int64) { number(UInt64(bitPattern: value)) }
    mutating func flag(_ name: StaticString, _ value: inout Bool) { number(value ? 1 : 0) }
    mutating func figure(_ name: StaticString, _ value: inout Figure) { number(value.raw) }
    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) { number(UInt64(value.rawValue)) }
    mutating func moment(_ name: StaticString, _ value: inout Moment) { number(value.boottimeNs) }
    mutating func ratio(_ name: StaticString, _ value: inout Ratio) { number(UInt64(value.millionths)) }
    mutating func comm(_ name: StaticString, _ value: inout Comm) {
        number(value.low)
        number(value.high)
    }
    mutating func bootID(_ name: StaticString, _ value: inout BootID) {
        number(value.high)
        number(value.low)
    }
    mutating func text(_ name: StaticString, _ value: inout Bytes) { texts.write(value, to: &sink) }
    mutating func blob(_ name: StaticString, _ value: inout Bytes) { text(name, &value) }
    mutating func histogram(_ name: StaticString, _ value: inout Histogram) { sink.append(histogram: value) }
    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) { value.walk(&self) }
    mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) {
        sink.append(value == nil ? 0 : 1)
        value?.walk(&self)
    }
    mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) {
        sink.append(varint: UInt64(value.count))
        for position in value.indices { value[position].walk(&self) }
    }
    mutating func texts(_ name: StaticString, _ value: inout [Bytes]) {
        sink.append(varint: UInt64(value.count))
        for position in value.indices { text(name, &value[position]) }
    }
}

/// Reads what `DeltaWriter` wrote.
@unsafe
struct DeltaReader: @unsafe FieldWalker {
    typealias Failure = DecodeError

    let slot: UnsafeMutablePointer<UInt64>
    var source: ByteSource
    /// The block's texts; `nil` where each is written whole (format 1).
    private let texts: UnsafeMutablePointer<ByteSink>?
    /// The masks are those of the series' last event.
    private let masksKept: Bool
    private var masks: UInt64
    private var index = 0
    private var mask: UInt8 = 0

    init(
        slot: UnsafeMutablePointer<UInt64>, source: ByteSource, texts: UnsafeMutablePointer<ByteSink>?, masksKept: Bool
    ) {
        unsafe self.slot = slot
        unsafe self.source = source
        unsafe self.texts = texts
        unsafe self.masksKept = masksKept
        unsafe masks = masksKept ? slot[DeltaState.masks] : 0
    }

    /// Keeps the masks for the series' next event.
    mutating func endEvent() {
        guard unsafe !masksKept && index > 0 else { return }
        let groups = unsafe (index + 7) / 8
        unsafe slot[DeltaState.masks] = DeltaState.merged(masks, into: slot[DeltaState.masks], groups: groups)
    }

    @inline(__always)
    private mutating func nextMask() throws(DecodeError) {
        if unsafe masksKept {
            guard unsafe index < DeltaState.fields else { throw unsafe .implausibleCount(UInt64(index)) }
            unsafe mask = UInt8(truncatingIfNeeded: masks >> UInt64(index))
        } else {
            unsafe mask = try unsafe source.byte()
            if unsafe index < DeltaState.fields { unsafe masks |= UInt64(mask) << UInt64(index) }
        }
    }

    @inline(__always)
    private mutating func number() throws(DecodeError) -> UInt64 {
        let bit = unsafe index & 7
        if bit == 0 { try unsafe nextMask() }
        var value: UInt64 = 0
        let kept = unsafe index < DeltaState.fields
        if kept { value = unsafe slot[index] }
        if unsafe mask & 1 << UInt8(bit) != 0 {
            value &+= UInt64(bitPattern: try unsafe source.difference())
            if kept { unsafe slot[index] = value }
        }
        unsafe index += 1
        return value
    }

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) throws(DecodeError) {
        value = try unsafe number()
    }
    mutating func signed(_ name: StaticString, _ value: inout Int64) throws(DecodeError) {
        value = Int64(bitPattern: try unsafe number())
    }
    mutating func flag(_ name: StaticString, _ value: inout Bool) throws(DecodeError) {
        value = try unsafe number() != 0
    }
    mutating func figure(_ name: StaticString, _ value: inout Figure) throws(DecodeError) {
        value = Figure(raw: try unsafe number())
    }
    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) throws(DecodeError) {
        value = C(rawValue: UInt8(truncatingIfNeeded: try unsafe number())) ?? C.fallback
    }
    mutating func moment(_ name: StaticString, _ value: inout Moment) throws(DecodeError) {
        value = Moment(boottimeNs: try unsafe number())
    }
    mutating func ratio(_ name: StaticString, _ value: inout Ratio) throws(DecodeError) {
        value = Ratio(millionths: UInt32(truncatingIfNeeded: try unsafe number()))
    }
    mutating func comm(_ name: StaticString, _ value: inout Comm) throws(DecodeError) {
        value = Comm(low: try unsafe number(), high: try unsafe number())
    }
    mutating func bootID(_ name: StaticString, _ value: inout BootID) throws(DecodeError) {
        value = BootID(high: try unsafe number(), low: try unsafe number())
    }
    mutating func text(_ name: StaticString, _ value: inout Bytes) throws(DecodeError) {
        if let texts = unsafe texts {
            value = try unsafe source.text(after: &texts.pointee)
        } else {
            value = try unsafe source.bytes()
        }
    }
    mutating func blob(_ name: StaticString, _ value: inout Bytes) throws(DecodeError) {
        try unsafe text(name, &value)
    }
    mutating func histogram(_ name: StaticString, _ value: inout Histogram) throws(DecodeError) {
        try unsafe source.read(&value)
    }
    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) throws(DecodeError) {
        try unsafe value.walk(&self)
    }
    mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) throws(DecodeError) {
        guard try unsafe source.byte() != 0 else {
            value = nil
            return
        }
        var inner = F()
        try unsafe inner.walk(&self)
        value = inner
    }
    mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) throws(DecodeError) {
        let count = try unsafe source.count()
        value.removeAll(keepingCapacity: true)
        for _ in 0..<count {
            var element = F()
            try unsafe element.walk(&self)
            value.append(element)
        }
    }
    mutating func texts(_ name: StaticString, _ value: inout [Bytes]) throws(DecodeError) {
        let count = try unsafe source.count()
        value.removeAll(keepingCapacity: true)
        for _ in 0..<count {
            var element = Bytes()
            try unsafe text(name, &element)
            value.append(element)
        }
    }
}

extension ByteSink {
    /// A difference that is not zero. Most are counters that grow: those take one bit more than their value. Memory grows and
    /// shrinks by pages: whole pages drop their twelve zero bits.
    @inline(__always)
    mutating func append(difference: Int64) {
        let size = difference.magnitude
        if size & 0xfff == 0 {
            append(varint: zigzag(difference >> 12) << 2 | 1)
        } else if size >> 62 != 0 {
            append(UInt8(0))
            append(varint: zigzag(difference))
        } else {
            append(varint: difference > 0 ? size << 1 : size << 2 | 3)
        }
    }

    /// Only the run of slots that holds all counts.
    mutating func append(histogram: Histogram) {
        var first = 0
        while first < Histogram.slots && histogram.counts[first] == 0 { first += 1 }
        var end = Histogram.slots
        while end > first && histogram.counts[end - 1] == 0 { end -= 1 }
        append(UInt8(first == Histogram.slots ? 0 : first))
        append(UInt8(end - first))
        for slot in first..<end { append(varint: UInt64(histogram.counts[slot])) }
    }
}

extension ByteSource {
    @inline(__always)
    mutating func difference() throws(DecodeError) -> Int64 {
        let code = try unsafe varint()
        if code == 0 { return unzigzag(try unsafe varint()) }
        // Which it is cannot be foreseen, and a branch taken in vain costs more than all three: one is picked by bits.
        let rest = code >> 2
        let pages = unzigzag(rest) << 12
        let falls = 0 &- Int64(bitPattern: code >> 1 & 1)
        let other = pages & ~falls | (0 &- Int64(bitPattern: rest)) & falls
        let isOther = 0 &- Int64(bitPattern: code & 1)
        return Int64(bitPattern: code >> 1) & ~isOther | other & isOther
    }

    mutating func read(_ histogram: inout Histogram) throws(DecodeError) {
        let first = Int(try unsafe byte())
        let count = Int(try unsafe byte())
        guard first + count <= Histogram.slots else { throw .implausibleCount(UInt64(first + count)) }
        histogram = Histogram()
        for slot in first..<first + count {
            histogram.counts[slot] = UInt32(truncatingIfNeeded: try unsafe varint())
        }
    }

    /// A number of elements; each takes at least one byte, but where the masks are left out.
    mutating func count() throws(DecodeError) -> Int {
        let value = try unsafe varint()
        guard value <= UInt64(unsafe remaining + DeltaState.fields) else { throw .implausibleCount(value) }
        return Int(value)
    }
}
