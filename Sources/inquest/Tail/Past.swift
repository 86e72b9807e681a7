import Events
import Host
import Incidents
import Recording

/// `tail --since`: what was recorded, and then what happens, without a gap and without a repeat.
///
/// The connection is made before the recording is read. What the recorder tells meanwhile comes twice and is dropped by its number; what
/// it had told before, and not yet written, is in neither: it is held against the numbers, and read once it is durable.
final class Past {
    private let directory: String
    private let printer: EventPrinter
    private let console: Console
    /// Told while something before it is still to be read.
    private var held: [Event] = []
    private var heldSinceNs: UInt64 = 0
    private var isJoined = false
    private var isTried = false
    /// A recorder commits within ten seconds, also in calm.
    private static let patienceNs: UInt64 = 15_000_000_000
    /// More than a flood brings within a commit.
    private static let heldBound = 100_000

    init(_ directory: String, _ printer: EventPrinter, _ console: Console) {
        self.directory = directory
        self.printer = printer
        self.console = console
    }

    /// Shows what was observed so long ago, or later.
    func show(since sinceNs: UInt64) throws(CommandError) {
        let reader = try openRecording(directory)
        let cutoff = Cutoff(sinceNs, before: Clocks.snapshot(), boot: Clocks.bootID())
        printer.cutoff = cutoff
        // What was said before is in the correlator's state: months of history need not be read for the last minutes.
        let state = reader.newestSnapshot { !cutoff.includes($0, of: $1, clock: $2) }
        let first = reader.segments.last { $0.firstSeq <= state?.seq ?? 0 } ?? reader.segments.first
        if let first { printer.learn(first.clock, first.bootID) }
        if let known = state.flatMap({ try? Correlator(snapshot: $0.state) }) {
            for event in known.introduction { printer.learn(event) }
            reader.forEach(from: state?.seq ?? 0) { printer.show($0) }
        } else {
            reader.forEach(from: 0) { printer.show($0) }
        }
        printer.cutoff = nil
    }

    /// The recorder is gone. What it told and we hold is shown once what came before it can be read: it writes while it stops, and one that
    /// was killed never will.
    func settle() {
        guard let first = held.first(where: { $0.seq > 0 })?.seq else { return }
        read(before: first)
        guard first <= printer.lastSeq + 1 || Clocks.boottimeNs() > heldSinceNs + Self.patienceNs else { return }
        showHeld()
    }

    /// The recorder began anew: what it said before we were back is read, too.
    func lostTheRecorder() {
        showHeld()
        isJoined = false
    }

    /// Whether something is held, and `take` wants to be called again soon.
    var isWaiting: Bool { !held.isEmpty }

    /// Shows what the recorder tells, behind what it told before.
    ///
    /// - Parameter durableSeq: up to which number the recording can be read.
    func take(_ events: [Event], durableSeq: UInt64) {
        guard !isJoined else { return events.forEach(printer.show) }
        if held.isEmpty, !events.isEmpty { heldSinceNs = Clocks.boottimeNs() }
        held += events
        guard let first = held.first(where: { $0.seq > 0 })?.seq else { return }
        let isLate = Clocks.boottimeNs() > heldSinceNs + Self.patienceNs || held.count > Self.heldBound
        if first > printer.lastSeq + 1 {
            let isReady = durableSeq >= first - 1 || isLate
            // It may be there already: what is durable is only told when it changes.
            if isReady || !isTried { read(before: first) }
            guard first <= printer.lastSeq + 1 || isReady else { return }
        }
        isJoined = true
        showHeld()
    }

    private func showHeld() {
        isTried = false
        held.forEach(printer.show)
        held = []
    }

    private func read(before first: UInt64) {
        isTried = true
        do throws(CommandError) {
            try openRecording(directory).forEach(from: printer.lastSeq + 1) { if $0.seq < first { printer.show($0) } }
        } catch {
            console.note("inquest: what came in between is not shown: \(error.message)")
        }
    }
}
