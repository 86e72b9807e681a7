import Database
import Events
import Incidents
import Recording
import Rendering

/// `export --format sqlite`.
enum DatabaseExport {
    /// - Parameters:
    ///   - incidents: as they are to be shown.
    ///   - output: SQLite writes here and there in its file: standard output will not do.
    static func write(
        _ incidents: [Incident], _ span: EventSpan, of reader: RecordingReader, to output: String?, _ console: Console
    ) throws(CommandError) {
        guard let output, output != "-" else {
            throw CommandError("a database is a file of its own: name it with -o FILE", status: .usage)
        }
        try OutputFile.build(output) { path throws(CommandError) in
            do throws(DatabaseError) {
                try fill(path, incidents, span, of: reader, console)
            } catch {
                throw CommandError("cannot write \(output): \(error.message)")
            }
        }
        console.endProgress()
    }

    private static func fill(
        _ path: String, _ incidents: [Incident], _ span: EventSpan, of reader: RecordingReader, _ console: Console
    ) throws(DatabaseError) {
        var database = try DatabaseWriter(path)
        for incident in incidents { database.add(incident) }
        var progress = Progress("exporting", console)
        let last = reader.segments.last?.firstSeq ?? 0
        let names = span.forEach(in: reader) { event, names in
            database.take(event, names)
            if event.seq % 1024 == 0 { progress.reached(event.seq, of: last) }
        }
        try database.finish(names)
    }
}
