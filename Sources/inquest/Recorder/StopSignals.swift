import CLinux
import Glibc

/// SIGINT and SIGTERM as a descriptor to poll, so that a stop is an orderly event and never interrupts a write.
final class StopSignals {
    let descriptor: Int32
    private(set) var last: Int32 = 0

    /// Blocks the signals for this thread and every thread started after it.
    init() {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, SIGINT)
        unsafe sigaddset(&set, SIGTERM)
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        descriptor = unsafe signalfd(-1, &set, Int32(SFD_NONBLOCK | SFD_CLOEXEC))
        precondition(descriptor >= 0, "signalfd: out of file descriptors at start")
    }

    deinit { close(descriptor) }

    /// Whether a stop was asked for.
    var received: Bool {
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        while unsafe read(descriptor, &info, size) == size { last = Int32(info.ssi_signo) }
        return last != 0
    }

    /// Whether the whole system is going down: systemd-user-sessions makes this file before services are stopped
    /// (systemd-user-sessions.service(8), nologin(5)).
    static var isShutdown: Bool { unsafe access("/run/nologin", F_OK) == 0 }
}
