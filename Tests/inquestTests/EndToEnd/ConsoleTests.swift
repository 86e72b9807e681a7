import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// What scripts and tired people rely on, whatever the verb.
    @Suite struct Contract {
        static let verbs = ["record", "tail", "list", "show", "export", "replay", "doctor", "drill", "verify", "help"]

        @Test(arguments: verbs) func `every verb explains itself, in both ways`(verb: String) throws {
            let flag = try Tool.run(verb, "--help")
            let help = try Tool.run("help", verb)
            #expect(flag.status == 0 && help.status == 0)
            #expect(flag.out == help.out && flag.err.isEmpty)
            #expect(flag.out.contains("Usage: inquest \(verb)"), "\(flag.out)")
        }

        @Test(arguments: [
            (["recrod"], "'record'"), (["list", "--jsn"], "'--json'"), (["show", "--al"], "'--all'"),
            (["export", "--format", "jsno"], "'json'"), (["export"], "--format"),
            (["drill", "--memory", "lots"], "lots"), (["drill", "hihg"], "'high'"),
            (["replay", "--set", "no_such=1"], "no_such"),
            (["list", "--dir"], "--dir"), (["list", "x"], "x"), ([], "help"),
        ])
        func `a mistake in the arguments is status 2, one line, and names what was meant`(
            words: [String], hint: String
        ) throws {
            let result = try RunningTool(words).wait()
            #expect(result.status == 2)
            #expect(result.out.isEmpty && result.isOneLine, "\(result.err)")
            #expect(result.err.contains(hint), "\(result.err)")
        }

        @Test func `an argument cannot steer the terminal`() throws {
            let result = try Tool.run("list", "--dir", "/none\u{1b}[31m\nsecond")
            #expect(result.isOneLine, "\(result.err)")
            #expect(!result.err.contains("\u{1b}"))
        }

        @Test func `foreign files are no recording`() throws {
            let scratch = try Scratch()
            mkdir(scratch.path("d"), 0o755)
            try Data("x".utf8).write(to: URL(fileURLWithPath: scratch.path("d/notes.txt")))
            for verb in ["list", "show", "verify", "replay"] {
                let result = try Tool.run(verb, "--dir", scratch.path("d"))
                #expect(result.status == 1 && result.isOneLine, "\(verb): \(result.err)")
                #expect(result.err.contains("no recording in"), "\(verb): \(result.err)")
                let file = try Tool.run(verb, "--dir", scratch.path("d/notes.txt"))
                #expect(file.status == 1 && file.isOneLine, "\(verb): \(file.err)")
            }
        }

        @Test func `without any incident last is status 3, and an empty list is 0`() throws {
            let scratch = try Scratch()
            mkdir(scratch.path("d"), 0o755)
            try Data().write(to: URL(fileURLWithPath: scratch.path("d/segment-0000000000000001.inq")))
            for verb in [["show"], ["export", "--format", "json"]] {
                let result = try RunningTool(verb + ["last", "--dir", scratch.path("d")]).wait()
                #expect(result.status == 3 && result.isOneLine && result.out.isEmpty, "\(result.err)")
            }
            let list = try Tool.run("list", "--dir", scratch.path("d"))
            #expect(list.status == 0 && list.err.contains("no incidents"), "\(list.err)")
            let json = try Tool.run("list", "--json", "--dir", scratch.path("d"))
            #expect(json.status == 0 && json.out.isEmpty && json.err.isEmpty)
            let verify = try Tool.run("verify", "--dir", scratch.path("d"))
            #expect(verify.status == 0 && verify.out.contains("never used"), "\(verify.out)")
        }
    }

    @Suite(.serialized, .enabled(if: Tool.canAttach, Comment(rawValue: Tool.whyNot)))
    struct Output {
        @Test(arguments: ["list", "replay", "doctor"])
        func `json is alone on standard output`(verb: String) throws {
            let directory = verb == "doctor" ? [] : ["--dir", try SharedDrill.get().directory]
            let result = try RunningTool([verb, "--json"] + directory).wait()
            #expect(!result.lines.isEmpty)
            for line in result.lines {
                let schema = try parse(line)["schema"] as? String
                #expect(schema?.hasPrefix("inquest.") == true, "\(line)")
            }
        }

        @Test(arguments: ["show", "export --format json", "export --format ndjson", "export --format markdown"])
        func `a reader who has seen enough is no error`(verb: String) throws {
            let drill = try SharedDrill.get()
            let result = try Tool.shell(
                "\"$INQUEST\" \(verb) \(drill.id) --dir \(drill.directory) | head -c 10 >/dev/null;"
                    + " echo ${PIPESTATUS[0]}; \"$INQUEST\" \(verb) \(drill.id) --dir \(drill.directory) | true;"
                    + " echo ${PIPESTATUS[0]}")
            #expect(result.out == "0\n0\n" && result.err.isEmpty, "\(result.out)\(result.err)")
        }

        @Test func `a full disk under standard output is an error`() throws {
            let drill = try SharedDrill.get()
            for verb in ["list", "show", "export --format json", "help"] {
                let directory = verb == "help" ? "" : "--dir \(drill.directory)"
                let full = try Tool.shell("exec \"$INQUEST\" \(verb) \(directory) >/dev/full")
                #expect(full.status == 1 && full.err.contains("No space left"), "\(verb): \(full.err)")
                let closed = try Tool.shell("exec \"$INQUEST\" \(verb) \(directory) >&-")
                #expect(closed.status == 1 && closed.err.contains("standard output"), "\(verb): \(closed.err)")
            }
        }

        @Test func `an export that cannot be written leaves what was there`() throws {
            let drill = try SharedDrill.get()
            let scratch = try Scratch()
            for (place, words) in [
                ("/dev/full", "No space left"), (scratch.path("none/x"), "directory does not exist"),
                (scratch.url.path, "it is a directory"),
            ] {
                let result = try Tool.run(
                    "export", drill.id, "--format", "json", "--dir", drill.directory, "-o", place)
                #expect(result.status == 1 && result.isOneLine && result.out.isEmpty, "\(result.err)")
                #expect(result.err.contains(place) && result.err.contains(words), "\(result.err)")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.url.path).isEmpty)
        }

        @Test func `colour is for terminals, and NO_COLOR turns it off`() throws {
            let drill = try SharedDrill.get()
            let show = "\"$INQUEST\" show \(drill.id) --dir \(drill.directory)"
            let escape = "\u{1b}["
            #expect(try !Tool.shell(show).out.contains(escape))
            // script(1) gives it a terminal.
            let terminal = "TERM=xterm script -qec '\(show)' /dev/null"
            #expect(
                try Tool.shell("NO_COLOR= " + terminal).out.contains(escape),
                "no colour on a terminal: this test proves nothing")
            #expect(try !Tool.shell("NO_COLOR=1 " + terminal).out.contains(escape))
        }
    }
}
