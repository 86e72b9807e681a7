/// What a verb does: one type, one file, one line in `Registry`.
protocol Command: Sendable {
    static var verb: Verb { get }
    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError)
}

/// The commands, in the order of the table `Verbs`. A unit test compares the two: a verb without its command, or a command without
/// its verb, cannot ship.
enum Registry {
    static var commands: [any Command.Type] {
        [
            RecordCommand.self, TailCommand.self, ListCommand.self, ShowCommand.self, ExportCommand.self,
            ReplayCommand.self, DoctorCommand.self, DrillCommand.self, VerifyCommand.self, MetricsCommand.self,
            HelpCommand.self, ManualCommand.self, BalloonCommand.self, HookExecCommand.self, BenchPipelineCommand.self,
        ]
    }
}
