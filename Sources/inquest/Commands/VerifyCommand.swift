import Events
import Recording
import Rendering

/// `inquest verify`: is everything that was recorded still there?
enum VerifyCommand: Command {
    static let verb = Verbs.verify

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        let directory = invocation[Flags.directory]
        let report: VerifyReport
        do throws(RecordingError) {
            report = try verify(directory)
        } catch {
            throw CommandError(error.message)
        }
        for line in lines(report) { console.out.writeLine(line) }
        guard report.damage.isEmpty else {
            throw CommandError(
                "\(directory) is damaged in \(report.damage.count) place\(report.damage.count == 1 ? "" : "s"), named above;"
                    + " show and export use what is intact")
        }
    }

    private static func lines(_ report: VerifyReport) -> [String] {
        var lines = [
            "segments   \(report.segments) (\(Rendering.Units.bytes(UInt64(report.fileBytes))))",
            "events     \(report.events), of them \(report.incidents) openings and closings of incidents",
        ]
        if let first = report.firstSeq, let last = report.lastSeq { lines.append("numbers    \(first) to \(last)") }
        if let size = report.bytesPerEvent {
            lines.append("size       \((size * 10).rounded() / 10) bytes an event")
        }
        lines.append(
            "end        " + (report.endedCleanly ? "clean" : "without a stop mark: still recording, killed, or reset"))
        for name in report.ignored { lines.append("ignored    \(oneLine(name)): a copy, or of another recording") }
        for name in report.unused { lines.append("unused     \(oneLine(name)): begun and never used") }
        for gap in report.gaps { lines.append("gap        \(gap.message)") }
        for place in report.damage { lines.append("damage     \(oneLine(place.message))") }
        lines.append(report.damage.isEmpty ? "intact" : "damaged")
        return lines
    }
}
