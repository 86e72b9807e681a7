public import Events

// The facts of containment, from what the correlator has heard.

extension Correlator {
    /// - Parameter tasks: a census of every process; without it, the last one heard, which has the largest.
    public func containment(tasks: [CensusTask]? = nil) -> ContainmentFacts { state.containment(tasks: tasks) }
}

extension State {
    /// - Parameter open: an incident, whose limits count as they were when it began.
    func containment(tasks: [CensusTask]? = nil, during open: OpenIncident? = nil) -> ContainmentFacts {
        var facts = ContainmentFacts()
        facts.memoryTotalBytes = Figure(host.memory.totalBytes.value ?? recorder.memoryTotalBytes.value)
        facts.availableBytes = host.memory.availableBytes
        facts.swapTotalBytes = Figure(host.memory.swapTotalBytes.value ?? recorder.swapTotalBytes.value)
        facts.swapFreeBytes = host.memory.swapFreeBytes
        facts.pageSize = recorder.pageSize
        facts.cgroupMode = recorder.cgroupMode
        facts.ioAccounted = recorder.ioAccounted
        facts.recorderTgid = recorder.recorderTgid
        facts.backstops = backstops
        facts.swapDevices = devices.filter(\.isSwap).map { device in
            var swap = SwapDevice()
            swap.name = device.name
            swap.inMemory = device.inMemory
            swap.rotational = device.isRotational
            if device.ceilingBytes > 0 { swap.ceilingBytes = Figure(device.ceilingBytes) }
            swap.ceilingIsSet = device.setBytes != 0
            return swap
        }
        let found = CgroupTrees.trees(of: limitedCgroups(open?.cgroups ?? []))
        facts.trees = Array(found.prefix(CgroupTrees.listed))
        facts.treesLeftOut = UInt64(found.count - facts.trees.count)
        rank(tasks ?? census.tasks, isWhole: tasks != nil, &facts)
        return facts
    }

    /// Every cgroup that was sampled, with its limits.
    private func limitedCgroups(_ tracks: [CgroupTrack]) -> [CgroupTree] {
        var found: [CgroupTree] = []
        for cgroup in cgroups where !cgroup.sample.currentBytes.isUnknown {
            guard let name = names[cgroup.id], name.removedNs == 0, name.path.count > 1 else { continue }
            let identity = Identity(path: name.path)
            if identity.drillPid != nil || name.path == RecorderCgroup.path { continue }
            var tree = CgroupTree()
            tree.path = name.path
            tree.currentBytes = cgroup.sample.currentBytes
            tree.swapBytes = cgroup.sample.swapBytes
            tree.highBytes = cgroup.sample.highBytes
            tree.maxBytes = cgroup.sample.maxBytes
            tree.swapMaxBytes = cgroup.sample.swapMaxBytes
            if let track = tracks.first(where: { $0.id == cgroup.id }), !track.maxBytes.isUnknown {
                tree.highBytes = track.highBytes
                tree.maxBytes = track.maxBytes
                tree.swapMaxBytes = track.swapMaxBytes
            }
            if let uid = identity.uid {
                tree.uid = Figure(UInt64(uid))
                tree.user = userName(uid)
            }
            found.append(tree)
        }
        return found
    }

    private func rank(_ tasks: [CensusTask], isWhole: Bool, _ facts: inout ContainmentFacts) {
        let memory = facts.memoryTotalBytes.value ?? 0
        let all = memory &+ (facts.swapTotalBytes.value ?? 0)
        guard memory > 0, !tasks.isEmpty else { return }
        let pageSize = recorder.pageSize
        var homes: [UInt32: UInt64] = [:]
        for task in tasks { homes[task.task.tgid] = task.task.cgroup }
        func named(_ candidate: KillCandidate) -> KillCandidate {
            var candidate = candidate
            candidate.cgroup = homes[candidate.pid].map { names.path($0) } ?? Bytes()
            candidate.user = userName(candidate.uid)
            return candidate
        }
        let ranking = KillRanking(tasks, totalPages: all / pageSize, pageSize: pageSize)
        facts.processes = UInt64(ranking.candidates.count + ranking.exempt.count)
        facts.isWholeCensus = isWhole
        facts.ranking = ranking.candidates.prefix(ContainmentFacts.listed).map(named)
        facts.exempt = ranking.exempt.filter { $0.pid != 1 }.prefix(ContainmentFacts.listed).map(named)
        facts.wayIn = WayIn.find(ranking.candidates + ranking.exempt, recorder: recorder.recorderTgid).map(named)
        for index in facts.trees.indices {
            let path = facts.trees[index].path
            let inside = tasks.filter { isWithin(names.path($0.task.cgroup), path) }
            // Inside a cgroup its limit counts, and the swap that it may use.
            let limit =
                (facts.trees[index].maxBytes.value ?? memory)
                &+ min(facts.trees[index].swapMaxBytes.value ?? .max, facts.swapTotalBytes.value ?? 0)
            let local = KillRanking(inside, totalPages: limit / pageSize, pageSize: pageSize)
            // Chosen by the measure of the cgroup, told by that of the machine, as /proc does.
            facts.trees[index].next = local.candidates.first.flatMap { first in
                ranking.candidates.first { $0.pid == first.pid }.map(named)
            }
        }
    }
}

extension ContainmentFacts {
    /// Processes named of each kind.
    static let listed = 8
}

/// Which cgroups stand for all: those at which a limit is met first on the way down, and where none is, the topmost.
enum CgroupTrees {
    static let listed = 24

    /// - Returns: the largest first.
    static func trees(of cgroups: [CgroupTree]) -> [CgroupTree] {
        var nodes = cgroups.sorted { $0.path.lexicographicallyPrecedes($1.path) }
        var children = [[Int]](repeating: [], count: nodes.count)
        var tops: [Int] = []
        var places: [Bytes: Int] = [:]
        for index in nodes.indices {
            places[nodes[index].path] = index
            var above = parentPath(nodes[index].path)
            while let path = above, places[path] == nil { above = parentPath(path) }
            guard let parent = above.flatMap({ places[$0] }) else {
                tops.append(index)
                continue
            }
            children[parent].append(index)
            // No more swap than everybody on the way up may use.
            if let limit = nodes[parent].swapMaxBytes.value, nodes[index].swapMaxBytes.value ?? .max > limit {
                nodes[index].swapMaxBytes = Figure(limit)
            }
        }
        var found: [CgroupTree] = []
        func hasCap(_ index: Int) -> Bool { nodes[index].isCapped || children[index].contains { hasCap($0) } }
        func visit(_ index: Int) {
            let below = children[index]
            // Users share nothing but the slice above them: each is a tree of its own.
            let isUsers = nodes[index].path == Bytes("/user.slice".utf8)
            if !nodes[index].isCapped, !below.isEmpty, isUsers || hasCap(index) {
                for child in below { visit(child) }
            } else {
                found.append(nodes[index])
            }
        }
        for top in tops { visit(top) }
        return found.sorted { ($0.currentBytes.value ?? 0) > ($1.currentBytes.value ?? 0) }
    }
}
