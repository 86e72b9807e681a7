/// `inquest manual`: prints a manual page, a shell's completion or the sample configuration, for whoever packages inquest.
enum ManualCommand: Command {
    static let verb = Verbs.manual

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        let verbs = Registry.commands.map { $0.verb }
        let texts =
            ManPages(verbs: verbs, version: inquestVersion).all + Completions(verbs: verbs).all
            + [("inquest.conf", ConfigFile.sample)]
        guard let name = invocation.operand else {
            for (name, _) in texts { console.out.writeLine(name) }
            return
        }
        guard let text = texts.first(where: { $0.name == name })?.text else {
            throw .nothingMatched(
                "no page is called '\(name)'" + Nearest.hint(name, among: texts.map(\.name))
                    + "; inquest manual lists them")
        }
        console.out.write(text)
    }
}
