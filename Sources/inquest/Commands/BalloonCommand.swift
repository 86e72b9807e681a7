import Glibc

/// The drill's own child; not for people.
enum BalloonCommand: Command {
    static let verb = Verbs.balloon

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        guard let operand = invocation.operand, let ceiling = Int(operand), ceiling > 0 else {
            throw CommandError("the balloon takes a number of bytes", status: .usage)
        }
        exit(Balloon.run(ceiling: ceiling))
    }
}
