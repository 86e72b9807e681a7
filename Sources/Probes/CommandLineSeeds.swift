import CLibbpf
public import Events
import Glibc
import KernelWire

/// Gives processes that run already their command lines, for the kernel side's cache.
///
/// Holds the cache by a descriptor of its own: it may be used by any thread, and outlive the probes, since reading a wedged
/// process's command line may take for ever.
@safe
public final class CommandLineSeeds: Sendable {
    private let map: Int32

    /// - Returns: `nil` when descriptors have run out.
    init?(copyOf map: Int32) {
        self.map = fcntl(map, F_DUPFD_CLOEXEC, 0)
        if self.map < 0 { return nil }
    }

    deinit { close(map) }

    /// One process's arguments, separated by NUL. One that has executed something since keeps what the kernel saw.
    public func give(tgid: UInt32, _ cmdline: Bytes) {
        guard !cmdline.isEmpty else { return }
        var value = iq_cmdline()
        let kept = min(cmdline.count, Int(IQ_CMDLINE_MAX))
        value.length = UInt16(kept)
        value.truncated = cmdline.count > kept ? 1 : 0
        unsafe withUnsafeMutableBytes(of: &value.bytes) { unsafe $0.copyBytes(from: cmdline.prefix(kept)) }
        var key = tgid
        _ = unsafe bpf_map_update_elem(map, &key, &value, UInt64(BPF_NOEXIST))
    }
}
