import Events
import Glibc
import Testing

@testable import Probes

/// A thread of this process in uninterruptible sleep for as long as wanted: it waits (vfork) for a child that cannot
/// execute yet, because opening its standard input (a FIFO without a writer) waits in turn.
private final class BlockedThread {
    private let fifo: String
    private var thread = pthread_t()
    private var child: pid_t = 0

    init?() {
        fifo = "/var/tmp/inquest-test-fifo-\(getpid())"
        unlink(fifo)
        guard mkfifo(fifo, 0o600) == 0 else { return nil }
        let own = Unmanaged.passUnretained(self).toOpaque()
        let failed = pthread_create(
            &thread, nil, { Unmanaged<BlockedThread>.fromOpaque($0!).takeUnretainedValue().spawn() }, own)
        guard failed == 0 else { return nil }
    }

    private func spawn() -> UnsafeMutableRawPointer? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_addopen(&actions, 0, fifo, O_RDONLY, 0)
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("/bin/true"), nil]
        posix_spawn(&child, "/bin/true", &actions, nil, &arguments, nil)
        posix_spawn_file_actions_destroy(&actions)
        free(arguments[0])
        return nil
    }

    func release() {
        // Both ends: this open waits for nobody, and the child's ends.
        let descriptor = open(fifo, O_RDWR | O_CLOEXEC)
        pthread_join(thread, nil)
        close(descriptor)
        var status: Int32 = 0
        waitpid(child, &status, 0)
        unlink(fifo)
    }
}

@Suite(.serialized, .enabled(if: Live.possible, Comment(rawValue: Live.need)))
struct CensusTests {
    private struct Taken {
        var tasks: [CensusTask] = []
        var census: Census?
        var times: Set<UInt64> = []
    }

    private func take(_ probes: Probes) -> Taken {
        var taken = Taken()
        probes.census(.request) { event in
            taken.times.insert(event.boottimeNs)
            switch event.payload {
            case .censusTask(let task):
                #expect(taken.census == nil, "a task after the census that ends it")
                taken.tasks.append(task)
            case .census(let census): taken.census = census
            case .lost: break
            default: Issue.record("\(event)")
            }
        }
        return taken
    }

    /// How far the kernel's own per-cpu page counters may be off what they count (lib/percpu_counter.c), in pages.
    private var counterError: UInt64 {
        let cpus = UInt64(max(1, sysconf(Int32(_SC_NPROCESSORS_CONF))))
        return max(32, 2 * cpus) * cpus
    }

    @Test func `a large process appears with its name, user, adjustment and size`() throws {
        let probes = try Probes()
        let megabytes: UInt64 = 160
        let name = "a\u{1b}[1m\n\"b"
        let child = try #require(Child.balloon("name=\(name)", "uid=54321", "adj=123", "mb=\(megabytes)", "then=hold"))
        child.go()
        #expect(child.firstLine() == "full")

        let taken = take(probes)

        let task = try #require(taken.tasks.first { $0.task.pid == UInt32(child.pid) })
        #expect(task.task.tgid == UInt32(child.pid))
        #expect(task.task.ppid == UInt32(getpid()))
        #expect(task.task.uid == 54321)
        #expect(task.task.comm.bytes == Bytes(name.utf8))
        #expect(task.oomScoreAdj == 123)
        #expect(!task.isBlocked)
        #expect(task.stack.isEmpty)
        #expect(task.startBoottimeNs > 0)
        #expect(task.startBoottimeNs < clockNs(CLOCK_BOOTTIME))
        let pages = megabytes << 20 / UInt64(sysconf(Int32(_SC_PAGESIZE)))
        let anon = try #require(task.anonRssPages.value)
        // Beside the balloon: stacks and the C library's own data.
        #expect(anon + counterError >= pages)
        #expect(anon <= pages + counterError + 512)

        let census = try #require(taken.census)
        #expect(census.reason == .request)
        #expect(census.kept == UInt64(taken.tasks.count))
        #expect(census.processes >= census.kept - census.blocked)
        #expect(census.durationNs > 0)
        #expect(taken.times.count == 1)
    }

    @Test func `a thread in uninterruptible sleep is reported with its kernel stack, and no longer once it runs`()
        throws
    {
        let probes = try Probes()
        let thread = try #require(BlockedThread())
        var found: CensusTask?
        let seen = eventually {
            let taken = take(probes)
            // Other tests' threads wait for a disk now and then: ours waits in a clone.
            found = taken.tasks.first { task in
                let stack = String(decoding: task.stack, as: UTF8.self)
                return task.task.tgid == UInt32(getpid()) && task.isBlocked
                    && (stack.contains("clone") || stack.contains("fork"))
            }
            return found != nil
        }
        thread.release()

        #expect(seen)
        let task = try #require(found)
        #expect(task.task.pid != task.task.tgid)
        let frames = task.stack.split(separator: UInt8(ascii: "\n"))
        #expect(frames.count >= 2)
        // function+offset/size
        #expect(frames.allSatisfy { $0.contains(UInt8(ascii: "+")) && $0.contains(UInt8(ascii: "/")) })
        #expect(
            eventually { !take(probes).tasks.contains { $0.task.pid == task.task.pid && $0.isBlocked } })
    }
}
