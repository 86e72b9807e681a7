import EventSamples
import Events
import Foundation
import Incidents
import Testing

@testable import Metrics

/// Pages as they should be: `Tests/cases/metrics/NAME.prom`, of the events of the golden cases.
///
/// After a wanted change: `INQUEST_WRITE_GOLDEN=1 swift test --filter MetricsTests`, then read the difference.
@Suite struct PageTests {
    static let cases = [
        "contained-kill", "memory-high-livelock", "lost-events", "lab-earlyoom", "lab-origin", "lab-swap-in-a-cgroup",
        "lab-device-stall",
    ]

    @Test(arguments: cases) func `the page of a case is as it should be`(name: String) throws {
        let page = try folded(name).page(isConnected: true, version: "0.1.0")
        let url = URL(fileURLWithPath: CaseEvents.directory).appendingPathComponent("metrics/\(name).prom")
        if ProcessInfo.processInfo.environment["INQUEST_WRITE_GOLDEN"] == "1" {
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(page).write(to: url)
            Issue.record("written, not compared: \(name)")
            return
        }
        let want = String(decoding: try Data(contentsOf: url), as: UTF8.self)
        let got = String(decoding: page, as: UTF8.self)
        for (index, (a, b)) in zip(lines(got), lines(want)).enumerated() where a != b {
            Issue.record("\(name).prom differs from line \(index + 1):\nwant: \(b)\ngot:  \(a)")
            return
        }
        #expect(got == want)
    }

    @Test(arguments: CaseEvents.names) func `every case gives a page that Prometheus can read, each series once`(
        name: String
    ) throws {
        let page = try PageText(folded(name))
        #expect(Set(page.samples.map(\.series)).count == page.samples.count)
        #expect(page.types.map(\.name) == Families.all.map(\.name))
        #expect(page.types.map(\.type) == Families.all.map(\.type.rawValue))
        for sample in page.samples {
            let family = try #require(Families.all.first { $0.name == sample.name } ?? histogram(of: sample.name))
            let labels = Set(sample.labels.keys).subtracting(family.type == .histogram ? ["le"] : [])
            #expect(labels == Set(family.labels), "\(sample.series)")
        }
    }

    @Test(arguments: cases) func `no counter falls while a case goes by`(name: String) throws {
        var fold = MetricsFold()
        var before: [String: Double] = [:]
        for (index, event) in try numbered(CaseEvents.of(name)).enumerated() {
            fold.consume(event)
            guard index % 100 == 0 else { continue }
            let page = try PageText(fold)
            let counters = Set(page.types.filter { $0.type != "gauge" }.map(\.name))
            for sample in page.samples {
                guard counters.contains(sample.name) || histogram(of: sample.name) != nil else { continue }
                #expect(sample.value >= before[sample.series] ?? 0, "\(sample.series) at event \(index)")
                before[sample.series] = sample.value
            }
        }
    }

    @Test func `what kills and ends is counted by what the incident says of it`() throws {
        let page = try PageText(folded("contained-kill"))
        let killed = page.samples.filter { $0.name == "inquest_kills_total" && $0.value > 0 }
        #expect(killed.map(\.labels["killer"]) == ["kernel_memcg"])
        #expect(page["inquest_incidents_total{class=\"contained_kill\"}"] == 1)
    }

    @Test func `kills are counted beyond those that an incident names`() throws {
        var fold = MetricsFold()
        let events = try numbered(CaseEvents.of("contained-kill"))
        var seq = events.last?.seq ?? 0
        for event in events {
            guard case .oomKill(var kill) = event.payload else {
                if event.seq <= seq { fold.consume(event) }
                continue
            }
            for number in 0..<100 {
                seq += 1
                kill.victim.task.tgid = 100_000 + UInt32(number)
                kill.victim.task.pid = kill.victim.task.tgid
                var copy = event
                copy.seq = fold.counters.lastSeq + 1
                copy.payload = .oomKill(kill)
                fold.consume(copy)
            }
            break
        }
        let page = try PageText(fold)
        #expect(page.samples.filter { $0.name == "inquest_kills_total" }.map(\.value).reduce(0, +) == 100)
    }

    @Test func `an event that comes again is counted once, and so is what was kept and taken up again`() throws {
        let events = try numbered(CaseEvents.of("memory-high-livelock"))
        var once = MetricsFold()
        var twice = MetricsFold()
        for event in events {
            once.consume(event)
            twice.consume(event)
            twice.consume(event)
        }
        #expect(once.page(isConnected: true, version: "0") == twice.page(isConnected: true, version: "0"))
        let kept = try Counters(archived: once.counters.archived)
        #expect(kept.archived == once.counters.archived)
        #expect(kept.lastSeq == events.last?.seq)
        #expect(throws: DecodeError.self) { try Counters(archived: Bytes(once.counters.archived.dropLast(3))) }
    }

    @Test func `a snapshot, which shows the number of the event after it, does not hide that event`() throws {
        var fold = MetricsFold()
        fold.consume(Event(seq: 7, boottimeNs: 1, .snapshot(StateSnapshot(state: [1]))))
        fold.consume(Event(seq: 7, boottimeNs: 1, .recorderStart(RecorderStart())))
        #expect(try PageText(fold)["inquest_recorder_starts_total"] == 1)
    }

    @Test func `what came before the counting is known, and counts for nothing`() throws {
        var fold = MetricsFold()
        for event in try numbered(CaseEvents.of("lab-origin")) { fold.learn(event) }
        let page = try PageText(fold)
        for sample in page.samples where page.types.contains(where: { $0.name == sample.name && $0.type == "counter" })
        {
            #expect(sample.value == 0, "\(sample.series)")
        }
        #expect(page["inquest_phase"] != nil)
    }

    @Test func `before the first sample a phase is unknown, not calm`() throws {
        let page = try PageText(MetricsFold())
        #expect(page["inquest_phase"] == nil)
        #expect(page["inquest_up"] == 1)
        #expect(page.samples.allSatisfy { $0.name != "inquest_backstop_running" })
    }

    @Test func `docs/metrics.md has a row for every family, with its type and labels`() throws {
        let url = URL(fileURLWithPath: CaseEvents.directory).appendingPathComponent("../../docs/metrics.md")
        let rows = String(decoding: try Data(contentsOf: url), as: UTF8.self).split(separator: "\n")
        for family in Families.all {
            let labels = family.labels.isEmpty ? "" : family.labels.map { "`\($0)`" }.joined(separator: ", ")
            let start = "| `\(family.name)` | \(family.type.rawValue) | \(labels) |"
            #expect(rows.contains { $0.hasPrefix(start) }, "\(start)")
        }
        let named = rows.filter { $0.hasPrefix("| `inquest_") }
        #expect(named.count == Families.all.count, "a row of a family that is not there")
    }
}

/// Events as a recorder numbers them.
func numbered(_ events: [Event]) -> [Event] {
    events.enumerated().map { index, event in
        var event = event
        event.seq = UInt64(index + 1)
        return event
    }
}

func folded(_ name: String) throws -> MetricsFold {
    var fold = MetricsFold()
    for event in try numbered(CaseEvents.of(name)) { fold.consume(event) }
    return fold
}

func histogram(of name: String) -> MetricFamily? {
    Families.all.first { family in
        family.type == .histogram && ["_bucket", "_sum", "_count"].contains { family.name + $0 == name }
    }
}

private func lines(_ text: String) -> [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
