import Events

/// Draws panels as inline SVG.
///
/// A curve's path has the bins as its horizontal unit and the figure as its vertical one (times `data-q`): the picture is the data,
/// and the script reads the values from it. An inner `svg` of class `data` stretches it over the panel; zooming is changing its
/// `viewBox`. Text and marks that must not be stretched lie outside, at percentages.
extension HTMLWriter {
    /// Lines and dashes that there are; a panel has no more curves.
    static let styles = 6

    /// - Parameter kills: to be named in it; their lines go through every panel.
    mutating func panel(_ panel: Panel, _ axis: TimeAxis, id: String, kills: [(at: UInt64, name: String)]) {
        open("section", ["class": "panel", "aria-labelledby": id])
        line()
        markup("<div class=\"side\">")
        element("h3", ["id": id], panel.title)
        switch panel.drawing {
        case .lines(let lines):
            lineLegend(lines, panel)
            markup("</div>\n")
            lineplot(lines, panel, axis, kills)
        case .map(let map):
            mapLegend(map, panel)
            markup("</div>\n")
            mapPlot(map, panel, axis)
        }
        markup("</section>\n")
    }

    // MARK: Lines

    private mutating func lineLegend(_ lines: [Panel.Line], _ panel: Panel) {
        // Names of cgroups leave no room beside them.
        let isLong = lines.contains { $0.name.utf8.count > 16 }
        open("ul", ["class": isLong ? "legend curves long" : "legend curves"])
        for (index, line) in lines.enumerated() {
            open("li")
            key(Self.style(line, index), isArea: line.isArea)
            // Ids of containers are long: the whole name is there for who points at it.
            let isCut = line.name.count > 44
            let shown = isCut ? line.name.prefix(24) + "…" + line.name.suffix(18) : line.name[...]
            element("span", isCut ? ["class": "name", "title": line.name] : ["class": "name"], String(shown))
            markup(" ")
            element("output", [:], extreme(line, panel))
            close("li")
        }
        for reference in panel.references {
            open("li")
            key("ref", isArea: false)
            element("span", ["class": "name"], reference.name)
            markup(" ")
            element("b", [:], panel.unit.words(reference.value))
            close("li")
        }
        markup("</ul>")
        element("p", ["class": "source"], panel.source)
    }

    private static func style(_ line: Panel.Line, _ index: Int) -> String { "s\((line.style ?? index) % styles)" }

    private mutating func key(_ style: String, isArea: Bool) {
        markup("<svg class=\"key\" width=\"26\" height=\"10\" aria-hidden=\"true\">")
        element("path", ["class": style + (isArea ? " area" : ""), "d": isArea ? "M0 10V4h26V10" : "M0 5h26"])
        markup("</svg>")
    }

    /// `max 82 %`: what a reader must know without pointing at anything.
    private func extreme(_ line: Panel.Line, _ panel: Panel) -> String {
        guard let highest = line.highest, let lowest = line.lowest else { return "unknown" }
        return panel.lowIsWorst.contains(line.name)
            ? "min " + panel.unit.words(lowest) : "max " + panel.unit.words(highest)
    }

    private mutating func lineplot(
        _ lines: [Panel.Line], _ panel: Panel, _ axis: TimeAxis, _ kills: [(at: UInt64, name: String)]
    ) {
        let highest = (lines.compactMap(\.highest) + panel.references.map(\.value)).max() ?? 0
        let top = panel.unit.roundedUp(highest)
        let quantum = Self.quantum(top)
        let height = top / quantum
        let words = lines.map { $0.name + " " + extreme($0, panel) }.joined(separator: ", ")
        beginPlot(panel, axis, rows: 0..<Int(height.rounded(.up)), height: height, quantum, words)
        for reference in panel.references {
            let y = decimal(reference.value / quantum, 1)
            element("path", ["class": "ref", "d": "M0 \(y)H\(decimal(axis.length))"])
        }
        for (index, line) in lines.enumerated() {
            let style = Self.style(line, index)
            let path = CurvePath(line.bins, quantum)
            if let envelope = path.envelope(isArea: line.isArea) {
                element("path", ["class": style + " envelope", "d": envelope])
            }
            element(
                "path",
                ["class": style + (line.isArea ? " area" : " line"), "data-i": "\(index)", "d": path.line(line.isArea)])
        }
        markup("</g></svg>")
        for reference in panel.references {
            let y = decimal(100 - 100 * reference.value / top, 2) + "%"
            element("text", ["x": "100%", "y": y, "dx": "-4", "dy": "-3", "text-anchor": "end"], reference.name)
        }
        for share in [1.0, 0.5] {
            element("text", ["class": "y", "x": "3", "y": share == 1 ? "11" : "50%"], panel.unit.words(top * share))
        }
        var free = -1.0
        for kill in kills {
            let share = axis.x(kill.at) / axis.length
            // A name where there is room for it, a cross for each.
            mark("✕ " + (share >= free ? kill.name : ""), axis.x(kill.at), y: "24", class: "kill", axis)
            free = max(free, share + 0.15)
        }
        markup("</svg>\n")
    }

    /// Small enough for four digits, large enough for few: what a unit of a path is worth.
    private static func quantum(_ top: Double) -> Double {
        var quantum = 1.0
        while top / quantum > 8192 { quantum *= 2 }
        while top / quantum < 512 { quantum /= 10 }
        return quantum
    }

    // MARK: Latency maps

    private mutating func mapLegend(_ map: LatencyColumns, _ panel: Panel) {
        markup("<ul class=\"legend curves\"><li>")
        key("p99", isArea: false)
        let worst = map.p99().compactMap { $0?.high }.max()
        element("span", ["class": "name"], "p99 below")
        markup(" ")
        element("output", [:], worst.map { "max " + panel.unit.words($0) } ?? "unknown")
        markup("</li></ul><p class=\"legend steps\">IOs ")
        for (index, step) in map.steps.enumerated() {
            markup("<svg class=\"key\" width=\"12\" height=\"12\" aria-hidden=\"true\">")
            element("path", ["class": "heat h\(index)", "d": "M0 6h12", "stroke-width": "12"])
            markup("</svg>")
            text(index == LatencyColumns.shades - 1 ? "\(step)+" : "\(step)")
        }
        markup("</p>")
        element("p", ["class": "source"], panel.source)
    }

    private mutating func mapPlot(_ map: LatencyColumns, _ panel: Panel, _ axis: TimeAxis) {
        let rows = map.rows
        let worst = map.p99().compactMap { $0?.high }.max().map { "p99 up to " + panel.unit.words($0) } ?? "unknown"
        beginPlot(panel, axis, rows: rows, height: Double(rows.count), 1, worst)
        for step in map.steps.indices {
            let cells = cells(map, step)
            if !cells.isEmpty { element("path", ["class": "heat h\(step)", "d": cells]) }
        }
        element("path", ["class": "p99", "data-i": "0", "d": CurvePath(map.p99(), 1).line(false)])
        markup("</g></svg>")
        // As many rows have a label as can be read.
        let every = max(1, (rows.count + 5) / 6)
        for (index, slot) in rows.enumerated() where index % every == 0 && index > 0 {
            let y = decimal(100 - 100 * Double(index) / Double(rows.count), 2) + "%"
            element("text", ["class": "y", "x": "3", "y": y], panel.unit.words(Double(slot)))
        }
        markup("</svg>\n")
    }

    /// The cells of one darkness, neighbours in a row as one stroke.
    private func cells(_ map: LatencyColumns, _ step: Int) -> String {
        var path = ""
        for slot in map.rows {
            var column = 0
            while column < map.columns.count {
                guard map.step(column, slot) == step else {
                    column += 1
                    continue
                }
                let first = column
                while column < map.columns.count && map.step(column, slot) == step { column += 1 }
                let width = LatencyMap.binsPerColumn
                path += "M\(first * width) \(slot).5h\((column - first) * width)"
            }
        }
        return path
    }

    // MARK: What all plots have

    /// - Parameter rows: what the plot shows from its lower to its upper end, in units of its paths.
    private mutating func beginPlot(
        _ panel: Panel, _ axis: TimeAxis, rows: Range<Int>, height: Double, _ quantum: Double, _ words: String
    ) {
        let length = decimal(axis.length)
        open("svg", ["class": "plot tall", "role": "img", "aria-label": panel.title + ": " + words, "height": "112"])
        markup("<line class=\"grid\" x2=\"100%\" y1=\"50%\" y2=\"50%\"></line>")
        let shown = decimal(height, 1)
        open(
            "svg",
            [
                "class": "data", "width": "100%", "height": "100%", "preserveAspectRatio": "none",
                "viewBox": "0 0 \(length) \(shown)", "data-h": shown, "data-q": Self.exact(quantum),
                "data-unit": panel.unit.rawValue,
            ])
        element("use", ["href": "#marks", "transform": "scale(1 \(shown))"])
        let top = rows.lowerBound == 0 ? shown : "\(rows.upperBound)"
        open("g", ["transform": "matrix(1 0 0 -1 0 \(top))"])
    }

    /// Without rounding: the script multiplies by it.
    private static func exact(_ quantum: Double) -> String { decimal(quantum, quantum < 1 ? 9 : 0) }
}

/// A curve as the path of an SVG, in whole units, each point told by how it differs from the one before.
private struct CurvePath {
    let bins: [Bin?]
    let quantum: Double

    init(_ bins: [Bin?], _ quantum: Double) {
        self.bins = bins
        self.quantum = quantum
    }

    private func units(_ value: Double) -> Int { Int((value / quantum).rounded()) }

    /// The bins that follow each other without a gap.
    private var runs: [Range<Int>] {
        var runs: [Range<Int>] = []
        var start: Int?
        for index in 0...bins.count {
            let isKnown = index < bins.count && bins[index] != nil
            if isKnown, start == nil { start = index }
            if !isKnown, let first = start {
                runs.append(first..<index)
                start = nil
            }
        }
        return runs
    }

    /// The means. An area begins and ends each run at zero.
    func line(_ isArea: Bool) -> String {
        var path = ""
        for run in runs {
            var last = 0
            for index in run {
                guard let bin = bins[index] else { continue }
                let value = units(bin.mean)
                if index == run.lowerBound {
                    path += isArea ? "M\(index) 0V\(value)l" : "M\(index) \(value)l"
                } else {
                    path += "1 \(value - last) "
                }
                last = value
            }
            path += isArea ? "1 0V0" : "1 0"
        }
        return path
    }

    /// From the lowest to the highest of each bin; nothing where they are the same throughout.
    func envelope(isArea: Bool) -> String? {
        guard bins.contains(where: { bin in bin.map { units($0.high) - units($0.low) > 1 } ?? false }) else {
            return nil
        }
        var path = ""
        for run in runs {
            let highs = run.map { units(bins[$0]?.high ?? 0) }
            let lows = run.map { units(bins[$0]?.low ?? 0) }
            path += "M\(run.lowerBound) \(highs[0])l"
            for place in 1..<max(1, highs.count) where highs.count > 1 {
                path += "1 \(highs[place] - highs[place - 1]) "
            }
            path += "1 0V\(lows[lows.count - 1])l-1 0 "
            for place in stride(from: lows.count - 2, through: 0, by: -1) {
                path += "-1 \(lows[place] - lows[place + 1]) "
            }
            path += "z"
        }
        return path
    }
}
