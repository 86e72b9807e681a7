import Events
import Incidents

/// The named parts of a schema, each once, in the order in which they were first needed.
final class SchemaParts {
    var parts: [(String, SchemaNode)] = []

    func reference<F: Fields>(_ type: F.Type) -> SchemaNode {
        if F.self == Sentence.self { return reference(value: "name") }
        let name = String(describing: type)
        if !parts.contains(where: { $0.0 == name }) {
            let index = parts.count
            parts.append((name, .null))
            var fields = SchemaFields(self, owner: name)
            var sample = F()
            sample.walk(&fields)
            parts[index].1 = .strict(
                fields.properties, later: SchemaWords.later[name] ?? [], description: SchemaWords.parts[name])
        }
        return .reference(name)
    }

    /// The kinds of values that have a rule of their own.
    func reference(value name: String) -> SchemaNode {
        if !parts.contains(where: { $0.0 == name }) {
            let node: SchemaNode =
                switch name {
                case "figure":
                    .object([
                        (
                            "anyOf",
                            .array([
                                .type("integer", and: [("minimum", .number(0))]), .type("null"),
                                .object([("const", .string("max"))]),
                            ])
                        )
                    ])
                case "realtime":
                    .type(
                        "string", "null",
                        and: [
                            ("pattern", .string("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}Z$"))
                        ])
                case "moment":
                    .nullable(
                        .strict([
                            ("boottime_ns", .type("integer", and: [("minimum", .number(0))])),
                            ("realtime", reference(value: "realtime")),
                        ]))
                case "histogram":
                    .type(
                        "object",
                        and: [
                            ("additionalProperties", .bool(false)),
                            (
                                "patternProperties",
                                .object([("^([0-9]+|max)$", .type("integer", and: [("minimum", .number(1))]))])
                            ),
                        ])
                case "boot_id":
                    .type(
                        "string", "null",
                        and: [("pattern", .string("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"))])
                default: .type("string", "null", and: [("minLength", .number(1))])
                }
            parts.append((name, node.described(SchemaWords.values[name])))
        }
        return .reference(name)
    }

    /// For the walk's use: the defined parts by name.
    var definitions: SchemaNode { .object(parts.sorted { $0.0.lowercased() < $1.0.lowercased() }) }
}

/// Walks a value's fields as `JSONFields` does, and notes what each is written as. What it gives cannot drift from the field lists.
struct SchemaFields: FieldWalker {
    typealias Failure = Never

    let parts: SchemaParts
    let owner: String
    var properties: [(String, SchemaNode)] = []
    /// At the top of an event's line: names that the line itself uses are written with this before them.
    var eventKind: String?

    init(_ parts: SchemaParts, owner: String, eventKind: String? = nil) {
        self.parts = parts
        self.owner = owner
        self.eventKind = eventKind
    }

    private mutating func add(_ name: StaticString, _ node: SchemaNode) { add(named: name.description, node) }

    private mutating func add(named name: String, _ node: SchemaNode) {
        let taken = ["schema", "seq", "boottime_ns", "realtime", "kind"].contains(name)
        let key = if let eventKind, taken { eventKind + "_" + name } else { name }
        properties.append((key, node.described(SchemaWords.fields[owner + "." + name] ?? SchemaWords.fields[name])))
    }

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) {
        let isUser = ["uid", "ns_uid"].contains(name.description)
        let minimum = [("minimum", SchemaNode.number(0))]
        add(name, isUser ? .type("integer", "null", and: minimum) : .type("integer", and: minimum))
    }
    mutating func signed(_ name: StaticString, _ value: inout Int64) { add(name, .type("integer")) }
    mutating func optionalSigned(_ name: StaticString, _ value: inout Int64?) { add(name, .type("integer", "null")) }
    mutating func flag(_ name: StaticString, _ value: inout Bool) { add(name, .type("boolean")) }
    mutating func figure(_ name: StaticString, _ value: inout Figure) {
        add(name, parts.reference(value: "figure"))
        if name.description.hasSuffix("_realtime_ns") {
            add(named: String(name.description.dropLast(3)), parts.reference(value: "realtime"))
        }
    }
    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) {
        let labels = C.allCases.filter { !$0.isNull }.map { SchemaNode.string($0.label) }
        add(name, .object([("enum", .array(labels + (C.allCases.contains { $0.isNull } ? [.null] : [])))]))
    }
    mutating func comm(_ name: StaticString, _ value: inout Comm) { add(name, parts.reference(value: "name")) }
    mutating func bootID(_ name: StaticString, _ value: inout BootID) { add(name, parts.reference(value: "boot_id")) }
    mutating func text(_ name: StaticString, _ value: inout Bytes) { add(name, parts.reference(value: "name")) }
    mutating func blob(_ name: StaticString, _ value: inout Bytes) {
        add(named: name.description + "_bytes", .type("integer", and: [("minimum", .number(0))]))
    }
    mutating func moment(_ name: StaticString, _ value: inout Moment) {
        guard name.utf8CodeUnitCount == 0 else { return add(name, parts.reference(value: "moment")) }
        add("boottime_ns", .type("integer", "null", and: [("minimum", .number(0))]))
        add("realtime", parts.reference(value: "realtime"))
    }
    mutating func ratio(_ name: StaticString, _ value: inout Ratio) {
        add(name, .type("number", "null", and: [("minimum", .number(0))]))
    }
    mutating func histogram(_ name: StaticString, _ value: inout Histogram) {
        add(name, parts.reference(value: "histogram"))
    }
    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) {
        if F.self != ClockSnapshot.self { add(name, parts.reference(F.self)) }
    }
    mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) {
        add(name, .nullable(parts.reference(F.self)))
    }
    mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) {
        guard F.self == SeriesPoint.self else {
            return add(name, .type("array", and: [("items", parts.reference(F.self))]))
        }
        var columns = SchemaFields(parts, owner: "SeriesPoint")
        var sample = F()
        sample.walk(&columns)
        add(
            name,
            .strict(columns.properties.map { ($0.0, .type("array", and: [("items", $0.1)])) }))
    }
    mutating func texts(_ name: StaticString, _ value: inout [Bytes]) {
        add(name, .type("array", and: [("items", .type("string"))]))
    }
}
