import Incidents

/// How many colours the terminal has.
public enum ColourDepth: Sendable, Equatable {
    /// Bold and reverse only: NO_COLOR.
    case none
    case sixteen
    case palette
    case trueColour
}

/// Turns frames into what a terminal must be sent to show them: only rows that changed. Nothing is scrolled, nothing erased before it is
/// drawn again; where the terminal knows synchronized output (mode 2026) a frame appears at once, the others ignore the words.
public struct Painter: Sendable {
    private var shown: [ScreenRow] = []
    private let depth: ColourDepth

    public init(_ depth: ColourDepth) { self.depth = depth }

    /// The alternate screen, no cursor, no wrapping at the right edge.
    public static let enter = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l\u{1b}[2J"
    /// As it was: also after an exit in the middle of a frame.
    public static let leave = "\u{1b}[?2026l\u{1b}[0m\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l"

    /// Nothing of what was drawn is there any more: the size changed, or somebody else wrote.
    public mutating func forget() { shown = [] }

    /// - Returns: empty when nothing changed.
    public mutating func paint(_ rows: [ScreenRow]) -> String {
        let isNew = shown.count != rows.count || zip(shown, rows).contains { $0.width != $1.width }
        var text = ""
        for (index, row) in rows.enumerated() where isNew || row != shown[index] {
            text += "\u{1b}[\(index + 1);1H"
            for run in row.runs { text += painted(run) }
            if row.used < row.width { text += "\u{1b}[K" }
        }
        shown = rows
        guard !text.isEmpty else { return "" }
        return "\u{1b}[?2026h" + (isNew ? "\u{1b}[2J" : "") + text + "\u{1b}[?2026l"
    }

    private func painted(_ run: Run) -> String {
        guard let parameters = parameters(run.look) else { return run.text }
        return "\u{1b}[" + parameters + "m" + run.text + "\u{1b}[0m"
    }

    /// SGR (ECMA-48); `nil` for none.
    private func parameters(_ look: Look) -> String? {
        switch look {
        case .plain: nil
        case .strong: "1"
        case .bar: "7"
        case .verdict(let phase): depth == .none ? "1;7" : Self.verdict(phase)
        case .level(let level): self.level(level)
        case .faint: "2"
        case .time: depth == .none ? nil : "36"
        case .alarm: depth == .none ? "1" : "1;31"
        case .warning: depth == .none ? nil : "33"
        case .good: depth == .none ? nil : "32"
        }
    }

    private static func verdict(_ phase: Phase) -> String {
        switch phase {
        case .calm: "1;30;42"
        case .watch: "1;30;46"
        case .pressure: "1;30;43"
        case .thrash, .critical: "1;37;41"
        }
    }

    /// From green by yellow to red.
    private func level(_ level: UInt8) -> String? {
        let step = Int(min(level, 7))
        switch depth {
        case .none: return nil
        case .sixteen: return step < 3 ? "32" : step < 6 ? "33" : "31"
        case .palette: return "38;5;\([34, 70, 106, 142, 178, 208, 202, 196][step])"
        case .trueColour:
            let red = min(255, 40 + step * 60)
            let green = max(40, 200 - max(0, step - 3) * 40)
            return "38;2;\(red);\(green);60"
        }
    }
}
