import Foundation
import Glibc
import Testing

@testable import Scrape

/// A client on a socket of its own; the server runs on the test's thread, turn by turn.
final class Client {
    let descriptor: Int32
    private(set) var received = ""
    private(set) var isOver = false

    init(_ address: ScrapeAddress) throws {
        switch address {
        case .ipv4(_, let port):
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            try connect(&name)
        case .unix(let path):
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
            try connect(&name)
        case .ipv6: fatalError("no test needs it")
        }
    }

    deinit { close(descriptor) }

    private func connect<Name>(_ name: UnsafePointer<Name>) throws {
        let result = name.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Name>.size))
        }
        try #require(result == 0, "connect: \(errno)")
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    func send(_ text: String) { _ = Glibc.send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL)) }

    /// Takes what has come.
    func take() {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while !isOver {
            let got = recv(descriptor, &buffer, buffer.count, 0)
            if got < 0 {
                if errno != EAGAIN { isOver = true }
                return
            }
            if got == 0 { isOver = true }
            received += String(decoding: buffer[..<got], as: UTF8.self)
        }
    }

    var status: Int? { received.split(separator: " ").dropFirst().first.flatMap { Int($0) } }
    var body: Substring? { received.firstRange(of: "\r\n\r\n").map { received[$0.upperBound...] } }
}

extension ScrapeServer {
    /// Serves until the condition holds; the bound only keeps a broken test from hanging.
    func serve(_ page: String = "a 1\n", until condition: () -> Bool) -> Bool {
        let end = Date().addingTimeInterval(20)
        while Date() < end {
            service { Array(page.utf8) }
            if condition() { return true }
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&entry, 1, 5)
        }
        return false
    }
}

@Suite struct ScrapeServerTests {
    private let get = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"

    private func server(places: Int = 16, limitMs: Int = 10_000) throws -> ScrapeServer {
        try ScrapeServer(#require(ScrapeAddress("127.0.0.1:0")), places: places, limitMs: limitMs)
    }

    private func answer(_ server: ScrapeServer, _ request: String, page: String = "a 1\n") throws -> Client {
        let client = try Client(server.address)
        client.send(request)
        let isServed = server.serve(page) {
            client.take()
            return client.isOver
        }
        #expect(isServed)
        return client
    }

    @Test func `a scrape gets the page, with its length and type, and the connection ends`() throws {
        let server = try server()
        let client = try answer(server, get, page: "a 1\nb 2\n")
        #expect(client.status == 200)
        #expect(client.body == "a 1\nb 2\n")
        #expect(client.received.contains("\r\nContent-Length: 8\r\n"))
        #expect(client.received.contains("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"))
        #expect(client.received.contains("\r\nConnection: close\r\n"))
    }

    @Test func `what is refused says so, and a method that is not allowed names the one that is`() throws {
        let server = try server()
        #expect(try answer(server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").status == 404)
        #expect(try answer(server, "nonsense\r\n\r\n").status == 400)
        let post = try answer(server, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
        #expect(post.status == 405)
        #expect(post.received.contains("\r\nAllow: GET\r\n"))
        #expect(try answer(server, String(repeating: "x", count: 20_000)).status == 431)
    }

    @Test func `a client that says nothing, and one that does not read, keep nobody waiting`() throws {
        let server = try server()
        let page = String(repeating: "a 1\n", count: 2 << 20)
        let silent = try Client(server.address)
        let stalled = try Client(server.address)
        silent.send("GET /metr")
        stalled.send(get)
        let other = try answer(server, get, page: page)
        #expect(other.status == 200)
        #expect(other.body?.utf8.count == page.utf8.count)
        // The stalled one takes it up again, and has all of it.
        _ = server.serve(page) {
            stalled.take()
            return stalled.isOver
        }
        #expect(stalled.body?.utf8.count == page.utf8.count)
    }

    @Test func `a connection that takes too long is ended, and the server says when to look`() throws {
        let server = try server(limitMs: 50)
        #expect(server.timeoutMs == -1)
        let client = try Client(server.address)
        client.send("GET /metr")
        #expect(server.serve { server.timeoutMs >= 0 })
        #expect(server.timeoutMs <= 50)
        let isEnded = server.serve {
            client.take()
            return client.isOver
        }
        #expect(isEnded)
        #expect(client.received.isEmpty)
        #expect(server.timeoutMs == -1)
    }

    @Test func `where all places are taken the one taken first is given to the newcomer`() throws {
        let server = try server(places: 4)
        var idle: [Client] = []
        for _ in 0..<4 {
            let client = try Client(server.address)
            client.send("GET /")
            idle.append(client)
        }
        let other = try answer(server, get)
        #expect(other.status == 200)
        let isEnded = server.serve {
            idle[0].take()
            return idle[0].isOver
        }
        #expect(isEnded)
        idle[3].take()
        #expect(!idle[3].isOver)
    }

    @Test func `a socket of the file system is for its owner and group, and a deserted one is taken over`() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("scrape-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appendingPathComponent("m.sock").path
        let address = try #require(ScrapeAddress("unix:\(path)"))
        // Bound, and nobody listens: what a server that was killed leaves behind.
        let left = try address.listen()
        close(left)
        #expect(access(path, F_OK) == 0)
        var server: ScrapeServer? = try ScrapeServer(address)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o660)
        #expect(try answer(#require(server), get).status == 200)
        #expect(throws: ScrapeError(call: "bind", errno: EADDRINUSE)) { try ScrapeServer(address) }
        server = nil
        #expect(access(path, F_OK) != 0)
        try Data("a file".utf8).write(to: URL(fileURLWithPath: path))
        #expect(throws: ScrapeError(call: "bind", errno: EADDRINUSE)) { try ScrapeServer(address) }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("a file".utf8))
    }

    @Test func `a port that is taken is an error that says so`() throws {
        let first = try server()
        #expect(throws: ScrapeError(call: "bind", errno: EADDRINUSE)) { try ScrapeServer(first.address) }
    }
}
