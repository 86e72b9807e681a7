import Events

/// A cgroup's name, kept for a while after its removal.
struct CgroupName: Fields {
    var id: UInt64 = 0
    var path = Bytes()
    /// When its creation was heard; 0 when it was there before.
    var createdNs: UInt64 = 0
    /// When its removal was heard; 0 while it lives.
    var removedNs: UInt64 = 0
    var seenNs: UInt64 = 0
    /// `memory.events.local` `oom` as last seen at a kill; 0 for one whose creation was heard.
    var oomEvents = Figure.unknown

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("id", &id)
        try w.text("path", &path)
        try w.unsigned("created_ns", &createdNs)
        try w.unsigned("removed_ns", &removedNs)
        try w.unsigned("seen_ns", &seenNs)
        try w.figure("oom_events", &oomEvents)
    }
}

/// The names of cgroups by kernfs id of the memory controller's hierarchy: sorted, bounded.
struct CgroupNames: Fields {
    private var names: [CgroupName] = []

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.list("names", &names)
    }

    private func position(of id: UInt64) -> Int {
        var low = 0
        var high = names.count
        while low < high {
            let middle = (low + high) / 2
            if names[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Each name as the event that would have said it.
    var changes: [CgroupChange] {
        names.map { name in
            var change = CgroupChange()
            change.id = name.id
            change.path = name.path
            change.action = name.removedNs == 0 ? .seen : .removed
            return change
        }
    }

    subscript(id: UInt64) -> CgroupName? {
        let position = position(of: id)
        return position < names.count && names[position].id == id ? names[position] : nil
    }

    /// The path; empty when unknown.
    func path(_ id: UInt64) -> Bytes { self[id]?.path ?? Bytes() }

    func id(of path: Bytes) -> UInt64? { names.first { $0.path == path && $0.removedNs == 0 }?.id }

    mutating func update(_ id: UInt64, at ns: UInt64, _ body: (inout CgroupName) -> Void) {
        var position = position(of: id)
        if position == names.count || names[position].id != id {
            if names.count >= Bounds.cgroupNames {
                forgetOne()
                position = self.position(of: id)
            }
            var fresh = CgroupName()
            fresh.id = id
            names.insert(fresh, at: position)
        }
        names[position].seenNs = ns
        body(&names[position])
    }

    /// The one removed longest ago, else the one seen longest ago.
    private mutating func forgetOne() {
        var victim = 0
        for index in names.indices {
            let (a, b) = (names[index], names[victim])
            if (a.removedNs != 0) != (b.removedNs != 0) {
                if a.removedNs != 0 { victim = index }
            } else if a.removedNs != 0 ? a.removedNs < b.removedNs : a.seenNs < b.seenNs {
                victim = index
            }
        }
        names.remove(at: victim)
    }

    mutating func note(_ change: CgroupChange, at ns: UInt64) {
        let old = change.action == .renamed ? path(change.id) : Bytes()
        update(change.id, at: ns) { name in
            if !change.path.isEmpty { name.path = change.path }
            switch change.action {
            case .seen: name.removedNs = 0
            case .created:
                name.createdNs = ns
                name.removedNs = 0
                name.oomEvents = 0
            case .removed: name.removedNs = ns
            case .renamed: break
            }
        }
        guard !old.isEmpty, old != change.path else { return }
        let prefix = old + [UInt8(ascii: "/")]
        for index in names.indices where names[index].path.starts(with: prefix) {
            names[index].path = change.path + names[index].path.dropFirst(old.count)
        }
    }

    mutating func clear() { names.removeAll() }
}

/// Whether a path is a cgroup or lies below it; everything lies below the root.
func isWithin(_ path: Bytes, _ ancestor: Bytes) -> Bool {
    if ancestor.isEmpty || path.count < ancestor.count { return false }
    if ancestor == [UInt8(ascii: "/")] { return true }
    return path.starts(with: ancestor)
        && (path.count == ancestor.count || path[ancestor.count] == UInt8(ascii: "/"))
}

/// `/a/b` is the parent of `/a/b/c`; the root has none.
func parentPath(_ path: Bytes) -> Bytes? {
    guard path.count > 1, let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return nil }
    return slash == 0 ? [UInt8(ascii: "/")] : Bytes(path[..<slash])
}
