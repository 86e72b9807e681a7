/// How the program ends: a contract with scripts.
enum ProgramStatus: Int32, Sendable {
    /// Also an empty list, and a reader who closed the pipe.
    case done = 0
    case failed = 1
    case usage = 2
    /// What was asked for is not there: an unknown incident, no incident at all.
    case nothingMatched = 3
}

/// Why a command ends without having done its job.
struct CommandError: Error, Equatable {
    /// One line: what failed, on what, what to do.
    let message: String
    let status: ProgramStatus

    init(_ message: String, status: ProgramStatus = .failed) {
        self.message = message
        self.status = status
    }

    init(_ error: UsageError) { self.init(error.message, status: .usage) }

    static func nothingMatched(_ message: String) -> CommandError {
        CommandError(message, status: .nothingMatched)
    }
}
