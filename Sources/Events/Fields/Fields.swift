/// A value with one list of its fields. Everything that writes or reads the value walks that list, so that the recording,
/// the snapshot of the correlator, NDJSON and the incident document cannot disagree about what there is.
///
/// The order of the list is the order on disk: fields are only ever appended, and the names are the JSON names (snake_case,
/// the unit at the end).
public protocol Fields {
    init()
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure)
}

/// Visits the fields of a value: a writer reads them, a reader sets them.
///
/// Writers leave the value as it is and have `Failure == Never`; readers set every field or throw.
public protocol FieldWalker: ~Copyable {
    associatedtype Failure: Error

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) throws(Failure)
    mutating func signed(_ name: StaticString, _ value: inout Int64) throws(Failure)
    mutating func optionalSigned(_ name: StaticString, _ value: inout Int64?) throws(Failure)
    mutating func flag(_ name: StaticString, _ value: inout Bool) throws(Failure)
    mutating func figure(_ name: StaticString, _ value: inout Figure) throws(Failure)
    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) throws(Failure)
    mutating func comm(_ name: StaticString, _ value: inout Comm) throws(Failure)
    mutating func bootID(_ name: StaticString, _ value: inout BootID) throws(Failure)
    /// Bytes of a name.
    mutating func text(_ name: StaticString, _ value: inout Bytes) throws(Failure)
    /// Bytes of a machine's document (a snapshot, an archived incident): not for people.
    mutating func blob(_ name: StaticString, _ value: inout Bytes) throws(Failure)
    /// A point in time, nanoseconds of CLOCK_BOOTTIME; `.unknown` when there is none.
    mutating func moment(_ name: StaticString, _ value: inout Moment) throws(Failure)
    mutating func ratio(_ name: StaticString, _ value: inout Ratio) throws(Failure)
    mutating func histogram(_ name: StaticString, _ value: inout Histogram) throws(Failure)
    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) throws(Failure)
    mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) throws(Failure)
    mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) throws(Failure)
    mutating func texts(_ name: StaticString, _ value: inout [Bytes]) throws(Failure)
}

extension FieldWalker where Self: ~Copyable {
    /// Narrower unsigned fields travel as 64 bits; a reader that finds more than fits truncates (no writer writes it).
    @inlinable
    public mutating func unsigned<N: FixedWidthInteger & UnsignedInteger>(
        _ name: StaticString, _ value: inout N
    ) throws(Failure) {
        var wide = UInt64(value)
        try unsigned(name, &wide)
        value = N(truncatingIfNeeded: wide)
    }

    /// A presence flag, then the number.
    @inlinable
    public mutating func optionalSigned(_ name: StaticString, _ value: inout Int64?) throws(Failure) {
        var present = value != nil
        try flag(name, &present)
        guard present else {
            value = nil
            return
        }
        var number = value ?? 0
        try signed(name, &number)
        value = number
    }

    @inlinable
    public mutating func signed<N: FixedWidthInteger & SignedInteger>(
        _ name: StaticString, _ value: inout N
    ) throws(Failure) {
        var wide = Int64(value)
        try signed(name, &wide)
        value = N(truncatingIfNeeded: wide)
    }
}

/// A closed set of named values: a number on disk, its case name in snake_case in JSON.
///
/// Case names and numbers are contract: numbers are never reused, and 0 is the value for "unknown" or "none" where there
/// is one, so that an older reader can fall back to it.
public protocol Choice: RawRepresentable, CaseIterable, Sendable, Hashable where RawValue == UInt8 {
    /// What a reader makes of a number it does not know.
    static var fallback: Self { get }
    /// The name in documents.
    var label: String { get }
    /// Whether documents show the value as unknown (`null`) instead of by its label.
    var isNull: Bool { get }
}

extension Choice {
    public var isNull: Bool { false }

    /// The case name in snake_case: `swapThrash` is `swap_thrash`, `slowIO` is `slow_io`.
    public var label: String {
        var result = Bytes()
        var afterCapital = true
        // Names of cases are ASCII.
        for byte in String(describing: self).utf8 {
            let isCapital = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            if isCapital && !afterCapital { result.append(UInt8(ascii: "_")) }
            result.append(isCapital ? byte | 0x20 : byte)
            afterCapital = isCapital
        }
        return String(decoding: result, as: UTF8.self)
    }

    public init?(label: String) {
        guard let match = Self.allCases.first(where: { $0.label == label }) else { return nil }
        self = match
    }
}

/// A point in time: nanoseconds of CLOCK_BOOTTIME of the boot it was observed in.
public struct Moment: Equatable, Hashable, Comparable, Sendable {
    public var boottimeNs: UInt64

    public static let unknown = Moment(boottimeNs: .max)

    @inlinable public init(boottimeNs: UInt64) { self.boottimeNs = boottimeNs }
    @inlinable public var isUnknown: Bool { boottimeNs == .max }
    @inlinable public static func < (a: Moment, b: Moment) -> Bool { a.boottimeNs < b.boottimeNs }
}

/// Counts per power of two: slot `n` counts values in `2^n ..< 2^(n+1)` microseconds, slot 0 also what is below 1.
public struct Histogram: Equatable, Sendable {
    public static let slots = 32
    public var counts: InlineArray<32, UInt32>

    @inlinable public init() { counts = InlineArray(repeating: 0) }

    public static func == (a: Histogram, b: Histogram) -> Bool {
        for slot in 0..<slots where a.counts[slot] != b.counts[slot] { return false }
        return true
    }

    @inlinable public var total: UInt64 {
        var sum: UInt64 = 0
        for slot in 0..<Histogram.slots { sum += UInt64(counts[slot]) }
        return sum
    }

    @inlinable public mutating func add(_ other: borrowing Histogram) {
        for slot in 0..<Histogram.slots { counts[slot] &+= other.counts[slot] }
    }

    /// The upper bound, in microseconds, of the bucket that holds the quantile; `nil` without any count.
    ///
    /// - Parameter quantile: 0...1; 0.99 is p99.
    public func upperBoundUs(quantile: Double) -> UInt64? {
        Histogram.upperBoundUs(quantile: quantile) { UInt64(counts[$0]) }
    }

    /// The same of counts that are kept elsewhere.
    public static func upperBoundUs(quantile: Double, _ count: (Int) -> UInt64) -> UInt64? {
        let total = (0..<slots).reduce(UInt64(0)) { $0 &+ count($1) }
        guard total > 0 else { return nil }
        let rank = max(1, UInt64((Double(total) * quantile).rounded(.up)))
        var seen: UInt64 = 0
        for slot in 0..<slots {
            seen &+= count(slot)
            if seen >= rank { return UInt64(1) << UInt64(slot + 1) }
        }
        return nil
    }
}
