import Events

/// The columns that a value's fields make, in their order: names as in the JSON documents, those of a group after the group's own
/// (`victim_pid`). Lists have no column.
struct Columns: FieldWalker {
    typealias Failure = Never

    private(set) var names: [String] = []
    /// `name TYPE` of each.
    private(set) var declarations: [String] = []
    private var prefix = ""

    init(prefix: String = "") { self.prefix = prefix }

    private mutating func add(_ name: StaticString, _ type: String) {
        names.append(prefix + name.description)
        declarations.append("\(prefix)\(name) \(type)")
    }

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) { add(name, "INTEGER") }
    mutating func signed(_ name: StaticString, _ value: inout Int64) { add(name, "INTEGER") }
    mutating func optionalSigned(_ name: StaticString, _ value: inout Int64?) { add(name, "INTEGER") }
    mutating func flag(_ name: StaticString, _ value: inout Bool) { add(name, "INTEGER") }
    mutating func figure(_ name: StaticString, _ value: inout Figure) { add(name, "INTEGER") }
    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) { add(name, "TEXT") }
    mutating func comm(_ name: StaticString, _ value: inout Comm) { add(name, "TEXT") }
    mutating func bootID(_ name: StaticString, _ value: inout BootID) { add(name, "TEXT") }
    mutating func text(_ name: StaticString, _ value: inout Bytes) { add(name, "TEXT") }
    mutating func blob(_ name: StaticString, _ value: inout Bytes) { add(name, "TEXT") }
    mutating func moment(_ name: StaticString, _ value: inout Moment) {
        let before = prefix
        if name.utf8CodeUnitCount > 0 { prefix += "\(name)_" }
        add("boottime_ns", "INTEGER")
        add("realtime_ns", "INTEGER")
        prefix = before
    }
    mutating func ratio(_ name: StaticString, _ value: inout Ratio) { add(name, "REAL") }
    mutating func histogram(_ name: StaticString, _ value: inout Histogram) { add(name, "TEXT") }
    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) {
        let before = prefix
        if !Row.isText(F.self) { prefix += "\(name)_" } else { return add(name, "TEXT") }
        value.walk(&self)
        prefix = before
    }
    mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) {
        var inner = F()
        group(name, &inner)
    }
    mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) {}
    mutating func texts(_ name: StaticString, _ value: inout [Bytes]) {}
}
