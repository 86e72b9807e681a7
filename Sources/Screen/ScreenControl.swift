import Incidents

/// By what the cgroups are ordered.
public enum CgroupOrder: Equatable, Sendable {
    case memory
    case swap
    case throttled
    case disk

    /// What counts; 0 for what is not to be listed.
    func weight(_ group: CgroupStanding) -> UInt64 {
        switch self {
        case .memory: group.memoryBytes.value ?? 0
        case .swap: group.swapBytes.value ?? 0
        case .throttled: group.throttled.isUnknown ? 0 : UInt64(group.throttled.millionths)
        case .disk: group.movedBytesPerSecond
        }
    }
}

/// What the reader chose to see: the mode, the filter, the order. Keys change it; what a key asks of the world is an `Action`.
public struct ScreenControl: Equatable, Sendable {
    public enum Mode: Equatable, Sendable {
        case live
        /// What was on the screen when the key came.
        case paused
        /// Read from the recording.
        case past
    }

    public enum Action: Equatable, Sendable {
        case quit
        /// Stop like any job of a shell.
        case suspend
        /// Whatever was on the terminal, draw everything anew.
        case redraw
        case pause
        case live
        /// Show the past at this time of the events' clock.
        case show(atNs: UInt64)
        /// The incident before the shown moment, or after it.
        case incident(forward: Bool)
        case export
    }

    public private(set) var mode = Mode.live
    /// Only what mentions it is shown; empty: everything.
    public private(set) var filter = ""
    /// A filter that is being typed.
    public private(set) var typed: String?
    public private(set) var order = CgroupOrder.memory
    public private(set) var showsHelp = false
    /// Trouble with the recorder, while it lasts.
    public var link: String?
    /// What the last key did, or why not; until the next key.
    public var notice: String?
    private static let typedBound = 64

    /// - Parameter filter: what the reader asked for before the first key.
    public init(filter: String = "") { self.filter = filter }

    static let keys = "space pause | arrows time | e incident | / filter | x export | ? help | q quit"

    static let help = [
        "",
        "  space        pause; again: back to what happens now",
        "  left right   ten seconds back, or forward, in the recording; PgUp PgDn: a minute",
        "  e  E         the incident before what is shown; the one after it",
        "  End          back to what happens now",
        "  /            show only what mentions a text: a cgroup, a user, a disk; Esc: everything",
        "  m s t i      order cgroups by memory, swap, time throttled, disk traffic",
        "  x            write what is on the screen to a file in the current directory",
        "  ?            this text; any key leaves it",
        "  ^L           draw everything anew        ^Z  stop; fg goes on",
        "  q            quit",
        "",
        "  Curves are the last minute or two, the worst of each column. * is the order of the cgroups.",
        "  D state: who waits for a disk or a lock and cannot be killed meanwhile, as of the last census.",
        "  Drawing reads no disk. The past, incidents and export do: on a disk in a storm they wait for it,",
        "  and the view goes on meanwhile.",
    ]

    /// - Parameters:
    ///   - key: as the terminal sent it.
    ///   - shownNs: the time of what is on the screen.
    public mutating func press(_ key: Key, shownNs: UInt64) -> Action? {
        notice = nil
        if typed != nil {
            type(key)
            return nil
        }
        if showsHelp {
            showsHelp = false
            return key == .character("q") ? .quit : nil
        }
        switch key {
        case .character("q"): return .quit
        case .character(" "): return mode == .live ? .pause : .live
        case .end: return .live
        case .left: return .show(atNs: shownNs - min(shownNs, 10_000_000_000))
        case .right: return mode == .live ? nil : .show(atNs: shownNs + 10_000_000_000)
        case .pageUp: return .show(atNs: shownNs - min(shownNs, 60_000_000_000))
        case .pageDown: return mode == .live ? nil : .show(atNs: shownNs + 60_000_000_000)
        case .character("e"): return .incident(forward: false)
        case .character("E"): return .incident(forward: true)
        case .character("x"): return .export
        case .character("/"): typed = filter
        case .character("?"): showsHelp = true
        case .character("m"): order = .memory
        case .character("s"): order = .swap
        case .character("t"): order = .throttled
        case .character("i"): order = .disk
        case .escape: filter = ""
        case .control("L"): return .redraw
        case .control("Z"): return .suspend
        default: notice = "no such key; ? lists them"
        }
        return nil
    }

    /// The mode changes when what it shows is there: reading takes a while.
    public mutating func enter(_ mode: Mode) { self.mode = mode }

    private mutating func type(_ key: Key) {
        switch key {
        case .enter:
            filter = typed ?? ""
            typed = nil
        case .escape: typed = nil
        case .backspace: _ = typed?.popLast()
        case .character(let character) where typed?.count ?? 0 < Self.typedBound: typed?.append(character)
        default: break
        }
    }

    /// Whether the filter lets a text through: upper or lower case does not matter.
    func shows(_ text: String) -> Bool { filter.isEmpty || text.lowercased().contains(filter.lowercased()) }
}
