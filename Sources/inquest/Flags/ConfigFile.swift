import Glibc
import Incidents

/// The configuration: one `NAME = VALUE` a line, `#` begins a comment line.
///
/// A name is a flag of the recorder's without its dashes, or a threshold. Every verb that has the same flag takes it from here too, so
/// that a reader finds what the recorder writes.
struct ConfigFile: Sendable {
    static let standardPath = "/etc/inquest/inquest.conf"

    static var flags: [any FlagDeclaration] { Verbs.record.flags.filter { $0.name != Flags.config.name } }

    /// Whether this flag of a verb's has its default here: it is the recorder's. One of the same name may mean something else, and says so
    /// by its own default.
    static func has(_ flag: any FlagDeclaration) -> Bool {
        flags.contains { $0.name == flag.name && $0.kind == flag.kind && $0.shownDefault == flag.shownDefault }
    }

    /// For the manual.
    static let explanation = [
        "One NAME = VALUE a line; a line that begins with # is a comment. A name is a flag of inquest-record(8) without its dashes"
            + " (yes or no where the flag takes no value), or one of the thresholds that inquest help rules explains. An unknown"
            + " name is an error, and so is a value that cannot be read. The command line wins.",
        "inquest record does not start with a file that it cannot understand; inquest doctor says what is wrong with it. Other"
            + " verbs take from it where the recording and the live socket are, say what is wrong, and go on without it.",
        "The recorder obeys the file, as root: it must not be writable by anybody else.",
    ]

    private(set) var values: [String: FlagValue] = [:]
    private(set) var rules = Rules()
    /// Names in the order of their lines.
    private(set) var names: [String] = []

    /// - Throws: `UsageError` naming file and line.
    init(_ text: String, named path: String) throws(UsageError) {
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = Self.trimmed(line)
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            do throws(UsageError) {
                guard let raw = Setting(String(line)) else {
                    throw UsageError(message: "'\(line)' is no NAME=VALUE")
                }
                try take(String(Self.trimmed(Substring(raw.name))), String(Self.trimmed(Substring(raw.value))))
            } catch {
                throw UsageError(message: "\(path): line \(number + 1): \(error.message)")
            }
        }
    }

    /// The configuration of this machine.
    ///
    /// - Parameter given: a file that the user named; without it the standard one is read, where there is one.
    static func load(_ given: String?, standard: String) throws(CommandError) -> ConfigFile? {
        let path = given ?? standard
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            if given == nil, errno == ENOENT || errno == ENOTDIR { return nil }
            throw CommandError("cannot read \(path): \(errnoText(errno)); name a readable file with --config")
        }
        defer { close(descriptor) }
        var facts = stat()
        if unsafe fstat(descriptor, &facts) == 0, geteuid() == 0 {
            guard facts.st_uid == 0, facts.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
                throw CommandError(
                    "\(path) may be written by others than root, and the recorder would obey them: chown root, chmod go-w"
                )
            }
        }
        guard let text = readSmallFile(descriptor) else {
            throw CommandError("cannot read \(path): \(errnoText(errno))")
        }
        do throws(UsageError) { return try ConfigFile(text, named: path) } catch { throw CommandError(error) }
    }

    private mutating func take(_ name: String, _ value: String) throws(UsageError) {
        names.append(name)
        guard let flag = Self.flags.first(where: { $0.name == name }) else { return try set(name, value) }
        guard flag.kind == .toggle else {
            return try FlagReader.read(flag, value, of: Verbs.record, into: &values)
        }
        switch value {
        case "yes": values[name] = .on
        case "no": values[name] = nil
        default: throw UsageError(message: "\(name) is yes or no, not '\(value)'")
        }
    }

    private mutating func set(_ name: String, _ value: String) throws(UsageError) {
        let thresholds = Rules.all.map(\.name.label)
        guard thresholds.contains(name) else {
            throw UsageError(
                message: "nothing is called '\(name)'"
                    + Nearest.hint(name, among: Self.flags.map(\.name) + thresholds))
        }
        do throws(RuleError) { try rules.set(name: name, value: value) } catch {
            throw UsageError(message: error.message)
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" || $0 == "\r" }
        while let last = text.last, last == " " || last == "\t" || last == "\r" || last == "\r\n" { text.removeLast() }
        return text
    }
}

/// A text file of at most 1 MiB; `nil` sets errno.
private func readSmallFile(_ descriptor: Int32) -> String? {
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    var used = 0
    while used < bytes.count {
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe read(descriptor, buffer.baseAddress.map { unsafe $0 + used }, buffer.count - used)
        }
        if count < 0 { return nil }
        if count == 0 { break }
        used += count
    }
    return String(decoding: bytes[..<used], as: UTF8.self)
}
