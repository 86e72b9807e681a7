import Events

/// Writes JSON into a byte buffer. It only writes: nothing is built up, nothing is read back.
///
/// Key order is the order of the calls, so that the same value always gives the same bytes. The caller keeps objects and arrays balanced.
struct JSONWriter: ~Copyable {
    var sink: ByteSink
    /// Two spaces a level and a line an item, for people; otherwise no white space at all.
    let pretty: Bool
    private var depth = 0
    private var first = true
    private var times = TimeText()

    init(pretty: Bool, capacity: Int = 4096) {
        sink = ByteSink(capacity: capacity)
        self.pretty = pretty
    }

    mutating func beginObject() { open(UInt8(ascii: "{")) }
    mutating func endObject() { close(UInt8(ascii: "}")) }
    mutating func beginArray() { open(UInt8(ascii: "[")) }
    mutating func endArray() { close(UInt8(ascii: "]")) }

    /// Separates what follows from the array's element before it.
    mutating func element() { separate() }

    mutating func key(_ name: StaticString) {
        separate()
        sink.append(UInt8(ascii: "\""))
        sink.append(name)
        endKey()
    }

    /// A key of words of ours, or of names already made harmless.
    mutating func key(shown name: String) {
        separate()
        sink.append(UInt8(ascii: "\""))
        append(shown: name)
        endKey()
    }

    /// A key in two parts (`clock` + `_` + `boottime_ns`).
    mutating func key(_ prefix: Bytes, _ name: StaticString) {
        separate()
        sink.append(UInt8(ascii: "\""))
        sink.append(contentsOf: prefix)
        sink.append(UInt8(ascii: "_"))
        sink.append(name)
        endKey()
    }

    /// A key that is `name` without its last bytes, or with more behind them.
    mutating func key(_ name: StaticString, dropping dropped: Int, adding suffix: StaticString = "") {
        separate()
        sink.append(UInt8(ascii: "\""))
        let start = unsafe name.utf8Start
        for offset in 0..<max(0, name.utf8CodeUnitCount - dropped) { sink.append(unsafe start[offset]) }
        sink.append(suffix)
        endKey()
    }

    mutating func key(number: UInt64) {
        separate()
        sink.append(UInt8(ascii: "\""))
        sink.append(decimal: number)
        endKey()
    }

    mutating func null() { sink.append("null") }
    mutating func bool(_ value: Bool) { sink.append(value ? "true" : "false") }
    mutating func literal(_ value: StaticString) {
        sink.append(UInt8(ascii: "\""))
        sink.append(value)
        sink.append(UInt8(ascii: "\""))
    }

    mutating func number(_ value: UInt64) { sink.append(decimal: value) }

    mutating func number(_ value: Int64) {
        if value < 0 { sink.append(UInt8(ascii: "-")) }
        sink.append(decimal: value.magnitude)
    }

    /// Millionths as a decimal with six digits.
    mutating func decimal(millionths value: UInt32) {
        sink.append(decimal: UInt64(value / 1_000_000))
        sink.append(UInt8(ascii: "."))
        sink.append(decimal: UInt64(value % 1_000_000), width: 6)
    }

    mutating func string(_ bytes: Bytes) {
        sink.append(UInt8(ascii: "\""))
        Escaping.appendJSON(bytes, to: &sink)
        sink.append(UInt8(ascii: "\""))
    }

    /// A string by the same rule, except that nobody has to be told of a name without bytes: that is null.
    mutating func stringOrNull(_ bytes: Bytes) {
        if bytes.isEmpty { null() } else { string(bytes) }
    }

    /// Text already made harmless for a terminal: it is not escaped once more than JSON itself needs.
    mutating func string(shown text: String) {
        sink.append(UInt8(ascii: "\""))
        append(shown: text)
        sink.append(UInt8(ascii: "\""))
    }

    private mutating func append(shown text: String) {
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { sink.append(UInt8(ascii: "\\")) }
            sink.append(byte)
        }
    }

    /// RFC 3339 in UTC with nanoseconds, or null.
    mutating func time(realtimeNs: UInt64?) {
        guard let realtimeNs else { return null() }
        sink.append(UInt8(ascii: "\""))
        times.append(realtimeNs, to: &sink)
        sink.append(UInt8(ascii: "\""))
    }

    /// Ends the document with a line feed: the next may follow.
    mutating func endDocument() {
        sink.append(UInt8(ascii: "\n"))
        depth = 0
        first = true
    }

    private mutating func open(_ bracket: UInt8) {
        sink.append(bracket)
        depth += 1
        first = true
    }

    private mutating func close(_ bracket: UInt8) {
        depth -= 1
        if !first && pretty { newLine() }
        sink.append(bracket)
        first = false
    }

    @inline(__always)
    private mutating func separate() {
        if !first { sink.append(UInt8(ascii: ",")) }
        first = false
        if pretty { newLine() }
    }

    private mutating func newLine() {
        sink.append(UInt8(ascii: "\n"))
        for _ in 0..<depth { sink.append("  ") }
    }

    @inline(__always)
    private mutating func endKey() {
        sink.append(UInt8(ascii: "\""))
        sink.append(UInt8(ascii: ":"))
        if pretty { sink.append(UInt8(ascii: " ")) }
    }
}
