import CLibbpf
import Events
import Glibc
import KernelWire

/// Reads the counters that the BPF programs keep (block IO by device and by cgroup, stalls by cgroup) once an interval.
///
/// What it hands out is what was added since the reading before, for entries that moved. Its memory is bounded by the
/// size of the maps and allocated once.
final class IntervalReader {
    private let io: CounterTable
    private let cgroupIO: CounterTable
    private let stalls: CounterTable
    private var lastReadNs: UInt64

    /// - Parameters:
    ///   - map: the descriptors of the object's maps by name; they must outlive this reader.
    ///   - beganNs: since when the programs count (CLOCK_BOOTTIME): the beginning of the first interval.
    /// - Returns: `nil` when one of the maps is not there.
    init?(beganNs: UInt64, map: (String) -> Int32?) {
        let cpus = max(1, Int(libbpf_num_possible_cpus()))
        guard let ioMap = map("iq_io_series"), let cgroupMap = map("iq_cgroup_io"), let stallMap = map("iq_stalls"),
            let io = CounterTable(map: ioMap, cpus: cpus, greatest: [Self.lastOffset]),
            let cgroupIO = CounterTable(map: cgroupMap, cpus: cpus, greatest: []),
            let stalls = CounterTable(map: stallMap, cpus: cpus, greatest: [Self.longestOffset])
        else { return nil }
        self.io = io
        self.cgroupIO = cgroupIO
        self.stalls = stalls
        lastReadNs = beganNs
    }

    private static let lastOffset = MemoryLayout<iq_io_series>.offset(of: \.last_monotonic_ns) ?? 0
    private static let longestOffset = MemoryLayout<iq_stall_series>.offset(of: \.max_ns) ?? 0

    /// Hands out an `IOInterval`, a `CgroupIO` and a `CgroupStall` for each series that moved.
    ///
    /// - Parameter nowNs: CLOCK_BOOTTIME; the events' time and the end of the interval.
    func read(nowNs: UInt64, _ body: (Event) -> Void) {
        let interval = nowNs > lastReadNs ? nowNs - lastReadNs : 0
        lastReadNs = nowNs
        unsafe io.read(nowNs: nowNs) { key, added in
            let interval = unsafe IOInterval(
                key.load(as: iq_io_key.self), added.load(as: iq_io_series.self), intervalNs: interval)
            body(Event(boottimeNs: nowNs, .ioInterval(interval)))
        }
        unsafe cgroupIO.read(nowNs: nowNs) { key, added in
            let share = unsafe CgroupIO(
                key.load(as: iq_cgroup_io_key.self), added.load(as: iq_cgroup_io.self), intervalNs: interval)
            body(Event(boottimeNs: nowNs, .cgroupIO(share)))
        }
        unsafe stalls.read(nowNs: nowNs) { key, added in
            let stall = unsafe CgroupStall(
                key.load(as: iq_stall_key.self), added.load(as: iq_stall_series.self), intervalNs: interval)
            body(Event(boottimeNs: nowNs, .cgroupStall(stall)))
        }
    }

    /// When the device last completed a request, nanoseconds of CLOCK_BOOTTIME; `nil` when none has completed since the
    /// programs were attached.
    ///
    /// The kernel side notes CLOCK_MONOTONIC, which stands still while the machine is suspended: the age of the
    /// completion is time awake.
    func lastCompletionNs(device: UInt32) -> UInt64? {
        var latest: UInt64 = 0
        for operation in UInt8(0)...3 {
            for swap in UInt8(0)...1 {
                var key = iq_io_key(dev: device, op: operation, swap: swap, reserved: 0)
                latest = unsafe max(latest, io.greatest(ofWordAt: Self.lastOffset, key: &key) ?? 0)
            }
        }
        guard latest > 0 else { return nil }
        let monotonic = clockNs(CLOCK_MONOTONIC)
        let boottime = clockNs(CLOCK_BOOTTIME)
        return boottime &- (monotonic > latest ? monotonic - latest : 0)
    }
}

extension IOInterval {
    init(_ key: iq_io_key, _ added: iq_io_series, intervalNs: UInt64) {
        self.init()
        device = key.dev
        operation = IOOperation(rawValue: key.op) ?? .fallback
        swap = key.swap != 0
        self.intervalNs = intervalNs
        count = added.count
        bytes = added.bytes
        errors = added.errors
        untimed = added.untimed
        deviceTotalNs = added.device_total_ns
        queueTotalNs = added.queue_total_ns
        deviceUs = unsafe withUnsafeBytes(of: added.device_us) { unsafe Histogram(words: $0) }
        totalUs = unsafe withUnsafeBytes(of: added.total_us) { unsafe Histogram(words: $0) }
    }
}

extension CgroupIO {
    init(_ key: iq_cgroup_io_key, _ added: iq_cgroup_io, intervalNs: UInt64) {
        self.init()
        cgroup = key.cgroup_id
        device = key.dev
        operation = IOOperation(rawValue: key.op) ?? .fallback
        swap = key.swap != 0
        self.intervalNs = intervalNs
        count = added.count
        bytes = added.bytes
    }
}

extension CgroupStall {
    init(_ key: iq_stall_key, _ added: iq_stall_series, intervalNs: UInt64) {
        self.init()
        cgroup = key.cgroup_id
        mechanism = StallMechanism(rawValue: UInt8(truncatingIfNeeded: key.mechanism)) ?? .fallback
        self.intervalNs = intervalNs
        count = added.count
        totalNs = added.total_ns
        maxNs = added.max_ns
    }
}

extension Histogram {
    /// From `IQ_HIST_SLOTS` 64-bit counts; a slot that does not fit 32 bits (never within an interval) is cut there.
    fileprivate init(words: UnsafeRawBufferPointer) {
        self.init()
        for slot in 0..<Histogram.slots {
            counts[slot] = UInt32(clamping: unsafe words.loadUnaligned(fromByteOffset: slot * 8, as: UInt64.self))
        }
    }
}
