public import Events

/// Numbers and times as text, straight into a buffer: nothing is allocated.
extension ByteSink {
    /// - Parameters:
    ///   - value: in decimal, without a sign.
    ///   - width: zeros before it up to so many digits, at most 16.
    @inline(__always)
    public mutating func append(decimal value: UInt64, width: Int = 1) {
        if value < 100_000_000 && width <= 8 { append(upToEight: value, width) } else { append(long: value, width) }
    }

    @inline(never)
    private mutating func append(long value: UInt64, _ width: Int) {
        append(decimal: value / 100_000_000, width: max(1, width - 8))
        append(word: ByteSink.digits(value % 100_000_000), count: 8)
    }

    @inline(__always)
    private mutating func append(upToEight value: UInt64, _ width: Int) {
        let digits = ByteSink.digits(value)
        // A zero digit's low bits are zero, and the first digit is the lowest byte; the mark keeps the last digit.
        let zeros = min((digits & 0x0f0f_0f0f_0f0f_0f0f | 1 << 56).trailingZeroBitCount / 8, 8 - width)
        append(word: digits >> UInt64(zeros * 8), count: 8 - zeros)
    }

    /// The eight digits of a number below 100,000,000 as bytes, the first the lowest: halved three times, all parts at once.
    /// Digit by digit, each would wait for the division before it.
    @inline(__always)
    private static func digits(_ value: UInt64) -> UInt64 {
        let fours = value / 10_000 | (value % 10_000) << 32
        let hundreds = (fours &* 10_486) >> 20 & 0x0000_007f_0000_007f
        let twos = hundreds | (fours &- hundreds &* 100) << 16
        let tens = (twos &* 103) >> 10 & 0x000f_000f_000f_000f
        return (tens | (twos &- tens &* 10) << 8) | 0x3030_3030_3030_3030
    }
}

/// Writes wall clock times: RFC 3339 in UTC with nanoseconds. Remembers the second of the last one, in which the next mostly is.
struct TimeText {
    private var second = UInt64.max
    /// `2026-06-22T10:02:11.`
    private var text = Bytes()

    mutating func append(_ realtimeNs: UInt64, to sink: inout ByteSink) {
        let (second, nanosecond) = realtimeNs.quotientAndRemainder(dividingBy: 1_000_000_000)
        if second != self.second {
            self.second = second
            text = Bytes(Times.rfc3339(realtimeNs).utf8.dropLast(10))
        }
        sink.append(contentsOf: text)
        sink.append(decimal: nanosecond, width: 9)
        sink.append(UInt8(ascii: "Z"))
    }
}
