import Events
import Incidents
import Rendering

/// `inquest drill backstop`: does the userspace killer that is configured here find somebody to kill?
///
/// Nothing is made short of memory: a killer of the whole machine cannot be contained. What is proven is that its own program, with
/// its own lists, reads this machine and picks a victim; that it fires at its limits was seen in the lab, not here.
enum BackstopDrill {
    static func run(_ stopSignals: StopSignals, _ console: Console) throws(CommandError) -> DrillReport {
        console.progress("looking at who would kill here")
        let facts = ContainmentDoctor.report().facts
        let running = facts.backstops.filter { $0.kind != .caps && $0.running }
        var report = DrillReport(.backstop)
        guard !facts.backstops.isEmpty else {
            report.conclude(.notProven, "userspace killers cannot be looked for here (another pid namespace)")
            return report
        }
        guard !running.isEmpty else {
            report.steps = [DrillStep("a userspace killer runs", seen: false)]
            report.conclude(.notProven, "no userspace killer runs: earlyoom, systemd-oomd, oomd, nohang")
            return report
        }
        for state in running {
            report.steps.append(DrillStep("\(state.kind.label) runs", seen: true, "pid \(state.pid)"))
            switch state.kind {
            case .earlyoom: try earlyoom(state, stopSignals, console, &report)
            case .systemdOomd: try systemdOomd(stopSignals, console, &report)
            case .oomd, .nohang, .caps, .unknown:
                report.steps.append(
                    DrillStep("\(state.kind.label) finds a victim", seen: false, "it has no dry run known here"))
            }
        }
        if report.verdict == .notProven, report.text.isEmpty {
            report.conclude(
                .notProven,
                "\(running.map(\.kind.label).joined(separator: ", ")) runs, and was not seen to find a victim")
        }
        return report
    }

    private static func earlyoom(
        _ state: BackstopState, _ stopSignals: StopSignals, _ console: Console, _ report: inout DrillReport
    ) throws(CommandError) {
        guard !state.settings.isEmpty else {
            report.steps.append(DrillStep("earlyoom's command line", seen: false, "it cannot be read"))
            return
        }
        guard !state.settings.split(separator: 0).contains(where: { $0.elementsEqual("--dryrun".utf8) }) else {
            report.steps.append(DrillStep("earlyoom kills at all", seen: false, "it was started with --dryrun"))
            report.conclude(.notProven, "earlyoom runs with --dryrun: it kills nobody")
            return
        }
        console.progress("asking earlyoom whom it would kill")
        let what = "earlyoom finds a victim, its limits forced (--dryrun)"
        switch EarlyoomDryRun.run(pid: state.pid, commandLine: state.settings, stopSignals) {
        case .interrupted: throw CommandError("interrupted; the dry run is ended")
        case .nobody(let said): report.steps.append(DrillStep(what, seen: false, said))
        case .chosen(let chosen):
            let name = String(decoding: chosen.name, as: UTF8.self)
            report.steps.append(DrillStep(what, seen: true, String(decoding: chosen.line, as: UTF8.self)))
            report.steps.append(
                DrillStep(
                    "earlyoom fires at its own limits", seen: false,
                    "not rehearsed: that takes the machine out of memory"))
            report.conclude(
                .proven,
                "earlyoom[\(state.pid)] reads this machine and would kill \(name)[\(chosen.pid)] now, were its limits met"
            )
        }
    }

    private static func systemdOomd(
        _ stopSignals: StopSignals, _ console: Console, _ report: inout DrillReport
    ) throws(CommandError) {
        console.progress("asking systemd-oomd what it watches")
        let what = "systemd-oomd watches cgroups (oomctl)"
        let process: WatchedProcess
        do throws(ErrnoError) {
            process = try WatchedProcess("/usr/bin/oomctl", ["oomctl", "--no-pager", "dump"].map { Bytes($0.utf8) })
        } catch {
            report.steps.append(DrillStep(what, seen: false, error.message))
            return
        }
        defer { process.end() }
        guard process.read(withinMs: 10_000, stopSignals, until: { _ in false }) != .interrupted else {
            throw CommandError("interrupted; oomctl is ended")
        }
        let watched = OomctlDump(process.output)
        report.steps.append(DrillStep(what, seen: !watched.isEmpty, watched.words))
        report.steps.append(DrillStep("systemd-oomd kills", seen: false, "not rehearsed: it has no dry run"))
    }
}

/// What `oomctl dump` says is watched: `Swap Monitored CGroups:` and `Memory Pressure Monitored CGroups:`, each followed by
/// indented `Path: /user.slice` lines.
struct OomctlDump {
    private(set) var bySwap: [String] = []
    private(set) var byPressure: [String] = []

    init(_ output: Bytes) {
        var isPressure = false
        for line in output.split(separator: UInt8(ascii: "\n")) {
            let text = String(decoding: line, as: UTF8.self)
            if text.hasPrefix("Swap Monitored CGroups:") { isPressure = false }
            if text.hasPrefix("Memory Pressure Monitored CGroups:") { isPressure = true }
            guard let path = text.split(separator: " ", maxSplits: 1).last,
                text.drop(while: { $0 == " " || $0 == "\t" }).hasPrefix("Path: ")
            else { continue }
            if isPressure { byPressure.append(String(path)) } else { bySwap.append(String(path)) }
        }
    }

    var isEmpty: Bool { bySwap.isEmpty && byPressure.isEmpty }

    var words: String {
        if isEmpty { return "none" }
        let parts = [("by pressure ", byPressure), ("by swap ", bySwap)].filter { !$0.1.isEmpty }
        return parts.map { $0.0 + $0.1.prefix(8).joined(separator: ", ") }.joined(separator: "; ")
    }
}
