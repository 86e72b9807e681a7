public import Events

/// Another explanation, which was considered and lost.
public struct Alternative: Fields, Equatable, Sendable {
    /// What else it could have been, in the words of the field that it would have filled: a class (`device_stall`), a killer
    /// (`earlyoom`), the path of a memory cgroup.
    public var nameSentence = Sentence()
    public var name: Bytes {
        get { nameSentence.bytes }
        set { nameSentence = Sentence(opaque: newValue) }
    }
    /// Why it lost, one line for people: `requests completed all along`.
    public var sentence = Sentence()
    public var text: Bytes {
        get { sentence.bytes }
        set { sentence = Sentence(opaque: newValue) }
    }
    public var evidence: [Evidence] = []

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.group("name", &nameSentence)
        try w.group("text", &sentence)
        try w.list("evidence", &evidence)
    }
}
