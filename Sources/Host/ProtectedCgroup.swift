import Events
internal import Glibc

/// The recorder's own cgroup (v2): what it uses up to `memoryBytes` is not reclaimed while the machine dies, it is not swapped,
/// and its IO comes first.
///
/// It is made only where nobody manages cgroups. A process that leaves the cgroup into which systemd or a container runtime has
/// put it is lost to them; there nothing is set, and what is in force is said (SECURITY.md: what to set for a service).
public final class ProtectedCgroup {
    /// Memory that nobody takes from the recorder: more than its bound (ARCHITECTURE.md, Holding on), since what is not used is not
    /// kept from others.
    public static let memoryBytes: UInt64 = 64 << 20
    /// Ten times what a cgroup has unless told otherwise (Documentation/admin-guide/cgroup-v2.rst, io.weight).
    static let ioWeight = 1000

    /// One line for people: what holds.
    public let words: String
    /// Whether reclaim and swap leave the recorder alone, by whoever's doing; `nil` where that cannot be read.
    public let isProtected: Bool?
    private let root: Bytes
    private let pid: Int32
    /// `nil` when there is none of its own, or no more.
    private var directory: Bytes?

    /// Moves this process, which must not have used much memory yet: what is charged to a cgroup stays charged there.
    ///
    /// - Parameters:
    ///   - enter: false only looks (for `doctor`).
    ///   - pid: this process's.
    ///   - paths: where this machine shows what it is.
    public init(enter: Bool, pid: Int32, paths: HostPaths = HostPaths()) {
        let hierarchy = CgroupHierarchy.find(paths)
        self.pid = pid
        root = hierarchy.mountPoint
        if let others = ProtectedCgroup.others(hierarchy, paths) {
            directory = nil
            (words, isProtected) = ProtectedCgroup.found(hierarchy, others, paths)
            return
        }
        let path = hierarchy.prefix + RecorderCgroup.path
        guard enter else {
            directory = nil
            (words, isProtected) = ("the recorder makes \(path.printable)", true)
            return
        }
        let made = hierarchy.mountPoint + RecorderCgroup.path
        if let refused = ProtectedCgroup.set(made, pid) {
            _ = Calls.removeDirectory(made)
            directory = nil
            (words, isProtected) = ("no cgroup of its own: \(refused)", false)
        } else {
            directory = made
            let kept = ProtectedCgroup.memoryBytes >> 20
            (words, isProtected) = ("in \(path.printable): \(kept) MiB kept, not swapped", true)
        }
    }

    /// Back to where it was. The empty cgroup is removed as far as this process still may: the root of cgroups is closed even to root
    /// (0555), and CAP_DAC_OVERRIDE was given up. What is left keeps nothing from anybody, and the next recorder takes it.
    public func leave() {
        guard let directory else { return }
        self.directory = nil
        _ = Calls.write("\(pid)", to: root + Bytes("/cgroup.procs".utf8))
        // Another recorder may still be in it.
        if contents(of: directory + Bytes("/cgroup.procs".utf8))?.isEmpty != true { return }
        _ = Calls.write("0", to: directory + Bytes("/memory.min".utf8))
        _ = Calls.removeDirectory(directory)
    }

    deinit { leave() }

    /// Who manages cgroups here, or why there are none to make; `nil`: nobody, and one can be made.
    private static func others(_ hierarchy: CgroupHierarchy, _ paths: HostPaths) -> String? {
        switch hierarchy.mode {
        case .unified: break
        case .legacy: return "memory cgroups are v1, which protect nobody"
        case .none, .unknown: return "no memory controller"
        }
        // sd_booted(3).
        if Calls.exists(Bytes((paths.run + "/systemd/system").utf8)) { return "systemd manages cgroups" }
        guard let own = ownPath(paths) else { return "its cgroup is unknown" }
        if !hierarchy.prefix.isEmpty || own.hasPrefix("/..") { return "inside a container" }
        if own != Bytes("/".utf8), own != RecorderCgroup.path { return "\(own.printable) is somebody else's" }
        let enabled = (line(of: hierarchy.mountPoint + Bytes("/cgroup.subtree_control".utf8)) ?? [])[...].words
        return enabled.contains { $0.isText("memory") } ? nil : "the memory controller is off below the root"
    }

    /// `0::/system.slice/inquest.service`; `nil` also in a cgroup namespace with the whole tree mounted (`/../..` in mountinfo): there it
    /// says `/` of wherever the namespace begins, and a container's process would be moved out of its cgroup.
    private static func ownPath(_ paths: HostPaths) -> Bytes? {
        let isHidden = Mount.all(paths).contains { $0.type == Bytes("cgroup2".utf8) && $0.root.hasPrefix("/..") }
        guard !isHidden,
            let own = (contents(of: paths.proc("self/cgroup")) ?? []).lines.first(where: { $0.starts(with: "0::".utf8) }
            )
        else { return nil }
        return Bytes(own.dropFirst(3))
    }

    /// What is in force in a cgroup that others manage. The kernel protects no more than every cgroup on the way up allows.
    private static func found(
        _ hierarchy: CgroupHierarchy, _ others: String, _ paths: HostPaths
    ) -> (words: String, isProtected: Bool?) {
        guard hierarchy.mode == .unified else { return ("no cgroup of its own: \(others)", false) }
        guard let own = ownPath(paths), var at = hierarchy.directory(of: own) else {
            return ("\(others); what protects the recorder is unknown", nil)
        }
        var kept: UInt64?
        var isSwapped = true
        while at.count > hierarchy.mountPoint.count {
            guard let least = limit(at, "memory.min") else { break }
            kept = min(kept ?? .max, least)
            if limit(at, "memory.swap.max") == 0 { isSwapped = false }
            guard let slash = at.lastIndex(of: UInt8(ascii: "/")) else { break }
            at.removeLast(at.count - slash)
        }
        let memory = kept.map { $0 == .max ? "all memory kept" : "\($0 >> 20) MiB kept" } ?? "no memory kept"
        return (
            "in \(own.printable) (\(others)): \(memory), \(isSwapped ? "may be swapped" : "not swapped")",
            kept.map { $0 > 0 && !isSwapped } ?? false
        )
    }

    /// Bytes; `max` is `UInt64.max`, `nil` where the file is not there.
    private static func limit(_ directory: Bytes, _ file: String) -> UInt64? {
        guard let text = line(of: directory + Bytes("/\(file)".utf8)) else { return nil }
        return text[...].isText("max") ? .max : text[...].decimal
    }

    /// - Returns: what was refused, and why; `nil` when it is done.
    private static func set(_ directory: Bytes, _ pid: Int32) -> String? {
        func failed(_ what: String, _ errno: Int32) -> String { "\(what): \(HostError.text(of: errno))" }
        let made = Calls.makeDirectory(directory)
        guard made == 0 || made == EEXIST else { return failed("mkdir", made) }
        // Before anything is charged. A kernel without swap accounting, or without the IO controller, lacks the file: mlockall(2) and
        // the IO priority remain.
        let steps = [
            ("memory.min", "\(memoryBytes)", true), ("memory.swap.max", "0", false),
            ("io.weight", "\(ioWeight)", false), ("cgroup.procs", "\(pid)", true),
        ]
        for (file, value, isNeeded) in steps {
            let errno = Calls.write(value, to: directory + Bytes("/\(file)".utf8))
            guard errno == 0 || !isNeeded && errno == ENOENT else { return failed(file, errno) }
        }
        return nil
    }
}
