/// A span of time in equal bins, as many as a picture has room for: what is kept of an hour is no more than of a minute.
///
/// Nobody knows beforehand how long a recording goes on. Bins begin as wide as the recorder's closest samples; when time runs out
/// of bins, they become twice as wide. Curves follow when they are next touched.
struct TimeGrid {
    static let capacity = 600

    private(set) var binNs: UInt64 = 100_000_000
    private(set) var doublings = 0

    /// Makes room for a time, nanoseconds since the origin.
    mutating func reach(_ ns: UInt64) {
        while ns / binNs >= UInt64(Self.capacity) {
            binNs *= 2
            doublings += 1
        }
    }

    /// The bin that a time lies in; what is beyond the last that was reached lies in the last.
    @inline(__always)
    func bin(_ ns: UInt64) -> Int { min(Int(truncatingIfNeeded: min(ns / binNs, 1 << 20)), Self.capacity - 1) }

    /// Hands over each bin that lies between two times, with how much of the stretch is in it, at least a nanosecond.
    @inline(__always)
    func forEachBin(from: UInt64, to: UInt64, _ body: (Int, UInt64) -> Void) {
        let (first, last) = (bin(from), bin(max(from, to)))
        if first == last { return body(first, max(1, to - min(from, to))) }
        for index in first...last {
            let start = max(from, UInt64(index) * binNs)
            let end = index == last ? to : UInt64(index + 1) * binNs
            body(index, max(1, end - min(start, end)))
        }
    }
}

/// What a curve was within a bin: its mean over time, and its extremes, so that no spike is lost.
struct Bin: Equatable {
    var mean: Double
    var low: Double
    var high: Double

    func scaled(by factor: Double) -> Bin { Bin(mean: mean * factor, low: low * factor, high: high * factor) }
}

/// A level or a rate over time, in bins. A bin that nothing is known of stays empty: unknown is not zero.
struct Curve {
    /// In calm a sample that moved little is held back, but not longer than a minute. Whatever is longer ago says nothing.
    static let holdNs: UInt64 = 65_000_000_000

    /// What is known of a bin: for how long, the integral over that, the extremes.
    private struct Sum {
        var knownNs = 0.0
        var integral = 0.0
        var low = Double.infinity
        var high = -Double.infinity
    }

    private var doublings = 0
    private var sums: [Sum] = []
    private var last: (ns: UInt64, value: UInt64)?
    /// By how much a counter rose, in counts, as far as it was followed: across any gap, but not across another boot.
    private(set) var increase: UInt64 = 0

    /// A sample of a level, which held until now what it was before.
    mutating func level(_ value: UInt64?, at ns: UInt64, _ grid: TimeGrid) {
        guard let value else {
            last = nil
            return
        }
        if let last, ns > last.ns, ns - last.ns <= Self.holdNs {
            add(Double(last.value), from: last.ns, to: ns, grid)
        }
        add(Double(value), from: ns, to: ns, grid)
        last = (ns, value)
    }

    /// A sample of a counter, which rose evenly since the one before.
    ///
    /// - Parameter unit: what a count of one is in the curve's unit.
    mutating func counter(_ count: UInt64?, at ns: UInt64, unit: Double = 1, _ grid: TimeGrid) {
        guard let count else {
            last = nil
            return
        }
        if let last, ns > last.ns, count >= last.value { increase &+= count - last.value }
        if let last, ns > last.ns, ns - last.ns <= Self.holdNs, count >= last.value {
            add(Double(count - last.value) * unit / (Double(ns - last.ns) / 1e9), from: last.ns, to: ns, grid)
        }
        if last.map({ ns > $0.ns }) ?? true { last = (ns, count) }
    }

    /// What comes next does not continue what was.
    mutating func breakOff() { last = nil }

    var hasBins: Bool { !sums.isEmpty }

    /// The whole time as one bin; `nil` when nothing is known of any of it.
    var whole: Bin? {
        let known = sums.filter { $0.knownNs > 0 }
        guard let low = known.map(\.low).min(), let high = known.map(\.high).max() else { return nil }
        let mean = known.reduce(0) { $0 + $1.integral } / known.reduce(0) { $0 + $1.knownNs }
        return Bin(mean: min(max(mean, low), high), low: low, high: high)
    }

    private mutating func add(_ value: Double, from: UInt64, to: UInt64, _ grid: TimeGrid) {
        follow(grid)
        let missing = grid.bin(to) + 1 - sums.count
        if missing > 0 { sums += repeatElement(Sum(), count: missing) }
        grid.forEachBin(from: from, to: to) { index, share in
            var sum = sums[index]
            sum.knownNs += Double(share)
            sum.integral += value * Double(share)
            sum.low = min(sum.low, value)
            sum.high = max(sum.high, value)
            sums[index] = sum
        }
    }

    /// Puts two bins together for each time that the grid has grown since.
    private mutating func follow(_ grid: TimeGrid) {
        while doublings < grid.doublings {
            sums = pairs(sums, Sum()) { a, b in
                Sum(
                    knownNs: a.knownNs + b.knownNs, integral: a.integral + b.integral, low: min(a.low, b.low),
                    high: max(a.high, b.high))
            }
            doublings += 1
        }
    }

    /// - Parameter gaps: times without any sample, of which a level says nothing.
    func bins(_ grid: TimeGrid, outside gaps: [Range<UInt64>] = []) -> [Bin?] {
        var curve = self
        curve.follow(grid)
        var bins: [Bin?] = curve.sums.map { sum in
            guard sum.knownNs > 0 else { return nil }
            return Bin(mean: min(max(sum.integral / sum.knownNs, sum.low), sum.high), low: sum.low, high: sum.high)
        }
        for gap in gaps {
            let first = gap.lowerBound / grid.binNs + 1
            let end = min(gap.upperBound / grid.binNs, UInt64(bins.count))
            if first < end { for index in Int(first)..<Int(end) { bins[index] = nil } }
        }
        return bins
    }
}

/// Amounts that came within stretches of time (bytes, stalled time), as their rate in each bin.
struct Amounts {
    private var doublings = 0
    private var sums: [Double] = []
    private(set) var total = 0.0

    mutating func add(_ amount: UInt64, from: UInt64, to: UInt64, _ grid: TimeGrid) {
        follow(grid)
        let missing = grid.bin(to) + 1 - sums.count
        if missing > 0 { sums += repeatElement(0, count: missing) }
        let length = Double(max(1, to - min(from, to)))
        grid.forEachBin(from: from, to: to) { index, share in
            sums[index] += Double(amount) * Double(share) / length
        }
        total += Double(amount)
    }

    private mutating func follow(_ grid: TimeGrid) {
        while doublings < grid.doublings {
            sums = pairs(sums, 0, +)
            doublings += 1
        }
    }

    /// Nothing came where nothing was heard of it, as long as somebody listened.
    ///
    /// - Parameters:
    ///   - listening: bins in which somebody listened are known there.
    ///   - endNs: where the last bin ends.
    ///   - unit: what one a second is in the unit of the bins.
    func bins(_ grid: TimeGrid, where listening: [Bin?], until endNs: UInt64, unit: Double = 1) -> [Bin?] {
        var amounts = self
        amounts.follow(grid)
        return (0..<max(amounts.sums.count, listening.count)).map { index in
            let amount = index < amounts.sums.count ? amounts.sums[index] : 0
            guard amount > 0 || index < listening.count && listening[index] != nil else { return nil }
            let start = UInt64(index) * grid.binNs
            let seconds = Double(max(1, min(grid.binNs, endNs - min(start, endNs)))) / 1e9
            let rate = amount * unit / seconds
            return Bin(mean: rate, low: rate, high: rate)
        }
    }
}

func pairs<Value>(_ values: [Value], _ empty: Value, _ join: (Value, Value) -> Value) -> [Value] {
    stride(from: 0, to: values.count, by: 2).map { index in
        join(values[index], index + 1 < values.count ? values[index + 1] : empty)
    }
}
