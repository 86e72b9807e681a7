import Events

/// Where this machine shows what it is. Tests point the roots at fixture directories.
public struct HostPaths: Sendable {
    public var proc: String
    public var sys: String
    public var etc: String
    public var passwd: String
    /// Units and configuration that packages bring along.
    public var vendor: String
    /// Units and configuration made at run time.
    public var run: String
    /// Where systemd-pstore keeps the records of crashes.
    public var pstoreArchive: String
    /// Where a kubelet keeps the logs of its containers.
    public var log: String

    public init(
        proc: String = "/proc", sys: String = "/sys", etc: String = "/etc", passwd: String = "/etc/passwd",
        vendor: String = "/usr/lib", run: String = "/run",
        pstoreArchive: String = "/var/lib/systemd/pstore", log: String = "/var/log"
    ) {
        self.proc = proc
        self.sys = sys
        self.etc = etc
        self.passwd = passwd
        self.vendor = vendor
        self.run = run
        self.pstoreArchive = pstoreArchive
        self.log = log
    }

    func proc(_ rest: String) -> Bytes { Bytes((proc + "/" + rest).utf8) }
    func sys(_ rest: String) -> Bytes { Bytes((sys + "/" + rest).utf8) }

    /// A mount point as `mountinfo` names it, below the root that stands for `/sys`.
    func resolve(mountPoint: Bytes) -> Bytes {
        let prefix = Bytes("/sys".utf8)
        guard mountPoint.starts(with: prefix) else { return mountPoint }
        return Bytes(sys.utf8) + mountPoint.dropFirst(prefix.count)
    }
}
