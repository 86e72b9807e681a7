import Events
import Incidents
import Recording
import Rendering

/// `inquest list`: every incident in brief, newest last.
enum ListCommand: Command {
    static let verb = Verbs.list

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        let store = IncidentStore(try openRecording(invocation[Flags.directory]))
        for note in store.notes { console.note("inquest: \(note)") }
        if invocation[Flags.json] {
            for incident in store.incidents { console.out.write(IncidentListJSON.line(incident)) }
        } else {
            console.write(store.incidents, from: invocation[Flags.directory])
        }
    }
}

extension Console {
    /// A table; without any incident a sentence, beside the empty table's heading.
    func write(_ incidents: [Incident], from directory: String) {
        if incidents.isEmpty { note("inquest: no incidents in \(directory)") }
        out.write(IncidentTable.render(incidents, textOptions))
    }
}

/// `inquest show`: one timeline, for a terminal.
enum ShowCommand: Command {
    static let verb = Verbs.show

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        let directory = invocation[Flags.directory]
        let wanted = invocation.operand ?? "last"
        let store = IncidentStore(try openRecording(directory), newestOnly: wanted == "last")
        for note in store.notes { console.note("inquest: \(note)") }
        let incident = try store.incident(wanted, in: directory)
        var options = console.textOptions
        if invocation[Flags.all] { options.timelineEntries = nil }
        console.out.write(TerminalTimeline.render(incident, options))
    }
}

/// `inquest export`: one incident as a document, or every event of the recording.
enum ExportCommand: Command {
    static let verb = Verbs.export

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        let directory = invocation[Flags.directory]
        let format = invocation[Flags.format]
        let wanted = invocation.operand ?? "last"
        let isWhole = wanted == "all"
        if isWhole, format != "ndjson" {
            throw CommandError(
                "all is every event of the recording, which only --format ndjson can write", status: .usage)
        }
        let reader = try openRecording(directory)
        let store = IncidentStore(reader, newestOnly: wanted == "last")
        for note in store.notes { console.note("inquest: \(note)") }
        if isWhole {
            try console.withOutput(invocation[Flags.output]) { out throws(CommandError) in
                events(of: nil, in: reader, to: out)
            }
            return
        }
        let incident = try store.incident(wanted, in: directory)
        try console.withOutput(invocation[Flags.output]) { out throws(CommandError) in
            switch format {
            case "json":
                out.write(IncidentJSON.document(incident, pretty: true))
            case "markdown":
                out.write(Markdown.render(incident))
            default:
                events(of: incident, in: reader, to: out)
            }
        }
    }

    /// The events from the incident's opening to its end, or without one all of them; one JSON line each.
    private static func events(of incident: Incident?, in reader: RecordingReader, to out: ByteWriter) {
        var clock = incident?.clock ?? ClockSnapshot()
        var isOver = false
        reader.forEach(from: 0) { event in
            if case .clock(let snapshot) = event.payload { clock = snapshot }
            if case .snapshot = event.payload { return }
            guard event.seq >= incident?.openingSeq ?? 0, !isOver else { return }
            out.write(EventJSON.line(event, clock: clock))
            if case .incident(let record) = event.payload, record.state == .closed,
                record.openingSeq == incident?.openingSeq
            {
                isOver = true
            }
        }
    }
}
