import EventSamples
import Events
import Glibc
import Incidents

/// The golden cases: `Tests/cases/NAME/events.txt` beside `expected.txt`.
enum Cases {
    static let directory = CaseEvents.directory
    static let names = CaseEvents.names

    static func events(_ name: String) throws -> [Event] { try CaseEvents.of(name) }

    static func expected(_ name: String) -> String? { CaseEvents.read("\(directory)/\(name)/expected.txt") }

    /// Writes what came out as the new expectation, to be reviewed like code: `INQUEST_ACCEPT_CASES=1 swift test`.
    static var accepts: Bool { getenv("INQUEST_ACCEPT_CASES") != nil }

    static func accept(_ name: String, _ text: String) {
        guard let file = fopen("\(directory)/\(name)/expected.txt", "w") else { return }
        fputs(text, file)
        fclose(file)
    }

    /// The findings of a stream, and what is still open at its end.
    static func run(_ events: [Event], rules: Rules = Rules()) -> (findings: [Finding], open: [Incident], state: Bytes)
    {
        var correlator = Correlator(rules: rules)
        var findings: [Finding] = []
        for event in events { correlator.consume(event) { findings.append($0) } }
        return (findings, correlator.openIncidents(), correlator.snapshot())
    }

    /// The same of events as a replay has them: encoded, and taken where they are decoded.
    static func replay(_ events: [Event]) throws -> (findings: [Finding], open: [Incident], state: Bytes) {
        var encoder = EventEncoder()
        var decoder = EventDecoder()
        var correlator = Correlator()
        var findings: [Finding] = []
        for event in events {
            encoder.beginBlock()
            encoder.append(event)
            let bytes = encoder.withBytes { Bytes($0) }
            decoder.beginBlock(firstSeq: event.seq)
            var offset = 0
            try decoder.advance(bytes.span, at: &offset)
            correlator.consume(decoder.decoded) { findings.append($0) }
        }
        return (findings, correlator.openIncidents(), correlator.snapshot())
    }
}
