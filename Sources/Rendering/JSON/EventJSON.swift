public import Events

/// Events as lines of JSON, schema `inquest.event/1`:
///
///     {"schema":"inquest.event/1","seq":7,"boottime_ns":1,"realtime":"2026-...Z","kind":"reap","pid":42,"step":"finish"}
///
/// The payload's fields follow the line's own five. One whose name is taken is written with the kind before it: `backstop_kind`,
/// `clock_boottime_ns`. Keeps its buffer: after the first lines nothing of its own is allocated.
public struct EventJSON: ~Copyable, EventExport {
    public static let schema: StaticString = "inquest.event/1"

    private var fields = JSONFields(pretty: false)

    public init() {}

    /// Converts the events' times from here on; without one `realtime` is null.
    public var clock: ClockSnapshot {
        get { fields.clock }
        set { fields.clock = newValue }
    }

    /// Appends one line.
    public mutating func append(_ event: Event) {
        let label = Self.labels[Int(event.payload.kind.rawValue)]
        fields.writer.beginObject()
        fields.writer.key("schema")
        fields.writer.literal(Self.schema)
        fields.writer.key("seq")
        fields.writer.number(event.seq)
        fields.writer.key("boottime_ns")
        fields.writer.number(event.boottimeNs)
        fields.writer.key("realtime")
        fields.writer.time(realtimeNs: fields.clock.realtimeNs(of: event.moment))
        fields.writer.key("kind")
        fields.writer.string(label)
        fields.eventKind = label
        event.payload.write(&fields)
        fields.eventKind = nil
        fields.writer.endObject()
        fields.writer.endDocument()
    }

    /// Bytes of the lines since the last `clear`.
    public var byteCount: Int { fields.writer.sink.count }

    public mutating func clear() { fields.writer.sink.clear() }

    public func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try unsafe fields.writer.sink.withBytes(body)
    }

    public mutating func take(_ event: Event, _ names: borrowing NameTable) {
        if case .snapshot = event.payload { return }
        clock = names.clock
        append(event)
    }

    public mutating func end(_ names: borrowing NameTable) {}

    public var waiting: Int { byteCount }

    public mutating func drain(_ body: (UnsafeRawBufferPointer) -> Void) {
        unsafe fields.writer.sink.withBytes(body)
        clear()
    }

    /// One event alone.
    public static func line(_ event: Event, clock: ClockSnapshot = ClockSnapshot()) -> Bytes {
        var lines = EventJSON()
        lines.clock = clock
        lines.append(event)
        return lines.fields.writer.sink.bytes
    }

    private static let labels: [Bytes] = {
        var table = [Bytes](repeating: Bytes(), count: 256)
        for kind in EventKind.allCases { table[Int(kind.rawValue)] = Bytes(kind.label.utf8) }
        return table
    }()
}
