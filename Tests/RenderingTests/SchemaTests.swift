import Events
import Foundation
import Incidents
import Testing

@testable import Rendering

/// docs/*.schema.json against the lists of fields, and documents for a real validator.
///
/// `INQUEST_WRITE_GOLDEN=1 swift test --filter SchemaTests` writes the schemas anew (and fails while it does).
/// `INQUEST_DOCUMENTS_DIR=DIR swift test --filter SchemaTests` also writes documents of every kind to DIR, for `tools/validate-json DIR`.
@Suite struct SchemaTests {
    @Test(arguments: SchemaDocuments.all.map(\.file))
    func `the published schema is what the field lists give`(file: String) throws {
        let text = try #require(SchemaDocuments.all.first { $0.file == file }).text
        let docs = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("docs")
        let url = docs.appendingPathComponent(file)
        if ProcessInfo.processInfo.environment["INQUEST_WRITE_GOLDEN"] == "1" {
            try Data(text.utf8).write(to: url)
            Issue.record("written, not compared: \(file)")
            return
        }
        let published = try String(contentsOf: url, encoding: .utf8)
        #expect(published == text, "docs/\(file) is not what the field lists give; INQUEST_WRITE_GOLDEN=1 writes it")
    }

    @Test func `every description in the table belongs to a field or a part`() {
        let texts = SchemaDocuments.all.map(\.text).joined()
        let described =
            Array(SchemaWords.parts.values) + Array(SchemaWords.fields.values) + Array(SchemaWords.values.values)
        for words in described {
            let escaped = words.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            #expect(texts.contains(escaped), "used nowhere: \(words)")
        }
    }

    @Test func `documents of every kind are there for a validator`() throws {
        let documents = Documents.all
        #expect(documents.contains { $0.name == "events.ndjson" })
        guard let path = ProcessInfo.processInfo.environment["INQUEST_DOCUMENTS_DIR"], !path.isEmpty else { return }
        let directory = URL(fileURLWithPath: path)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        for (name, bytes) in documents { try Data(bytes).write(to: directory.appendingPathComponent(name)) }
    }
}

/// One document of everything that is written as JSON: samples, everything known, nothing known.
enum Documents {
    static let all: [(name: String, bytes: Bytes)] = {
        var filled = Incident()
        var filler = FilledFields()
        filled.walk(&filler)
        let incidents = Samples.all + [("filled", filled)]
        var documents: [(String, Bytes)] = incidents.map {
            ("incident-" + $0.name + ".json", IncidentJSON.document($0.incident))
        }
        var report = ContainmentReport()
        report.walk(&filler)
        documents.append(("containment.json", DocumentJSON.line("inquest.containment/1", report)))
        documents.append(("containment-unknown.json", DocumentJSON.line("inquest.containment/1", ContainmentReport())))
        var window = Window()
        window.walk(&filler)
        documents.append(("window.json", WindowJSON.document(window)))
        documents.append(("window-unknown.json", WindowJSON.document(Window())))
        documents.append(("incidents.ndjson", incidents.flatMap { IncidentJSON.document($0.incident, pretty: false) }))
        documents.append(("summaries.ndjson", incidents.flatMap { IncidentListJSON.line($0.incident) }))
        documents.append(("events.ndjson", events.flatMap { EventJSON.line($0, clock: sampleClock()) }))
        documents.append(("events-without-clock.ndjson", events.flatMap { EventJSON.line($0) }))
        return documents
    }()

    /// Two events of every kind: with every field set, and with nothing known.
    static let events: [Event] = EventKind.allCases.flatMap { kind in
        var filler = FilledFields()
        var untouched = UntouchedFields()
        return [
            Event(seq: 7, boottimeNs: at(1500).boottimeNs, Payload.read(kind, &filler)),
            Event(seq: 8, boottimeNs: at(1501).boottimeNs, Payload.read(kind, &untouched)),
        ]
    }
}
