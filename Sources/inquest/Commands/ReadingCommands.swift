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
        let reader = try openRecording(directory)
        let store = IncidentStore(reader, newestOnly: wanted == "last")
        for note in store.notes { console.note("inquest: \(note)") }
        let (incident, _) = try EventSpan.of(
            store.incident(wanted, in: directory), seenBy: invocation[Flags.audience], in: reader)
        var options = console.textOptions
        if invocation[Flags.all] { options.timelineEntries = nil }
        console.out.write(TerminalTimeline.render(incident, options))
    }
}
