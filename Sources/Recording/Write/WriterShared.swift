import CLinux
import Glibc
import Synchronization

/// What the appending thread and the disk thread share: atomics and rings, no lock that either could wait for.
@safe
final class WriterShared: @unchecked Sendable {
    let slots: [PageSlot]
    /// Finished pages, to the disk thread.
    let finished: IndexRing
    /// Written pages, back to the appending thread.
    let returned: IndexRing
    /// The page being filled; -1 for none.
    let current = Atomic<Int>(-1)
    /// Durable up to and with this number.
    let acknowledged: Atomic<UInt64>
    let commitWanted = Atomic<Bool>(false)
    let stopping = Atomic<Bool>(false)
    let commitIntervalNs = Atomic<UInt64>(1_000_000_000)
    /// The disk thread opened a segment by itself (after an error): the next event is to be preceded by a snapshot.
    let snapshotDue = Atomic<Bool>(false)
    /// Events that retention took out of an open incident's middle.
    let thinned = Atomic<UInt64>(0)
    /// The disk took nothing since `lastError`.
    let failing = Atomic<Bool>(false)
    /// Kept apart from the hot path: written on errors only.
    let lastError = Mutex<RecordingError?>(nil)
    let figures = WriterFigures()
    /// Readable when `acknowledged` has grown since somebody looked.
    let news: Int32
    private let wakeup: Int32

    init(_ geometry: Geometry, acknowledged: UInt64) throws(RecordingError) {
        slots = (0..<geometry.queuePages).map { PageSlot(index: $0) }
        finished = IndexRing(capacity: geometry.queuePages)
        returned = IndexRing(capacity: geometry.queuePages)
        self.acknowledged = Atomic(acknowledged)
        wakeup = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        news = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard wakeup >= 0, news >= 0 else { throw .failed(operation: "make", file: "an eventfd", errno: errno) }
    }

    deinit {
        _ = close(wakeup)
        _ = close(news)
    }

    /// Wakes the disk thread; never waits.
    func wake() { Self.signal(wakeup) }

    /// Tells how far all is durable.
    func acknowledge(_ seq: UInt64) {
        acknowledged.store(seq, ordering: .releasing)
        Self.signal(news)
    }

    func clearNews() { Self.clear(news) }

    /// The disk thread sleeps until woken, or for the time given.
    func sleep(ns: UInt64) {
        var poller = pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0)
        var time = timespec(tv_sec: Int(ns / 1_000_000_000), tv_nsec: Int(ns % 1_000_000_000))
        if unsafe ppoll(&poller, 1, &time, nil) > 0 {
            Self.clear(wakeup)
        }
    }

    private static func signal(_ descriptor: Int32) {
        var one: UInt64 = 1
        _ = unsafe write(descriptor, &one, 8)
    }

    private static func clear(_ descriptor: Int32) {
        var count: UInt64 = 0
        _ = unsafe read(descriptor, &count, 8)
    }
}

/// Counts for whoever watches the recorder; each is written by one thread.
final class WriterFigures: Sendable {
    let bytesWritten = Atomic<UInt64>(0)
    let writes = Atomic<UInt64>(0)
    let droppedEvents = Atomic<UInt64>(0)
    let segments = Atomic<Int>(0)
}

/// What the writer did since it was opened.
public struct RecordingFigures: Equatable, Sendable {
    public var bytesWritten: UInt64
    public var writes: UInt64
    /// Events that found the bounded memory full.
    public var droppedEvents: UInt64
    public var segments: Int
}
