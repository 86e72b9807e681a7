/// What a verb takes beside its flags: at most one operand.
struct Operand: Sendable {
    /// As usage shows it, without brackets: `ID|last`.
    let name: String
    let help: String
    /// The operand in use when none is given; `nil` when there is none.
    let absent: String?
}

struct Example: Sendable {
    let command: String
    /// What it is good for, one phrase.
    let purpose: String

    init(_ command: String, _ purpose: String) {
        self.command = command
        self.purpose = purpose
    }
}

/// One verb as data: parser and help read nothing else.
struct Verb: Sendable {
    let name: String
    /// One line, without a full stop.
    let summary: String
    /// Paragraphs, each one line here; help wraps them.
    let details: [String]
    let operand: Operand?
    let flags: [any FlagDeclaration]
    /// Sets of flag names of which at most one may be given.
    let exclusive: [[String]]
    let examples: [Example]
    /// Part of the program's own workings: not listed, not suggested.
    let isHidden: Bool

    init(
        _ name: String, _ summary: String, details: [String] = [], operand: Operand? = nil,
        flags: [any FlagDeclaration] = [], exclusive: [[String]] = [], examples: [Example] = [], isHidden: Bool = false
    ) {
        self.name = name
        self.summary = summary
        self.details = details
        self.operand = operand
        self.flags = flags
        self.exclusive = exclusive
        self.examples = examples
        self.isHidden = isHidden
    }
}
