import Events

/// The whole disks of `/sys/block`: names once, `stat` and `inflight` at every tick.
///
/// Partitions are not listed there. Disks that were never used (the loop and ram devices that a kernel makes in advance, an
/// empty drive) are left out until they are used.
final class Devices {
    /// Beyond this many disks none is sampled; `leftOut` says how many.
    static let limit = 256

    struct Disk {
        var device: UInt32
        var name: Bytes
        let stat: OpenFile
        let inflight: OpenFile
        var band = DeadBand<DeviceSample>()
        var inFlightSince = InFlightSince()
    }

    private let paths: HostPaths
    private(set) var disks: [Disk] = []
    private(set) var leftOut = 0
    private var announced: [UInt32: DeviceName] = [:]
    private let ceilings: [Bytes: UInt64]

    /// - Parameter ceilings: bytes per second that disks can move, by name, where somebody knows.
    init(_ paths: HostPaths, ceilings: [Bytes: UInt64] = [:]) {
        self.paths = paths
        self.ceilings = ceilings
    }

    /// Looks for disks that came, went, or changed their use; gives the names that are new or different.
    func refresh(swap: Set<UInt32>, _ buffer: inout ReadBuffer, _ found: (DeviceName) -> Void) {
        var entries = Calls.entries(paths.sys("block")) ?? []
        entries.sort { $0.name.lexicographicallyPrecedes($1.name) }
        var present: Set<UInt32> = []
        leftOut = 0
        for entry in entries {
            let directory = paths.sys("block/") + entry.name
            guard let device = deviceNumber(directory + Bytes("/dev".utf8)) else { continue }
            if let position = disks.firstIndex(where: { $0.device == device }), disks[position].name == entry.name {
                present.insert(device)
                announce(device, entry.name, directory, swap, found)
                continue
            }
            let stat = OpenFile(directory + Bytes("/stat".utf8))
            var sample = DeviceSample()
            guard buffer.fill(stat.descriptor) == 0 else { continue }
            buffer.parse { Devices.parse(stat: $0, into: &sample) }
            if sample.reads.value ?? 0 == 0, sample.writes.value ?? 0 == 0, !swap.contains(device) { continue }
            guard disks.count < Devices.limit else {
                leftOut += 1
                continue
            }
            present.insert(device)
            let inflight = OpenFile(directory + Bytes("/inflight".utf8))
            disks.removeAll { $0.device == device }
            disks.append(Disk(device: device, name: entry.name, stat: stat, inflight: inflight))
            announce(device, entry.name, directory, swap, found)
        }
        disks.removeAll { !present.contains($0.device) }
    }

    private func announce(
        _ device: UInt32, _ name: Bytes, _ directory: Bytes, _ swap: Set<UInt32>, _ found: (DeviceName) -> Void
    ) {
        var state = DeviceName()
        state.device = device
        state.name = name
        state.rotational = line(of: directory + Bytes("/queue/rotational".utf8)) == [UInt8(ascii: "1")]
        state.swap = swap.contains(device)
        state.inMemory = name.hasPrefix("zram") || name.hasPrefix("ram")
        // In sectors of 512 bytes, whatever the disk's own sector is.
        state.sizeBytes = Figure(line(of: directory + Bytes("/size".utf8))?[...].decimal).scaled(by: 512)
        state.ceilingBytes = ceilings[name] ?? 0
        guard announced[device] != state else { return }
        announced[device] = state
        found(state)
    }

    private func deviceNumber(_ path: Bytes) -> UInt32? { line(of: path).flatMap(parseDeviceNumber) }

    /// One sample of one disk.
    func sample(
        _ position: Int, now: UInt64, _ buffer: inout ReadBuffer, _ lastCompletionNs: (UInt32) -> UInt64?
    ) -> DeviceSample {
        var sample = DeviceSample()
        sample.device = disks[position].device
        if buffer.fill(disks[position].stat.descriptor) == 0 {
            buffer.parse { Devices.parse(stat: $0, into: &sample) }
        }
        if buffer.fill(disks[position].inflight.descriptor) == 0 {
            buffer.parse { bytes in
                var cursor = 0
                sample.inflightReads = bytes.figure(at: &cursor)
                sample.inflightWrites = bytes.figure(at: &cursor)
            }
        }
        sample.oldestMinNs = disks[position].inFlightSince.oldest(
            sample, now: now, lastCompletion: lastCompletionNs(sample.device))
        return sample
    }

    func withBand<R>(_ position: Int, _ body: (inout DeadBand<DeviceSample>) -> R) -> R { body(&disks[position].band) }

    /// Documentation/block/stat.rst; sectors are 512 bytes.
    static func parse(stat bytes: Span<UInt8>, into sample: inout DeviceSample) {
        var fields = InlineArray<17, Figure>(repeating: .unknown)
        var position = 0
        for index in 0..<17 {
            fields[index] = bytes.figure(at: &position)
            if fields[index].isUnknown { break }
        }
        sample.reads = fields[0]
        sample.readBytes = fields[2].scaled(by: 512)
        sample.writes = fields[4]
        sample.writeBytes = fields[6].scaled(by: 512)
        sample.busyMs = fields[9]
        sample.discards = fields[11]
        sample.flushes = fields[15]
    }
}

/// The lower bound for the age of a disk's oldest request in flight.
///
/// "Time since the last completion" alone would be wrong: the first request on a disk that was idle for an hour would look an
/// hour old. A request is known to be old only since it was first *seen* in flight with no completion after: hence the
/// smaller of the two.
struct InFlightSince {
    private var sinceNs: UInt64 = 0
    private var completions: UInt64 = 0

    /// - Returns: 0 with nothing in flight; unknown when that cannot be read.
    mutating func oldest(_ sample: DeviceSample, now: UInt64, lastCompletion: UInt64?) -> Figure {
        guard let reads = sample.inflightReads.value, let writes = sample.inflightWrites.value else { return .unknown }
        guard reads > 0 || writes > 0 else {
            sinceNs = 0
            return 0
        }
        let done = InFlightSince.completions(sample)
        let completedSince = lastCompletion.map { sinceNs != 0 && $0 > sinceNs } ?? false
        if sinceNs == 0 || done != completions || completedSince {
            sinceNs = now
            completions = done
        }
        var age = now &- sinceNs
        if let lastCompletion { age = min(age, now >= lastCompletion ? now - lastCompletion : 0) }
        return Figure(age)
    }

    private static func completions(_ sample: DeviceSample) -> UInt64 {
        (sample.reads.value ?? 0) &+ (sample.writes.value ?? 0) &+ (sample.flushes.value ?? 0)
            &+ (sample.discards.value ?? 0)
    }
}

/// `254:1` as `major << 20 | minor`.
func parseDeviceNumber(_ text: Bytes) -> UInt32? {
    let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard parts.count == 2, let major = parts[0].decimal, let minor = parts[1].decimal, major < 1 << 12, minor < 1 << 20
    else { return nil }
    return UInt32(major) << 20 | UInt32(minor)
}
