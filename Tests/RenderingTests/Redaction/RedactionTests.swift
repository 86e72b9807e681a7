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

    /// Every document there is, for one user.
    private static func documents(_ events: [Event], for uid: UInt32) throws -> [(format: String, text: String)] {
        let redaction: Redaction = try #require(AllDocuments.redaction(of: events, for: uid))
        return try AllDocuments.of(events, redaction)
    }

    /// What the search below goes through: without it, it would find nothing because there was nothing.
    @Test func `the cases have several users, kills, findings with paths, alternatives and evidence`() throws {
        var users = 0
        var incidents: [Incident] = []
        for name in CaseEvents.names {
            let events = try CaseEvents.of(name)
            users = max(users, Self.users(events).count)
            incidents += AllDocuments.incidents(events)
        }
        #expect(users >= 3)
        let kills = incidents.flatMap(\.kills)
        #expect(kills.contains { $0.sender != nil } && kills.contains { !$0.cause.alternatives.isEmpty })
        #expect(Set(kills.filter { !$0.victim.containerName.isEmpty }.map(\.victim.uid)).count >= 2)
        #expect(incidents.contains { !$0.alternatives.isEmpty })
        #expect(incidents.contains { $0.chain.contains { !$0.evidence.isEmpty } })
        let findings = incidents.flatMap(\.backstops)
        for rule in [FindingRule.uncappedTree, .ioNotCharged, .systemdOomd] {
            #expect(findings.contains { $0.rule == rule && $0.finding.contains(UInt8(ascii: "/")) }, "\(rule)")
        }
        #expect(findings.contains { !$0.setting.bytes.isEmpty } && findings.contains { !$0.evidence.isEmpty })
    }

    @Test(arguments: CaseEvents.names)
    func `no name of another user is in any document for one of them`(_ name: String) throws {
        let events = try CaseEvents.of(name)
        for uid in Self.users(events) {
            var strange = StrangeNames(for: uid, events)
            let renamed = events.map { strange.renamed($0) }
            let documents = try Self.documents(renamed, for: uid)
            let hasIncident = documents.contains { $0.format == "json" }
            #expect(
                AllDocuments.formats.subtracting(documents.map(\.format)).isEmpty || !hasIncident, "a format is missing"
            )
            for (format, text) in documents {
                guard let found = text.firstMatch(of: StrangeNames.pattern) else { continue }
                let line = text[..<found.startIndex].suffix(200) + text[found.startIndex...].prefix(100)
                Issue.record("\(format) for \(uid): \(line)")
            }
        }
    }

    @Test(arguments: CaseEvents.names.filter { $0.hasPrefix("lab-") })
    func `one's own processes and cgroups are named, as without a redaction`(_ name: String) throws {
        let events = try CaseEvents.of(name)
        let kills = AllDocuments.incidents(events).flatMap(\.kills)
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

    @Test func `a container is named to who runs in it, and to nobody else`() throws {
        let events = try CaseEvents.of("pod-names")
        for (uid, seen, hidden) in [(2000 as UInt32, "shop/cart-5c9", "bank"), (3000, "bank/ledger-0", "shop")] {
            let documents = try Self.documents(events, for: uid)
            let show = documents.filter { $0.format == "show" }.map(\.text).joined()
            #expect(show.replacing(/\s+/, with: " ").contains("pod \(seen)"), "\(show)")
            for (format, text) in documents { #expect(!text.contains(hidden), "\(format) for \(uid)") }
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
