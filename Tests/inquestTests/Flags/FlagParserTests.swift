import Testing

@testable import inquest

private let parser = FlagParser(verbs: Verbs.all + [hidden])
private let hidden = Verb("balloon", "fill memory", isHidden: true)

private func invocation(_ words: String...) throws -> Invocation {
    guard case .run(let invocation) = try parser.parse(words) else {
        throw UsageError(message: "not a verb: \(words)")
    }
    return invocation
}

/// The message of the usage error that these words cause.
private func complaint(_ words: String...) -> String {
    do throws(UsageError) {
        let request = try parser.parse(words)
        return "no error, but \(request)"
    } catch {
        return error.message
    }
}

@Suite struct FlagParserTests {
    @Test func `a verb without flags has every default`() throws {
        let record = try invocation("record")
        #expect(record[Flags.directory] == "/var/lib/inquest")
        #expect(record[Flags.live] == "/run/inquest/live.sock")
        #expect(record[Flags.size] == 256 << 20)
        #expect(record[Flags.config] == nil)
        #expect(record[Flags.noCommandLines] == false)
        #expect(!record.isGiven(Flags.directory))
    }

    @Test func `a value may follow or be attached`() throws {
        #expect(try invocation("list", "--dir", "/a b")[Flags.directory] == "/a b")
        #expect(try invocation("list", "--dir=/a=b")[Flags.directory] == "/a=b")
        #expect(try invocation("export", "--format", "json", "-o", "x")[Flags.output] == "x")
        #expect(try invocation("export", "--format=json", "-ox")[Flags.output] == "x")
        #expect(try invocation("list", "--dir", "--json")[Flags.directory] == "--json")
    }

    @Test func `the last of two values wins`() throws {
        #expect(try invocation("list", "--dir=a", "--dir=b")[Flags.directory] == "b")
    }

    @Test func `settings add up in order`() throws {
        let settings = try invocation("replay", "--set", "a=1", "--set=b=2=3")[Flags.thresholds]
        #expect(settings == [Setting(name: "a", value: "1"), Setting(name: "b", value: "2=3")])
        #expect(complaint("replay", "--set", "a") == "replay: --set 'a' is no THRESHOLD=VALUE")
        #expect(complaint("replay", "--set", "=1") == "replay: --set '=1' is no THRESHOLD=VALUE")
    }

    @Test func `the newest incident is meant when none is named`() throws {
        #expect(try invocation("show").operand == "last")
        #expect(try invocation("show", "b1e7c2d4-48213").operand == "b1e7c2d4-48213")
        #expect(complaint("show", "a", "b") == "show: only one ID|last at a time, not also 'b'")
    }

    @Test func `what follows two dashes is no flag`() throws {
        #expect(try invocation("show", "--", "--all").operand == "--all")
    }

    @Test func `help wins over what is missing`() throws {
        #expect(try invocation("export", "--help").wantsHelp)
        #expect(try invocation("show", "-h").wantsHelp)
        #expect(complaint("export") == "export: --format is missing: json|markdown|ndjson|csv|trace|html|sqlite")
    }

    @Test(arguments: [["--help"], ["-h"]])
    func `help needs no verb`(words: [String]) throws {
        guard case .help = try parser.parse(words) else {
            Issue.record("\(words) is not help")
            return
        }
    }

    @Test func `a wrong verb names the nearest`() {
        #expect(complaint("recrod") == "unknown verb 'recrod'; did you mean 'record'?")
        #expect(complaint("docter", "--json") == "unknown verb 'docter'; did you mean 'doctor'?")
        #expect(
            complaint("frobnicate")
                == "unknown verb 'frobnicate': one of record, tail, list, show, export, replay, doctor, drill, verify, metrics, help"
        )
    }

    @Test func `a wrong flag names the nearest of its verb`() {
        #expect(complaint("record", "--szie", "1G") == "record: unknown flag '--szie'; did you mean '--size'?")
        #expect(complaint("list", "-json") == "list: unknown flag '-json'; did you mean '--json'?")
        #expect(complaint("list", "--xyzzy=1") == "list: unknown flag '--xyzzy'; see 'inquest help list'")
        #expect(complaint("list", "json") == "list: unexpected argument 'json'; did you mean '--json'?")
        #expect(
            complaint("--jsn")
                == "unknown flag '--jsn' before the verb; flags of a verb follow it, as in 'inquest record --size 1G'")
        #expect(complaint("--versoin") == "unknown flag '--versoin' before the verb; did you mean '--version'?")
    }

    @Test func `a wrong value says what is allowed`() {
        #expect(
            complaint("export", "--format", "jsn")
                == "export: --format 'jsn' is none of json, markdown, ndjson, csv, trace, html, sqlite; did you mean 'json'?"
        )
        #expect(
            complaint("record", "--size", "lots")
                == "record: --size 'lots' is no size: a number with K, M, G or T, as 256M")
        #expect(
            complaint("tail", "--since", "10")
                == "tail: --since '10' is no duration: numbers with ms, s, m, h or d, as 90s or 10m")
        #expect(complaint("list", "--json=yes") == "list: --json takes no value")
        #expect(complaint("list", "--dir") == "list: --dir needs a value: DIR")
        #expect(complaint("list", "--dir=") == "list: --dir '' is empty")
    }

    @Test func `flags that exclude each other are refused together`() {
        let either = Verb("look", "look", flags: [Flags.json, Flags.all], exclusive: [["json", "all"]])
        #expect(throws: UsageError(message: "look: --json and --all exclude each other")) {
            try FlagParser(verbs: [either]).parse(["look", "--json", "--all"])
        }
    }

    @Test func `a hidden verb works and is never mentioned`() throws {
        #expect(try invocation("balloon").verb.name == "balloon")
        #expect(!complaint("balloom").contains("balloon"))
        #expect(!Help(verbs: parser.verbs).overview().contains("balloon"))
    }

    @Test func `no arguments at all is a usage error`() {
        #expect(complaint().hasPrefix("no verb given: one of record, tail"))
    }
}

@Suite struct UnitsTests {
    @Test(
        arguments: [
            ("0", 0), ("4096", 4096), ("64K", 64 << 10), ("64k", 64 << 10), ("256M", 256 << 20), ("1GiB", 1 << 30),
            ("2T", 2 << 40), ("1MB", 1_000_000), ("10b", 10), ("18446744073709551615", UInt64.max),
        ] as [(String, UInt64)])
    func `a size is read`(text: String, bytes: UInt64) {
        #expect(Units.bytes(text) == bytes)
    }

    @Test(arguments: ["", "M", "-1", "1.5G", "1 M", "1X", "1M2", "٣", "18446744073709551616", "99999999T"])
    func `what is no size is refused`(text: String) {
        #expect(Units.bytes(text) == nil)
    }

    @Test(
        arguments: [
            ("250ms", 250_000_000), ("90s", 90_000_000_000), ("10m", 600_000_000_000), ("1h30m", 5_400_000_000_000),
            ("1d", 86_400_000_000_000), ("0s", 0),
        ] as [(String, UInt64)])
    func `a duration is read`(text: String, nanoseconds: UInt64) {
        #expect(Units.nanoseconds(text) == nanoseconds)
    }

    @Test(arguments: ["", "10", "s", "-1s", "1.5h", "1 h", "1w", "1h30", "99999999999d"])
    func `what is no duration is refused`(text: String) {
        #expect(Units.nanoseconds(text) == nil)
    }
}

@Suite struct NearestTests {
    @Test func `a swap of neighbours is one edit`() {
        #expect(Nearest.distance("recrod", "record") == 1)
        #expect(Nearest.distance("", "abc") == 3)
        #expect(Nearest.distance("kitten", "sitting") == 3)
    }

    @Test func `far words are not suggested`() {
        #expect(Nearest.match("zzzz", among: ["dir", "json"]) == nil)
        #expect(Nearest.match("x", among: []) == nil)
        #expect(Nearest.match(String(repeating: "a", count: 100_000), among: ["aaaa"]) == nil)
    }
}
