import Events
import Rendering

/// Writes events as lines of text or JSON, each once.
final class EventPrinter {
    /// Earlier events are not shown; their names are learned.
    var cutoff: Cutoff?
    /// The number of the newest event that was taken; 0 before the first.
    private(set) var lastSeq: UInt64 = 0
    private let console: Console
    private let json: Bool
    private let filter: EventFilter
    private var lines = EventJSON()
    private var names = NameTable()
    private var host = HostLine()
    private var lastHostLineNs: UInt64 = 0
    /// Between two lines about how the host feels.
    private static let hostLineNs: UInt64 = 5_000_000_000

    init(console: Console, json: Bool, filter: EventFilter) {
        self.console = console
        self.json = json
        self.filter = filter
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
        // What has no number is what the recorder says to this reader alone.
        guard event.seq == 0 || event.seq > lastSeq else { return }
        lastSeq = max(lastSeq, event.seq)
        names.note(event)
        let isSample = host.note(event)
        let clock = names.clock
        if let cutoff, !cutoff.includes(event.moment, of: names.boot, clock: clock) { return }
        guard filter.passes(event, names) else { return }
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
