public import Events
import Glibc

/// Writes a recording: numbers go in, durable numbers come out.
///
/// Use: `open`, replay what was recovered, then `append` each event as it is numbered, and `commit` after what must not be
/// lost. `append` and `commit` never wait: they copy into bounded memory, and a thread of the writer's own waits for the
/// disk. All calls but `acknowledgedSeq`, `lastError`, `isFailing` and `commitIntervalNs` belong to one thread.
///
/// It deliberately gives no numbers and understands no event but the opening and closing of incidents, for retention.
public final class RecordingWriter {
    let shared: WriterShared
    private let geometry: Geometry
    private let directory: RecordingDirectory
    private var thread: pthread_t?

    private var encoder: EventEncoder
    private var page: PageSlot?
    private var pageFlags: PageFlags = []
    private var pageEvents = 0
    private var nextNumber: UInt64 = 1
    /// Pages begun in the segment as this side counts them.
    private var segmentPages = 0
    /// The number that an event must have to stand on the page being filled.
    private var expectedSeq: UInt64
    private var freePages: FreePages
    /// Incidents that are open by their records, for retention: numbers of their opening events, the oldest first, at most
    /// sixteen. After the replay the caller sets those that its correlator knows: one that is in no record's reach would
    /// otherwise be kept for ever.
    public var openIncidents: [UInt64] {
        didSet { openIncidents = Array(openIncidents.sorted().prefix(SegmentHeader.maxOpen)) }
    }
    /// What the event being appended says of the page where it begins.
    private var eventFlags: PageFlags = []
    /// Pages begun since the last snapshot, and how many that one took.
    private var pagesSinceSnapshot = 0
    private var snapshotPages = 1
    private var dropped: UInt64 = 0
    private var closed = false

    /// A snapshot stands at least so often, bytes: it bounds what a start, or a reader, replays. A large one stands more rarely,
    /// so that snapshots are at most a sixteenth of a recording.
    private static let snapshotEvery = 1 << 20
    private static let snapshotShare = 16

    /// Opens a directory for recording: takes its lock, reads where the recording ends, starts the disk thread.
    ///
    /// The recovered part must be replayed before the first `append`, which may recycle what it reads.
    ///
    /// - Parameters:
    ///   - directory: made when it is not there; it must not have another writer.
    ///   - options: the bounds, and whose recording it is.
    ///   - opened: called, with the files' group where there is one, when the directory is open and before the disk thread
    ///     starts: what this thread gives up then, that one never has.
    public static func open(
        _ directory: String, _ options: RecordingOptions, opened: (_ group: UInt32?) -> Void = { _ in }
    ) throws(RecordingError) -> (RecordingWriter, Recovered) {
        try open(directory, options, files: SystemFiles(), opened: opened)
    }

    package static func open(
        _ path: String, _ options: RecordingOptions, files: any RecordingFiles, opened: (UInt32?) -> Void = { _ in }
    ) throws(RecordingError) -> (RecordingWriter, Recovered) {
        let directory = try RecordingDirectory(path, options, files)
        do throws(RecordingError) {
            let listing = try Listing.of(directory.descriptor, path: path, files)
            let recovery = try Recovery(directory, listing, options, files)
            let writer = try RecordingWriter(directory, options, files, listing, recovery)
            opened(directory.group)
            writer.thread = try DiskThread.start(
                writer.shared, files, recovery.store, options.geometry, path: path)
            return (writer, recovery.recovered)
        } catch {
            directory.close()
            throw error
        }
    }

    private init(
        _ directory: RecordingDirectory, _ options: RecordingOptions, _ files: any RecordingFiles, _ listing: Listing,
        _ recovery: Recovery
    ) throws(RecordingError) {
        self.directory = directory
        geometry = options.geometry
        shared = try WriterShared(geometry, acknowledged: recovery.recovered.nextSeq - 1)
        encoder = EventEncoder(capacity: geometry.pageBytes + 4096)
        expectedSeq = recovery.recovered.nextSeq
        openIncidents = recovery.openIncidents
        freePages = FreePages(shared, geometry)
    }

    deinit { if !closed { close() } }

    /// Durable up to and with this number; readable from any thread.
    public var acknowledgedSeq: UInt64 { shared.acknowledged.load(ordering: .acquiring) }

    /// Readable when `acknowledgedSeq` has grown since `clearNews`.
    public var newsDescriptor: Int32 { shared.news }
    public func clearNews() { shared.clearNews() }

    /// The last error of the disk, also when it is over; readable from any thread.
    public var lastError: RecordingError? { shared.lastError.withLock { $0 } }

    /// Whether the disk has taken nothing since that error, while the writer goes on trying; readable from any thread.
    public var isFailing: Bool { shared.failing.load(ordering: .acquiring) }

    /// The longest time an appended event stays uncommitted while nobody asks for more.
    public var commitIntervalNs: UInt64 {
        get { shared.commitIntervalNs.load(ordering: .relaxed) }
        set {
            shared.commitIntervalNs.store(max(newValue, 1_000_000), ordering: .relaxed)
            shared.wake()
        }
    }

    /// Counts since the start, readable from any thread.
    public var figures: RecordingFigures {
        RecordingFigures(
            bytesWritten: shared.figures.bytesWritten.load(ordering: .relaxed),
            writes: shared.figures.writes.load(ordering: .relaxed),
            droppedEvents: shared.figures.droppedEvents.load(ordering: .relaxed),
            segments: shared.figures.segments.load(ordering: .relaxed))
    }

    /// Appends one event.
    ///
    /// - Parameters:
    ///   - event: its `seq` is above that of every event before.
    ///   - snapshot: the correlator's state before this event; asked for when a segment begins, and after a loss.
    /// - Returns: `false` when the bounded memory is full: the event is not recorded, and counted for `takeLosses`.
    @discardableResult
    public func append(_ event: Event, snapshot: () -> Bytes) -> Bool {
        precondition(event.seq >= expectedSeq, "events are appended in the order of their numbers")
        if page == nil || shared.snapshotDue.load(ordering: .relaxed) {
            guard ready(event, snapshot) else { return drop(event) }
        }
        if event.seq != expectedSeq && pageEvents > 0 {
            guard nextPage(event, snapshot) else { return drop(event) }
        }
        if case .incident(let record) = event.payload {
            // First on its page, so that a list of incidents decodes nothing else.
            if record.state == .closed, pageEvents > 0 {
                guard nextPage(event, snapshot) else { return drop(event) }
            }
            note(record)
        } else {
            eventFlags = openIncidents.isEmpty ? [] : .incident
        }
        guard place(event, snapshot) else { return drop(event) }
        expectedSeq = event.seq + 1
        return true
    }

    /// Makes everything appended so far durable soon.
    public func commit() {
        shared.commitWanted.store(true, ordering: .releasing)
        shared.wake()
    }

    /// What was lost since the last call, to be numbered, appended and correlated as events.
    ///
    /// Events for which the memory was full are told when there is room again.
    public func takeLosses(_ body: (Lost) -> Void) {
        if dropped > 0, page != nil || freePages.count() > 1 {
            let count = dropped
            dropped = 0
            body(Lost(source: .recordingMemoryFull, count: count))
        }
        let thinned = shared.thinned.exchange(0, ordering: .relaxed)
        if thinned > 0 { body(Lost(source: .recordingThinned, count: thinned)) }
    }

    /// Commits everything, stops the thread, gives up the lock. A second call does nothing.
    ///
    /// - Returns: whether everything appended is durable; otherwise `lastError` says why not.
    @discardableResult
    public func close() -> Bool {
        guard !closed else { return true }
        closed = true
        shared.stopping.store(true, ordering: .releasing)
        shared.wake()
        if let thread { pthread_join(thread, nil) }
        directory.close()
        return acknowledgedSeq + 1 >= expectedSeq
    }

    // MARK: - Pages

    private func drop(_ event: Event) -> Bool {
        dropped += 1
        shared.figures.droppedEvents.add(1, ordering: .relaxed)
        // What comes next stands after a hole: a replay needs the state anew.
        shared.snapshotDue.store(true, ordering: .releasing)
        expectedSeq = event.seq + 1
        finishPage()
        return false
    }

    /// Appends to the page being filled, or to the next, or over several.
    private func place(_ event: Event, _ snapshot: () -> Bytes) -> Bool {
        let before = encoder.byteCount
        encoder.append(event)
        if fits(before) { return true }
        encoder.rollBack(toBytes: before, events: encoder.count - 1)
        guard nextPage(event, snapshot) else { return false }
        let start = encoder.byteCount
        encoder.append(event)
        if fits(start) { return true }
        if start > 0 {
            // The page begins with a snapshot; the event takes pages of its own.
            encoder.rollBack(toBytes: start, events: encoder.count - 1)
            finishPage()
            guard beginPage(event, beginsSegment: false) else { return false }
            encoder.append(event)
            if fits(0) { return true }
        }
        let pages = pagesNeeded(encoder.byteCount)
        guard pages <= largestInPages else {
            refuse(encoder.byteCount)
            return false
        }
        if segmentPages + pages - 1 > geometry.dataPages {
            // It must not lie in two segments: retention may take one of them.
            finishPage()
            segmentPages = geometry.dataPages
            guard ready(event, snapshot) else { return false }
            return place(event, snapshot)
        }
        return spread(pages, event, eventFlags, numbered: true)
    }

    /// Copies to the page what the encoder holds from `start` on, and publishes it, when there is room.
    @inline(__always)
    private func fits(_ start: Int) -> Bool {
        guard encoder.byteCount <= geometry.payloadBytes else { return false }
        copy(from: start)
        pageEvents += 1
        publish(eventFlags)
        return true
    }

    @inline(__always)
    private func copy(from start: Int) {
        guard let memory = unsafe page?.memory else { return }
        unsafe encoder.withBytes { bytes in
            let target = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[(PageHeader.size + start)...])
            unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start...]))
        }
    }

    @inline(__always)
    private func publish(_ more: PageFlags) {
        pageFlags.formUnion(more)
        page?.publish(used: encoder.byteCount, events: pageEvents, flags: pageFlags)
    }

    private func pagesNeeded(_ bytes: Int) -> Int { (bytes + geometry.payloadBytes - 1) / geometry.payloadBytes }

    /// A snapshot and the largest event together fit into a segment, and into the memory.
    private var largestInPages: Int { min(geometry.dataPages / 2, geometry.queuePages / 2) }

    /// Gives the page being filled to the disk thread.
    private func finishPage() {
        guard let page else { return }
        if page.state.used == 0 {
            // The disk thread skips it.
            segmentPages = page.beginsSegment ? 0 : segmentPages - 1
        }
        self.page = nil
        shared.finished.push(page.index)
        shared.current.store(-1, ordering: .releasing)
        shared.wake()
    }

    /// Begins a page; `false` when no memory is free.
    private func beginPage(_ event: Event, beginsSegment: Bool) -> Bool {
        guard let slot = freePages.take() else { return false }
        slot.begin(
            number: nextNumber, firstSeq: event.seq, firstNs: event.boottimeNs, beginsSegment: beginsSegment,
            openIncidents: openIncidents)
        nextNumber += 1
        pagesSinceSnapshot += 1
        segmentPages = beginsSegment ? 1 : segmentPages + 1
        encoder.beginBlock()
        pageEvents = 0
        pageFlags = []
        page = slot
        shared.current.store(slot.index, ordering: .releasing)
        return true
    }

    /// Sees to it that there is a page, in another segment and behind a snapshot where that is due.
    private func ready(_ event: Event, _ snapshot: () -> Bytes) -> Bool {
        if shared.snapshotDue.load(ordering: .acquiring) { finishPage() }
        guard page == nil else { return true }
        let beginsSegment = segmentPages == 0 || segmentPages >= geometry.dataPages
        let wantsSnapshot = beginsSegment || isSnapshotWorthwhile
        guard beginPage(event, beginsSegment: beginsSegment) else { return false }
        guard wantsSnapshot || shared.snapshotDue.load(ordering: .relaxed) else { return true }
        return placeSnapshot(event, snapshot)
    }

    /// Whether another snapshot would save a replay enough, has its place in this segment, and takes no event's memory.
    private var isSnapshotWorthwhile: Bool {
        pagesSinceSnapshot >= max(Self.snapshotEvery / geometry.pageBytes, Self.snapshotShare * snapshotPages)
            && segmentPages + 2 * snapshotPages < geometry.dataPages && freePages.count() > geometry.queuePages / 2
    }

    private func nextPage(_ event: Event, _ snapshot: () -> Bytes) -> Bool {
        finishPage()
        return ready(event, snapshot)
    }

    /// Writes the correlator's state into the page just begun, or over several, and leaves a page for `event`.
    private func placeSnapshot(_ event: Event, _ snapshot: () -> Bytes) -> Bool {
        shared.snapshotDue.store(false, ordering: .relaxed)
        let state = Event(seq: event.seq, boottimeNs: event.boottimeNs, .snapshot(StateSnapshot(state: snapshot())))
        encoder.append(state)
        let flags: PageFlags = openIncidents.isEmpty ? .snapshot : [.snapshot, .incident]
        let pages = pagesNeeded(encoder.byteCount)
        (pagesSinceSnapshot, snapshotPages) = (0, pages)
        if pages == 1 {
            copy(from: 0)
            publish(flags)
            return true
        }
        guard pages <= largestInPages else {
            refuse(encoder.byteCount)
            encoder.beginBlock()
            return true
        }
        if segmentPages + pages - 1 > geometry.dataPages {
            // Only after a loss. Nothing of this page is published: it may yet become the first of a segment.
            page?.beginsSegment = true
            segmentPages = 1
        }
        guard spread(pages, state, flags, numbered: false) else { return false }
        return beginPage(event, beginsSegment: false)
    }

    /// Writes the one event that the encoder holds over as many pages as it needs; the next event begins another.
    private func spread(_ pages: Int, _ event: Event, _ first: PageFlags, numbered: Bool) -> Bool {
        guard pages - 1 <= freePages.count() else {
            encoder.beginBlock()
            return false
        }
        let whole = unsafe encoder.withBytes { unsafe Bytes($0) }
        for number in 0..<pages {
            if number > 0 {
                finishPage()
                guard beginPage(event, beginsSegment: false) else { return false }
            }
            guard let page, let memory = unsafe page.memory else { return false }
            let start = number * geometry.payloadBytes
            let end = min(start + geometry.payloadBytes, whole.count)
            unsafe whole.withUnsafeBytes { bytes in
                let target = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[PageHeader.size...])
                unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            }
            var flags = number == 0 ? first : first.intersection(.incident)
            if number > 0 { flags.insert(.continues) }
            if number < pages - 1 { flags.insert(.unfinished) }
            page.publish(used: end - start, events: numbered && number == 0 ? 1 : 0, flags: flags)
        }
        finishPage()
        return true
    }

    private func refuse(_ bytes: Int) {
        let limit = largestInPages * geometry.payloadBytes
        shared.lastError.withLock { $0 = .oversized(bytes: bytes, limit: limit) }
    }

    private func note(_ record: IncidentRecord) {
        eventFlags = record.state == .closed ? [.incident, .closing] : .incident
        switch record.state {
        case .opened where !openIncidents.contains(record.openingSeq): openIncidents.append(record.openingSeq)
        case .closed: openIncidents.removeAll { $0 == record.openingSeq }
        case .opened: break
        }
    }
}
