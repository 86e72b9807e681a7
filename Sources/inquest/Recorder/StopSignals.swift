import CLinux
import Glibc

/// SIGINT, SIGTERM, SIGHUP and SIGQUIT as a descriptor to poll, so that a stop is an orderly event and never interrupts a
/// write. A terminal that goes away ends a recorder like any other stop; one under nohup(1) goes on.
final class StopSignals {
    let descriptor: Int32
    private(set) var last: Int32 = 0

    /// Blocks the signals for this thread and every thread started after it.
    init() {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, SIGINT)
        unsafe sigaddset(&set, SIGTERM)
        for number in [SIGHUP, SIGQUIT] where !Self.isIgnored(number) { unsafe sigaddset(&set, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        descriptor = unsafe signalfd(-1, &set, Int32(SFD_NONBLOCK | SFD_CLOEXEC))
        precondition(descriptor >= 0, "signalfd: out of file descriptors at start")
    }

    deinit { close(descriptor) }

    /// A blocked signal arrives even when it is ignored.
    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard unsafe sigaction(number, nil, &action) == 0 else { return false }
        return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }

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
