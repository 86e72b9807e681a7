import Glibc

// A reader that went away is a write that returns EPIPE, not a death.
_ = signal(SIGPIPE, SIG_IGN)

let console = Console.standard { name in
    unsafe getenv(name).map { unsafe String(cString: $0) }
}
let program = Program(commands: Registry.commands, version: inquestVersion)
exit(program.run(Array(CommandLine.arguments.dropFirst()), console).rawValue)
