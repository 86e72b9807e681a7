import Events

/// A curve over the last minutes, one column for some seconds: the worst value in it. A column without a sample stays blank.
struct Curve {
    /// Seconds that a column stands for.
    static func secondsPerColumn(_ columns: Int, span: Int) -> Int { max(1, (span + columns - 1) / max(columns, 1)) }

    /// - Parameters:
    ///   - columns: how many there are, the newest last.
    ///   - endNs: the moment of the right edge.
    ///   - top: what fills a column; the largest value seen unless given.
    ///   - lowIsWorst: of a column the smallest value counts.
    static func levels(
        _ ring: Ring<ScreenColumn>, columns: Int, secondsPerColumn: Int, endNs: UInt64, top: UInt64?,
        lowIsWorst: Bool = false, _ value: (ScreenColumn) -> UInt64?
    ) -> [UInt8?] {
        var worst = [UInt64?](repeating: nil, count: columns)
        let columnNs = UInt64(secondsPerColumn) * 1_000_000_000
        for column in ring.reversed() {
            guard column.ns <= endNs else { continue }
            let back = Int((endNs - column.ns) / columnNs)
            guard back < columns else { break }
            guard let value = value(column) else { continue }
            let place = columns - 1 - back
            worst[place] = worst[place].map { lowIsWorst ? min($0, value) : max($0, value) } ?? value
        }
        let full = top ?? worst.compactMap { $0 }.max() ?? 0
        return worst.map { value in
            value.map { full == 0 ? 0 : UInt8(min(7, Double(min($0, full)) / Double(full) * 7.999)) }
        }
    }
}

/// The characters that curves are drawn with.
public enum Glyphs: Sendable {
    /// Unicode's block elements.
    case blocks
    /// For terminals that know none.
    case ascii

    func bar(_ level: UInt8) -> String {
        let bars =
            switch self {
            case .blocks: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
            case .ascii: ["_", ".", ",", "-", "=", "+", "*", "#"]
            }
        return bars[Int(min(level, 7))]
    }
}
