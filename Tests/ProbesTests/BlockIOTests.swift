import Events
import Glibc
import Testing

@testable import Probes

/// What one device did, summed over intervals and purposes.
private struct Sums {
    private var intervals: [IOOperation: IOInterval] = [:]
    private(set) var slow: [SlowIO] = []
    private(set) var lost: [LossSource: UInt64] = [:]
    private let device: UInt32

    init(device: UInt32) { self.device = device }

    mutating func take(from probes: Probes) {
        probes.drain { event in
            if case .slowIO(let io) = event.payload, io.device == device { slow.append(io) }
        }
        probes.readIntervals { event in
            switch event.payload {
            case .ioInterval(let interval) where interval.device == device:
                var sum = intervals[interval.operation] ?? IOInterval()
                sum.count += interval.count
                sum.bytes += interval.bytes
                sum.errors += interval.errors
                sum.untimed += interval.untimed
                sum.deviceTotalNs += interval.deviceTotalNs
                sum.deviceUs.add(interval.deviceUs)
                sum.totalUs.add(interval.totalUs)
                intervals[interval.operation] = sum
            case .lost(let loss): lost[loss.source, default: 0] += loss.count
            default: break
            }
        }
    }

    subscript(_ operation: IOOperation) -> IOInterval { intervals[operation] ?? IOInterval() }

    /// The same as the kernel's own counters put it: a flush without data is a write of 0 bytes there, beside the flush.
    func asKernelCounts(emptyFlushes: UInt64) -> LoopDevice.Statistics {
        LoopDevice.Statistics(
            reads: self[.read].count, readBytes: self[.read].bytes, writes: self[.write].count + emptyFlushes,
            writeBytes: self[.write].bytes, discards: self[.discard].count, discardBytes: self[.discard].bytes,
            flushes: self[.flush].count)
    }
}

@Suite(.serialized, .enabled(if: Live.possible && LoopDevice.possible, Comment(rawValue: Live.need + ", loop devices")))
struct BlockIOTests {
    @Test func `every IO of a device is counted once, as the device's own counters have it`() throws {
        let probes = try Probes()
        let device = try LoopDevice(bytes: 64 << 20)
        var sums = Sums(device: device.device)

        try device.write(count: 120, bytes: 4096)
        try device.write(count: 20, bytes: 65536)
        try device.flush(count: 15)
        try device.read(count: 80, bytes: 4096)
        try device.read(count: 10, bytes: 131072)
        try device.discard(count: 3, bytes: 1 << 20)

        let agreed = try eventually {
            sums.take(from: probes)
            return try device.statistics() - device.before == sums.asKernelCounts(emptyFlushes: 15)
        }
        let kernel = try device.statistics() - device.before
        #expect(agreed, "kernel: \(kernel)\nours: \(sums.asKernelCounts(emptyFlushes: 15))")
        #expect(kernel.reads >= 90)
        #expect(kernel.writes >= 140)
        #expect(sums[.flush].count == 15)
        #expect(sums[.discard].count >= 3)
        #expect(sums[.write].bytes == 120 * 4096 + 20 * 65536)
        for operation in IOOperation.allCases {
            let sum = sums[operation]
            #expect(sum.errors == 0)
            #expect(sum.deviceUs.total == sum.count - sum.untimed, "\(operation)")
            #expect(sum.totalUs.total == sum.count, "\(operation)")
        }
    }

    @Test func `a device that completed something says when, and one that did not says nothing`() throws {
        let probes = try Probes()
        let device = try LoopDevice(bytes: 1 << 20)
        #expect(probes.lastCompletionNs(device: 4095 << 20) == nil)

        let begun = clockNs(CLOCK_BOOTTIME)
        try device.read(count: 1, bytes: 4096)
        let last = try #require(probes.lastCompletionNs(device: device.device))

        // Two clocks are read one after the other to convert: allow for the microseconds between.
        #expect(last + 1_000_000 >= begun)
        #expect(last <= clockNs(CLOCK_BOOTTIME) + 1_000_000)
    }

    @Test func `slow IOs are recorded up to the limit, and those beyond are counted`() throws {
        var options = ProbeOptions()
        options.slowIONs = 1
        options.slowIOsPerSecond = 50
        let probes = try Probes(options)
        let device = try LoopDevice(bytes: 8 << 20)
        var sums = Sums(device: device.device)

        // Every device's IOs are slow by this measure, and a second's places go to who comes first: try again until some
        // are ours.
        var written = 0
        let seen = try eventually {
            try device.write(count: 200, bytes: 8192)
            written += 200
            sums.take(from: probes)
            return !sums.slow.isEmpty && sums.lost[.slowIoSuppressed, default: 0] > 0
        }
        #expect(seen)
        // What has no record is counted.
        let accounted = eventually {
            sums.take(from: probes)
            return sums.lost[.slowIoSuppressed, default: 0] + UInt64(sums.slow.count) >= written
        }
        #expect(accounted)
        #expect(sums.slow.count < written)
        for io in sums.slow where io.operation == .write {
            #expect(io.bytes == 8192)
            #expect(io.sector % 16 == 0)
            #expect(!io.swap)
            #expect(!io.failed)
            #expect(io.deviceNs.isUnknown || (io.deviceNs.value ?? 0) > 0)
        }
    }

    @Test func `an IO faster than the threshold gets no record`() throws {
        var options = ProbeOptions()
        options.slowIONs = 3_600_000_000_000
        let probes = try Probes(options)
        let device = try LoopDevice(bytes: 1 << 20)
        var sums = Sums(device: device.device)
        try device.write(count: 20, bytes: 4096)
        _ = eventually {
            sums.take(from: probes)
            return sums[.write].count >= 20
        }
        #expect(sums[.write].count == 20)
        #expect(sums.slow.isEmpty)
        #expect(sums.lost[.slowIoSuppressed] == nil)
    }

    @Test(
        .enabled(
            if: LoopDevice.charged,
            "SKIPPED: IO is not charged to cgroups of the memory controller's hierarchy here (cgroup v1)"))
    func `the bytes a device moved are shared out to cgroups`() throws {
        let probes = try Probes()
        let device = try LoopDevice(bytes: 4 << 20)
        var bytes: UInt64 = 0
        try device.read(count: 64, bytes: 16384)
        _ = eventually {
            probes.readIntervals { event in
                if case .cgroupIO(let share) = event.payload, share.device == device.device, share.operation == .read {
                    #expect(share.cgroup != 0)
                    bytes += share.bytes
                }
            }
            return bytes >= 64 * 16384
        }
        #expect(bytes >= 64 * 16384)
    }

    @Test(.enabled(if: !LoopDevice.charged, "SKIPPED: IO and memory are controlled in one hierarchy here"))
    func `a cgroup of another hierarchy is not taken for one of the memory controller's`() throws {
        var options = ProbeOptions()
        options.slowIONs = 1
        options.slowIOsPerSecond = 1_000_000
        let probes = try Probes(options)
        let device = try LoopDevice(bytes: 4 << 20)
        var sums = Sums(device: device.device)
        var shares = 0
        try device.read(count: 64, bytes: 16384)
        _ = eventually {
            probes.readIntervals { if case .cgroupIO = $0.payload { shares += 1 } }
            sums.take(from: probes)
            return !sums.slow.isEmpty
        }
        #expect(!sums.slow.isEmpty)
        #expect(sums.slow.allSatisfy { $0.cgroup == 0 })
        #expect(shares == 0)
    }
}
