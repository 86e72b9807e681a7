/// How text for people is laid out. Everything that a terminal or the environment would tell is decided by the caller.
public struct TextOptions: Sendable {
    /// Columns; lines are broken to fit. At least 40.
    public var width: Int
    /// Whether to use colours (ECMA-48 SGR).
    public var colour: Bool
    /// Seconds east of UTC for local times; `nil`: as recorded with the clock.
    public var utcOffsetSeconds: Int32?
    /// Timeline entries shown; `nil` shows every one, and every figure with its source and threshold.
    public var timelineEntries: Int?
    /// Whether the terminal shows Unicode's block elements: curves are drawn with them, and left out without.
    public var blockElements: Bool

    public init(
        width: Int = 80, colour: Bool = false, utcOffsetSeconds: Int32? = nil, timelineEntries: Int? = 24,
        blockElements: Bool = true
    ) {
        self.width = max(40, width)
        self.colour = colour
        self.utcOffsetSeconds = utcOffsetSeconds
        self.timelineEntries = timelineEntries
        self.blockElements = blockElements
    }
}
