import Events
import Incidents

/// Which panels there are, and what each shows: the host's as a list, one of each kind for the disks and the cgroups that matter.
struct Panels {
    static let devices = 3
    static let cgroups = HTMLWriter.styles
    /// The panel in which kills are named.
    static let memory = "Memory"

    let data: ChartData
    /// The incident that the page is of, or those that touch the span.
    let incidents: [Incident]

    func all(_ names: borrowing NameTable) -> [Panel] {
        var panels = Self.host.compactMap(panel)
        for device in data.busiestDevices.prefix(Self.devices) { panels += self.panels(of: device, names) }
        return panels + cgroupPanels(names)
    }

    // MARK: The host

    private struct Description {
        let title: String
        let unit: PanelUnit
        let source: String
        let curves: [(name: String, curve: HostCurve, isArea: Bool)]
        var lowIsWorst: Set<String> = []
    }

    private static let host = [
        Description(
            title: memory, unit: .bytes, source: "/proc/meminfo",
            curves: [
                ("used", .memoryUsed, true), ("available", .memoryAvailable, false), ("swap used", .swapUsed, false),
            ], lowIsWorst: ["available"]),
        Description(
            title: "Time stalled (pressure)", unit: .percent, source: "/proc/pressure",
            curves: [
                ("memory full", .memoryFull, true), ("memory some", .memorySome, false), ("IO full", .ioFull, false),
                ("IO some", .ioSome, false), ("CPU some", .cpuSome, false),
            ]),
        Description(
            title: "Paging", unit: .bytesPerSecond, source: "/proc/vmstat pswpin, pswpout, workingset_refault",
            curves: [
                ("swap-out", .swapOut, true), ("swap-in", .swapIn, false), ("refaults", .refaults, false),
            ]),
        Description(
            title: "Tasks", unit: .count, source: "/proc/stat, /proc/loadavg",
            curves: [("in D state", .blocked, true), ("running", .running, false), ("load", .load, false)]),
    ]

    private func panel(_ description: Description) -> Panel? {
        let lines = description.curves.map { curve in
            var bins = data.host[curve.curve.rawValue].bins(
                data.grid, outside: curve.curve.isLevel ? data.gaps : [])
            if curve.curve == .load { bins = bins.map { $0.map { $0.scaled(by: 0.001) } } }
            return Panel.Line(name: curve.name, bins: bins, isArea: curve.isArea)
        }
        guard lines.contains(where: { $0.highest != nil }) else { return nil }
        var panel = Panel(
            title: description.title, unit: description.unit, source: description.source, drawing: .lines(lines),
            lowIsWorst: description.lowIsWorst)
        if description.title == Self.memory {
            if let total = data.memoryTotal.value { panel.references.append(.init(name: "RAM", value: Double(total))) }
            if let total = data.swapTotal.value, total > 0 {
                panel.references.append(.init(name: "swap", value: Double(total)))
            }
        }
        return panel
    }

    // MARK: Disks

    private func panels(of device: DeviceData, _ names: borrowing NameTable) -> [Panel] {
        let name = names.device(device.device)
        let (reads, writes) = (device.reads.bins(data.grid), device.writes.bins(data.grid))
        let moved = zipLongest(reads, writes) { read, write in
            Bin(mean: read.mean + write.mean, low: max(read.low, write.low), high: read.high + write.high)
        }
        var lines = [
            Panel.Line(name: "moved", bins: moved, isArea: true), Panel.Line(name: "reads", bins: reads),
            Panel.Line(name: "writes", bins: writes),
        ]
        if device.isHeard {
            let swap = device.swap.bins(data.grid, where: moved, until: data.endNs)
            lines.insert(Panel.Line(name: "of it swap", bins: swap, isArea: true), at: 1)
        }
        var panels: [Panel] = []
        if lines.contains(where: { $0.highest != nil }) {
            var panel = Panel(
                title: "Disk \(name): throughput", unit: .bytesPerSecond, source: "/sys/block/*/stat, block IO hook",
                drawing: .lines(lines))
            if let ceiling = ceiling(of: name) ?? sustained(moved) { panel.references.append(ceiling) }
            panels.append(panel)
        }
        for (what, map) in [("reads", device.readLatency), ("writes", device.writeLatency)] where map.total > 0 {
            panels.append(
                Panel(
                    title: "Disk \(name): how long \(what) took", unit: .bucket,
                    source: "block IO hook, queue and device",
                    drawing: .map(LatencyColumns(map.columns(data.grid)))))
        }
        return panels
    }

    /// What the correlator learned of the device, or was told, where the incident says it.
    private func ceiling(of device: String) -> Panel.Reference? {
        let start = "throughput of " + device + ", "
        for evidence in incidents.flatMap(\.chain).flatMap(\.evidence) {
            let name = Escaping.terminal(evidence.name)
            guard name.hasPrefix(start), let value = evidence.threshold.value, value > 0 else { continue }
            return Panel.Reference(name: String(name.dropFirst(start.count)), value: Double(value))
        }
        return nil
    }

    /// The highest mean over ten seconds of what is shown: as the correlator learns a ceiling.
    private func sustained(_ moved: [Bin?]) -> Panel.Reference? {
        let width = Int(max(1, 10_000_000_000 / data.grid.binNs))
        guard moved.count >= width else { return nil }
        var highest = 0.0
        for start in 0...moved.count - width {
            let window = moved[start..<start + width]
            highest = max(highest, window.reduce(0) { $0 + ($1?.mean ?? 0) } / Double(width))
        }
        return highest > 0 ? Panel.Reference(name: "most in 10 s", value: highest) : nil
    }

    // MARK: Cgroups

    private func cgroupPanels(_ names: borrowing NameTable) -> [Panel] {
        let shown = data.chosenCgroups(of: incidents, Self.cgroups, names)
        // Only those that there is something to tell of.
        func lines(_ bins: (CgroupData) -> [Bin?]) -> [Panel.Line] {
            var lines: [Panel.Line] = []
            for (index, cgroup) in shown.enumerated() {
                let line = Panel.Line(name: names.cgroup(cgroup.cgroup), bins: bins(cgroup), style: index)
                if line.highest ?? 0 > 0 { lines.append(line) }
            }
            return lines
        }
        func stalled(_ amounts: (CgroupData) -> Amounts) -> [Panel.Line] {
            lines {
                let listening = $0.memory.bins(data.grid)
                return amounts($0).bins(data.grid, where: listening, until: data.endNs, unit: 1e-9)
            }
        }
        let panels = [
            Panel(
                title: "Memory of cgroups", unit: .bytes, source: "memory.current",
                drawing: .lines(lines { $0.memory.bins(data.grid, outside: data.gaps) })),
            Panel(
                title: "Swap of cgroups", unit: .bytes, source: "memory.swap.current",
                drawing: .lines(lines { $0.swap.bins(data.grid, outside: data.gaps) })),
            Panel(
                title: "Throttled at memory.high, tasks on average", unit: .tasks,
                source: "memory.high hook, task time",
                drawing: .lines(stalled(\.throttled))),
            Panel(
                title: "Stalled in reclaim, tasks on average", unit: .tasks, source: "reclaim hooks, task time",
                drawing: .lines(stalled(\.reclaiming))),
        ]
        return panels.filter { !$0.isFlat }
    }
}

private func zipLongest(_ a: [Bin?], _ b: [Bin?], _ join: (Bin, Bin) -> Bin) -> [Bin?] {
    (0..<max(a.count, b.count)).map { index in
        guard index < a.count, index < b.count, let first = a[index], let second = b[index] else { return nil }
        return join(first, second)
    }
}
