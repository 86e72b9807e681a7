public import Events

/// Writes down the list of a payload's fields as RECORDING.md has it: `name:type`, separated by spaces.
///
/// Types: `n` a number, `c` and `b` two numbers (a task's name, a boot id), `t` bytes, `h` a histogram; `name:[ ... ]` a list of
/// such fields, `name:( ... )` fields that may be absent.
public struct FieldLayout: FieldWalker {
    public typealias Failure = Never
    public private(set) var words: [String] = []
    private var prefix = ""

    /// The layout of one kind.
    public static func of(_ kind: EventKind) -> String {
        var layout = FieldLayout()
        let _: Payload = Payload.read(kind, &layout)
        return layout.words.joined(separator: " ")
    }

    private mutating func add(_ name: StaticString, _ type: String) { words.append(prefix + "\(name):" + type) }

    public mutating func unsigned(_ name: StaticString, _ value: inout UInt64) { add(name, "n") }
    public mutating func signed(_ name: StaticString, _ value: inout Int64) { add(name, "n") }
    public mutating func flag(_ name: StaticString, _ value: inout Bool) { add(name, "n") }
    public mutating func figure(_ name: StaticString, _ value: inout Figure) { add(name, "n") }
    public mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) { add(name, "n") }
    public mutating func comm(_ name: StaticString, _ value: inout Comm) { add(name, "c") }
    public mutating func bootID(_ name: StaticString, _ value: inout BootID) { add(name, "b") }
    public mutating func text(_ name: StaticString, _ value: inout Bytes) { add(name, "t") }
    public mutating func blob(_ name: StaticString, _ value: inout Bytes) { add(name, "t") }
    public mutating func moment(_ name: StaticString, _ value: inout Moment) { add(name, "n") }
    public mutating func ratio(_ name: StaticString, _ value: inout Ratio) { add(name, "n") }
    public mutating func histogram(_ name: StaticString, _ value: inout Histogram) { add(name, "h") }
    public mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) {
        let outer = prefix
        prefix += "\(name)."
        value.walk(&self)
        prefix = outer
    }
    public mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) {
        nested(name, "(", ")") {
            var inner = F()
            inner.walk(&$0)
        }
    }
    public mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) {
        nested(name, "[", "]") {
            var inner = F()
            inner.walk(&$0)
        }
    }
    public mutating func texts(_ name: StaticString, _ value: inout [Bytes]) {
        nested(name, "[", "]") { $0.words.append("bytes:t") }
    }
    private mutating func nested(
        _ name: StaticString, _ open: String, _ close: String, _ body: (inout FieldLayout) -> Void
    ) {
        add(name, open)
        let outer = prefix
        prefix = ""
        body(&self)
        prefix = outer
        words.append(close)
    }
}
