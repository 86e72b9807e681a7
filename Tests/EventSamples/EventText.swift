public import Events

/// Events written as lines, so that a case can be read and edited by hand:
///
///     TIME KIND FIELD=VALUE ...                      one event
///     FROM..TO/STEP KIND FIELD=A..B FIELD=VALUE ...  one event each STEP, the numbers running from A to B
///     ---                                            the boot ends here: what follows has a clock of its own
///
/// Times are seconds with decimals. Fields are the JSON names, groups with dots, list elements by number
/// (`ancestors.0.usage_pages=16384`), histograms as `slot:count,...`, names quoted when they hold spaces. A field that is not
/// written keeps its default: a figure stays unknown. Lines are sorted by time within a boot; seq counts from 1.
public enum EventText {
    public struct Problem: Error, CustomStringConvertible {
        var line: Int
        var text: String
        public var description: String { "line \(line): \(text)" }
    }

    public static func parse(_ text: String) throws -> [Event] {
        var boots: [[(ns: UInt64, payload: Payload)]] = [[]]
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = raw.drop { $0 == " " }
            if line.isEmpty || line.hasPrefix("#") { continue }
            if line == "---" {
                boots.append([])
                continue
            }
            let tokens = try tokens(line, index + 1)
            guard tokens.count >= 2 else { throw Problem(line: index + 1, text: "time and kind are missing") }
            guard let kind = EventKind(label: tokens[1]) else {
                throw Problem(line: index + 1, text: "no kind '\(tokens[1])'")
            }
            var fields: [String: String] = [:]
            for token in tokens.dropFirst(2) {
                guard let equals = token.firstIndex(of: "=") else {
                    throw Problem(line: index + 1, text: "no = in '\(token)'")
                }
                fields[String(token[..<equals])] = String(token[token.index(after: equals)...])
            }
            for (ns, position) in try times(tokens[0], index + 1) {
                var reader = TextReader(fields: fields, position: position, line: index + 1)
                let payload = try Payload.read(kind, &reader)
                if let unused = fields.keys.filter({ !reader.used.contains($0) }).sorted().first {
                    throw Problem(line: index + 1, text: "\(kind.label) has no field '\(unused)'")
                }
                boots[boots.count - 1].append((ns, payload))
            }
        }
        var events: [Event] = []
        for boot in boots {
            let sorted = boot.enumerated().sorted { a, b in
                a.element.ns != b.element.ns ? a.element.ns < b.element.ns : a.offset < b.offset
            }
            for item in sorted {
                events.append(Event(seq: UInt64(events.count + 1), boottimeNs: item.element.ns, item.element.payload))
            }
        }
        return events
    }

    private static func tokens(_ line: Substring, _ number: Int) throws -> [String] {
        var tokens: [String] = []
        var current = ""
        var quoted = false
        for character in line {
            if character == "\"" {
                quoted.toggle()
            } else if character == " ", !quoted {
                if !current.isEmpty { tokens.append(current) }
                current = ""
            } else {
                current.append(character)
            }
        }
        if quoted { throw Problem(line: number, text: "a quote is not closed") }
        if !current.isEmpty { tokens.append(current) }
        return tokens
    }

    /// Each time with its place between beginning and end, in millionths.
    private static func times(_ text: String, _ line: Int) throws -> [(UInt64, UInt64)] {
        guard let dots = text.firstRange(of: "..") else { return [(try seconds(text[...], line), 0)] }
        guard let slash = text.firstIndex(of: "/") else {
            throw Problem(line: line, text: "a range of times needs a /STEP")
        }
        let from = try seconds(text[..<dots.lowerBound], line)
        let to = try seconds(text[dots.upperBound..<slash], line)
        let step = try seconds(text[text.index(after: slash)...], line)
        guard to > from, step > 0 else { throw Problem(line: line, text: "a range of times must rise") }
        return stride(from: from, through: to, by: UInt64.Stride(step)).map {
            ($0, ($0 - from) * 1_000_000 / (to - from))
        }
    }

    private static func seconds(_ text: Substring, _ line: Int) throws -> UInt64 {
        let parts = text.split(separator: ".", maxSplits: 1)
        guard let whole = parts.first.flatMap({ UInt64($0) }) else {
            throw Problem(line: line, text: "'\(text)' is not a time")
        }
        var fraction: UInt64 = 0
        if parts.count == 2 {
            guard let digits = UInt64(parts[1]), parts[1].count <= 9 else {
                throw Problem(line: line, text: "'\(text)' is not a time")
            }
            fraction = digits
            for _ in parts[1].count..<9 { fraction *= 10 }
        }
        return whole * 1_000_000_000 + fraction
    }
}

/// Sets the fields that a line names.
struct TextReader: FieldWalker {
    typealias Failure = any Error
    let fields: [String: String]
    let position: UInt64
    let line: Int
    var used: Set<String> = []
    var path: [String] = []

    init(fields: [String: String], position: UInt64, line: Int) {
        self.fields = fields
        self.position = position
        self.line = line
    }

    private func key(_ name: StaticString) -> String { (path + ["\(name)"]).joined(separator: ".") }

    private mutating func value(_ name: StaticString) -> String? {
        let key = key(name)
        guard let value = fields[key] else { return nil }
        used.insert(key)
        return value
    }

    private func bad(_ name: StaticString, _ value: String) -> EventText.Problem {
        EventText.Problem(line: line, text: "\(key(name)) cannot be '\(value)'")
    }

    private func number(_ text: String) -> UInt64? {
        if let dots = text.firstRange(of: "..") {
            guard let a = number(String(text[..<dots.lowerBound])), let b = number(String(text[dots.upperBound...]))
            else { return nil }
            return b >= a ? a + (b - a) * position / 1_000_000 : a - (a - b) * position / 1_000_000
        }
        for (suffix, factor) in [("K", UInt64(1) << 10), ("M", 1 << 20), ("G", 1 << 30)] where text.hasSuffix(suffix) {
            return UInt64(text.dropLast()).map { $0 * factor }
        }
        return UInt64(text)
    }

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) throws(Failure) {
        guard let text = self.value(name) else { return }
        guard let number = number(text) else { throw bad(name, text) }
        value = number
    }
    mutating func signed(_ name: StaticString, _ value: inout Int64) throws(Failure) {
        guard let text = self.value(name) else { return }
        guard let number = Int64(text) else { throw bad(name, text) }
        value = number
    }
    mutating func flag(_ name: StaticString, _ value: inout Bool) throws(Failure) {
        guard let text = self.value(name) else { return }
        guard let flag = Bool(text) else { throw bad(name, text) }
        value = flag
    }
    mutating func figure(_ name: StaticString, _ value: inout Figure) throws(Failure) {
        guard let text = self.value(name) else { return }
        if text == "max" {
            value = .unlimited
            return
        }
        guard let number = number(text) else { throw bad(name, text) }
        value = Figure(number)
    }
    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) throws(Failure) {
        guard let text = self.value(name) else { return }
        guard let choice = C(label: text) else { throw bad(name, text) }
        value = choice
    }
    mutating func comm(_ name: StaticString, _ value: inout Comm) throws(Failure) {
        if let text = self.value(name) { value = Comm(text) }
    }
    mutating func bootID(_ name: StaticString, _ value: inout BootID) throws(Failure) {
        guard let text = self.value(name) else { return }
        guard let id = BootID(text.utf8) else { throw bad(name, text) }
        value = id
    }
    mutating func text(_ name: StaticString, _ value: inout Bytes) throws(Failure) {
        guard let text = self.value(name) else { return }
        // \0 separates the arguments of a command line, \n lines, \e begins an escape sequence.
        var bytes = Bytes()
        var escaped = false
        for byte in text.utf8 {
            switch (escaped, byte) {
            case (true, UInt8(ascii: "0")): bytes.append(0)
            case (true, UInt8(ascii: "n")): bytes.append(UInt8(ascii: "\n"))
            case (true, UInt8(ascii: "e")): bytes.append(0x1b)
            case (true, _): bytes += [UInt8(ascii: "\\"), byte]
            case (false, UInt8(ascii: "\\")): break
            case (false, _): bytes.append(byte)
            }
            escaped = !escaped && byte == UInt8(ascii: "\\")
        }
        value = bytes
    }
    mutating func blob(_ name: StaticString, _ value: inout Bytes) throws(Failure) { try text(name, &value) }
    mutating func moment(_ name: StaticString, _ value: inout Moment) throws(Failure) {
        try unsigned(name, &value.boottimeNs)
    }
    mutating func ratio(_ name: StaticString, _ value: inout Ratio) throws(Failure) {
        guard let text = self.value(name) else { return }
        guard let number = UInt32(text) else { throw bad(name, text) }
        value = Ratio(millionths: number)
    }
    mutating func histogram(_ name: StaticString, _ value: inout Histogram) throws(Failure) {
        guard let text = self.value(name) else { return }
        for part in text.split(separator: ",") {
            let pair = part.split(separator: ":")
            guard pair.count == 2, let slot = Int(pair[0]), let count = UInt32(pair[1]),
                (0..<Histogram.slots).contains(slot)
            else {
                throw bad(name, text)
            }
            value.counts[slot] = count
        }
    }
    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) throws(Failure) {
        path.append("\(name)")
        try value.walk(&self)
        path.removeLast()
    }
    mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) throws(Failure) {
        let prefix = key(name) + "."
        guard fields.keys.contains(where: { $0.hasPrefix(prefix) }) else { return }
        var inner = F()
        try group(name, &inner)
        value = inner
    }
    mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) throws(Failure) {
        while true {
            let prefix = key(name) + ".\(value.count)."
            guard fields.keys.contains(where: { $0.hasPrefix(prefix) }) else { return }
            path += ["\(name)", "\(value.count)"]
            var element = F()
            try element.walk(&self)
            value.append(element)
            path.removeLast(2)
        }
    }
    mutating func texts(_ name: StaticString, _ value: inout [Bytes]) throws(Failure) {}
}
