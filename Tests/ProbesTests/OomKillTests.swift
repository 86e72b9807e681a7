import Events
import Glibc
import Testing

@testable import Probes

@Suite(.serialized, .enabled(if: Live.possible, Comment(rawValue: Live.need)))
struct OomKillTests {
    @Test func `smoke`() throws {
        try Live.listening { listener in
            for hook in listener.probes.hooks {
                print(String(decoding: hook.name, as: UTF8.self), hook.mode, String(decoding: hook.mechanism, as: UTF8.self), hook.errno, String(decoding: hook.refused, as: UTF8.self))
            }
            let log = try #require(KernelLog())
            let cgroup = try #require(MemoryCgroup("inquest-test-smoke", limitBytes: 32 << 20))
            let child = try #require(Child.balloon("mb=64"))
            #expect(cgroup.add(child.pid))
            child.go()
            #expect(child.wait() & 0x7f == SIGKILL)
            #expect(listener.wait { $0.exit(of: child) != nil })
            log.read()
            print(log.ooms, log.killed)
            for event in listener.events { print(event) }
        }
    }
}
