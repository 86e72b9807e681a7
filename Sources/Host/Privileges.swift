internal import CLinux
import Events
internal import Glibc

/// What the recorder may still do once everything is attached and opened.
///
/// Root's user id remains, for the files that are its own; its powers over everybody else's go.
public enum Privileges {
    /// Listening goes on with these: maps are read and hooks attached anew under pressure (CAP_BPF, CAP_PERFMON), and what is mapped
    /// later is locked, too (CAP_IPC_LOCK).
    static func kept(of own: Capabilities, _ paths: HostPaths) -> [Capabilities.Name] {
        var kept: [Capabilities.Name] = [.bpf, .perfmon, .ipcLock]
        // CAP_SYS_ADMIN stood for both before 5.8, and still does where only it was given.
        if !own.has(.bpf) || !own.has(.perfmon) { kept.append(.sysAdmin) }
        // Others' processes are hidden from who may not trace them: userspace killers would seem to have gone.
        if hidesProcesses(paths) { kept.append(.sysPtrace) }
        return kept
    }

    /// Gives up every other capability, for good. For the calling thread, and for threads made by it later.
    ///
    /// - Returns: 0 or the errno.
    public static func drop(_ paths: HostPaths = HostPaths()) -> Int32 {
        guard let own = contents(of: paths.proc("thread-self/status")).flatMap({ Capabilities(status: $0) }) else {
            return ENOENT
        }
        let bits = kept(of: own, paths).reduce(UInt64(0)) { $0 | 1 << UInt64($1.rawValue) }
        let errno = -Calls.retrying { iq_keep_capabilities(bits) }
        // Nothing that is ever executed gets more.
        return errno != 0 ? errno : -Calls.retrying { iq_set_no_new_privileges() }
    }

    /// Gives up every capability, for good, for what is executed next, too.
    ///
    /// - Returns: 0 or the errno.
    public static func dropAll() -> Int32 {
        let errno = -Calls.retrying { iq_keep_capabilities(0) }
        return errno != 0 ? errno : -Calls.retrying { iq_set_no_new_privileges() }
    }

    /// Joins a group, so that files can be given to it without the power to give away everybody's (CAP_CHOWN).
    ///
    /// - Returns: 0 or the errno.
    public static func join(group: UInt32) -> Int32 {
        var groups = [gid_t](repeating: 0, count: 65536)
        let count = unsafe getgroups(Int32(groups.count), &groups)
        guard count >= 0 else { return Glibc.errno }
        groups.removeLast(groups.count - Int(count))
        if getegid() == group || groups.contains(group) { return 0 }
        groups.append(group)
        return -Calls.retrying { unsafe setgroups(groups.count, &groups) }
    }

    private static func hidesProcesses(_ paths: HostPaths) -> Bool {
        Mount.all(paths).contains { mount in
            mount.type == Bytes("proc".utf8)
                && mount.superOptions.contains {
                    $0.hasPrefix("hidepid=") && $0 != Bytes("hidepid=0".utf8) && $0 != Bytes("hidepid=off".utf8)
                }
        }
    }
}
