import Events

/// Numbers and times as text, straight into a buffer: nothing is allocated.
extension ByteSink {
    /// - Parameter width: zeros before it up to so many digits.
    mutating func append(decimal value: UInt64, width: Int = 1) {
        var buffer: InlineArray<20, UInt8> = InlineArray(repeating: UInt8(ascii: "0"))
        var rest = value
        var start = 20
        repeat {
            start -= 1
            buffer[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        append(buffer.span.extracting(min(start, 20 - width)..<20))
    }

    /// RFC 3339 in UTC with nanoseconds.
    mutating func append(realtimeNs: UInt64) {
        let time = CivilTime(realtimeNs: realtimeNs)
        append(decimal: UInt64(max(0, time.year)), width: 4)
        append(UInt8(ascii: "-"))
        append(decimal: time.month, width: 2)
        append(UInt8(ascii: "-"))
        append(decimal: time.day, width: 2)
        append(UInt8(ascii: "T"))
        append(decimal: time.hour, width: 2)
        append(UInt8(ascii: ":"))
        append(decimal: time.minute, width: 2)
        append(UInt8(ascii: ":"))
        append(decimal: time.second, width: 2)
        append(UInt8(ascii: "."))
        append(decimal: time.nanosecond, width: 9)
        append(UInt8(ascii: "Z"))
    }
}
