public import Events
internal import Glibc

/// The hierarchy that carries the memory controller, and where it is mounted.
public struct CgroupHierarchy: Equatable, Sendable {
    public var mode: CgroupMode
    /// Hierarchy id (`/proc/cgroups`); 0 on cgroup v2.
    public var id: UInt32
    /// The directory that is the hierarchy's root, or the part of it that is visible here.
    public var mountPoint: Bytes
    /// Path of the mounted directory in the hierarchy; empty for the root.
    public var prefix: Bytes
    /// Where cgroup v2 is mounted, with or without the memory controller; empty when it is not.
    public var unifiedMountPoint: Bytes

    /// The mount point as a path to open; `nil` without a memory controller.
    public var directory: String? {
        mode == .unified || mode == .legacy ? String(decoding: mountPoint, as: UTF8.self) : nil
    }

    /// Looks at `mountinfo`: the memory controller in a v1 mount decides (also on a hybrid machine), else cgroup v2 with
    /// `memory` among its controllers.
    public static func find(_ paths: HostPaths) -> CgroupHierarchy {
        let mounts = Mount.all(paths)
        let memory = Bytes("memory".utf8)
        // A bind mount of a subtree says less than the whole: the root is preferred.
        let v2 = mounts.filter { $0.type == Bytes("cgroup2".utf8) }.sorted(by: rootFirst).first
        let unified = v2.map { paths.resolve(mountPoint: $0.point) } ?? []
        let v1 = mounts.filter { $0.type == Bytes("cgroup".utf8) && $0.superOptions.contains(memory) }
        if let mount = v1.sorted(by: rootFirst).first {
            return CgroupHierarchy(
                mode: .legacy, id: hierarchyID(paths), mountPoint: paths.resolve(mountPoint: mount.point),
                prefix: prefix(mount.root), unifiedMountPoint: unified)
        }
        if let v2, let controllers = contents(of: unified + Bytes("/cgroup.controllers".utf8)) {
            let names = controllers.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
            if names.contains(where: { $0.isText("memory") }) {
                return CgroupHierarchy(
                    mode: .unified, id: 0, mountPoint: unified, prefix: prefix(v2.root), unifiedMountPoint: unified)
            }
        }
        let seen = contents(of: paths.proc("self/mountinfo")) != nil
        return CgroupHierarchy(
            mode: seen ? .none : .unknown, id: 0, mountPoint: [], prefix: [], unifiedMountPoint: unified)
    }

    private static func rootFirst(_ a: Mount, _ b: Mount) -> Bool { a.root.count < b.root.count }

    /// `/` is the root; `/..` means that a cgroup namespace hides the way up, so that paths cannot be made whole.
    private static func prefix(_ root: Bytes) -> Bytes {
        root.count <= 1 || root.hasPrefix("/..") ? [] : root
    }

    private static func hierarchyID(_ paths: HostPaths) -> UInt32 {
        for row in (contents(of: paths.proc("cgroups")) ?? []).lines {
            let words = row.words
            if words.count >= 2, words[0].isText("memory") { return UInt32(truncatingIfNeeded: words[1].decimal ?? 0) }
        }
        return 0
    }

    /// `io` in the root's `cgroup.subtree_control`: without it the kernel charges all IO to the root.
    public var accountsIO: Bool {
        mode == .unified && handsOnIO(mountPoint) == true
    }

    /// Whether a cgroup lets the io controller see those below it: otherwise their IO is charged to it, or above it.
    ///
    /// - Returns: `nil` when its `cgroup.subtree_control` cannot be read.
    func handsOnIO(_ directory: Bytes) -> Bool? {
        contents(of: directory + Bytes("/cgroup.subtree_control".utf8)).map { text in
            text.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }.contains { $0.isText("io") }
        }
    }

    /// The directory of a cgroup by its path in the hierarchy; `nil` when it is outside what is mounted here.
    func directory(of path: Bytes) -> Bytes? {
        guard path.starts(with: prefix) else { return nil }
        let below = path.dropFirst(prefix.count)
        return below.elementsEqual("/".utf8) ? mountPoint : mountPoint + below
    }

    /// Every cgroup, parents before their children, at most `limit`.
    ///
    /// A cgroup's id is the inode number of its directory (kernfs, 64-bit kernels).
    /// - Returns: how many were left out, at least; 0 when all were seen.
    @discardableResult
    func scan(limit: Int, _ body: (_ id: UInt64, _ path: Bytes) -> Void) -> Int {
        guard !mountPoint.isEmpty, let root = Calls.status(mountPoint) else { return 0 }
        body(root.inode, prefix.isEmpty ? [UInt8(ascii: "/")] : prefix)
        var seen = 1
        var leftOut = 0
        var waiting: [Bytes] = [[]]
        var next = 0
        while next < waiting.count {
            let below = waiting[next]
            next += 1
            guard let entries = Calls.entries(mountPoint + below) else {
                // Removed meanwhile, or nested so deep that no path reaches it.
                if mountPoint.count + below.count >= Int(PATH_MAX) { leftOut += 1 }
                continue
            }
            for entry in entries where entry.isDirectory {
                guard seen < limit else {
                    leftOut += 1
                    continue
                }
                seen += 1
                let path = below + [UInt8(ascii: "/")] + entry.name
                body(entry.inode, prefix + path)
                waiting.append(path)
            }
        }
        return leftOut
    }
}
