import Events
import Glibc
import Testing

@testable import Host

/// Whether this machine can contain a drill at all, asked once by trying.
private let drillRefusal: String? = {
    do throws(HostError) {
        let drill = try DrillCgroup(bytes: 32 << 20, pid: 999_999_901)
        try drill.remove()
        return nil
    } catch {
        return error.message
    }
}()

private func spawn(_ program: String, _ arguments: [String], input: Int32 = -1) -> Int32 {
    var pid: pid_t = 0
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if input >= 0 { posix_spawn_file_actions_adddup2(&actions, input, 0) }
    var pointers: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    let errno = posix_spawn(&pid, program, &actions, nil, pointers, environ)
    return errno == 0 ? pid : -errno
}

@Suite(
    .serialized,
    .enabled(if: drillRefusal == nil, "SKIPPED: this machine cannot contain a drill: \(drillRefusal ?? "")"))
struct `A disposable cgroup` {
    @Test func `holds a process, ends it, and leaves nothing`() throws {
        let drill = try DrillCgroup(bytes: 32 << 20, pid: getpid())
        let directory = drill.hierarchy.mountPoint + Bytes("/inquest-drill-\(getpid())")
        #expect(Calls.status(directory)?.inode == drill.id)
        #expect(drill.path.text.hasSuffix("/inquest-drill-\(getpid())"))

        let sleeper = spawn("/bin/sleep", ["600"])
        try #require(sleeper > 0)
        var isReaped = false
        defer {
            if !isReaped {
                kill(sleeper, SIGKILL)
                waitpid(sleeper, nil, 0)
            }
        }
        try drill.add(sleeper)
        let membership = contents(of: Bytes("/proc/\(sleeper)/cgroup")) ?? []
        let wanted = drill.hierarchy.mode == .unified ? "0::" : "\(drill.hierarchy.id):memory:"
        #expect(membership.lines.contains { $0.elementsEqual(Bytes(wanted) + drill.path) })

        // A zombie has left its cgroup, so that removal does not depend on who reaps it.
        try drill.remove()
        var status: Int32 = 0
        #expect(waitpid(sleeper, &status, 0) == sleeper)
        isReaped = true
        #expect(status & 0x7f == SIGKILL)
        #expect(!Calls.exists(directory))
        try drill.remove()
    }

    @Test func `throttles where there is a memory.high, until it is let go, and is not made elsewhere`() throws {
        let hierarchy = CgroupHierarchy.find(HostPaths())
        guard hierarchy.mode == .unified else {
            #expect(throws: HostError.self) { try DrillCgroup(bytes: 64 << 20, highBytes: 32 << 20, pid: 999_999_903) }
            #expect(!Calls.exists(hierarchy.mountPoint + Bytes("/inquest-drill-999999903")))
            return
        }
        let drill = try DrillCgroup(bytes: 64 << 20, highBytes: 32 << 20, pid: 999_999_903)
        defer { try? drill.remove() }
        let high = hierarchy.mountPoint + Bytes("/inquest-drill-999999903/memory.high")
        #expect(line(of: high) == Bytes("\(32 << 20)"))
        #expect(drill.release() == 0)
        #expect(line(of: high) == Bytes("max"))
    }

    @Test func `limits what it holds to what was asked`() throws {
        let drill = try DrillCgroup(bytes: 48 << 20, pid: 999_999_902)
        defer { try? drill.remove() }
        let directory = drill.hierarchy.mountPoint + Bytes("/inquest-drill-999999902")
        let files = try #require(CgroupFiles(drill.hierarchy, id: drill.id, path: drill.path))
        var buffer = ReadBuffer()
        let sample = files.sample(now: 1, detailEveryNs: 0, &buffer)
        #expect(sample.maxBytes == Figure(48 << 20))
        if Calls.exists(
            directory + Bytes(drill.hierarchy.mode == .unified ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes"))
        {
            #expect(sample.swapMaxBytes == 0)
        }
        try drill.remove()
        let after = files.sample(now: 2, detailEveryNs: 0, &buffer)
        #expect(files.isGone, "an open file of a removed cgroup tells so")
        #expect(after.currentBytes == .unknown)
    }

    @Test func `lets the kernel kill what outgrows it, and the sample counts it`() throws {
        let drill = try DrillCgroup(bytes: 32 << 20, pid: 999_999_904)
        defer { try? drill.remove() }
        var pipe: [Int32] = [-1, -1]
        try #require(Glibc.pipe(&pipe) == 0)
        defer { close(pipe[1]) }
        // Grows to 200 MB at most, should the limit not hold; begins only when told to.
        let shell = spawn(
            "/bin/sh", ["-c", "read x; head -c 200000000 /dev/zero | tail -c 200000000 | wc -c >/dev/null"],
            input: pipe[0])
        close(pipe[0])
        try #require(shell > 0)
        defer { waitpid(shell, nil, 0) }
        let files = try #require(CgroupFiles(drill.hierarchy, id: drill.id, path: drill.path))
        var buffer = ReadBuffer()
        #expect(files.sample(now: 1, detailEveryNs: 0, &buffer).eventsOomKill == 0)
        try drill.add(shell)
        try #require(write(pipe[1], "\n", 1) == 1)
        // The shell ends when its pipeline has: until then it has not been reaped.
        var info = siginfo_t()
        #expect(waitid(P_PID, id_t(shell), &info, WEXITED | WNOWAIT) == 0)
        let sample = files.sample(now: 2, detailEveryNs: 0, &buffer)
        #expect(sample.eventsOomKill.value ?? 0 >= 1)
        #expect(sample.peakBytes.value ?? 0 <= 32 << 20)
        #expect(sample.peakBytes.value ?? 0 > 16 << 20)
    }

    @Test func `of a drill that crashed is removed, with what is left in it; that of a living one is not`() throws {
        let dead = spawn("/bin/true", [])
        try #require(dead > 0)
        waitpid(dead, nil, 0)
        let left = try DrillCgroup(bytes: 32 << 20, pid: dead)
        let sleeper = spawn("/bin/sleep", ["600"])
        try #require(sleeper > 0)
        try left.add(sleeper)
        let living = try DrillCgroup(bytes: 32 << 20, pid: getpid())
        defer { try? living.remove() }

        #expect(DrillCgroup.removeLeftovers().contains(left.path))
        var status: Int32 = 0
        #expect(waitpid(sleeper, &status, 0) == sleeper)
        #expect(status & 0x7f == SIGKILL)
        #expect(Calls.exists(living.hierarchy.mountPoint + Bytes("/inquest-drill-\(getpid())")))
    }

    @Test func `is not made twice by the same name`() throws {
        let drill = try DrillCgroup(bytes: 32 << 20, pid: 999_999_903)
        defer { try? drill.remove() }
        let second = #expect(throws: HostError.self) { try DrillCgroup(bytes: 32 << 20, pid: 999_999_903) }
        #expect(second?.errno == EEXIST)
    }
}

@Suite struct `A drill that could not be contained is refused` {
    private func refusal(_ fixture: Fixture, bytes: UInt64 = 32 << 20) -> HostError? {
        do {
            let drill = try DrillCgroup(bytes: bytes, pid: 42, paths: fixture.paths)
            try drill.remove()
            return nil
        } catch {
            return error
        }
    }

    @Test func `without a memory controller`() {
        let fixture = Fixture()
        fixture.host()
        #expect(refusal(fixture)?.advice.contains("no memory controller") == true)
    }

    @Test func `with the controller off below the root, and nothing is changed or made`() {
        let fixture = Fixture()
        fixture.host()
        fixture.unified(enabled: "pids")
        #expect(refusal(fixture)?.advice.contains("+memory") == true)
        #expect(contents(of: Bytes(fixture.root + "/sys/fs/cgroup/cgroup.subtree_control")) == Bytes("pids\n"))
        #expect(!Calls.exists(Bytes(fixture.root + "/sys/fs/cgroup/inquest-drill-42")))
    }

    @Test func `where the limit file does not come with the directory, and the directory is removed`() {
        let fixture = Fixture()
        fixture.host()
        fixture.legacy()
        let error = refusal(fixture)
        #expect(error?.errno == ENOENT)
        #expect(!Calls.exists(Bytes(fixture.root + "/sys/fs/cgroup/memory/inquest-drill-42")))
    }

    @Test func `with a limit in which nothing could begin`() {
        let fixture = Fixture()
        fixture.host()
        #expect(refusal(fixture, bytes: 4096)?.message.contains("4 MiB") == true)
    }
}
