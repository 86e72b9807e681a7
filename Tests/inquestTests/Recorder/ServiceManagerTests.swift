import Foundation
import Testing

@testable import inquest

@Suite struct ServiceManagerTests {
    private func environment(_ variables: [String: String]) -> ServiceEnvironment {
        ServiceEnvironment { variables[$0] }
    }

    @Test func `it says that it is ready, alive, and about to stop`() throws {
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appendingPathComponent("notify").path
        let listener = try DatagramListener(path)
        let manager = ServiceManager(environment(["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "3000000"]))
        manager.ready("12 hooks attached\nREADY=0")
        #expect(listener.text == "READY=1\nSTATUS=12 hooks attached\\nREADY=0")
        manager.turned(at: 10_000_000_000)
        manager.turned(at: 10_900_000_000)
        manager.turned(at: 11_000_000_000)
        #expect([listener.text, listener.text, listener.text] == ["WATCHDOG=1", "WATCHDOG=1", nil])
        manager.stopping()
        #expect(listener.text?.hasPrefix("STOPPING=1\n") == true)
    }

    @Test func `a sign of life that was not taken is given again with the next turn`() throws {
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appendingPathComponent("notify").path
        let manager = ServiceManager(environment(["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "3000000"]))
        manager.turned(at: 10_000_000_000)
        let listener = try DatagramListener(path)
        manager.turned(at: 10_000_000_001)
        #expect(listener.text == "WATCHDOG=1")
    }

    @Test func `without a service manager, or for another process's watchdog, it says nothing`() throws {
        #expect(environment([:]).notifySocket == nil && environment([:]).watchdogNs == nil)
        #expect(environment(["WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"]).watchdogNs == nil)
        #expect(environment(["WATCHDOG_USEC": "1000", "WATCHDOG_PID": "\(getpid())"]).watchdogNs == 1_000_000)
        #expect(environment(["WATCHDOG_USEC": "0"]).watchdogNs == nil)
        #expect(environment(["WATCHDOG_USEC": "soon"]).watchdogNs == nil)
    }
}
