/// Bytes of a name as the kernel holds them: no encoding is promised, every renderer escapes for its own medium.
public typealias Bytes = [UInt8]

/// A task's name (`task_struct.comm`, at most 15 bytes and a NUL), without an allocation.
public struct Comm: Equatable, Hashable, Sendable {
    /// The first and the last eight bytes, little-endian, NUL-padded.
    public var low: UInt64
    public var high: UInt64

    @inlinable public init(low: UInt64 = 0, high: UInt64 = 0) {
        self.low = low
        self.high = high
    }

    /// Keeps the first 16 bytes; whatever follows a NUL is dropped.
    public init(_ bytes: some Sequence<UInt8>) {
        var low: UInt64 = 0
        var high: UInt64 = 0
        var index: UInt64 = 0
        for byte in bytes {
            if byte == 0 || index == 16 { break }
            if index < 8 { low |= UInt64(byte) << (index * 8) } else { high |= UInt64(byte) << ((index - 8) * 8) }
            index += 1
        }
        self.init(low: low, high: high)
    }

    public init(_ text: String) { self.init(text.utf8) }

    /// The bytes before the first NUL.
    public var bytes: Bytes {
        var result = Bytes()
        result.reserveCapacity(16)
        for index in 0..<16 {
            let word = index < 8 ? low : high
            let byte = UInt8(truncatingIfNeeded: word >> UInt64(index % 8 * 8))
            if byte == 0 { break }
            result.append(byte)
        }
        return result
    }
}

/// `/proc/sys/kernel/random/boot_id`: one for each boot of the kernel.
public struct BootID: Equatable, Hashable, Sendable {
    /// The first and the last eight bytes of the UUID in reading order (big-endian).
    public var high: UInt64
    public var low: UInt64

    public static let unknown = BootID(high: 0, low: 0)

    @inlinable public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the text form, with or without dashes; anything but 32 hexadecimal digits gives `nil`.
    public init?(_ text: some Sequence<UInt8>) {
        var digits = 0
        var high: UInt64 = 0
        var low: UInt64 = 0
        for byte in text {
            let digit: UInt64
            switch byte {
            case UInt8(ascii: "-"), UInt8(ascii: "\n"): continue
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt64(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt64(byte - UInt8(ascii: "a")) + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = UInt64(byte - UInt8(ascii: "A")) + 10
            default: return nil
            }
            if digits < 16 { high = high << 4 | digit } else { low = low << 4 | digit }
            digits += 1
        }
        guard digits == 32 else { return nil }
        self.init(high: high, low: low)
    }

    /// `8-4-4-4-12` hexadecimal digits.
    public var description: String {
        func hex(_ value: UInt64, _ digits: Int) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: digits - text.count) + text
        }
        return hex(high >> 32, 8) + "-" + hex(high >> 16 & 0xffff, 4) + "-" + hex(high & 0xffff, 4) + "-"
            + hex(low >> 48, 4) + "-" + hex(low & 0xffff_ffff_ffff, 12)
    }

    /// The first eight digits, as they open an incident's id.
    public var short: String { String(description.prefix(8)) }
}
