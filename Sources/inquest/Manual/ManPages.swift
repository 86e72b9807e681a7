import Incidents

/// The manual pages, made from the table of verbs, as help is.
///
/// The macros are those of man(7), which man-db, mandoc and groff read.
struct ManPages {
    let verbs: [Verb]
    let version: String

    /// File names with their text: `inquest.8`, one page a verb, and `inquest.conf.5`.
    var all: [(name: String, text: String)] {
        var pages = [("inquest.8", overview()), ("inquest.conf.5", configuration())]
        pages += listed.map { ("inquest-\($0.name).8", page($0)) }
        return pages
    }

    private var listed: [Verb] { verbs.filter { !$0.isHidden } }

    private func overview() -> String {
        var page = Roff("inquest", section: 8, version)
        page.section("NAME")
        page.line("inquest - who was killed, by whom, and why nothing stopped it")
        page.section("SYNOPSIS")
        page.bold("inquest", then: "VERB [FLAGS]")
        page.section("DESCRIPTION")
        page.paragraph(
            "inquest records kills, memory throttling, block IO latency and pressure on a Linux machine, keeps them through a"
                + " wedge and a reset, and makes one timeline of them: who did it, to whom, in which order, and why nothing"
                + " stopped it.")
        page.section("VERBS")
        for verb in listed { page.tagged("inquest-\(verb.name)(8)", verb.summary) }
        page.section("FILES")
        page.tagged(Flags.directory.absent, "the recording")
        page.tagged(Flags.live.absent, "the socket on which a running recorder tells what happens")
        page.tagged(ConfigFile.standardPath, "the configuration, inquest.conf(5)")
        exitStatus(&page)
        page.section("ENVIRONMENT")
        page.tagged("NO_COLOR", "set to anything, it turns colours off")
        page.tagged("COLUMNS", "the width to write for; else the terminal's own, else 80")
        page.section("SEE ALSO")
        page.paragraph(
            (["inquest.conf(5)"] + listed.map { "inquest-\($0.name)(8)" } + [
                "earlyoom(1)", "systemd-oomd(8)", "cgroups(7)",
            ])
            .joined(separator: ", "))
        return page.text
    }

    private func page(_ verb: Verb) -> String {
        var page = Roff("inquest-\(verb.name)", section: 8, version)
        page.section("NAME")
        page.line("inquest-\(verb.name) - \(verb.summary)")
        page.section("SYNOPSIS")
        page.bold("inquest \(verb.name)", then: Help.synopsis(verb).joined(separator: " "))
        if !verb.details.isEmpty {
            page.section("DESCRIPTION")
            for paragraph in verb.details { page.paragraph(paragraph) }
        }
        if let operand = verb.operand {
            page.section("ARGUMENT")
            page.tagged(operand.name, operand.help + (operand.absent.map { " (default \($0))" } ?? ""))
        }
        page.section("OPTIONS")
        for flag in verb.flags {
            let (left, right) = Help.row(flag)
            page.tagged(left, right)
        }
        page.tagged("--\(Flags.help.name)", Flags.help.help)
        exitStatus(&page)
        if !verb.examples.isEmpty {
            page.section("EXAMPLES")
            for example in verb.examples { page.tagged(example.command, example.purpose) }
        }
        page.section("SEE ALSO")
        page.paragraph("inquest(8), inquest.conf(5)")
        return page.text
    }

    private func configuration() -> String {
        var page = Roff("inquest.conf", section: 5, version)
        page.section("NAME")
        page.line("inquest.conf - configuration of inquest")
        page.section("SYNOPSIS")
        page.line(ConfigFile.standardPath)
        page.section("DESCRIPTION")
        for paragraph in ConfigFile.explanation { page.paragraph(paragraph) }
        page.section("NAMES")
        for flag in ConfigFile.flags {
            let value = flag.kind == .toggle ? "yes|no" : flag.kind.metavar ?? ""
            page.tagged("\(flag.name) = \(value)", flag.help + (flag.shownDefault.map { " (default \($0))" } ?? ""))
        }
        page.section("THRESHOLDS")
        page.paragraph("By these incidents are found; the default is shown.")
        for rule in Rules.all {
            page.tagged(
                "\(rule.name.label) = \(rule.written(rule.defaultValue))",
                "\(rule.meaning)" + (rule.unit.words.map { " (\($0))" } ?? "") + ". Source: \(rule.source).")
        }
        page.section("SEE ALSO")
        page.paragraph("inquest(8), inquest-record(8), inquest-replay(8)")
        return page.text
    }

    private func exitStatus(_ page: inout Roff) {
        page.section("EXIT STATUS")
        for meaning in ProgramStatus.meanings { page.tagged("\(meaning.status.rawValue)", meaning.inFull) }
    }
}

/// Writes roff source; every text that comes in is data, never a request.
private struct Roff {
    private(set) var text: String
    private var beginsSection = false

    init(_ name: String, section: Int, _ version: String) {
        text =
            ".TH \(Roff.quoted(name)) \(section) \"\" \(Roff.quoted("inquest \(version)")) \"System Administration\"\n"
        // Commands are to be copied: no hyphenation, ragged on the right.
        text += ".nh\n.ad l\n"
    }

    mutating func section(_ name: String) {
        text += ".SH \(Roff.quoted(name))\n"
        beginsSection = true
    }

    mutating func line(_ words: String) { text += Roff.escaped(words) + "\n" }

    mutating func paragraph(_ words: String) {
        text += (beginsSection ? "" : ".PP\n") + Roff.escaped(words) + "\n"
        beginsSection = false
    }

    mutating func bold(_ words: String, then rest: String) {
        text += ".B \(Roff.escaped(words))\n" + (rest.isEmpty ? "" : Roff.escaped(rest) + "\n")
    }

    mutating func tagged(_ tag: String, _ words: String) {
        text += ".TP\n.B \(Roff.escaped(tag))\n\(Roff.escaped(words))\n"
    }

    private static func quoted(_ word: String) -> String { "\"\(escaped(word))\"" }

    private static func escaped(_ words: String) -> String {
        var result = ""
        for character in words {
            switch character {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "\"": result += "\\(dq"
            // A request begins with one of these at the start of a line.
            case ".", "'": result += result.isEmpty ? "\\&\(character)" : "\(character)"
            default: result.append(character)
            }
        }
        return result
    }
}
