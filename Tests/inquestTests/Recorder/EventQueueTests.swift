import Events
import Glibc
import Testing

@testable import inquest

@Suite struct EventQueueTests {
    private func push(_ ns: UInt64, _ queue: EventQueue) -> Bool {
        queue.push(Event(boottimeNs: ns, .recorderStop(RecorderStop())))
    }

    @Test func `what was pushed after a place is left for the next turn`() {
        let queue = EventQueue(capacity: 8)
        #expect(push(1, queue) && push(2, queue))
        let told = queue.end
        #expect(push(3, queue))
        #expect(queue.pop(before: told)?.boottimeNs == 1)
        #expect(queue.pop(before: told)?.boottimeNs == 2)
        #expect(queue.pop(before: told) == nil)
        #expect(queue.pop(before: queue.end)?.boottimeNs == 3)
        #expect(queue.pop() == nil)
    }

    @Test func `a full queue refuses, and takes again once one was taken out`() {
        let queue = EventQueue(capacity: 2)
        #expect(push(1, queue) && push(2, queue))
        #expect(!push(3, queue))
        #expect(queue.pop()?.boottimeNs == 1)
        #expect(push(4, queue))
        #expect([queue.pop()?.boottimeNs, queue.pop()?.boottimeNs] == [2, 4])
    }

    private static let count: UInt64 = 200_000

    /// Page faults of this thread so far.
    private var faults: Int {
        var usage = rusage()
        // RUSAGE_THREAD, which the module does not know.
        _ = unsafe getrusage(.init(1), &usage)
        return usage.ru_minflt
    }

    @Test func `a queue that is emptied in between touches no more memory than the largest batch takes`() {
        let queue = EventQueue(capacity: 8192)
        func batch() {
            for number in 0..<100 { #expect(push(UInt64(number), queue)) }
            for number in 0..<100 { #expect(queue.pop()?.boottimeNs == UInt64(number)) }
        }
        batch()
        let before = faults
        for _ in 0..<100 { batch() }
        // All of it would be some 650 pages.
        #expect(faults - before < 100)
    }

    @Test func `events come out in their order while one thread pushes and another pops`() {
        let queue = EventQueue(capacity: 16)
        var producer = pthread_t()
        let context = unsafe Unmanaged.passRetained(queue).toOpaque()
        let status = unsafe pthread_create(
            &producer, nil,
            { context in
                guard let context = unsafe context else { return nil }
                let queue = unsafe Unmanaged<EventQueue>.fromOpaque(context).takeRetainedValue()
                var next: UInt64 = 1
                while next <= EventQueueTests.count {
                    if queue.push(Event(boottimeNs: next, .recorderStop(RecorderStop()))) { next += 1 }
                }
                return nil
            }, context)
        #expect(status == 0)
        var next: UInt64 = 1
        var isInOrder = true
        while next <= Self.count {
            guard let event = queue.pop() else { continue }
            if event.boottimeNs != next { isInOrder = false }
            next += 1
        }
        #expect(isInOrder)
        pthread_join(producer, nil)
    }
}
