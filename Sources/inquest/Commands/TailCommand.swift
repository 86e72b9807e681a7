import Events
import Glibc
import Host
import Incidents
import Live
import Recording
import Rendering

/// `inquest tail`: events as they happen, from the running recorder, or from probes of its own.
enum TailCommand: Command {
    static let verb = Verbs.tail

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        let stopSignals = try StopSignals.prepared()
        // Wanted most where everything else hangs. Whoever is not allowed to goes on as everybody else does.
        _ = SelfProtection.lockMemory()
        _ = SelfProtection.raisePriority()
        let printer = EventPrinter(console: console, json: invocation[Flags.json])
        let socket = invocation[Flags.live]
        let client = try connect(socket, isNamed: invocation.isGiven(Flags.live))
        // Connected before the recording is read: what happens in between comes twice and is dropped by its number, not lost.
        if let since = invocation[Flags.since] { try past(since, invocation[Flags.directory], printer) }
        if let client {
            try follow(client, printer, stopSignals, console)
        } else {
            try listen(invocation, printer, stopSignals, console)
        }
    }

    /// `nil` when no recorder runs and none was asked for by name.
    private static func connect(_ socket: String, isNamed: Bool) throws(CommandError) -> LiveClient? {
        if !isNamed && !LiveClient.isServed(socket) { return nil }
        do throws(LiveError) {
            return try LiveClient(path: socket)
        } catch {
            throw CommandError(error.message)
        }
    }

    private static func past(_ sinceNs: UInt64, _ directory: String, _ printer: EventPrinter) throws(CommandError) {
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

    /// Shows what the recorder tells, across its restarts, until a signal comes or nobody reads any more.
    private static func follow(
        _ first: LiveClient, _ printer: EventPrinter, _ stopSignals: StopSignals, _ console: Console
    ) throws(CommandError) {
        var client: LiveClient? = first
        while !console.out.isClosed && !stopSignals.received {
            guard let current = client else {
                wait(for: [stopSignals.descriptor], timeoutMs: 500)
                client = try connect(first.path, isNamed: false)
                if client != nil {
                    console.note("inquest: the recorder is back")
                    printer.beginStream()
                }
                continue
            }
            wait(for: [current.descriptor, stopSignals.descriptor], timeoutMs: -1)
            do throws(LiveError) {
                for event in try current.receive(timeoutMs: 0) { printer.show(event) }
            } catch {
                switch error {
                case .farewell(_, .tooManyReaders), .farewell(_, .notAllowed): throw CommandError(error.message)
                default: break
                }
                console.note("inquest: \(error.message); waiting for it to come back")
                client = nil
            }
            console.out.flush()
        }
    }

    private static func wait(for descriptors: [Int32], timeoutMs: Int32) {
        var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        _ = unsafe poll(&entries, nfds_t(entries.count), timeoutMs)
    }

    private static func listen(
        _ invocation: Invocation, _ printer: EventPrinter, _ stopSignals: StopSignals, _ console: Console
    ) throws(CommandError) {
        var options = SessionOptions()
        options.keepCommandLines = !invocation[Flags.noCommandLines]
        // Numbered from 1, whatever the numbers of a recording that was shown before.
        printer.beginStream()
        let session = try Session(
            options, stopSignals: stopSignals, observe: { printer.show($0) }, report: { _ in }, trouble: { _ in })
        console.note("inquest: no recorder runs; \(session.startLine); nothing is recorded")
        _ = session.recorder.run(until: {
            console.out.flush()
            return console.out.isClosed
        })
        session.end(.requested)
    }
}

/// Writes events as lines of text or JSON, each once.
final class EventPrinter {
    /// Earlier events are not shown; their names are learned.
    var cutoff: Cutoff?
    private let console: Console
    private let json: Bool
    private var lines = EventJSON()
    private var names = NameTable()
    private var host = HostLine()
    private var lastSeq: UInt64 = 0
    private var lastHostLineNs: UInt64 = 0
    /// Between two lines about how the host feels.
    private static let hostLineNs: UInt64 = 5_000_000_000

    init(console: Console, json: Bool) {
        self.console = console
        self.json = json
    }

    /// What follows is numbered anew: nothing of it was shown before.
    func beginStream() { lastSeq = 0 }

    /// What time it was, of which boot, when events began, before they say so themselves.
    func learn(_ clock: ClockSnapshot, _ boot: BootID) {
        names.begin(boot, clock)
    }

    /// A name or the time, told before what is shown.
    func learn(_ event: Event) { names.note(event) }

    func show(_ event: Event) {
        // A snapshot shows the number of the event after it.
        if case .snapshot = event.payload { return }
        guard event.seq > lastSeq else { return }
        lastSeq = event.seq
        names.note(event)
        let isSample = host.note(event)
        let clock = names.clock
        if let cutoff, !cutoff.includes(event.moment, of: names.boot, clock: clock) { return }
        if json {
            lines.clear()
            lines.clock = clock
            lines.append(event)
            unsafe lines.withBytes { unsafe console.out.write($0) }
        } else if let line = EventLine.render(event, names, console.textOptions) {
            console.out.write(line)
        } else if isSample, event.boottimeNs >= lastHostLineNs + Self.hostLineNs,
            let line = host.line(at: event.moment, names, console.textOptions)
        {
            lastHostLineNs = event.boottimeNs
            console.out.write(line)
        }
    }
}

extension Console {
    /// How the renderers are to lay out text here.
    var textOptions: TextOptions { TextOptions(width: width, colour: colour) }
}
