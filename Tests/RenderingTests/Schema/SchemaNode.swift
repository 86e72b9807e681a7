/// A piece of a JSON Schema, with its keys in the order given.
indirect enum SchemaNode {
    case members(names: [String], nodes: [SchemaNode])
    case array([SchemaNode])
    case string(String)
    case number(Int)
    case bool(Bool)
    case null

    static func object(_ pairs: [(String, SchemaNode)]) -> SchemaNode {
        .members(names: pairs.map(\.0), nodes: pairs.map(\.1))
    }

    /// An object's members; `nil` for anything else.
    var pairs: [(String, SchemaNode)]? {
        guard case .members(let names, let nodes) = self else { return nil }
        return Array(zip(names, nodes))
    }

    static func type(_ names: String..., and more: [(String, SchemaNode)] = []) -> SchemaNode {
        .object([("type", names.count == 1 ? .string(names[0]) : .array(names.map { .string($0) }))] + more)
    }

    static func reference(_ name: String) -> SchemaNode { .object([("$ref", .string("#/$defs/" + name))]) }

    static func nullable(_ node: SchemaNode) -> SchemaNode { .object([("anyOf", .array([node, .type("null")]))]) }

    /// An object that has exactly these properties; those of `later` are not in documents of earlier versions.
    static func strict(
        _ properties: [(String, SchemaNode)], later: Set<String> = [], description: String? = nil
    ) -> SchemaNode {
        .object(
            (description.map { [("description", .string($0))] } ?? []) + [
                ("type", .string("object")), ("additionalProperties", .bool(false)),
                ("required", .array(properties.filter { !later.contains($0.0) }.map { .string($0.0) })),
                ("properties", .object(properties)),
            ])
    }

    func described(_ text: String?) -> SchemaNode {
        guard let text, let pairs else { return self }
        return .object([("description", .string(text))] + pairs)
    }

    /// Indented by two spaces; lists of plain values on one line.
    func text(indent: Int = 0) -> String {
        let inner = String(repeating: "  ", count: indent + 1)
        let outer = String(repeating: "  ", count: indent)
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .number(let value): return String(value)
        case .string(let value):
            return "\"" + value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        case .array(let items) where items.allSatisfy(\.isPlain):
            return "[" + items.map { $0.text() }.joined(separator: ", ") + "]"
        case .array(let items):
            return "[\n" + items.map { inner + $0.text(indent: indent + 1) }.joined(separator: ",\n") + "\n" + outer
                + "]"
        case .members(let names, let nodes):
            if nodes.allSatisfy(\.isPlain) && nodes.count <= 1 {
                return "{" + zip(names, nodes).map { "\"" + $0 + "\": " + $1.text() }.joined() + "}"
            }
            return "{\n"
                + zip(names, nodes).map { inner + "\"" + $0 + "\": " + $1.text(indent: indent + 1) }.joined(
                    separator: ",\n")
                + "\n" + outer + "}"
        }
    }

    private var isPlain: Bool {
        switch self {
        case .members, .array: false
        default: true
        }
    }
}
