import Events

/// Which namespaces this process lives in: the machine's own, or a container's.
enum Namespaces {
    // The first namespaces have fixed inode numbers (include/linux/proc_ns.h).
    static func isInitialPid(_ paths: HostPaths) -> Bool? { isInitial("pid", 4_026_531_836, paths) }
    static func isInitialUser(_ paths: HostPaths) -> Bool? { isInitial("user", 4_026_531_837, paths) }

    /// `nil` when it cannot be read.
    private static func isInitial(_ kind: String, _ inode: UInt64, _ paths: HostPaths) -> Bool? {
        Calls.link(paths.proc("self/ns/" + kind)).map { $0 == Bytes("\(kind):[\(inode)]".utf8) }
    }
}
