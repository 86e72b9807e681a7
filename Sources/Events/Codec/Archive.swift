/// Values as plain bytes, for what is kept whole: an incident, the correlator's state.
///
/// The same value always gives the same bytes. Reading never trusts them: a damaged archive throws.
public enum Archive {
    public static func write<F: Fields>(_ value: F) -> Bytes {
        var copy = value
        var writer = ArchiveWriter()
        copy.walk(&writer)
        return writer.sink.bytes
    }

    /// - Throws: `DecodeError` when the bytes are not an archive of an `F`, or something follows it.
    public static func read<F: Fields>(_ type: F.Type, from bytes: Bytes) throws(DecodeError) -> F {
        try unsafe bytes.span.withUnsafeBufferPointer { buffer throws(DecodeError) in
            guard let base = buffer.baseAddress else { throw DecodeError.truncated }
            var reader = unsafe ArchiveReader(source: ByteSource(cursor: base, end: base + buffer.count))
            var value = F()
            try unsafe value.walk(&reader)
            let rest = unsafe reader.source.remaining
            guard rest == 0 else { throw DecodeError.implausibleCount(UInt64(rest)) }
            return value
        }
    }
}

struct ArchiveWriter: ~Copyable, FieldWalker {
    typealias Failure = Never
    var sink = ByteSink()

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) { sink.append(varint: value) }
    mutating func signed(_ name: StaticString, _ value: inout Int64) { sink.append(varint: zigzag(value)) }
    mutating func flag(_ name: StaticString, _ value: inout Bool) { sink.append(value ? 1 : 0) }
    /// Plus two, so that unknown and unlimited take one byte.
    mutating func figure(_ name: StaticString, _ value: inout Figure) { sink.append(varint: value.raw &+ 2) }
    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) { sink.append(value.rawValue) }
    mutating func moment(_ name: StaticString, _ value: inout Moment) { sink.append(varint: value.boottimeNs &+ 1) }
    mutating func ratio(_ name: StaticString, _ value: inout Ratio) {
        sink.append(varint: UInt64(value.millionths &+ 1))
    }
    mutating func comm(_ name: StaticString, _ value: inout Comm) {
        sink.append(varint: value.low)
        sink.append(varint: value.high)
    }
    mutating func bootID(_ name: StaticString, _ value: inout BootID) {
        sink.append(varint: value.high)
        sink.append(varint: value.low)
    }
    mutating func text(_ name: StaticString, _ value: inout Bytes) {
        sink.append(varint: UInt64(value.count))
        sink.append(contentsOf: value)
    }
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

@unsafe
struct ArchiveReader: @unsafe FieldWalker {
    typealias Failure = DecodeError
    var source: ByteSource

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) throws(DecodeError) {
        value = try unsafe source.varint()
    }
    mutating func signed(_ name: StaticString, _ value: inout Int64) throws(DecodeError) {
        value = unzigzag(try unsafe source.varint())
    }
    mutating func flag(_ name: StaticString, _ value: inout Bool) throws(DecodeError) {
        value = try unsafe source.byte() != 0
    }
    mutating func figure(_ name: StaticString, _ value: inout Figure) throws(DecodeError) {
        value = Figure(raw: try unsafe source.varint() &- 2)
    }
    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) throws(DecodeError) {
        value = C(rawValue: try unsafe source.byte()) ?? C.fallback
    }
    mutating func moment(_ name: StaticString, _ value: inout Moment) throws(DecodeError) {
        value = Moment(boottimeNs: try unsafe source.varint() &- 1)
    }
    mutating func ratio(_ name: StaticString, _ value: inout Ratio) throws(DecodeError) {
        value = Ratio(millionths: UInt32(truncatingIfNeeded: try unsafe source.varint()) &- 1)
    }
    mutating func comm(_ name: StaticString, _ value: inout Comm) throws(DecodeError) {
        value = Comm(low: try unsafe source.varint(), high: try unsafe source.varint())
    }
    mutating func bootID(_ name: StaticString, _ value: inout BootID) throws(DecodeError) {
        value = BootID(high: try unsafe source.varint(), low: try unsafe source.varint())
    }
    mutating func text(_ name: StaticString, _ value: inout Bytes) throws(DecodeError) {
        value = try unsafe source.bytes()
    }
    mutating func blob(_ name: StaticString, _ value: inout Bytes) throws(DecodeError) {
        value = try unsafe source.bytes()
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
        for _ in 0..<count { value.append(try unsafe source.bytes()) }
    }
}
