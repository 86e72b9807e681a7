import CLibbpf
import Events
import Glibc

/// Which candidate each feature uses, and what was refused on the way.
///
/// What can be told from the kernel's type information is decided first, trampolines by a trial of two instructions, the rest by
/// loading and attaching. The kernel's version is never asked.
struct HookChoice {
    let features: [Feature]
    /// Errno by program.
    private(set) var refusals: [String: Int32] = [:]
    /// Of the functions asked for beside those of the hooks: those that this kernel does not have.
    private(set) var absentFunctions: Set<String> = []

    init(features: [Feature]) { self.features = features }

    mutating func refuse(_ program: String, _ code: Int32) { refusals[program] = code }

    /// The first candidate of a feature of which nothing was refused; `nil` when there is none.
    func candidate(of feature: Feature) -> Candidate? {
        feature.candidates.first { candidate in candidate.programs.allSatisfy { refusals[$0] == nil } }
    }

    /// All programs of the candidates in use.
    var programs: Set<String> {
        var result: Set<String> = []
        for feature in features { result.formUnion(candidate(of: feature)?.programs ?? []) }
        return result
    }

    var states: [HookState] {
        features.map { feature in
            var state = HookState()
            state.name = Bytes(feature.name.utf8)
            let chosen = candidate(of: feature)
            state.mode = chosen?.mode ?? .absent
            state.mechanism = Bytes((chosen?.mechanism ?? "").utf8)
            // The richest that was refused: what would be better here.
            for richer in feature.candidates.prefix(while: { $0.mechanism != chosen?.mechanism }) {
                guard let code = richer.programs.lazy.compactMap({ refusals[$0] }).first else { continue }
                state.refused = Bytes(richer.mechanism.utf8)
                state.errno = UInt32(code)
                break
            }
            return state
        }
    }

    // MARK: Before loading

    /// Refuses the programs whose hook this kernel does not have, or that no trampoline may be put on.
    ///
    /// - Parameter others: further functions to look for in the same pass (`absentFunctions`).
    mutating func screen(_ object: BpfObject, others: Set<String>) throws(ProbeError) {
        var functions: [String: String] = [:]
        for program in features.flatMap(\.candidates).flatMap(\.programs) {
            guard let section = object.section(program) else { throw .badObject("has no program \(program)") }
            functions[program] = HookChoice.neededType(section)
        }
        let types = try KernelTypes(looking: Set(functions.values).union(others))
        absentFunctions = others.filter { types.ids[$0] == nil }
        let isTracerOff = smallFile("/proc/sys/kernel/ftrace_enabled")?.first == UInt8(ascii: "0")
        var trials: [String: Int32] = [:]
        for (program, function) in functions {
            guard let id = types.ids[function] else {
                refuse(program, ESRCH)
                continue
            }
            guard HookChoice.isTrampoline(object.section(program) ?? "") else { continue }
            // With the function tracer off 5.10 refuses to attach with this errno; 6.1 and 6.12 attach, and the program never runs.
            let code = isTracerOff ? EBUSY : trials[function] ?? HookChoice.tryTrampoline(id)
            trials[function] = code
            if code != 0 { refuse(program, code) }
        }
    }

    private static func isTrampoline(_ section: String) -> Bool {
        section.hasPrefix("fentry/") || section.hasPrefix("fexit/")
    }

    /// The type that must exist for a section's hook: a function, or the tracepoint's.
    private static func neededType(_ section: String) -> String {
        guard let slash = section.firstIndex(of: "/") else { return section }
        let target = String(section[section.index(after: slash)...])
        switch section[..<slash] {
        case "fentry", "fexit": return target
        case "iter": return "bpf_iter_" + target
        default: return "btf_trace_" + target
        }
    }

    /// Loads, and drops, a program of two instructions at a function's entry.
    ///
    /// - Returns: 0, or the errno of the refusal.
    private static func tryTrampoline(_ function: UInt32) -> Int32 {
        // r0 = 0; exit
        var instructions = [bpf_insn(), bpf_insn()]
        instructions[0].code = 0xb7
        instructions[1].code = 0x95
        var options = unsafe bpf_prog_load_opts()
        unsafe options.sz = MemoryLayout<bpf_prog_load_opts>.size
        unsafe options.expected_attach_type = BPF_TRACE_FENTRY
        unsafe options.attach_btf_id = function
        let descriptor = unsafe bpf_prog_load(
            BPF_PROG_TYPE_TRACING, "iq_trial", "Dual BSD/GPL", &instructions, instructions.count, &options)
        guard descriptor >= 0 else { return -descriptor }
        close(descriptor)
        return 0
    }
}
