import CLinux
import Events
import Glibc
import Synchronization

/// Hands events from one producing thread to one consuming thread, without a lock and without waiting on either side.
///
/// Bounded: a push into a full queue fails, and the producer counts it as a loss. The consumer is woken through an eventfd,
/// once for each batch.
@safe
final class EventQueue: @unchecked Sendable {
    private let slots: UnsafeMutablePointer<Event>
    private let mask: Int
    /// Next slot to write; only the producer stores it.
    private let tail = Atomic<Int>(0)
    /// Next slot to read; only the consumer stores it.
    private let head = Atomic<Int>(0)
    /// Readable when something was pushed since the consumer last drained.
    let descriptor: Int32

    /// - Parameter capacity: events held at most; a power of two.
    init(capacity: Int) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0)
        unsafe slots = .allocate(capacity: capacity)
        mask = capacity - 1
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
        guard position - head.load(ordering: .acquiring) <= mask else { return false }
        unsafe (slots + (position & mask)).initialize(to: event)
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
        let event = unsafe (slots + (position & mask)).move()
        head.store(position + 1, ordering: .releasing)
        return event
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
