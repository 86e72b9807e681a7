public import Events

/// `export --format json` and `--format markdown` of a span of time: what was recorded in it, incident or not.
public struct WindowExport: ~Copyable, EventExport {
    public enum Format: Sendable {
        case json, markdown
    }

    private let format: Format
    private var collector: WindowCollector
    private var document = Bytes()

    public init(_ format: Format, _ findings: SpanFindings) {
        self.format = format
        collector = WindowCollector(findings)
    }

    public mutating func take(_ event: Event, _ names: borrowing NameTable) { collector.take(event, names) }

    public mutating func missing(_ events: ClosedRange<UInt64>, _ why: String) {
        collector.note(missing: events.lowerBound, to: events.upperBound, why)
    }

    public mutating func end(_ names: borrowing NameTable) {
        let window = collector.finish(names)
        switch format {
        case .json: document = WindowJSON.document(window)
        case .markdown: document = WindowMarkdown.render(window)
        }
    }

    public var waiting: Int { document.count }

    public mutating func drain(_ body: (UnsafeRawBufferPointer) -> Void) {
        unsafe document.withUnsafeBytes(body)
        document = []
    }
}

/// The document of a span of time, schema `inquest.window/1` (docs/window.schema.json).
enum WindowJSON {
    static let schema: StaticString = "inquest.window/1"

    static func document(_ window: Window) -> Bytes {
        var fields = JSONFields(pretty: true)
        fields.writer.beginObject()
        fields.writer.key("schema")
        fields.writer.literal(schema)
        var copy = window
        copy.walk(&fields)
        fields.writer.endObject()
        fields.writer.endDocument()
        return fields.writer.sink.bytes
    }
}
