import Events

/// The caps of the cgroup tree against the machine's memory: which trees have one, and what they add up to; and where the io
/// controller ends while that of memory goes on.
///
/// A tree is capped where a limit is met first on the way down. A cgroup without a limit is looked into while some cgroup
/// below it has one; otherwise it counts as one uncapped tree.
struct Caps {
    /// Trees named in the settings; the counts are of all.
    static let listed = 32
    /// How deep a limit is looked for: `/user.slice/user-1000.slice/session-1.scope/...`.
    private static let depth = 5
    /// Cgroups whose limit is read, the highest in the tree first: this happens once a minute.
    private static let nodeLimit = 2048

    private struct Node {
        var path: Bytes
        var limit: Figure
        var children: [Int] = []
    }

    private var nodes: [Node] = []
    private(set) var capped: [(path: Bytes, bytes: UInt64)] = []
    private(set) var uncapped: [Bytes] = []
    /// Cgroups that the io controller sees, and whose children only memory's does, the topmost; `nil` where that is not known.
    private(set) var ioEnds: [Bytes]?

    init(_ cgroups: CgroupTable, _ buffer: inout ReadBuffer) {
        var order: [(level: Int, path: Bytes)] = []
        cgroups.forEachKnown { entry in
            let level = entry.path.reduce(0) { $0 + ($1 == UInt8(ascii: "/") ? 1 : 0) }
            if level <= Caps.depth { order.append((level, entry.path)) }
        }
        order.sort { $0.level == $1.level ? $0.path.lexicographicallyPrecedes($1.path) : $0.level < $1.level }
        var index: [ArraySlice<UInt8>: Int] = [:]
        var tops: [Int] = []
        for (_, path) in order.prefix(Caps.nodeLimit) {
            guard let limit = Caps.limit(cgroups.hierarchy, path, &buffer) else { continue }
            let place = nodes.count
            nodes.append(Node(path: path, limit: limit))
            index[path[...]] = place
            let slash = path.lastIndex(of: UInt8(ascii: "/")) ?? 0
            if let parent = index[path[..<slash]] { nodes[parent].children.append(place) } else { tops.append(place) }
        }
        for top in tops { visit(top) }
        capped.sort { $0.bytes > $1.bytes }
        ioEnds = whereIOEnds(cgroups.hierarchy, tops)
    }

    /// Goes down while a cgroup hands the controller on. What cannot be read is said to be nothing.
    private func whereIOEnds(_ hierarchy: CgroupHierarchy, _ tops: [Int]) -> [Bytes]? {
        guard hierarchy.mode == .unified, let isHandedOn = hierarchy.handsOnIO(hierarchy.mountPoint) else { return nil }
        guard isHandedOn else { return [Bytes("/".utf8)] }
        var ends: [Bytes] = []
        var waiting = tops
        var next = 0
        while next < waiting.count {
            let node = nodes[waiting[next]]
            next += 1
            guard !node.children.isEmpty, let directory = hierarchy.directory(of: node.path),
                let isHandedOn = hierarchy.handsOnIO(directory)
            else { continue }
            if isHandedOn { waiting += node.children } else { ends.append(node.path) }
        }
        return ends
    }

    private static func limit(_ hierarchy: CgroupHierarchy, _ path: Bytes, _ buffer: inout ReadBuffer) -> Figure? {
        guard let directory = hierarchy.directory(of: path) else { return nil }
        let file = hierarchy.mode == .unified ? "/memory.max" : "/memory.limit_in_bytes"
        guard buffer.fill(path: directory + Bytes(file.utf8)) == 0 else { return nil }
        return CgroupFiles.limit(buffer.parse { $0.singleFigure() })
    }

    private func hasCap(_ place: Int) -> Bool {
        nodes[place].limit.value != nil || nodes[place].children.contains { hasCap($0) }
    }

    private mutating func visit(_ place: Int) {
        if let bytes = nodes[place].limit.value {
            capped.append((nodes[place].path, bytes))
        } else if hasCap(place) {
            for child in nodes[place].children { visit(child) }
        } else {
            uncapped.append(nodes[place].path)
        }
    }

    /// One `key=value` a line. A name's own newlines are written `?`, so that it cannot forge a line.
    func state(memoryTotal: Figure) -> BackstopState {
        var total: UInt64 = 0
        for tree in capped {
            total = total.addingReportingOverflow(tree.bytes).overflow ? .max - 2 : total + tree.bytes
        }
        var text = ""
        if let memory = memoryTotal.value { text += "memory_total_bytes=\(memory)\n" }
        text += "capped_trees=\(capped.count)\ncapped_total_bytes=\(total)\nuncapped_trees=\(uncapped.count)\n"
        var settings = Bytes(text.utf8)
        for tree in capped.prefix(Caps.listed) {
            settings += Bytes("capped=\(tree.bytes) ".utf8) + Caps.oneLine(tree.path) + [UInt8(ascii: "\n")]
        }
        for path in uncapped.prefix(Caps.listed) {
            settings += Bytes("uncapped=".utf8) + Caps.oneLine(path) + [UInt8(ascii: "\n")]
        }
        if let ioEnds {
            settings += Bytes("io_ends_trees=\(ioEnds.count)\n".utf8)
            for path in ioEnds.prefix(Caps.listed) {
                settings += Bytes("io_ends=".utf8) + Caps.oneLine(path) + [UInt8(ascii: "\n")]
            }
        }
        var state = BackstopState()
        state.kind = .caps
        state.running = !capped.isEmpty
        state.settings = settings
        return state
    }

    private static func oneLine(_ path: Bytes) -> Bytes {
        path.map { $0 == UInt8(ascii: "\n") ? UInt8(ascii: "?") : $0 }
    }
}
