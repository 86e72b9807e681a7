import Events
import Incidents
import Testing

@Suite struct GoldenTests {
    @Test(arguments: Cases.names)
    func `a recorded case gives the expected timeline`(_ name: String) throws {
        let (findings, open, _) = Cases.run(try Cases.events(name))
        let got = Dump.findings(findings, stillOpen: open)
        if Cases.accepts { Cases.accept(name, got) }
        let expected = try #require(Cases.expected(name), "\(name)/expected.txt is missing")
        if got != expected {
            let (a, b) = (got.split(separator: "\n"), expected.split(separator: "\n"))
            let line = zip(a, b).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(a.count, b.count)
            Issue.record(
                "\(name): line \(line + 1)\n  got      \(line < a.count ? a[line] : "(end)")\n  expected \(line < b.count ? b[line] : "(end)")"
            )
        }
    }

    @Test(arguments: Cases.names)
    func `no sentence shows how it was made`(_ name: String) throws {
        // A Phrase inside a String literal is written as Swift sees it: that must not reach a reader.
        let text = try #require(Cases.expected(name))
        for trace in ["Phrase(", "Optional(", "nil"] { #expect(!text.contains(trace), "\(name): \(trace)") }
    }

    @Test(arguments: Cases.names)
    func `events taken where they are decoded give what events give`(_ name: String) throws {
        let events = try Cases.events(name)
        let (live, replay) = (Cases.run(events), try Cases.replay(events))
        #expect(replay.findings == live.findings)
        #expect(replay.open == live.open)
        #expect(replay.state == live.state)
    }

    @Test func `there are golden cases`() { #expect(Cases.names.count >= 20) }

    @Test(arguments: Cases.names)
    func `a snapshot taken anywhere continues exactly like the original`(_ name: String) throws {
        let events = try Cases.events(name)
        let whole = Cases.run(events)
        // Every event of a short case; of a long one about fifty cuts.
        let step = max(events.count / 50, 1)
        for cut in stride(from: 0, to: events.count, by: step) {
            var first = Correlator()
            var findings: [Finding] = []
            for event in events[..<cut] { first.consume(event) { findings.append($0) } }
            let saved = first.snapshot()
            var second = try Correlator(snapshot: saved)
            #expect(second.snapshot() == saved, "\(name): the snapshot at \(cut) changed when it was restored")
            for event in events[cut...] { second.consume(event) { findings.append($0) } }
            #expect(findings == whole.findings, "\(name): findings differ when cut at \(cut)")
            #expect(second.snapshot() == whole.state, "\(name): the state differs when cut at \(cut)")
        }
    }
}
