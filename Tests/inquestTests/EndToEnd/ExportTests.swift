import Foundation
import Testing

/// What `export` writes of a real disaster's recording: by incident, and by time.
@Suite struct ExportTests {
    private static let old = OldRecordingTests.all.first { $0.name == "state-1-reset" }

    private func export(_ arguments: String..., from directory: String) throws -> Tool.Result {
        try RunningTool(["export", "--dir", directory] + arguments).wait()
    }

    private func numbers(_ result: Tool.Result) throws -> [Int] {
        #expect(result.status == 0, "\(result.err)")
        return try result.lines.map { try #require(parse($0)["seq"] as? Int) }
    }

    @Test func `two spans that meet hold every event once, by the wall clock, across a reset`() throws {
        let scratch = try Scratch()
        let directory = try #require(Self.old).unpack(into: scratch)
        let whole = try export("all", "--format", "ndjson", from: directory)
        let all = try numbers(whole)
        let times = try whole.lines.compactMap { try parse($0)["realtime"] as? String }
        // The first of a boot, one somewhere in it, and the last.
        for time in [times[0], times[times.count / 3], times[times.count - 1]] {
            let before = try numbers(export("--until", time, "--format", "ndjson", from: directory))
            let after = try numbers(export("--since", time, "--format", "ndjson", from: directory))
            #expect((before + after).sorted() == all, "\(time)")
            #expect(!after.isEmpty)
        }
        let none = try export("--since", "2100-01-01", "--format", "ndjson", from: directory)
        #expect(try numbers(none) == [])
        #expect(try numbers(export("--until", "2100-01-01", "--format", "ndjson", from: directory)) == all)
    }

    @Test func `a span of time is a document, whether an incident touches it or not`() throws {
        let scratch = try Scratch()
        let directory = try #require(Self.old).unpack(into: scratch)
        let incident = try parse(export("last", "--format", "json", from: directory).out)
        let started = try #require(incident[path: "started.realtime"] as? String)
        let ended = try #require(incident[path: "ended.realtime"] as? String)
        func window(_ arguments: String...) throws -> [String: Any] {
            let result = try RunningTool(["export", "--format", "json", "--dir", directory] + arguments).wait()
            #expect(result.status == 0, "\(result.err)")
            return try parse(result.out)
        }
        func incidents(_ window: [String: Any]) throws -> [String] {
            try #require(window["boots"] as? [[String: Any]]).flatMap { $0["incidents"] as? [[String: Any]] ?? [] }
                .compactMap { $0["id"] as? String }
        }
        let id = try #require(incident["id"] as? String)
        let whole = try window("all")
        #expect(whole["schema"] as? String == "inquest.window/1" && whole[path: "span.since_realtime"] is NSNull)
        #expect(try incidents(whole) == [id])
        // It has begun, and is not over yet; before it and after it there is none.
        #expect(try incidents(window("--since", started, "--until", ended)) == [id])
        let before = try window("--until", started)
        #expect(try incidents(before) == [] && before[path: "span.until_realtime"] as? String == started)
        #expect((before[path: "span.events"] as? Int ?? 0) > 0)
        let phases = try #require(before["boots"] as? [[String: Any]]).flatMap {
            $0["phases"] as? [[String: Any]] ?? []
        }
        #expect(phases.first?["phase"] as? String == "calm")
        let none = try window("--since", "2100-01-01")
        #expect(try incidents(none) == [] && none[path: "span.events"] as? Int == 0)
        let page = try export("--since", "2100-01-01", "--format", "markdown", from: directory)
        #expect(page.status == 0 && page.out.contains("Nothing was recorded in this time"), "\(page.out)")
        #expect(try export("--until", started, "--format", "markdown", from: directory).out.contains("No incident"))
    }

    @Test func `a database is a file with a name, whole or not at all`() throws {
        let scratch = try Scratch()
        let directory = try #require(Self.old).unpack(into: scratch)
        for output in [[], ["-o", "-"]] {
            let refused = try RunningTool(["export", "--format", "sqlite", "--dir", directory] + output).wait()
            #expect(refused.status == 2 && refused.out.isEmpty, "\(refused.out)")
            #expect(refused.err.contains("name it with -o FILE"), "\(refused.err)")
        }
        let elsewhere = try export("--format", "sqlite", "-o", "/dev/null", from: directory)
        #expect(elsewhere.status == 1 && elsewhere.err.contains("no regular file"), "\(elsewhere.err)")
        let file = directory + "/incident.db"
        for what in [["last"], ["all"], ["--until", "2100-01-01"], ["all", "--for", "1001"]] {
            let result = try RunningTool(
                ["export", "--format", "sqlite", "-o", file, "--dir", directory] + what
            ).wait()
            #expect(result.status == 0, "\(result.err)")
            let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
            #expect(bytes.starts(with: Data("SQLite format 3\0".utf8)))
            let hasName = bytes.range(of: Data("/user-1002.slice".utf8)) != nil
            #expect(hasName == !what.contains("--for"), "\(what)")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: directory)
        #expect(!names.contains { $0.hasSuffix(".tmp") }, "\(names)")
    }

    @Test func `an incident's events begin with the first onset of its chain, and end with the record of its end`()
        throws
    {
        let scratch = try Scratch()
        let old = try #require(Self.old)
        let directory = try old.unpack(into: scratch)
        let document = try parse(export(old.incidents[0].id, "--format", "json", from: directory).out)
        let chain = try #require(document["chain"] as? [[String: Any]])
        let onsets = chain.compactMap { $0[path: "onset.boottime_ns"] as? Int }
        let events = try export(old.incidents[0].id, "--format", "ndjson", from: directory).lines.map(parse)
        let first = try #require(events.first?["boottime_ns"] as? Int)
        let onset = try #require(onsets.min())
        #expect(first >= onset && first < onset + 2_000_000_000)
        #expect(events.last?["kind"] as? String == "incident")
        #expect(events.last?["state"] as? String == "closed")
        #expect(events.compactMap { $0["seq"] as? Int }.contains(try #require(document["opening_seq"] as? Int)))
    }

    @Test func `a table and a trace name what the events have as numbers`() throws {
        let scratch = try Scratch()
        let directory = try #require(Self.old).unpack(into: scratch)
        let table = try export("last", "--format", "csv", from: directory)
        #expect(table.status == 0)
        #expect(table.lines.contains { $0.contains(",device,vda,") })
        #expect(!table.lines.contains { $0.contains(",cgroup ") }, "a cgroup without a name")
        let trace = try parse(export("last", "--format", "trace", from: directory).out)
        let entries = try #require(trace["traceEvents"] as? [[String: Any]])
        let tracks = entries.filter { $0["name"] as? String == "process_name" }.compactMap {
            $0[path: "args.name"] as? String
        }
        #expect(tracks.contains("host") && tracks.contains("disk vda") && tracks.contains { $0.hasPrefix("/") })
        #expect(entries.contains { $0["ph"] as? String == "X" && $0["name"] as? String == "thrash" })
        #expect(entries.contains { $0["ph"] as? String == "i" && $0["name"] as? String == "reset" })
    }

    @Test(arguments: [
        (["last", "--since", "5m", "--format", "csv"], "not both"),
        (["--until", "25:00", "--format", "csv"], "is no time"),
    ])
    func `what cannot be meant is refused, saying what can`(_ arguments: [String], _ said: String) throws {
        let result = try RunningTool(["export", "--dir", "/nowhere"] + arguments).wait()
        #expect(result.status == 2 && result.err.contains(said), "\(result.err)")
    }
}
