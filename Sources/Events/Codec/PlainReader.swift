/// Reads what is most of a recording: payloads that are numbers, and perhaps histograms behind them. First it brings the series'
/// previous values up to date, which takes time for what has changed alone; then it hands them to the fields.
///
/// The bytes are those of `DeltaWriter`, and mean here what they mean to `DeltaReader`.
@unsafe
struct PlainReader: @unsafe FieldWalker {
    typealias Failure = DecodeError

    private let values: UnsafeMutablePointer<UInt64>
    private(set) var source: ByteSource
    private var index = 0

    /// - Parameter count: of the payload's numbers, at most `DeltaState.fields`.
    init(
        _ count: Int, _ values: UnsafeMutablePointer<UInt64>, _ source: ByteSource, masksKept: Bool
    ) throws(DecodeError) {
        unsafe self.values = values
        try unsafe self.source = source.afterUpdating(values, count, masksKept)
    }

    @inline(__always)
    private mutating func number() -> UInt64 {
        defer { unsafe index += 1 }
        return unsafe values[index]
    }

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) { value = unsafe number() }
    mutating func signed(_ name: StaticString, _ value: inout Int64) { value = Int64(bitPattern: unsafe number()) }
    mutating func flag(_ name: StaticString, _ value: inout Bool) { value = unsafe number() != 0 }
    mutating func figure(_ name: StaticString, _ value: inout Figure) { value = Figure(raw: unsafe number()) }
    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) {
        value = C(rawValue: UInt8(truncatingIfNeeded: unsafe number())) ?? C.fallback
    }
    mutating func moment(_ name: StaticString, _ value: inout Moment) {
        value = Moment(boottimeNs: unsafe number())
    }
    mutating func ratio(_ name: StaticString, _ value: inout Ratio) {
        value = Ratio(millionths: UInt32(truncatingIfNeeded: unsafe number()))
    }
    mutating func comm(_ name: StaticString, _ value: inout Comm) {
        value = Comm(low: unsafe number(), high: unsafe number())
    }
    mutating func bootID(_ name: StaticString, _ value: inout BootID) {
        value = BootID(high: unsafe number(), low: unsafe number())
    }
    mutating func histogram(_ name: StaticString, _ value: inout Histogram) throws(DecodeError) {
        try unsafe source.read(&value)
    }
    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) throws(DecodeError) {
        try unsafe value.walk(&self)
    }
    mutating func optionalSigned(_ name: StaticString, _ value: inout Int64?) { neverPlain() }
    mutating func text(_ name: StaticString, _ value: inout Bytes) { neverPlain() }
    mutating func blob(_ name: StaticString, _ value: inout Bytes) { neverPlain() }
    mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) { neverPlain() }
    mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) { neverPlain() }
    mutating func texts(_ name: StaticString, _ value: inout [Bytes]) { neverPlain() }
}

extension ByteSource {
    /// Brings the first `count` of a series' previous values up to date.
    ///
    /// - Returns: the source behind what it read. (By value, not `mutating`: so it stays in registers.)
    @inline(never)
    fileprivate func afterUpdating(
        _ values: UnsafeMutablePointer<UInt64>, _ count: Int, _ masksKept: Bool
    ) throws(DecodeError) -> ByteSource {
        var source = unsafe self
        if masksKept {
            try unsafe source.add(to: values, values[DeltaState.masks] & UInt64.max &>> UInt64(64 - count))
            return unsafe source
        }
        var masks: UInt64 = 0
        var first = 0
        while first < count {
            let mask = UInt64(try unsafe source.byte())
            masks |= mask &<< UInt64(first)
            // What a mask says of fields that are not there means nothing.
            try unsafe source.add(to: values + first, mask & UInt64.max &>> UInt64(64 - min(count - first, 8)))
            first += 8
        }
        unsafe values[DeltaState.masks] = DeltaState.merged(
            masks, into: values[DeltaState.masks], groups: (count + 7) / 8)
        return unsafe source
    }

    /// Adds a difference for each bit to the value of its place.
    @inline(__always)
    private mutating func add(to values: UnsafeMutablePointer<UInt64>, _ mask: UInt64) throws(DecodeError) {
        var rest = mask
        while rest != 0 {
            unsafe values[rest.trailingZeroBitCount] &+= UInt64(bitPattern: try unsafe difference())
            rest &= rest &- 1
        }
    }
}

private func neverPlain() -> Never { fatalError("a payload with such a field is not plain") }

/// Counts the numbers of a payload.
struct PlainShape: FieldWalker {
    typealias Failure = Never

    private(set) var numbers = 0
    /// Whether there is nothing but numbers, few enough to have previous values, and histograms behind them.
    private(set) var isPlain = true
    private var histograms = 0

    init<F: Fields>(_ type: F.Type) {
        var value = F()
        value.walk(&self)
        isPlain = isPlain && numbers > 0 && numbers <= DeltaState.fields
    }

    private mutating func count(_ more: Int) {
        numbers += more
        isPlain = isPlain && histograms == 0
    }

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) { count(1) }
    mutating func signed(_ name: StaticString, _ value: inout Int64) { count(1) }
    mutating func flag(_ name: StaticString, _ value: inout Bool) { count(1) }
    mutating func figure(_ name: StaticString, _ value: inout Figure) { count(1) }
    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) { count(1) }
    mutating func moment(_ name: StaticString, _ value: inout Moment) { count(1) }
    mutating func ratio(_ name: StaticString, _ value: inout Ratio) { count(1) }
    mutating func comm(_ name: StaticString, _ value: inout Comm) { count(2) }
    mutating func bootID(_ name: StaticString, _ value: inout BootID) { count(2) }
    mutating func histogram(_ name: StaticString, _ value: inout Histogram) { histograms += 1 }
    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) { value.walk(&self) }
    mutating func optionalSigned(_ name: StaticString, _ value: inout Int64?) { isPlain = false }
    mutating func text(_ name: StaticString, _ value: inout Bytes) { isPlain = false }
    mutating func blob(_ name: StaticString, _ value: inout Bytes) { isPlain = false }
    mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) { isPlain = false }
    mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) { isPlain = false }
    mutating func texts(_ name: StaticString, _ value: inout [Bytes]) { isPlain = false }
}
