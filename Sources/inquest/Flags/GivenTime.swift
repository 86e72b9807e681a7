import Glibc

/// A point in time as people give it on a command line.
enum GivenTime: Equatable, Sendable {
    /// Nanoseconds before now.
    case ago(UInt64)
    /// Nanoseconds since 1970.
    case at(UInt64)

    /// `90m` (so long ago), `10:02` or `10:02:11` (today), `2026-06-22`, `2026-06-22 10:02:11`, `2026-06-22T10:02:11Z`,
    /// `2026-06-22T10:02:11+02:00`; digits of a second may follow a point. Without a zone it is local time. `nil` for anything else.
    ///
    /// - Parameter now: seconds since 1970; says which day is today.
    init?(_ text: String, now: Int = time(nil)) {
        if let nanoseconds = Units.nanoseconds(text) {
            self = .ago(nanoseconds)
            return
        }
        var rest = Substring(text)
        var parts = unsafe tm()
        var seconds = time_t(now)
        guard unsafe localtime_r(&seconds, &parts) != nil else { return nil }
        unsafe (parts.tm_hour, parts.tm_min, parts.tm_sec) = (0, 0, 0)
        var fraction: UInt64 = 0
        let hasDate = text.utf8.prefix(5).last == UInt8(ascii: "-")
        if hasDate {
            guard let year = Self.number(&rest, digits: 4, 1970...9999), Self.mark(&rest, "-"),
                let month = Self.number(&rest, digits: 2, 1...12), Self.mark(&rest, "-"),
                let day = Self.number(&rest, digits: 2, 1...31)
            else { return nil }
            unsafe (parts.tm_year, parts.tm_mon, parts.tm_mday) = (year - 1900, month - 1, day)
            if !rest.isEmpty {
                guard Self.mark(&rest, "T") || Self.mark(&rest, " "), !rest.isEmpty else { return nil }
            }
        }
        if !hasDate || !rest.isEmpty {
            guard let hour = Self.number(&rest, digits: 2, 0...23), Self.mark(&rest, ":"),
                let minute = Self.number(&rest, digits: 2, 0...59)
            else { return nil }
            unsafe (parts.tm_hour, parts.tm_min) = (hour, minute)
            if Self.mark(&rest, ":") {
                guard let second = Self.number(&rest, digits: 2, 0...60) else { return nil }
                unsafe parts.tm_sec = second
                if Self.mark(&rest, ".") {
                    let digits = rest.prefix { $0.isASCII && $0.isNumber }
                    guard (1...9).contains(digits.count), let value = UInt64(digits) else { return nil }
                    fraction = (digits.count..<9).reduce(value) { result, _ in result * 10 }
                    rest = rest[digits.endIndex...]
                }
            }
        }
        let day = unsafe parts.tm_mday
        var eastSeconds: Int?
        if Self.mark(&rest, "Z") {
            eastSeconds = 0
        } else if let sign = rest.first, sign == "+" || sign == "-", hasDate {
            rest.removeFirst()
            guard let hours = Self.number(&rest, digits: 2, 0...14), Self.mark(&rest, ":"),
                let minutes = Self.number(&rest, digits: 2, 0...59)
            else { return nil }
            eastSeconds = Int(hours * 3600 + minutes * 60) * (sign == "-" ? -1 : 1)
        }
        guard rest.isEmpty else { return nil }
        // Summer time or not: the zone's rules tell.
        unsafe parts.tm_isdst = -1
        let result = if let eastSeconds { unsafe timegm(&parts) - eastSeconds } else { unsafe mktime(&parts) }
        // A day that the month does not have would have become one of the next.
        guard unsafe parts.tm_mday == day, result >= 0 else { return nil }
        self = .at(UInt64(result) * 1_000_000_000 + fraction)
    }

    private static func mark(_ text: inout Substring, _ mark: Character) -> Bool {
        guard text.first == mark else { return false }
        text.removeFirst()
        return true
    }

    private static func number(_ text: inout Substring, digits: Int, _ range: ClosedRange<Int32>) -> Int32? {
        let word = text.prefix(digits)
        guard word.count == digits, word.allSatisfy({ $0.isASCII && $0.isNumber }), let value = Int32(word),
            range.contains(value)
        else { return nil }
        text = text[word.endIndex...]
        return value
    }
}
