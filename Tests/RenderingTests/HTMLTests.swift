import EventSamples
import Events
import Foundation
import Incidents
import Testing

@testable import Rendering

/// A page of HTML as a browser takes it apart: elements, attributes, text. Everything that is not as our writer writes it is an error.
private struct Page {
    struct Element {
        let name: String
        let attributes: [String: String]
    }
    struct Broken: Error { let what: String }

    private(set) var elements: [Element] = []
    private(set) var text = ""
    var ids: [String] { elements.compactMap { $0.attributes["id"] } }
    /// What a name must never change: which elements there are, in which order, with which attributes.
    var structure: [String] { elements.map { $0.name + " " + $0.attributes.keys.sorted().joined(separator: " ") } }

    init(_ bytes: Bytes) throws {
        var rest = String(decoding: bytes, as: UTF8.self)[...]
        guard rest.hasPrefix("<!DOCTYPE html>\n") else { throw Broken(what: "no doctype") }
        rest.removeFirst(16)
        var open: [String] = []
        while let start = rest.firstIndex(of: "<") {
            text += rest[..<start]
            rest = rest[rest.index(after: start)...]
            guard let end = rest.firstIndex(of: ">") else { throw Broken(what: "an open tag") }
            let tag = rest[..<end]
            rest = rest[rest.index(after: end)...]
            if tag.first == "/" {
                guard open.popLast() == String(tag.dropFirst()) else { throw Broken(what: "</\(tag.dropFirst())>") }
                continue
            }
            let element = try Self.element(tag)
            elements.append(element)
            if element.name == "meta" { continue }
            open.append(element.name)
            if element.name == "script" || element.name == "style" {
                guard let end = rest.range(of: "</\(element.name)>") else { throw Broken(what: element.name) }
                rest = rest[end.lowerBound...]
            }
        }
        text += rest
        if !open.isEmpty { throw Broken(what: "not closed: \(open)") }
    }

    private static func element(_ tag: Substring) throws -> Element {
        let name = tag.prefix { $0.isLetter || $0.isNumber }
        var rest = tag.dropFirst(name.count)
        var attributes: [String: String] = [:]
        while !rest.isEmpty {
            guard let match = rest.prefixMatch(of: /\ ([a-zA-Z0-9-]+)="([^"<>]*)"/) else {
                throw Broken(what: "<\(tag)>")
            }
            guard attributes.updateValue(String(match.2), forKey: String(match.1)) == nil else {
                throw Broken(what: "twice: <\(tag)>")
            }
            rest = rest.dropFirst(match.0.count)
        }
        return Element(name: String(name), attributes: attributes)
    }
}

@Suite struct HTMLTests {
    private func page(of events: [Event], _ incident: Incident?) -> Bytes {
        var report = HTMLReport(of: incident)
        var names = NameTable()
        for event in events {
            names.note(event)
            report.take(event, names)
        }
        report.end(names)
        var bytes: Bytes = []
        report.drain { bytes.append(contentsOf: $0) }
        #expect(report.waiting == 0)
        return bytes
    }

    private func incident(of events: [Event]) -> Incident? {
        var correlator = Correlator()
        var incident: Incident?
        for event in events {
            correlator.consume(event) { if case .closed(let closed) = $0 { incident = incident ?? closed } }
        }
        return incident ?? correlator.openIncidents().first
    }

    /// Style and script have their own tests, in a browser.
    private func withoutSheet(_ page: Bytes) -> Bytes {
        let text = String(decoding: page, as: UTF8.self)
            .replacing(/<style>(?s:.*?)<\/style>/, with: "<style></style>")
            .replacing(/<script>(?s:.*?)<\/script>/, with: "<script></script>")
            .replacing(/sha256-[A-Za-z0-9+\/=]*/, with: "sha256-")
        return Bytes(text.utf8)
    }

    @Test(arguments: ["contained-kill", "device-stall", "lab-earlyoom"])
    func `a page is as it should be`(_ name: String) throws {
        let events = try CaseEvents.of(name)
        Golden.expect(withoutSheet(page(of: events, incident(of: events))), name + ".html")
    }

    @Test func `a page of a span of time is as it should be`() throws {
        Golden.expect(withoutSheet(page(of: try CaseEvents.of("contained-kill"), nil)), "contained-kill.span.html")
    }

    @Test(arguments: CaseEvents.names, [true, false])
    func `a page holds together: its links lead somewhere in it, nothing comes from elsewhere`(
        _ name: String, ofIncident: Bool
    ) throws {
        let events = try CaseEvents.of(name)
        let page = try Page(page(of: events, ofIncident ? incident(of: events) : nil))
        #expect(Set(page.ids).count == page.ids.count)
        for element in page.elements {
            if let target = element.attributes["href"] {
                #expect(target.first == "#" && page.ids.contains(String(target.dropFirst())), "\(target)")
            }
            if let label = element.attributes["aria-labelledby"] { #expect(page.ids.contains(label)) }
            #expect(Set(element.attributes.keys).isDisjoint(with: ["src", "style", "onclick", "onload", "srcset"]))
            #expect(!["img", "link", "iframe", "object", "base", "form", "image"].contains(element.name))
        }
        #expect(page.elements.count { $0.name == "table" } == page.elements.count { $0.name == "caption" })
        let plots = page.elements.filter { $0.attributes["class"] == "plot" }
        #expect(plots.allSatisfy { !($0.attributes["aria-label"] ?? "").isEmpty })
    }

    @Test func `a disk's ceiling is the incident's, learned or set; without one what it moved at most`() throws {
        let events = try CaseEvents.of("lab-origin")
        let known = try #require(incident(of: events))
        func text(_ incident: Incident?) throws -> String { try Page(page(of: events, incident)).text }
        #expect(try text(known).contains("ceiling learned 24.5 MiB/s"))
        #expect(try text(nil).contains("most in 10 s 26.0 MiB/s"))
        var set = known
        for link in set.chain.indices {
            for index in set.chain[link].evidence.indices
            where set.chain[link].evidence[index].name == b("throughput of vda, ceiling learned") {
                set.chain[link].evidence[index].name = b("throughput of vda, ceiling set")
                set.chain[link].evidence[index].threshold = Figure(30 << 20)
            }
        }
        #expect(try text(set).contains("ceiling set 30 MiB/s"))
    }

    @Test func `no name changes the structure of a page`() throws {
        for seed in 1...20 as ClosedRange<UInt64> {
            var (hostile, plain) = (Incident(), Incident())
            var wild = WildFields(seed: seed)
            hostile.walk(&wild)
            var tame = WildFields(
                seed: seed,
                names: wild.names.map { name in name.isEmpty ? [] : b("name\(wild.names.firstIndex(of: name) ?? 0)") })
            plain.walk(&tame)
            let (found, should) = (try Page(page(of: [], hostile)), try Page(page(of: [], plain)))
            #expect(found.structure == should.structure, "seed \(seed)")
            #expect(!actsOnTerminal(found.text.replacingOccurrences(of: "\n", with: "")), "seed \(seed)")
        }
    }

    @Test func `no event, however absurd, breaks a page`() throws {
        for seed in 1...10 as ClosedRange<UInt64> {
            var wild = WildFields(seed: seed)
            var events: [Event] = []
            for kind in EventKind.allCases {
                for _ in 0..<3 {
                    events.append(Event(seq: wild.number(), boottimeNs: wild.number(), Payload.read(kind, &wild)))
                }
            }
            var incident = Incident()
            incident.walk(&wild)
            _ = try Page(page(of: events, nil))
            _ = try Page(page(of: events, incident))
        }
    }

    @Test func `four times the events make a page no larger than a megabyte, nor much larger than before`() throws {
        func size(_ count: UInt64) -> Int {
            var host = BusyHost()
            return page(of: (1...count).map { host.next(seq: $0) }, nil).count
        }
        let (short, long) = (size(12_000), size(48_000))
        #expect(long < 1_000_000 && long < short * 3 / 2, "\(short), \(long)")
    }

    @Test func `the hash that lets the script run is SHA-256 in base 64`() {
        func hex(_ bytes: Bytes) -> String { bytes.map { String(format: "%02x", $0) }.joined() }
        // FIPS 180-4's examples, and lengths around a block's end.
        #expect(
            hex(SHA256.hash(b(""))) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            hex(SHA256.hash(b("abc"))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            hex(SHA256.hash(b("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")))
                == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
        for (text, encoded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            #expect(base64(b(text)) == encoded)
        }
        #expect(base64([0xff, 0xfe, 0xfd]) == Data([0xff, 0xfe, 0xfd]).base64EncodedString())
    }
}
