import Events

/// What was heard of one device's IO of one kind: how long it took, and how much of it failed.
struct LatencySeries: Fields {
    /// Devices with series of their own; the others share those of `other`.
    static let devices = 16
    /// Upper bounds of the buckets, as powers of two of a microsecond: the kernel side counts in such slots, so that these are exact. A
    /// disk answers in tenths of milliseconds, a throttled one in seconds.
    static let exponents = [7, 9, 11, 13, 15, 17, 18, 19, 20, 21, 23, 25]

    var device = Bytes()
    var operation = IOOperation.read
    var swap = false
    private var slots = InlineArray<32, UInt64>(repeating: 0)
    private(set) var sumNs: UInt64 = 0
    private(set) var errors: UInt64 = 0

    init() {}
    init(device: Bytes, operation: IOOperation, swap: Bool) {
        (self.device, self.operation, self.swap) = (device, operation, swap)
    }

    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("device", &device)
        try w.choice("operation", &operation)
        try w.flag("swap", &swap)
        for slot in 0..<Histogram.slots { try w.unsigned("slot", &slots[slot]) }
        try w.unsigned("sum_ns", &sumNs)
        try w.unsigned("errors", &errors)
    }

    mutating func add(_ interval: IOInterval) {
        for slot in 0..<Histogram.slots { slots[slot] &+= UInt64(interval.totalUs.counts[slot]) }
        sumNs &+= interval.queueTotalNs &+ interval.deviceTotalNs
        errors &+= interval.errors
    }

    /// Cumulative, with the bounds in seconds.
    var buckets: [(bound: String, count: UInt64)] {
        var buckets: [(bound: String, count: UInt64)] = []
        var count: UInt64 = 0
        var slot = 0
        for exponent in Self.exponents {
            while slot < exponent {
                count &+= slots[slot]
                slot += 1
            }
            buckets.append((Exposition.seconds(1000 << UInt64(exponent)), count))
        }
        while slot < Histogram.slots {
            count &+= slots[slot]
            slot += 1
        }
        return buckets + [("+Inf", count)]
    }
}
