/// What a flag's value looks like: how it is read, and how help names it.
enum FlagKind: Equatable, Sendable {
    /// Present or absent; takes no value.
    case toggle
    case text(metavar: String)
    /// Bytes: `4096`, `64K`, `256M`, `1GiB`.
    case size
    /// Nanoseconds: `90s`, `10m`, `1h30m`.
    case duration
    /// A time, or how long ago: `2026-06-22T10:02:11Z`, `2026-06-22 10:02` (local), `10:02`, `90m`.
    case time
    /// One of these words.
    case choice([String])
    /// `NAME=VALUE`; may be given several times.
    case setting(metavar: String)

    /// The value's name in help; `nil` when there is none.
    var metavar: String? {
        switch self {
        case .toggle: nil
        case .text(let metavar): metavar
        case .size: "SIZE"
        case .duration: "DURATION"
        case .time: "TIME"
        case .choice(let words): words.joined(separator: "|")
        case .setting(let metavar): "\(metavar)=VALUE"
        }
    }
}

/// One `NAME=VALUE`.
struct Setting: Equatable, Sendable {
    let name: String
    let value: String
}

/// What help, parser, manual pages and completions need to know about a flag.
protocol FlagDeclaration: Sendable {
    /// Without the dashes.
    var name: String { get }
    var short: Character? { get }
    var kind: FlagKind { get }
    /// One sentence without a full stop.
    var help: String { get }
    /// The value in use when the flag is absent, as help shows it.
    var shownDefault: String? { get }
    var isRequired: Bool { get }
}

/// A flag whose value is a `Value` for the command that asks: `invocation[Flags.size]` is a number of bytes.
///
/// Made by the factories below, one for each kind.
struct Flag<Value: Sendable>: FlagDeclaration {
    let name: String
    let short: Character?
    let kind: FlagKind
    let help: String
    let shownDefault: String?
    let isRequired: Bool
    /// The value of an absent flag.
    let absent: Value
    let extract: @Sendable (FlagValue) -> Value?

    private init(
        _ name: String, short: Character? = nil, _ kind: FlagKind, _ help: String, shownDefault: String? = nil,
        isRequired: Bool = false, absent: Value, extract: @escaping @Sendable (FlagValue) -> Value?
    ) {
        self.name = name
        self.short = short
        self.kind = kind
        self.help = help
        self.shownDefault = shownDefault
        self.isRequired = isRequired
        self.absent = absent
        self.extract = extract
    }
}

extension Flag where Value == Bool {
    static func toggle(_ name: String, _ help: String) -> Flag {
        Flag(name, .toggle, help, absent: false) { $0 == .on }
    }
}

extension Flag where Value == String {
    static func text(_ name: String, _ metavar: String, default value: String, _ help: String) -> Flag {
        Flag(name, .text(metavar: metavar), help, shownDefault: value, absent: value, extract: \.text)
    }

    static func choice(_ name: String, of words: [String], default value: String, _ help: String) -> Flag {
        Flag(name, .choice(words), help, shownDefault: value, absent: value, extract: \.text)
    }

    /// A word out of a list that has to be given.
    static func requiredChoice(_ name: String, of words: [String], _ help: String) -> Flag {
        Flag(name, .choice(words), help, isRequired: true, absent: "", extract: \.text)
    }
}

extension Flag where Value == String? {
    /// - Parameter absent: what happens without it, for help.
    static func optionalText(
        _ name: String, short: Character? = nil, _ metavar: String, absent: String? = nil, _ help: String
    ) -> Flag {
        Flag(name, short: short, .text(metavar: metavar), help, shownDefault: absent, absent: nil, extract: \.text)
    }
}

extension Flag where Value == UInt64 {
    /// - Parameter text: the default as people write it; the unit test proves that it can be read.
    static func size(_ name: String, default text: String, _ help: String) -> Flag {
        Flag(name, .size, help, shownDefault: text, absent: Units.bytes(text) ?? 0) { $0.number }
    }
}

extension Flag where Value == UInt64 {
    /// - Parameter text: the default as people write it; the unit test proves that it can be read.
    static func duration(_ name: String, default text: String, _ help: String) -> Flag {
        Flag(name, .duration, help, shownDefault: text, absent: Units.nanoseconds(text) ?? 0) { $0.number }
    }
}

extension Flag where Value == UInt64? {
    static func optionalDuration(_ name: String, _ help: String) -> Flag {
        Flag(name, .duration, help, absent: nil) { $0.number }
    }
}

extension Flag where Value == GivenTime? {
    static func optionalTime(_ name: String, _ help: String) -> Flag {
        Flag(name, .time, help, absent: nil) { $0.time }
    }
}

extension Flag where Value == [Setting] {
    static func settings(_ name: String, _ metavar: String, _ help: String) -> Flag {
        Flag(name, .setting(metavar: metavar), help, absent: []) { $0.settings }
    }
}

/// A value as the parser found it on the command line.
enum FlagValue: Equatable, Sendable {
    case on
    case text(String)
    /// Bytes or nanoseconds, by the flag's kind.
    case number(UInt64)
    case time(GivenTime)
    case settings([Setting])

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var number: UInt64? { if case .number(let number) = self { number } else { nil } }
    var time: GivenTime? { if case .time(let time) = self { time } else { nil } }
    var settings: [Setting]? { if case .settings(let settings) = self { settings } else { nil } }
}
