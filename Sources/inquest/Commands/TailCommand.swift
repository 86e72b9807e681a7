import Events
import Glibc
import Host
import Live
import Rendering

/// `inquest tail`: events as they happen, from the running recorder, or from probes of its own.
enum TailCommand: Command {
    static let verb = Verbs.tail

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        let stopSignals = try StopSignals.prepared()
        // Wanted most where everything else hangs. Whoever is not allowed to goes on as everybody else does.
        _ = SelfProtection.lockMemory()
        _ = SelfProtection.raisePriority()
        let filter = try EventFilter(invocation)
        if wantsScreen(invocation, console), let screen = FullScreen() {
            return try ScreenCommand.run(invocation, screen, stopSignals, console)
        }
        let printer = EventPrinter(console: console, json: invocation[Flags.json], filter: filter)
        let link = RecorderLink(invocation[Flags.live])
        let client = try link.first(isNamed: invocation.isGiven(Flags.live))
        var past: Past?
        // Connected before the recording is read: nothing falls between the two.
        if let since = invocation[Flags.since] {
            past = Past(invocation[Flags.directory], printer, console)
            try past?.show(since: since)
        }
        if let client {
            link.introduce(client) { printer.learn($0) }
            try follow(link, client, printer, past, stopSignals, console)
        } else {
            try listen(invocation, printer, stopSignals, console)
        }
    }

    private static func wantsScreen(_ invocation: Invocation, _ console: Console) -> Bool {
        let term = console.environment("TERM") ?? ""
        return !term.isEmpty && term != "dumb" && !invocation[Flags.json] && !invocation[Flags.plain]
            && !invocation.isGiven(Flags.since) && !invocation.isGiven(Flags.kind)
    }

    /// Shows what the recorder tells, across its restarts, until a signal comes or nobody reads any more.
    private static func follow(
        _ link: RecorderLink, _ first: LiveClient, _ printer: EventPrinter, _ past: Past?, _ stopSignals: StopSignals,
        _ console: Console
    ) throws(CommandError) {
        var client: LiveClient? = first
        while !console.out.isClosed && !stopSignals.received {
            guard let current = client else {
                past?.settle()
                console.out.flush()
                wait(for: [stopSignals.descriptor], timeoutMs: 500)
                client = try link.again()
                if client != nil {
                    console.note("inquest: the recorder is back")
                    past?.lostTheRecorder()
                }
                continue
            }
            wait(for: [current.descriptor, stopSignals.descriptor], timeoutMs: past?.isWaiting == true ? 500 : -1)
            do throws(LiveError) {
                let events = try current.receive(timeoutMs: 0)
                if let past {
                    past.take(events, durableSeq: current.durableSeq)
                } else {
                    events.forEach(printer.show)
                }
            } catch {
                guard error.mayPass else { throw CommandError(error.message) }
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

extension EventFilter {
    /// What `--kind`, `--cgroup` and `--user` say.
    init(_ invocation: Invocation) throws(CommandError) {
        self.init()
        cgroup = invocation[Flags.cgroup].map { Bytes($0.utf8) }
        user = invocation[Flags.user].map { Bytes($0.utf8) }
        let known = EventKind.allCases.filter { $0 != .snapshot }
        for word in (invocation[Flags.kind] ?? "").split(separator: ",") {
            guard let kind = known.first(where: { $0.label == word }) else {
                let labels = known.map(\.label)
                throw CommandError(
                    "tail: --kind '\(word)' is none of \(labels.joined(separator: ", "))"
                        + Nearest.hint(String(word), among: labels), status: .usage)
            }
            kinds.insert(kind)
        }
    }
}
