import EventSamples
import Events
import Foundation
import Incidents
import Testing

@testable import Rendering

/// Exports of the golden cases' events: of hand-written ones beside the expected file, of those from the lab by what must hold.
@Suite struct ExportTests {
    /// A case's events through a format, and the incident that the correlator makes of them.
    private func export<E: EventExport & ~Copyable>(
        _ name: String, _ make: (Incident?) -> E
    ) throws -> (bytes: Bytes, events: [Event]) {
        let events = try CaseEvents.of(name)
        var correlator = Correlator()
        var incident: Incident?
        for event in events {
            correlator.consume(event) { if case .closed(let closed) = $0 { incident = incident ?? closed } }
        }
        var export = make(incident ?? correlator.openIncidents().first)
        var names = NameTable()
        var bytes: Bytes = []
        for event in events {
            names.note(event)
            export.take(event, names)
            if export.waiting > 1000 { export.drain { bytes.append(contentsOf: $0) } }
        }
        export.end(names)
        export.drain { bytes.append(contentsOf: $0) }
        #expect(export.waiting == 0)
        return (bytes, events)
    }

    @Test(arguments: ["contained-kill", "lab-earlyoom"])
    func `samples as a table are as they should be`(_ name: String) throws {
        Golden.expect(try export(name) { _ in SeriesCSV() }.bytes, name + ".csv")
    }

    @Test(arguments: ["contained-kill", "lab-earlyoom"])
    func `events as lines are as they should be`(_ name: String) throws {
        Golden.expect(try export(name) { _ in EventJSON() }.bytes, name + ".ndjson")
    }

    @Test(arguments: ["contained-kill", "device-stall", "lab-earlyoom"])
    func `a trace is as it should be`(_ name: String) throws {
        Golden.expect(try export(name) { Trace(of: $0) }.bytes, name + ".trace")
    }

    @Test(arguments: CaseEvents.names)
    func `every known figure of a sample is one row, and nothing else is`(_ name: String) throws {
        let (bytes, events) = try export(name) { _ in SeriesCSV() }
        let rows = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(rows.last == "")
        #expect(rows.first == "realtime,boottime_ns,seq,kind,subject,detail,name,bucket,value")
        var expected = 0
        for event in events where Series(of: event.payload) != nil {
            var figures = FigureCount()
            event.payload.write(&figures)
            expected += figures.count
        }
        #expect(rows.count - 2 == expected)
        for row in rows.dropFirst().dropLast() {
            let columns = row.split(separator: ",", omittingEmptySubsequences: false)
            #expect(columns.count == 9 || row.contains("\""), "\(row)")
            #expect(UInt64(columns.last ?? "") != nil || columns.last == "max", "\(row)")
        }
    }

    @Test(arguments: CaseEvents.names)
    func `a trace is JSON in which every slice has an end, every track a name, and no time is negative`(
        _ name: String
    ) throws {
        let (bytes, events) = try export(name) { Trace(of: $0) }
        let document = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        let entries = try #require(document["traceEvents"] as? [[String: Any]])
        var open: [UInt64: Int] = [:]
        var named: Set<Int> = []
        var used: Set<Int> = []
        var kills = 0
        for entry in entries {
            let mark = try #require(entry["ph"] as? String)
            let process = try #require(entry["pid"] as? Int)
            #expect(!(try #require(entry["name"] as? String)).isEmpty)
            if mark == "M" {
                if entry["name"] as? String == "process_name" { named.insert(process) }
                continue
            }
            used.insert(process)
            let at = try #require(entry["ts"] as? Double)
            #expect(at >= 0 && at < 1e12, "\(entry)")
            switch mark {
            case "b": open[try #require(entry["id"] as? UInt64), default: 0] += 1
            case "e": open[try #require(entry["id"] as? UInt64), default: 0] -= 1
            case "X": #expect(try #require(entry["dur"] as? Double) >= 0)
            case "C":
                let values = try #require(entry["args"] as? [String: Any])
                #expect(!values.isEmpty && values.values.allSatisfy { $0 is NSNumber })
            case "i": if entry["s"] as? String == "g" { kills += 1 }
            default: Issue.record("a mark that nobody knows: \(mark)")
            }
        }
        #expect(open.values.allSatisfy { $0 == 0 })
        #expect(used.isSubset(of: named))
        let expected = events.count { event in
            switch event.payload {
            case .oomKill: true
            case .signal(let signal): signal.signal == 9
            default: false
            }
        }
        #expect(kills == expected)
    }

    @Test func `a hostile name stays one cell of the table, and one string of the trace`() throws {
        var change = CgroupChange()
        change.id = 7
        change.path = Bytes("/a,\"b\"\n=cmd\u{202e}".utf8) + [0xff]
        var sample = CgroupSample()
        sample.cgroup = 7
        sample.currentBytes = Figure(1)
        var names = NameTable()
        let events = [
            Event(seq: 1, boottimeNs: 1, .cgroup(change)), Event(seq: 2, boottimeNs: 2, .cgroupSample(sample)),
        ]
        var table = SeriesCSV()
        var trace = Trace(of: nil)
        for event in events {
            names.note(event)
            table.take(event, names)
            trace.take(event, names)
        }
        trace.end(names)
        var text = ""
        table.drain { text = String(decoding: $0, as: UTF8.self) }
        #expect(
            text.split(separator: "\n").last
                == #",2,2,cgroup_sample,"/a,""b""\x0a=cmd\u{202e}\xff",,current_bytes,,1"#)
        var bytes: Bytes = []
        trace.drain { bytes = Bytes($0) }
        let document = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        let entries = try #require(document["traceEvents"] as? [[String: Any]])
        let process = entries.first { $0["name"] as? String == "process_name" && $0["pid"] as? Int == 2 }
        #expect((process?["args"] as? [String: Any])?["name"] as? String == #"/a,"b"\x0a=cmd\u{202e}\xff"#)
    }
}

/// Counts what is known: numbers, known figures, and buckets that are not empty, without who it is about.
private struct FigureCount: FigureWalker {
    var count = 0

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) {
        if "\(name)" != "cgroup_id" && "\(name)" != "device" { count += 1 }
    }
    mutating func figure(_ name: StaticString, _ value: inout Figure) { if !value.isUnknown { count += 1 } }
    mutating func histogram(_ name: StaticString, _ value: inout Histogram) {
        for slot in 0..<Histogram.slots where value.counts[slot] > 0 { count += 1 }
    }
}
