import Foundation
import Glibc
import Testing

/// Live tests share the kernel's log and one machine: one after the other.
@Suite(.serialized) struct EndToEnd {}

extension EndToEnd {
    @Suite(.serialized, .enabled(if: Tool.canAttach, Comment(rawValue: Tool.whyNot)))
    struct Drill {
        @Test func `a drill is heard, recorded, correlated and printed as exactly one document`() throws {
            let drill = try SharedDrill.get()
            #expect(drill.result.lines.count == 1)
            let incident = drill.document
            #expect(incident["schema"] as? String == "inquest.incident/1")
            #expect(incident["class"] as? String == "contained_kill")
            #expect(incident[path: "ended.by"] as? String == "recovered")
            #expect((incident["kills"] as? [Any])?.count == 1)
            #expect(incident[path: "kills.0.drill"] as? Bool == true)
            #expect(incident[path: "kills.0.victim.comm"] as? String == "inquest-balloon")
            #expect(incident[path: "kills.0.victim.oom_score_adj"] as? Int == 500)
            #expect(incident[path: "kills.0.cause.killer"] as? String == "kernel_memcg")
            #expect(incident[path: "kills.0.outcome.exit_code"] as? Int == 9)
            let cgroup = incident[path: "kills.0.victim.cgroup"] as? String ?? ""
            #expect(cgroup.contains("inquest-drill-"))
            #expect(incident[path: "kills.0.cause.oom_memcg"] as? String == cgroup)
            #expect(incident[path: "kills.0.cgroup.0.max_bytes"] as? Int == 32 << 20)
            let anon = incident[path: "kills.0.victim.anon_rss_bytes"] as? Int ?? 0
            // Resident sizes are per-CPU counters that the kernel sums only roughly (mm_types_task.h): up to a few MiB off.
            #expect((24 << 20...36 << 20).contains(anon), "\(anon)")
        }

        @Test func `a replay of a drill's recording gives the live document, byte for byte`() throws {
            let drill = try SharedDrill.get()
            let directory = drill.directory
            let replayed = try Tool.run("replay", "--json", "--dir", directory)
            #expect(replayed.status == 0, "\(replayed.err)")
            // Other processes of this machine may be killed meanwhile: theirs are incidents of their own.
            #expect(replayed.lines.contains(drill.result.lines[0]), "not among the replayed ones: \(drill.id)")
            let verified = try Tool.run("verify", "--dir", directory)
            #expect(verified.status == 0, "\(verified.out)\(verified.err)")
        }

        @Test func `export all is every event that was recorded, in the order of their numbers`() throws {
            let drill = try SharedDrill.get()
            let all = try Tool.run("export", "all", "--format", "ndjson", "--dir", drill.directory)
            #expect(all.status == 0, "\(all.err)")
            let events = try all.lines.map(parse)
            let numbers = events.compactMap { $0["seq"] as? Int }
            #expect(numbers == numbers.sorted() && numbers.count == events.count)
            let kinds = Set(events.compactMap { $0["kind"] as? String })
            #expect(kinds.isSuperset(of: ["recorder_start", "oom_kill", "exit", "recorder_stop"]), "\(kinds)")
            let asDocument = try Tool.run("export", "all", "--format", "json", "--dir", drill.directory)
            #expect(asDocument.status == 0, "\(asDocument.err)")
            #expect(try parse(asDocument.out)["schema"] as? String == "inquest.window/1")
        }

        @Test func `list, show and export tell of the same incident as the drill`() throws {
            let drill = try SharedDrill.get()
            let (id, directory) = (drill.id, drill.directory)
            let list = try Tool.run("list", "--json", "--dir", directory)
            let line = try #require(list.lines.first { $0.contains("\"\(id)\"") })
            #expect(try parse(line)["kills_count"] as? Int == 1)
            let show = try Tool.run("show", id, "--dir", directory)
            #expect(show.status == 0)
            #expect(show.out.contains(id) && show.out.contains("inquest-balloon"))
            #expect(
                show.out.split(separator: "\n").allSatisfy { $0.count <= 80 }, "wider than 80 columns:\n\(show.out)")
            let json = try Tool.run("export", id, "--format", "json", "--dir", directory)
            #expect(try parse(json.out) as NSDictionary == drill.document as NSDictionary)
            let markdown = try Tool.run("export", id, "--format", "markdown", "--dir", directory)
            #expect(markdown.out.contains("inquest-balloon"))
            let events = try Tool.run("export", id, "--format", "ndjson", "--dir", directory)
            #expect(try events.lines.contains { try parse($0)["kind"] as? String == "oom_kill" })
        }

        @Test func `a killer that cannot say whom it would kill is not proven, and what it said is told`() throws {
            let scratch = try Scratch()
            // Not the real one: a program that knows no --dryrun, under its name.
            try FileManager.default.copyItem(atPath: "/bin/sleep", toPath: scratch.path("earlyoom"))
            let killer = try RunningTool(["600"], program: [scratch.path("earlyoom")])
            #expect(killer.waits { (try? $0.comm()) == "earlyoom" })
            let result = try Tool.run("drill", "backstop", "--json")
            #expect(result.status == 1 && result.lines.count == 1 && result.err.contains("not proven"), "\(result.err)")
            let report = try parse(result.out)
            #expect(report["schema"] as? String == "inquest.drill/1")
            #expect(report["scenario"] as? String == "backstop" && report["verdict"] as? String == "not_proven")
            let steps = try #require(report["steps"] as? [[String: Any]])
            let asked = try #require(steps.first { ($0["what"] as? String)?.contains("--dryrun") ?? false })
            #expect(asked["seen"] as? Bool == false)
            // Its last words.
            #expect((asked["found"] as? String)?.contains("--help") ?? false, "\(asked)")

            // What anybody may have written is not started as root.
            #expect(chmod(scratch.path("earlyoom"), 0o777) == 0)
            let refused = try Tool.run("drill", "backstop")
            #expect(refused.status == 1 && refused.out.contains("not root's alone"), "\(refused.out)")
            #expect(killer.isRunning)
        }

        @Test(
            .enabled(if: access("/sys/fs/cgroup/memory/memory.limit_in_bytes", F_OK) == 0, "SKIPPED: needs cgroup v1"))
        func `a live-lock cannot be rehearsed without memory.high, and that is said`() throws {
            let result = try Tool.run("drill", "high")
            #expect(result.status == 1 && result.out.isEmpty && result.isOneLine)
            #expect(result.err.contains("memory.high"), "\(result.err)")
        }

        @Test(arguments: [false, true])
        func `a cap that does not hold is not proven, and the last line says so`(asJSON: Bool) throws {
            let bytes = 128 << 20
            let drill = try RunningTool(["drill", "--memory", "\(bytes)"] + (asJSON ? ["--json"] : []))
            // Lifted once it is set: attaching the probes takes longer than that, and only then the cgroup is filled.
            try #require(drill.waits { Self.lift("inquest-drill-\($0.pid)", bytes) }, "\(drill.errSoFar)")
            let result = drill.wait()
            #expect(
                result.status == 1 && result.isOneLine && result.err.contains("drill cap: not proven"), "\(result.err)")
            let why = "the process grew beyond the cgroup's limit and was not killed"
            guard asJSON else {
                #expect(result.lines.last?.hasPrefix("VERDICT not proven: \(why)") == true, "\(result.out)")
                return
            }
            #expect(result.lines.count == 1)
            let report = try parse(result.out)
            #expect(report["schema"] as? String == "inquest.drill/1")
            #expect(report["scenario"] as? String == "cap" && report["verdict"] as? String == "not_proven")
            #expect((report["text"] as? String)?.hasPrefix(why) == true, "\(report)")
        }

        /// Takes a cgroup's limits away, the outer one first. - Returns: whether they were set, and are gone.
        private static func lift(_ cgroup: String, _ bytes: Int) -> Bool {
            let files =
                access("/sys/fs/cgroup/memory", F_OK) == 0
                ? ["memory/\(cgroup)/memory.memsw.limit_in_bytes", "memory/\(cgroup)/memory.limit_in_bytes"]
                : ["\(cgroup)/memory.max"]
            let there = files.map { "/sys/fs/cgroup/" + $0 }.filter { access($0, F_OK) == 0 }
            let isSet = there.allSatisfy { (try? String(contentsOfFile: $0, encoding: .utf8)) == "\(bytes)\n" }
            guard !there.isEmpty, isSet else { return false }
            return there.allSatisfy { file in
                (try? (file.hasSuffix("max") ? "max" : "-1").write(toFile: file, atomically: false, encoding: .utf8))
                    != nil
            }
        }

        @Test func `a drill larger than a rehearsal is refused`() throws {
            let result = try Tool.run("drill", "--memory", "64G")
            #expect(result.status == 2)
        }
    }
}
