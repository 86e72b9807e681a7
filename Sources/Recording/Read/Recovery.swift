public import Events
import Glibc

/// Where a recording ended, and what brings a correlator up to there.
public struct Recovered {
    /// The number for the next event: above everything recorded and everything that live readers may have seen.
    public let nextSeq: UInt64
    /// Number of the last durable event; `nil` in a new recording.
    public let lastSeq: UInt64?
    /// When it happened, and in which boot.
    public let lastMoment: Moment
    public let lastBootID: BootID
    /// Whether the last observation is a `recorderStop` (the recorder's own findings may follow it); true in a new recording.
    public let endedCleanly: Bool
    /// The newest state of the correlator; `nil` in a new recording, or when no snapshot is left.
    public let snapshot: Bytes?
    /// Places that are not intact, in the segments that were read.
    public let damage: [RecordingDamage]
    private let snapshotSeq: UInt64
    private let reader: RecordingReader?

    init(
        nextSeq: UInt64, last: (seq: UInt64, moment: Moment)?, endedCleanly: Bool, bootID: BootID,
        snapshot: (seq: UInt64, state: Bytes)?,
        reader: RecordingReader?
    ) {
        self.nextSeq = nextSeq
        lastSeq = last?.seq
        lastMoment = last?.moment ?? .unknown
        lastBootID = bootID
        self.endedCleanly = endedCleanly
        self.snapshot = snapshot?.state
        snapshotSeq = snapshot?.seq ?? 0
        damage = reader?.damage ?? []
        self.reader = reader
    }

    /// The events after the snapshot (all that are left, without one), read from disk: before the first `append`.
    public func forEachEvent(_ body: (Event) -> Void) {
        reader?.forEach(from: snapshotSeq) { (event: Event) in
            if case .snapshot = event.payload { return }
            body(event)
        }
    }
}

/// Finds the end of the recording in a directory, and prepares the store that goes on from there.
struct Recovery {
    let recovered: Recovered
    let openIncidents: [UInt64]
    let store: SegmentStore

    init(
        _ directory: RecordingDirectory, _ listing: Listing, _ options: RecordingOptions, _ files: any RecordingFiles
    ) throws(RecordingError) {
        let reader = listing.segments.isEmpty ? nil : try RecordingReader(directory.path, files: files)
        let segments = reader?.listing.segments ?? []
        var last: (seq: UInt64, moment: Moment)?
        var stopped: Bool?
        var lastHeader: SegmentHeader?
        var snapshot: (seq: UInt64, state: Bytes)?
        var open: [UInt64] = segments.last?.header.openIncidents ?? []
        var newest = Tail()
        for place in segments.indices.reversed() {
            let tail = Tail(reader, place)
            if place == segments.count - 1 { newest = tail }
            if last == nil, let found = tail.last {
                last = found
                lastHeader = segments[place].header
                open = tail.open
            }
            if stopped == nil { stopped = tail.stopped }
            if snapshot == nil { snapshot = tail.snapshot }
            if last != nil && snapshot != nil && stopped != nil { break }
        }
        let clean = stopped ?? segments.isEmpty
        let durable = max(last.map { $0.seq + 1 } ?? 1, segments.last?.header.firstSeq ?? 1)
        recovered = Recovered(
            nextSeq: clean ? durable : durable + options.seqMargin, last: last, endedCleanly: clean,
            bootID: lastHeader?.bootID ?? .unknown,
            snapshot: snapshot, reader: reader)
        openIncidents = open.sorted()
        if let final = segments.last, newest.damage.isEmpty { Recovery.cut(final, newest.pages, directory, files) }
        var kept = Recovery.kept(segments, final: newest, next: durable)
        for place in kept.indices {
            kept[place].bytes = (try? Recovery.size(kept[place].name, directory, files)) ?? kept[place].bytes
        }
        store = SegmentStore(
            directory, options, files, listing, kept: kept,
            recording: segments.last?.header.recording ?? UInt64.random(in: 1...UInt64.max))
    }

    /// What one segment says about the end.
    private struct Tail {
        var last: (seq: UInt64, moment: Moment)?
        /// Whether the last observation is a stop; `nil` without any.
        var stopped: Bool?
        var snapshot: (seq: UInt64, state: Bytes)?
        /// Open at the end: numbers of their opening events.
        var open: [UInt64] = []
        var heldIncident = false
        var pages = 0
        var damage: [RecordingDamage] = []

        init() {}

        /// Looks at every page, and decodes those from the last one on that ends in calm, and the newest snapshot.
        init(_ reader: RecordingReader?, _ place: Int) {
            guard let reader else { return }
            var states: [Int] = []
            var calm = 0
            var scan = RecordingReader.ScanState(from: 0)
            reader.scanSegment(
                place, &scan,
                pages: { page in
                    if page.flags.contains(.incident) {
                        heldIncident = true
                    } else if page.events > 0, page.isWholePage {
                        // No incident is open at its end, and an observation is its last event.
                        calm = Int(page.index)
                    }
                    if page.flags.contains(.snapshot) { states.append(Int(page.index)) }
                    return false
                },
                body: { _ in })
            pages = scan.endPlace?.page ?? 0
            decode(reader, place, from: calm)
            // What the header promises cannot be read.
            if calm > 0, last == nil || stopped == nil { decode(reader, place, from: 0) }
            while snapshot == nil, let state = states.popLast() { decode(reader, place, [state], onlyState: true) }
            let name = reader.listing.segments[place].name
            damage = reader.damage.filter { $0.segment == name }
        }

        private mutating func decode(_ reader: RecordingReader, _ place: Int, from calm: Int) {
            open = calm == 0 ? reader.listing.segments[place].header.openIncidents : []
            decode(reader, place, Array((calm..<max(calm, pages)).reversed()))
        }

        /// - Parameter places: of pages, the last first.
        private mutating func decode(
            _ reader: RecordingReader, _ place: Int, _ places: [Int], onlyState: Bool = false
        ) {
            var scan = RecordingReader.ScanState(from: 0)
            reader.scanSegment(
                place, &scan, shortcut: { _ in places },
                body: { decoded in
                    if let state = decoded.snapshot { snapshot = (decoded.seq, state.state) }
                    if onlyState || decoded.kind == .snapshot { return }
                    if let record = decoded.incident {
                        open.removeAll { $0 == record.openingSeq }
                        if record.state == .opened { open.append(record.openingSeq) }
                    } else {
                        stopped = decoded.kind == .recorderStop
                    }
                    last = (decoded.seq, decoded.moment)
                })
        }
    }

    /// The last segment gets no more pages: what was never written is given back, so that many short runs cost little.
    private static func cut(
        _ segment: FoundSegment, _ pages: Int, _ directory: RecordingDirectory, _ files: any RecordingFiles
    ) {
        let used = (Layout.firstDataUnit + pages) * Int(segment.header.pageBytes)
        guard used < segment.fileBytes,
            let file = try? files.open(directory.descriptor, segment.name, .durable(direct: false))
        else { return }
        try? files.truncate(file, used)
        files.close(file)
    }

    private static func size(
        _ name: String, _ directory: RecordingDirectory, _ files: any RecordingFiles
    ) throws(FileError) -> Int {
        let file = try files.open(directory.descriptor, name, .read)
        defer { files.close(file) }
        return try files.size(file)
    }

    /// The segments for retention: each is summed up by the header of the one after it.
    private static func kept(_ segments: [FoundSegment], final: Tail, next: UInt64) -> [KeptSegment] {
        segments.indices.map { place in
            let segment = segments[place]
            var kept = KeptSegment(
                name: segment.name, generation: segment.header.generation, firstSeq: segment.header.firstSeq,
                nextSeq: next, heldIncident: final.heldIncident, bytes: segment.fileBytes)
            if place + 1 < segments.count {
                let after = segments[place + 1].header
                let adjacent = after.previousGeneration == kept.generation
                kept.nextSeq = adjacent ? after.previousNextSeq : after.firstSeq
                // Where nobody can tell, it is kept rather than not.
                kept.heldIncident = adjacent ? after.previousHeldIncident : true
            }
            kept.nextSeq = max(kept.nextSeq, kept.firstSeq)
            return kept
        }
    }
}
