import Synchronization

/// What of a page is published.
struct PageState: Equatable {
    /// Bytes of events.
    var used: Int
    var events: Int
    var flags: PageFlags
}

/// One page in memory: filled by the appending thread, written by the disk thread.
///
/// The appending thread sets everything else before it publishes bytes; the disk thread reads no more than is published.
/// Published bytes never change until the disk thread has given the slot back.
@safe
final class PageSlot: @unchecked Sendable {
    let index: Int
    /// Mapped while in use; `nil` before the first use and after trimming.
    private(set) var memory: UnsafeMutableRawBufferPointer?
    /// Pages are numbered in the order in which they are begun, from 1.
    var number: UInt64 = 0
    var firstSeq: UInt64 = 0
    var firstNs: UInt64 = 0
    /// Whether a new segment begins with this page.
    var beginsSegment = false
    /// Incidents open when the page was begun, by the number of their opening event, the oldest first.
    var openIncidents: [UInt64] = []
    private let published = Atomic<UInt64>(0)

    init(index: Int) { self.index = index }

    deinit { if let memory = unsafe memory { unsafe AlignedBuffer.unmap(memory) } }

    func map(_ bytes: Int) -> Bool {
        if unsafe memory == nil { unsafe memory = AlignedBuffer.map(bytes) }
        return unsafe memory != nil
    }

    func unmap() {
        if let memory = unsafe memory { unsafe AlignedBuffer.unmap(memory) }
        unsafe memory = nil
    }

    func begin(number: UInt64, firstSeq: UInt64, firstNs: UInt64, beginsSegment: Bool, openIncidents: [UInt64]) {
        self.number = number
        self.firstSeq = firstSeq
        self.firstNs = firstNs
        self.beginsSegment = beginsSegment
        self.openIncidents = openIncidents
        published.store(0, ordering: .relaxed)
    }

    /// Makes the first `used` bytes of events readable for the disk thread.
    @inline(__always)
    func publish(used: Int, events: Int, flags: PageFlags) {
        published.store(
            UInt64(used) | UInt64(events) << 24 | UInt64(flags.rawValue) << 48, ordering: .releasing)
    }

    var state: PageState {
        let packed = published.load(ordering: .acquiring)
        return PageState(
            used: Int(packed & 0xff_ffff), events: Int(packed >> 24 & 0xff_ffff),
            flags: PageFlags(rawValue: UInt16(packed >> 48)))
    }
}

/// Numbers from one thread to one other, in order, without a lock.
@safe
final class IndexRing: @unchecked Sendable {
    private let mask: Int
    private let storage: UnsafeMutablePointer<Int>
    private let head = Atomic<Int>(0)
    private let tail = Atomic<Int>(0)

    init(capacity: Int) {
        var size = 1
        while size < capacity { size *= 2 }
        mask = size - 1
        unsafe storage = .allocate(capacity: size)
        unsafe storage.initialize(repeating: 0, count: size)
    }

    deinit { unsafe storage.deallocate() }

    /// The capacity covers every slot there is: a push always has room.
    func push(_ value: Int) {
        let at = tail.load(ordering: .relaxed)
        precondition(at &- head.load(ordering: .acquiring) <= mask)
        unsafe storage[at & mask] = value
        tail.store(at &+ 1, ordering: .releasing)
    }

    func pop() -> Int? {
        let at = head.load(ordering: .relaxed)
        guard at != tail.load(ordering: .acquiring) else { return nil }
        let value = unsafe storage[at & mask]
        head.store(at &+ 1, ordering: .releasing)
        return value
    }

    /// What `pop` would give.
    var first: Int? {
        let at = head.load(ordering: .relaxed)
        return at == tail.load(ordering: .acquiring) ? nil : unsafe storage[at & mask]
    }

    var isEmpty: Bool { head.load(ordering: .acquiring) == tail.load(ordering: .acquiring) }
}
