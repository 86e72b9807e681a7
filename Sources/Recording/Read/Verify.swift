public import Events

/// What a recording holds and whether it is intact.
public struct VerifyReport: Equatable, Sendable {
    public var segments = 0
    public var pages = 0
    public var events = 0
    public var snapshots = 0
    public var incidents = 0
    /// Bytes of the files, and of the events in them.
    public var fileBytes = 0
    public var eventBytes = 0
    public var firstSeq: UInt64?
    public var lastSeq: UInt64?
    public var lastMoment = Moment.unknown
    /// Whether the last observation is a `recorderStop`. An unclean end is no damage.
    public var endedCleanly = false
    public var damage: [RecordingDamage] = []
    public var gaps: [RecordingGap] = []
    /// Copies of segments, and segments of another recording.
    public var ignored: [String] = []
    /// Files named like a segment that hold nothing.
    public var unused: [String] = []

    /// Bytes of events and page headers per event, without snapshots' share taken off; `nil` without events.
    public var bytesPerEvent: Double? {
        events == 0 ? nil : Double(eventBytes + pages * PageHeader.size) / Double(events)
    }

    public init() {}
}

/// Reads all of a recording and reports what is there.
public func verify(_ directory: String) throws(RecordingError) -> VerifyReport {
    try verify(RecordingReader(directory))
}

func verify(_ reader: RecordingReader) -> VerifyReport {
    var report = VerifyReport()
    var scan = RecordingReader.ScanState(from: 0)
    for place in reader.listing.segments.indices {
        report.segments += 1
        report.fileBytes += reader.listing.segments[place].fileBytes
        let count = { (decoded: borrowing DecodedEvent) in
            switch decoded.kind {
            case .snapshot:
                report.snapshots += 1
                return
            case .incident: report.incidents += 1
            case .recorderStop: report.endedCleanly = true
            default: report.endedCleanly = false
            }
            report.events += 1
            if report.firstSeq == nil { report.firstSeq = decoded.seq }
            report.lastSeq = decoded.seq
            report.lastMoment = decoded.moment
        }
        reader.scanSegment(place, &scan, gap: { report.gaps.append($0) }, body: count)
    }
    report.pages = scan.pages
    report.eventBytes = scan.eventBytes
    report.damage = reader.damage
    report.ignored = reader.ignored
    report.unused = reader.unused
    return report
}
