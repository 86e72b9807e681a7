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
