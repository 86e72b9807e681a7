import EventSamples
import Events
import Foundation
import Incidents
import Testing

@testable import Rendering

/// `--for USER`: whatever is made for one user says nothing of any other.
@Suite struct RedactionTests {
    /// Users whose processes are in a case: the number of each is an argument of its own.
    private static func users(_ events: [Event]) -> [UInt32] {
        var found: Set<UInt32> = []
        for event in events {
            switch event.payload {
            case .oomKill(let kill): found.formUnion([kill.victim.task.uid, kill.trigger.uid])
            case .signal(let signal): found.formUnion([signal.sender.uid, signal.target.task.uid])
            case .exit(let exit): found.insert(exit.task.uid)
            case .stall(let stall): found.insert(stall.task.uid)
            case .censusTask(let task): found.insert(task.task.uid)
            case .kernelLogKill(let kill): found.insert(kill.uid)
            default: break
            }
        }
        return found.sorted()
    }

    private static func incidents(_ events: [Event]) -> [Incident] {
        var correlator = Correlator()
        var incidents: [Incident] = []
        for event in events {
            correlator.consume(event) { if case .closed(let closed) = $0 { incidents.append(closed) } }
        }
        return incidents + correlator.openIncidents()
    }

    /// Every document there is, for one user.
    private static func documents(_ events: [Event], for uid: UInt32) throws -> [(format: String, text: String)] {
        var residents = Residents()
        var names = NameTable()
        for event in events {
            names.note(event)
            residents.learn(event, names)
        }
        residents.learn(names)
        let incidents = incidents(events)
        for incident in incidents { residents.learn(incident) }
        let redaction = Redaction(for: try #require(residents.audience("\(uid)")))
        let shown = incidents.map(redaction.redacted)
        func text(_ bytes: Bytes) -> String { String(decoding: bytes, as: UTF8.self) }
        var documents: [(format: String, text: String)] = shown.flatMap { incident in
            [
                ("json", text(IncidentJSON.document(incident))), ("markdown", text(Markdown.render(incident))),
                ("show", text(TerminalTimeline.render(incident, TextOptions(timelineEntries: nil)))),
                ("list", text(IncidentTable.render([incident]))),
            ]
        }
        func export<E: EventExport & ~Copyable>(_ format: String, _ empty: consuming E) {
            var export = empty
            var names = NameTable()
            for event in events {
                let event = redaction.redacted(event)
                names.note(event)
                export.take(event, names)
            }
            export.end(names)
            export.drain { documents.append((format, String(decoding: $0, as: UTF8.self))) }
        }
        export("ndjson", EventJSON())
        export("csv", SeriesCSV())
        export("trace", Trace(of: shown.first))
        export("html", HTMLReport(of: shown.first))
        let findings = SpanFindings(incidents: shown)
        export("json of a span", WindowExport(.json, findings))
        export("markdown of a span", WindowExport(.markdown, findings))
        export("html of a span", HTMLReport(of: nil, findings))
        return documents
    }

    @Test(arguments: CaseEvents.names)
    func `no name of another user is in any document for one of them`(_ name: String) throws {
        let events = try CaseEvents.of(name)
        for uid in Self.users(events) {
            var strange = StrangeNames(for: uid, events)
            let renamed = events.map { strange.renamed($0) }
            for (format, text) in try Self.documents(renamed, for: uid) {
                guard let found = text.firstMatch(of: StrangeNames.pattern) else { continue }
                let line = text[..<found.startIndex].suffix(200) + text[found.startIndex...].prefix(100)
                Issue.record("\(format) for \(uid): \(line)")
            }
        }
    }

    @Test(arguments: CaseEvents.names.filter { $0.hasPrefix("lab-") })
    func `one's own processes and cgroups are named, as without a redaction`(_ name: String) throws {
        let events = try CaseEvents.of(name)
        let kills = Self.incidents(events).flatMap(\.kills)
        for kill in kills {
            guard let uid = kill.victim.uid.value.flatMap({ UInt32(exactly: $0) }) else { continue }
            let documents = try Self.documents(events, for: uid)
            for format in ["json", "ndjson", "json of a span"] {
                let text = documents.filter { $0.format == format }.map(\.text).joined()
                let comm = String(decoding: kill.victim.comm.bytes, as: UTF8.self)
                let path = String(decoding: kill.victim.cgroup, as: UTF8.self)
                #expect(text.contains("\"\(comm)\""), "\(format)")
                #expect(text.contains("\"\(path)\"") || path.isEmpty, "\(format) \(path)")
            }
        }
    }

    @Test func `a sentence whose names nobody marked is left out whole`() throws {
        var incident = Incident()
        incident.summary = Bytes("secret[7] did it".utf8)
        var residents = Residents()
        var user = UserName()
        (user.uid, user.name) = (1001, Bytes("ana".utf8))
        residents.learn(Event(boottimeNs: 1, .userName(user)), NameTable())
        let redaction = Redaction(for: try #require(residents.audience("ana")))
        #expect(redaction.redacted(incident).summary == Bytes("(left out: it may name another user)".utf8))
        #expect(residents.audience("1001")?.uid == 1001)
        #expect(residents.audience("1002") == nil)
    }

    /// A name in a sentence read from a file may be said to stand anywhere.
    @Test func `marks that make no sense hide the whole sentence`() throws {
        struct Wild: NameWalker {
            mutating func text(_ name: StaticString, _ value: inout Bytes) { value = Bytes("who[7] died".utf8) }
            mutating func unsigned(_ name: StaticString, _ value: inout UInt64) { value = 9 }
            mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) { value.walk(&self) }
            mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) {
                value = [F(), F()]
                for index in value.indices { value[index].walk(&self) }
            }
        }
        var sentence = Sentence()
        var wild = Wild()
        sentence.walk(&wild)
        let shown = sentence.replacingNames { _, _ in Bytes("?".utf8) }
        #expect(shown.bytes == Bytes("?".utf8))
    }
}
