import Foundation
import Testing

extension EndToEnd {
    /// `record --hook`, with a real kill.
    @Suite(.serialized, .enabled(if: Tool.canAttach, Comment(rawValue: Tool.whyNot)))
    struct Hook {
        /// A recorder with this script as its hook; `$OUT` is the scratch directory in it.
        private func recorder(_ scratch: Scratch, _ script: String, _ flags: [String] = []) throws -> RunningTool {
            let hook = scratch.path("hook")
            let text = "#!/bin/sh\nOUT='\(scratch.path("out"))'\n\(script)\n"
            try text.write(toFile: hook, atomically: true, encoding: .utf8)
            try FileManager.default.createDirectory(atPath: scratch.path("out"), withIntermediateDirectories: true)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: hook)
            let recorder = try RunningTool(
                [
                    "record", "--dir", scratch.path("recording"), "--live", scratch.path("live.sock"), "--size", "16M",
                    "--hook", hook,
                ] + flags)
            try #require(recorder.waits { $0.errSoFar.contains("hooks attached") }, "\(recorder.errSoFar)")
            return recorder
        }

        private func read(_ scratch: Scratch, _ name: String) -> String {
            (try? String(contentsOfFile: scratch.path("out") + "/" + name, encoding: .utf8)) ?? ""
        }

        @Test func `a kill runs it, with the incident, as an ordinary process without capabilities`() throws {
            let scratch = try Scratch()
            let running = try recorder(
                scratch,
                """
                [ "$INQUEST_EVENT" = kill ] && [ "$INQUEST_DRILL" = 1 ] || exit 0
                cat >"$OUT/incident"; env >"$OUT/env"; cat /proc/self/oom_score_adj >"$OUT/adj"
                cat /proc/self/stat >"$OUT/stat"; ls /proc/self/fd >"$OUT/fd"; cp /proc/self/status "$OUT/status"
                echo done >"$OUT/done"; exit 3
                """)
            let drill = try parse(try Tool.run("drill", "--memory", "32M", "--json").out)
            #expect(running.waits { _ in read(scratch, "done") == "done\n" }, "\(running.errSoFar)")
            #expect(running.waits { $0.errSoFar.contains("ended with exit status 3") }, "\(running.errSoFar)")
            running.signal(SIGTERM)
            #expect(running.wait().status == 0)

            let incident = try parse(read(scratch, "incident"))
            #expect(incident["schema"] as? String == "inquest.incident/1")
            let victim = try #require(drill[path: "kills.0.victim.pid"] as? Int)
            #expect(incident[path: "kills.0.victim.pid"] as? Int == victim)
            let environment = read(scratch, "env").split(separator: "\n").map(String.init)
            #expect(environment.contains("INQUEST_VICTIM_PID=\(victim)"))
            #expect(environment.contains("INQUEST_INCIDENT=\(incident["id"] as? String ?? "?")"))
            #expect(environment.contains { $0.hasPrefix("INQUEST_MESSAGE=inquest-balloon[\(victim)] of root") })
            let allowed = ["INQUEST_", "PATH=", "LANG=", "PWD=", "OLDPWD=", "SHLVL=", "_="]
            #expect(environment.allSatisfy { line in allowed.contains { line.hasPrefix($0) } }, "\(environment)")
            let status = read(scratch, "status")
            for line in [
                "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "NoNewPrivs:\t1", "SigBlk:\t0000000000000000",
                "VmLck:\t       0 kB",
            ] {
                #expect(status.contains(line), "\(line)")
            }
            #expect(read(scratch, "adj") == "0\n")
            // proc(5): nice is field 19, the process group field 5.
            let stat = read(scratch, "stat").split(separator: ")").last?.split(separator: " ").map(String.init) ?? []
            #expect(stat.count > 17 && stat[16] == "10")
            #expect(stat.count > 3 && stat[2] != "\(running.pid)")
            // Its three, and the one with which ls reads.
            #expect(read(scratch, "fd").split(separator: "\n").count == 4)
        }

        @Test func `one that hangs is killed with its whole group, and the recorder goes on`() throws {
            let scratch = try Scratch()
            let running = try recorder(
                scratch,
                """
                [ "$INQUEST_EVENT" = kill ] && [ "$INQUEST_DRILL" = 1 ] || exit 0
                sleep 1000 & echo $! >"$OUT/child"; wait
                """, ["--hook-timeout", "1s"])
            #expect(try Tool.run("drill", "--memory", "32M", "--json").status == 0)
            #expect(running.waits { $0.errSoFar.contains("was killed with its group") }, "\(running.errSoFar)")
            let child = try #require(pid_t(read(scratch, "child").trimmingCharacters(in: .newlines)))
            #expect(running.waits { _ in kill(child, 0) != 0 && errno == ESRCH })
            running.signal(SIGTERM)
            #expect(running.wait().status == 0)
        }

        @Test func `a stop does not wait for it for ever`() throws {
            let scratch = try Scratch()
            let running = try recorder(
                scratch,
                """
                [ "$INQUEST_EVENT" = kill ] && [ "$INQUEST_DRILL" = 1 ] || exit 0
                echo $$ >"$OUT/pid"; exec sleep 1000
                """)
            #expect(try Tool.run("drill", "--memory", "32M", "--json").status == 0)
            #expect(running.waits { _ in !read(scratch, "pid").isEmpty })
            let hook = try #require(pid_t(read(scratch, "pid").trimmingCharacters(in: .newlines)))
            running.signal(SIGTERM)
            #expect(running.wait().status == 0)
            #expect(kill(hook, 0) != 0 && errno == ESRCH)
        }

        @Test func `what cannot be a hook is refused before anything is recorded`() throws {
            let scratch = try Scratch()
            let result = try Tool.run("record", "--dir", scratch.path("recording"), "--hook", "mail-victim")
            #expect(result.status == 2)
            #expect(result.err.contains("--hook mail-victim: name it with its whole path"), "\(result.err)")
            #expect(!FileManager.default.fileExists(atPath: scratch.path("recording")))
        }
    }
}
