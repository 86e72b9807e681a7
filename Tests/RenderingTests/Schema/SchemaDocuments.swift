import Events
import Incidents

@testable import Rendering

/// The published schemas (JSON Schema, draft 2020-12), generated from the lists of fields.
enum SchemaDocuments {
    static let all: [(file: String, text: String)] = [
        ("incident.schema.json", incident()), ("summary.schema.json", summary()), ("event.schema.json", event()),
        ("containment.schema.json", containment()), ("window.schema.json", window()),
    ]

    static func incident() -> String {
        let parts = SchemaParts()
        var fields = SchemaFields(parts, owner: "Incident")
        var sample = Incident()
        sample.walk(&fields)
        let top = [("schema", constant("inquest.incident/1"))] + fields.properties
        return document(
            "incident", "One incident: what happened, in which order, who caused it, and why nothing stopped it.",
            .strict(top, later: SchemaWords.later["Incident"] ?? []), parts)
    }

    static func summary() -> String {
        let parts = SchemaParts()
        var fields = SchemaFields(parts, owner: "Incident")
        var sample = Incident()
        sample.walk(&fields)
        let kept = ["id", "class", "severity", "scope", "started", "ended"]
        let top =
            [("schema", constant("inquest.summary/1"))] + fields.properties.filter { kept.contains($0.0) }
            + [("kills_count", .type("integer", and: [("minimum", .number(0))]))]
        // Only what these properties need is defined here.
        let needed = SchemaParts()
        _ = needed.reference(Scope.self)
        _ = needed.reference(Ending.self)
        _ = needed.reference(value: "moment")
        return document("summary", "One incident in a list.", .strict(top), needed)
    }

    static func event() -> String {
        let parts = SchemaParts()
        let realtime = parts.reference(value: "realtime")
        let kinds = EventKind.allCases.map { kind -> SchemaNode in
            var fields = SchemaFields(parts, owner: "", eventKind: kind.label)
            _ = Payload.read(kind, &fields)
            let line: [(String, SchemaNode)] = [
                ("schema", constant("inquest.event/1")), ("seq", .type("integer", and: [("minimum", .number(0))])),
                ("boottime_ns", .type("integer", and: [("minimum", .number(0))])), ("realtime", realtime),
                ("kind", constant(kind.label)),
            ]
            return .strict(line + fields.properties, later: SchemaWords.later[kind.label] ?? [])
        }
        return document(
            "event", "One event, as a line of its own. The payload's fields follow the line's own five.",
            .object([("oneOf", .array(kinds))]), parts)
    }

    static func containment() -> String {
        let parts = SchemaParts()
        var fields = SchemaFields(parts, owner: "ContainmentReport")
        var sample = ContainmentReport()
        sample.walk(&fields)
        return document(
            "containment", "What would stop a runaway on a machine, and what would not.",
            .strict([("schema", constant("inquest.containment/1"))] + fields.properties), parts)
    }

    static func window() -> String {
        let parts = SchemaParts()
        var fields = SchemaFields(parts, owner: "Window")
        var sample = Window()
        sample.walk(&fields)
        return document(
            "window", "What was recorded in a span of time, with an incident or without.",
            .strict([("schema", constant("inquest.window/1"))] + fields.properties), parts)
    }

    private static func constant(_ value: String) -> SchemaNode { .object([("const", .string(value))]) }

    private static func document(
        _ name: String, _ description: String, _ body: SchemaNode, _ parts: SchemaParts
    ) -> String {
        guard let pairs = body.pairs else { return "" }
        let head: [(String, SchemaNode)] = [
            ("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
            ("$id", .string("urn:inquest:schema:\(name):1")), ("title", .string("inquest.\(name)/1")),
            ("description", .string(description)),
        ]
        return SchemaNode.object(head + pairs + [("$defs", parts.definitions)]).text() + "\n"
    }
}
