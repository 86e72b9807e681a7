import Events

/// Who a sample is about.
enum SeriesSubject: Hashable {
    case host
    case device(UInt32)
    case cgroup(UInt64)

    /// Safe for a terminal.
    func name(_ names: borrowing NameTable) -> String {
        switch self {
        case .host: return "host"
        case .device(let number): return names.device(number)
        case .cgroup(let id):
            let path = names.path(ofCgroup: id)
            return path.isEmpty ? "cgroup \(id)" : Escaping.terminal(path)
        }
    }
}

/// What a sample or an interval belongs to; other events belong to none.
struct Series {
    let subject: SeriesSubject
    var operation: IOOperation?
    var isSwap = false
    var mechanism: StallMechanism?

    init?(of payload: Payload) {
        switch payload {
        case .pressure, .memory, .vmstat, .load: subject = .host
        case .device(let sample): subject = .device(sample.device)
        case .ioInterval(let interval):
            subject = .device(interval.device)
            (operation, isSwap) = (interval.operation, interval.swap)
        case .cgroupSample(let sample): subject = .cgroup(sample.cgroup)
        case .cgroupIO(let io):
            subject = .cgroup(io.cgroup)
            (operation, isSwap) = (io.operation, io.swap)
        case .cgroupStall(let stall):
            subject = .cgroup(stall.cgroup)
            mechanism = stall.mechanism
        default: return nil
        }
    }
}

/// Labels are made from the cases' names, which is slow to ask for: once a table.
struct LabelTable {
    private let kinds: [Bytes]
    private let operations: [Bytes]
    private let mechanisms: [Bytes]

    init() {
        func table<C: Choice>(_ type: C.Type) -> [Bytes] {
            (0...UInt8.max).map { C(rawValue: $0).map { Bytes($0.label.utf8) } ?? [] }
        }
        (kinds, operations, mechanisms) = (table(EventKind.self), table(IOOperation.self), table(StallMechanism.self))
    }

    subscript(kind: EventKind) -> Bytes { kinds[Int(kind.rawValue)] }

    /// `write swap`, `direct_reclaim`, or nothing.
    func detail(_ series: Series) -> Bytes {
        if let mechanism = series.mechanism { return mechanisms[Int(mechanism.rawValue)] }
        guard let operation = series.operation.map({ operations[Int($0.rawValue)] }) else { return [] }
        return series.isSwap ? operation + Bytes(" swap".utf8) : operation
    }
}
