import Events
import Incidents

/// Writes Markdown. What is given as text is already safe for a terminal and is escaped here once more, as a whole.
struct MarkdownPage {
    private var text = ""

    var bytes: Bytes { Bytes(text.utf8) }

    /// Markup of ours.
    mutating func line(_ line: String = "") { text += line + "\n" }

    mutating func section(_ title: String) {
        line()
        line("## " + title)
        line()
    }

    mutating func item(_ shown: String, indent: Int = 0) {
        line(String(repeating: " ", count: indent) + "- " + Self.safe(shown))
    }

    mutating func table(_ header: [String], _ rows: [[String]]) {
        line("| " + header.joined(separator: " | ") + " |")
        line("|" + header.map { _ in " --- |" }.joined())
        for row in rows { line("| " + row.map { Self.safe($0, lineStart: false) }.joined(separator: " | ") + " |") }
    }

    /// One kill, under a heading of its own.
    mutating func kill(_ kill: Kill, _ clock: LocalClock) {
        let sentences = KillWords(kill: kill)
        line("### " + Self.safe(clock.short(kill.at, decimals: 3) + " " + sentences.victim))
        line()
        item("Killed " + sentences.killer + ".")
        if let trigger = sentences.trigger { item(Self.sentence(trigger) + ".") }
        item(Self.sentence(sentences.size) + "; " + sentences.death + ".")
        if !kill.victim.cmdline.isEmpty {
            item("Command: " + Escaping.terminal(kill.victim.cmdline) + (kill.victim.cmdlineTruncated ? " ..." : ""))
        }
        for fact in sentences.belongings { item(Self.sentence(fact) + ".") }
        if let others = sentences.others { item("With it died " + others + ".") }
        for cgroup in sentences.cgroups(all: true) { item("Cgroup " + cgroup + ".") }
        for fact in sentences.surroundings { item(Self.sentence(fact) + ".") }
        item("Evidence: " + sentences.evidence(all: true) + ".")
        for other in kill.cause.alternatives { item("Considered: " + NameWords.alternative(other) + ".") }
        for caveat in sentences.caveats { item("Caveat: " + caveat + ".") }
    }

    /// Text that is safe for a terminal, safe for Markdown too.
    static func safe(_ shown: String, lineStart: Bool = true) -> String {
        Escaping.markdown(shown: shown, lineStart: lineStart)
    }

    /// A sentence's first letter large.
    static func sentence(_ shown: String) -> String {
        guard let first = shown.unicodeScalars.first, first.isASCII else { return shown }
        return shown.prefix(1).uppercased() + shown.dropFirst()
    }
}
