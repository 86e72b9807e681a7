import Events
import Glibc
import Testing

@testable import Live

@Suite struct LiveServerTests {
    let directory = TemporaryDirectory()

    private func server(_ change: (inout LiveServerOptions) -> Void = { _ in }) throws -> LiveServer {
        var options = LiveServerOptions()
        change(&options)
        return try LiveServer(path: directory.socket, bootID: bootID, options: options)
    }

    @Test func `many readers get the same events`() throws {
        let server = try server()
        let clients = try (0..<16).map { _ in try server.client() }
        let events = (1...500).map { event($0) }
        for event in events { server.broadcast(event) }
        server.flush()
        for client in clients {
            #expect(client.bootID == bootID)
            #expect(try client.receive(atLeast: 500) == events)
        }
        #expect(server.peers.map(\.uid) == Array(repeating: getuid(), count: 16))
        #expect(server.peers.map(\.pid) == Array(repeating: getpid(), count: 16))
        #expect(server.peers.map(\.lost) == Array(repeating: 0, count: 16))
    }

    @Test func `a reader that comes in the middle gets what happens from then on`() throws {
        let server = try server()
        let early = try server.client()
        server.broadcast(event(1))
        server.broadcast(event(2))
        let late = try server.client()
        server.broadcast(event(3))
        server.flush()
        #expect(try early.receive(atLeast: 3) == [event(1), event(2), event(3)])
        #expect(try late.receive(atLeast: 1) == [event(3)])
    }

    @Test func `numbers that jump keep their numbers`() throws {
        let server = try server()
        let client = try server.client()
        let events = [event(10), event(11), event(15), event(16), event(1000)]
        for event in events { server.broadcast(event) }
        server.flush()
        #expect(try client.receive(atLeast: 5) == events)
    }

    @Test func `a stopped reader gets a counted gap and the others get everything`() throws {
        let server = try server {
            $0.queueBytes = 64 << 10
            $0.socketBytes = 4096
            $0.blockBytes = 4096
        }
        let stopped = try server.client()
        let reading = try server.client()
        let total: UInt64 = 4000
        var received: [Event] = []
        for seq in 1...total {
            server.broadcast(wideEvent(seq, bytes: 200))
            // It keeps up, so that a gap can only be the other's.
            if seq % 10 == 0 {
                server.flush()
                try server.serve {
                    received += try reading.receive(timeoutMs: 0)
                    return received.count == Int(seq)
                }
            }
        }
        #expect(received.map(\.seq) == Array(1...total))

        let (peerStopped, peerReading) = (server.peers[0], server.peers[1])
        #expect(peerStopped.lost > 1000)
        #expect(peerReading.lost == 0)

        // Now it reads: what was queued, then the gap in its place, then what happens next.
        var late: [Event] = []
        try server.serve {
            late += try stopped.receive(timeoutMs: 0)
            return late.last?.seq == 0
        }
        guard case .lost(let gap)? = late.last?.payload else {
            Issue.record("no gap but \(String(describing: late.last))")
            return
        }
        #expect(gap == Lost(source: .liveReaderSlow, count: peerStopped.lost))
        #expect(late.dropLast().map(\.seq) == Array(1...total - gap.count))
        server.broadcast(event(total + 1))
        server.flush()
        #expect(try stopped.receive(atLeast: 1) == [event(total + 1)])
    }

    @Test func `what is durable is told once, behind the events it is about`() throws {
        let server = try server()
        let client = try server.client()
        let raw = try RawReader(server.path)
        raw.send(LiveProtocol.request())
        try server.serve { server.peers.count == 2 }
        server.broadcast(event(1))
        server.broadcast(event(2))
        server.flush()
        for seq: UInt64 in [1, 1, 2, 1, 2] { server.tellDurable(upTo: seq) }
        #expect(try client.receive(atLeast: 2) == [event(1), event(2)])
        while client.durableSeq < 2 { #expect(try client.receive(timeoutMs: 1000).isEmpty) }
        func durable(_ seq: UInt8) -> Bytes { [13, 0, 0, 0, 3, seq] + Bytes(repeating: 0, count: 11) }
        #expect(
            raw.read() == LiveProtocol.greeting(bootID) + frame([event(1), event(2)]) + durable(1) + durable(2))
    }

    @Test func `an event larger than a frame is a gap for everyone`() throws {
        let server = try server()
        let client = try server.client()
        server.broadcast(event(1))
        server.broadcast(wideEvent(2, bytes: LiveProtocol.frameLimit))
        server.broadcast(wideEvent(3, bytes: LiveProtocol.frameLimit - 100))
        server.broadcast(event(4))
        server.flush()
        var received: [Event] = []
        try server.serve {
            received += try client.receive(timeoutMs: 0)
            return received.count >= 4
        }
        #expect(received.map(\.seq) == [1, 0, 3, 4])
        #expect(received[1].payload == .lost(Lost(source: .liveReaderSlow, count: 1)))
    }

    @Test(
        arguments: [
            [0, 0, 0, 0], [255, 255, 255, 255], [5, 0, 0, 0, 9, 1, 0, 0, 0], [5, 0, 0, 0, 1, 1, 0, 0, 0],
            [5, 0, 0, 0, 1, 2, 0, 0, 0, 7], Array("GET / HTTP/1.1\r\n\r\n".utf8), Bytes(repeating: 5, count: 4096),
            LiveProtocol.request() + LiveProtocol.request(),
        ] as [Bytes])
    func `a garbage request ends only its own connection`(request: Bytes) throws {
        let server = try server()
        let good = try server.client()
        let bad = try RawReader(directory.socket)
        bad.send(request)
        var greeting = Bytes()
        try server.serve {
            guard let bytes = bad.read() else { return true }
            greeting += bytes
            return false
        }
        #expect(greeting == LiveProtocol.greeting(bootID))
        server.broadcast(event(1))
        server.flush()
        #expect(try good.receive(atLeast: 1) == [event(1)])
        #expect(server.peers.count == 1)
    }

    @Test func `a request may come byte by byte`() throws {
        let server = try server()
        let reader = try RawReader(directory.socket)
        for byte in LiveProtocol.request() {
            #expect(server.peers.isEmpty)
            reader.send([byte])
            server.service()
            server.service()
        }
        try server.serve { server.peers.count == 1 }
    }

    @Test func `random requests never harm the server`() throws {
        let server = try server()
        var generator = Seeded(state: 7)
        for _ in 0..<300 {
            let reader = try RawReader(directory.socket)
            server.service()
            reader.send(
                (0..<Int.random(in: 1..<100, using: &generator)).map { _ in UInt8.random(in: 0...5, using: &generator) }
            )
            server.service()
        }
        let client = try server.client()
        server.broadcast(event(1))
        server.flush()
        #expect(try client.receive(atLeast: 1) == [event(1)])
    }

    @Test func `one reader too many is told so`() throws {
        let server = try server { $0.maxReaders = 2 }
        let kept = try [server.client(), server.client()]
        let path = server.path
        let refused = Background { try LiveClient(path: path).receive(timeoutMs: 5000) }
        try server.serve { refused.isDone }
        #expect(throws: LiveError.farewell(path: path, .tooManyReaders)) { try refused.result() }
        server.broadcast(event(1))
        server.flush()
        for client in kept { #expect(try client.receive(atLeast: 1) == [event(1)]) }
    }

    @Test func `those who never ask, or never read, make room for those who do`() throws {
        let server = try server {
            $0.maxReaders = 2
            $0.queueBytes = 8 << 10
            $0.socketBytes = 4096
            $0.blockBytes = 2048
        }
        let silent = try RawReader(directory.socket)
        server.service()
        let stopped = try server.client()
        for seq: UInt64 in 1...2000 { server.broadcast(wideEvent(seq, bytes: 100)) }
        server.flush()
        #expect(server.peers.first?.lost ?? 0 > 0)
        let first = try server.replaceClient()
        let second = try server.replaceClient()
        server.broadcast(event(3000))
        server.flush()
        for client in [first, second] { #expect(try client.receive(atLeast: 1) == [event(3000)]) }
        try server.serve { silent.isEnded }
        #expect(throws: LiveError.closed(path: server.path)) {
            while true { _ = try stopped.receive(timeoutMs: 1000) }
        }
    }

    @Test func `a reader that leaves frees its place`() throws {
        let server = try server { $0.maxReaders = 1 }
        for seq: UInt64 in 1...20 {
            let client = try server.client()
            server.broadcast(event(seq))
            server.flush()
            #expect(try client.receive(atLeast: 1) == [event(seq)])
            _ = consume client
            try server.serve { server.peers.isEmpty }
        }
    }

    @Test func `a reader that left is noticed while sending, too`() throws {
        let server = try server()
        do { _ = try server.client() }
        server.broadcast(event(1))
        server.flush()
        #expect(server.peers.isEmpty)
    }

    @Test func `the farewell comes behind the last events`() throws {
        let server = try server()
        let client = try server.client()
        server.broadcast(event(1))
        server.close()
        #expect(try client.receive(timeoutMs: 1000) == [event(1)])
        #expect(throws: LiveError.farewell(path: server.path, .stopping)) { try client.receive(timeoutMs: 1000) }
        #expect(throws: LiveError.farewell(path: server.path, .stopping)) { try client.receive(timeoutMs: 1000) }
        #expect(directory.names == [])
    }

    @Test func `a reader connects again to the next recorder`() throws {
        let first = try server()
        let client = try first.client()
        first.close()
        #expect(throws: LiveError.self) { while true { _ = try client.receive(timeoutMs: 1000) } }
        let second = try server()
        let again = try second.client()
        second.broadcast(event(9))
        second.flush()
        #expect(try again.receive(atLeast: 1) == [event(9)])
    }
}

extension LiveServer {
    /// A client that takes the place of another.
    fileprivate func replaceClient() throws -> LiveClient {
        let path = path
        let connecting = Background { try LiveClient(path: path) }
        try serve { connecting.isDone }
        let client = try connecting.result()
        // Its request has been sent with the connection; the server has only to look.
        for _ in 0..<3 { service() }
        return client
    }
}
