public import Events

// The causal chain of an incident: what led to what, each link with the figures that show it.

/// A figure that supports a statement, with where it came from.
public struct Evidence: Fields, Equatable, Sendable {
    /// What was measured, in words: `memory full`, `swap share of writes`.
    public var nameSentence = Sentence()
    public var name: Bytes {
        get { nameSentence.bytes }
        set { nameSentence = Sentence(opaque: newValue) }
    }
    public var value = Figure.unknown
    /// Of value and threshold: `bytes`, `ns`, `percent`, `pages/s`, `tasks`, ... or empty for a statement without a figure.
    public var unit = Bytes()
    public var threshold = Figure.unknown
    /// The hook or file: `oom:mark_victim`, `/proc/vmstat pswpout`.
    public var source = Bytes()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.group("name", &nameSentence)
        try w.figure("value", &value)
        try w.text("unit", &unit)
        try w.figure("threshold", &threshold)
        try w.text("source", &source)
    }
}

public enum LinkKind: UInt8, Choice {
    case unknown = 0
    case growth = 1
    case reclaim = 2
    case throttle = 3
    case swapOut = 4
    case refault = 5
    case saturation = 6
    case stalls = 7
    case kill = 8
    case reset = 9
    case recovery = 10
    public static var fallback: LinkKind { .unknown }
}

/// One link of the causal chain.
public struct Link: Fields, Equatable, Sendable {
    public var kind = LinkKind.unknown
    public var onset = Moment.unknown
    /// One line for people; names in it are raw bytes.
    public var sentence = Sentence()
    public var text: Bytes {
        get { sentence.bytes }
        set { sentence = Sentence(opaque: newValue) }
    }
    public var confidence = Confidence.unknown
    /// True when it began before the link it should follow from: the chain is broken here.
    public var outOfOrder = false
    public var evidence: [Evidence] = []

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.choice("kind", &kind)
        try w.moment("onset", &onset)
        try w.group("text", &sentence)
        try w.choice("confidence", &confidence)
        try w.flag("out_of_order", &outOfOrder)
        try w.list("evidence", &evidence)
    }
}
