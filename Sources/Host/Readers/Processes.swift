public import Events

/// The processes of `/proc`, by what can be read without any process's memory lock: number, owner, name.
///
/// A command line is read only where said so (it waits for the process's own memory lock, which a wedged process holds), and
/// never under pressure.
enum Processes {
    struct Process {
        var pid: UInt32
        var uid: UInt32
        var comm: Bytes
    }

    static func forEach(_ paths: HostPaths, limit: Int, _ body: (Process) -> Void) {
        var buffer = ReadBuffer(capacity: 4096)
        for entry in Calls.entries(paths.proc(""), limit: limit) ?? [] {
            guard let pid = entry.name[...].decimal, pid <= UInt64(UInt32.max) else { continue }
            let directory = paths.proc("") + entry.name
            guard let status = Calls.status(directory), buffer.fill(path: directory + Bytes("/comm".utf8)) == 0 else {
                continue
            }
            var comm = buffer.bytes
            if comm.last == UInt8(ascii: "\n") { comm.removeLast() }
            body(Process(pid: UInt32(pid), uid: status.uid, comm: comm))
        }
    }

    /// Arguments separated by NUL, at most `limit` bytes; `nil` for a kernel thread or a process that is gone.
    static func commandLine(_ paths: HostPaths, _ pid: UInt32, limit: Int = 4096) -> Bytes? {
        guard var bytes = contents(of: paths.proc("\(pid)/cmdline")), !bytes.isEmpty else { return nil }
        if bytes.count > limit { bytes.removeLast(bytes.count - limit) }
        while bytes.last == 0 { bytes.removeLast() }
        return bytes.isEmpty ? nil : bytes
    }
}

/// The command lines of the processes that run already.
public enum CommandLines {
    /// Every process's number and arguments (separated by NUL, at most 4 KiB).
    ///
    /// Waits as long as a process's memory lock is held: not for a thread that has anything else to do.
    public static func read(
        _ paths: HostPaths = HostPaths(), limit: Int = SamplerOptions().processes, _ body: (UInt32, Bytes) -> Void
    ) {
        for entry in Calls.entries(paths.proc(""), limit: limit) ?? [] {
            guard let pid = entry.name[...].decimal, pid <= UInt64(UInt32.max),
                let line = Processes.commandLine(paths, UInt32(pid))
            else { continue }
            body(UInt32(pid), line)
        }
    }
}
