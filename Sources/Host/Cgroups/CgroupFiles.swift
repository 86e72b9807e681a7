internal import CLinux
import Events
internal import Glibc

/// The files of one sampled cgroup, kept open. Limits and `memory.stat` are read less often than the rest and carried over
/// in between.
final class CgroupFiles {
    /// In the order of `names`.
    private enum File: Int {
        case current, swap, events, memoryPressure, ioPressure, peak, min, low, high, max, swapMax, stat
    }

    private static let unified: [StaticString] = [
        "memory.current", "memory.swap.current", "memory.events.local", "memory.pressure", "io.pressure", "memory.peak",
        "memory.min", "memory.low", "memory.high", "memory.max", "memory.swap.max", "memory.stat",
    ]
    /// On v1 `swap` is memory and swap together, `events` the count of failed charges, `low` the soft limit, and the place of
    /// `high` is taken by `oom_control`; an empty name is a file that does not exist there.
    private static let legacy: [StaticString] = [
        "memory.usage_in_bytes", "memory.memsw.usage_in_bytes", "memory.failcnt", "", "", "memory.max_usage_in_bytes",
        "",
        "memory.soft_limit_in_bytes", "memory.oom_control", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes",
        "memory.stat",
    ]

    private static let eventKeys = KeyedFigures(["high", "max", "oom", "oom_kill"])
    private static let oomControlKeys = KeyedFigures(["oom_kill"])
    private static let unifiedStat = KeyedFigures([
        "anon", "file", "shmem", "slab", "pgscan", "workingset_refault_anon", "workingset_refault_file",
    ])
    private static let legacyStat = KeyedFigures([
        "total_rss", "total_cache", "total_shmem", "total_swap", "total_workingset_refault_anon",
        "total_workingset_refault_file",
    ])
    /// PAGE_COUNTER_MAX in bytes is the largest positive number rounded down to a page (64 KiB pages at most).
    private static let unlimitedFrom: UInt64 = 0x7fff_ffff_ffff_0000

    let cgroup: UInt64
    private let isUnified: Bool
    private var descriptors = InlineArray<12, Int32>(repeating: -1)
    private var detail = CgroupSample()
    private var detailNs: UInt64?
    private(set) var isGone = false

    /// - Returns: `nil` when the directory is not there or is another cgroup's by now.
    init?(_ hierarchy: CgroupHierarchy, id: UInt64, path: Bytes) {
        guard let place = hierarchy.directory(of: path) else { return nil }
        let directory = Calls.open(place, O_DIRECTORY | iq_O_PATH)
        guard directory >= 0 else { return nil }
        defer { Calls.close(directory) }
        guard Calls.status(of: directory)?.inode == id else { return nil }
        cgroup = id
        isUnified = hierarchy.mode == .unified
        let names = isUnified ? CgroupFiles.unified : CgroupFiles.legacy
        for index in names.indices where names[index].utf8CodeUnitCount > 0 {
            descriptors[index] = Calls.open(names[index], in: directory)
        }
        if isUnified, descriptors[File.events.rawValue] == -ENOENT {
            // Kernels before 5.2 count a cgroup's events together with those below it.
            descriptors[File.events.rawValue] = Calls.open("memory.events", in: directory)
        }
    }

    deinit { for index in descriptors.indices { Calls.close(descriptors[index]) } }

    /// Whether descriptors ran out while opening.
    var isShortOfDescriptors: Bool {
        for index in descriptors.indices where descriptors[index] == -EMFILE || descriptors[index] == -ENFILE {
            return true
        }
        return false
    }

    func sample(now: UInt64, detailEveryNs: UInt64, _ buffer: inout ReadBuffer) -> CgroupSample {
        if detailNs == nil || now &- (detailNs ?? 0) >= detailEveryNs {
            detail = CgroupSample()
            detail.cgroup = cgroup
            if isUnified { readUnifiedDetail(&buffer) } else { readLegacyDetail(&buffer) }
            detailNs = now
        }
        var sample = detail
        if fill(.current, &buffer) {
            sample.currentBytes = buffer.parse { $0.singleFigure() }
        }
        if isUnified { readUnified(&sample, &buffer) } else { readLegacy(&sample, &buffer) }
        return sample
    }

    private func readUnified(_ sample: inout CgroupSample, _ buffer: inout ReadBuffer) {
        if fill(.swap, &buffer) { sample.swapBytes = buffer.parse { $0.singleFigure() } }
        if fill(.events, &buffer) {
            let values = buffer.parse(CgroupFiles.eventKeys.read)
            sample.eventsHigh = values[0]
            sample.eventsMax = values[1]
            sample.eventsOom = values[2]
            sample.eventsOomKill = values[3]
        }
        if fill(.memoryPressure, &buffer) {
            (sample.memorySomeUs, sample.memoryFullUs) = buffer.parse(PressureReader.totals)
        }
        if fill(.ioPressure, &buffer) { (_, sample.ioFullUs) = buffer.parse(PressureReader.totals) }
    }

    private func readUnifiedDetail(_ buffer: inout ReadBuffer) {
        if fill(.peak, &buffer) { detail.peakBytes = buffer.parse { $0.singleFigure() } }
        if fill(.min, &buffer) { detail.minBytes = buffer.parse { $0.singleFigure() } }
        if fill(.low, &buffer) { detail.lowBytes = buffer.parse { $0.singleFigure() } }
        if fill(.high, &buffer) { detail.highBytes = buffer.parse { $0.singleFigure() } }
        if fill(.max, &buffer) { detail.maxBytes = buffer.parse { $0.singleFigure() } }
        if fill(.swapMax, &buffer) { detail.swapMaxBytes = buffer.parse { $0.singleFigure() } }
        if fill(.stat, &buffer) {
            let values = buffer.parse(CgroupFiles.unifiedStat.read)
            detail.anonBytes = values[0]
            detail.fileBytes = values[1]
            detail.shmemBytes = values[2]
            detail.slabBytes = values[3]
            detail.pgscan = values[4]
            detail.refaultAnon = values[5]
            detail.refaultFile = values[6]
        }
    }

    private func readLegacy(_ sample: inout CgroupSample, _ buffer: inout ReadBuffer) {
        if fill(.swap, &buffer), let both = buffer.parse({ $0.singleFigure() }).value,
            let memory = sample.currentBytes.value
        {
            // Read one after the other: between them memory may have grown.
            sample.swapBytes = Figure(both >= memory ? both - memory : 0)
        }
        if fill(.events, &buffer) { sample.eventsMax = buffer.parse { $0.singleFigure() } }
        if fill(.high, &buffer) { sample.eventsOomKill = buffer.parse(CgroupFiles.oomControlKeys.read)[0] }
    }

    private func readLegacyDetail(_ buffer: inout ReadBuffer) {
        if fill(.peak, &buffer) { detail.peakBytes = buffer.parse { $0.singleFigure() } }
        if fill(.low, &buffer) {
            // Not set (the default) is no protection; v1 has no other word for it.
            let soft = CgroupFiles.limit(buffer.parse { $0.singleFigure() })
            detail.lowBytes = soft.isUnlimited ? .unknown : soft
        }
        if fill(.max, &buffer) { detail.maxBytes = CgroupFiles.limit(buffer.parse { $0.singleFigure() }) }
        if fill(.swapMax, &buffer) {
            let both = CgroupFiles.limit(buffer.parse { $0.singleFigure() })
            // What swap may hold while memory is at its own limit.
            if let sum = both.value, let memory = detail.maxBytes.value {
                detail.swapMaxBytes = Figure(sum >= memory ? sum - memory : 0)
            } else {
                detail.swapMaxBytes = both
            }
        }
        if fill(.stat, &buffer) {
            let values = buffer.parse(CgroupFiles.legacyStat.read)
            detail.anonBytes = values[0]
            detail.fileBytes = values[1]
            detail.shmemBytes = values[2]
            detail.swapBytes = values[3]
            detail.refaultAnon = values[4]
            detail.refaultFile = values[5]
        }
    }

    static func limit(_ figure: Figure) -> Figure { (figure.value ?? 0) >= unlimitedFrom ? .unlimited : figure }

    private func fill(_ file: File, _ buffer: inout ReadBuffer) -> Bool {
        let descriptor = descriptors[file.rawValue]
        guard descriptor >= 0 else { return false }
        let errno = buffer.fill(descriptor)
        // A file of a removed cgroup stays open and says ENODEV.
        if errno == ENODEV { isGone = true }
        return errno == 0
    }
}
