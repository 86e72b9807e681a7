/// What the user asked for, checked against the table: every value has been read, every word is an allowed one.
struct Invocation: Sendable {
    let verb: Verb
    /// The word beside the flags, or what stands for it when absent (`last`).
    let operand: String?
    /// `--help` was given: everything else is as the user typed it and not to be acted on.
    let wantsHelp: Bool
    private let values: [String: FlagValue]
    /// The configuration, or why there is none of use; `nil` where there is none.
    let configuration: Result<ConfigFile, CommandError>?

    init(
        verb: Verb, operand: String?, wantsHelp: Bool, values: [String: FlagValue],
        configuration: Result<ConfigFile, CommandError>? = nil
    ) {
        self.verb = verb
        self.operand = operand ?? verb.operand?.absent
        self.wantsHelp = wantsHelp
        self.values = values
        self.configuration = configuration
    }

    /// The flag's value; the configuration's when it was not given, else its default.
    subscript<Value>(flag: Flag<Value>) -> Value {
        (values[flag.name] ?? configured(flag)).flatMap(flag.extract) ?? flag.absent
    }

    private func configured(_ flag: some FlagDeclaration) -> FlagValue? {
        guard ConfigFile.has(flag), case .success(let config) = configuration else { return nil }
        return config.values[flag.name]
    }

    /// Whether the user said it, so that a default can give way to a finding of the command's own.
    func isGiven(_ flag: some FlagDeclaration) -> Bool { values[flag.name] != nil }

    /// The same invocation on a machine with a configuration: the command line wins.
    func with(_ configuration: Result<ConfigFile, CommandError>?) -> Invocation {
        Invocation(
            verb: verb, operand: operand, wantsHelp: wantsHelp, values: values, configuration: configuration)
    }
}
