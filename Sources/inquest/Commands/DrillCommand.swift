import Glibc
import Host
import Incidents
import Probes
import Rendering

/// `inquest drill`: rehearses what should stop a runaway, contained, bounded, and cleaned up.
enum DrillCommand: Command {
    static let verb = Verbs.drill
    static let smallestBytes: UInt64 = 8 << 20
    static let largestBytes: UInt64 = 1 << 30

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        let name = invocation.operand ?? ""
        guard let scenario = DrillScenario(label: name) else {
            let names = DrillScenario.allCases.map(\.label)
            let hint = Nearest.hint(name, among: names)
            throw CommandError(
                "no drill is called '\(name)'" + (hint.isEmpty ? ": one of \(names.joined(separator: ", "))" : hint),
                status: .usage)
        }
        let bytes = invocation[Flags.drillMemory]
        guard (smallestBytes...largestBytes).contains(bytes) else {
            throw CommandError("--memory takes 8M to 1G: a rehearsal is small", status: .usage)
        }
        if let missing = Probes.missingCapabilities {
            throw CommandError(
                "a drill listens to the kernel, which needs \(missing), and makes a cgroup; run it with sudo")
        }
        let stopSignals = try StopSignals.prepared()
        let json = invocation[Flags.json]
        if scenario == .backstop { return try BackstopDrill.run(stopSignals, console).tell(json: json, console) }

        let kept = invocation[Flags.keepDirectory]
        let directory = try DrillDirectory(keep: kept)
        defer { directory.remove() }
        let cgroup = try contained(bytes, scenario)
        defer {
            do throws(HostError) { try cgroup.remove() } catch { console.note("inquest: \(error.message)") }
        }
        let (report, incident) =
            scenario == .cap
            ? try CapDrill.run(bytes, in: cgroup, recordingTo: directory, stopSignals, console)
            : try HighDrill.run(bytes, in: cgroup, recordingTo: directory, stopSignals, console)
        // A program has one document: of a kill its incident, which says all that a verdict could.
        let isToldByIncident = json && scenario == .cap && report.verdict == .proven
        if let incident, !json || isToldByIncident { show(incident, json: json, console) }
        noteKept(kept, console)
        if !isToldByIncident { try report.tell(json: json, console) }
    }

    private static func show(_ incident: Incident, json: Bool, _ console: Console) {
        console.out.write(
            json
                ? IncidentJSON.document(incident, pretty: false)
                : TerminalTimeline.render(incident, console.textOptions))
    }

    private static func noteKept(_ kept: String?, _ console: Console) {
        guard let kept else { return }
        console.out.flush()
        console.note("inquest: the recording is kept in \(kept)")
    }

    private static func contained(_ bytes: UInt64, _ scenario: DrillScenario) throws(CommandError) -> DrillCgroup {
        _ = DrillCgroup.removeLeftovers()
        do throws(HostError) {
            // A process at memory.high needs room above it, or the kernel kills it before it is throttled for long.
            return scenario == .high
                ? try DrillCgroup(bytes: bytes * 2, highBytes: bytes, pid: getpid())
                : try DrillCgroup(bytes: bytes, pid: getpid())
        } catch {
            throw CommandError("no drill here: \(error.message)")
        }
    }
}
