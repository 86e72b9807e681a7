import EventSamples
import Events
import Foundation
import Incidents
import Testing

@testable import Rendering

/// `export --format json` and `--format markdown` of a span of time.
@Suite struct WindowTests {
    /// What the correlator and the export make of some events.
    private struct Spans {
        let events: [Event]
        let findings: SpanFindings

        init(_ events: [Event], hasIncidents: Bool = true) {
            self.events = events
            var correlator = Correlator()
            var incidents: [Incident] = []
            var watch = PhaseWatch(Correlator())
            var names = NameTable()
            for event in events {
                names.note(event)
                correlator.consume(event) { if case .closed(let closed) = $0 { incidents.append(closed) } }
                watch.take(event, isShown: true, names)
            }
            incidents += correlator.openIncidents()
            findings = SpanFindings(incidents: hasIncidents ? incidents : [], phases: watch.phases)
        }

        func document(_ format: WindowExport.Format) -> Bytes {
            var export = WindowExport(format, findings)
            return drive(&export)
        }

        var window: Window {
            var collector = WindowCollector(findings)
            var names = NameTable()
            for event in events {
                names.note(event)
                collector.take(event, names)
            }
            return collector.finish(names)
        }

        private func drive(_ export: inout WindowExport) -> Bytes {
            var names = NameTable()
            for event in events {
                names.note(event)
                export.take(event, names)
            }
            export.end(names)
            var bytes: Bytes = []
            export.drain { bytes += Bytes($0) }
            return bytes
        }
    }

    private func isCalm(_ event: Event) -> Bool {
        switch event.payload {
        case .oomKill, .signal, .exit, .reap, .censusTask, .census: false
        default: true
        }
    }

    @Test(arguments: ["contained-kill", "shell-kill-in-calm"])
    func `a span reads as it should, as a document and for people`(_ name: String) throws {
        let spans = Spans(try CaseEvents.of(name))
        Golden.expect(spans.document(.json), name + ".window.json")
        Golden.expect(spans.document(.markdown), name + ".window.md")
    }

    @Test func `where there was no incident it says so plainly`() throws {
        let spans = Spans(try CaseEvents.of("contained-kill").filter(isCalm))
        #expect(spans.findings.incidents.isEmpty)
        Golden.expect(spans.document(.json), "calm.window.json")
        Golden.expect(spans.document(.markdown), "calm.window.md")
    }

    @Test func `where nothing was recorded it says that, and nothing else`() throws {
        let page = String(decoding: Spans([]).document(.markdown), as: UTF8.self)
        #expect(page.contains("Nothing was recorded in this time"))
        #expect(!page.contains("Nothing was killed"))
    }

    @Test(arguments: CaseEvents.names)
    func `every kill of an incident is in its span once, as the incident tells it, and the signals of one are no other`(
        _ name: String
    ) throws {
        let spans = Spans(try CaseEvents.of(name))
        let kills = spans.window.boots.flatMap(\.kills)
        #expect(
            kills.filter { !$0.incidentID.isEmpty }
                == spans.findings.incidents.flatMap(\.kills).sorted { $0.seq < $1.seq })
        let heard = Set(kills.map { "\($0.bootID)/\($0.victim.tgid)" })
        #expect(heard.count == kills.count)
        // The same, heard without any incident: who died is the same, who killed is what the event said.
        let alone = Spans(spans.events, hasIncidents: false).window.boots.flatMap(\.kills)
        let died = Set(alone.map { "\($0.bootID)/\($0.victim.tgid)" })
        let bySignal = Set(
            kills.filter { $0.outcome.signals.allSatisfy { $0.signal == 9 } }.map { "\($0.bootID)/\($0.victim.tgid)" })
        #expect(bySignal.isSubset(of: died))
    }

    @Test(arguments: ["lab-origin", "lab-io-storm", "lab-swap-storm-reset"])
    func `the figures of a span are those of its samples`(_ name: String) throws {
        let spans = Spans(try CaseEvents.of(name))
        let window = spans.window
        var available: [UInt64] = []
        var pressure: [UInt64] = []
        var reads: [UInt32: [UInt64]] = [:]
        for event in spans.events {
            switch event.payload {
            case .memory(let sample): if let bytes = sample.availableBytes.value { available.append(bytes) }
            case .pressure(let sample): if let us = sample.memoryFullUs.value { pressure.append(us) }
            case .device(let sample):
                if let bytes = sample.readBytes.value { reads[sample.device, default: []].append(bytes) }
            default: break
            }
        }
        #expect(window.host.available.min.value == available.min())
        #expect(window.host.available.max.value == available.max())
        let mean = try #require(window.host.available.mean.value)
        #expect(try mean >= #require(available.min()) && mean <= #require(available.max()))
        if window.boots.count == 1, let first = pressure.first, let last = pressure.last {
            #expect(window.host.memoryFull.stalledNs.value == (last - first) * 1000)
        }
        #expect(window.host.memoryFull.max <= Ratio(1.0))
        #expect(!window.devices.isEmpty)
        for device in window.devices {
            let number = try #require(
                spans.events.lazy.compactMap { event -> UInt32? in
                    guard case .deviceName(let known) = event.payload, known.name == device.name else { return nil }
                    return known.device
                }.first)
            guard window.boots.count == 1, let counts = reads[number], let first = counts.first, let last = counts.last
            else { continue }
            #expect(device.reads.bytes.value == last - first)
        }
    }

    @Test func `a recorder that stopped and one that was held up are gaps, what was lost is counted by why`() throws {
        var events = try CaseEvents.of("contained-kill").filter(isCalm)
        let end = try #require(events.last?.boottimeNs)
        func add(_ seconds: UInt64, _ payload: Payload) {
            events.append(Event(seq: (events.last?.seq ?? 0) + 1, boottimeNs: end + seconds * 1_000_000_000, payload))
        }
        var late = SamplerGap()
        (late.expectedNs, late.actualNs) = (1_000_000_000, 3_000_000_000)
        add(5, .samplerGap(late))
        add(6, .lost(Lost(source: .ringFullOther, count: 3)))
        add(7, .lost(Lost(source: .ringFullOther, count: 4)))
        add(8, .recorderStop(RecorderStop()))
        guard case .recorderStart(let start) = events[0].payload else { return #expect(Bool(false)) }
        add(20, .recorderStart(start))
        let window = Spans(events).window
        let gaps = try #require(window.boots.first).gaps
        #expect(window.boots.count == 1 && gaps.map(\.cause) == [.samplerLate, .notRecording])
        #expect(gaps.map(\.lengthNs) == [3_000_000_000, 12_000_000_000])
        #expect(window.lost == [Lost(source: .ringFullOther, count: 7)])
        let page = String(decoding: WindowMarkdown.render(window), as: UTF8.self)
        #expect(
            page.contains("7 events lost") && page.contains("no recorder ran") && !page.contains("No event was lost"))
    }

    @Test func `a hole in the recording is told with its numbers and its reason`() throws {
        var export = WindowExport(.json, SpanFindings())
        export.missing(12...40, "a damaged place")
        export.end(NameTable())
        var bytes: Bytes = []
        export.drain { bytes += Bytes($0) }
        let document = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        let missing = try #require((document["missing"] as? [[String: Any]])?.first)
        #expect(missing["first_seq"] as? Int == 12 && missing["last_seq"] as? Int == 40)
        #expect(missing["why"] as? String == "a damaged place")
    }

    @Test func `a process that is killed twice, and is not gone yet, was killed once`() {
        var kills = SpanKills(of: [])
        var signal = Signal()
        signal.signal = 9
        signal.target.task.tgid = 42
        var exit = Exit()
        exit.task.tgid = 42
        // After its end its number is another's.
        let payloads: [Payload] = [.signal(signal), .signal(signal), .exit(exit), .signal(signal)]
        for (index, payload) in payloads.enumerated() {
            let seq = UInt64(index + 1)
            kills.take(Event(seq: seq, boottimeNs: seq * 1000, payload), NameTable())
        }
        #expect(kills.kills.map(\.seq) == [1, 4])
    }

    @Test func `whose process the kernel's log does not say is unknown, not nobody`() throws {
        var kills = SpanKills(of: [])
        var kill = KernelLogKill()
        kill.pid = 42
        kill.uid = .max
        kills.take(Event(seq: 1, boottimeNs: 1000, .kernelLogKill(kill)), NameTable())
        #expect(try #require(kills.kills.first).victim.uid.isUnknown)
    }

    @Test func `two boots have a place each, with times by their own clocks`() throws {
        let window = Spans(try CaseEvents.of("lab-swap-storm-reset")).window
        #expect(Set(window.boots.map(\.host.bootID)).count == window.boots.count && window.boots.count == 2)
        #expect(window.boots[0].incidents.count == 1 && window.boots[1].incidents.isEmpty)
        #expect(window.boots.allSatisfy { !$0.first.isUnknown && $0.first <= $0.last })
    }
}
