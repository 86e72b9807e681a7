import CLinux
import Events
import Glibc

/// The one thread that waits for the disk: takes finished pages and the published part of the page being filled, writes
/// them, and says what is durable.
@safe
final class DiskThread {
    private let shared: WriterShared
    private let files: any RecordingFiles
    private let store: SegmentStore
    private let geometry: Geometry
    private let path: String

    private var segment: SegmentStore.Open?
    /// Place of the next page in the segment.
    private var nextIndex: UInt32 = 0
    private var rewrite: UInt32 = 0
    private var tailSlot = 0
    private var heldIncident = false
    /// Place of the segment's last page with a closing.
    private var lastClosing: UInt32?
    /// Whether any page of events was written into the segment.
    private var written = false
    /// Number of the next page to come.
    private var nextNumber: UInt64 = 1
    /// Events of the page being filled that are committed; those of an earlier page do not count.
    private var committed: (number: UInt64, used: Int) = (0, 0)
    /// Pages of an event whose last page is still to come: written, but worth nothing without it.
    private var pieces: [PageSlot] = []
    private let tail: AlignedBuffer
    /// Finished pages to be written with one call, and their bytes.
    private var batch: [PageSlot] = []
    private var parts: [UnsafeRawBufferPointer] = unsafe []
    /// A call writes at most a quarter of the memory, so that pages come back while it lasts.
    private let longestBatch: Int
    private var backoffNs: UInt64 = 0
    private var lastCommitNs: UInt64 = 0

    init(_ shared: WriterShared, _ files: any RecordingFiles, _ store: SegmentStore, _ geometry: Geometry, path: String)
    {
        self.shared = shared
        self.files = files
        self.store = store
        self.geometry = geometry
        self.path = path
        tail = AlignedBuffer(geometry.pageBytes)
        longestBatch = min(64, geometry.queuePages / 4)
    }

    /// - Parameter path: the recording's directory, for errors.
    static func start(
        _ shared: WriterShared, _ files: any RecordingFiles, _ store: SegmentStore, _ geometry: Geometry, path: String
    ) throws(RecordingError) -> pthread_t {
        let disk = DiskThread(shared, files, store, geometry, path: path)
        // Signals are for the program's own threads.
        var all = sigset_t()
        var old = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &old)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &old, nil) }
        var handle = pthread_t()
        let box = unsafe Unmanaged.passRetained(disk).toOpaque()
        let code = unsafe pthread_create(
            &handle, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<DiskThread>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, box)
        guard code == 0 else {
            unsafe Unmanaged<DiskThread>.fromOpaque(box).release()
            throw .failed(operation: "start the writing thread for", file: path, errno: code)
        }
        return handle
    }

    func run() {
        while true {
            let stopping = shared.stopping.load(ordering: .acquiring)
            let wanted = shared.commitWanted.exchange(false, ordering: .acquiringAndReleasing)
            drain()
            let now = monotonicNs()
            let interval = shared.commitIntervalNs.load(ordering: .relaxed)
            if wanted || stopping || now &- lastCommitNs >= interval {
                commitCurrent()
                // From its end: on a slow disk nothing else would ever be under way, and what is asked for would wait for that first.
                lastCommitNs = monotonicNs()
            }
            if stopping { break }
            let elapsed = monotonicNs() &- lastCommitNs
            if shared.finished.isEmpty, !workAhead() {
                shared.sleep(ns: elapsed >= interval ? 0 : interval - elapsed)
            }
        }
        finish()
    }

    /// Zeroes the rest of this segment's file, and the next one's once this one is a quarter full: a short run needs no second one.
    private func workAhead() -> Bool {
        guard backoffNs == 0, var open = segment else { return false }
        let more = store.zeroAhead(&open, of: (Layout.firstDataUnit + Int(nextIndex)) * geometry.pageBytes)
        segment = open
        if more { return true }
        return Int(nextIndex) * 4 >= geometry.dataPages && store.workAhead()
    }

    private func finish() {
        seal(cut: true)
        store.close()
    }

    /// Writes every finished page there is, neighbours together.
    private func drain() {
        while let first = shared.finished.pop() {
            batch.removeAll(keepingCapacity: true)
            batch.append(shared.slots[first])
            while batch.count < longestBatch, let next = shared.finished.first, !shared.slots[next].beginsSegment {
                _ = shared.finished.pop()
                batch.append(shared.slots[next])
            }
            writeBatch()
        }
    }

    private func giveBack(_ slot: PageSlot) {
        shared.returned.push(slot.index)
    }

    private func giveBackPieces() {
        for piece in pieces { giveBack(piece) }
        pieces.removeAll(keepingCapacity: true)
    }

    /// Writes the batch to its places, in another segment when this one fails.
    private func writeBatch() {
        nextNumber = batch[batch.count - 1].number + 1
        if batch[0].beginsSegment, committed.number != batch[0].number { seal(cut: false) }
        // The event that the pieces began was given up for want of memory.
        if !batch[0].state.flags.contains(.continues) { giveBackPieces() }
        // Given back, a page may be in use again at once: nothing more is asked of it.
        let empty = batch.filter { $0.state.used == 0 }
        if !empty.isEmpty {
            batch.removeAll { $0.state.used == 0 }
            for slot in empty { giveBack(slot) }
        }
        guard !batch.isEmpty else { return }
        while !(ready(batch[0]) && write(batch)) {
            guard retry() else {
                // Stopping on a disk that takes nothing: what is not acknowledged is lost, as it would be in a crash.
                for slot in batch { giveBack(slot) }
                return
            }
        }
        for slot in batch {
            let state = slot.state
            if !state.flags.contains(.continues) { giveBackPieces() }
            if state.flags.contains(.unfinished) {
                pieces.append(slot)
                continue
            }
            let first = pieces.first ?? slot
            acknowledge(first.firstSeq, first.state.events)
            giveBackPieces()
            giveBack(slot)
        }
    }

    /// Makes durable what is published of the page being filled.
    private func commitCurrent() {
        while true {
            let place = shared.current.load(ordering: .acquiring)
            guard place >= 0 else { return drain() }
            let slot = shared.slots[place]
            let number = slot.number
            // A page finished in between comes first.
            guard number == nextNumber else {
                if shared.finished.isEmpty { return }
                drain()
                continue
            }
            let state = slot.state
            // A part of an event is worth nothing before its last part, which finishes the page.
            guard state.used > 0, committed != (number, state.used),
                state.flags.isDisjoint(with: [.continues, .unfinished])
            else { return }
            if slot.beginsSegment, committed.number != number { seal(cut: false) }
            while !writeTail(slot, state) {
                if !retry() { return }
            }
            committed = (number, state.used)
            acknowledge(slot.firstSeq, state.events)
            return
        }
    }

    private func acknowledge(_ firstSeq: UInt64, _ events: Int) {
        guard events > 0 else { return }
        shared.acknowledge(firstSeq + UInt64(events) - 1)
    }

    /// After an error: waits a little longer each time; `false` when the recorder is stopping and another try has failed too.
    private func retry() -> Bool {
        let stopping = shared.stopping.load(ordering: .acquiring)
        if stopping && backoffNs >= 1_000_000_000 { return false }
        let until = monotonicNs() &+ backoffNs
        while !shared.stopping.load(ordering: .acquiring) {
            let now = monotonicNs()
            if now >= until { break }
            shared.sleep(ns: until - now)
        }
        backoffNs = min(max(backoffNs * 2, 125_000_000), 2_000_000_000)
        if stopping { backoffNs = max(backoffNs, 1_000_000_000) }
        return true
    }

    /// - Returns: whether a segment is open, and everything but the new page is in it.
    private func ready(_ slot: PageSlot) -> Bool {
        if segment != nil { return true }
        let first = pieces.first ?? slot
        do throws(RecordingError) {
            segment = try store.begin(firstSeq: first.firstSeq, openIncidents: first.openIncidents) {
                shared.thinned.add($0, ordering: .relaxed)
            }
        } catch {
            fail(error)
            return false
        }
        nextIndex = 0
        rewrite = 0
        tailSlot = 0
        heldIncident = false
        lastClosing = nil
        written = false
        shared.figures.segments.store(store.kept.count + 1, ordering: .relaxed)
        return pieces.isEmpty || write(pieces)
    }

    /// Writes pages one after the other into the segment.
    private func write(_ pages: [PageSlot]) -> Bool {
        unsafe parts.removeAll(keepingCapacity: true)
        for (place, slot) in pages.enumerated() {
            guard let memory = unsafe slot.memory else { return false }
            let (index, state) = (nextIndex + UInt32(place), slot.state)
            let length = unsafe fill(memory, slot, state, index: index, rewrite: 0)
            if state.flags.contains(.closing) { lastClosing = index }
            let end = place == pages.count - 1 ? length : geometry.pageBytes
            unsafe parts.append(UnsafeRawBufferPointer(rebasing: memory[0..<end]))
        }
        guard put(unit: Layout.firstDataUnit + Int(nextIndex)) else { return false }
        nextIndex += UInt32(pages.count)
        if pages.contains(where: { $0.state.flags.contains(.incident) }) { heldIncident = true }
        return true
    }

    private func writeTail(_ slot: PageSlot, _ state: PageState) -> Bool {
        guard ready(slot), let memory = unsafe slot.memory else { return false }
        let end = PageHeader.size + state.used
        unsafe tail.raw.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[0..<end]))
        rewrite += 1
        var marked = state
        marked.flags.insert(.tail)
        let length = unsafe fill(tail.raw, slot, marked, index: nextIndex, rewrite: rewrite)
        unsafe parts.removeAll(keepingCapacity: true)
        unsafe parts.append(UnsafeRawBufferPointer(rebasing: tail.raw[0..<length]))
        guard put(unit: Layout.tailUnits[tailSlot]) else { return false }
        if state.flags.contains(.incident) { heldIncident = true }
        tailSlot = 1 - tailSlot
        return true
    }

    /// Puts the header before a page's events and zeros behind them.
    ///
    /// - Returns: the bytes to write, whole blocks.
    private func fill(
        _ page: UnsafeMutableRawBufferPointer, _ slot: PageSlot, _ state: PageState, index: UInt32, rewrite: UInt32
    ) -> Int {
        var header = PageHeader()
        header.generation = segment?.header.generation ?? 0
        header.recording = segment?.header.recording ?? 0
        header.index = index
        header.rewrite = rewrite
        header.firstSeq = slot.firstSeq
        header.firstNs = slot.firstNs
        header.events = UInt32(state.events)
        header.used = UInt32(state.used)
        header.flags = state.flags
        header.sinceClosing = lastClosing.map { UInt16(clamping: index - $0) } ?? PageHeader.noClosing
        unsafe header.seal(page)
        let end = PageHeader.size + state.used
        unsafe UnsafeMutableRawBufferPointer(rebasing: page[end...]).initializeMemory(as: UInt8.self, repeating: 0)
        return Layout.roundedToBlock(end)
    }

    /// Writes `parts`. After an error the segment is sealed.
    private func put(unit: Int) -> Bool {
        guard let segment else { return false }
        do throws(FileError) {
            try unsafe files.write(segment.file, parts, at: unit * geometry.pageBytes)
            guard try store.isNamed(segment) else { throw FileError(errno: ENOENT) }
        } catch {
            fail(
                error.errno == ENOSPC
                    ? .full(directory: path)
                    : .failed(operation: "write", file: path + "/" + segment.name, errno: error.errno))
            // Nothing more goes into this segment. What follows is written anew, in another.
            seal(cut: false)
            shared.snapshotDue.store(true, ordering: .releasing)
            return false
        }
        written = true
        let bytes = unsafe parts.reduce(0) { $0 + $1.count }
        shared.figures.bytesWritten.add(UInt64(bytes), ordering: .relaxed)
        shared.figures.writes.add(1, ordering: .relaxed)
        backoffNs = 0
        shared.failing.store(false, ordering: .releasing)
        return true
    }

    private func fail(_ error: RecordingError) {
        shared.lastError.withLock { $0 = error }
        shared.failing.store(true, ordering: .releasing)
    }

    private func seal(cut: Bool) {
        guard let open = segment else { return }
        segment = nil
        guard written else { return store.discard(open) }
        let next = max(shared.acknowledged.load(ordering: .relaxed) + 1, open.header.firstSeq)
        let used = (Layout.firstDataUnit + Int(nextIndex)) * geometry.pageBytes
        store.seal(open, nextSeq: next, heldIncident: heldIncident, cutTo: cut ? used : nil)
    }

    private func monotonicNs() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
