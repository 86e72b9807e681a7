import Events
import Foundation
import Incidents
import Testing

@testable import inquest

@Suite struct JournalTests {
    @Test func `what the journal did not take is counted, and told once`() throws {
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appendingPathComponent("journal").path
        let journal = try Journal(path)
        journal.tell(.opened(Incident()))
        journal.tell(.opened(Incident()))
        #expect(journal.lost == 2)
        let listener = try DatagramListener(path)
        journal.tell(.opened(Incident()))
        journal.tell(.opened(Incident()))
        #expect(journal.lost == 2)
        let told = [listener.receive(), listener.receive()].map { String(decoding: $0 ?? [], as: UTF8.self) }
        #expect(told[0].contains("\nINQUEST_LOST_ENTRIES=2\n"))
        #expect(!told[1].isEmpty && !told[1].contains("INQUEST_LOST_ENTRIES"))
    }

    @Test func `only who writes to the journal itself tells it by itself`() {
        var status = stat()
        fstat(STDERR_FILENO, &status)
        let own = "\(status.st_dev):\(status.st_ino)"
        func environment(_ stream: String?) -> ServiceEnvironment {
            ServiceEnvironment { $0 == "JOURNAL_STREAM" ? stream : nil }
        }
        #expect(environment(own).isLogged)
        #expect(!environment("1:2").isLogged)
        #expect(!environment(nil).isLogged)
    }
}

/// A datagram socket at a path, read by the test.
final class DatagramListener {
    let descriptor: Int32

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
    }

    deinit { close(descriptor) }

    var text: String? { receive().map { String(decoding: $0, as: UTF8.self) } }

    /// `nil` when nothing waits.
    func receive() -> Bytes? {
        var buffer = Bytes(repeating: 0, count: 1 << 17)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count < 0 ? nil : Bytes(buffer[..<count])
    }
}
