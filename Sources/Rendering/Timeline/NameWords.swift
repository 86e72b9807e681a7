package import Events
import Incidents

// Names and short words that the renderers for people share. Everything here is already safe to show on a terminal;
// Markdown escapes it once more.

package enum NameWords {
    package static func name(_ bytes: Bytes) -> String { bytes.isEmpty ? "?" : Escaping.terminal(bytes) }

    /// `chrome[8812]`; the process id alone where the name is unknown.
    package static func process(_ comm: Comm, _ pid: UInt32) -> String { name(comm.bytes) + "[\(pid)]" }

    /// A cgroup as people say it: without the leading slash, and without the `user.slice` that every user slice is in.
    package static func cgroup(_ path: Bytes) -> String {
        if path.isEmpty { return "an unknown cgroup" }
        if path == Bytes("/".utf8) { return "/ (the root cgroup)" }
        var short = path[...]
        if short.starts(with: "/user.slice/user-".utf8) { short = short.dropFirst("/user.slice".utf8.count) }
        if short.first == UInt8(ascii: "/") { short = short.dropFirst() }
        return Escaping.terminal(Bytes(short))
    }

    /// `uid 1003`, `alice (uid 1003)`, `an unknown user`.
    static func user(uid: Figure, name: Bytes = Bytes()) -> String {
        guard let number = uid.value else { return name.isEmpty ? "an unknown user" : Escaping.terminal(name) }
        if name.isEmpty { return number == 0 ? "root" : "uid \(number)" }
        return Escaping.terminal(name) + " (uid \(number))"
    }

    /// `SIGKILL`, `signal 34`.
    static func signal(_ number: Int64) -> String {
        switch number {
        case 1: "SIGHUP"
        case 2: "SIGINT"
        case 3: "SIGQUIT"
        case 4: "SIGILL"
        case 6: "SIGABRT"
        case 7: "SIGBUS"
        case 8: "SIGFPE"
        case 9: "SIGKILL"
        case 10: "SIGUSR1"
        case 11: "SIGSEGV"
        case 12: "SIGUSR2"
        case 13: "SIGPIPE"
        case 14: "SIGALRM"
        case 15: "SIGTERM"
        default: "signal \(number)"
        }
    }

    /// What wait(2) says of an end.
    package static func exit(_ code: Int64) -> String {
        let signal = code & 0x7f
        return signal == 0 ? "exit status \(code >> 8 & 0xff)" : "by " + self.signal(signal)
    }

    static func endedBy(_ by: EndedBy) -> String {
        switch by {
        case .open: "still open"
        case .recovered: "recovered"
        case .uncleanReset: "ended by an unclean reset"
        case .kernelPanic: "ended by a kernel panic"
        case .cleanShutdown: "ended by a clean shutdown"
        case .recorderStopped: "open when the recorder stopped"
        case .recorderKilled: "open when the recorder was killed"
        }
    }

    static func link(_ kind: LinkKind) -> String {
        switch kind {
        case .swapOut: "swap-out"
        case .unknown: "?"
        default: kind.label
        }
    }

    static func killer(_ killer: Killer) -> String {
        switch killer {
        case .unknown: "an unknown killer"
        case .kernelMemcg, .kernelGlobal: "the kernel"
        case .sysrq: "the kernel on request (sysrq-f)"
        case .systemdOomd: "systemd-oomd"
        case .earlyoom: "earlyoom"
        case .oomd: "oomd"
        case .nohang: "nohang"
        case .cgroupKill: "cgroup.kill"
        case .serviceManager: "the service manager"
        case .containerRuntime: "the container runtime"
        case .user: "a user"
        }
    }

    /// `memory full 72 % (against 20 %), /proc/pressure/memory`: against a threshold, a limit, or what it was before.
    static func evidence(_ evidence: Evidence) -> String {
        var text = name(evidence.name)
        let silent = evidence.unit.isEmpty && evidence.value.isUnknown
        if !silent { text += " " + Units.figure(evidence.value, unit: evidence.unit) }
        if !evidence.threshold.isUnknown {
            text += " (against " + Units.figure(evidence.threshold, unit: evidence.unit) + ")"
        }
        if !evidence.source.isEmpty { text += ", " + Escaping.terminal(evidence.source) }
        return text
    }

    /// `not device_stall: every device completed requests all along (time without ... 1.2 s (against 5 s), /sys/block/*/stat)`.
    static func alternative(_ alternative: Alternative) -> String {
        let figures = alternative.evidence.map(evidence).joined(separator: "; ")
        return "not " + name(alternative.name) + ": " + name(alternative.text)
            + (figures.isEmpty ? "" : " (" + figures + ")")
    }

    /// The sources of several figures, each once, in their order.
    static func sources(_ evidence: [Evidence]) -> String {
        var seen: [Bytes] = []
        for item in evidence where !item.source.isEmpty && !seen.contains(item.source) { seen.append(item.source) }
        return seen.map(Escaping.terminal).joined(separator: "; ")
    }

    /// `memory_high (fentry/mem_cgroup_handle_over_high refused, errno 1)`: something that is not heard.
    static func hook(_ hook: HookState) -> String {
        guard hook.errno != 0 else { return name(hook.name) }
        let refused = hook.refused.isEmpty ? "" : Escaping.terminal(hook.refused) + " "
        return name(hook.name) + " (" + refused + "refused, errno \(hook.errno))"
    }

    package static func plural(_ count: Int, _ one: String, _ many: String) -> String {
        Units.count(UInt64(count)) + " " + (count == 1 ? one : many)
    }
}
