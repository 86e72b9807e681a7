public import Events
internal import Glibc

/// Kills as the kernel log tells them: the labelled fallback for a kernel on which no kill hook loads.
///
/// Weaker than a hook: the log is rate-limited, knows no trigger, and can be overwritten before it is read.
public final class KernelLog {
    private let descriptor: Int32
    private var parser = KernelLogParser()
    /// The longest record the kernel gives (PRINTK_MESSAGE_MAX, kernel/printk/internal.h, with its prefix).
    private var record = Bytes(repeating: 0, count: 8192)

    /// Listens from now on.
    ///
    /// - Throws: what failed, with the errno.
    public init(_ path: String = "/dev/kmsg") throws(HostError) {
        let result = Calls.open(Bytes(path.utf8), O_RDONLY | O_NONBLOCK)
        guard result >= 0 else { throw HostError("cannot read the kernel log", on: path, errno: -result) }
        descriptor = result
        lseek(descriptor, 0, SEEK_END)
    }

    deinit { Calls.close(descriptor) }

    /// Hands over the kills that were logged since the last call; never waits.
    public func read(_ body: (Event) -> Void) {
        while true {
            let count = unsafe record.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            }
            // EPIPE: records were overwritten before they were read; the next read goes on with the oldest left.
            if count < 0 && Glibc.errno == EPIPE { continue }
            guard count > 0 else { return }
            if let kill = parser.consume(Bytes(record[..<count])) {
                body(Event(boottimeNs: Clocks.boottimeNs(), .kernelLogKill(kill)))
            }
        }
    }
}
