public import Events

/// How much to keep, and what a segment says about the machine it was written on.
public struct RecordingOptions: Sendable {
    /// Bound of all segments together, bytes.
    public var totalBytes = 256 << 20
    /// Size of one segment, bytes; made smaller when the total would hold fewer than eight.
    public var segmentBytes = 4 << 20
    /// Size of a page, bytes: a power of two from 4096 to 65536. A page is what one damaged place can cost.
    public var pageBytes = 16 << 10
    /// Bound of the memory that holds what is not yet on disk, bytes.
    public var queueBytes = 8 << 20
    /// Numbers left out after an unclean end: more than the memory above can hold (an event takes a byte or more),
    /// and room for what was numbered and shown live while the disk took nothing.
    public var seqMargin: UInt64 = 16 << 20
    /// Whether the next segment's file is written with zeros ahead of its use, so that commits change no metadata.
    public var zeroAhead = true

    public var bootID: BootID
    /// The machine's name; at most 248 bytes are kept.
    public var host: Bytes
    /// Read on the writer's own thread when a segment begins.
    public var clock: @Sendable () -> ClockSnapshot

    /// The group that may read the recording, looked up in this file; without such a group files keep the caller's.
    public var group = "inquest"
    public var groupFile = "/etc/group"

    public init(bootID: BootID, host: Bytes, clock: @escaping @Sendable () -> ClockSnapshot) {
        self.bootID = bootID
        self.host = host
        self.clock = clock
    }

    /// The sizes in force: whole pages, at least eight segments of at least eight pages.
    var geometry: Geometry {
        var page = 4096
        while page < pageBytes && page < 65536 { page *= 2 }
        let smallest = 8 * page
        let total = max(totalBytes, 8 * smallest)
        let segment = max(smallest, min(segmentBytes, total / 8, Format.segmentLimit) / page * page)
        return Geometry(
            pageBytes: page, segmentBytes: segment, totalBytes: total, queuePages: max(8, queueBytes / page))
    }
}

/// Sizes in force, bytes unless named otherwise.
struct Geometry: Equatable, Sendable {
    var pageBytes: Int
    var segmentBytes: Int
    var totalBytes: Int
    var queuePages: Int

    /// Bytes of events in a page.
    var payloadBytes: Int { pageBytes - PageHeader.size }
    /// Pages of events in a segment.
    var dataPages: Int { segmentBytes / pageBytes - Layout.firstDataUnit }
}
