public import Events

/// `export --format csv`: the samples and intervals as one tidy table, a figure a row (RFC 4180, line ends LF).
///
///     realtime,boottime_ns,seq,kind,subject,detail,name,bucket,value
///     2026-06-22T10:02:11.412000345Z,1718...,77,io_interval,vda,write swap,device_us,64,12
///
/// - `subject`: `host`, or the name of the device or cgroup that the row is about;
/// - `detail`: what else tells this series from another: operation, `swap`, how a stall was seen; empty where nothing does;
/// - `name`: the field's name, its unit at the end; counters are since boot, those of `*_interval`, `cgroup_io` and `cgroup_stall`
///   since the row before them;
/// - `bucket`: for histograms the bucket's upper bound, in the unit of the name, `max` for the last; empty buckets have no row;
/// - `value`: a number, or `max` for no limit. What is unknown has no row.
///
/// Names are escaped as for a terminal, and quoted where CSV needs it.
public struct SeriesCSV: ~Copyable, EventExport {
    private var rows = CSVRows()

    public init() {
        rows.sink.append("realtime,boottime_ns,seq,kind,subject,detail,name,bucket,value\n")
    }

    public mutating func take(_ event: Event, _ names: borrowing NameTable) {
        guard let series = Series(of: event.payload) else { return }
        rows.begin(event, series, names)
        event.payload.write(&rows)
        rows.end()
    }

    public mutating func end(_ names: borrowing NameTable) {}

    public var waiting: Int { rows.sink.count }

    public mutating func drain(_ body: (UnsafeRawBufferPointer) -> Void) {
        unsafe rows.sink.withBytes(body)
        rows.sink.clear()
    }
}

/// Writes each figure of a sample as a row.
private struct CSVRows: ~Copyable, FigureWalker {
    var sink = ByteSink(capacity: 1 << 16)
    /// Where the event's first row begins, and how long its first columns are: the same in every row.
    private var (start, front) = (0, 0)
    private var hasRow = false
    private var labels = LabelTable()
    private var times = TimeText()
    /// The cells of those that samples were about, and the paths that they were made of.
    private var subjects: [SeriesSubject: (path: Bytes, cell: Bytes)] = [:]

    mutating func begin(_ event: Event, _ series: Series, _ names: borrowing NameTable) {
        start = sink.count
        hasRow = false
        if let realtimeNs = names.clock.realtimeNs(of: event.moment) { times.append(realtimeNs, to: &sink) }
        comma()
        sink.append(decimal: event.boottimeNs)
        comma()
        sink.append(decimal: event.seq)
        comma()
        sink.append(contentsOf: labels[event.payload.kind])
        comma()
        subject(series.subject, names)
        comma()
        sink.append(contentsOf: labels.detail(series))
        comma()
        front = sink.count - start
    }

    /// What has no known figure has no row.
    mutating func end() { if !hasRow { sink.truncate(to: start) } }

    private mutating func comma() { sink.append(UInt8(ascii: ",")) }

    /// A name's cell is made when the name is new.
    private mutating func subject(_ subject: SeriesSubject, _ names: borrowing NameTable) {
        var path = Bytes()
        if case .cgroup(let id) = subject { path = names.path(ofCgroup: id) }
        if case .device(let number) = subject { path = names.devices[number] ?? [] }
        if let known = subjects[subject], known.path == path { return sink.append(contentsOf: known.cell) }
        let cell = Self.cell(subject.name(names))
        subjects[subject] = (path, cell)
        sink.append(contentsOf: cell)
    }

    private static func cell(_ text: String) -> Bytes {
        let special: [UInt8] = [UInt8(ascii: ","), UInt8(ascii: "\"")]
        guard text.utf8.contains(where: special.contains) else { return Bytes(text.utf8) }
        var cell = [UInt8(ascii: "\"")]
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") { cell.append(byte) }
            cell.append(byte)
        }
        return cell + [UInt8(ascii: "\"")]
    }

    private mutating func row(_ name: StaticString, bucket: Int? = nil, _ value: Figure) {
        if hasRow { sink.append(copyOf: front, from: sink.count - start) }
        hasRow = true
        sink.append(name)
        comma()
        if bucket == Histogram.slots - 1 {
            sink.append("max")
        } else if let bucket {
            sink.append(decimal: UInt64(1) << UInt64(bucket + 1))
        }
        comma()
        if let number = value.value { sink.append(decimal: number) } else { sink.append("max") }
        sink.append(UInt8(ascii: "\n"))
    }

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) {
        // These are who the row is about.
        if name.equals("cgroup_id") || name.equals("device") { return }
        row(name, Figure(value))
    }

    mutating func figure(_ name: StaticString, _ value: inout Figure) {
        if value.isUnlimited || value.value != nil { row(name, value) }
    }

    mutating func histogram(_ name: StaticString, _ value: inout Histogram) {
        for slot in 0..<Histogram.slots where value.counts[slot] > 0 {
            row(name, bucket: slot, Figure(UInt64(value.counts[slot])))
        }
    }
}
