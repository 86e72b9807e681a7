import CLinux
import Glibc
import Screen

/// The terminal while the live view has it: raw, on its other screen, and as it was after every exit.
///
/// A description of its own on the terminal, so that not waiting concerns nobody else who has it open. What a slow terminal does not take
/// at once waits here, one frame at most: `isReady` says when the next one may come. A signal that ends the program is an orderly exit
/// (`StopSignals`); one that means a bug restores the terminal on its way out (`iq_guard_terminal`). Only SIGKILL cannot.
final class FullScreen {
    /// To poll for keys, and for room while `isReady` is false.
    let descriptor: Int32
    /// Readable when the size changed, or the program went on after it was stopped.
    let changes: Int32
    private var saved = termios()
    private var pending: ArraySlice<UInt8> = []
    private var isEntered = false
    /// Kept for the guard, which may need it at any time.
    private static let leaving = Array(Painter.leave.utf8)

    /// `nil` where there is no terminal to take.
    init?() {
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else { return nil }
        let descriptor = unsafe open("/proc/self/fd/1", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        guard unsafe tcgetattr(descriptor, &saved) == 0 else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        var set = sigset_t()
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, SIGWINCH)
        unsafe sigaddset(&set, SIGCONT)
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        changes = unsafe signalfd(-1, &set, Int32(SFD_NONBLOCK | SFD_CLOEXEC))
    }

    deinit {
        leave()
        close(descriptor)
        close(changes)
    }

    /// Columns and rows; 80x24 from a terminal that does not know.
    var size: (width: Int, height: Int) {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return ScreenView.least
        }
        // Whoever says more has no such terminal.
        return (min(Int(size.ws_col), 1000), min(Int(size.ws_row), 500))
    }

    func enter() {
        guard !isEntered else { return }
        var raw = saved
        unsafe cfmakeraw(&raw)
        // Interrupt and quit stay signals; stop is a key, so that the screen is left before.
        raw.c_lflag |= tcflag_t(ISIG)
        unsafe withUnsafeMutableBytes(of: &raw.c_cc) { characters in
            unsafe characters[Int(VSUSP)] = 0
            unsafe characters[Int(VMIN)] = 0
            unsafe characters[Int(VTIME)] = 0
        }
        unsafe withUnsafePointer(to: &saved) { modes in
            unsafe Self.leaving.withUnsafeBufferPointer { bytes in
                unsafe iq_guard_terminal(descriptor, modes, bytes.baseAddress, UInt32(bytes.count))
            }
        }
        unsafe tcsetattr(descriptor, TCSADRAIN, &raw)
        isEntered = true
        write(Painter.enter)
    }

    func leave() {
        guard isEntered else { return }
        // The middle of a frame is worth nothing any more; the terminal gets a moment for the rest.
        pending = Self.leaving[...]
        for _ in 0..<10 where !pending.isEmpty {
            flush()
            guard !pending.isEmpty else { break }
            var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = unsafe poll(&request, 1, 50)
        }
        unsafe tcsetattr(descriptor, TCSANOW, &saved)
        iq_unguard_terminal()
        isEntered = false
    }

    /// Stops the program as a shell expects of ^Z; returns when it goes on.
    func suspend() {
        leave()
        // Not the one that the terminal sends: that would be ours alone, and the shell waits for the whole job.
        kill(0, SIGSTOP)
        enter()
    }

    /// Whether everything written is on its way, so that another frame makes sense.
    var isReady: Bool { pending.isEmpty }

    func write(_ text: String) {
        pending += Array(text.utf8)
        flush()
    }

    /// Sends on what waited.
    func flush() {
        while !pending.isEmpty {
            let sent = unsafe pending.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard sent > 0 else {
                if sent < 0, errno == EINTR { continue }
                // A terminal that is gone takes nothing any more: SIGHUP says so.
                if sent < 0, errno != EAGAIN { pending = [] }
                return
            }
            pending = pending.dropFirst(sent)
        }
        pending = []
    }

    /// What was typed since; `nil` when the terminal is gone.
    func read() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 256)
        var bytes: [UInt8] = []
        while bytes.count < 4096 {
            let got = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if got > 0 {
                bytes += buffer[..<got]
                continue
            }
            if got < 0, errno == EINTR { continue }
            // With VMIN 0 nothing to read is 0 bytes, or EAGAIN.
            return got < 0 && errno != EAGAIN && bytes.isEmpty ? nil : bytes
        }
        return bytes
    }

    /// Whether the size changed, or the terminal was somebody else's meanwhile.
    func takeChanges() -> Bool {
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        var isChanged = false
        while unsafe Glibc.read(changes, &info, size) == size { isChanged = true }
        return isChanged
    }
}

extension FullScreen {
    /// How many colours there are, as everybody says it: NO_COLOR (no-color.org), COLORTERM, and TERM.
    static func colours(_ environment: (String) -> String?) -> ColourDepth {
        if !(environment("NO_COLOR") ?? "").isEmpty { return .none }
        if ["truecolor", "24bit"].contains(environment("COLORTERM") ?? "") { return .trueColour }
        let term = environment("TERM") ?? ""
        if term.hasSuffix("-direct") { return .trueColour }
        return term.contains("256color") ? .palette : .sixteen
    }

    /// Block elements where the locale's characters are UTF-8: the first of these that is set says which it is (locale(7)).
    static func glyphs(_ environment: (String) -> String?) -> Glyphs {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap(environment).first { !$0.isEmpty } ?? ""
        let name = locale.uppercased()
        return name.contains("UTF-8") || name.contains("UTF8") ? .blocks : .ascii
    }
}
