/// What is wrong with a command line, as one line for the user. Always exit status 2.
struct UsageError: Error, Equatable {
    let message: String
}

/// What a command line asks for.
enum Request: Sendable {
    case run(Invocation)
    /// `--help` without a verb.
    case help
    case version
}

/// Reads a command line against the table of verbs.
struct FlagParser {
    let verbs: [Verb]

    /// - Parameter words: the arguments behind the program's name.
    func parse(_ words: [String]) throws(UsageError) -> Request {
        guard let first = words.first else {
            throw UsageError(message: "no verb given: one of \(listed.joined(separator: ", ")); see 'inquest help'")
        }
        switch first {
        case "--help", "-h": return .help
        case "--version", "-V": return .version
        default: break
        }
        if first.hasPrefix("-") {
            throw UsageError(
                message: "unknown flag '\(first)' before the verb"
                    + (Nearest.match(first, among: ["--help", "--version"]).map { "; did you mean '\($0)'?" }
                        ?? "; flags of a verb follow it, as in 'inquest record --size 1G'"))
        }
        return .run(try invocation(try verb(first), Array(words.dropFirst())))
    }

    /// The verb of that name, hidden ones too.
    func verb(_ name: String) throws(UsageError) -> Verb {
        if let verb = verbs.first(where: { $0.name == name }) { return verb }
        let hint = Nearest.hint(name, among: listed)
        throw UsageError(
            message: "unknown verb '\(name)'" + (hint.isEmpty ? ": one of \(listed.joined(separator: ", "))" : hint))
    }

    private var listed: [String] { verbs.filter { !$0.isHidden }.map(\.name) }

    private func invocation(_ verb: Verb, _ words: [String]) throws(UsageError) -> Invocation {
        var values: [String: FlagValue] = [:]
        var operand: String?
        var wantsHelp = false
        var onlyOperands = false
        var position = words.startIndex
        while position < words.endIndex {
            let word = words[position]
            position += 1
            if onlyOperands || word == "-" || !word.hasPrefix("-") {
                operand = try take(word, for: verb, after: operand)
            } else if word == "--" {
                onlyOperands = true
            } else if word == "--help" || word == "-h" {
                wantsHelp = true
            } else {
                let (flag, attached) = try flag(word, of: verb)
                let text: String?
                if flag.kind.metavar == nil {
                    guard attached == nil else {
                        throw UsageError(message: "\(verb.name): --\(flag.name) takes no value")
                    }
                    text = nil
                } else if attached != nil {
                    text = attached
                } else if position < words.endIndex {
                    text = words[position]
                    position += 1
                } else {
                    text = nil
                }
                try FlagReader.read(flag, text, of: verb, into: &values)
            }
        }
        if !wantsHelp { try check(verb, values) }
        return Invocation(verb: verb, operand: operand, wantsHelp: wantsHelp, values: values)
    }

    /// Splits `--flag`, `--flag=VALUE`, `-f`, `-fVALUE`.
    private func flag(_ word: String, of verb: Verb) throws(UsageError) -> (any FlagDeclaration, String?) {
        if word.hasPrefix("--") {
            let body = word.dropFirst(2)
            let name = String(body.prefix { $0 != "=" })
            let attached = body.count > name.count ? String(body.dropFirst(name.count + 1)) : nil
            if let flag = verb.flags.first(where: { $0.name == name }) { return (flag, attached) }
            throw unknown("--\(name)", verb, Nearest.hint(name, among: verb.flags.map(\.name), prefix: "--"))
        }
        let letter = word.dropFirst().first
        if let flag = verb.flags.first(where: { $0.short != nil && $0.short == letter }) {
            return (flag, word.count > 2 ? String(word.dropFirst(2)) : nil)
        }
        let name = String(word.dropFirst())
        throw unknown(word, verb, Nearest.hint(name, among: verb.flags.map(\.name), prefix: "--"))
    }

    private func unknown(_ flag: String, _ verb: Verb, _ hint: String) -> UsageError {
        UsageError(
            message: "\(verb.name): unknown flag '\(flag)'"
                + (hint.isEmpty ? "; see 'inquest help \(verb.name)'" : hint))
    }

    private func take(_ word: String, for verb: Verb, after earlier: String?) throws(UsageError) -> String {
        guard let operand = verb.operand else {
            throw UsageError(
                message: "\(verb.name): unexpected argument '\(word)'"
                    + Nearest.hint(word, among: verb.flags.map(\.name), prefix: "--"))
        }
        guard earlier == nil else {
            throw UsageError(message: "\(verb.name): only one \(operand.name) at a time, not also '\(word)'")
        }
        return word
    }

    private func check(_ verb: Verb, _ values: [String: FlagValue]) throws(UsageError) {
        for set in verb.exclusive {
            let given = set.filter { values[$0] != nil }
            guard given.count < 2 else {
                throw UsageError(
                    message: "\(verb.name): \(given.map { "--\($0)" }.joined(separator: " and ")) exclude each other")
            }
        }
        for flag in verb.flags where flag.isRequired && values[flag.name] == nil {
            throw UsageError(message: "\(verb.name): --\(flag.name) is missing: \(flag.kind.metavar ?? "")")
        }
    }
}

/// Reads a flag's value by its kind; the command line and the configuration file share it.
enum FlagReader {
    static func read(
        _ flag: any FlagDeclaration, _ text: String?, of verb: Verb, into values: inout [String: FlagValue]
    ) throws(UsageError) {
        if flag.kind == .toggle {
            values[flag.name] = .on
            return
        }
        guard let text else {
            throw UsageError(message: "\(verb.name): --\(flag.name) needs a value: \(flag.kind.metavar ?? "")")
        }
        func wrong(_ expected: String) -> UsageError {
            UsageError(message: "\(verb.name): --\(flag.name) '\(text)' \(expected)")
        }
        switch flag.kind {
        case .toggle: break
        case .text:
            guard !text.isEmpty else { throw wrong("is empty") }
            values[flag.name] = .text(text)
        case .size:
            guard let bytes = Units.bytes(text) else { throw wrong("is no size: a number with K, M, G or T, as 256M") }
            values[flag.name] = .number(bytes)
        case .duration:
            guard let nanoseconds = Units.nanoseconds(text) else {
                throw wrong("is no duration: numbers with ms, s, m, h or d, as 90s or 10m")
            }
            values[flag.name] = .number(nanoseconds)
        case .time:
            guard let time = GivenTime(text) else {
                throw wrong("is no time: 90m for so long ago, 10:02, '2026-06-22 10:02' or 2026-06-22T10:02:11Z")
            }
            values[flag.name] = .time(time)
        case .choice(let words):
            guard words.contains(text) else {
                throw wrong("is none of \(words.joined(separator: ", "))" + Nearest.hint(text, among: words))
            }
            values[flag.name] = .text(text)
        case .setting(let metavar):
            guard let setting = Setting(text) else { throw wrong("is no \(metavar)=VALUE") }
            values[flag.name] = .settings((values[flag.name]?.settings ?? []) + [setting])
        }
    }
}

extension Setting {
    /// `nil` without an equals sign or without a name before it.
    init?(_ text: String) {
        let name = text.prefix { $0 != "=" }
        guard !name.isEmpty, name.endIndex < text.endIndex else { return nil }
        self.init(name: String(name), value: String(text[text.index(after: name.endIndex)...]))
    }
}
