import Events

/// Goes through one segment's pages in their order, up to the end of its log.
///
/// Works on a segment that is being written: what it finds is a part of what was committed, never more, never something else.
final class PageCursor {
    enum Step: Equatable {
        /// `header` and `payload` are the next page's.
        case page
        /// A page is not intact, but a later one is: `index` of the page in its segment. Where a tail slot still has what was
        /// acknowledged of it, that has been the step before.
        case damaged(index: Int)
        case end
    }

    let segment: FoundSegment
    private let file: Int32
    private let files: any RecordingFiles
    private let pageBytes: Int
    private let buffer: AlignedBuffer
    private let probe: AlignedBuffer
    private(set) var header = PageHeader()
    /// Pages of events gone through.
    private(set) var index = 0
    private var ended = false
    /// Bytes of the file that the disk was asked for ahead of their use; `nil` where only some pages are wanted.
    private var askedFor: Int?
    /// A page known to be intact: everything before it that is not, is damage.
    private var laterPage: Int?
    /// That page is in a tail slot: the last.
    private var laterIsTail = false
    /// A damaged page whose copy in a tail slot has just been given.
    private var restored: Int?

    init?(_ segment: FoundSegment, in directory: Int32, _ files: any RecordingFiles) {
        guard let file = try? files.open(directory, segment.name, .read) else { return nil }
        self.segment = segment
        self.file = file
        self.files = files
        pageBytes = Int(segment.header.pageBytes)
        buffer = AlignedBuffer(pageBytes)
        probe = AlignedBuffer(pageBytes)
    }

    deinit { files.close(file) }

    /// The events' bytes of the page; valid until the next step.
    var payload: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(
            rebasing: buffer.raw[PageHeader.size..<PageHeader.size + Int(header.used)])
    }

    func next() -> Step {
        if let damaged = restored.take() { return .damaged(index: damaged) }
        guard !ended, index < segment.header.dataPages else { return .end }
        askAhead(of: (Layout.firstDataUnit + index) * pageBytes)
        if let found = read(Layout.firstDataUnit + index, into: buffer), isFinal(found, index) { return take(found) }
        if laterPage == nil || laterPage! < index { findLater() }
        guard let later = laterPage else {
            ended = true
            return .end
        }
        if later == index, laterIsTail {
            ended = true
            return readTailCopy().map(take) ?? .end
        }
        // The writer may have gone on in between: what counts is how the page is now.
        if let found = read(Layout.firstDataUnit + index, into: buffer), isFinal(found, index) { return take(found) }
        let damaged = index
        // Pages that fill up together are written together: a power cut may leave the second one and not the first, of which a part was
        // acknowledged before.
        if let found = readTailCopy() {
            restored = damaged
            return take(found)
        }
        index += 1
        return .damaged(index: damaged)
    }

    /// What the tail slots have of the page, in `buffer`.
    private func readTailCopy() -> PageHeader? {
        guard let copy = newestTail(where: { $0 == index }), let found = read(copy.unit, into: buffer), isTail(found),
            Int(found.index) == index
        else { return nil }
        return found
    }

    /// The newer copy in the tail slots of a page whose place is wanted: the slot's unit, the page's place.
    private func newestTail(where isWanted: (Int) -> Bool) -> (unit: Int, index: Int)? {
        var newest: (unit: Int, index: Int)?
        var rewrite: UInt32 = 0
        for unit in Layout.tailUnits {
            guard let found = read(unit, into: probe), isTail(found), isWanted(Int(found.index)) else { continue }
            if newest == nil || found.rewrite > rewrite {
                newest = (unit, Int(found.index))
                rewrite = found.rewrite
            }
        }
        return newest
    }

    /// The next page's header, where it can be believed without the page's events: sixty-four bytes instead of all.
    func glance() -> PageHeader? {
        guard !ended, index < segment.header.dataPages else { return nil }
        let small = unsafe UnsafeMutableRawBufferPointer(rebasing: probe.raw[0..<PageHeader.size])
        let offset = (Layout.firstDataUnit + index) * pageBytes
        askAhead(of: offset)
        guard let count = unsafe try? files.read(file, small, at: offset), count == PageHeader.size,
            let found = unsafe PageHeader(alone: UnsafeRawBufferPointer(small)), isFinal(found, index)
        else { return nil }
        return found
    }

    /// Places of the pages with a closing, the last first, from page to page back from the last one of a full segment; `nil` where that
    /// is not all of them for certain: the segment is not full, a page on the way is not intact, or does not tell. Moves the cursor.
    func closings() -> [Int]? {
        index = segment.header.dataPages - 1
        guard var page = glance() else { return nil }
        var places = page.flags.contains(.closing) ? [index] : []
        while page.sinceClosing != PageHeader.noClosing {
            let since = Int(page.sinceClosing)
            guard since > 0, since <= index else { return nil }
            index -= since
            guard let before = glance(), before.flags.contains(.closing) else { return nil }
            places.append(index)
            page = before
        }
        return places
    }

    /// Goes to a place.
    func seek(_ place: Int) {
        index = place
        restored = nil
    }

    /// Goes to the first page, to go through all of them.
    func goThroughAll() {
        index = 0
        askedFor = 0
    }

    /// Passes over the page whose header `glance` has just given.
    func pass() { index += 1 }

    /// Whether the file still holds this segment: a recorder may have recycled it meanwhile.
    func isStillThere() -> Bool {
        guard let count = unsafe try? files.read(file, probe.raw, at: 0) else { return false }
        let block = unsafe UnsafeRawBufferPointer(rebasing: probe.raw[0..<min(count, Layout.block)])
        return unsafe SegmentHeader(block: block)?.generation == segment.header.generation
    }

    private func take(_ found: PageHeader) -> Step {
        header = found
        index += 1
        return .page
    }

    /// In a storm each read waits its turn for a second or so: few of them one after the other, a little first, since it may be enough.
    private func askAhead(of offset: Int) {
        guard let asked = askedFor, offset >= asked, asked < segment.fileBytes else { return }
        let end = asked == 0 ? min(PageCursor.firstAhead, segment.fileBytes) : segment.fileBytes
        files.willNeed(file, asked..<end)
        askedFor = end
    }

    private static let firstAhead = 256 << 10

    private func read(_ unit: Int, into target: AlignedBuffer) -> PageHeader? {
        guard let count = unsafe try? files.read(file, target.raw, at: unit * pageBytes) else { return nil }
        return unsafe PageHeader(UnsafeRawBufferPointer(rebasing: target.raw[0..<count]))
    }

    private func isOurs(_ page: PageHeader) -> Bool {
        page.generation == segment.header.generation && page.recording == segment.header.recording
    }

    private func isFinal(_ page: PageHeader, _ index: Int) -> Bool {
        isOurs(page) && !page.flags.contains(.tail) && Int(page.index) == index
    }

    private func isTail(_ page: PageHeader) -> Bool { isOurs(page) && page.flags.contains(.tail) }

    /// Looks for an intact page at `index` or later: among the pages, then in the tail slots.
    private func findLater() {
        laterPage = nil
        laterIsTail = false
        let small = unsafe UnsafeMutableRawBufferPointer(rebasing: probe.raw[0..<PageHeader.size])
        for place in (index + 1)..<max(index + 1, segment.header.dataPages) {
            let unit = Layout.firstDataUnit + place
            askAhead(of: unit * pageBytes)
            // Most of what is looked at was never written in this generation: sixty-four bytes tell.
            guard let count = try? unsafe files.read(file, small, at: unit * pageBytes), count == PageHeader.size else {
                break
            }
            let start = UnsafeRawBufferPointer(small)
            guard unsafe start.get(UInt32.self, 0) == PageHeader.magic,
                unsafe start.get(UInt64.self, 8) == segment.header.generation
            else { continue }
            if let found = read(unit, into: probe), isFinal(found, place) {
                laterPage = place
                return
            }
        }
        if let tail = newestTail(where: { $0 >= index }) {
            laterPage = tail.index
            laterIsTail = true
        }
    }
}
