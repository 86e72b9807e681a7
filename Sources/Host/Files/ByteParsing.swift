import Events

// Parsers over the bytes of a file. Nothing here makes a String or allocates.

extension Span where Element == UInt8 {
    /// The decimal number that begins at `position`, after blanks; `position` moves behind its digits.
    ///
    /// - Returns: `nil` when there is no digit or the number exceeds 64 bits.
    @inline(__always)
    func number(at position: inout Int) -> UInt64? {
        while position < count, self[position] == 0x20 || self[position] == 0x09 { position += 1 }
        let start = position
        var value: UInt64 = 0
        var fits = true
        while position < count {
            let digit = self[position] &- 0x30
            guard digit < 10 else { break }
            let (ten, a) = value.multipliedReportingOverflow(by: 10)
            let (sum, b) = ten.addingReportingOverflow(UInt64(digit))
            if a || b { fits = false }
            value = sum
            position += 1
        }
        return position > start && fits ? value : nil
    }

    /// The number as a figure: unknown when there is none. A real value never reaches the two marks at the top.
    @inline(__always)
    func figure(at position: inout Int) -> Figure {
        guard let value = number(at: &position), value < UInt64.max - 1 else { return .unknown }
        return Figure(value)
    }

    /// Moves to the beginning of the next line, or to the end.
    @inline(__always)
    func nextLine(_ position: inout Int) {
        while position < count, self[position] != 0x0a { position += 1 }
        if position < count { position += 1 }
    }

    @inline(__always)
    func matches(_ text: StaticString, at position: Int) -> Bool {
        let length = text.utf8CodeUnitCount
        guard position + length <= count else { return false }
        let start = unsafe text.utf8Start
        for index in 0..<length where unsafe self[position + index] != start[index] { return false }
        return true
    }

    /// A file that is one number; `max` (a limit of cgroup v2) is unlimited.
    func singleFigure() -> Figure {
        if matches("max", at: 0) { return .unlimited }
        var position = 0
        return figure(at: &position)
    }
}

/// Bytes cut into words, lines and fields: for files that are read once, where allocation does not matter.
extension Bytes {
    var lines: [ArraySlice<UInt8>] { split(separator: UInt8(ascii: "\n")) }

    func hasPrefix(_ text: String) -> Bool { starts(with: text.utf8) }
    func hasSuffix(_ text: String) -> Bool {
        count >= text.utf8.count && suffix(text.utf8.count).elementsEqual(text.utf8)
    }

    /// What follows the last slash.
    var basename: Bytes {
        guard let slash = lastIndex(of: UInt8(ascii: "/")) else { return self }
        return Bytes(self[(slash + 1)...])
    }
}

extension ArraySlice<UInt8> {
    var words: [ArraySlice<UInt8>] {
        split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
    }

    func isText(_ text: String) -> Bool { elementsEqual(text.utf8) }

    /// A decimal number that is the whole slice.
    var decimal: UInt64? {
        guard !isEmpty, count <= 20 else { return nil }
        var value: UInt64 = 0
        for byte in self {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            let (ten, a) = value.multipliedReportingOverflow(by: 10)
            let (sum, b) = ten.addingReportingOverflow(UInt64(byte - 0x30))
            if a || b { return nil }
            value = sum
        }
        return value
    }

    /// `\ooo` as the kernel escapes blanks in mountinfo and swaps.
    var octalUnescaped: Bytes {
        var result = Bytes()
        var index = startIndex
        while index < endIndex {
            if self[index] == UInt8(ascii: "\\"), index + 3 < endIndex,
                self[(index + 1)...(index + 3)].allSatisfy({ $0 >= 0x30 && $0 <= 0x37 })
            {
                let value = self[(index + 1)...(index + 3)].reduce(0) { $0 * 8 + Int($1 - 0x30) }
                result.append(UInt8(truncatingIfNeeded: value))
                index += 4
            } else {
                result.append(self[index])
                index += 1
            }
        }
        return result
    }
}

extension Bytes {
    /// For messages to people: what is not plain ASCII is written `\xNN`.
    var printable: String {
        var text = ""
        for byte in self {
            if byte >= 0x20, byte < 0x7f, byte != UInt8(ascii: "\\") {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16)
                text += "\\x" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return text
    }
}
