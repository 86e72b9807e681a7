/// A configuration file: one `NAME = VALUE` a line, `#` begins a comment line.
///
/// A name is one of the verb's flags without dashes (a toggle's value is `yes` or `no`), or anything else, which is left to the
/// command as a setting: the recorder reads thresholds there and knows their names.
struct ConfigFile {
    var flags: [String: FlagValue] = [:]
    var settings: [Setting] = []

    /// - Throws: `UsageError` naming file and line.
    init(_ text: String, named path: String, for verb: Verb) throws(UsageError) {
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = Self.trimmed(line)
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            guard let raw = Setting(String(line)) else {
                throw UsageError(message: "\(path): line \(number + 1): '\(line)' is no NAME=VALUE")
            }
            let setting = Setting(
                name: String(Self.trimmed(Substring(raw.name))), value: String(Self.trimmed(Substring(raw.value))))
            guard let flag = verb.flags.first(where: { $0.name == setting.name && $0.name != Flags.config.name }) else {
                settings.append(setting)
                continue
            }
            do throws(UsageError) {
                if flag.kind == .toggle {
                    switch setting.value {
                    case "yes": flags[flag.name] = .on
                    case "no": flags[flag.name] = nil
                    default: throw UsageError(message: "\(flag.name) is yes or no, not '\(setting.value)'")
                    }
                } else {
                    try FlagReader.read(flag, setting.value, of: verb, into: &flags)
                }
            } catch {
                throw UsageError(message: "\(path): line \(number + 1): \(error.message)")
            }
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" || $0 == "\r" }
        while let last = text.last, last == " " || last == "\t" || last == "\r" || last == "\r\n" { text.removeLast() }
        return text
    }
}
