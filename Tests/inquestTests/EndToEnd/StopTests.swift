import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// How a recorder and its readers end.
    @Suite(.serialized, .enabled(if: Tool.canAttach, Comment(rawValue: Tool.whyNot)))
    struct Stops {
        private func recorder(_ scratch: Scratch, through wrapper: [String] = []) throws -> RunningTool {
            let recorder = try RunningTool(
                ["record", "--dir", scratch.path("recording"), "--live", scratch.path("live.sock"), "--size", "16M"],
                through: wrapper)
            try #require(recorder.waits { $0.errSoFar.contains("hooks attached") }, "\(recorder.errSoFar)")
            return recorder
        }

        private func isClean(_ scratch: Scratch) throws -> Bool {
            let verify = try Tool.run("verify", "--dir", scratch.path("recording"))
            return verify.status == 0 && verify.out.contains("end        clean")
        }

        @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT])
        func `each signal that means stop stops cleanly`(signal: Int32) throws {
            let scratch = try Scratch()
            let running = try recorder(scratch)
            running.signal(signal)
            let result = running.wait()
            #expect(result.status == 0 && result.signal == nil, "\(result.err)")
            #expect(try isClean(scratch))
            #expect(!FileManager.default.fileExists(atPath: scratch.path("live.sock")))
        }

        @Test(arguments: [0, 10_000, 40_000, 70_000, 100_000] as [UInt32])
        func `a stop right after the start is a clean one`(microseconds: UInt32) throws {
            let scratch = try Scratch()
            let running = try RunningTool([
                "record", "--dir", scratch.path("recording"), "--live", scratch.path("live.sock"), "--size", "16M",
            ])
            usleep(microseconds)
            running.signal(SIGINT)
            let result = running.wait()
            if result.signal == SIGINT {
                // Before it minds signals it has made nothing.
                #expect(!FileManager.default.fileExists(atPath: scratch.path("recording")))
            } else {
                #expect(result.status == 0, "\(result.err)")
                #expect(try isClean(scratch))
            }
        }

        @Test func `under nohup a hangup does not stop it`() throws {
            let scratch = try Scratch()
            let running = try recorder(scratch, through: ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"])
            // A signal that is ignored still arrives where it is waited for: it must not be among those.
            let place = "/proc/\(running.pid)/fdinfo"
            let masks = try FileManager.default.contentsOfDirectory(atPath: place).compactMap { name -> UInt64? in
                let text = (try? String(contentsOfFile: "\(place)/\(name)", encoding: .utf8)) ?? ""
                let line = text.split(separator: "\n").first { $0.hasPrefix("sigmask:") }
                return line.flatMap { UInt64($0.suffix(16), radix: 16) }
            }
            #expect(masks.count == 1)
            #expect(masks.allSatisfy { $0 & (1 << UInt64(SIGTERM - 1)) != 0 && $0 & (1 << UInt64(SIGHUP - 1)) == 0 })
            running.signal(SIGHUP)
            running.signal(SIGTERM)
            #expect(running.wait().status == 0)
            #expect(try isClean(scratch))
        }

        @Test func `closed standard streams never become the recording's files`() throws {
            let scratch = try Scratch()
            let running = try RunningTool(
                [
                    "-c",
                    "exec \"$INQUEST\" record --size 2M --dir \(scratch.path("recording")) --live"
                        + " \(scratch.path("live.sock")) <&- >&- 2>&-",
                ], environment: ["INQUEST": Tool.path], program: ["sh"])
            #expect(running.waits { _ in Leftovers.hasSegment(scratch.path("recording")) })
            #expect(running.waits { _ in FileManager.default.fileExists(atPath: scratch.path("live.sock")) })
            for descriptor in 0...2 {
                let target = try FileManager.default.destinationOfSymbolicLink(
                    atPath: "/proc/\(running.pid)/fd/\(descriptor)")
                #expect(target == "/dev/null", "descriptor \(descriptor)")
            }
            running.signal(SIGTERM)
            #expect(running.wait().status == 0)
            #expect(try isClean(scratch))
        }

        @Test func `an incident that is open at the stop is ended by it`() throws {
            let scratch = try Scratch()
            let directory = scratch.path("recording")
            let running = try recorder(scratch)
            let drill = try RunningTool(["drill", "--memory", "16M"])
            func line() -> String? {
                (try? Tool.run("list", "--json", "--dir", directory).lines)?
                    .first { $0.contains("inquest-drill-\(drill.pid)") }
            }
            #expect(running.waits { _ in line()?.contains("\"ended\":null") == true })
            running.signal(SIGTERM)
            #expect(running.wait().status == 0)
            #expect(line()?.contains("\"recorder_stopped\"") == true, "\(line() ?? "no line")")
            #expect(try isClean(scratch))
            drill.signal(SIGINT)
            _ = drill.wait()
        }

        @Test func `a second recorder on the same socket is refused, and the first goes on`() throws {
            let scratch = try Scratch()
            let first = try recorder(scratch)
            let second = try Tool.run("record", "--dir", scratch.path("other"), "--live", scratch.path("live.sock"))
            #expect(second.status == 1 && second.isOneLine, "\(second.err)")
            #expect(second.err.contains(scratch.path("live.sock")) && second.err.contains("--live"), "\(second.err)")
            let tail = try RunningTool(["tail", "--json", "--live", scratch.path("live.sock")])
            #expect(tail.waits { !$0.outSoFar.isEmpty }, "\(tail.errSoFar)")
            tail.signal(SIGINT)
            #expect(tail.wait().status == 0)
            first.signal(SIGINT)
            #expect(first.wait().status == 0)
        }

        @Test func `readers that stand still or die do not hold up the recorder`() throws {
            let scratch = try Scratch()
            let running = try recorder(scratch)
            let readers = try (0..<3).map { _ in
                try RunningTool(["tail", "--json", "--live", scratch.path("live.sock")])
            }
            for reader in readers { #expect(reader.waits { !$0.outSoFar.isEmpty }) }
            readers[0].signal(SIGSTOP)
            readers[1].signal(SIGKILL)
            let drill = try RunningTool(["drill", "--memory", "16M"])
            #expect(readers[2].waits { $0.outSoFar.contains("\"kind\":\"oom_kill\"") })
            #expect(
                running.waits { _ in
                    (try? Tool.run("list", "--json", "--dir", scratch.path("recording")).out)?
                        .contains("inquest-drill-\(drill.pid)") == true
                })
            drill.signal(SIGINT)
            _ = drill.wait()
            running.signal(SIGTERM)
            #expect(running.wait().status == 0)
            #expect(try isClean(scratch))
            readers[0].signal(SIGCONT)
            for reader in [readers[0], readers[2]] {
                reader.signal(SIGINT)
                #expect(reader.wait().status == 0)
            }
        }

        @Test func `tail without a recorder shows the past, then what its own probes hear`() throws {
            let drill = try SharedDrill.get()
            let tail = try RunningTool(["tail", "--json", "--since", "10h", "--dir", drill.directory])
            // One of the recording, one of its own: numbered from 1 again.
            #expect(
                tail.waits { $0.outSoFar.components(separatedBy: "\"kind\":\"recorder_start\"").count >= 3 },
                "\(tail.errSoFar)")
            #expect(tail.outSoFar.contains("\"kind\":\"oom_kill\""))
            tail.signal(SIGINT)
            let result = tail.wait()
            #expect(result.status == 0)
            #expect(result.isOneLine && result.err.contains("nothing is recorded"), "\(result.err)")
            for line in result.lines { #expect(try parse(line)["kind"] is String, "\(line)") }
        }
    }
}
