import Glibc

/// What the program does with its arguments: the one way in, and the one way out.
struct Program {
    let commands: [any Command.Type]
    let version: String
    var configPath = ConfigFile.standardPath

    /// - Parameter words: the arguments behind the program's name.
    func run(_ words: [String], _ console: Console) -> ProgramStatus {
        var status = ProgramStatus.done
        do throws(CommandError) {
            try perform(words, console)
        } catch {
            status = error.status
            console.out.flush()
            console.note("inquest: \(error.message)")
        }
        console.endProgress()
        console.out.flush()
        if let code = console.out.failure {
            console.note("inquest: cannot write standard output: \(errnoText(code))")
            if status == .done { status = .failed }
        }
        return status
    }

    private func perform(_ words: [String], _ console: Console) throws(CommandError) {
        let verbs = commands.map { $0.verb }
        let request: Request
        do throws(UsageError) {
            request = try FlagParser(verbs: verbs).parse(words)
        } catch {
            throw CommandError(error)
        }
        switch request {
        case .help: console.out.write(Help(verbs: verbs, width: console.width).overview())
        case .version: console.out.writeLine("inquest \(version)")
        case .run(let invocation):
            if invocation.wantsHelp {
                console.out.write(Help(verbs: verbs, width: console.width).page(invocation.verb))
                return
            }
            let invocation = configured(invocation, console)
            // The parser knows no verbs but these commands' own.
            for command in commands where command.verb.name == invocation.verb.name {
                try command.run(invocation, console)
            }
        }
    }

    /// With the configuration of this machine; who does not ask for one by a flag goes on without one that is of no use.
    private func configured(_ invocation: Invocation, _ console: Console) -> Invocation {
        let asks = invocation.verb.flags.contains { $0.name == Flags.config.name }
        // Nothing in it is for the others: a hook on its way does not read a disk in a storm.
        guard asks || invocation.verb.flags.contains(where: ConfigFile.has) else { return invocation }
        do throws(CommandError) {
            let config = try ConfigFile.load(invocation[Flags.config], standard: configPath)
            return invocation.with(config.map { .success($0) })
        } catch {
            if !asks { console.note("inquest: not configured: \(error.message)") }
            return invocation.with(.failure(error))
        }
    }
}
