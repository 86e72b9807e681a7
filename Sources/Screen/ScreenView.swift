import Events
import Incidents
import Rendering

/// What the live view shows: rows made of the model, for a size. Pure.
///
/// From top to bottom: the verdict, the state of things, curves, kills, cgroups, disks where there is room, tasks in D state, events,
/// and the keys. What there is not is not shown; events take the room that is left.
public struct ScreenView: Sendable {
    public var width: Int
    public var height: Int
    public var glyphs: Glyphs

    public init(width: Int, height: Int, glyphs: Glyphs = .blocks) {
        (self.width, self.height, self.glyphs) = (width, height, glyphs)
    }

    public static let least = (width: 80, height: 24)

    /// - Parameters:
    ///   - model: what is known.
    ///   - control: what the keys have chosen.
    ///   - nowNs: the time, on the events' clock: how old the last sample is.
    /// - Returns: `height` rows, each at most `width` columns.
    public func rows(_ model: ScreenModel, _ control: ScreenControl, nowNs: UInt64) -> [ScreenRow] {
        var rows = [verdict(model)]
        if width < Self.least.width || height < Self.least.height {
            rows.append(row("the view needs \(Self.least.width)x\(Self.least.height), here are \(width)x\(height)"))
        } else if control.showsHelp {
            rows += [state(model, control, nowNs)] + ScreenControl.help.map { row($0) }
        } else {
            rows.append(state(model, control, nowNs))
            rows += body(model, control, nowNs, room: height - 3)
        }
        while rows.count < height - 1 { rows.append(row("")) }
        rows = Array(rows.prefix(max(height - 1, 1)))
        if height > 1 { rows.append(lastRow(control)) }
        return rows
    }

    private func body(_ model: ScreenModel, _ control: ScreenControl, _ nowNs: UInt64, room: Int) -> [ScreenRow] {
        let isTall = room >= 32
        var rows = curves(model, endNs: max(model.nowNs, nowNs))
        rows += kills(model, atMost: isTall ? 4 : 2)
        rows += CgroupTable(model, control, width: width).rows(atMost: isTall ? 9 : 4)
        if isTall { rows += disks(model, control, atMost: 3) }
        rows += BlockedTable(model, control, width: width).rows(atMost: isTall ? 6 : 3)
        let left = room - rows.count
        if left >= 2 { rows += events(model, control, atMost: left - 1) }
        return rows
    }

    func row(_ text: String, _ look: Look = .plain) -> ScreenRow {
        var row = ScreenRow(width: width)
        row.put(text, look)
        return row
    }

    private func verdict(_ model: ScreenModel) -> ScreenRow {
        let verdict = Verdict(model)
        // The last words first, where the row is too short for all.
        let isLong = displayWidth(verdict.text) > width
        var row = row(
            isLong ? verdict.text.replacing(" of it swap", with: " swap") : verdict.text, .verdict(verdict.phase))
        row.fill(.verdict(verdict.phase))
        return row
    }

    /// Where and when, and how fresh.
    private func state(_ model: ScreenModel, _ control: ScreenControl, _ nowNs: UInt64) -> ScreenRow {
        let standing = model.standing
        var row = ScreenRow(width: width)
        row.put(NameWords.name(standing.host.name), .strong)
        let shown = control.mode == .live ? max(nowNs, model.nowNs) : model.nowNs
        row.put("  " + EventLine.time(Moment(boottimeNs: shown), model.names, TextOptions(), decimals: 0), .time)
        switch control.mode {
        case .live: row.put("  live", .good)
        case .paused: row.put("  PAUSED", .warning)
        case .past: row.put("  PAST", .warning)
        }
        if let load = standing.host.load1Milli.value { row.put("  load \(load / 1000).\(load % 1000 / 100)") }
        if let blocked = standing.host.blockedTasks.value {
            row.put("  D \(Units.count(blocked))", blocked >= 8 ? .alarm : .plain)
        }
        if control.mode == .live, standing.sampledNs > 0, nowNs > standing.sampledNs {
            let age = nowNs - standing.sampledNs
            // In calm what says nothing new is not said, for up to a minute.
            let isLate = age > 65_000_000_000 || standing.host.phase > .calm && age > 3_000_000_000
            row.put("  sampled " + Units.duration(age / 100_000_000 * 100_000_000) + " ago", isLate ? .alarm : .faint)
        }
        if !control.filter.isEmpty { row.put("  only " + Escaping.terminal(Bytes(control.filter.utf8)), .warning) }
        if let link = control.link { row.put("  " + link, .alarm) }
        return row
    }

    // MARK: Curves

    private func curves(_ model: ScreenModel, endNs: UInt64) -> [ScreenRow] {
        let host = model.standing.host
        let half = width / 2
        let device = model.shownDevice
        let ceiling = device?.ceilingBytes.value
        func share(_ ratio: Ratio) -> UInt64? { ratio.isUnknown ? nil : UInt64(ratio.millionths) }
        func disk(_ column: ScreenColumn) -> ScreenColumn.Device? {
            column.devices.first { $0.device == device?.device }
        }
        func draw(
            _ name: String, _ value: String, top: UInt64? = nil, lowIsWorst: Bool = false,
            _ of: @escaping (ScreenColumn) -> UInt64?
        ) -> Drawn {
            let columns = half - 13 - valueWidth - 1
            let levels = Curve.levels(
                model.columns, columns: columns,
                secondsPerColumn: Curve.secondsPerColumn(columns, span: isWide ? 120 : 60), endNs: endNs, top: top,
                lowIsWorst: lowIsWorst, of)
            return Drawn(name: name, levels: levels, value: value, isBadWhenLow: lowIsWorst)
        }
        let all = [
            draw("memory full", Units.percent(host.memoryFull), top: 1_000_000) { share($0.memoryFull) },
            draw(
                "available", size(host.availableBytes, of: host.memoryTotalBytes),
                top: host.memoryTotalBytes.value, lowIsWorst: true
            ) { $0.availableBytes.value },
            draw("memory some", Units.percent(host.memorySome), top: 1_000_000) { share($0.memorySome) },
            draw(
                "swap used", size(host.swapUsedBytes, of: host.swapTotalBytes), top: host.swapTotalBytes.value
            ) { $0.swapUsedBytes.value },
            draw("IO full", Units.percent(host.ioFull), top: 1_000_000) { share($0.ioFull) },
            draw("swapping", rate(host.swapBytesPerSecond), top: ceiling) { $0.swapBytesPerSecond.value },
            draw(
                (device?.shownName ?? "disk"),
                device?.bytesPerSecond.value.map { moves($0, device) } ?? "?",
                top: ceiling
            ) { disk($0)?.bytesPerSecond.value },
            draw("reads p99", device?.readP99Ns.value.map { Units.duration($0) } ?? "?") { disk($0)?.readP99Ns.value },
        ]
        return stride(from: 0, to: all.count, by: 2).map { index in
            var row = ScreenRow(width: width)
            put(all[index], in: &row)
            row.skip(to: half)
            put(all[index + 1], in: &row)
            return row
        }
    }

    /// Wide enough for what something is part of, or only for the figure.
    private var isWide: Bool { width >= 110 }
    private var valueWidth: Int { isWide ? 22 : 11 }

    private func size(_ bytes: Figure, of total: Figure) -> String {
        isWide ? Quantity.size(bytes, of: total) : Units.bytes(bytes)
    }

    private func moves(_ bytes: UInt64, _ device: DeviceStanding?) -> String {
        isWide ? Quantity.rate(bytes, of: device?.ceilingBytes ?? .unknown) : Units.bytesPerSecond(bytes)
    }

    private struct Drawn {
        var name: String
        var levels: [UInt8?]
        var value: String
        var isBadWhenLow: Bool
    }

    private func put(_ curve: Drawn, in row: inout ScreenRow) {
        row.cell(curve.name, 11, .faint)
        row.put(" ")
        for level in curve.levels {
            guard let level else {
                row.put(" ")
                continue
            }
            row.put(glyphs.bar(level), .level(curve.isBadWhenLow ? 7 - level : level))
        }
        row.put(" ")
        row.cell(curve.value, valueWidth)
    }

    private func rate(_ figure: Figure) -> String { figure.value.map(Units.bytesPerSecond) ?? "?" }

    // MARK: Lists

    private func kills(_ model: ScreenModel, atMost count: Int) -> [ScreenRow] {
        model.kills.suffix(count).map { line in
            var row = ScreenRow(width: width)
            row.put(line.time + "  ", .time)
            row.put(line.word == "KILL" ? "KILL  " : "KILLED  ", .alarm)
            row.put(line.text, .strong)
            return row
        }
    }

    private func disks(_ model: ScreenModel, _ control: ScreenControl, atMost count: Int) -> [ScreenRow] {
        let devices = model.standing.devices.filter { control.shows($0.shownName) }
            .sorted { ($0.bytesPerSecond.value ?? 0, $1.device) > ($1.bytesPerSecond.value ?? 0, $0.device) }
        guard !devices.isEmpty else { return [] }
        var heading = ScreenRow(width: width)
        heading.cell("DISK", 16, .bar)
        for title in ["moves", "of it swap", "reads p99", "in flight", "silent"] {
            heading.cell(title, title == "moves" ? 24 : 15, right: true, .bar)
        }
        heading.fill(.bar)
        return [heading]
            + devices.prefix(count).map { device in
                var row = ScreenRow(width: width)
                row.cell(device.shownName, 16, device.isSaturated ? .alarm : .plain)
                let moves = device.bytesPerSecond.value.map { Quantity.rate($0, of: device.ceilingBytes) } ?? "?"
                row.cell(moves, 24, right: true)
                row.cell(Units.percent(device.swapShare), 15, right: true)
                row.cell(Units.duration(device.readP99Ns), 15, right: true)
                row.cell(Units.count(device.inflight), 15, right: true)
                let isSilent = device.silenceNs >= 2_000_000_000
                row.cell(isSilent ? Units.duration(device.silenceNs) : "-", 15, right: true, isSilent ? .alarm : .faint)
                return row
            }
    }

    private func events(_ model: ScreenModel, _ control: ScreenControl, atMost count: Int) -> [ScreenRow] {
        var heading = row("EVENTS", .bar)
        heading.fill(.bar)
        let lines = model.lines.reversed().lazy.filter { control.shows($0.text) || control.shows($0.word) }
            .prefix(count).reversed()
        return [heading]
            + lines.map { line in
                var row = ScreenRow(width: width)
                row.cell(line.time, 11, .time)
                row.put(" ")
                row.cell(line.word, 8, Look(line.style))
                row.put("  " + (line.more > 0 ? "[\(line.more + 1)] " : "") + line.text)
                return row
            }
    }

    private func lastRow(_ control: ScreenControl) -> ScreenRow {
        var row = ScreenRow(width: width)
        if let typed = control.typed {
            row.put("only what mentions: " + Escaping.terminal(Bytes(typed.utf8)) + "_", .bar)
        } else if let notice = control.notice {
            row.put(notice, .bar)
        } else {
            row.put(ScreenControl.keys, .bar)
        }
        row.fill(.bar)
        return row
    }
}

extension ScreenModel {
    /// The disk whose curves are drawn: one that holds swap, else the busiest.
    var shownDevice: DeviceStanding? {
        standing.devices.max {
            ($0.isSwap ? 1 : 0, $0.bytesPerSecond.value ?? 0, $1.device)
                < ($1.isSwap ? 1 : 0, $1.bytesPerSecond.value ?? 0, $0.device)
        }
    }
}

extension Look {
    init(_ style: Style) {
        self =
            switch style {
            case .plain: .plain
            case .heading, .section: .strong
            case .faint: .faint
            case .time: .time
            case .alarm: .alarm
            case .warning: .warning
            case .good: .good
            }
    }
}
