import Incidents

/// `inquest help`: a verb, all verbs, or the thresholds.
enum HelpCommand: Command {
    static let verb = Verbs.help

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        let verbs = Registry.commands.map { $0.verb }
        let help = Help(verbs: verbs, width: console.width)
        guard let name = invocation.operand else {
            console.out.write(help.overview())
            return
        }
        if name == Help.rulesTopic {
            console.out.write(help.rules(Rules.all))
            return
        }
        do throws(UsageError) {
            console.out.write(help.page(try FlagParser(verbs: verbs).verb(name)))
        } catch {
            throw CommandError(error)
        }
    }
}
