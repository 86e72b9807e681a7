import Incidents
import Testing

@testable import inquest

private let help = Help(verbs: Verbs.all)

@Suite struct HelpTests {
    @Test func `the overview lists every verb`() {
        #expect(
            help.overview() == """
                inquest finds out why a Linux machine was killed or wedged.

                Usage: inquest VERB [FLAGS]

                  record   run the recorder in the foreground
                  tail     follow events and incidents as they happen
                  list     list the recorded incidents, newest last
                  show     show one incident's timeline on the terminal
                  export   write an incident, or a span of time, as a document
                  replay   correlate a recording again
                  doctor   what this machine offers to the recorder: facts first, then verdicts
                  drill    rehearse what should stop a runaway: contained, bounded, recorded and
                           shown
                  verify   check a recording
                  metrics  serve what the recorder tells as metrics for Prometheus
                  help     explain a verb, or the thresholds

                  help VERB  what the verb does, its flags, examples
                  --help     this text
                  --version  the program's version

                Exit status: 0 done, 1 failed, 2 usage, 3 nothing matched.

                """)
    }

    @Test func `a verb's page is made from the table`() {
        #expect(
            help.page(Verbs.tail) == """
                inquest tail: follow events and incidents as they happen

                Usage: inquest tail [--dir DIR] [--live SOCKET] [--since DURATION]
                                    [--kind KIND,...] [--cgroup CGROUP] [--user USER]
                                    [--json | --plain] [--no-cmdline]

                Follows the running recorder through its socket. Without a recorder it attaches
                probes of its own, which needs root, and records nothing.

                On a terminal it is a view of the whole machine that keeps drawing while ps and
                top hang; ? lists its keys. Elsewhere, and with --plain, --json, --since or
                --kind, a line for each event.

                With --since it begins with what the recording in DIR has, and goes on with what
                happens, without a gap or a repeat. What is lost, and when the recorder stops
                and comes back, is told whatever CGROUP or USER is.

                Flags:
                  --dir DIR         the recording's directory (default /var/lib/inquest)
                  --live SOCKET     the live socket (default /run/inquest/live.sock)
                  --since DURATION  begin that long ago, as far as it was recorded
                  --kind KIND,...   only events of these kinds, as JSON names them: oom_kill,
                                    signal, pressure (default all)
                  --cgroup CGROUP   only what is about this cgroup and those below it; a path,
                                    or a name in it (default all)
                  --user USER       only what is about this user, by name or number (default
                                    all)
                  --json            JSON on standard output, one document per line
                  --plain           lines, on a terminal too
                  --no-cmdline      do not record command lines, for those who keep secrets
                                    there
                  --help            this text

                Examples:
                  inquest tail
                      watch the machine
                  inquest tail --since 10m --json
                      the last ten minutes and what follows, for a program
                  inquest tail --kind oom_kill,signal --user alice
                      who of alice's was killed, and by whom

                """)
    }

    @Test func `required flags, operands and choices are shown`() {
        let page = help.page(Verbs.export)
        #expect(page.contains("Usage: inquest export [ID|last|all] --format FORMAT "))
        #expect(page.contains("  ID|last|all  an incident's id as in inquest list, last (without one), or all\n"))
        #expect(page.contains("  --format FORMAT    the document's format: json, markdown, ndjson, csv, trace,\n"))
        #expect(page.contains("  -o, --output FILE  write the file, whole or not at all (default standard\n"))
        #expect(help.page(Verbs.replay).contains("[--set THRESHOLD=VALUE]..."))
    }

    @Test func `the thresholds are listed as they are set, with meaning and source`() {
        let page = help.rules(Rules.all)
        #expect(
            page.contains(
                """

                  kill_merge=10s
                      kills of the same memory cgroup within this time are one incident. Source:
                      ours.

                """))
        #expect(page.contains("\n  limit_batch=64  (pages)\n"))
        for rule in Rules.all { #expect(page.contains("\n  \(rule.name.label)=")) }
    }

    @Test(arguments: [72, 80, 100])
    func `no line is wider than the terminal`(width: Int) {
        let help = Help(verbs: Verbs.all, width: width)
        for text in Verbs.all.map(help.page) + [help.overview(), help.rules(Rules.all)] {
            for line in text.split(separator: "\n") { #expect(line.count <= width, "\(line)") }
        }
    }
}

@Suite struct VerbTableTests {
    @Test func `every verb has its command, and every command its verb`() {
        // Hidden verbs come from their commands alone and may stand in the table or not.
        let commands = Registry.commands.map { $0.verb }.filter { !$0.isHidden }
        #expect(commands.map(\.name) == Verbs.all.filter { !$0.isHidden }.map(\.name))
    }

    @Test func `no name is taken twice`() {
        let verbs = Registry.commands.map { $0.verb.name }
        #expect(Set(verbs).count == verbs.count)
        for verb in Verbs.all {
            #expect(Set(verb.flags.map(\.name)).count == verb.flags.count, "\(verb.name)")
            let letters = verb.flags.compactMap(\.short)
            #expect(Set(letters).count == letters.count, "\(verb.name)")
        }
    }

    @Test func `every verb has a summary and an example that the parser accepts`() throws {
        for verb in Verbs.all where !verb.isHidden {
            #expect(!verb.summary.isEmpty)
            #expect(!verb.summary.hasSuffix("."))
            #expect(!verb.examples.isEmpty, "\(verb.name) has no example")
            for example in verb.examples {
                var words = example.command.split(separator: " ").map(String.init).prefix { $0 != "|" }
                if words.first == "sudo" { words.removeFirst() }
                #expect(words.first == "inquest")
                guard case .run(let invocation) = try FlagParser(verbs: Verbs.all).parse(Array(words.dropFirst()))
                else {
                    Issue.record("\(example.command) runs no verb")
                    continue
                }
                #expect(invocation.verb.name == verb.name)
            }
        }
    }

    @Test func `every default can be read by the flag's own kind`() throws {
        for verb in Verbs.all {
            for flag in verb.flags {
                guard let text = flag.shownDefault, flag.kind == .size || flag.kind == .duration else { continue }
                var values: [String: FlagValue] = [:]
                try FlagReader.read(flag, text, of: verb, into: &values)
                #expect(values[flag.name]?.number ?? 0 > 0)
            }
            for name in verb.exclusive.joined() { #expect(verb.flags.contains { $0.name == name }) }
        }
    }
}
