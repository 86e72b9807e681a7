import CLinux
public import Events
import Glibc

/// A segment as its header tells it.
public struct SegmentSummary: Equatable, Sendable {
    public var file: String
    public var generation: UInt64
    public var firstSeq: UInt64
    public var bootID: BootID
    public var host: Bytes
    /// When the segment was begun.
    public var clock: ClockSnapshot
    public var formatVersion: UInt16
    public var fileBytes: Int
}

/// Reads a recording: one that is being written, one that ended, or a copy.
///
/// Needs no lock and no root, only the right to read. Memory is bounded by a few pages (and the largest single event).
/// Events come in the order of their numbers, each once; what is not intact is left out and listed in `damage`.
///
/// It sees the segments that were there at `init`; make another reader for later ones.
public final class RecordingReader {
    public let directory: String
    public let segments: [SegmentSummary]
    /// Files that were left alone: copies of a segment, segments of another recording.
    public let ignored: [String]
    /// Files named like a segment that hold nothing: begun and never used.
    public var unused: [String] {
        listing.headless.map(\.name).filter { !listing.damagedHeaders.contains($0) }
    }
    /// What the reads so far found, in the order in which they found it.
    public private(set) var damage: [RecordingDamage] = []
    private var noted: Set<RecordingDamage> = []

    let listing: Listing
    let files: any RecordingFiles
    let descriptor: Int32
    private var decoder = EventDecoder()

    /// - Parameters:
    ///   - directory: of the recording; nothing in it is changed.
    ///   - group: named in the error when the directory may not be read.
    public convenience init(_ directory: String, group: String = "inquest") throws(RecordingError) {
        try self.init(directory, group: group, files: SystemFiles())
    }

    init(_ directory: String, group: String = "inquest", files: any RecordingFiles) throws(RecordingError) {
        let descriptor: Int32
        do { descriptor = try files.openDirectory(directory, create: false) } catch {
            if error.errno == ENOENT || error.errno == ENOTDIR { throw .notARecording(directory: directory) }
            throw .notReadable(directory: directory, group: group, errno: error.errno)
        }
        do throws(RecordingError) {
            listing = try Listing.of(descriptor, path: directory, files)
            if let errno = listing.refused, listing.segments.isEmpty {
                throw .notReadable(directory: directory, group: group, errno: errno)
            }
            if listing.segments.isEmpty && listing.headless.isEmpty { throw .notARecording(directory: directory) }
        } catch {
            files.close(descriptor)
            throw error
        }
        self.directory = directory
        self.files = files
        self.descriptor = descriptor
        segments = listing.segments.map { segment in
            SegmentSummary(
                file: segment.name, generation: segment.header.generation, firstSeq: segment.header.firstSeq,
                bootID: segment.header.bootID, host: segment.header.host, clock: segment.header.clock,
                formatVersion: segment.header.version, fileBytes: segment.fileBytes)
        }
        ignored = listing.duplicates + listing.foreign
        for name in listing.damagedHeaders {
            damage.append(RecordingDamage(kind: .header, segment: name, page: nil, offset: 0))
        }
    }

    deinit { files.close(descriptor) }

    /// Every event from a number on, with the snapshots and the recorder's own findings among them.
    ///
    /// - Parameters:
    ///   - seq: the first number that is wanted.
    ///   - gap: told before the event that follows a gap.
    ///   - body: may throw to stop.
    public func forEach<E: Error>(
        from seq: UInt64 = 0, gap: (RecordingGap) -> Void = { _ in }, _ body: (Event) throws(E) -> Void
    ) throws(E) {
        try forEachDecoded(from: seq, gap: gap) { decoded throws(E) in try body(decoded.event) }
    }

    /// The same, each event where it was decoded: for who has millions to go through.
    ///
    /// - Parameters:
    ///   - seq: the first number that is wanted.
    ///   - gap: told before the event that follows a gap.
    ///   - body: must not read this recording again with this reader.
    public func forEachDecoded<E: Error>(
        from seq: UInt64 = 0, gap: (RecordingGap) -> Void = { _ in }, _ body: (borrowing DecodedEvent) throws(E) -> Void
    ) throws(E) {
        var scan = ScanState(from: seq)
        let start = startingPlace(seq)
        for place in start..<listing.segments.count {
            // What was before is not asked for; it need not even be intact.
            let glancing = place == start && seq > 0
            try scanSegment(
                place, &scan, glancing: glancing, gap: gap, pages: { !glancing || !$0.isBefore(seq) }, body: body)
        }
    }

    /// The first snapshot of each segment, with the number of the event that follows it.
    public func forEachSegmentSnapshot(_ body: (UInt64, Bytes) -> Void) {
        struct Found: Error {}
        for place in listing.segments.indices {
            var scan = ScanState(from: 0)
            do throws(Found) {
                try scanSegment(
                    place, &scan, pages: { $0.flags.contains(.snapshot) },
                    body: { decoded throws(Found) in
                        guard let snapshot = decoded.snapshot else { return }
                        body(decoded.seq, snapshot.state)
                        throw Found()
                    })
            } catch {}
        }
    }

    /// Number of the first event at or after a moment of the wall clock; `nil` when there is none.
    ///
    /// Moments convert by the clock snapshot of the segment that holds them. The wall clock may have been set between two segments:
    /// nothing is taken to be in its order.
    public func firstSeq(sinceRealtimeNs realtime: UInt64) -> UInt64? {
        let place = listing.segments.indices.first { !ends(before: realtime, $0) } ?? listing.segments.count
        return firstSeq(inSegmentsFrom: place) { segment, moment in
            (segment.clock.realtimeNs(of: moment) ?? 0) >= realtime
        }
    }

    /// Whether a segment's time is over before a moment of its wall clock, as far as the next one of the same boot tells.
    private func ends(before realtime: UInt64, _ place: Int) -> Bool {
        guard place + 1 < listing.segments.count else { return false }
        let (this, next) = (listing.segments[place].header, listing.segments[place + 1].header)
        guard this.bootID == next.bootID else { return false }
        return this.clock.realtimeNs(of: Moment(boottimeNs: next.clock.boottimeNs)).map { $0 < realtime } ?? false
    }

    /// Number of the first event of a boot at or after a moment of it; `nil` when there is none.
    public func firstSeq(since moment: Moment, boot: BootID) -> UInt64? {
        let place = listing.segments.firstIndex { $0.header.bootID == boot } ?? listing.segments.count
        return firstSeq(inSegmentsFrom: place) { $0.bootID == boot && $1 >= moment }
    }

    private func firstSeq(
        inSegmentsFrom first: Int, where matches: (SegmentHeader, Moment) -> Bool
    ) -> UInt64? {
        struct Found: Error { let seq: UInt64 }
        for place in max(0, first)..<listing.segments.count {
            let header = listing.segments[place].header
            var scan = ScanState(from: 0)
            do throws(Found) {
                try scanSegment(
                    place, &scan,
                    body: { decoded throws(Found) in
                        if decoded.kind == .snapshot { return }
                        if matches(header, decoded.moment) { throw Found(seq: decoded.seq) }
                    })
            } catch { return error.seq }
        }
        return nil
    }

    // MARK: - Scanning

    /// What a scan carries from page to page.
    struct ScanState {
        let from: UInt64
        /// The highest number delivered.
        var delivered: UInt64?
        /// The number that should come next.
        var expected: UInt64?
        /// The generation gone through last.
        var generation: UInt64?
        /// Where the segment gone through last ended.
        var endPlace: (segment: String, page: Int, offset: Int)?
        /// The segment gone through last was recycled meanwhile.
        var gone = false
        /// Damage since the last event.
        var damaged = false
        var pages = 0
        var events = 0
        var eventBytes = 0
        /// Parts of an event over several pages, with the first part's header.
        var parts: (first: PageHeader, bytes: Bytes)?

        init(from seq: UInt64) { from = seq }
    }

    /// The last segment that begins at or before a number.
    private func startingPlace(_ seq: UInt64) -> Int {
        let after = listing.segments.firstIndex { $0.header.firstSeq > seq } ?? listing.segments.count
        return max(0, after - 1)
    }

    /// Whether a segment's successor says that it held an incident; true where nobody says.
    func mayHoldIncident(_ place: Int) -> Bool {
        let segments = listing.segments
        guard place + 1 < segments.count else { return true }
        let next = segments[place + 1].header
        return next.previousGeneration != segments[place].header.generation || next.previousHeldIncident
    }

    /// - Parameters:
    ///   - glancing: a page that is not wanted is passed over by its header alone where that is possible; damage in it is
    ///     then not seen.
    ///   - shortcut: the places of all pages that are wanted, the last first; `nil` where only going through all of them tells.
    ///   - wanted: whether the events that begin on a page are wanted.
    func scanSegment<E: Error>(
        _ place: Int, _ scan: inout ScanState, glancing: Bool = false, shortcut: (PageCursor) -> [Int]? = { _ in nil },
        gap: (RecordingGap) -> Void = { _ in }, pages wanted: (PageHeader) -> Bool = { _ in true },
        body: (borrowing DecodedEvent) throws(E) -> Void
    ) throws(E) {
        let segment = listing.segments[place]
        enter(segment.header, &scan, gap)
        decoder.format = segment.header.version
        guard let cursor = PageCursor(segment, in: descriptor, files) else {
            scan.gone = true
            return
        }
        defer {
            let unit = Layout.firstDataUnit + cursor.index
            scan.endPlace = (segment.name, cursor.index, unit * Int(segment.header.pageBytes))
            scan.parts = nil
        }
        var places = shortcut(cursor)
        if places == nil { cursor.goThroughAll() }
        while true {
            if scan.parts == nil, places != nil {
                guard let next = places?.popLast() else { return }
                cursor.seek(next)
            }
            if glancing, let header = cursor.glance(), isLeftOut(header, &scan, wanted) {
                cursor.pass()
                continue
            }
            switch cursor.next() {
            case .end:
                scan.gone = !cursor.isStillThere()
                return
            case .damaged(let index):
                scan.parts = nil
                // A recycled file is no damage: the segment is gone.
                scan.gone = !cursor.isStillThere()
                if scan.gone { return }
                scan.damaged = true
                note(.page, segment, index)
            case .page:
                let header = cursor.header
                if isLeftOut(header, &scan, wanted) { continue }
                scan.pages += 1
                guard unsafe try deliver(header, cursor.payload, &scan, gap, body) else {
                    scan.damaged = true
                    note(.undecodable, segment, cursor.index - 1)
                    continue
                }
            }
        }
    }

    /// Whether nobody wants the events that begin on a page, or the one that it continues; then it counts as gone through.
    private func isLeftOut(_ header: PageHeader, _ scan: inout ScanState, _ wanted: (PageHeader) -> Bool) -> Bool {
        if header.flags.contains(.continues) {
            guard scan.parts == nil else { return false }
        } else {
            guard !wanted(header) else { return false }
            scan.expected = header.firstSeq &+ UInt64(header.events)
            scan.parts = nil
        }
        scan.pages += 1
        return true
    }

    /// Compares where a segment begins with where the one before it ended.
    private func enter(_ header: SegmentHeader, _ scan: inout ScanState, _ gap: (RecordingGap) -> Void) {
        defer {
            scan.generation = header.generation
            scan.expected = header.firstSeq
            scan.gone = false
        }
        guard let expected = scan.expected, let generation = scan.generation else { return }
        if header.previousGeneration != generation || scan.gone {
            guard header.firstSeq > expected else { return }
            gap(RecordingGap(cause: .missingSegments, afterSeq: expected &- 1, beforeSeq: header.firstSeq))
        } else if header.previousNextSeq > expected {
            if let end = scan.endPlace {
                note(RecordingDamage(kind: .end, segment: end.segment, page: end.page, offset: end.offset))
            }
            gap(RecordingGap(cause: .damage, afterSeq: expected &- 1, beforeSeq: header.firstSeq))
            scan.damaged = false
        }
    }

    /// Hands over a page's events, or collects a part of one; `false` when they cannot be read.
    private func deliver<E: Error>(
        _ header: PageHeader, _ payload: UnsafeRawBufferPointer, _ scan: inout ScanState, _ gap: (RecordingGap) -> Void,
        _ body: (borrowing DecodedEvent) throws(E) -> Void
    ) throws(E) -> Bool {
        if header.isWholePage {
            scan.parts = nil
            return unsafe try decode(header, payload, &scan, gap, body)
        }
        if !header.flags.contains(.continues) {
            scan.parts = (header, unsafe Bytes(payload))
            return true
        }
        // A continuation whose beginning is damaged or was given up is nothing.
        guard var parts = scan.parts, parts.first.firstSeq == header.firstSeq else {
            scan.parts = nil
            return true
        }
        scan.parts = nil
        unsafe parts.bytes.append(contentsOf: payload)
        if header.flags.contains(.unfinished) {
            scan.parts = parts
            return true
        }
        return try unsafe parts.bytes.span.withUnsafeBytes { whole throws(E) in
            unsafe try decode(parts.first, whole, &scan, gap, body)
        }
    }

    private func decode<E: Error>(
        _ header: PageHeader, _ payload: UnsafeRawBufferPointer, _ scan: inout ScanState, _ gap: (RecordingGap) -> Void,
        _ body: (borrowing DecodedEvent) throws(E) -> Void
    ) throws(E) -> Bool {
        if let expected = scan.expected, header.firstSeq > expected {
            let cause: RecordingGap.Cause = scan.damaged ? .damage : .notRecorded
            gap(RecordingGap(cause: cause, afterSeq: expected &- 1, beforeSeq: header.firstSeq))
        }
        scan.damaged = false
        let bytes = unsafe payload.bindMemory(to: UInt8.self)
        decoder.beginBlock(firstSeq: header.firstSeq)
        guard try RecordingReader.decode(unsafe bytes.span, with: &decoder, &scan, body) else { return false }
        scan.eventBytes += bytes.count
        return true
    }

    /// One access to the reader's decoder for a whole block.
    private static func decode<E: Error>(
        _ bytes: Span<UInt8>, with decoder: inout EventDecoder, _ scan: inout ScanState,
        _ body: (borrowing DecodedEvent) throws(E) -> Void
    ) throws(E) -> Bool {
        var offset = 0
        while offset < bytes.count {
            do { try decoder.advance(bytes, at: &offset) } catch { return false }
            let seq = decoder.decoded.seq
            let isSnapshot = decoder.decoded.kind == .snapshot
            if !isSnapshot { scan.expected = seq &+ 1 }
            // After an error of the disk a segment repeats what the one before it may already have.
            if let delivered = scan.delivered, seq <= delivered { continue }
            guard seq >= scan.from else { continue }
            if !isSnapshot { scan.delivered = seq }
            scan.events += 1
            try body(decoder.decoded)
        }
        return true
    }

    private func note(_ kind: RecordingDamage.Kind, _ segment: FoundSegment, _ page: Int) {
        let offset = (Layout.firstDataUnit + page) * Int(segment.header.pageBytes)
        note(RecordingDamage(kind: kind, segment: segment.name, page: page, offset: offset))
    }

    private func note(_ place: RecordingDamage) {
        if noted.insert(place).inserted { damage.append(place) }
    }
}

extension PageHeader {
    /// Holds whole events only.
    var isWholePage: Bool { flags.isDisjoint(with: [.continues, .unfinished]) }

    /// Whether everything that begins here has a lower number, also what a snapshot here would show.
    func isBefore(_ seq: UInt64) -> Bool { firstSeq < seq && firstSeq &+ UInt64(events) <= seq }
}
