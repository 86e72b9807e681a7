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
    /// Programs that were refused because the kernel is locked down, whatever the errno said.
    private var lockedDown: Set<String> = []
    /// Of the functions asked for beside those of the hooks: those that this kernel does not have.
    private(set) var absentFunctions: Set<String> = []

    init(features: [Feature]) { self.features = features }

    /// - Parameter lockedDown: the kernel lets no BPF program read its memory. The verifier says EINVAL then; EPERM is meant.
    mutating func refuse(_ program: String, _ code: Int32, lockedDown isLockedDown: Bool = false) {
        refusals[program] = isLockedDown ? EPERM : code
        if isLockedDown { lockedDown.insert(program) }
    }

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
            // The richest that was refused: what would be better here. That the kernel is locked down says more than a missing function.
            let richer = feature.candidates.prefix { $0.mechanism != chosen?.mechanism }
            let barred = richer.first { !lockedDown.isDisjoint(with: $0.programs) }
            if let refused = barred ?? richer.first(where: { $0.programs.contains { refusals[$0] != nil } }) {
                state.refused = Bytes(refused.mechanism.utf8) + (barred == nil ? [] : HookState.lockdown)
                let code = barred == nil ? refused.programs.lazy.compactMap { refusals[$0] }.first ?? 0 : EPERM
                state.errno = UInt32(code)
            }
            return state
        }
    }

    // MARK: Before loading

    /// The types that must exist for the hooks of the table: functions by their name, tracepoints as `btf_trace_NAME`.
    func neededTypes(_ object: BpfObject) throws(ProbeError) -> Set<String> {
        var result: Set<String> = []
        for program in features.flatMap(\.candidates).flatMap(\.programs) {
            guard let section = object.section(program) else { throw .badObject("has no program \(program)") }
            result.insert(HookChoice.neededType(section))
        }
        return result
    }

    /// Refuses the programs whose hook this kernel does not have, or that no trampoline may be put on.
    ///
    /// - Parameter others: further functions that were looked for (`absentFunctions`).
    mutating func screen(_ object: BpfObject, _ types: KernelTypes, others: Set<String>) {
        absentFunctions = others.filter { types.ids[$0] == nil }
        let isTracerOff = smallFile("/proc/sys/kernel/ftrace_enabled")?.first == UInt8(ascii: "0")
        var trials: [String: Int32] = [:]
        for program in Set(features.flatMap(\.candidates).flatMap(\.programs)) {
            let section = object.section(program) ?? ""
            let function = HookChoice.neededType(section)
            guard let id = types.ids[function] else {
                refuse(program, ESRCH)
                continue
            }
            guard HookChoice.isTrampoline(section) else { continue }
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

    /// Whether the kernel lets no BPF program read its memory (`lockdown=confidentiality`): a program that does nothing else is
    /// refused. Not read from /sys/kernel/security, which need not be mounted; libbpf's own probe knows only the words of older
    /// kernels.
    static let isLockedDown: Bool = {
        // r1 = r10 - 8; r2 = 8; r3 = 0; call bpf_probe_read_kernel; r0 = 0; exit
        func instruction(_ code: UInt8, to: UInt8 = 0, from: UInt8 = 0, _ value: Int32 = 0) -> bpf_insn {
            var instruction = bpf_insn()
            instruction.code = code
            instruction.dst_reg = to
            instruction.src_reg = from
            instruction.imm = value
            return instruction
        }
        var instructions = [
            instruction(0xbf, to: 1, from: 10), instruction(0x07, to: 1, -8), instruction(0xb7, to: 2, 8),
            instruction(0xb7, to: 3), instruction(0x85, Int32(BPF_FUNC_probe_read_kernel.rawValue)),
            instruction(0xb7), instruction(0x95),
        ]
        let descriptor = unsafe bpf_prog_load(
            BPF_PROG_TYPE_RAW_TRACEPOINT, "iq_trial", "Dual BSD/GPL", &instructions, instructions.count, nil)
        if descriptor >= 0 { close(descriptor) }
        return descriptor == -EINVAL
    }()

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
