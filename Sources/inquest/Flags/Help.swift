import Incidents

/// Help texts, made from the table.
struct Help {
    /// What `help` explains besides verbs.
    static let rulesTopic = "rules"

    let verbs: [Verb]
    /// Columns to wrap at.
    let width: Int

    init(verbs: [Verb], width: Int = 80) {
        self.verbs = verbs
        self.width = min(max(width, 40), 100)
    }

    /// All verbs in brief.
    func overview() -> String {
        let listed = verbs.filter { !$0.isHidden }
        var lines = [
            "inquest finds out why a Linux machine was killed or wedged.", "", "Usage: inquest VERB [FLAGS]", "",
        ]
        lines += table(listed.map { ($0.name, $0.summary) })
        lines += [""]
        lines += table([
            ("help VERB", "what the verb does, its flags, examples"),
            ("--\(Flags.help.name)", Flags.help.help),
            ("--\(Flags.version.name)", Flags.version.help),
        ])
        let statuses = ProgramStatus.meanings.map { "\($0.status.rawValue) \($0.inBrief)" }
        lines += ["", "Exit status: \(statuses.joined(separator: ", "))."]
        return lines.joined(separator: "\n") + "\n"
    }

    func page(_ verb: Verb) -> String {
        var lines = wrapped("inquest \(verb.name): \(verb.summary)", indent: 0)
        lines += [""] + usage(verb)
        for paragraph in verb.details { lines += [""] + wrapped(paragraph, indent: 0) }
        if let operand = verb.operand {
            lines += ["", "Argument:"]
            lines += table([(operand.name, operand.help + (operand.absent.map { " (default \($0))" } ?? ""))])
        }
        lines += ["", "Flags:"]
        lines += table(verb.flags.map(Help.row) + [("--help", Flags.help.help)])
        if !verb.examples.isEmpty {
            lines += ["", "Examples:"]
            for example in verb.examples {
                lines += ["  \(example.command)"] + wrapped(example.purpose, indent: 6)
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Every threshold of the correlator as `replay --set` and the configuration file take it.
    func rules(_ rules: [Rule]) -> String {
        var lines = wrapped(
            "The correlator's thresholds, with their defaults. inquest replay --set NAME=VALUE tells what another would change;"
                + " a line NAME=VALUE in \(ConfigFile.standardPath) sets it.", indent: 0)
        for rule in rules {
            lines += [
                "",
                "  \(rule.name.label)=\(rule.written(rule.defaultValue))" + (rule.unit.words.map { "  (\($0))" } ?? ""),
            ]
            lines += wrapped("\(rule.meaning). Source: \(rule.source).", indent: 6)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// `Usage: inquest tail [--dir DIR | --live SOCKET] ...`
    func usage(_ verb: Verb) -> [String] {
        let start = "Usage: inquest \(verb.name)"
        return fill(Help.synopsis(verb), first: start, indent: start.count + 1)
    }

    /// What follows the verb: `[--dir DIR | --live SOCKET]` and so on.
    static func synopsis(_ verb: Verb) -> [String] {
        var parts: [String] = []
        if let operand = verb.operand { parts.append("[\(operand.name)]") }
        var said: Set<String> = []
        for flag in verb.flags where !said.contains(flag.name) {
            let set = verb.exclusive.first { $0.contains(flag.name) } ?? [flag.name]
            said.formUnion(set)
            let together = verb.flags.filter { set.contains($0.name) }.map(spelled).joined(separator: " | ")
            let repeated: Bool = if case .setting = flag.kind { true } else { false }
            parts.append(flag.isRequired ? together : "[\(together)]" + (repeated ? "..." : ""))
        }
        return parts
    }

    private static func spelled(_ flag: any FlagDeclaration) -> String {
        let dashed = flag.short.map { "-\($0)" } ?? "--\(flag.name)"
        // The flag's own line says which there are.
        if case .choice = flag.kind { return "\(dashed) \(flag.name.uppercased())" }
        return flag.kind.metavar.map { "\(dashed) \($0)" } ?? dashed
    }

    static func row(_ flag: any FlagDeclaration) -> (String, String) {
        let short = flag.short.map { "-\($0), " } ?? ""
        let value: String
        var help = flag.help
        if case .choice(let words) = flag.kind {
            value = " \(flag.name.uppercased())"
            help += ": \(words.joined(separator: ", "))"
        } else {
            value = flag.kind.metavar.map { " \($0)" } ?? ""
        }
        return ("\(short)--\(flag.name)\(value)", help + (flag.shownDefault.map { " (default \($0))" } ?? ""))
    }

    /// Two columns; a left side that is too long gets a line of its own.
    private func table(_ rows: [(String, String)]) -> [String] {
        let column = min(rows.map { $0.0.count }.max() ?? 0, 24)
        var lines: [String] = []
        for (left, right) in rows {
            let indent = column + 4
            var text = wrapped(right, indent: indent)
            if left.count <= column, let first = text.first {
                let padding = String(repeating: " ", count: column - left.count + 2)
                text[0] = "  " + left + padding + first.dropFirst(indent)
            } else {
                text.insert("  " + left, at: 0)
            }
            lines += text
        }
        return lines
    }

    private func wrapped(_ text: String, indent: Int) -> [String] {
        fill(text.split(separator: " ").map(String.init), first: "", indent: indent)
    }

    private func fill(_ words: [String], first: String, indent: Int) -> [String] {
        var lines: [String] = []
        var line = first
        let margin = String(repeating: " ", count: indent)
        for word in words {
            if line.isEmpty {
                line = margin + word
            } else if line.count + 1 + word.count > width {
                lines.append(line)
                line = margin + word
            } else {
                line += " " + word
            }
        }
        if !line.isEmpty { lines.append(line) }
        return lines
    }
}
