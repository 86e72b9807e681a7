import Glibc

// A descriptor that the caller closed would be given to the next file that is opened, and messages would go into the recording.
StandardStreams.fillClosed()
// A reader that went away is a write that returns EPIPE, not a death.
_ = signal(SIGPIPE, SIG_IGN)

let console = Console.standard { name in
    unsafe getenv(name).map { unsafe String(cString: $0) }
}
let program = Program(commands: Registry.commands, version: inquestVersion)
exit(program.run(Array(CommandLine.arguments.dropFirst()), console).rawValue)
