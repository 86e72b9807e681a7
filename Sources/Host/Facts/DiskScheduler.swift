public import Events

/// Who orders what waits for a disk: `/sys/block/DISK/queue/scheduler`.
public struct DiskScheduler: Equatable, Sendable {
    public var disk: Bytes
    /// The one in use: `none`, `mq-deadline`, `kyber`, `bfq`; `nil` when it could not be read.
    public var name: Bytes?
    /// Whether requests of a higher IO priority (ioprio_set(2)) go first; `nil` for one that is not known here.
    public var heedsPriorities: Bool?

    /// Of the disks that stand for hardware and were used: what loop devices, zram, device mapper and md are given waits elsewhere.
    static func all(_ paths: HostPaths, kernelRelease: Bytes?) -> [DiskScheduler] {
        var found: [DiskScheduler] = []
        for entry in Calls.entries(paths.sys("block")) ?? [] {
            let directory = paths.sys("block/") + entry.name
            guard Calls.exists(directory + Bytes("/device".utf8)), isUsed(directory) else { continue }
            let name = line(of: directory + Bytes("/queue/scheduler".utf8)).map { HostFacts.selected($0) ?? $0 }
            let heeds = name.flatMap { heedsPriorities($0, kernelRelease) }
            found.append(DiskScheduler(disk: entry.name, name: name, heedsPriorities: heeds))
        }
        return found.sorted { $0.disk.lexicographicallyPrecedes($1.disk) }
    }

    private static func isUsed(_ directory: Bytes) -> Bool {
        guard let words = line(of: directory + Bytes("/stat".utf8))?[...].words, words.count > 4 else { return false }
        return words[0].decimal != 0 || words[4].decimal != 0
    }

    /// bfq always did (block/bfq-iosched.c), mq-deadline since 5.14 (block/mq-deadline.c, `enum dd_prio`); the others know none.
    private static func heedsPriorities(_ name: Bytes, _ kernelRelease: Bytes?) -> Bool? {
        switch name {
        case Bytes("bfq".utf8): true
        case Bytes("none".utf8), Bytes("kyber".utf8): false
        case Bytes("mq-deadline".utf8): kernelRelease.flatMap { isAtLeast(5, 14, $0) }
        default: nil
        }
    }

    /// `6.1.0-50-amd64`.
    private static func isAtLeast(_ major: UInt64, _ minor: UInt64, _ release: Bytes) -> Bool? {
        let numbers = release.prefix { $0 != UInt8(ascii: "-") }.split(separator: UInt8(ascii: ".")).map(\.decimal)
        guard numbers.count >= 2, let first = numbers[0], let second = numbers[1] else { return nil }
        return (first, second) >= (major, minor)
    }
}
