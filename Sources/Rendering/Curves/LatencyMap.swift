import Events

/// How long IOs took, over time: a histogram for each of some columns, which are several bins wide.
struct LatencyMap {
    /// A cell must be large enough to be seen.
    static let binsPerColumn = 4

    private var doublings = 0
    private var columns: [Histogram] = []
    private(set) var total: UInt64 = 0
    /// Of the whole time, exactly.
    private var counts = [UInt64](repeating: 0, count: Histogram.slots)

    /// The IOs of an interval came evenly over it, for all that is known: each column has its share, and one at least.
    mutating func add(_ histogram: Histogram, from: UInt64, to: UInt64, _ grid: TimeGrid) {
        follow(grid)
        let (first, last) = (grid.bin(from) / Self.binsPerColumn, grid.bin(to) / Self.binsPerColumn)
        if last >= columns.count { columns += repeatElement(Histogram(), count: last + 1 - columns.count) }
        let share = UInt32(last - first + 1)
        for column in first...last {
            for slot in 0..<Histogram.slots {
                columns[column].counts[slot] &+=
                    histogram.counts[slot] / share
                    + (histogram.counts[slot] % share > 0 ? 1 : 0)
            }
        }
        total &+= histogram.total
        for slot in 0..<Histogram.slots { counts[slot] &+= UInt64(histogram.counts[slot]) }
    }

    /// The upper bound, in microseconds, of the bucket that holds the quantile of the whole time; `nil` without any IO.
    func upperBoundUs(quantile: Double) -> UInt64? { Histogram.upperBoundUs(quantile: quantile) { counts[$0] } }

    private mutating func follow(_ grid: TimeGrid) {
        while doublings < grid.doublings {
            columns = pairs(columns, Histogram()) { a, b in
                var sum = a
                sum.add(b)
                return sum
            }
            doublings += 1
        }
    }

    func columns(_ grid: TimeGrid) -> [Histogram] {
        var map = self
        map.follow(grid)
        return map.columns
    }
}

/// A latency map ready to be drawn: the rows that hold anything, and how full each cell is.
struct LatencyColumns {
    /// Shades that there are.
    static let shades = 5

    let columns: [Histogram]
    /// A cell is as dark as the highest of these that its count reaches: powers of four, up to one that the fullest cells reach.
    let steps: [UInt32]
    /// The buckets shown, `2^n` microseconds: at least six, however alike the times were.
    let rows: Range<Int>

    init(_ columns: [Histogram]) {
        self.columns = columns
        let most = columns.flatMap { column in (0..<Histogram.slots).map { column.counts[$0] } }.max() ?? 0
        var factor: UInt32 = 1
        while factor < 1 << 20, most / factor >= 1 << (2 * UInt32(Self.shades)) { factor *= 4 }
        steps = (0..<Self.shades).map { $0 == 0 ? 1 : factor << (2 * UInt32($0)) }
        let used = (0..<Histogram.slots).filter { slot in columns.contains { $0.counts[slot] > 0 } }
        let (low, high) = (used.first ?? 0, (used.last ?? 0) + 1)
        let missing = max(0, 6 - (high - low))
        let start = max(0, low - missing / 2)
        rows = start..<min(Histogram.slots, max(high, start + 6))
    }

    /// The step that a cell reaches; `nil` where nothing took so long.
    func step(_ column: Int, _ slot: Int) -> Int? {
        steps.lastIndex { columns[column].counts[slot] >= $0 }
    }

    /// The bucket in which the slowest hundredth begins, in the rows' counting, for each bin.
    func p99() -> [Bin?] {
        columns.flatMap { histogram -> [Bin?] in
            guard let bound = histogram.upperBoundUs(quantile: 0.99) else {
                return Array(repeating: nil, count: LatencyMap.binsPerColumn)
            }
            let slot = Double(bound.trailingZeroBitCount)
            return Array(repeating: Bin(mean: slot, low: slot, high: slot), count: LatencyMap.binsPerColumn)
        }
    }
}
