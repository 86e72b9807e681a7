import Events
import Host
import Incidents
import Recording
import Rendering

/// What `export --format` takes, in the order in which help lists it.
enum ExportFormat: String, CaseIterable {
    // One incident's document, or that of a span of time.
    case json, markdown
    // The events of either.
    case ndjson, csv, trace, html, sqlite
}

/// `inquest export`: one incident, or a span of time, as a document.
enum ExportCommand: Command {
    static let verb = Verbs.export

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        let format = ExportFormat(rawValue: invocation[Flags.format]) ?? .json
        let hasSpan = invocation.isGiven(Flags.from) || invocation.isGiven(Flags.until)
        if invocation.operand != nil && hasSpan {
            throw CommandError(
                "export: an incident, or a span of time with --since and --until: not both", status: .usage)
        }
        let directory = invocation[Flags.directory]
        guard hasSpan || invocation.operand == "all" else {
            return try incident(invocation.operand ?? "last", format, invocation, console)
        }
        let reader = try openRecording(directory)
        for note in reader.damageNotes() { console.note("inquest: \(note)") }
        let span = try EventSpan(since: cutoff(invocation[Flags.from]), until: cutoff(invocation[Flags.until]))
            .seen(by: invocation[Flags.audience], in: reader)
        let output = invocation[Flags.output]
        switch format {
        case .json, .markdown, .html:
            try write(format, span, span.findings(in: reader, IncidentStore(reader)), of: reader, to: output, console)
        case .sqlite:
            let incidents = span.incidents(of: IncidentStore(reader))
            try DatabaseExport.write(incidents, span, of: reader, to: output, console)
        case .ndjson, .csv, .trace: try write(format, span, SpanFindings(), of: reader, to: output, console)
        }
    }

    private static func incident(
        _ wanted: String, _ format: ExportFormat, _ invocation: Invocation, _ console: Console
    ) throws(CommandError) {
        let (directory, output) = (invocation[Flags.directory], invocation[Flags.output])
        let reader = try openRecording(directory)
        let store = IncidentStore(reader, newestOnly: wanted == "last")
        for note in store.notes { console.note("inquest: \(note)") }
        let found = try store.incident(wanted, in: directory)
        let (incident, span) = try EventSpan.of(
            found, leadInNs: format == .html ? HTMLReport.leadInNs(before: found) : 0,
            seenBy: invocation[Flags.audience], in: reader)
        switch format {
        case .json:
            try console.withOutput(output) { $0.write(IncidentJSON.document(incident, pretty: true)) }
        case .markdown:
            try console.withOutput(output) { $0.write(Markdown.render(incident)) }
        case .sqlite:
            try DatabaseExport.write([incident], span, of: reader, to: output, console)
        case .ndjson, .csv, .trace, .html:
            try write(format, span, SpanFindings(), of: reader, to: output, console)
        }
    }

    private static func cutoff(_ time: GivenTime?) -> Cutoff? {
        switch time {
        case .ago(let nanoseconds): Cutoff(nanoseconds, before: Clocks.snapshot(), boot: Clocks.bootID())
        case .at(let realtimeNs): Cutoff(realtimeNs: realtimeNs)
        case nil: nil
        }
    }

    private static func write(
        _ format: ExportFormat, _ span: EventSpan, _ findings: SpanFindings, of reader: RecordingReader,
        to output: String?, _ console: Console
    ) throws(CommandError) {
        try console.withOutput(output) { out throws(CommandError) in
            switch format {
            case .json: write(WindowExport(.json, findings), span, of: reader, to: out, console)
            case .markdown: write(WindowExport(.markdown, findings), span, of: reader, to: out, console)
            case .csv: write(SeriesCSV(), span, of: reader, to: out, console)
            case .trace: write(Trace(of: span.incident), span, of: reader, to: out, console)
            case .html: write(HTMLReport(of: span.incident, findings), span, of: reader, to: out, console)
            case .ndjson, .sqlite: write(EventJSON(), span, of: reader, to: out, console)
            }
        }
        console.endProgress()
    }

    private static func write<E: EventExport & ~Copyable>(
        _ empty: consuming E, _ span: EventSpan, of reader: RecordingReader, to out: ByteWriter, _ console: Console
    ) {
        var export = empty
        var progress = Progress("exporting", console)
        let last = reader.segments.last?.firstSeq ?? 0
        func take(_ event: Event, _ names: borrowing NameTable) {
            export.take(event, names)
            guard export.waiting >= 1 << 16 else { return }
            unsafe export.drain { unsafe out.write($0) }
            progress.reached(event.seq, of: last)
        }
        let names = span.forEach(in: reader, gap: { export.missing($0.missing, $0.reason) }, take)
        export.end(names)
        unsafe export.drain { unsafe out.write($0) }
    }
}
