public import Events

// How it went, over time: what happened, one line each, and the host's figures beside it.

public enum EntryKind: UInt8, Choice {
    case note = 0
    case phase = 1
    case classChange = 2
    case kill = 3
    case signal = 4
    case exit = 5
    case reap = 6
    case stall = 7
    case slowIO = 8
    case loss = 9
    case gap = 10
    case census = 11
    case recorder = 12
    case cgroup = 13
    public static var fallback: EntryKind { .note }
}

/// One line of the timeline.
public struct TimelineEntry: Fields, Equatable, Sendable {
    public var at = Moment.unknown
    public var seq: UInt64 = 0
    public var kind = EntryKind.note
    public var sentence = Sentence()
    public var text: Bytes {
        get { sentence.bytes }
        set { sentence = Sentence(opaque: newValue) }
    }
    public var source = Bytes()

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.moment("", &at)
        try w.unsigned("seq", &seq)
        try w.choice("kind", &kind)
        try w.group("text", &sentence)
        try w.text("source", &source)
    }
}

/// The host at one moment of the incident; ratios are over the time since the point before.
public struct SeriesPoint: Fields, Equatable, Sendable {
    public var at = Moment.unknown
    public var availableBytes = Figure.unknown
    public var swapUsedBytes = Figure.unknown
    public var memorySome = Ratio.unknown
    public var memoryFull = Ratio.unknown
    public var ioFull = Ratio.unknown
    public var swapInBytesPerSecond = Figure.unknown
    public var swapOutBytesPerSecond = Figure.unknown
    public var diskBytesPerSecond = Figure.unknown
    public var blockedTasks = Figure.unknown
    public var load1Milli = Figure.unknown

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.moment("", &at)
        try w.figure("available_bytes", &availableBytes)
        try w.figure("swap_used_bytes", &swapUsedBytes)
        try w.ratio("memory_some_ratio", &memorySome)
        try w.ratio("memory_full_ratio", &memoryFull)
        try w.ratio("io_full_ratio", &ioFull)
        try w.figure("swap_in_bytes_per_second", &swapInBytesPerSecond)
        try w.figure("swap_out_bytes_per_second", &swapOutBytesPerSecond)
        try w.figure("disk_bytes_per_second", &diskBytesPerSecond)
        try w.figure("blocked_tasks", &blockedTasks)
        try w.figure("load1_milli", &load1Milli)
    }
}
