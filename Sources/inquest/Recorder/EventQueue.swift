import CLinux
import Events
import Glibc
import Synchronization

/// Hands events from one producing thread to one consuming thread, without a lock and without waiting on either side.
///
/// Bounded: a push into a full queue fails, and the producer counts it as a loss. The consumer is woken through an eventfd,
/// once for each batch.
///
/// An empty queue begins again at its first slot. Going round, each push would be the first to touch its page until all were touched, and
/// where memory is short, each such page may keep its producer for most of a second.
@safe
final class EventQueue: @unchecked Sendable {
    private let slots: UnsafeMutablePointer<Event>
    private let capacity: Int
    /// What was pushed at this place is in the first slot; only the producer stores it, and only while the queue is empty.
    private let first = Atomic<Int>(0)
    /// Next place to write; only the producer stores it.
    private let tail = Atomic<Int>(0)
    /// Next place to read; only the consumer stores it.
    private let head = Atomic<Int>(0)
    /// Readable when something was pushed since the consumer last drained.
    let descriptor: Int32

    /// - Parameters:
    ///   - capacity: events held at most; a power of two.
    ///   - ready: for so many the memory is there from the start.
    init(capacity: Int, ready: Int = 0) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0)
        unsafe slots = .allocate(capacity: capacity)
        self.capacity = capacity
        let bytes = min(capacity, ready) * MemoryLayout<Event>.stride
        unsafe UnsafeMutableRawPointer(slots).initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        precondition(descriptor >= 0, "eventfd: out of file descriptors at start")
    }

    deinit {
        while pop() != nil {}
        unsafe slots.deallocate()
        close(descriptor)
    }

    /// Producer only.
    func push(_ event: consuming Event) -> Bool {
        let position = tail.load(ordering: .relaxed)
        let waiting = position - head.load(ordering: .acquiring)
        guard waiting < capacity else { return false }
        if waiting == 0 { first.store(position, ordering: .relaxed) }
        unsafe slot(position).initialize(to: event)
        tail.store(position + 1, ordering: .releasing)
        return true
    }

    /// Producer only: after a batch.
    func wakeConsumer() { signalEventfd(descriptor) }

    /// Consumer only: the place after everything that has been pushed so far.
    var end: Int { tail.load(ordering: .acquiring) }

    /// Consumer only.
    ///
    /// - Parameter end: leaves what was pushed after this.
    func pop(before end: Int = .max) -> Event? {
        let position = head.load(ordering: .relaxed)
        guard position < min(end, tail.load(ordering: .acquiring)) else { return nil }
        let event = unsafe slot(position).move()
        head.store(position + 1, ordering: .releasing)
        return event
    }

    /// Both sides: the consumer only asks for what it has seen pushed, and so sees `first` as it was then.
    private func slot(_ position: Int) -> UnsafeMutablePointer<Event> {
        unsafe slots + ((position - first.load(ordering: .relaxed)) & (capacity - 1))
    }

    /// Consumer only: before draining, so that a push during the drain wakes again.
    func clearWakeup() { clearEventfd(descriptor) }
}

/// Adds one to an eventfd's counter. A full counter means that a wake-up is already due.
func signalEventfd(_ descriptor: Int32) {
    var one: UInt64 = 1
    _ = unsafe write(descriptor, &one, 8)
}

func clearEventfd(_ descriptor: Int32) {
    var count: UInt64 = 0
    _ = unsafe read(descriptor, &count, 8)
}
