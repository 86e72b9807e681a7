/// How the program ends: a contract with scripts.
enum ProgramStatus: Int32, Sendable {
    /// Also an empty list, and a reader who closed the pipe.
    case done = 0
    case failed = 1
    case usage = 2
    /// What was asked for is not there: an unknown incident, no incident at all.
    case nothingMatched = 3

    /// For help and the manual.
    static let meanings: [(status: ProgramStatus, inBrief: String, inFull: String)] = [
        (.done, "done", "done; also an empty list, and a reader that closed the pipe"),
        (.failed, "failed", "failed; for verify: there is damage"),
        (.usage, "usage", "wrong usage, or a configuration file that cannot be understood"),
        (.nothingMatched, "nothing matched", "what was asked for is not there"),
    ]
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
