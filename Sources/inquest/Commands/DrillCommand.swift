import Events
import Glibc
import Host
import Incidents
import Rendering

/// `inquest drill`: one real kill by the kernel, in a cgroup of its own, recorded and shown.
enum DrillCommand: Command {
    static let verb = Verbs.drill
    /// Within this the kernel must have killed, and then the incident must have closed.
    private static let killBoundNs: UInt64 = 60_000_000_000
    private static let closeBoundNs: UInt64 = 60_000_000_000
    static let smallestBytes: UInt64 = 8 << 20
    static let largestBytes: UInt64 = 1 << 30

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        let bytes = invocation[Flags.drillMemory]
        guard (smallestBytes...largestBytes).contains(bytes) else {
            throw CommandError("--memory takes 8M to 1G: a rehearsal is small", status: .usage)
        }
        guard geteuid() == 0 else {
            throw CommandError("a drill attaches probes and makes a cgroup, which needs root; run it with sudo")
        }
        let stopSignals = StopSignals()
        let directory = try DrillDirectory(keep: invocation[Flags.keepDirectory])
        defer { directory.remove() }
        let cgroup = try contained(bytes)
        defer {
            do throws(HostError) { try cgroup.remove() } catch { console.note("inquest: \(error.message)") }
        }
        let incident = try rehearse(bytes, in: cgroup, recordingTo: directory.path, stopSignals, console)
        if invocation[Flags.json] {
            console.out.write(IncidentJSON.document(incident, pretty: false))
        } else {
            console.out.write(TerminalTimeline.render(incident, console.textOptions))
        }
        if let kept = invocation[Flags.keepDirectory] { console.note("inquest: the recording is kept in \(kept)") }
    }

    private static func contained(_ bytes: UInt64) throws(CommandError) -> DrillCgroup {
        _ = DrillCgroup.removeLeftovers()
        do throws(HostError) {
            return try DrillCgroup(bytes: bytes, pid: getpid())
        } catch {
            throw CommandError("no drill here: \(error.message)")
        }
    }

    private static func rehearse(
        _ bytes: UInt64, in cgroup: DrillCgroup, recordingTo directory: String, _ stopSignals: StopSignals,
        _ console: Console
    ) throws(CommandError) -> Incident {
        var options = SessionOptions()
        options.directory = directory
        options.totalBytes = 16 << 20
        let outcome = DrillOutcome()
        let session = try Session(
            options, stopSignals: stopSignals, observe: { outcome.see($0) }, report: { outcome.see($0) },
            trouble: { console.note("inquest: \($0)") })
        console.progress("\(session.startLine); filling \(bytes >> 20) MiB")
        defer { session.recorder.end(.requested) }
        let balloon: BalloonProcess
        do throws(ErrnoError) {
            // Its own ceiling: whatever goes wrong, the machine loses no more than that, and not for long.
            balloon = try BalloonProcess(ceilingBytes: Int(bytes) + 64 << 20)
        } catch {
            throw CommandError("cannot start the process to be killed: \(error.message)")
        }
        defer { balloon.end() }
        outcome.balloon = UInt32(balloon.pid)
        do throws(HostError) {
            try cgroup.add(balloon.pid)
        } catch {
            throw CommandError("cannot contain the process to be killed: \(error.message)")
        }
        balloon.inflate()
        let killDeadline = Clocks.boottimeNs() + killBoundNs
        var interrupted = session.recorder.run(until: {
            outcome.killHeard || balloon.poll() != nil && outcome.graceOver() || Clocks.boottimeNs() > killDeadline
        })
        if !interrupted {
            guard outcome.killHeard else { throw CommandError(unheard(balloon)) }
            console.progress("killed; waiting until the incident is over")
            let closeDeadline = Clocks.boottimeNs() + closeBoundNs
            interrupted = session.recorder.run(until: {
                outcome.closed != nil || Clocks.boottimeNs() > closeDeadline
            })
        }
        if interrupted { throw CommandError("interrupted; everything the drill made is removed") }
        guard let incident = outcome.closed else {
            throw CommandError(
                "the kill was heard, but its incident did not close within \(closeBoundNs / 1_000_000_000) s:"
                    + " the machine is under pressure; see inquest tail")
        }
        return incident
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

/// What a drill waits for, told by the recorder.
private final class DrillOutcome {
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
