import Events

/// Whether the previous boot ended in a panic that firmware or memory kept (pstore, `fs/pstore`).
///
/// systemd-pstore empties `/sys/fs/pstore` early in the boot, so its archive is looked at too, for what it stored since then.
enum PanicRecord {
    private static let limit = 64

    static func isPresent(_ paths: HostPaths, _ clock: ClockSnapshot) -> Bool {
        if holdsPanic(paths.sys("fs/pstore")) { return true }
        let archive = Bytes(paths.pstoreArchive.utf8)
        let bootSeconds = Int64((clock.realtimeNs &- clock.boottimeNs) / 1_000_000_000)
        for entry in Calls.entries(archive, limit: 4096) ?? [] {
            let path = archive + [UInt8(ascii: "/")] + entry.name
            guard let status = Calls.status(path), status.modifiedSeconds >= bootSeconds else { continue }
            if status.isDirectory ? holdsPanic(path) : isPanic(path, entry.name) { return true }
        }
        return false
    }

    private static func holdsPanic(_ directory: Bytes) -> Bool {
        (Calls.entries(directory, limit: limit) ?? []).contains {
            isPanic(directory + [UInt8(ascii: "/")] + $0.name, $0.name)
        }
    }

    /// A record's first line is `Panic#1 Part1`; an oops that the machine survived says `Oops#1 Part1`.
    private static func isPanic(_ path: Bytes, _ name: Bytes) -> Bool {
        name.hasPrefix("dmesg") && (contents(of: path)?.hasPrefix("Panic#") ?? false)
    }
}
