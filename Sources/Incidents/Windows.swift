import Events

/// A sample that a window keeps: its time, how many are kept, and how close together.
protocol WindowPoint: Fields, Sendable {
    var ns: UInt64 { get set }
    static var capacity: Int { get }
    /// Points closer to the one before are not kept (the latest always is).
    static var spacingNs: UInt64 { get }
}

/// A bounded ring of samples, newest last. Once full, pushing allocates nothing.
struct Window<Point: WindowPoint>: Fields, Sendable {
    private var points: [Point] = []
    /// Where the oldest is, once full.
    private var head: UInt32 = 0
    /// The last one pushed, kept or not; its time is 0 before the first.
    private(set) var latest = Point()

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.list("points", &points)
        try w.unsigned("head", &head)
        try w.group("latest", &latest)
        if points.count > Point.capacity { points.removeLast(points.count - Point.capacity) }
        if Int(head) >= max(points.count, 1) { head = 0 }
    }

    var isEmpty: Bool { points.isEmpty }
    var count: Int { points.count }

    /// The `index`-th, oldest first.
    @inline(__always)
    subscript(index: Int) -> Point {
        var position = Int(head) + index
        if position >= points.count { position -= points.count }
        return points[position]
    }

    mutating func push(_ point: Point) {
        latest = point
        if !points.isEmpty {
            let newest = points.count < Point.capacity || head == 0 ? points.count - 1 : Int(head) - 1
            let age = point.ns &- points[newest].ns
            if point.ns >= points[newest].ns, age <= 20_000_000 {
                // The parts of one tick arrive one after another: together they are one point.
                points[newest] = point
                return
            }
            if point.ns < points[newest].ns &+ Point.spacingNs { return }
        }
        if points.count < Point.capacity {
            if points.isEmpty { points.reserveCapacity(Point.capacity) }
            points.append(point)
        } else {
            points[Int(head)] = point
            head = Int(head) + 1 == points.count ? 0 : head + 1
        }
    }

    mutating func clear() {
        points.removeAll(keepingCapacity: true)
        head = 0
        latest = Point()
    }

    /// The newest kept point that is at least a window old (nine tenths of it: samples come with some jitter), else the oldest.
    @inline(__always)
    func start(of windowNs: UInt64) -> Point? {
        guard !points.isEmpty else { return nil }
        let margin = windowNs - windowNs / 10
        guard latest.ns >= margin else { return self[0] }
        let target = latest.ns - margin
        // The shortest windows, which are asked for most often, begin among the last few.
        var high = points.count
        for _ in 0..<min(high, 4) {
            if self[high - 1].ns <= target { return self[high - 1] }
            high -= 1
        }
        var low = 0
        while low < high {
            let middle = (low + high) / 2
            if self[middle].ns <= target { low = middle + 1 } else { high = middle }
        }
        return self[max(low - 1, 0)]
    }
}

/// What a counter gained; `nil` when unknown, or when it was reset in between.
@inline(__always)
func rise(_ from: Figure, _ to: Figure) -> UInt64? {
    guard let a = from.value, let b = to.value, b >= a else { return nil }
    return b - a
}

/// A sum that stays unknown only when both parts are.
@inline(__always)
func sum(_ a: Figure, _ b: Figure) -> Figure {
    guard let x = a.value else { return Figure(b.value) }
    return Figure(x &+ (b.value ?? 0))
}

func sum(_ a: Figure, _ b: Figure, _ c: Figure) -> Figure { sum(sum(a, b), c) }

func sum(_ a: Figure, _ b: Figure, _ c: Figure, _ d: Figure) -> Figure { sum(sum(a, b), sum(c, d)) }

/// Hundredths of a percent of `part / whole`.
@inline(__always)
func hundredths(_ part: UInt64, of whole: UInt64) -> UInt64 {
    guard whole > 0, part > 0 else { return 0 }
    let (product, overflow) = part.multipliedReportingOverflow(by: 10_000)
    return overflow ? part / max(whole / 10_000, 1) : product / whole
}

/// `part` scaled to a second of a span.
@inline(__always)
func perSecond(_ part: UInt64, over spanNs: UInt64) -> UInt64 {
    guard spanNs > 0, part > 0 else { return 0 }
    // No machine does more: absurd counters give an absurd rate, not a trap.
    return UInt64(min(Double(part) * 1e9 / Double(spanNs), 9e15))
}

/// What a counter gained, scaled to a second.
@inline(__always)
func rate(_ from: Figure, _ to: Figure, over spanNs: UInt64) -> UInt64? {
    rise(from, to).map { perSecond($0, over: spanNs) }
}

/// The share of a span in which somebody stalled, by PSI totals in microseconds; hundredths of a percent. The kernel brings its sums up
/// to date now and then: the share of a short span may seem to exceed the whole.
@inline(__always)
func stallShare(_ from: Figure, _ to: Figure, of spanNs: UInt64) -> UInt64? {
    rise(from, to).map { min(hundredths($0 &* 1000, of: spanNs), 10_000) }
}

/// The beginning of something that lasts: gaps shorter than the hold do not end it.
struct Onset: Fields {
    /// Since when; 0 while it is not going on.
    var sinceNs: UInt64 = 0
    /// When it was last seen.
    var lastNs: UInt64 = 0
    var first: UInt64 = 0
    var peak: UInt64 = 0

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("since_ns", &sinceNs)
        try w.unsigned("last_ns", &lastNs)
        try w.unsigned("first", &first)
        try w.unsigned("peak", &peak)
    }

    /// - Parameter began: when it began, where that is before this sample: a threshold near the whole of a window is only reached
    ///   when the window is over, and what was seen then began with it.
    @inline(__always)
    mutating func note(_ holds: Bool, _ value: UInt64, at ns: UInt64, hold: UInt64, began: UInt64? = nil) {
        if sinceNs != 0, ns > lastNs &+ hold { sinceNs = 0 }
        guard holds else { return }
        if sinceNs == 0 {
            sinceNs = max(began ?? ns, 1)
            first = value
            peak = 0
        }
        lastNs = max(lastNs, ns)
        peak = max(peak, value)
    }

    func isOn(at ns: UInt64, hold: UInt64) -> Bool { sinceNs != 0 && ns <= lastNs &+ hold }
}
