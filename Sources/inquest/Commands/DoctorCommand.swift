import Events
import Glibc
import Host
import Probes
import Rendering

/// `inquest doctor`: facts first, then what they mean for the recorder; or for whoever runs out of memory here.
enum DoctorCommand: Command {
    static let verb = Verbs.doctor

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        console.progress("reading facts, trying hooks")
        if invocation[Flags.containment] {
            let report = ContainmentDoctor.report()
            console.out.write(
                invocation[Flags.json]
                    ? DocumentJSON.line("inquest.containment/1", report)
                    : ContainmentPage.render(report, console.textOptions))
            return
        }
        let report = DoctorReport(directory: invocation[Flags.directory], invocation.configuration)
        if invocation[Flags.json] {
            console.out.write(report.json)
        } else {
            console.out.write(report.text)
        }
        guard report.canRecord else {
            console.out.flush()
            throw CommandError("the main job cannot run here: \(report.firstProblem)")
        }
    }
}

/// What was found, and what follows.
struct DoctorReport {
    enum Severity: UInt8, Choice {
        case ok = 0
        case note = 1
        case problem = 2
        static var fallback: Severity { .problem }
    }

    /// One consequence of the facts, with what to do about it.
    struct Verdict {
        let severity: Severity
        let text: String
    }

    let facts: [Fact]
    let hooks: [HookState]
    let verdicts: [Verdict]

    var canRecord: Bool { !verdicts.contains { $0.severity == .problem } }
    var firstProblem: String { verdicts.first { $0.severity == .problem }?.text ?? "" }

    init(directory: String, _ configuration: Result<ConfigFile, CommandError>?) {
        let host = HostFacts(HostPaths(), directory: Bytes(directory.utf8))
        var verdicts: [Verdict] = []
        var hooks: [HookState] = []
        do throws(ProbeError) {
            var options = ProbeOptions()
            options.memoryCgroups = host.hierarchy.directory
            let probes = try Probes(options)
            hooks = probes.hooks
            probes.close()
            verdicts += Self.judge(hooks)
        } catch {
            verdicts.append(Verdict(severity: .problem, text: error.message))
        }
        if let problem = DescriptorLimit.problem() { verdicts.append(Verdict(severity: .problem, text: problem)) }
        facts = host.facts
        verdicts += Self.judge(configuration)
        self.hooks = hooks
        verdicts += Self.judge(host)
        // The answer first, its limits after it.
        if !verdicts.contains(where: { $0.severity == .problem }) {
            verdicts.insert(
                Verdict(severity: .ok, text: "kills by the kernel are heard and can be recorded here"), at: 0)
        }
        self.verdicts = verdicts
    }

    /// Without the kill hook there is no main job; without another one there is less.
    private static func judge(_ hooks: [HookState]) -> [Verdict] {
        var verdicts: [Verdict] = []
        if hooks.contains(where: { $0.isLockedDown }) {
            verdicts.append(
                Verdict(
                    severity: .problem,
                    text: "lockdown=confidentiality lets no BPF program read the kernel's memory: its own kills are "
                        + "read from its log, with less of each and not all of many; others' kills are not heard; "
                        + "boot with lockdown=integrity"))
        }
        for hook in hooks where !hook.isLockedDown {
            let name = Escaping.terminal(hook.name)
            let refused =
                hook.errno == 0 ? "" : " (\(Escaping.terminal(hook.refused)): \(errnoText(Int32(hook.errno))))"
            switch hook.mode {
            case .rich: break
            case .plain: verdicts.append(Verdict(severity: .note, text: "\(name): the plain hook is in use\(refused)"))
            case .absent where name == "oom_kill":
                verdicts.append(Verdict(severity: .problem, text: "kills by the kernel cannot be heard\(refused)"))
            case .absent: verdicts.append(Verdict(severity: .note, text: "\(name): cannot be heard here\(refused)"))
            }
        }
        return verdicts
    }

    private static func judge(_ configuration: Result<ConfigFile, CommandError>?) -> [Verdict] {
        switch configuration {
        case nil: []
        case .failure(let error): [Verdict(severity: .problem, text: "configuration: \(error.message)")]
        case .success(let config):
            [
                Verdict(
                    severity: .ok,
                    text:
                        "configured: \(config.names.isEmpty ? "nothing but defaults" : config.names.joined(separator: ", "))"
                )
            ]
        }
    }

    private static func judge(_ host: HostFacts) -> [Verdict] {
        var verdicts: [Verdict] = []
        func note(_ text: String) { verdicts.append(Verdict(severity: .note, text: text)) }
        if !host.pressure {
            note("no pressure stall information: phases come from reclaim and stalls; boot with psi=1 for more")
        }
        switch host.hierarchy.mode {
        case .unified: break
        case .legacy:
            note("memory cgroups are v1: no memory.high, no pressure of a cgroup; kills are recorded all the same")
        case .none, .unknown: note("no memory controller: every kill is the whole host's")
        }
        if host.hierarchy.mode == .unified && host.accountsIO == false {
            note(
                "IO is not charged to cgroups: the owner of swap traffic stays unknown; enable +io in cgroup.subtree_control"
            )
        }
        for disk in host.schedulers where disk.heedsPriorities == false {
            let name = Escaping.terminal(disk.disk)
            note(
                "\(name) is scheduled by \(Escaping.terminal(disk.name ?? [])), which knows no IO priorities here: in a storm the "
                    + "recorder's commits, and ionice, wait behind everybody's requests; bfq in /sys/block/\(name)/queue/scheduler"
                    + " heeds them, mq-deadline from Linux 5.14 on")
        }
        if host.runsTrampolines == false {
            note("kernel.ftrace_enabled is 0, so no trampoline runs; set it to 1 before the recorder starts")
        }
        if host.isInitialPidNamespace == false {
            note(
                "inside a pid namespace: processes outside it are not looked at for userspace killers, nor in a census, and those "
                    + "older than the recorder have no command lines; record on the host")
        }
        if let directory = host.directory {
            let name = Escaping.terminal(directory.directory)
            if directory.writableErrno != 0 {
                note(
                    "\(name) cannot be written: \(errnoText(directory.writableErrno)); record as root, or with --dir")
            } else if directory.directErrno != 0 {
                note(
                    "\(name) refuses O_DIRECT (\(errnoText(directory.directErrno))): commits wait longer in an IO storm"
                )
            }
        }
        if !host.backstops.isEmpty, host.backstops.allSatisfy({ !$0.running }) {
            note("no userspace killer runs (earlyoom, systemd-oomd): only caps and the kernel stop a runaway")
        }
        return verdicts
    }
}

extension DoctorReport {
    /// For people: aligned columns, at most one line a fact.
    var text: String {
        var lines = ["FACTS"]
        let width = facts.map(\.name.count).max() ?? 0
        for fact in facts {
            let name = fact.name + String(repeating: " ", count: width - fact.name.count)
            switch fact.state {
            case .readable: lines.append("  \(name)  \(Escaping.terminal(fact.value))")
            case .unreadable(let code):
                lines.append("  \(name)  unreadable" + (code == 0 ? "" : " (\(errnoText(code)))"))
            }
        }
        lines.append("HOOKS")
        let hookWidth = hooks.map(\.name.count).max() ?? 0
        for hook in hooks {
            let name = Escaping.terminal(hook.name)
            var line = "  \(name)\(String(repeating: " ", count: max(0, hookWidth - name.count)))  "
            line += hook.mode.label + String(repeating: " ", count: 6 - hook.mode.label.count)
            line += "  " + Escaping.terminal(hook.mechanism)
            if hook.errno != 0 {
                line += "  (\(Escaping.terminal(hook.refused)): \(errnoText(Int32(hook.errno))))"
            }
            lines.append(line)
        }
        if hooks.isEmpty { lines.append("  none could be tried") }
        lines.append("VERDICTS")
        for verdict in verdicts { lines.append("  \(verdict.severity.label): \(verdict.text)") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Schema `inquest.doctor/1`.
    var json: Bytes {
        var document = DoctorDocument()
        document.version = Bytes(inquestVersion.utf8)
        document.canRecord = canRecord
        document.facts = facts.map { fact in
            var entry = DoctorDocument.FactEntry()
            entry.name = Bytes(fact.name.utf8)
            if case .readable = fact.state {
                entry.isReadable = true
                entry.value = fact.value
            }
            return entry
        }
        document.hooks = hooks
        document.verdicts = verdicts.map { verdict in
            var entry = DoctorDocument.VerdictEntry()
            entry.severity = verdict.severity
            entry.text = Bytes(verdict.text.utf8)
            return entry
        }
        return DocumentJSON.line("inquest.doctor/1", document)
    }
}

/// The doctor's report as a document; an unreadable fact is not a false one, it has no value.
private struct DoctorDocument: Fields {
    struct FactEntry: Fields {
        var name = Bytes()
        var isReadable = false
        var value = Bytes()

        mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
            try w.text("name", &name)
            try w.flag("readable", &isReadable)
            try w.text("value", &value)
        }
    }

    struct VerdictEntry: Fields {
        var severity = DoctorReport.Severity.ok
        var text = Bytes()

        mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
            try w.choice("severity", &severity)
            try w.text("text", &text)
        }
    }

    var version = Bytes()
    var canRecord = false
    var facts: [FactEntry] = []
    var hooks: [HookState] = []
    var verdicts: [VerdictEntry] = []

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("inquest_version", &version)
        try w.flag("can_record", &canRecord)
        try w.list("facts", &facts)
        try w.list("hooks", &hooks)
        try w.list("verdicts", &verdicts)
    }
}
