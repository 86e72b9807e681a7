import Events
import Glibc
import Testing

@testable import Probes

/// Whether this machine lets the live tests run; the reason is in the skip's text.
enum Live {
    static let possible = geteuid() == 0 && access("/sys/kernel/btf/vmlinux", R_OK) == 0 && MemoryCgroup.root != nil
    static let need = "SKIPPED: needs root, /sys/kernel/btf/vmlinux and a writable memory cgroup hierarchy"

    /// Listens while `body` runs: gives it the probes, and a way to wait.
    static func listening(
        _ options: ProbeOptions = ProbeOptions(), _ body: (Listener) throws -> Void
    ) throws {
        let listener = try Listener(options)
        defer { listener.probes.close() }
        try body(listener)
    }

    static func write(_ text: String, to path: String) -> Bool {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return Array(text.utf8).withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) == $0.count }
    }
}

/// All suites that listen to the running kernel: one after the other, since they hear each other's processes.
@Suite(.serialized, .enabled(if: Live.possible, Comment(rawValue: Live.need)))
enum LiveTests {}

/// Probes, and everything they have said so far.
final class Listener {
    let probes: Probes
    private(set) var events: [Event] = []

    init(_ options: ProbeOptions) throws { probes = try Probes(options) }

    func drain() { probes.drain { events.append($0) } }

    /// Drains until the condition holds; a bound of 20 s makes a test fail instead of hanging.
    func wait(until condition: (Listener) -> Bool) -> Bool {
        for _ in 0..<2000 {
            drain()
            if condition(self) { return true }
            usleep(10_000)
        }
        return false
    }

    var kills: [OomKill] { events.compactMap { if case .oomKill(let kill) = $0.payload { kill } else { nil } } }
    var signals: [Signal] { events.compactMap { if case .signal(let signal) = $0.payload { signal } else { nil } } }
    var exits: [Exit] { events.compactMap { if case .exit(let exit) = $0.payload { exit } else { nil } } }
    var cgroups: [CgroupChange] {
        events.compactMap { if case .cgroup(let change) = $0.payload { change } else { nil } }
    }

    func index(_ condition: (Payload) -> Bool) -> Int? { events.firstIndex { condition($0.payload) } }

    func kills(of child: Child) -> [OomKill] { kills.filter { $0.victim.task.tgid == UInt32(child.pid) } }
    func exit(of child: Child) -> Exit? { exits.first { $0.task.tgid == UInt32(child.pid) } }
    func signals(to child: Child) -> [Signal] { signals.filter { $0.target.task.tgid == UInt32(child.pid) } }
}

/// A disposable cgroup of the memory controller (v1, or v2 where it is on), removed with the value.
final class MemoryCgroup {
    /// Where the controller's hierarchy is mounted, and which version it is.
    static let root: (path: String, unified: Bool)? = {
        if access("/sys/fs/cgroup/memory/memory.limit_in_bytes", F_OK) == 0 { return ("/sys/fs/cgroup/memory", false) }
        let controllers = text("/sys/fs/cgroup/cgroup.subtree_control")
        return controllers.split(whereSeparator: { $0 == " " || $0 == "\n" }).contains("memory")
            ? ("/sys/fs/cgroup", true) : nil
    }()

    /// From the hierarchy's root, as the kernel prints it.
    let path: String
    private let directory: String

    init?(_ name: String, limitBytes: Int? = nil) {
        guard let root = MemoryCgroup.root else { return nil }
        path = "/\(name)"
        directory = root.path + path
        guard mkdir(directory, 0o755) == 0 else { return nil }
        guard let limitBytes else { return }
        if root.unified {
            guard Live.write("\(limitBytes)", to: directory + "/memory.max") else { return nil }
            // Without swap there is nothing to limit.
            _ = Live.write("0", to: directory + "/memory.swap.max")
        } else {
            guard Live.write("\(limitBytes)", to: directory + "/memory.limit_in_bytes") else { return nil }
            _ = Live.write("\(limitBytes)", to: directory + "/memory.memsw.limit_in_bytes")
        }
    }

    /// A cgroup inside this one.
    func inside(_ name: String) -> MemoryCgroup? { MemoryCgroup(String(path.dropFirst()) + "/" + name) }

    func add(_ pid: pid_t) -> Bool { Live.write("\(pid)", to: directory + "/cgroup.procs") }

    /// kernfs id: the directory's inode number.
    var id: UInt64 {
        var status = stat()
        return stat(directory, &status) == 0 ? UInt64(status.st_ino) : 0
    }

    /// - Returns: whether it is gone; busy for a moment after its last process has ended.
    @discardableResult
    func remove() -> Bool {
        for _ in 0..<200 {
            if rmdir(directory) == 0 || errno == ENOENT { return true }
            usleep(5_000)
        }
        return false
    }

    deinit { remove() }

    static func text(_ path: String) -> String { String(decoding: smallFile(path) ?? [], as: UTF8.self) }
}

/// A child process that begins when it is told to.
final class Child {
    let pid: pid_t
    let arguments: [[UInt8]]
    private let input: Int32
    private let output: Int32
    private var status: Int32?

    /// The balloon beside this test program.
    static let balloon: String = {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count)
        let path = String(decoding: buffer.prefix(max(length, 0)), as: UTF8.self)
        return String(path[...(path.lastIndex(of: "/") ?? path.startIndex)]) + "balloon"
    }()

    static func balloon(_ arguments: String...) -> Child? { Child([balloon] + arguments) }

    static func shell(_ script: String) -> Child? { Child(["/bin/sh", "-c", script]) }

    init?(_ arguments: [String]) {
        var input: [Int32] = [0, 0]
        var output: [Int32] = [0, 0]
        guard pipe(&input) == 0, pipe(&output) == 0 else { return nil }
        for descriptor in input + output { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input[0], 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        // The test runner's own dispositions are not the child's.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGABRT)
        sigaddset(&signals, SIGTERM)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        var strings: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for string in strings { free(string) } }
        var pid: pid_t = 0
        let failed = posix_spawn(&pid, arguments[0], &actions, &attributes, &strings, environ)
        close(input[0])
        close(output[1])
        self.input = input[1]
        self.output = output[0]
        self.pid = pid
        self.arguments = arguments.map { Array($0.utf8) }
        guard failed == 0 else { return nil }
    }

    deinit {
        if status == nil {
            kill(pid, SIGKILL)
            _ = wait()
        }
        close(input)
        close(output)
    }

    func go() { _ = Glibc.write(input, "g", 1) }

    func send(_ text: String) { _ = text.withCString { Glibc.write(input, $0, strlen($0)) } }

    /// Waits for the child's first line; 20 s without a byte end it.
    func firstLine() -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        var ready = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        while poll(&ready, 1, 20_000) == 1, read(output, &byte, 1) == 1, byte != 10 { line.append(byte) }
        return String(decoding: line, as: UTF8.self)
    }

    /// Waits for its end: the status of wait(2); -1 when it does not end within 20 s, and is ended then.
    func wait() -> Int32 {
        if let status { return status }
        var raw: Int32 = 0
        for _ in 0..<4000 {
            if waitpid(pid, &raw, WNOHANG) == pid {
                status = raw
                return raw
            }
            usleep(5_000)
        }
        kill(pid, SIGKILL)
        waitpid(pid, &raw, 0)
        status = -1
        return -1
    }
}
