public import Events

/// Any value with fields as one JSON document on a line of its own, its schema first.
public enum DocumentJSON {
    public static func line<F: Fields>(_ schema: StaticString, _ value: F) -> Bytes {
        var fields = JSONFields(pretty: false)
        fields.writer.beginObject()
        fields.writer.key("schema")
        fields.writer.literal(schema)
        var copy = value
        copy.walk(&fields)
        fields.writer.endObject()
        fields.writer.endDocument()
        return fields.writer.sink.bytes
    }
}
