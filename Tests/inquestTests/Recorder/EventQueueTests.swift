import Events
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
}
