public import Events

/// A sentence under construction: words in UTF-8, names as the raw bytes they are, figures formatted the same way everywhere.
///
///     let text: Phrase = "\(cgroup: path) grew by \(bytes: grown) in \(duration: ns)"
///
/// Each way to put in a name says whose it is: there is none without.
struct Phrase: ExpressibleByStringInterpolation {
    private(set) var sentence = Sentence()

    init() {}
    init(_ sentence: Sentence) { self.sentence = sentence }
    init(stringLiteral value: String) { sentence = Sentence(Bytes(value.utf8), names: []) }
    init(stringInterpolation: StringInterpolation) {
        sentence = Sentence(stringInterpolation.bytes, names: stringInterpolation.names)
    }

    var isEmpty: Bool { sentence.bytes.isEmpty }

    mutating func append(_ other: Phrase) { self = "\(self)\(other)" }

    /// Adds a sentence after a space.
    mutating func say(_ other: Phrase) { self = isEmpty ? other : "\(self) \(other)" }

    struct StringInterpolation: StringInterpolationProtocol {
        var bytes = Bytes()
        var names: [NameMark] = []

        init(literalCapacity: Int, interpolationCount: Int) {
            bytes.reserveCapacity(literalCapacity + interpolationCount * 12)
        }

        mutating func appendLiteral(_ literal: String) { bytes.append(contentsOf: literal.utf8) }
        mutating func appendInterpolation(_ text: String) { bytes.append(contentsOf: text.utf8) }
        mutating func appendInterpolation(_ phrase: Phrase) {
            let begin = UInt32(truncatingIfNeeded: bytes.count)
            bytes.append(contentsOf: phrase.sentence.bytes)
            for var mark in phrase.sentence.names {
                mark.offset += begin
                names.append(mark)
            }
        }
        mutating func appendInterpolation(_ number: some BinaryInteger) { appendLiteral(String(number)) }
        mutating func appendInterpolation(cgroup path: Bytes) { append(path, .cgroup) }
        /// `chrome[8812]`.
        mutating func appendInterpolation(_ process: some NamedProcess) {
            appendInterpolation(comm: process)
            appendLiteral("[\(process.shownPid)]")
        }
        mutating func appendInterpolation(comm process: some NamedProcess) {
            append(process.comm.bytes, .process, of: process.ownerUID)
        }
        mutating func appendInterpolation(executable path: Bytes, of process: some NamedProcess) {
            append(path, .process, of: process.ownerUID)
        }
        /// `uid 1003`, or the user's name; `an unknown user`.
        mutating func appendInterpolation(user uid: Figure, name: Bytes = Bytes()) {
            if !name.isEmpty { return append(name, .user, of: uid) }
            guard let number = uid.value else { return appendLiteral("an unknown user") }
            append(Bytes("uid \(number)".utf8), .user, of: uid)
        }
        /// Devices are nobody's.
        mutating func appendInterpolation(device: Bytes) { bytes.append(contentsOf: device) }
        /// Words of the machine's own configuration.
        mutating func appendInterpolation(setting: Bytes) { bytes.append(contentsOf: setting) }

        private mutating func append(_ name: Bytes, _ kind: NameKind, of uid: Figure = .unknown) {
            var mark = NameMark()
            mark.offset = UInt32(truncatingIfNeeded: bytes.count)
            mark.length = UInt32(truncatingIfNeeded: name.count)
            mark.kind = kind
            mark.uid = uid
            names.append(mark)
            bytes.append(contentsOf: name)
        }
        mutating func appendInterpolation(bytes count: UInt64) { appendLiteral(formatBytes(count)) }
        mutating func appendInterpolation(duration ns: UInt64) { appendLiteral(formatDuration(ns)) }
        /// Hundredths of a percent, shown as a whole percent.
        mutating func appendInterpolation(share: UInt64) { appendLiteral(String((share &+ 50) / 100) + " %") }
        /// Hundredths of a percent, as a limit was given: `10 %`, `2.5 %`.
        mutating func appendInterpolation(limit: UInt64) {
            appendLiteral(limit % 100 == 0 ? "\(limit / 100) %" : "\(decimal((limit &+ 5) / 10)) %")
        }
        /// `1 kill`, `2 kills`, `2 processes`.
        mutating func appendInterpolation(_ count: some BinaryInteger, of noun: String) {
            appendLiteral(String(count) + " " + noun + (count == 1 ? "" : noun.hasSuffix("s") ? "es" : "s"))
        }
    }
}

extension Sentence {
    mutating func append(_ phrase: Phrase) { self = ("\(Phrase(self))\(phrase)" as Phrase).sentence }
}

/// A process as sentences name it, and whose it is.
public protocol NamedProcess {
    var comm: Comm { get }
    var shownPid: UInt32 { get }
    var ownerUID: Figure { get }
}

extension TaskIdentity: NamedProcess {
    public var shownPid: UInt32 { tgid }
    public var ownerUID: Figure { Figure(uid: uid) }
}

extension KillVictim: NamedProcess {
    public var shownPid: UInt32 { tgid }
    public var ownerUID: Figure { uid }
}

extension Trigger: NamedProcess {
    public var shownPid: UInt32 { tgid }
    public var ownerUID: Figure { uid }
}

extension Sender: NamedProcess {
    public var shownPid: UInt32 { tgid }
    public var ownerUID: Figure { uid }
}

extension Suspect: NamedProcess {
    public var shownPid: UInt32 { pid }
    public var ownerUID: Figure { uid }
}

/// Binary units with one decimal, rounded half up; bytes below 1 KiB as they are.
func formatBytes(_ count: UInt64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    if count < 1024 { return "\(count) B" }
    var unit = 0
    var shift: UInt64 = 10
    while unit < units.count - 1, count >> shift >= 1024 {
        unit += 1
        shift += 10
    }
    let whole = count >> shift
    let rest = count & ((1 << shift) - 1)
    let tenths = whole * 10 + ((rest >> (shift - 10)) * 10 + 512) / 1024
    if tenths >= 10240, unit < units.count - 1 { return "1 \(units[unit + 1])" }
    return decimal(tenths) + " " + units[unit]
}

/// A length of time with the two units that matter: `2 min 43 s`, `1.5 s`, `38 ms`.
func formatDuration(_ ns: UInt64) -> String {
    if ns < 1_000 { return "\(ns) ns" }
    if ns < 1_000_000 { return decimal((ns + 50) / 100) + " us" }
    if ns < 10_000_000 { return decimal((ns + 50_000) / 100_000) + " ms" }
    if ns < 999_500_000 { return "\((ns + 500_000) / 1_000_000) ms" }
    if ns < 59_950_000_000 { return decimal((ns + 50_000_000) / 100_000_000) + " s" }
    let seconds = (ns / 1_000_000 + 500) / 1000
    if seconds < 3600 { return "\(seconds / 60) min" + (seconds % 60 == 0 ? "" : " \(seconds % 60) s") }
    let minutes = (seconds + 30) / 60
    return "\(minutes / 60) h" + (minutes % 60 == 0 ? "" : " \(minutes % 60) min")
}

private func decimal(_ tenths: UInt64) -> String {
    tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
}
