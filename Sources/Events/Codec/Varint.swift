/// Why bytes could not be read as what they claim to be.
public enum DecodeError: Error, Equatable, Sendable {
    /// The bytes ended inside a value.
    case truncated
    /// A number of more than 64 bits.
    case overlong
    /// A kind, or the number of a variant, that this version does not know.
    case unknownKind(UInt64)
    /// A count that the remaining bytes cannot hold.
    case implausibleCount(UInt64)
}

/// A growable byte buffer. Appending allocates only when the capacity is used up; clearing keeps it.
@safe
public struct ByteSink: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<UInt8>
    @usableFromInline var capacity: Int
    @usableFromInline var used = 0

    @inlinable public var count: Int { used }

    public init(capacity: Int = 4096) {
        unsafe base = .allocate(capacity: max(capacity, 16))
        self.capacity = max(capacity, 16)
    }

    deinit { unsafe base.deallocate() }

    public mutating func clear() { used = 0 }

    /// Drops what was appended after the buffer held `count` bytes.
    public mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= used)
        used = count
    }

    @inlinable @inline(__always)
    mutating func reserve(_ more: Int) {
        if used + more > capacity { grow(used + more) }
    }

    @usableFromInline @inline(never)
    mutating func grow(_ needed: Int) {
        let larger = max(capacity * 2, needed)
        let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        unsafe fresh.update(from: base, count: used)
        unsafe base.deallocate()
        unsafe base = fresh
        capacity = larger
    }

    @inlinable @inline(__always)
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        unsafe base[used] = byte
        used += 1
    }

    /// LEB128: seven bits a byte, low bits first.
    @inlinable @inline(__always)
    public mutating func append(varint value: UInt64) {
        reserve(10)
        var rest = value
        while rest >= 0x80 {
            unsafe base[used] = UInt8(truncatingIfNeeded: rest) | 0x80
            used += 1
            rest >>= 7
        }
        unsafe base[used] = UInt8(truncatingIfNeeded: rest)
        used += 1
    }

    @inlinable
    public mutating func append(contentsOf bytes: Bytes) {
        reserve(bytes.count)
        unsafe bytes.withUnsafeBufferPointer { source in
            guard let start = source.baseAddress else { return }
            unsafe (base + used).update(from: start, count: source.count)
        }
        used += bytes.count
    }

    /// Appends a run of bytes at once.
    @inlinable
    public mutating func append(_ bytes: Span<UInt8>) {
        let added = bytes.count
        reserve(added)
        unsafe bytes.withUnsafeBufferPointer { source in
            if let start = source.baseAddress { unsafe (base + used).update(from: start, count: added) }
        }
        used += added
    }

    /// Appends the bytes of a literal.
    @inlinable
    public mutating func append(_ text: StaticString) {
        let added = text.utf8CodeUnitCount
        reserve(added)
        unsafe (base + used).update(from: text.utf8Start, count: added)
        used += added
    }

    /// Appends the first bytes of a word, the lowest first.
    ///
    /// - Parameters:
    ///   - word: its bytes beyond `added` are left out.
    ///   - added: 0...8.
    @inlinable @inline(__always)
    public mutating func append(word: UInt64, count added: Int) {
        reserve(8)
        unsafe UnsafeMutableRawPointer(base + used).storeBytes(of: word.littleEndian, as: UInt64.self)
        used += added
    }

    /// Appends again what was appended `distance` bytes ago; with a distance below the count that repeats itself.
    @inlinable
    public mutating func append(copyOf added: Int, from distance: Int) {
        precondition(distance > 0 && distance <= used)
        reserve(added)
        let (from, to) = unsafe (base + used - distance, base + used)
        if distance >= added {
            unsafe to.update(from: from, count: added)
        } else {
            for place in 0..<added { unsafe to[place] = from[place] }
        }
        used += added
    }

    /// Puts the first `added` bytes of `masks`, the lowest first, before what begins at so many places.
    mutating func insert(_ masks: UInt64, before starts: InlineArray<6, Int>, count added: Int) {
        reserve(added)
        var end = used
        for place in (0..<added).reversed() {
            let start = starts[place]
            precondition(start >= 0 && start <= end)
            unsafe (base + start + place + 1).update(from: base + start, count: end - start)
            unsafe base[start + place] = UInt8(truncatingIfNeeded: masks >> UInt64(place * 8))
            end = start
        }
        used += added
    }

    /// Sets a byte that was appended before.
    @inline(__always)
    mutating func patch(_ index: Int, _ byte: UInt8) {
        precondition(index >= 0 && index < used)
        unsafe base[index] = byte
    }

    public func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try unsafe body(UnsafeRawBufferPointer(start: base, count: used))
    }

    public var bytes: Bytes { unsafe Bytes(UnsafeBufferPointer(start: base, count: used)) }
}

/// Reads what `ByteSink` wrote; never beyond the end it was given.
@unsafe
struct ByteSource {
    var cursor: UnsafePointer<UInt8>
    let end: UnsafePointer<UInt8>

    var remaining: Int { unsafe end - cursor }

    @inline(__always)
    mutating func byte() throws(DecodeError) -> UInt8 {
        guard unsafe cursor < end else { throw .truncated }
        let value = unsafe cursor.pointee
        unsafe cursor += 1
        return value
    }

    @inline(__always)
    mutating func varint() throws(DecodeError) -> UInt64 {
        guard unsafe remaining >= 8 else { return try unsafe varintBytewise() }
        let word = UInt64(littleEndian: unsafe UnsafeRawPointer(cursor).loadUnaligned(as: UInt64.self))
        let ends = ~word & 0x8080_8080_8080_8080
        guard ends != 0 else { return try unsafe varintBytewise() }
        unsafe cursor += ends.trailingZeroBitCount / 8 + 1
        // The seven bits of each byte up to the first that ends it, moved together: by pairs, by fours, by eights.
        var value = word & (ends ^ (ends &- 1)) & 0x7f7f_7f7f_7f7f_7f7f
        value = value & 0x007f_007f_007f_007f | (value & 0x7f00_7f00_7f00_7f00) >> 1
        value = value & 0x0000_3fff_0000_3fff | (value & 0x3fff_0000_3fff_0000) >> 2
        return value & 0x0fff_ffff | (value & 0x0fff_ffff_0000_0000) >> 4
    }

    /// Near the end, and what has more than eight bytes.
    @inline(never)
    private mutating func varintBytewise() throws(DecodeError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try unsafe byte()
            if shift == 63 && next > 1 { throw .overlong }
            value |= UInt64(next & 0x7f) << shift
            if next < 0x80 { return value }
            shift += 7
            if shift > 63 { throw .overlong }
        }
    }

    mutating func bytes() throws(DecodeError) -> Bytes {
        let count = try unsafe varint()
        guard count <= UInt64(unsafe remaining) else { throw .implausibleCount(count) }
        let result = unsafe Bytes(UnsafeBufferPointer(start: cursor, count: Int(count)))
        unsafe cursor += Int(count)
        return result
    }
}

/// Small magnitudes of either sign become small numbers.
@inline(__always)
func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: value << 1 ^ value >> 63) }

@inline(__always)
func unzigzag(_ value: UInt64) -> Int64 { Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
