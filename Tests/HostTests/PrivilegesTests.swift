import Events
import Glibc
import Synchronization
import Testing

@testable import Host

private struct Outcome {
    var errno: Int32 = -1
    var status = Bytes()
    var foreignFile: Int32 = 0
    var isDone = false
}

private let outcome = Mutex(Outcome())
private let foreign = Mutex("")

@Suite(.serialized) struct `The recorder's privileges` {
    private let fixture = Fixture()

    private func kept(_ effective: UInt64, mounts: String = "") -> [Capabilities.Name] {
        fixture.file("proc/self/mountinfo", mounts)
        return Privileges.kept(of: Capabilities(effective: effective), fixture.paths)
    }

    @Test func `are what listening goes on with, and no more`() {
        #expect(kept(.max) == [.bpf, .perfmon, .ipcLock])
        // A kernel before 5.8, or a process that was given only the old one.
        #expect(kept(1 << 21) == [.bpf, .perfmon, .ipcLock, .sysAdmin])
    }

    @Test(arguments: [
        ("rw", false), ("rw,hidepid=0", false), ("rw,hidepid=2", true), ("rw,gid=4,hidepid=invisible", true),
    ])
    func `are one more where others' processes are hidden`(options: String, more: Bool) {
        let mounts = "22 1 0:20 / /proc rw,nosuid shared:12 - proc proc \(options)\n"
        #expect(kept(.max, mounts: mounts).contains(.sysPtrace) == more)
    }

    @Test(.enabled(if: geteuid() == 0, "SKIPPED: needs root: there is nothing else to give up"))
    func `are given up for good: root is then nobody to other users' files`() throws {
        fixture.file("secret", "x")
        let path = fixture.root + "/secret"
        #expect(chown(path, 65534, 65534) == 0 && chmod(path, 0o600) == 0)
        foreign.withLock { $0 = path }
        // A thread's privileges are its own: the other tests keep theirs.
        var thread = pthread_t()
        #expect(
            pthread_create(
                &thread, nil,
                { _ in
                    let dropped = Privileges.drop()
                    let file = open(foreign.withLock { $0 }, O_RDONLY)
                    let reason = file < 0 ? errno : 0
                    let status = contents(of: Bytes("/proc/thread-self/status")) ?? []
                    outcome.withLock { $0 = Outcome(errno: dropped, status: status, foreignFile: reason, isDone: true) }
                    return nil
                }, nil) == 0)
        pthread_join(thread, nil)
        let found = outcome.withLock { $0 }
        #expect(found.isDone && found.errno == 0)
        #expect(found.foreignFile == EACCES)
        let bits = Privileges.kept(of: Capabilities(effective: .max), HostPaths()).reduce(UInt64(0)) {
            $0 | 1 << UInt64($1.rawValue)
        }
        let own = contents(of: Bytes("/proc/self/status")).flatMap { Capabilities(status: $0) }
        #expect(Capabilities(status: found.status)?.effective == bits & (own?.effective ?? 0))
        let text = found.status.text
        #expect(text.contains("NoNewPrivs:\t1"))
        #expect(text.contains("CapInh:\t0000000000000000"))
    }
}
