/// An event where it was decoded. The samples, which are most of a recording, can be looked at in place: as an `Event`, at 330 bytes,
/// each would be copied several times on its way.
///
///     switch decoded.kind {
///     case .cgroupSample: take(decoded.cgroupSample, at: decoded.boottimeNs)
///     default: take(decoded.event)
///     }
///
/// It is what its decoder decoded last, until the next one. Of the payloads only that of its kind means anything.
@safe
public struct DecodedEvent: ~Copyable {
    public internal(set) var seq: UInt64 = 0
    public internal(set) var boottimeNs: UInt64 = 0
    public internal(set) var kind = EventKind.fallback
    let payloads: UnsafeMutablePointer<DecodedPayloads>

    init() {
        unsafe payloads = .allocate(capacity: 1)
        unsafe payloads.initialize(to: DecodedPayloads())
    }

    deinit {
        unsafe payloads.deinitialize(count: 1)
        unsafe payloads.deallocate()
    }

    public var moment: Moment { Moment(boottimeNs: boottimeNs) }

    /// Whether the payload can be looked at in place.
    public var isSample: Bool {
        switch kind {
        case .ioInterval, .cgroupIO, .cgroupStall, .pressure, .memory, .vmstat, .load, .device, .cgroupSample: true
        default: false
        }
    }

    public var ioInterval: IOInterval { unsafe payloads.pointee.ioInterval.value }
    public var cgroupIO: CgroupIO { unsafe payloads.pointee.cgroupIO.value }
    public var cgroupStall: CgroupStall { unsafe payloads.pointee.cgroupStall.value }
    public var pressure: PressureSample { unsafe payloads.pointee.pressure.value }
    public var memory: MemorySample { unsafe payloads.pointee.memory.value }
    public var vmstat: VmstatSample { unsafe payloads.pointee.vmstat.value }
    public var load: LoadSample { unsafe payloads.pointee.load.value }
    public var device: DeviceSample { unsafe payloads.pointee.device.value }
    public var cgroupSample: CgroupSample { unsafe payloads.pointee.cgroupSample.value }

    public var snapshot: StateSnapshot? {
        guard kind == .snapshot, case .snapshot(let snapshot) = unsafe payloads.pointee.other else { return nil }
        return snapshot
    }
    public var incident: IncidentRecord? {
        guard kind == .incident, case .incident(let record) = unsafe payloads.pointee.other else { return nil }
        return record
    }

    /// The whole of it, of any kind.
    public var event: Event { Event(seq: seq, boottimeNs: boottimeNs, unsafe payloads.pointee.payload(kind)) }
}

/// One of each payload that may be looked at in place, and any other.
struct DecodedPayloads {
    var ioInterval = Plain<IOInterval>()
    var cgroupIO = Plain<CgroupIO>()
    var cgroupStall = Plain<CgroupStall>()
    var pressure = Plain<PressureSample>()
    var memory = Plain<MemorySample>()
    var vmstat = Plain<VmstatSample>()
    var load = Plain<LoadSample>()
    var device = Plain<DeviceSample>()
    var cgroupSample = Plain<CgroupSample>()
    var other = Payload.lost(Lost())

    func payload(_ kind: EventKind) -> Payload {
        switch kind {
        case .ioInterval: .ioInterval(ioInterval.value)
        case .cgroupIO: .cgroupIO(cgroupIO.value)
        case .cgroupStall: .cgroupStall(cgroupStall.value)
        case .pressure: .pressure(pressure.value)
        case .memory: .memory(memory.value)
        case .vmstat: .vmstat(vmstat.value)
        case .load: .load(load.value)
        case .device: .device(device.value)
        case .cgroupSample: .cgroupSample(cgroupSample.value)
        default: other
        }
    }

    /// Reads a payload of a kind to where its like are, and moves `source` behind it.
    ///
    /// - Parameters:
    ///   - values: the previous ones of its series.
    ///   - texts: the block's; `nil` where each is written whole (format 1).
    mutating func read(
        _ kind: EventKind, _ source: inout ByteSource, _ values: UnsafeMutablePointer<UInt64>,
        texts: UnsafeMutablePointer<ByteSink>?, masksKept: Bool
    ) throws(DecodeError) {
        switch kind {
        case .ioInterval: unsafe try ioInterval.read(&source, values, masksKept)
        case .cgroupIO: unsafe try cgroupIO.read(&source, values, masksKept)
        case .cgroupStall: unsafe try cgroupStall.read(&source, values, masksKept)
        case .pressure: unsafe try pressure.read(&source, values, masksKept)
        case .memory: unsafe try memory.read(&source, values, masksKept)
        case .vmstat: unsafe try vmstat.read(&source, values, masksKept)
        case .load: unsafe try load.read(&source, values, masksKept)
        case .device: unsafe try device.read(&source, values, masksKept)
        case .cgroupSample: unsafe try cgroupSample.read(&source, values, masksKept)
        default:
            var reader = unsafe DeltaReader(slot: values, source: source, texts: texts, masksKept: masksKept)
            other = try unsafe Payload.read(kind, &reader)
            unsafe reader.endEvent()
            unsafe source = reader.source
        }
    }
}

/// A payload of numbers and perhaps histograms, that is read again and again.
struct Plain<F: Fields> {
    private(set) var value = F()
    private let numbers: Int

    init() {
        let shape = PlainShape(F.self)
        precondition(shape.isPlain)
        numbers = shape.numbers
    }

    @inline(__always)
    mutating func read(
        _ source: inout ByteSource, _ values: UnsafeMutablePointer<UInt64>, _ masksKept: Bool
    ) throws(DecodeError) {
        var reader = try unsafe PlainReader(numbers, values, source, masksKept: masksKept)
        try unsafe value.walk(&reader)
        unsafe source = reader.source
    }
}
