import Foundation
import Glibc
import Testing

extension Tool.Result {
    /// One line on standard error.
    var isOneLine: Bool { err.split(separator: "\n").count == 1 && err.hasPrefix("inquest: ") }
}

extension EndToEnd {
    @Suite(.serialized, .enabled(if: Tool.canDropRoot, Comment(rawValue: Tool.whyNotNobody)))
    struct Privileges {
        @Test(arguments: ["record", "tail", "drill"])
        func `without root the missing capabilities are named, and nothing is made`(verb: String) throws {
            let scratch = try Scratch()
            chmod(scratch.url.path, 0o777)
            let arguments = verb == "tail" ? [verb] : [verb, "--dir", scratch.path("recording")]
            let result = try RunningTool(arguments, through: Tool.asNobody).wait()
            #expect(result.status == 1)
            #expect(result.out.isEmpty && result.isOneLine, "\(result.err)")
            #expect(result.err.contains("CAP_BPF and CAP_PERFMON"), "\(result.err)")
            #expect(!FileManager.default.fileExists(atPath: scratch.path("recording")))
        }

        @Test func `doctor without root tells the facts and what is missing`() throws {
            let text = try Tool.run(through: Tool.asNobody, "doctor")
            #expect(text.status == 1 && text.isOneLine, "\(text.err)")
            #expect(text.out.contains("FACTS") && text.out.contains("problem: listening"), "\(text.out)")
            #expect(text.err.contains("CAP_BPF and CAP_PERFMON"), "\(text.err)")
            let json = try Tool.run(through: Tool.asNobody, "doctor", "--json")
            #expect(json.status == 1)
            #expect(try parse(json.out)["can_record"] as? Bool == false)
        }

        @Test(arguments: [("bpf", "CAP_BPF"), ("perfmon", "CAP_PERFMON")])
        func `one missing capability is the one that is named`(dropped: String, name: String) throws {
            let wrapper = ["setpriv", "--bounding-set=-sys_admin,-\(dropped)"]
            let result = try Tool.run(through: wrapper, "drill", "--memory", "32M")
            #expect(result.status == 1 && result.isOneLine, "\(result.err)")
            #expect(result.err.contains("needs \(name) (or CAP_SYS_ADMIN)"), "\(result.err)")
        }

        @Test(arguments: ["list", "show", "verify", "replay"])
        func `who may not read a recording is told the group`(verb: String) throws {
            let scratch = try Scratch()
            mkdir(scratch.path("recording"), 0o750)
            let result = try Tool.run(through: Tool.asNobody, verb, "--dir", scratch.path("recording"))
            #expect(result.status == 1 && result.isOneLine, "\(result.err)")
            #expect(result.err.contains("group inquest"), "\(result.err)")
        }
    }

    @Suite(.serialized, .enabled(if: Tool.canMount, Comment(rawValue: Tool.whyNotMount)))
    struct Places {
        private func inNamespace(_ script: String) throws -> Tool.Result {
            let tool = ["INQUEST": Tool.path]
            return try RunningTool(["-c", script], environment: tool, program: ["unshare", "-m", "sh"]).wait()
        }

        @Test(arguments: ["record", "tail", "drill", "doctor"])
        func `without the kernel's types it is said which file is missing`(verb: String) throws {
            let scratch = try Scratch()
            let arguments = verb == "record" ? "--dir \(scratch.path("recording"))" : ""
            let result = try inNamespace(
                "mount -t tmpfs none /sys/kernel/btf && exec \"$INQUEST\" \(verb) \(arguments)")
            #expect(result.status == 1 && result.isOneLine, "\(result.err)")
            #expect(
                result.err.contains("/sys/kernel/btf/vmlinux") && result.err.contains("CONFIG_DEBUG_INFO_BTF"),
                "\(result.err)")
            #expect(!FileManager.default.fileExists(atPath: scratch.path("recording")))
        }

        @Test func `a directory that cannot be there says why, and what to do`() throws {
            let scratch = try Scratch()
            try Data().write(to: URL(fileURLWithPath: scratch.path("file")))
            for (place, words) in [
                ("above/recording", "make the directory above it first"), ("file", "give --dir a directory"),
            ] {
                for verb in [["record", "--live", scratch.path("live.sock")], ["drill"]] {
                    let result = try RunningTool(verb + ["--dir", scratch.path(place)]).wait()
                    #expect(result.status == 1 && result.isOneLine, "\(result.err)")
                    #expect(result.err.contains(scratch.path(place)) && result.err.contains(words), "\(result.err)")
                }
            }
            #expect(!FileManager.default.fileExists(atPath: scratch.path("live.sock")))
        }

        @Test func `a read-only file system is named`() throws {
            let scratch = try Scratch()
            let place = scratch.url.path
            for directory in [place, place + "/below"] {
                let result = try inNamespace(
                    "mount -t tmpfs -o ro none \(place) &&"
                        + " exec \"$INQUEST\" record --live /tmp/none.sock --dir \(directory)")
                #expect(result.status == 1 && result.isOneLine, "\(result.err)")
                #expect(result.err.contains("Read-only file system; give --dir"), "\(result.err)")
            }
        }

        @Test func `a drill that cannot keep what it recorded fails, and says so`() throws {
            let scratch = try Scratch()
            let place = scratch.url.path
            let result = try inNamespace(
                "mount -t tmpfs -o size=256k none \(place) && exec \"$INQUEST\" drill --memory 16M --dir \(place)/r")
            #expect(result.status == 1)
            #expect(result.err.contains("no space left") && result.err.contains("not complete"), "\(result.err)")
        }

        @Test func `on a full file system the recorder goes on within what it has, and keeps its kills`() throws {
            let scratch = try Scratch()
            let (place, socket) = (scratch.path("mount"), scratch.path("live.sock"))
            mkdir(place, 0o755)
            // Somebody else takes all but 1 MiB: of its eight segments of 256 KiB the recorder gets about half.
            let recorder = try RunningTool(
                [
                    "-c",
                    "mount -t tmpfs -o size=3m none \(place) && exec \"$INQUEST\" record --size 2M"
                        + " --dir \(place)/r --live \(socket)",
                ], environment: ["INQUEST": Tool.path], program: ["unshare", "-m", "sh"])
            #expect(recorder.waits { $0.errSoFar.contains("hooks attached") }, "\(recorder.errSoFar)")
            let inside = "nsenter -t \(recorder.pid) -m"
            _ = try Tool.shell("\(inside) dd if=/dev/zero of=\(place)/filler bs=64k count=20 2>/dev/null")
            let tail = try RunningTool(["tail", "--json", "--live", socket])
            // Enough for several segments.
            Events.make(4000)
            let drill = try RunningTool(["drill", "--memory", "16M"])
            #expect(tail.waits { $0.outSoFar.contains("\"kind\":\"oom_kill\"") }, "\(tail.errSoFar)")
            #expect(
                recorder.waits { _ in
                    (try? Tool.shell("\(inside) \"$INQUEST\" list --json --dir \(place)/r").out)?
                        .contains("inquest-drill-\(drill.pid)") == true
                }, "the kill never reached the disk: \(recorder.errSoFar)")
            let verify = try Tool.shell("\(inside) \"$INQUEST\" verify --dir \(place)/r")
            #expect(verify.status == 0, "\(verify.out)\(verify.err)")
            drill.signal(SIGINT)
            _ = drill.wait()
            tail.signal(SIGINT)
            #expect(tail.wait().status == 0)
            // The mount goes with the recorder: what it left is looked at through a second process in its namespace.
            let held = try RunningTool(
                ["-c", "echo there; read line"], program: ["nsenter", "-t", "\(recorder.pid)", "-m", "sh"], input: true)
            #expect(held.waits { $0.outSoFar.contains("there") })
            recorder.signal(SIGTERM)
            let stopped = recorder.wait()
            let after = try Tool.shell(
                "nsenter -t \(held.pid) -m \"$INQUEST\" verify --dir \(place)/r;"
                    + " nsenter -t \(held.pid) -m \"$INQUEST\" list --dir \(place)/r")
            held.signal(SIGKILL)
            #expect(stopped.status == 0, "\(stopped.err)")
            #expect(after.out.contains("intact") && after.out.contains("inquest-drill-\(drill.pid)"), "\(after.out)")
        }

        @Test func `too few open files are refused before anything is begun`() throws {
            let scratch = try Scratch()
            for verb in ["record --dir \(scratch.path("r"))", "tail", "drill"] {
                let result = try Tool.shell("ulimit -n 64; exec \"$INQUEST\" \(verb)")
                #expect(result.status == 1 && result.isOneLine, "\(result.err)")
                #expect(result.err.contains("64 open files") && result.err.contains("ulimit"), "\(result.err)")
            }
            #expect(!FileManager.default.fileExists(atPath: scratch.path("r")))
        }
    }
}
