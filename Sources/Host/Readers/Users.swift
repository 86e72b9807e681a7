import Events

/// `/etc/passwd`: read as a file, because a statically linked program has no name service. Users that only a directory
/// service knows keep their numbers.
struct Users {
    private var names: [UInt32: Bytes] = [:]
    private var announced: Set<UInt32> = []
    /// Users of slices that have come since, and have no name yet.
    private var arrived: [UInt32] = []
    private let limit: Int

    init(_ paths: HostPaths, limit: Int) {
        self.limit = limit
        names = Users.read(paths)
    }

    private static func read(_ paths: HostPaths) -> [UInt32: Bytes] {
        var names: [UInt32: Bytes] = [:]
        for row in (contents(of: Bytes(paths.passwd.utf8)) ?? []).lines.prefix(65_536) {
            let fields = row.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard fields.count >= 4, !fields[0].isEmpty, fields[0].count <= 256, let uid = fields[2].decimal,
                uid < UInt64(UInt32.max)
            else { continue }
            // The first of several names for a number wins, as it does in getpwuid(3).
            if names[UInt32(uid)] == nil { names[UInt32(uid)] = Bytes(fields[0]) }
        }
        return names
    }

    /// A cgroup has come: perhaps of a user who is younger than the names.
    mutating func note(slice path: Bytes) {
        guard let uid = Users.uid(ofSlice: path), names[uid] == nil, arrived.count < limit, !arrived.contains(uid)
        else { return }
        arrived.append(uid)
    }

    /// Reads the file again where somebody has come whom it did not name, and names whom it names now.
    mutating func reload(_ paths: HostPaths, _ found: (UserName) -> Void) {
        guard !arrived.isEmpty else { return }
        names = Users.read(paths)
        for uid in arrived { announce(uid, found) }
        arrived.removeAll()
    }

    /// The name of a user that was not announced before.
    mutating func announce(_ uid: UInt32, _ found: (UserName) -> Void) {
        guard announced.count < limit, let name = names[uid], announced.insert(uid).inserted else { return }
        var event = UserName()
        event.uid = uid
        event.name = name
        found(event)
    }

    /// The users not announced yet, in the order of their numbers: one who logs in later has a name from the start.
    mutating func announceRest(_ found: (UserName) -> Void) {
        for uid in names.keys.sorted() { announce(uid, found) }
    }

    /// The user of a logged-in slice: `/user.slice/user-1000.slice/...` is 1000.
    static func uid(ofSlice path: Bytes) -> UInt32? {
        for part in path.split(separator: UInt8(ascii: "/")) {
            guard part.starts(with: "user-".utf8), Bytes(part).hasSuffix(".slice") else { continue }
            if let uid = part.dropFirst(5).dropLast(6).decimal, uid < UInt64(UInt32.max) { return UInt32(uid) }
        }
        return nil
    }
}
