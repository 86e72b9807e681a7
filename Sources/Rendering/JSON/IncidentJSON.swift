public import Events
public import Incidents

/// The incident document, schema `inquest.incident/1` (docs/incident.schema.json).
public enum IncidentJSON {
    public static let schema: StaticString = "inquest.incident/1"

    /// One document and a line feed. The same incident always gives the same bytes.
    ///
    /// - Parameters:
    ///   - incident: open or closed.
    ///   - pretty: indented for people; otherwise on one line, so that many make a file of lines.
    public static func document(_ incident: Incident, pretty: Bool = true) -> Bytes {
        var fields = JSONFields(pretty: pretty, capacity: 64 << 10)
        fields.clock = incident.clock
        fields.writer.beginObject()
        fields.writer.key("schema")
        fields.writer.literal(schema)
        var copy = incident
        copy.walk(&fields)
        fields.writer.endObject()
        fields.writer.endDocument()
        return fields.writer.sink.bytes
    }
}

/// `list --json`: one line an incident, schema `inquest.summary/1`.
public enum IncidentListJSON {
    public static let schema: StaticString = "inquest.summary/1"

    public static func line(_ incident: Incident) -> Bytes {
        var fields = JSONFields(pretty: false)
        fields.clock = incident.clock
        fields.writer.beginObject()
        fields.writer.key("schema")
        fields.writer.literal(schema)
        var copy = incident
        fields.text("id", &copy.id)
        fields.choice("class", &copy.incidentClass)
        fields.choice("severity", &copy.severity)
        fields.group("scope", &copy.scope)
        fields.moment("started", &copy.started)
        fields.optional("ended", &copy.ended)
        fields.writer.key("kills_count")
        fields.writer.number(UInt64(copy.kills.count))
        fields.writer.endObject()
        fields.writer.endDocument()
        return fields.writer.sink.bytes
    }
}
