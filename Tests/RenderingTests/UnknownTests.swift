import EventSamples
import Events
import Incidents
import Testing

@testable import Rendering

/// Unknown is unknown, in every document: never 0, root, or a number that means nothing.
@Suite struct UnknownTests {
    /// Nobody's user is known.
    private struct WithoutUsers: NameWalker {
        mutating func unsigned(_ name: StaticString, _ value: inout UInt64) {
            if "\(name)".hasSuffix("uid") { value = UInt64(UInt32.max) }
        }
        mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) { value.walk(&self) }
    }

    @Test(arguments: CaseEvents.names)
    func `a user who is unknown is nobody, not root`(_ name: String) throws {
        var walker = WithoutUsers()
        let events = try CaseEvents.of(name).compactMap { event in
            if case .userName = event.payload { return nil as Event? }
            var event = event
            event.payload = event.payload.rewritten(by: &walker)
            return event
        }
        for (format, text) in try AllDocuments.of(events) {
            for wrong in ["4294967295", "uid 0", "\"uid\":0", " of root"] where text.contains(wrong) {
                let line = text.split(separator: "\n").first { $0.contains(wrong) } ?? ""
                Issue.record("\(format): \(wrong) in \(line.prefix(400))")
            }
        }
    }

    @Test(arguments: CaseEvents.names)
    func `no figure of evidence is a question mark`(_ name: String) throws {
        for (format, text) in try AllDocuments.of(CaseEvents.of(name)) {
            guard let found = text.firstMatch(of: /\? (?:%|count|pages\/s)/) else { continue }
            Issue.record("\(format): \(text[..<found.range.lowerBound].suffix(200))\(text[found.range])")
        }
    }

    @Test func `evidence without a figure says so in words, whatever its unit`() {
        var evidence = Evidence()
        evidence.name = Bytes("memory full".utf8)
        evidence.threshold = 20
        evidence.source = Bytes("memory.pressure".utf8)
        for (unit, limit) in [("percent", "20 %"), ("bytes", "20 B"), ("ns", "20 ns"), ("tasks", "20 tasks")] {
            evidence.unit = Bytes(unit.utf8)
            #expect(NameWords.evidence(evidence) == "memory full unknown (against \(limit)), memory.pressure")
        }
        // A sentence alone, of which no figure was expected.
        evidence.unit = Bytes()
        evidence.threshold = .unknown
        #expect(NameWords.evidence(evidence) == "memory full, memory.pressure")
    }
}
