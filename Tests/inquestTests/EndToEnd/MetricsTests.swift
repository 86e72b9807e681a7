import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite(.serialized, .enabled(if: Tool.canAttach, Comment(rawValue: Tool.whyNot)))
    struct Metrics {
        private let kill =
            "inquest_kills_total{killer=\"kernel_memcg\",constraint=\"CONSTRAINT_MEMCG\",drill=\"true\"}"

        private func recorder(_ scratch: Scratch) throws -> RunningTool {
            let recorder = try RunningTool([
                "record", "--dir", scratch.path("recording"), "--live", scratch.path("live.sock"), "--size", "16M",
            ])
            try #require(recorder.waits { $0.errSoFar.contains("hooks attached") }, "\(recorder.errSoFar)")
            return recorder
        }

        private func metrics(_ scratch: Scratch, _ more: String...) throws -> RunningTool {
            try RunningTool(
                ["metrics", "--live", scratch.path("live.sock"), "--dir", scratch.path("recording")] + more)
        }

        private func end(_ running: RunningTool) {
            running.signal(SIGTERM)
            #expect(running.wait().status == 0)
        }

        /// The value of a series; `nil` without it.
        private func value(_ series: String, in page: String) -> Double? {
            page.split(separator: "\n").first { $0.hasPrefix(series + " ") }
                .flatMap { Double($0.dropFirst(series.count + 1)) }
        }

        private func page(at path: String) -> String {
            (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        }

        /// Kills of drills, whosesoever, in the recording: somebody else may rehearse at the same time.
        private func recorded(_ scratch: Scratch) throws -> Double {
            let events = try Tool.run("export", "all", "--format", "ndjson", "--dir", scratch.path("recording"))
            return Double(
                events.lines.count { $0.contains("\"kind\":\"oom_kill\"") && $0.contains("inquest-drill-") })
        }

        /// GET /metrics of a socket.
        private func scrape(_ socket: String) throws -> String {
            let script = """
                import socket, sys
                s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(sys.argv[1])
                s.sendall(b'GET /metrics HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
                while block := s.recv(65536): sys.stdout.buffer.write(block)
                """
            return try RunningTool(["-c", script, socket], program: ["python3"]).wait().out
        }

        @Test func `a drill is counted, across a recorder that goes and comes back`() throws {
            let scratch = try Scratch()
            let socket = scratch.path("metrics.sock")
            let running = try metrics(scratch, "--listen", "unix:" + socket)
            try #require(running.waits { $0.errSoFar.contains("metrics at") }, "\(running.errSoFar)")
            #expect(value("inquest_up", in: try scrape(socket)) == 0)
            let first = try recorder(scratch)
            #expect(try running.waits { _ in value("inquest_up", in: try scrape(socket)) == 1 })
            let before = try recorded(scratch)
            let counted = try #require(value(kill, in: try scrape(socket)))
            #expect(try Tool.run("drill", "--memory", "32M", "--json").status == 0)
            #expect(try running.waits { _ in value(kill, in: try scrape(socket)) ?? 0 >= counted + 1 })
            let starts = try #require(value("inquest_recorder_starts_total", in: try scrape(socket)))
            end(first)
            #expect(try running.waits { _ in value("inquest_up", in: try scrape(socket)) == 0 })
            let second = try recorder(scratch)
            // Its first kill may come before the reader is back: it is in the recording.
            #expect(try Tool.run("drill", "--memory", "32M", "--json").status == 0)
            #expect(try running.waits { _ in value(kill, in: try scrape(socket)) ?? 0 >= counted + 2 })
            let page = try scrape(socket)
            #expect(page.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(value("inquest_recorder_starts_total", in: page) == starts + 1)
            #expect(value("inquest_phase", in: page) != nil)
            #expect(value("inquest_events_lost_total{source=\"live_reader_slow\"}", in: page) == 0)
            end(second)
            #expect(try running.waits { _ in value("inquest_up", in: try scrape(socket)) == 0 })
            #expect(value(kill, in: try scrape(socket)) == counted + (try recorded(scratch)) - before)
            end(running)
            #expect(access(socket, F_OK) != 0)
        }

        @Test func `the text file is there at once, whole, for everybody to read, and no other file stays`() throws {
            let scratch = try Scratch()
            let file = scratch.path("out.prom")
            let first = try recorder(scratch)
            let running = try metrics(scratch, "--textfile", file)
            #expect(running.waits { _ in value("inquest_up", in: page(at: file)) != nil })
            #expect(page(at: file).hasSuffix("\n"))
            var status = stat()
            #expect(stat(file, &status) == 0 && status.st_mode & 0o7777 == 0o644)
            let left = try FileManager.default.contentsOfDirectory(atPath: scratch.url.path)
            #expect(left.filter { $0.contains("out.prom") } == ["out.prom"])
            end(running)
            end(first)
        }

        @Test func `a timer counts each kill once, whenever it comes`() throws {
            let scratch = try Scratch()
            let file = scratch.path("out.prom")
            func once() throws -> String {
                let result = try metrics(scratch, "--textfile", file, "--once").wait()
                #expect(result.status == 0, "\(result.err)")
                return page(at: file)
            }
            let first = try recorder(scratch)
            #expect(value(kill, in: try once()) == 0)
            let before = try recorded(scratch)
            for number in 1...2 {
                #expect(try Tool.run("drill", "--memory", "32M", "--json").status == 0)
                #expect(try first.waits { _ in value(kill, in: try once()) ?? 0 >= Double(number) })
            }
            #expect(value("inquest_up", in: try once()) == 1)
            end(first)
            for _ in 1...2 { #expect(value("inquest_up", in: try once()) == 0) }
            #expect(value(kill, in: page(at: file)) == (try recorded(scratch)) - before)
        }
    }

    @Suite struct MetricsUsage {
        @Test func `a place that is none, and a file that is not named, are told in one line`() throws {
            for arguments in [["--listen", "localhost:1"], ["--once"]] {
                let result = try RunningTool(["metrics"] + arguments).wait()
                #expect(result.status == 2 && result.isOneLine, "\(result.err)")
            }
            let taken = try RunningTool(["metrics", "--listen", "unix:/proc/none"]).wait()
            #expect(taken.status == 1 && taken.isOneLine && taken.err.contains("--listen"), "\(taken.err)")
        }

        @Test func `without a recording there is nothing to write once`() throws {
            let scratch = try Scratch()
            let result = try Tool.run(
                "metrics", "--textfile", scratch.path("out.prom"), "--once", "--dir", scratch.path("nothing"))
            #expect(result.status == 1 && result.isOneLine, "\(result.err)")
            #expect(access(scratch.path("out.prom"), F_OK) != 0)
        }
    }
}
