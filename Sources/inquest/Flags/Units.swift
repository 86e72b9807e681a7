/// Sizes and durations as people write them on a command line.
enum Units {
    /// Bytes. A plain number is bytes; `K M G T`, with or without `iB`, are powers of 1024; `KB MB GB TB` powers of 1000.
    ///
    /// `nil` for anything else, and for what does not fit in 64 bits.
    static func bytes(_ text: String) -> UInt64? {
        guard let (number, unit) = split(Substring(text)), unit.endIndex == text.endIndex else { return nil }
        let factors: [String: UInt64] = [
            "": 1, "B": 1,
            "K": 1 << 10, "KIB": 1 << 10, "KB": 1_000,
            "M": 1 << 20, "MIB": 1 << 20, "MB": 1_000_000,
            "G": 1 << 30, "GIB": 1 << 30, "GB": 1_000_000_000,
            "T": 1 << 40, "TIB": 1 << 40, "TB": 1_000_000_000_000,
        ]
        guard let factor = factors[unit.uppercased()] else { return nil }
        return product(number, factor)
    }

    /// Nanoseconds. `ms s m h d`, also one after the other (`1h30m`). A plain number is refused: of what?
    static func nanoseconds(_ text: String) -> UInt64? {
        let second: UInt64 = 1_000_000_000
        let factors: [String: UInt64] = [
            "ms": second / 1000, "s": second, "m": 60 * second, "h": 3600 * second, "d": 86400 * second,
        ]
        var rest = Substring(text)
        guard !rest.isEmpty else { return nil }
        var total: UInt64 = 0
        while !rest.isEmpty {
            guard let (number, unit) = split(rest), let factor = factors[String(unit)],
                let part = product(number, factor)
            else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow else { return nil }
            total = sum
            rest = rest[unit.endIndex...]
        }
        return total
    }

    /// The leading digits and the letters behind them.
    private static func split(_ text: Substring) -> (UInt64, Substring)? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = UInt64(digits) else { return nil }
        return (number, text[digits.endIndex...].prefix { $0.isASCII && $0.isLetter })
    }

    private static func product(_ number: UInt64, _ factor: UInt64) -> UInt64? {
        let (result, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : result
    }
}
