/// A key as it was pressed.
public enum Key: Equatable, Sendable {
    case character(Character)
    /// With the control key held: `L` for ^L.
    case control(Character)
    case up
    case down
    case left
    case right
    case pageUp
    case pageDown
    case home
    case end
    case enter
    case backspace
    case escape
    case unknown
}

/// Makes keys of the bytes that a terminal sends, however they arrive in pieces. Pure, bounded: sequences that are too long are dropped.
///
/// ECMA-48 control sequences as xterm and its kin send them (ctlseqs, "PC-Style Function Keys"). An escape alone is the key of that
/// name only when nothing follows it: the caller says so with `flush`, when some time has passed.
public struct KeyDecoder: Sendable {
    private var pending: [UInt8] = []
    private static let longest = 32

    public init() {}

    /// Whether something came that may be the beginning of a key.
    public var isPending: Bool { !pending.isEmpty }

    public mutating func feed(_ bytes: some Sequence<UInt8>) -> [Key] {
        pending += bytes
        var keys: [Key] = []
        while let key = next() { keys.append(key) }
        return keys
    }

    /// Nothing followed: what is pending is all there is.
    public mutating func flush() -> [Key] {
        guard !pending.isEmpty else { return [] }
        let isEscape = pending == [0x1b]
        pending = []
        return [isEscape ? .escape : .unknown]
    }

    private mutating func next() -> Key? {
        guard let first = pending.first else { return nil }
        if first == 0x1b { return escaped() }
        if first < 0x80 {
            pending.removeFirst()
            return Self.plain(first)
        }
        let length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1
        guard pending.count >= length else { return nil }
        let text = String(decoding: pending.prefix(length), as: UTF8.self)
        pending.removeFirst(length)
        guard text.unicodeScalars.count == 1, let character = text.first, character != "\u{fffd}" else {
            return .unknown
        }
        return .character(character)
    }

    private static func plain(_ byte: UInt8) -> Key {
        switch byte {
        case 0x0d, 0x0a: .enter
        case 0x7f, 0x08: .backspace
        case 0..<0x20: .control(Character(Unicode.Scalar(byte + 0x40)))
        default: .character(Character(Unicode.Scalar(byte)))
        }
    }

    /// `ESC [ parameters final` or `ESC O final`; `ESC` before anything else is a key of its own.
    private mutating func escaped() -> Key? {
        guard pending.count >= 2 else { return nil }
        let kind = pending[1]
        guard kind == UInt8(ascii: "[") || kind == UInt8(ascii: "O") else {
            pending.removeFirst()
            return .escape
        }
        guard let end = pending.dropFirst(2).firstIndex(where: { (0x40...0x7e).contains($0) }) else {
            guard pending.count > Self.longest else { return nil }
            pending = []
            return .unknown
        }
        let parameter = pending[2..<end].prefix { $0 != UInt8(ascii: ";") }
        let final = pending[end]
        pending.removeSubrange(...end)
        return Self.key(final, String(decoding: parameter, as: UTF8.self))
    }

    private static func key(_ final: UInt8, _ parameter: String) -> Key {
        switch (Character(Unicode.Scalar(final)), parameter) {
        case ("A", _): .up
        case ("B", _): .down
        case ("C", _): .right
        case ("D", _): .left
        case ("H", _), ("~", "1"), ("~", "7"): .home
        case ("F", _), ("~", "4"), ("~", "8"): .end
        case ("~", "5"): .pageUp
        case ("~", "6"): .pageDown
        case ("M", ""): .enter
        default: .unknown
        }
    }
}
