import EventSamples
import Events
import Incidents
import Testing

@testable import Rendering

/// What `replay --set` says beside the table.
@Suite struct DifferenceTests {
    private func incidents(_ name: String, _ settings: [(String, String)] = []) throws -> [Incident] {
        var rules = Rules()
        for (name, value) in settings { try rules.set(name: name, value: value) }
        var correlator = Correlator(rules: rules)
        var found: [Incident] = []
        for event in try CaseEvents.of(name) {
            correlator.consume(event) { if case .closed(let incident) = $0 { found.append(incident) } }
        }
        return found + correlator.openIncidents()
    }

    private func difference(_ name: String, _ settings: (String, String)...) throws -> String {
        shown(try incidents(name), try incidents(name, settings))
    }

    private func shown(_ before: [Incident], _ after: [Incident]) -> String {
        String(decoding: IncidentDifference.render(before, after, TextOptions(width: 200)), as: UTF8.self)
    }

    @Test func `thresholds that change nothing are said to change nothing`() throws {
        #expect(
            try difference("device-stall", ("growth_lookback", "200s"))
                == "The same incident as with the default thresholds.\n")
    }

    @Test func `an incident that is no longer found, or only now, is named with class, scope and time`() throws {
        let gone = try difference("device-stall", ("device_silence", "1000s"))
        #expect(gone.hasPrefix("Beside the default thresholds:\n- "), "\(gone)")
        #expect(gone.contains(" device_stall of the host, 2026-05-28 20:27:10.0 +00:00 to 20:27:30.0\n"), "\(gone)")
        let new = shown([], try incidents("device-stall"))
        #expect(new.contains("\n+ ") && new.contains("device_stall of"), "\(new)")
    }

    @Test func `an incident that opens at another event is the same one, and what differs in it is said`() throws {
        #expect(
            try difference("device-stall", ("device_silence", "9s"))
                == "The same incident as with the default thresholds.\n")
        let apart = try difference("kills-within-ten-seconds", ("kill_merge", "1s"))
        #expect(apart.contains("\n~ ") && apart.contains("kills was 3") && apart.contains("\n+ "), "\(apart)")
        #expect(!apart.contains("\n- "), "\(apart)")
    }
}
