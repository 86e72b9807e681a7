/// A measured quantity that may be unknown, or (for a limit) unlimited. Eight bytes, trivially copied.
///
/// Unknown is never written as zero: a file that could not be read, a field this kernel lacks and a real zero are three
/// different findings. The unit is in the name of the field that holds the figure (`_bytes`, `_ns`, `_pages`, ...).
public struct Figure: Equatable, Hashable, Sendable {
    /// The stored form: `UInt64.max` unknown, `UInt64.max - 1` unlimited, anything else the value.
    public var raw: UInt64

    public static let unknown = Figure(raw: .max)
    public static let unlimited = Figure(raw: .max - 1)

    @inlinable public init(raw: UInt64) { self.raw = raw }
    @inlinable public init(_ value: UInt64) { self.raw = value }
    @inlinable public init(_ value: UInt64?) { self.raw = value ?? .max }

    /// A user id as the kernel has it: (uid_t) -1 is nobody's, its own word for no user.
    @inlinable public init(uid: UInt32) { self.raw = uid == .max ? .max : UInt64(uid) }

    @inlinable public var isUnknown: Bool { raw == .max }
    @inlinable public var isUnlimited: Bool { raw == .max - 1 }

    /// The value when there is one: `nil` for unknown and for unlimited.
    @inlinable public var value: UInt64? { raw >= .max - 1 ? nil : raw }

    /// The figure multiplied, for example pages by the page size; unknown and unlimited stay what they are.
    @inlinable public func scaled(by factor: UInt64) -> Figure {
        guard let value else { return self }
        let (product, overflow) = value.multipliedReportingOverflow(by: factor)
        return overflow || product >= .max - 1 ? .unlimited : Figure(product)
    }
}

extension Figure: ExpressibleByIntegerLiteral {
    @inlinable public init(integerLiteral value: UInt64) { self.raw = value }
}

/// A share in millionths, written in documents as a decimal (`_ratio`); may be unknown, and may exceed one.
public struct Ratio: Equatable, Hashable, Comparable, Sendable {
    public var millionths: UInt32

    public static let unknown = Ratio(millionths: .max)

    @inlinable public init(millionths: UInt32) { self.millionths = millionths }
    @inlinable public init(_ value: Double) {
        self.millionths = value.isFinite && value >= 0 ? UInt32(min(value * 1_000_000, 4_000_000_000)) : .max
    }
    /// `part / whole`; unknown when the whole is zero.
    @inlinable public init(_ part: UInt64, of whole: UInt64) {
        self.init(whole == 0 ? Double.nan : Double(part) / Double(whole))
    }

    @inlinable public var isUnknown: Bool { millionths == .max }
    @inlinable public var value: Double? { isUnknown ? nil : Double(millionths) / 1_000_000 }
    @inlinable public static func < (a: Ratio, b: Ratio) -> Bool { a.millionths < b.millionths }
}
