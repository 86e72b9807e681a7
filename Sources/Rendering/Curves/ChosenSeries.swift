import Events
import Incidents

// Which disks and cgroups are worth a reader's time.

extension ChartData {
    /// Those that moved anything, or were sampled; the busiest first.
    var busiestDevices: [DeviceData] {
        devices.filter { $0.reads.hasBins || $0.movedBytes > 0 }.sorted { a, b in
            a.movedBytes == b.movedBytes ? a.device < b.device : a.movedBytes > b.movedBytes
        }
    }

    /// Whom the incidents name, then the largest; of a tree and its branches those that hold what it holds.
    func chosenCgroups(of incidents: [Incident], _ count: Int, _ names: borrowing NameTable) -> [CgroupData] {
        let all = cgroups.filter { $0.peakBytes > 0 || $0.throttled.total > 0 || $0.reclaiming.total > 0 }
        var paths: [UInt64: Bytes] = [:]
        for cgroup in all { paths[cgroup.cgroup] = names.path(ofCgroup: cgroup.cgroup) }
        let named = incidents.flatMap { incident in
            [incident.scope.cgroup] + incident.suspects.map(\.cgroup) + incident.kills.map(\.victim.cgroup)
                + incident.bystanders.map(\.cgroup)
        }
        func importance(_ cgroup: CgroupData) -> Int {
            let path = paths[cgroup.cgroup] ?? []
            return path.isEmpty ? named.count : named.firstIndex(of: path) ?? named.count
        }
        func isSumOfOthers(_ cgroup: CgroupData) -> Bool {
            guard importance(cgroup) == named.count, let path = paths[cgroup.cgroup] else { return false }
            if path == Bytes("/".utf8) { return true }
            let prefix = path + Bytes("/".utf8)
            return all.contains { other in
                other.peakBytes >= cgroup.peakBytes / 2 && paths[other.cgroup]?.starts(with: prefix) ?? false
            }
        }
        let ranked = all.filter { !isSumOfOthers($0) }.sorted { a, b in
            let (first, second) = (importance(a), importance(b))
            if first != second { return first < second }
            return a.peakBytes == b.peakBytes ? a.cgroup < b.cgroup : a.peakBytes > b.peakBytes
        }
        return Array(ranked.prefix(count))
    }
}
