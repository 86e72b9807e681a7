import Events
import Incidents
import Rendering

/// The largest cgroups: by memory, or by what the reader asked for.
struct CgroupTable {
    private let groups: [CgroupStanding]
    private let order: CgroupOrder
    private let width: Int

    init(_ model: ScreenModel, _ control: ScreenControl, width: Int) {
        self.width = width
        order = control.order
        let order = order
        let names = model.names
        let all = model.standing.cgroups.filter { group in
            guard group.path.count > 1, order.weight(group) > 0 else { return false }
            return control.shows(NameWords.cgroup(group.path)) || control.shows(owner(of: group.path, names))
        }
        // An ancestor most of whose part is one child's says nothing new.
        let said = all.filter { group in
            let least = order.weight(group) / 10 * 9
            let below = group.path + [UInt8(ascii: "/")]
            return !all.contains { $0.path.starts(with: below) && order.weight($0) >= least }
        }
        groups = said.sorted { a, b in
            let (x, y) = (order.weight(a), order.weight(b))
            return x != y ? x > y : a.path.lexicographicallyPrecedes(b.path)
        }
    }

    func rows(atMost count: Int) -> [ScreenRow] {
        guard !groups.isEmpty else { return [] }
        let name = width - 53
        var heading = ScreenRow(width: width)
        heading.cell("CGROUP", name, .bar)
        for (title, columns, mark) in [
            ("memory", 10, CgroupOrder.memory), ("in 30 s", 11, nil), ("swap", 10, .swap),
            ("throttled", 10, .throttled),
            ("disk", 12, .disk),
        ] as [(String, Int, CgroupOrder?)] {
            heading.cell((mark == order ? "*" : "") + title, columns, right: true, .bar)
        }
        heading.fill(.bar)
        return [heading] + groups.prefix(count).map { row($0, name) }
    }

    private func row(_ group: CgroupStanding, _ name: Int) -> ScreenRow {
        var row = ScreenRow(width: width)
        row.name(NameWords.cgroup(group.path), name, group.phase >= .pressure ? .alarm : .plain)
        row.cell(Units.bytes(group.memoryBytes), 10, right: true)
        let trend = Self.trend(group.grewBytes)
        row.cell(trend.text, 11, right: true, trend.look)
        row.cell(Units.bytes(group.swapBytes), 10, right: true)
        let isStuck = group.isLiveLocked || group.throttled.value ?? 0 >= 0.5
        row.cell(Units.percent(group.throttled), 10, right: true, isStuck ? .alarm : .plain)
        row.cell(Units.bytesPerSecond(group.movedBytesPerSecond), 12, right: true)
        return row
    }

    private static func trend(_ grew: Int64?) -> (text: String, look: Look) {
        guard let grew else { return ("?", .faint) }
        let size = Units.bytes(grew.magnitude)
        if grew == 0 { return ("0 B", .faint) }
        return grew > 0 ? ("+" + size, grew >= 64 << 20 ? .warning : .plain) : ("-" + size, .good)
    }
}

/// Whose a cgroup is, by its path; empty for nobody's.
private func owner(of path: Bytes, _ names: NameTable) -> String {
    CgroupOwner.of(path).map { names.user($0) } ?? ""
}

/// Who waits in D state, and for what; those who wait for the same are one row.
struct BlockedTable {
    private struct Crowd {
        var who: String
        var whose: String
        var what: String
        var count: Int
    }

    private let crowds: [Crowd]
    private let total: Int
    private let age: UInt64
    private let width: Int

    init(_ model: ScreenModel, _ control: ScreenControl, width: Int) {
        self.width = width
        let standing = model.standing
        let blocked = standing.tasks.filter(\.isBlocked)
        total = blocked.count
        age = standing.nowNs &- standing.censusNs
        var crowds: [Crowd] = []
        for task in blocked {
            let what = WaitWords.words(task.stack)
            let name = NameWords.name(task.task.comm.bytes)
            let whose = task.task.isKernelThread ? "the kernel" : model.names.user(task.task.uid)
            let cgroup = task.task.isKernelThread ? "" : " in " + model.names.cgroup(task.task.cgroup)
            guard control.shows(name) || control.shows(whose + cgroup) || control.shows(what) else { continue }
            if let same = crowds.firstIndex(where: { $0.what == what && $0.whose == whose + cgroup }) {
                crowds[same].count += 1
                crowds[same].who =
                    crowds[same].who == name || crowds[same].who.hasSuffix(" and others")
                    ? crowds[same].who : crowds[same].who + " and others"
            } else {
                crowds.append(Crowd(who: name, whose: whose + cgroup, what: what, count: 1))
            }
        }
        self.crowds = crowds.sorted { ($0.count, $1.who) > ($1.count, $0.who) }
    }

    func rows(atMost count: Int) -> [ScreenRow] {
        guard !crowds.isEmpty else { return [] }
        var heading = ScreenRow(width: width)
        heading.put(
            "D STATE  " + NameWords.plural(total, "task waits", "tasks wait") + ", seen " + Units.duration(age)
                + " ago", .bar)
        heading.skip(to: width / 2)
        heading.put("for", .bar)
        heading.fill(.bar)
        return [heading]
            + crowds.prefix(count).map { crowd in
                var row = ScreenRow(width: width)
                row.cell("\(crowd.count) " + crowd.who + " of " + crowd.whose, width / 2 - 1)
                row.put(" " + crowd.what, .warning)
                return row
            }
    }
}
