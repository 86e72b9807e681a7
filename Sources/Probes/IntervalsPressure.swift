import CLibbpf
import KernelWire

/// Forgets the throttle sleeps that began while `sched_switch` was last attached and whose end was not seen: a thread of
/// the same id would otherwise be charged with everything in between.
///
/// - Parameter map: descriptor of `iq_stalls_begun`. To be called while the program is off.
func forgetBegunSleeps(map: Int32) {
    // No stall has this key: the kernel answers with the first one.
    var key = iq_stall_begun(pid: .max, mechanism: .max)
    var next = iq_stall_begun()
    // Others come and go meanwhile, and a key that went sends us back to the first: a bound keeps this finite.
    for _ in 0..<65536 {
        guard unsafe bpf_map_get_next_key(map, &key, &next) == 0 else { return }
        if next.mechanism == IQ_STALL_MEMORY_HIGH_SLEEP.rawValue {
            _ = unsafe bpf_map_delete_elem(map, &next)
        } else {
            key = next
        }
    }
}
