public import Incidents
import Rendering

/// How a piece of a row looks; a palette says what that is on a terminal.
public enum Look: Equatable, Sendable {
    case plain
    case strong
    case faint
    case time
    case alarm
    case warning
    case good
    /// The first row, by how bad it is.
    case verdict(Phase)
    /// A heading or the last row: the whole width.
    case bar
    /// A bar of a curve, 0 (nothing) to 7 (all).
    case level(UInt8)
}

public struct Run: Equatable, Sendable {
    public var text: String
    public var look: Look
}

/// One row of the screen: pieces that together take `width` columns or fewer. Nothing in it acts on a terminal: names were escaped.
public struct ScreenRow: Equatable, Sendable {
    public private(set) var runs: [Run] = []
    /// Columns used, and there are.
    public private(set) var used = 0
    public let width: Int

    public init(width: Int) { self.width = width }

    public var text: String { runs.map(\.text).joined() }

    /// Appends what fits; of a longer text the end is cut off, marked by `~`.
    public mutating func put(_ text: String, _ look: Look = .plain) {
        let room = width - used
        guard room > 0, !text.isEmpty else { return }
        let fits = displayWidth(text) <= room ? text : Self.cut(text, to: room)
        used += displayWidth(fits)
        runs.append(Run(text: fits, look: look))
    }

    /// A cell of a table: cut or filled to `columns`.
    public mutating func cell(_ text: String, _ columns: Int, right: Bool = false, _ look: Look = .plain) {
        let fits = displayWidth(text) <= columns ? text : Self.cut(text, to: columns)
        put(right ? rightAligned(fits, to: columns) : padded(fits, to: columns), look)
    }

    /// A cell for a path: of a longer one the end is shown, which tells it from others.
    public mutating func name(_ text: String, _ columns: Int, _ look: Look = .plain) {
        var end = ""
        var used = 0
        for scalar in text.unicodeScalars.reversed() {
            used += displayWidth(scalar)
            if used > columns - 1 { break }
            end.unicodeScalars.insert(scalar, at: end.unicodeScalars.startIndex)
        }
        cell(displayWidth(text) <= columns ? text : "~" + end, columns, look)
    }

    public mutating func skip(to column: Int) {
        if column > used { put(String(repeating: " ", count: min(column, width) - used)) }
    }

    /// Fills the whole row with one look.
    public mutating func fill(_ look: Look) {
        if used < width { put(String(repeating: " ", count: width - used), look) }
    }

    private static func cut(_ text: String, to columns: Int) -> String {
        guard columns > 1 else { return columns == 1 ? "~" : "" }
        var result = ""
        var used = 0
        for scalar in text.unicodeScalars {
            let width = displayWidth(scalar)
            if used + width > columns - 1 { break }
            result.unicodeScalars.append(scalar)
            used += width
        }
        return result + "~"
    }
}
