import Events

/// Counters of cgroups, for a label set that is bounded: those with the most have a series of their own, the others share one.
///
/// No counter ever falls. What a cgroup had before it got its series stays with the others; a series that makes room just ends, and
/// begins at 0 should it come back. So the sum over all series rises by what was added, whoever has one.
struct CgroupSeries: Fields {
    /// Series of their own.
    static let listed = 32
    /// Cgroups whose rank is known.
    static let known = 256
    static let lanes = 2

    struct Entry: Fields {
        var path = Bytes()
        /// Everything that was added, in whichever series.
        var rank: UInt64 = 0
        var isListed = false
        /// What was added while it had a series of its own.
        var values = InlineArray<2, UInt64>(repeating: 0)

        init() {}
        mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
            try w.text("path", &path)
            try w.unsigned("rank", &rank)
            try w.flag("is_listed", &isListed)
            try w.unsigned("first", &values[0])
            try w.unsigned("second", &values[1])
        }
    }

    private(set) var entries: [Entry] = []
    /// Of all cgroups without a series.
    private(set) var others = Entry()

    init() {}
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.list("entries", &entries)
        try w.group("others", &others)
    }

    /// - Parameter path: empty for a cgroup whose name is not known.
    mutating func add(_ amount: UInt64, lane: Int, to path: Bytes) {
        guard amount > 0 else { return }
        let index = place(path)
        entries[index].rank &+= amount
        if !entries[index].isListed { list(index) }
        if entries[index].isListed {
            entries[index].values[lane] &+= amount
        } else {
            others.values[lane] &+= amount
        }
    }

    /// Those with a series, by path.
    var listed: [Entry] { entries.filter(\.isListed).sorted { $0.path.lexicographicallyPrecedes($1.path) } }

    private mutating func place(_ path: Bytes) -> Int {
        if let index = entries.firstIndex(where: { $0.path == path }) { return index }
        if entries.count >= Self.known, let least = least(listed: false) { entries.remove(at: least) }
        var fresh = Entry()
        fresh.path = path
        entries.append(fresh)
        return entries.count - 1
    }

    /// Gives it a series while there is room, or when it has twice what the least of those with one has: a close race must not
    /// begin series again and again.
    private mutating func list(_ index: Int) {
        if entries.count(where: \.isListed) >= Self.listed {
            guard let least = least(listed: true), entries[index].rank > 2 * entries[least].rank else { return }
            entries[least].isListed = false
            entries[least].values = InlineArray(repeating: 0)
        }
        entries[index].isListed = true
    }

    private func least(listed: Bool) -> Int? {
        entries.indices.filter { entries[$0].isListed == listed }.min { entries[$0].rank < entries[$1].rank }
    }
}
