import Events

/// One line of `/proc/self/mountinfo` (Documentation/filesystems/proc.rst, 3.5).
struct Mount: Equatable {
    var device: UInt32
    /// Which directory of the file system is mounted: `/` unless it is a bind mount or another cgroup namespace.
    var root: Bytes
    var point: Bytes
    var type: Bytes
    var source: Bytes
    var superOptions: [Bytes]

    /// `31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - tmpfs tmpfs rw,mode=755`; any number of fields before the dash.
    init?(_ line: ArraySlice<UInt8>) {
        let words = line.words
        guard let dash = words.firstIndex(where: { $0.isText("-") }), dash >= 6, words.count >= dash + 4,
            let device = parseDeviceNumber(Bytes(words[2]))
        else { return nil }
        self.device = device
        root = words[3].octalUnescaped
        point = words[4].octalUnescaped
        type = Bytes(words[dash + 1])
        source = words[dash + 2].octalUnescaped
        superOptions = words[dash + 3].split(separator: UInt8(ascii: ",")).map { Bytes($0) }
    }

    static func all(_ paths: HostPaths) -> [Mount] {
        (contents(of: paths.proc("self/mountinfo")) ?? []).lines.compactMap { Mount($0) }
    }
}
