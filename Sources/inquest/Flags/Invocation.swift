/// What the user asked for, checked against the table: every value has been read, every word is an allowed one.
struct Invocation: Sendable {
    let verb: Verb
    /// The word beside the flags, or what stands for it when absent (`last`).
    let operand: String?
    /// `--help` was given: everything else is as the user typed it and not to be acted on.
    let wantsHelp: Bool
    private var values: [String: FlagValue]

    init(verb: Verb, operand: String?, wantsHelp: Bool, values: [String: FlagValue]) {
        self.verb = verb
        self.operand = operand ?? verb.operand?.absent
        self.wantsHelp = wantsHelp
        self.values = values
    }

    /// The flag's value; its default when it was not given.
    subscript<Value>(flag: Flag<Value>) -> Value {
        values[flag.name].flatMap(flag.extract) ?? flag.absent
    }

    /// Whether the user said it, so that a default can give way to a finding of the command's own.
    func isGiven(_ flag: some FlagDeclaration) -> Bool { values[flag.name] != nil }

    /// The same invocation with what a configuration file adds: the command line wins.
    func adding(_ more: [String: FlagValue]) -> Invocation {
        var result = self
        result.values.merge(more) { ours, _ in ours }
        return result
    }
}
