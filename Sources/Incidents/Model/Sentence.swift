public import Events

/// Whose a name in a sentence is.
public enum NameKind: UInt8, Choice {
    /// Nobody said: it may be anyone's.
    case unknown = 0
    /// The path of a cgroup: the path says whose.
    case cgroup = 1
    /// The name of a process, or its executable.
    case process = 2
    /// A user's name or number.
    case user = 3
    public static var fallback: NameKind { .unknown }
}

/// Where in a sentence a name stands, and whose it is.
public struct NameMark: Fields, Equatable, Sendable {
    /// Bytes from the sentence's begin.
    public var offset: UInt32 = 0
    public var length: UInt32 = 0
    public var kind = NameKind.unknown
    /// Of a process or a user.
    public var uid = Figure.unknown

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("offset", &offset)
        try w.unsigned("length", &length)
        try w.choice("kind", &kind)
        try w.figure("uid", &uid)
    }
}

/// A sentence of the correlator's: words of ours and names of others, told apart. In documents it is its text alone.
///
/// Only a `Phrase` makes one whose words are known to be ours. A text that comes from anywhere else counts as one name as a whole, so
/// that what redacts cannot pass on by mistake what it does not know.
public struct Sentence: Fields, Equatable, Sendable {
    /// Names in it are raw bytes.
    public private(set) var bytes = Bytes()
    /// In the order of their offsets.
    public private(set) var names: [NameMark] = []

    public init() {}

    init(_ bytes: Bytes, names: [NameMark]) {
        self.bytes = bytes
        self.names = names
    }

    /// Text of unknown origin.
    public init(opaque text: Bytes) {
        bytes = text
        var mark = NameMark()
        mark.length = UInt32(truncatingIfNeeded: text.count)
        if !text.isEmpty { names = [mark] }
    }

    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("bytes", &bytes)
        try w.list("names", &names)
    }

    /// The sentence with its names replaced.
    ///
    /// - Parameter replacement: for a name and its mark; `nil` leaves it as it is.
    public func replacingNames(_ replacement: (ArraySlice<UInt8>, NameMark) -> Bytes?) -> Sentence {
        var result = Sentence()
        var next = 0
        for mark in names {
            let (from, to) = (Int(mark.offset), Int(mark.offset) + Int(mark.length))
            // What was read from a file need not make sense: then nothing of it is known.
            guard from >= next, to <= bytes.count else { return Sentence(opaque: bytes).replacingNames(replacement) }
            result.bytes += bytes[next..<from]
            var moved = mark
            moved.offset = UInt32(truncatingIfNeeded: result.bytes.count)
            let name = bytes[from..<to]
            let shown = replacement(name, mark)
            result.bytes += shown.map { $0[...] } ?? name
            moved.length = UInt32(truncatingIfNeeded: result.bytes.count) - moved.offset
            // A replacement is words of ours.
            if shown == nil { result.names.append(moved) }
            next = to
        }
        result.bytes += bytes[next...]
        return result
    }
}
