/// Where in the kernel's code the ways into the OOM killer lie: what a recorded stack is compared with.
public struct OomSymbols: Equatable, Sendable {
    /// `mem_cgroup_out_of_memory`: a memory cgroup reached its limit.
    public var memcg: [Range<UInt64>] = []
    /// `moom_callback`: someone asked for it (sysrq-f). Absent in kernels without sysrq.
    public var sysrq: [Range<UInt64>] = []
    /// `out_of_memory`, `pagefault_out_of_memory`: common to all; alone, the machine is out of memory.
    public var global: [Range<UInt64>] = []

    public init() {}

    /// How the kernel came to kill; `.unknown` when the stack names none of them, or when it could not be told from a
    /// memory cgroup's OOM because that symbol is not known.
    ///
    /// - Parameter stack: return addresses, innermost first.
    public func entry(of stack: some Sequence<UInt64>) -> OomEntry {
        var reached = false
        for address in stack {
            if OomSymbols.holds(memcg, address) { return .memcg }
            if OomSymbols.holds(sysrq, address) { return .sysrq }
            if OomSymbols.holds(global, address) { reached = true }
        }
        return reached && !memcg.isEmpty ? .global : .unknown
    }

    private static func holds(_ ranges: [Range<UInt64>], _ address: UInt64) -> Bool {
        // A return address may be the first byte behind the function when the call was its last instruction.
        ranges.contains { $0.lowerBound < address && address <= $0.upperBound }
    }
}
