import Events
import Foundation
import Incidents
import Rendering
import Testing

private func parsed(_ bytes: Bytes) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
}

@Suite struct JSONTests {
    @Test func `a document has exactly the contract's keys, in its order`() throws {
        let text = String(decoding: IncidentJSON.document(Samples.containedKill()), as: UTF8.self)
        // With two spaces of indentation the top-level keys are the lines that begin with exactly two.
        let keys = text.split(separator: "\n").filter { $0.hasPrefix("  \"") }.map { line in
            String(line.dropFirst(3).prefix { $0 != "\"" })
        }
        #expect(
            keys == [
                "schema", "id", "class", "severity", "scope", "host", "started", "ended", "summary", "classes",
                "phases",
                "chain", "suspects", "bystanders", "kills", "backstops", "timeline", "series", "quality", "opening_seq",
                "alternatives",
            ])
        #expect(text.hasSuffix("}\n"))
    }

    @Test func `pretty and compact say the same, and every time the same bytes`() throws {
        for (name, incident) in Samples.all {
            let pretty = IncidentJSON.document(incident)
            let compact = IncidentJSON.document(incident, pretty: false)
            #expect(compact.filter { $0 == UInt8(ascii: "\n") }.count == 1, "\(name): one line")
            let (a, b) = (try parsed(pretty), try parsed(compact))
            #expect(NSDictionary(dictionary: a) == NSDictionary(dictionary: b), "\(name)")
            #expect(pretty == IncidentJSON.document(incident), "\(name)")
        }
    }

    @Test func `figures, times and names of a kill arrive as they are`() throws {
        let document = try parsed(IncidentJSON.document(Samples.containedKill()))
        #expect(document["schema"] as? String == "inquest.incident/1")
        let started = try #require(document["started"] as? [String: Any])
        #expect(started["boottime_ns"] as? UInt64 == 5_000_000_000_000)
        #expect(started["realtime"] as? String == "2026-03-04T05:06:07.250000000Z")
        let kill = try #require((document["kills"] as? [[String: Any]])?.first)
        #expect(kill["boottime_ns"] as? UInt64 == 5_001_180_000_000)
        #expect(kill["realtime"] as? String == "2026-03-04T05:06:08.430000000Z")
        #expect(kill["sender"] is NSNull)
        let cause = try #require(kill["cause"] as? [String: Any])
        #expect(cause["killer"] as? String == "kernel_memcg")
        #expect(cause["constraint"] as? String == "CONSTRAINT_MEMCG")
        #expect(cause["chosen_points"] as? Int == 15_680)
        let victim = try #require(kill["victim"] as? [String: Any])
        #expect(victim["comm"] as? String == "cc1plus")
        #expect(victim["container_id"] is NSNull)
        #expect(victim["ns_pid"] is NSNull)
        #expect((victim["start_time"] as? [String: Any])?["boottime_ns"] as? UInt64 == 5_000_020_000_000)
        let cgroups = try #require(kill["cgroup"] as? [[String: Any]])
        #expect(cgroups[1]["max_bytes"] as? String == "max")
        #expect(cgroups[1]["high_bytes"] is NSNull)
        let series = try #require(document["series"] as? [String: Any])
        #expect(series["memory_full_ratio"] as? [AnyHashable] == [0.0, 0.0041, NSNull()] as [AnyHashable])
        #expect((series["boottime_ns"] as? [UInt64])?.count == 3)
    }

    @Test func `an open incident has no end, and a reset tells when the next boot came`() throws {
        #expect(try parsed(IncidentJSON.document(Samples.openThrottle()))["ended"] is NSNull)
        let ended = try #require(try parsed(IncidentJSON.document(Samples.swapThrash()))["ended"] as? [String: Any])
        #expect(ended["by"] as? String == "unclean_reset")
        #expect(ended["gap_ns"] as? UInt64 == 163_000_000_000)
        #expect(ended["next_start_realtime_ns"] as? UInt64 == 1_772_601_386_250_000_000)
        #expect(ended["next_start_realtime"] as? String == "2026-03-04T05:16:26.250000000Z")
    }

    @Test func `hostile names come back as the bytes they were`() throws {
        let incident = Samples.hostile()
        let document = try parsed(IncidentJSON.document(incident))
        let scope = try #require(document["scope"] as? [String: Any])
        #expect(unescaped(try #require(scope["cgroup"] as? String)) == incident.scope.cgroup)
        #expect(unescaped(try #require(document["summary"] as? String)) == incident.summary)
        let kill = try #require((document["kills"] as? [[String: Any]])?.first)
        let victim = try #require(kill["victim"] as? [String: Any])
        #expect(unescaped(try #require(victim["comm"] as? String)) == incident.kills[0].victim.comm.bytes)
        #expect(unescaped(try #require(victim["cmdline"] as? String)) == incident.kills[0].victim.cmdline)
    }

    @Test func `a list has a line for each incident`() throws {
        let line = IncidentListJSON.line(Samples.containedKill())
        #expect(line.filter { $0 == UInt8(ascii: "\n") }.count == 1)
        let summary = try parsed(line)
        #expect(
            Set(summary.keys) == ["schema", "id", "class", "severity", "scope", "started", "ended", "kills_count"])
        #expect(summary["kills_count"] as? Int == 1)
        #expect(summary["id"] as? String == "01234567-412")
    }

    @Test(arguments: EventKind.allCases)
    func `an event of every kind is one line with its own five keys first`(kind: EventKind) throws {
        for event in Documents.events where event.payload.kind == kind {
            let line = EventJSON.line(event, clock: sampleClock())
            let text = String(decoding: line, as: UTF8.self)
            let seq = event.seq
            let realtime = seq == 7 ? "2026-03-04T05:06:08.750000000Z" : "2026-03-04T05:06:08.751000000Z"
            #expect(
                text.hasPrefix(
                    "{\"schema\":\"inquest.event/1\",\"seq\":\(seq),\"boottime_ns\":\(event.boottimeNs),"
                        + "\"realtime\":\"\(realtime)\",\"kind\":\"\(kind.label)\""))
            #expect(text.hasSuffix("}\n"))
            #expect(!text.dropLast().contains("\n"))
            let object = try parsed(line)
            #expect(object["kind"] as? String == kind.label)
            // A key that occurs twice would have swallowed one: the envelope's values are still its own.
            #expect(object["boottime_ns"] as? UInt64 == event.boottimeNs)
            #expect(object["seq"] as? UInt64 == seq)
        }
    }

    @Test func `a payload's field never takes a name that the line uses`() throws {
        var clock = ClockSnapshot()
        clock.boottimeNs = 5
        let line = try parsed(EventJSON.line(Event(seq: 1, boottimeNs: 9, .clock(clock))))
        #expect(line["boottime_ns"] as? Int == 9)
        #expect(line["clock_boottime_ns"] as? Int == 5)
        #expect(line["realtime"] is NSNull)
        var backstop = BackstopState()
        backstop.kind = .earlyoom
        let other = try parsed(EventJSON.line(Event(seq: 1, boottimeNs: 9, .backstop(backstop))))
        #expect(other["kind"] as? String == "backstop")
        #expect(other["backstop_kind"] as? String == "earlyoom")
    }

    @Test func `a buffer of lines holds what the lines alone are`() {
        var lines = EventJSON()
        lines.clock = sampleClock()
        var expected = Bytes()
        for event in Documents.events {
            lines.append(event)
            expected += EventJSON.line(event, clock: sampleClock())
        }
        #expect(lines.byteCount == expected.count)
        #expect(lines.withBytes { Bytes($0) } == expected)
        lines.clear()
        #expect(lines.byteCount == 0)
    }

    @Test func `a histogram names its buckets, and a machine's document only its length`() throws {
        var interval = IOInterval()
        interval.deviceUs.counts[0] = 2
        interval.deviceUs.counts[9] = 5
        interval.deviceUs.counts[31] = 1
        let line = try parsed(EventJSON.line(Event(boottimeNs: 1, .ioInterval(interval))))
        #expect(line["device_us"] as? [String: Int] == ["2": 2, "1024": 5, "max": 1])
        #expect(line["total_us"] as? [String: Int] == [:])
        let snapshot = try parsed(EventJSON.line(Event(boottimeNs: 1, .snapshot(StateSnapshot(state: [1, 2, 3])))))
        #expect(snapshot["state_bytes"] as? Int == 3)
        #expect(snapshot["state"] == nil)
    }

    @Test func `numbers keep all their digits`() {
        var kill = OomKill()
        kill.chosenPoints = .min
        kill.limitPages = Figure(.max - 2)
        let text = String(decoding: EventJSON.line(Event(seq: .max, boottimeNs: 0, .oomKill(kill))), as: UTF8.self)
        #expect(text.contains("\"seq\":18446744073709551615,\"boottime_ns\":0,"))
        #expect(text.contains("\"chosen_points\":-9223372036854775808,"))
        #expect(text.contains("\"limit_pages\":18446744073709551613,"))
    }
}
