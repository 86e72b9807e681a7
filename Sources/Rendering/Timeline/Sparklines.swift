import Events
import Incidents

/// The host's curves over an incident, a line each: its shape, and its smallest and largest value.
///
/// A column is a share of the time and shows the worst value in it; a blank column had no sample. Heights start at zero.
struct Sparklines {
    let lines: [String]

    /// - Parameter width: of the page; the lines leave two columns for its indentation.
    init(_ series: [SeriesPoint], width: Int) {
        let points = series.filter { !$0.at.isUnknown }
        guard points.count >= 4, let first = points.map(\.at).min(), let last = points.map(\.at).max(), first < last
        else {
            lines = []
            return
        }
        let columns = min(max(4, width - 2 - 14 - 24), points.count)
        let span = last.boottimeNs - first.boottimeNs
        let curves: [(String, (SeriesPoint) -> UInt64?, (UInt64) -> String, lowIsWorst: Bool)] = [
            ("memory full", { $0.memoryFull.isUnknown ? nil : UInt64($0.memoryFull.millionths) }, Self.percent, false),
            ("IO full", { $0.ioFull.isUnknown ? nil : UInt64($0.ioFull.millionths) }, Self.percent, false),
            ("available", { $0.availableBytes.value }, Units.bytes, true),
            ("swap used", { $0.swapUsedBytes.value }, Units.bytes, false),
            ("swap-out", { $0.swapOutBytesPerSecond.value }, Units.bytesPerSecond, false),
            ("blocked tasks", { $0.blockedTasks.value }, Units.count, false),
        ]
        lines = curves.compactMap { name, value, words, lowIsWorst in
            var worst = [UInt64?](repeating: nil, count: columns)
            for point in points {
                guard let value = value(point) else { continue }
                let share = Double(point.at.boottimeNs - first.boottimeNs) / Double(span)
                let column = min(columns - 1, Int(share * Double(columns)))
                worst[column] = worst[column].map { lowIsWorst ? min($0, value) : max($0, value) } ?? value
            }
            let known = points.compactMap(value)
            // A curve that never moves says nothing.
            guard let low = known.min(), let high = known.max(), low < high else { return nil }
            let shape = worst.map { Self.block($0, of: high) }.joined()
            return padded(name, to: 14) + shape + "  " + words(low) + " to " + words(high)
        }
    }

    private static func percent(_ millionths: UInt64) -> String {
        Units.percent(Ratio(millionths: UInt32(clamping: millionths)))
    }

    private static func block(_ value: UInt64?, of high: UInt64) -> String {
        guard let value else { return " " }
        let blocks = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
        return blocks[min(7, Int(Double(value) / Double(high) * 7.999))]
    }
}
