import Events
import Foundation
import Incidents
import Testing

@testable import Rendering

/// Sets every field to something improbable: extremes, unknown, hostile names, lists of any small length. The same for the same seed.
struct WildFields: FieldWalker {
    typealias Failure = Never
    var state: UInt64
    let names: [Bytes]

    init(seed: UInt64, names: [Bytes] = hostileNames(64)) {
        state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
        self.names = names
    }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }

    mutating func number() -> UInt64 {
        switch next() % 8 {
        case 0: 0
        case 1: .max
        case 2: .max - 1
        case 3: .max - 2
        case 4: next() % 1000
        case 5: UInt64(Int64.max)
        default: next() >> (next() % 64)
        }
    }

    mutating func name() -> Bytes { names[Int(next() % UInt64(names.count))] }

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) { value = number() }
    mutating func signed(_ name: StaticString, _ value: inout Int64) { value = Int64(bitPattern: number()) }
    mutating func optionalSigned(_ name: StaticString, _ value: inout Int64?) {
        value = next() % 3 == 0 ? nil : Int64(bitPattern: number())
    }
    mutating func flag(_ name: StaticString, _ value: inout Bool) { value = next() % 2 == 0 }
    mutating func figure(_ name: StaticString, _ value: inout Figure) { value = Figure(raw: number()) }
    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) {
        value = Array(C.allCases)[Int(next() % UInt64(C.allCases.count))]
    }
    mutating func comm(_ name: StaticString, _ value: inout Comm) { value = Comm(self.name()) }
    mutating func bootID(_ name: StaticString, _ value: inout BootID) { value = BootID(high: number(), low: number()) }
    mutating func text(_ name: StaticString, _ value: inout Bytes) { value = self.name() }
    mutating func blob(_ name: StaticString, _ value: inout Bytes) { value = self.name() }
    mutating func moment(_ name: StaticString, _ value: inout Moment) { value = Moment(boottimeNs: number()) }
    mutating func ratio(_ name: StaticString, _ value: inout Ratio) {
        value.millionths = UInt32(truncatingIfNeeded: number())
    }
    mutating func histogram(_ name: StaticString, _ value: inout Histogram) {
        for slot in 0..<Histogram.slots { value.counts[slot] = UInt32(truncatingIfNeeded: number()) }
    }
    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) { value.walk(&self) }
    mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) {
        var inner = F()
        inner.walk(&self)
        value = next() % 3 == 0 ? nil : inner
    }
    mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) {
        value = (0..<next() % 9).map { _ in F() }
        for index in value.indices { value[index].walk(&self) }
    }
    mutating func texts(_ name: StaticString, _ value: inout [Bytes]) {
        value = (0..<next() % 4).map { _ in self.name() }
    }
}

@Suite struct WildTests {
    private func harmless(_ page: Bytes, width: Int?, _ seed: UInt64) {
        for line in String(decoding: page, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false) {
            #expect(!actsOnTerminal(String(line)), "seed \(seed): \(line)")
            if let width { #expect(displayWidth(String(line)) <= width, "seed \(seed): \(line)") }
        }
    }

    @Test func `no incident, however absurd, breaks a renderer`() throws {
        for seed in 1...50 as ClosedRange<UInt64> {
            var incident = Incident()
            var wild = WildFields(seed: seed)
            incident.walk(&wild)
            for entries in [4, nil] {
                let options = TextOptions(width: 80, timelineEntries: entries)
                harmless(TerminalTimeline.render(incident, options), width: 80, seed)
            }
            harmless(Markdown.render(incident, timelineEntries: 5), width: nil, seed)
            harmless(IncidentTable.render([incident]), width: nil, seed)
            for document in [IncidentJSON.document(incident), IncidentListJSON.line(incident)] {
                let parsed = try? JSONSerialization.jsonObject(with: Data(document))
                #expect(parsed is [String: Any], "seed \(seed)")
            }
        }
    }

    @Test(arguments: EventKind.allCases)
    func `no event, however absurd, breaks a renderer`(kind: EventKind) throws {
        var names = NameTable(capacity: 8)
        var host = HostLine()
        for seed in 1...25 as ClosedRange<UInt64> {
            var wild = WildFields(seed: seed)
            let event = Event(seq: wild.number(), boottimeNs: wild.number(), Payload.read(kind, &wild))
            names.note(event)
            host.note(event)
            let parsed = try? JSONSerialization.jsonObject(with: Data(EventJSON.line(event, clock: names.clock)))
            #expect(parsed is [String: Any], "seed \(seed)")
            for line in [EventLine.render(event, names), host.line(at: event.moment, names)] {
                if let line { harmless(line, width: nil, seed) }
            }
        }
    }
}
