import Events
import Incidents
import Recording
import Rendering

/// `inquest replay`: the recording's events through the correlator again.
enum ReplayCommand: Command {
    static let verb = Verbs.replay

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        var rules = Rules()
        do throws(UsageError) {
            try apply(invocation[Flags.thresholds], to: &rules)
        } catch {
            throw CommandError(error)
        }
        rules.ceilings = try ceilings(invocation[Flags.ceilings])
        let reader = try openRecording(invocation[Flags.directory])
        let found = incidents(reader, rules, console)
        for note in reader.damageNotes() { console.note("inquest: \(note)") }
        if invocation[Flags.json] {
            for incident in found {
                console.out.write(IncidentJSON.document(incident, pretty: false))
            }
        } else {
            console.write(found, from: invocation[Flags.directory])
            guard rules != Rules() else { return }
            let usual = incidents(reader, Rules(), console)
            console.out.write("\n")
            console.out.write(IncidentDifference.render(usual, found, console.textOptions))
        }
    }

    private static func incidents(_ reader: RecordingReader, _ rules: Rules, _ console: Console) -> [Incident] {
        var progress = ReplayProgress(console)
        let replay = Replay(reader, rules: rules) { progress.advance() }
        console.endProgress()
        return replay.closed + replay.open
    }
}

/// Shown on a terminal while a long recording is read.
private struct ReplayProgress {
    private let console: Console
    private var count = 0

    init(_ console: Console) { self.console = console }

    mutating func advance() {
        count += 1
        if count % 262_144 == 0 { console.progress("\(count) events read") }
    }
}
