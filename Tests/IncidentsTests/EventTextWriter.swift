import EventSamples
import Events

extension EventText {
    /// An event as the line that `parse` reads: what has its default value is left out.
    static func line(_ event: Event) -> String {
        var writer = TextWriter()
        event.payload.write(&writer)
        let time =
            "\(event.boottimeNs / 1_000_000_000)."
            + String(event.boottimeNs % 1_000_000_000 + 1_000_000_000).dropFirst()
        return ([time, event.payload.kind.label] + writer.fields).joined(separator: " ")
    }
}

/// Writes the fields that are not at their default. Names with a double quote or bytes that are not UTF-8 cannot be written.
struct TextWriter: FieldWalker {
    typealias Failure = Never
    var fields: [String] = []
    private var path: [String] = []

    private mutating func put(_ name: StaticString, _ value: String) {
        let key = (path + ["\(name)"]).joined(separator: ".")
        fields.append(value.contains(" ") || value.isEmpty ? "\(key)=\"\(value)\"" : "\(key)=\(value)")
    }

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) {
        if value != 0 { put(name, String(value)) }
    }
    mutating func signed(_ name: StaticString, _ value: inout Int64) {
        if value != 0 { put(name, String(value)) }
    }
    mutating func flag(_ name: StaticString, _ value: inout Bool) {
        if value { put(name, "true") }
    }
    mutating func figure(_ name: StaticString, _ value: inout Figure) {
        if value.isUnlimited { put(name, "max") } else if let number = value.value { put(name, String(number)) }
    }
    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) {
        put(name, value.label)
    }
    mutating func comm(_ name: StaticString, _ value: inout Comm) {
        if !value.bytes.isEmpty { put(name, String(decoding: value.bytes, as: UTF8.self)) }
    }
    mutating func bootID(_ name: StaticString, _ value: inout BootID) {
        if value != .unknown { put(name, value.description) }
    }
    mutating func text(_ name: StaticString, _ value: inout Bytes) {
        guard !value.isEmpty else { return }
        var escaped = Bytes()
        for byte in value {
            switch byte {
            case 0: escaped += [UInt8(ascii: "\\"), UInt8(ascii: "0")]
            case UInt8(ascii: "\n"): escaped += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case 0x1b: escaped += [UInt8(ascii: "\\"), UInt8(ascii: "e")]
            default: escaped.append(byte)
            }
        }
        put(name, String(decoding: escaped, as: UTF8.self))
    }
    mutating func blob(_ name: StaticString, _ value: inout Bytes) { text(name, &value) }
    mutating func moment(_ name: StaticString, _ value: inout Moment) {
        if !value.isUnknown { put(name, String(value.boottimeNs)) }
    }
    mutating func ratio(_ name: StaticString, _ value: inout Ratio) {
        if !value.isUnknown { put(name, String(value.millionths)) }
    }
    mutating func histogram(_ name: StaticString, _ value: inout Histogram) {
        var slots: [String] = []
        for slot in 0..<Histogram.slots where value.counts[slot] > 0 { slots.append("\(slot):\(value.counts[slot])") }
        if !slots.isEmpty { put(name, slots.joined(separator: ",")) }
    }
    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) {
        path.append("\(name)")
        value.walk(&self)
        path.removeLast()
    }
    mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) {
        guard var inner = value else { return }
        group(name, &inner)
    }
    mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) {
        for index in value.indices {
            path += ["\(name)", "\(index)"]
            value[index].walk(&self)
            path.removeLast(2)
        }
    }
    mutating func texts(_ name: StaticString, _ value: inout [Bytes]) {}
}
