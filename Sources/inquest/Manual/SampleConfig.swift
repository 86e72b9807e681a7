import Incidents

extension ConfigFile {
    /// A file that changes nothing: every name with its default, as a comment.
    static var sample: String {
        var text =
            "# Configuration of inquest, see inquest.conf(5). A line without its # is in force after the recorder's next start.\n"
        for flag in flags {
            let value = flag.kind == .toggle ? "no" : flag.shownDefault ?? flag.kind.metavar ?? ""
            text += "\n# \(flag.help.prefix(1).uppercased())\(flag.help.dropFirst()).\n#\(flag.name) = \(value)\n"
        }
        text += "\n# Thresholds by which incidents are found; inquest help rules says more of each.\n"
        for rule in Rules.all { text += "#\(rule.name.label) = \(rule.written(rule.defaultValue))\n" }
        return text
    }
}
