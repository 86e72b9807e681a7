import EventSamples
import Events
import Foundation
import Incidents
import Rendering
import Testing

/// Text as it should be, beside the tests: `Tests/cases/rendering/NAME.EXTENSION`.
///
/// After a wanted change: `INQUEST_WRITE_GOLDEN=1 swift test --filter GoldenTests`, then read the difference. The tests fail while
/// they write, so that a run never passes by having written its own expectation.
enum Golden {
    static let directory = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("cases/rendering")

    static func expect(_ bytes: Bytes, _ file: String, _ location: SourceLocation = #_sourceLocation) {
        let url = directory.appendingPathComponent(file)
        if ProcessInfo.processInfo.environment["INQUEST_WRITE_GOLDEN"] == "1" {
            do {
                try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
                try Data(bytes).write(to: url)
                Issue.record("written, not compared: \(file)", sourceLocation: location)
            } catch { Issue.record(error, sourceLocation: location) }
            return
        }
        guard let expected = try? Data(contentsOf: url) else {
            Issue.record("\(file) is missing; INQUEST_WRITE_GOLDEN=1 writes it", sourceLocation: location)
            return
        }
        guard Data(bytes) != expected else { return }
        let got = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        let want = String(decoding: expected, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        let line =
            zip(got, want).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(got.count, want.count)
        Issue.record(
            """
            \(file) differs from line \(line + 1):
            want: \(line < want.count ? String(want[line]) : "(end)")
            got:  \(line < got.count ? String(got[line]) : "(end)")
            """, sourceLocation: location)
    }
}

@Suite struct GoldenTests {
    @Test(arguments: Samples.all.map(\.name))
    func `an incident reads on a terminal as it should`(name: String) throws {
        let incident = try #require(Samples.all.first { $0.name == name }).incident
        Golden.expect(TerminalTimeline.render(incident), name + ".txt")
    }

    @Test func `every figure has its threshold and source when everything is asked for`() {
        let options = TextOptions(timelineEntries: nil)
        Golden.expect(TerminalTimeline.render(Samples.swapThrash(), options), "swap-thrash-reset.all.txt")
        Golden.expect(TerminalTimeline.render(Samples.containedKill(), options), "contained-kill.all.txt")
    }

    @Test(arguments: Samples.all.map(\.name))
    func `an incident reads as a post-mortem as it should`(name: String) throws {
        let incident = try #require(Samples.all.first { $0.name == name }).incident
        Golden.expect(Markdown.render(incident), name + ".md")
    }

    @Test(arguments: ["lab-earlyoom", "lab-origin"])
    func `an incident of the lab reads as it should in every document`(_ name: String) throws {
        var closed: [Incident] = []
        var correlator = Correlator()
        for event in try CaseEvents.of(name) {
            correlator.consume(event) { if case .closed(let incident) = $0 { closed.append(incident) } }
        }
        let incident = try #require(closed.first ?? correlator.openIncidents().first)
        Golden.expect(TerminalTimeline.render(incident), name + ".txt")
        Golden.expect(Markdown.render(incident), name + ".md")
        Golden.expect(IncidentJSON.document(incident), name + ".json")
    }

    @Test func `a list of incidents lines up`() {
        Golden.expect(IncidentTable.render(Samples.all.map(\.incident)), "list.table.txt")
        Golden.expect(IncidentTable.render([]), "list-empty.table.txt")
    }

    @Test(arguments: Samples.all.map(\.name))
    func `an incident's document is what it was`(name: String) throws {
        let incident = try #require(Samples.all.first { $0.name == name }).incident
        Golden.expect(IncidentJSON.document(incident), name + ".json")
    }
}
