public import Events

/// A small, seeded generator (splitmix64): the same seed gives the same events on every machine.
public struct Seeded: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(_ seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}

/// Sets every field it visits: small numbers, large ones, extremes, hostile names, empty and long lists.
public struct RandomFields: FieldWalker {
    public typealias Failure = Never
    public var random: Seeded
    /// Names are at most this long.
    public var longestName = 300

    public init(seed: UInt64) { random = Seeded(seed) }

    private mutating func number() -> UInt64 {
        switch random.next() % 8 {
        case 0: 0
        case 1: .max
        case 2: .max - 1
        case 3: 1 << 63
        case 4: random.next()
        case 5: random.next() >> 32
        default: random.next() % 5000
        }
    }
    private mutating func name() -> Bytes {
        let count = random.next() % 4 == 0 ? 0 : Int(random.next() % UInt64(longestName + 1))
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    public mutating func unsigned(_ name: StaticString, _ value: inout UInt64) { value = number() }
    public mutating func signed(_ name: StaticString, _ value: inout Int64) { value = Int64(bitPattern: number()) }
    public mutating func optionalSigned(_ name: StaticString, _ value: inout Int64?) {
        value = random.next() % 2 == 0 ? nil : Int64(bitPattern: number())
    }
    public mutating func flag(_ name: StaticString, _ value: inout Bool) { value = random.next() % 2 == 0 }
    public mutating func figure(_ name: StaticString, _ value: inout Figure) { value = Figure(raw: number()) }
    public mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) {
        value = C.allCases.randomElement(using: &random) ?? C.fallback
    }
    public mutating func comm(_ name: StaticString, _ value: inout Comm) { value = Comm(low: number(), high: number()) }
    public mutating func bootID(_ name: StaticString, _ value: inout BootID) {
        value = BootID(high: number(), low: number())
    }
    public mutating func text(_ name: StaticString, _ value: inout Bytes) { value = self.name() }
    public mutating func blob(_ name: StaticString, _ value: inout Bytes) { value = self.name() }
    public mutating func moment(_ name: StaticString, _ value: inout Moment) { value = Moment(boottimeNs: number()) }
    public mutating func ratio(_ name: StaticString, _ value: inout Ratio) {
        value = Ratio(millionths: UInt32(truncatingIfNeeded: number()))
    }
    public mutating func histogram(_ name: StaticString, _ value: inout Histogram) {
        value = Histogram()
        let first = Int(random.next() % UInt64(Histogram.slots))
        for slot in first..<Histogram.slots where random.next() % 3 != 0 {
            value.counts[slot] = UInt32(truncatingIfNeeded: number())
        }
    }
    public mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) { value.walk(&self) }
    public mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) {
        value = random.next() % 2 == 0 ? nil : F()
        value?.walk(&self)
    }
    public mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) {
        value = []
        for _ in 0..<Int(random.next() % 6) {
            var element = F()
            element.walk(&self)
            value.append(element)
        }
    }
    public mutating func texts(_ name: StaticString, _ value: inout [Bytes]) {
        value = (0..<Int(random.next() % 6)).map { _ in self.name() }
    }
}

public enum EventSamples {
    /// Kinds that a recorder appends (a snapshot comes by itself).
    public static let kinds = EventKind.allCases.filter { $0 != .snapshot }

    /// An event of a kind with fields from a seed.
    /// Bytes that no packing makes fewer.
    public static func noise(_ count: Int, seed: UInt64) -> Bytes {
        var random = Seeded(seed)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    public static func event(_ kind: EventKind, seed: UInt64, seq: UInt64, longestName: Int = 300) -> Event {
        var fields = RandomFields(seed: seed)
        fields.longestName = longestName
        let ns = fields.random.next() % 10 == 0 ? fields.random.next() : seq &* 1_000_000
        let payload: Payload = Payload.read(kind, &fields)
        return Event(seq: seq, boottimeNs: ns, payload)
    }

    /// Event number `seq` of an endless, repeatable run of all kinds.
    public static func event(seq: UInt64, seed: UInt64, longestName: Int = 300) -> Event {
        var random = Seeded(seed &+ seq &* 0x1000_0001)
        let kind = kinds[Int(random.next() % UInt64(kinds.count))]
        return event(kind, seed: random.next(), seq: seq, longestName: longestName)
    }
}
