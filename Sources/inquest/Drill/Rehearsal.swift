import Events
import Glibc
import Host
import Incidents

/// A recorder for the length of a drill, and what every drill does with it.
final class Rehearsal {
    /// An incident that is over closes within this.
    static let closeBoundNs: UInt64 = 60_000_000_000
    private let session: Session
    private let directory: DrillDirectory
    private var isEnded = false

    init(
        _ directory: DrillDirectory, _ stopSignals: StopSignals, _ console: Console, observe: @escaping (Event) -> Void,
        report: @escaping (Finding) -> Void
    ) throws(CommandError) {
        var options = SessionOptions()
        options.directory = directory.path
        options.totalBytes = 16 << 20
        console.progress("attaching probes")
        self.directory = directory
        session = try Session(
            options, stopSignals: stopSignals, observe: observe, report: report,
            trouble: { console.note("inquest: \($0)") })
    }

    /// A process that will fill its memory once it is told to, contained.
    ///
    /// - Parameter ceilingBytes: whatever goes wrong, the machine loses no more than that, and not for long.
    func balloon(ceilingBytes: Int, in cgroup: DrillCgroup) throws(CommandError) -> BalloonProcess {
        let balloon: BalloonProcess
        do throws(ErrnoError) {
            balloon = try BalloonProcess(ceilingBytes: ceilingBytes)
        } catch {
            throw CommandError("cannot start the process that fills its memory: \(error.message)")
        }
        do throws(HostError) {
            try cgroup.add(balloon.pid)
        } catch {
            balloon.end()
            throw CommandError("cannot contain the process that fills its memory: \(error.message)")
        }
        return balloon
    }

    /// Records until the condition holds, at most so long.
    ///
    /// - Throws: when a signal ended it.
    func run(withinNs bound: UInt64, until isReached: () -> Bool) throws(CommandError) {
        let deadline = Clocks.boottimeNs() + bound
        guard session.recorder.run(until: { isReached() || Clocks.boottimeNs() > deadline }) else { return }
        throw CommandError(
            "interrupted; everything the drill made is removed"
                + (directory.isTemporary ? "" : ", but the recording in \(directory.path)"))
    }

    func end() {
        if !isEnded { session.end(.requested) }
        isEnded = true
    }

    /// Ends the recording, which must be whole where it is kept.
    func complete() throws(CommandError) {
        end()
        guard session.recorder.isComplete || directory.isTemporary else {
            throw CommandError(
                "what was rehearsed was heard, but its recording in \(directory.path) is not complete: see above;"
                    + " free some space, or give --dir another place")
        }
    }
}
