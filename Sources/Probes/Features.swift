import Events

/// One way to hear something: the programs that do it together.
struct Candidate: Sendable {
    /// As doctor names it: the hook that makes the difference to the other candidates.
    let mechanism: String
    let mode: HookMode
    /// Names of the programs (the C functions in bpf/programs).
    let programs: [String]
    /// Expensive: attached only while `setPressureHooks(true)`.
    let underPressureOnly: Bool

    static func rich(_ mechanism: String, _ programs: [String], underPressureOnly: Bool = false) -> Candidate {
        Candidate(mechanism: mechanism, mode: .rich, programs: programs, underPressureOnly: underPressureOnly)
    }

    static func plain(_ mechanism: String, _ programs: [String], underPressureOnly: Bool = false) -> Candidate {
        Candidate(mechanism: mechanism, mode: .plain, programs: programs, underPressureOnly: underPressureOnly)
    }
}

/// One thing to hear, with the ways to hear it, richest first. The first that loads and attaches is used.
struct Feature: Sendable {
    let name: String
    let candidates: [Candidate]

    init(_ name: String, _ candidates: [Candidate]) {
        self.name = name
        self.candidates = candidates
    }
}

extension Feature {
    /// Everything that is listened for: one row a feature. A new hook is a program in bpf/programs and a row here.
    static func table(_ options: ProbeOptions) -> [Feature] {
        kills + (options.keepCommandLines ? [commandLines] : []) + [cgroups] + stalls + [blockIO] + census
    }

    private static let kills = [
        Feature(
            "oom_kill",
            [
                .rich(
                    "fentry/oom_kill_process", ["iq_mark_victim", "iq_oom_kill_process", "iq_oom_kill_process_end"]),
                .plain("raw_tp/mark_victim", ["iq_mark_victim"]),
            ]),
        Feature("signal", [.rich("raw_tp/signal_generate", ["iq_signal_generate"])]),
        Feature("exit", [.rich("raw_tp/sched_process_exit", ["iq_process_exit"])]),
        Feature(
            "oom_reaper",
            [
                .rich(
                    "raw_tp/wake_reaper",
                    ["iq_wake_reaper", "iq_start_task_reaping", "iq_finish_task_reaping", "iq_skip_task_reaping"])
            ]),
    ]

    private static let commandLines = Feature(
        "command_lines", [.rich("raw_tp/sched_process_exec", ["iq_process_exec", "iq_process_fork"])])

    private static let cgroups = Feature(
        "cgroup_names", [.rich("raw_tp/cgroup_mkdir", ["iq_cgroup_mkdir", "iq_cgroup_rmdir", "iq_cgroup_rename"])])
}
