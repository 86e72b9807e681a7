import CLibbpf
import Events
import Glibc
import KernelWire

/// What the BPF programs could not record, as they count it (map `iq_drops`, one counter a cpu and reason).
@safe
struct Drops {
    private let map: Int32
    private let cpus: Int
    private var previous = [UInt64](repeating: 0, count: Int(IQ_DROP_COUNT.rawValue))
    private var perCpu: [UInt64]

    init(map: Int32) {
        self.map = map
        cpus = max(1, Int(libbpf_num_possible_cpus()))
        perCpu = [UInt64](repeating: 0, count: cpus)
    }

    /// Hands on what was lost since the last call, one event a reason.
    mutating func read(boottimeNs: UInt64, _ body: (Event) -> Void) {
        for index in previous.indices {
            var key = UInt32(index)
            guard unsafe bpf_map_lookup_elem(map, &key, &perCpu) == 0 else { continue }
            var total: UInt64 = 0
            for count in perCpu { total &+= count }
            let delta = total &- previous[index]
            previous[index] = total
            guard delta != 0 else { continue }
            let source = LossSource(rawValue: UInt8(index)) ?? .unknown
            body(Event(boottimeNs: boottimeNs, .lost(Lost(source: source, count: delta))))
        }
    }
}

/// Runs that the kernel itself left out: it does not enter a program again on a CPU where that program runs already (an
/// interrupt came in between), and counts it with the program. Kernels before 5.12 neither do nor say it.
struct MissedRuns {
    private let programs: [Int32]
    private let count: (Int32) -> UInt64
    private var previous: UInt64 = 0

    /// - Parameters:
    ///   - programs: descriptors of the loaded programs; they must outlive this value.
    ///   - count: how many runs of a program were left out so far.
    init(programs: [Int32], count: @escaping (Int32) -> UInt64 = MissedRuns.count) {
        self.programs = programs
        self.count = count
    }

    /// Hands on how many were left out since the last call.
    mutating func read(boottimeNs: UInt64, _ body: (Event) -> Void) {
        var total: UInt64 = 0
        for program in programs { total &+= count(program) }
        let delta = total &- previous
        previous = total
        if delta != 0 { body(Event(boottimeNs: boottimeNs, .lost(Lost(source: .programBusy, count: delta)))) }
    }

    private static func count(_ program: Int32) -> UInt64 {
        var info = bpf_prog_info()
        var length = UInt32(MemoryLayout<bpf_prog_info>.size)
        guard unsafe bpf_obj_get_info_by_fd(program, &info, &length) == 0 else { return 0 }
        return info.recursion_misses
    }
}
