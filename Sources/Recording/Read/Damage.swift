/// A place that is not intact although something later is.
public struct RecordingDamage: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// The page's bytes do not match their checksum.
        case page
        /// Events that were durable are missing at the end of the segment.
        case end
        /// The checksum holds, but the events cannot be read: an error of the writer's.
        case undecodable
        /// The segment's first block is not intact.
        case header
    }
    public var kind: Kind
    /// The file's name.
    public var segment: String
    /// Place among the segment's pages of events; `nil` for a header.
    public var page: Int?
    /// Where in the file, bytes.
    public var offset: Int

    public var message: String {
        switch kind {
        case .page: "\(segment): page \(page ?? 0) at byte \(offset) is damaged"
        case .end: "\(segment): records are missing from page \(page ?? 0) at byte \(offset) on"
        case .undecodable: "\(segment): page \(page ?? 0) at byte \(offset) holds records that cannot be read"
        case .header: "\(segment): the header at byte \(offset) is damaged; its records cannot be read"
        }
    }
}

/// Numbers between two events that are not there. Numbers left out at a start are no gap.
public struct RecordingGap: Hashable, Sendable {
    public enum Cause: Hashable, Sendable {
        /// A damaged place.
        case damage
        /// Whole segments: recycled out of the middle, or not copied.
        case missingSegments
        /// The recorder's memory was full; a `lost` event counts them.
        case notRecorded
    }
    public var cause: Cause
    /// The last number before, and the first after.
    public var afterSeq: UInt64
    public var beforeSeq: UInt64

    /// `events 12 to 40 are missing: a damaged place`
    public var message: String {
        let missing = self.missing
        let events =
            missing.count == 1
            ? "event \(missing.lowerBound) is" : "events \(missing.lowerBound) to \(missing.upperBound) are"
        return events + " missing: " + reason
    }

    /// The numbers that are not there.
    public var missing: ClosedRange<UInt64> { afterSeq &+ 1...max(afterSeq &+ 1, beforeSeq &- 1) }

    /// `a damaged place`.
    public var reason: String {
        switch cause {
        case .damage: "a damaged place"
        case .missingSegments: "segments are not there (recycled, or not copied)"
        case .notRecorded: "the recorder's memory was full"
        }
    }
}
