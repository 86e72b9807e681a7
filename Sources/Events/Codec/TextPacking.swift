// Names and documents of a block, each written as what it has in common with those before it (LZ77): the same stacks, paths and
// command lines come again and again.
//
//     text = count:varint, then until so many bytes are there: token:u8, literals, and unless they were the last bytes, distance:varint
//     token: high four bits, how many literal bytes; low four, how many bytes more than four to copy from `distance` bytes back.
//     15 of the first: a varint with the rest of it follows the token. 15 of the second: a byte with the rest of it follows the distance.
//
// "Back" goes through all texts of the block, one after the other, this one included.

enum Packing {
    static let shortest = 4
    /// What a token, its byte more and a distance can stand for: a few bytes must not become gigabytes.
    static let longest = shortest + 15 + 255
}

/// Writes texts.
@safe
struct TextPacker: ~Copyable {
    private var texts = ByteSink(capacity: 64 << 10)
    /// Where four bytes were last seen, plus one, by their hash.
    private let places: UnsafeMutablePointer<UInt32>
    private static let bits: UInt32 = 12

    init() {
        unsafe places = .allocate(capacity: 1 << Self.bits)
        unsafe places.initialize(repeating: 0, count: 1 << Self.bits)
    }

    deinit { unsafe places.deallocate() }

    mutating func beginBlock() {
        guard texts.count > 0 else { return }
        texts.clear()
        unsafe places.update(repeating: 0, count: 1 << Self.bits)
    }

    mutating func write(_ text: Bytes, to sink: inout ByteSink) {
        sink.append(varint: UInt64(text.count))
        var place = texts.count
        var written = place
        texts.append(contentsOf: text)
        let end = texts.count
        while place + Packing.shortest <= end {
            guard let earlier = see(place) else {
                place += 1
                continue
            }
            let length = common(earlier, place, atMost: min(end - place, Packing.longest))
            append(literals: written..<place, copied: length, to: &sink)
            sink.append(varint: UInt64(place - earlier))
            if length >= Packing.shortest + 15 { sink.append(UInt8(length - Packing.shortest - 15)) }
            for next in place + 1..<max(place + 1, min(place + length, end - Packing.shortest)) { _ = see(next) }
            place += length
            written = place
        }
        if written < end { append(literals: written..<end, copied: Packing.shortest, to: &sink) }
    }

    /// Where the four bytes at `place` were seen before; remembers this place instead.
    @inline(__always)
    private mutating func see(_ place: Int) -> Int? {
        let word = load(place)
        let slot = Int((word &* 0x9e37_79b1) >> (32 - Self.bits))
        let earlier = Int(unsafe places[slot]) - 1
        unsafe places[slot] = UInt32(truncatingIfNeeded: place + 1)
        guard earlier >= 0, load(earlier) == word else { return nil }
        return earlier
    }

    @inline(__always)
    private func load(_ place: Int) -> UInt32 {
        unsafe UnsafeRawPointer(texts.base + place).loadUnaligned(as: UInt32.self)
    }

    private func common(_ earlier: Int, _ place: Int, atMost most: Int) -> Int {
        var length = Packing.shortest
        while length < most, unsafe texts.base[earlier + length] == texts.base[place + length] { length += 1 }
        return length
    }

    private func append(literals: Range<Int>, copied: Int, to sink: inout ByteSink) {
        let high = min(literals.count, 15)
        sink.append(UInt8(high << 4 | min(copied - Packing.shortest, 15)))
        if high == 15 { sink.append(varint: UInt64(literals.count - 15)) }
        unsafe sink.append(Span(_unsafeStart: texts.base + literals.lowerBound, count: literals.count))
    }
}

extension ByteSource {
    /// Reads a text behind those in `texts`, and appends it to them.
    mutating func text(after texts: inout ByteSink) throws(DecodeError) -> Bytes {
        let wanted = try unsafe varint()
        guard wanted / UInt64(Packing.longest) <= UInt64(unsafe remaining) else { throw .implausibleCount(wanted) }
        let start = texts.count
        let end = start + Int(wanted)
        while texts.count < end {
            let token = try unsafe byte()
            var literals = UInt64(token >> 4)
            if literals == 15 { literals &+= try unsafe varint() }
            guard literals <= UInt64(end - texts.count), literals <= UInt64(unsafe remaining) else {
                throw .implausibleCount(literals)
            }
            unsafe texts.append(Span(_unsafeStart: cursor, count: Int(literals)))
            unsafe cursor += Int(literals)
            if texts.count == end { break }
            let distance = try unsafe varint()
            guard distance > 0, distance <= UInt64(texts.count) else { throw .implausibleCount(distance) }
            var length = Int(token & 15) + Packing.shortest
            if token & 15 == 15 { length += Int(try unsafe byte()) }
            guard length <= end - texts.count else { throw .implausibleCount(UInt64(length)) }
            texts.append(copyOf: length, from: Int(distance))
        }
        return unsafe Bytes(UnsafeBufferPointer(start: texts.base + start, count: end - start))
    }
}
