import Events
internal import Glibc

/// Which cgroups there are, and which of them are sampled: the largest by memory and by swap, and those that something
/// happened to. Bounded in every direction (`SamplerOptions`).
///
/// The tree is scanned once; afterwards the kernel's own events name what comes and goes. The search for the largest reads a
/// few cgroups a tick, so that thousands of them cost no more than a hundred.
final class CgroupTable {
    struct Known {
        var id: UInt64
        var path: Bytes
        var currentBytes: UInt64 = 0
        var swapBytes: UInt64 = 0
        var notedUntilNs: UInt64 = 0
    }

    struct Sampled {
        let files: CgroupFiles
        var band = DeadBand<CgroupSample>()
    }

    let hierarchy: CgroupHierarchy
    private let options: SamplerOptions
    private var known: [Known] = []
    private var position: [UInt64: Int] = [:]
    private(set) var sampled: [Sampled] = []
    private var rootID: UInt64 = 0
    /// Where the search goes on; `nil` between two searches.
    private var cursor: Int?
    private var searchedNs: UInt64?
    /// The first search is not spread out: until it is done, nothing is sampled.
    private var hasSearched = false
    private var needsSelection = false
    private var notSampled: UInt64 = 0
    private var path = Bytes()

    init(_ hierarchy: CgroupHierarchy, _ options: SamplerOptions) {
        self.hierarchy = hierarchy
        self.options = options
    }

    /// Cgroups left out since the last call: too many to know, or no descriptors for them.
    func takeNotSampled() -> UInt64 {
        defer { notSampled = 0 }
        return notSampled
    }

    /// Scans the tree; gives what was not known before.
    func scan(_ found: (CgroupChange) -> Void) {
        let isFirst = rootID == 0
        let leftOut = hierarchy.scan(limit: options.knownCgroups) { id, path in
            if rootID == 0 { rootID = id }
            if let place = position[id], known[place].path == path { return }
            if id == rootID, !isFirst { return }
            learn(id, path)
            var change = CgroupChange()
            change.id = id
            change.hierarchy = hierarchy.id
            change.action = .seen
            change.path = path
            found(change)
        }
        notSampled &+= UInt64(leftOut)
    }

    /// A cgroup exists, by this path.
    func learn(_ id: UInt64, _ path: Bytes) {
        // The root's figures are the host's.
        guard id != rootID, !path.isEmpty else { return }
        if let place = position[id] {
            known[place].path = path
            return
        }
        guard known.count < options.knownCgroups else {
            notSampled &+= 1
            return
        }
        position[id] = known.count
        known.append(Known(id: id, path: path))
    }

    /// Something happened to it: it is sampled for a while.
    func note(_ id: UInt64, _ path: Bytes, now: UInt64) {
        learn(id, path)
        guard let place = position[id] else { return }
        let wasNoted = known[place].notedUntilNs > now
        known[place].notedUntilNs = now &+ options.notedNs
        if !wasNoted { needsSelection = true }
    }

    func forget(_ id: UInt64) {
        sampled.removeAll { $0.files.cgroup == id }
        guard let place = position.removeValue(forKey: id) else { return }
        let last = known.removeLast()
        guard place < known.count else { return }
        known[place] = last
        position[last.id] = place
    }

    /// Goes on with the search for the largest, when it is due. In most ticks of a calm machine there is nothing to do.
    func rank(now: UInt64, underPressure: Bool, _ buffer: inout ReadBuffer) {
        let interval = underPressure ? options.rankingUnderPressureNs : options.rankingNs
        if cursor == nil, searchedNs.map({ now &- $0 >= interval }) ?? true {
            cursor = 0
            searchedNs = now
        }
        if var place = cursor {
            var left = underPressure || !hasSearched ? options.rankingBatch : options.rankingBatchInCalm
            while place < known.count, left > 0 {
                left -= 1
                // One that is gone, though no event said so, makes room; another has taken its place.
                if measure(place, &buffer) { place += 1 } else { forget(known[place].id) }
            }
            cursor = place < known.count ? place : nil
            if cursor == nil {
                needsSelection = true
                hasSearched = true
            }
        }
        if needsSelection {
            needsSelection = false
            select(now: now)
        }
    }

    /// - Returns: whether the cgroup is there.
    private func measure(_ place: Int, _ buffer: inout ReadBuffer) -> Bool {
        let isUnified = hierarchy.mode == .unified
        let usage = read(place, isUnified ? "/memory.current" : "/memory.usage_in_bytes", &buffer)
        // Without the memory controller a cgroup of v2 lacks the file and still exists.
        if usage.isUnknown, !Calls.exists(hierarchy.directory(of: known[place].path) ?? []) { return false }
        let memory = usage.value ?? 0
        let swap = read(place, isUnified ? "/memory.swap.current" : "/memory.memsw.usage_in_bytes", &buffer).value ?? 0
        known[place].currentBytes = memory
        known[place].swapBytes = isUnified ? swap : (swap > memory ? swap - memory : 0)
        return true
    }

    private func read(_ place: Int, _ file: StaticString, _ buffer: inout ReadBuffer) -> Figure {
        path.removeAll(keepingCapacity: true)
        path.append(contentsOf: hierarchy.mountPoint)
        path.append(contentsOf: known[place].path.dropFirst(hierarchy.prefix.count))
        unsafe path.append(
            contentsOf: UnsafeBufferPointer(start: file.utf8Start, count: file.utf8CodeUnitCount))
        let descriptor = Calls.open(path)
        guard descriptor >= 0 else { return .unknown }
        defer { Calls.close(descriptor) }
        return buffer.fill(descriptor) == 0 ? buffer.parse { $0.singleFigure() } : .unknown
    }

    private func select(now: UInt64) {
        var chosen: Set<UInt64> = []
        let order = known.indices.sorted { known[$0].currentBytes > known[$1].currentBytes }
        for place in order.prefix(options.topCgroups) where known[place].currentBytes > 0 {
            chosen.insert(known[place].id)
        }
        let swapping = known.indices.filter { known[$0].swapBytes > 0 }
            .sorted { known[$0].swapBytes > known[$1].swapBytes }
        for place in swapping.prefix(options.topSwapCgroups) { chosen.insert(known[place].id) }
        // Of those that were noted, the latest.
        let noted = known.indices.filter { known[$0].notedUntilNs > now }
            .sorted { known[$0].notedUntilNs > known[$1].notedUntilNs }
        if noted.count > options.notedCgroups { notSampled &+= UInt64(noted.count - options.notedCgroups) }
        for place in noted.prefix(options.notedCgroups) { chosen.insert(known[place].id) }

        sampled.removeAll { !chosen.contains($0.files.cgroup) }
        let present = Set(sampled.map(\.files.cgroup))
        for id in chosen.subtracting(present).sorted() {
            guard let place = position[id] else { continue }
            guard let files = CgroupFiles(hierarchy, id: id, path: known[place].path) else {
                forget(id)
                continue
            }
            guard !files.isShortOfDescriptors else {
                notSampled &+= 1
                continue
            }
            sampled.append(Sampled(files: files))
        }
    }

    /// One sample of every chosen cgroup; those that turn out to be removed are forgotten.
    ///
    /// - Parameter all: whether every sample will be written; otherwise limits and `memory.stat` are read again only for one
    ///   that moved.
    func sample(
        now: UInt64, all: Bool, _ buffer: inout ReadBuffer,
        _ body: (inout DeadBand<CgroupSample>, CgroupSample) -> Void
    ) {
        var gone: [UInt64] = []
        for index in sampled.indices {
            let files = sampled[index].files
            let detailNs = all ? options.cgroupDetailNs : options.cgroupDetailInCalmNs
            var sample = files.sample(now: now, detailEveryNs: detailNs, &buffer)
            if !all, !files.isGone, sampled[index].band.isMovement(sample, options.moved) {
                sample = files.sample(now: now, detailEveryNs: options.cgroupDetailNs, &buffer)
            }
            if sampled[index].files.isGone {
                gone.append(sample.cgroup)
            } else {
                body(&sampled[index].band, sample)
            }
        }
        for id in gone { forget(id) }
    }

    func forEachKnown(_ body: (Known) -> Void) { for entry in known { body(entry) } }
}
