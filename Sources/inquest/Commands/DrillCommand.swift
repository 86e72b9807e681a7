import Events
import Glibc
import Host
import Incidents
import Probes
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
        if let missing = Probes.missingCapabilities {
            throw CommandError(
                "a drill listens to the kernel, which needs \(missing), and makes a cgroup; run it with sudo")
        }
        let stopSignals = try StopSignals.prepared()
        let kept = invocation[Flags.keepDirectory]
        let directory = try DrillDirectory(keep: kept)
        defer { directory.remove() }
        let cgroup = try contained(bytes)
        defer {
            do throws(HostError) { try cgroup.remove() } catch { console.note("inquest: \(error.message)") }
        }
        let incident = try rehearse(bytes, in: cgroup, recordingTo: directory, stopSignals, console)
        if invocation[Flags.json] {
            console.out.write(IncidentJSON.document(incident, pretty: false))
        } else {
            console.out.write(TerminalTimeline.render(incident, console.textOptions))
        }
        guard let kept else { return }
        console.out.flush()
        console.note("inquest: the recording is kept in \(kept)")
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
        _ bytes: UInt64, in cgroup: DrillCgroup, recordingTo directory: DrillDirectory, _ stopSignals: StopSignals,
        _ console: Console
    ) throws(CommandError) -> Incident {
        var options = SessionOptions()
        options.directory = directory.path
        options.totalBytes = 16 << 20
        let outcome = DrillOutcome()
        console.progress("attaching probes")
        let session = try Session(
            options, stopSignals: stopSignals, observe: { outcome.see($0) }, report: { outcome.see($0) },
            trouble: { console.note("inquest: \($0)") })
        var isEnded = false
        func end() {
            if !isEnded { session.end(.requested) }
            isEnded = true
        }
        defer { end() }
        console.progress("filling \(bytes >> 20) MiB until the kernel kills")
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
            console.progress("killed and heard; waiting about 10 s until the incident is over")
            let closeDeadline = Clocks.boottimeNs() + closeBoundNs
            interrupted = session.recorder.run(until: {
                // Reaped as soon as it is dead: nothing of the drill stays in the process table.
                _ = balloon.poll()
                return outcome.closed != nil || Clocks.boottimeNs() > closeDeadline
            })
        }
        if interrupted {
            throw CommandError(
                "interrupted; everything the drill made is removed"
                    + (directory.isTemporary ? "" : ", but the recording in \(directory.path)"))
        }
        guard let incident = outcome.closed else {
            throw CommandError(
                "the kill was heard, but its incident did not close within \(closeBoundNs / 1_000_000_000) s:"
                    + " the machine is under pressure; see inquest tail")
        }
        end()
        guard session.recorder.isComplete || directory.isTemporary else {
            throw CommandError(
                "the kill was heard, but its recording in \(directory.path) is not complete: see above;"
                    + " free some space, or give --dir another place")
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
