import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite(.serialized, .enabled(if: Tool.canAttach, Comment(rawValue: Tool.whyNot)))
    struct Tail {
        private func recorder(_ scratch: Scratch) throws -> RunningTool {
            let recorder = try RunningTool([
                "record", "--dir", scratch.path("recording"), "--live", scratch.path("live.sock"), "--size", "16M",
            ])
            try #require(recorder.waits { $0.errSoFar.contains("hooks attached") }, "\(recorder.errSoFar)")
            return recorder
        }

        private func tail(_ scratch: Scratch, _ more: String...) throws -> RunningTool {
            try RunningTool(["tail", "--live", scratch.path("live.sock")] + more)
        }

        /// The numbers of the whole lines so far.
        private func numbers(_ tail: RunningTool) -> [Int] {
            tail.outSoFar.split(separator: "\n", omittingEmptySubsequences: false).dropLast().compactMap {
                (try? parse(String($0)))?["seq"] as? Int
            }
        }

        @Test func `the past goes on live without a gap or a repeat, across a restart of the recorder`() throws {
            let scratch = try Scratch()
            let directory = scratch.path("recording")
            let first = try recorder(scratch)
            // Samples are written in crowds: whoever comes in between finds some neither on the disk nor on the socket.
            let tails = try (0..<3).map { _ in
                usleep(700_000)
                return try tail(scratch, "--json", "--since", "1h", "--dir", directory)
            }
            let drill = try Tool.run("drill", "--memory", "32M", "--json")
            #expect(drill.status == 0, "\(drill.err)")
            for tail in tails { #expect(tail.waits { $0.outSoFar.contains("\"kind\":\"oom_kill\"") }) }
            first.signal(SIGTERM)
            #expect(first.wait().status == 0)
            for tail in tails { #expect(tail.waits { $0.errSoFar.contains("waiting for it to come back") }) }
            let second = try recorder(scratch)
            for tail in tails {
                #expect(tail.waits { $0.errSoFar.contains("the recorder is back") }, "\(tail.errSoFar)")
                #expect(
                    tail.waits { $0.outSoFar.components(separatedBy: "\"kind\":\"recorder_start\"").count == 3 },
                    "\(tail.errSoFar)")
            }
            second.signal(SIGTERM)
            #expect(second.wait().status == 0)
            for tail in tails {
                #expect(tail.waits { $0.outSoFar.components(separatedBy: "\"kind\":\"recorder_stop\"").count == 3 })
                let seen = numbers(tail)
                let jumps = zip(seen, seen.dropFirst()).filter { $1 != $0 + 1 }
                // Between two runs numbers may be left out.
                #expect(seen.first == 1 && jumps.count <= 1 && jumps.allSatisfy { $0 < $1 }, "\(jumps)")
                tail.signal(SIGINT)
                #expect(tail.wait().status == 0)
            }
        }

        @Test func `only the wanted kinds come, and an unknown one is a usage error`() throws {
            let scratch = try Scratch()
            let running = try recorder(scratch)
            let kills = try tail(scratch, "--json", "--kind", "oom_kill,recorder_stop")
            let nobodys = try tail(scratch, "--json", "--user", "nobody-of-this-name")
            let drill = try Tool.run("drill", "--memory", "32M", "--json")
            #expect(drill.status == 0, "\(drill.err)")
            #expect(kills.waits { $0.outSoFar.contains("\"kind\":\"oom_kill\"") }, "\(kills.errSoFar)")
            running.signal(SIGTERM)
            #expect(running.wait().status == 0)
            for tail in [kills, nobodys] {
                #expect(tail.waits { $0.outSoFar.contains("\"kind\":\"recorder_stop\"") })
                tail.signal(SIGINT)
            }
            for (tail, wanted) in [
                (kills, ["oom_kill", "recorder_stop"]),
                (nobodys, ["recorder_start", "recorder_stop", "lost", "sampler_gap"]),
            ] {
                for line in tail.wait().lines {
                    #expect(wanted.contains(try parse(line)["kind"] as? String ?? ""), "\(line)")
                }
            }
            let wrong = try Tool.run("tail", "--kind", "oom_kil")
            #expect(wrong.status == 2)
            #expect(wrong.err.contains("did you mean 'oom_kill'?"), "\(wrong.err)")
        }

        @Test func `who comes late knows the time and the names all the same`() throws {
            let scratch = try Scratch()
            let running = try recorder(scratch)
            let late = try tail(scratch)
            let drill = try Tool.run("drill", "--memory", "32M", "--json")
            #expect(drill.status == 0, "\(drill.err)")
            #expect(late.waits { $0.outSoFar.contains("KILL") }, "\(late.errSoFar)")
            #expect(!late.outSoFar.contains("boot+"), "\(late.outSoFar)")
            running.signal(SIGTERM)
            #expect(running.wait().status == 0)
            late.signal(SIGTERM)
            #expect(late.wait().status == 0)
        }
    }
}
