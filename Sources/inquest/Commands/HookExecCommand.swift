import Glibc

/// The recorder's own child, on its way to become the hook; not for people.
enum HookExecCommand: Command {
    static let verb = Verbs.hookExec

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        guard let path = invocation.operand else { throw CommandError("hook-exec takes a path", status: .usage) }
        let reason = HookExec.become(path)
        throw CommandError("the hook \(path) cannot be run: \(errnoText(reason))")
    }
}
