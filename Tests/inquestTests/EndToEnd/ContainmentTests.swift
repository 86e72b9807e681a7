import Foundation
import Glibc
import Testing

/// Where the memory controller's hierarchy is, and the file that limits a cgroup there.
private enum Place {
    static let root: (path: String, limit: String)? = [
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max"),
    ].first { access($0.0 + "/cgroup.procs", F_OK) == 0 && hasController($0.0) }

    private static func hasController(_ path: String) -> Bool {
        if path.hasSuffix("memory") { return true }
        let enabled = try? String(contentsOfFile: path + "/cgroup.subtree_control", encoding: .utf8)
        return enabled?.split(whereSeparator: \.isWhitespace).contains("memory") ?? false
    }
}

extension EndToEnd {
    /// `doctor --containment` beside what the kernel itself says, and does.
    @Suite(.serialized, .enabled(if: Tool.canAttach && Place.root != nil, Comment(rawValue: Tool.whyNot)))
    struct Containment {
        /// A small cgroup of the test's own, with processes of known size in it.
        private final class Cage {
            let name = "inquest-test-cage-\(getpid())"
            let directory: String
            private(set) var inmates: [RunningTool] = []

            init(megabytes: Int) throws {
                let root = try #require(Place.root)
                directory = "\(root.path)/\(name)"
                try #require(mkdir(directory, 0o755) == 0)
                try "\(megabytes << 20)".write(toFile: "\(directory)/\(root.limit)", atomically: false, encoding: .utf8)
            }

            deinit {
                inmates = []
                for _ in 0..<100 where rmdir(directory) != 0 { usleep(20_000) }
            }

            /// Starts one that fills its memory and stays; `holds` waits until it has.
            func start(megabytes: Int, adjustment: Int, holds: Bool = true) throws -> RunningTool {
                let balloon = URL(fileURLWithPath: Tool.path).deletingLastPathComponent()
                    .appendingPathComponent("balloon").path
                let script =
                    "echo $$ >'\(directory)/cgroup.procs' && exec '\(balloon)' mb=\(megabytes) adj=\(adjustment) then=hold <<<g"
                let inmate = try RunningTool(["-c", script], program: ["bash"])
                inmates.append(inmate)
                if holds {
                    try #require(
                        inmate.waits { ((try? $0.status("VmRSS")) ?? 0) >= megabytes << 10 }, "\(inmate.errSoFar)")
                }
                return inmate
            }
        }

        private func report() throws -> [String: Any] {
            let told = try Tool.run("doctor", "--containment", "--json")
            #expect(told.status == 0, "\(told.err)")
            #expect(told.lines.count == 1)
            let document = try parse(told.out)
            #expect(document["schema"] as? String == "inquest.containment/1")
            return document
        }

        @Test func `the kernel kills whom the ranking named, not who asked for more, nor the largest`() throws {
            // A thousandth of 72 MiB is 18 pages: 600 of them weigh 42 MiB.
            let cage = try Cage(megabytes: 72)
            let chosen = try cage.start(megabytes: 12, adjustment: 600)
            let second = try cage.start(megabytes: 16, adjustment: 300)
            let largest = try cage.start(megabytes: 20, adjustment: 100)
            let before = try report()
            let trees = try #require(before[path: "facts.trees"] as? [[String: Any]])
            let tree = try #require(trees.first { ($0["cgroup"] as? String)?.hasSuffix(cage.name) ?? false })
            #expect(tree[path: "next.pid"] as? Int == Int(chosen.pid))
            #expect(tree["max_bytes"] as? Int == 72 << 20)

            let greedy = try cage.start(megabytes: 28, adjustment: 0, holds: false)
            #expect(greedy.waits { _ in !chosen.isRunning || !second.isRunning || !largest.isRunning })
            #expect(chosen.wait().signal == SIGKILL)
            #expect(greedy.waits { ((try? $0.status("VmRSS")) ?? 0) >= 28 << 10 })
            #expect(largest.isRunning && greedy.isRunning)
            // The kernel may take the next of the ranking, too: while the first one's memory is on its way back, it is on no list any more.
            let log = try RunningTool([], program: ["dmesg"]).wait().out
            func killed(_ inmate: RunningTool) -> String.Index? {
                log.range(of: "Killed process \(inmate.pid) ", options: .backwards)?.lowerBound
            }
            let first = try #require(killed(chosen))
            if !second.isRunning { #expect(first < (try #require(killed(second)))) }
        }

        @Test func `its figures are those of proc, in the same order`() throws {
            let cage = try Cage(megabytes: 64)
            let first = try cage.start(megabytes: 8, adjustment: 700)
            let second = try cage.start(megabytes: 16, adjustment: 600)
            let ranking = try #require(try report()[path: "facts.ranking"] as? [[String: Any]])
            let own = ranking.filter { [Int(first.pid), Int(second.pid)].contains($0["pid"] as? Int) }
            #expect(own.map { $0["pid"] as? Int } == [Int(first.pid), Int(second.pid)])
            for one in own {
                let pid = try #require(one["pid"] as? Int)
                let text = try String(contentsOfFile: "/proc/\(pid)/oom_score", encoding: .utf8)
                let score = try #require(Int(text.split(separator: "\n")[0]))
                #expect(abs((one["oom_score"] as? Int ?? 0) - score) <= 1)
                // The kernel's own counters are a little behind (mm_types_task.h).
                let resident = try (pid == first.pid ? first : second).status("VmRSS") << 10
                #expect(abs((one["rss_bytes"] as? Int ?? 0) - resident) <= 2 << 20)
                #expect(
                    one["pgtables_bytes"] as? Int == (try (pid == first.pid ? first : second).status("VmPTE")) << 10)
            }
        }

        @Test func `without root there is no census, and what depends on it is unknown`() throws {
            guard Tool.canDropRoot else { return }
            let told = try Tool.run(through: Tool.asNobody, "doctor", "--containment", "--json")
            #expect(told.status == 0, "\(told.err)")
            let document = try parse(told.out)
            #expect(document["census_refused"] is String)
            let findings = try #require(document["findings"] as? [[String: Any]])
            let rules = ["next_victim", "way_in"]
            let verdicts = findings.filter { rules.contains($0["rule"] as? String ?? "") }.map {
                $0["verdict"] as? String
            }
            #expect(verdicts == ["unknown", "unknown"])
            let text = try Tool.run(through: Tool.asNobody, "doctor", "--containment")
            #expect(text.out.contains("THE KERNEL WOULD KILL  unknown: no census"), "\(text.out)")
        }
    }
}
