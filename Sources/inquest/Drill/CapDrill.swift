import Events
import Glibc
import Host
import Incidents

/// `inquest drill`: one real kill by the kernel, in a cgroup of its own, recorded and shown.
enum CapDrill {
    /// Within this the kernel must have killed.
    private static let killBoundNs: UInt64 = 60_000_000_000

    static func run(
        _ bytes: UInt64, in cgroup: DrillCgroup, recordingTo directory: DrillDirectory, _ stopSignals: StopSignals,
        _ console: Console
    ) throws(CommandError) -> (report: DrillReport, incident: Incident?) {
        let outcome = CapOutcome()
        let rehearsal = try Rehearsal(
            directory, stopSignals, console, observe: { outcome.see($0) }, report: { outcome.see($0) })
        defer { rehearsal.end() }
        console.progress("filling \(bytes >> 20) MiB until the kernel kills")
        let balloon = try rehearsal.balloon(ceilingBytes: Int(bytes) + 64 << 20, in: cgroup)
        defer { balloon.end() }
        outcome.balloon = UInt32(balloon.pid)
        balloon.inflate()
        try rehearsal.run(withinNs: killBoundNs) {
            outcome.killHeard || balloon.poll() != nil && outcome.graceOver()
        }
        guard outcome.killHeard else { return (report(.notProven, unheard(balloon)), nil) }
        console.progress("killed and heard; waiting about 10 s until the incident is over")
        try rehearsal.run(withinNs: Rehearsal.closeBoundNs) {
            // Reaped as soon as it is dead: nothing of the drill stays in the process table.
            _ = balloon.poll()
            return outcome.closed != nil
        }
        guard let incident = outcome.closed else {
            let why =
                "the kill was heard, but its incident did not close within \(Rehearsal.closeBoundNs / 1_000_000_000) s:"
                + " the machine is under pressure; see inquest tail"
            return (report(.notProven, why), nil)
        }
        try rehearsal.complete()
        return (report(.proven, "the cap holds, and its kill is heard and told"), incident)
    }

    private static func report(_ verdict: DrillVerdict, _ text: String) -> DrillReport {
        var report = DrillReport(.cap)
        report.conclude(verdict, text)
        return report
    }

    private static func unheard(_ balloon: BalloonProcess) -> String {
        switch balloon.poll() {
        case .some(let status) where status & 0x7f == SIGKILL:
            "the kernel killed the process, but no hook heard it; see inquest doctor"
        case .some(let status) where status >> 8 & 0xff == Balloon.survived:
            "the process grew beyond the cgroup's limit and was not killed: the limit does not hold here; see inquest doctor"
        case .some(let status): "the process to be killed ended with wait status \(status) instead"
        case nil: "nothing was killed within \(killBoundNs / 1_000_000_000) s; see inquest doctor"
        }
    }
}

/// What it waits for, told by the recorder.
private final class CapOutcome {
    var balloon: UInt32 = 0
    private(set) var killHeard = false
    private(set) var closed: Incident?
    private var turnsSinceDeath = 0

    func see(_ event: Event) {
        if case .oomKill(let kill) = event.payload, kill.victim.task.tgid == balloon { killHeard = true }
    }

    func see(_ finding: Finding) {
        guard case .closed(let incident) = finding else { return }
        if incident.kills.contains(where: { $0.victim.tgid == balloon }) { closed = incident }
    }

    /// A dead balloon's kill record may be a turn behind its wait status.
    func graceOver() -> Bool {
        turnsSinceDeath += 1
        return turnsSinceDeath > 3
    }
}
