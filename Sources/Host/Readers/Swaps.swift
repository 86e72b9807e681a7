import Events

/// `/proc/swaps`, and the disks that carry it.
struct Swaps {
    struct Area: Equatable {
        var path: Bytes
        var isFile: Bool
        var sizeBytes: Figure
        var usedBytes: Figure
        /// The whole disks below it, the area's own first; empty when they cannot be told.
        var disks: [UInt32]
    }

    var areas: [Area]

    /// Every whole disk that swap reaches.
    var devices: Set<UInt32> { Set(areas.flatMap(\.disks)) }

    /// Device-mapper upon loop upon device-mapper: deeper stacks are not followed.
    private static let depth = 4
    /// The kernel has at most 32 swap areas (`MAX_SWAPFILES`).
    private static let limit = 32

    init(_ paths: HostPaths, status: (Bytes) -> Calls.Status? = Calls.status) {
        areas = []
        for row in (contents(of: paths.proc("swaps")) ?? []).lines.dropFirst().prefix(Swaps.limit) {
            let words = row.words
            guard words.count >= 4 else { continue }
            var path = words[0].octalUnescaped
            let deleted = Bytes("\u{20}(deleted)".utf8)
            if path.hasSuffix(" (deleted)") { path.removeLast(deleted.count) }
            let isFile = words[1].isText("file")
            var disks: [UInt32] = []
            if let device = Swaps.device(path, isFile: isFile, paths, status) {
                Swaps.wholeDisks(device, paths, status, into: &disks)
            }
            areas.append(
                Area(
                    path: path, isFile: isFile, sizeBytes: Figure(words[2].decimal).scaled(by: 1024),
                    usedBytes: Figure(words[3].decimal).scaled(by: 1024), disks: disks))
        }
    }

    /// The block device of a swap area: the partition itself, or the device of the file system that a swap file is on.
    private static func device(
        _ path: Bytes, isFile: Bool, _ paths: HostPaths, _ status: (Bytes) -> Calls.Status?
    ) -> UInt32? {
        if isFile {
            guard let device = status(path)?.device else { return nil }
            // Major 0 is an anonymous device (btrfs): its mount names the real one.
            return device >> 20 != 0 ? device : mounted(device, paths, status)
        }
        if let file = status(path), file.isBlockDevice { return file.special }
        return line(of: paths.sys("class/block/") + path.basename + Bytes("/dev".utf8)).flatMap(parseDeviceNumber)
    }

    private static func mounted(_ device: UInt32, _ paths: HostPaths, _ status: (Bytes) -> Calls.Status?) -> UInt32? {
        for mount in Mount.all(paths) where mount.device == device {
            if let file = status(mount.source), file.isBlockDevice { return file.special }
        }
        return nil
    }

    /// Adds the whole disk of a device, then what is below a device-mapper, md or loop device.
    private static func wholeDisks(
        _ device: UInt32, _ paths: HostPaths, _ status: (Bytes) -> Calls.Status?, into disks: inout [UInt32],
        depth: Int = Swaps.depth
    ) {
        guard depth > 0 else { return }
        var directory = paths.sys("dev/block/\(device >> 20):\(device & 0xf_ffff)")
        var disk = device
        if Calls.exists(directory + Bytes("/partition".utf8)) {
            // The kernel resolves the symbolic link first: `..` is the disk's own directory.
            directory += Bytes("/..".utf8)
            guard let parent = line(of: directory + Bytes("/dev".utf8)).flatMap(parseDeviceNumber) else { return }
            disk = parent
        }
        guard !disks.contains(disk), disks.count < 64 else { return }
        disks.append(disk)
        for below in Calls.entries(directory + Bytes("/slaves".utf8), limit: 64) ?? [] {
            let file = directory + Bytes("/slaves/".utf8) + below.name + Bytes("/dev".utf8)
            guard let lower = line(of: file).flatMap(parseDeviceNumber) else { continue }
            wholeDisks(lower, paths, status, into: &disks, depth: depth - 1)
        }
        if let backing = line(of: directory + Bytes("/loop/backing_file".utf8)), let lower = status(backing)?.device,
            lower >> 20 != 0
        {
            wholeDisks(lower, paths, status, into: &disks, depth: depth - 1)
        }
    }
}
