import Incidents

/// What stands above the curves on the same time axis: the phases, the chain, the marks of events; and what lies behind all of them.
extension HTMLWriter {
    private static let rowHeight = 20

    // MARK: Behind all panels

    /// Ticks, times without samples, and kills: once, each plot uses them. Their vertical unit is a plot's height.
    mutating func marks(_ axis: TimeAxis, gaps: [Range<UInt64>], kills: [UInt64]) {
        markup("<svg class=\"defs\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs><g id=\"marks\">")
        for gap in gaps {
            let (from, to) = (axis.x(gap.lowerBound), axis.x(gap.upperBound))
            element("path", ["class": "gap", "d": "M\(decimal(from)) 0H\(decimal(to))V1H\(decimal(from))z"])
        }
        let ticks = axis.roundTimes().map { "M\(decimal($0.x)) 0V1" }.joined()
        element("path", ["class": "tick", "id": "ticks", "d": ticks])
        let lines = kills.map { "M\(decimal(axis.x($0))) 0V1" }.joined()
        if !lines.isEmpty { element("path", ["class": "kill", "d": lines]) }
        markup("</g></defs></svg>\n")
    }

    /// The times of day, above the panels and always in sight.
    mutating func timeScale(_ axis: TimeAxis) {
        markup("<div class=\"scale\"><div class=\"side\"><output id=\"now\"></output></div>")
        markup("<svg class=\"axis\" height=\"24\" aria-hidden=\"true\">")
        for tick in axis.roundTimes() {
            // At the very ends a label would be cut.
            let share = tick.x / axis.length
            let anchor = share < 0.04 ? "start" : share > 0.96 ? "end" : "middle"
            element("text", ["x": axis.percent(tick.x), "y": "16", "text-anchor": anchor], tick.label)
        }
        markup("</svg></div>\n")
    }

    // MARK: Phases

    mutating func phases(_ changes: [(at: UInt64, phase: Phase, time: String)], of whom: String, _ axis: TimeAxis) {
        guard !changes.isEmpty else { return }
        markup(
            "<section class=\"panel\" aria-labelledby=\"phases\"><div class=\"side\"><h3 id=\"phases\">Phase</h3><ol class=\"legend\">"
        )
        for change in changes.prefix(8) {
            markup("<li>")
            element("b", [:], change.phase.label)
            text(" from " + change.time)
            markup("</li>")
        }
        if changes.count > 8 { element("li", [:], "and \(changes.count - 8) more") }
        markup("</ol>")
        element("p", ["class": "source"], whom)
        markup("</div>\n")
        let words = changes.map { $0.phase.label + " from " + $0.time }.joined(separator: ", ")
        let levels = Int(Phase.critical.rawValue) + 1
        beginLanes("Phase of " + whom + ": " + words, rows: levels, height: 72, axis)
        for (index, change) in changes.enumerated() {
            let from = axis.x(change.at)
            let to = index + 1 < changes.count ? axis.x(changes[index + 1].at) : axis.length
            let top = levels - Int(change.phase.rawValue) - 1
            element(
                "path",
                [
                    "class": "ph ph\(change.phase.rawValue)",
                    "d": "M\(decimal(from)) \(levels)V\(top)H\(decimal(to))V\(levels)",
                ])
        }
        markup("</svg>")
        for index in Self.named(changes.map { axis.x($0.at) / axis.length }) {
            let level = Double(levels - Int(changes[index].phase.rawValue) - 1) / Double(levels)
            mark(changes[index].phase.label, axis.x(changes[index].at), y: decimal(level * 72 + 12, 1), axis)
        }
        markup("</svg>\n</section>\n")
    }

    /// Which stretches of a band there is room to name: the longest first, none where another's name is.
    ///
    /// - Parameter starts: shares of the whole length, in order; each lasts until the next.
    private static func named(_ starts: [Double]) -> [Int] {
        let ends = Array(starts.dropFirst()) + [1]
        let longest = starts.indices.sorted { ends[$0] - starts[$0] > ends[$1] - starts[$1] }
        var named: [Int] = []
        for index in longest where named.allSatisfy({ abs(starts[$0] - starts[index]) >= 0.09 }) { named.append(index) }
        return named.sorted()
    }

    // MARK: Chain

    mutating func chainLanes(_ links: [(row: Int, at: UInt64, name: String, isBroken: Bool)], _ axis: TimeAxis) {
        guard !links.isEmpty else { return }
        markup(
            "<section class=\"panel\" aria-labelledby=\"chain-lanes\"><div class=\"side\"><h3 id=\"chain-lanes\">Causal chain</h3>"
        )
        markup("<p class=\"source\">onset of each link, in causal order</p></div>\n")
        let words = links.map(\.name).joined(separator: ", ")
        beginLanes("Causal chain: " + words, rows: links.count, height: links.count * Self.rowHeight, axis)
        for (index, pair) in zip(links, links.dropFirst()).enumerated() {
            let path = "M\(decimal(axis.x(pair.0.at))) \(index).5V\(index + 1).5H\(decimal(axis.x(pair.1.at)))"
            element("path", ["class": pair.1.isBroken ? "arrow broken" : "arrow", "d": path])
        }
        for (index, link) in links.enumerated() { dot(link.row, axis.x(link.at), index, "link") }
        markup("</svg>")
        for (index, link) in links.enumerated() {
            mark(link.name, axis.x(link.at), y: "\(index * Self.rowHeight + Self.rowHeight / 2 + 4)", axis)
        }
        markup("</svg>\n</section>\n")
    }

    // MARK: Events

    mutating func eventLanes(_ rows: [EventRow], _ axis: TimeAxis) {
        let placed = rows.enumerated().filter { $0.element.at != nil && $0.element.lane != .chain }
        let lanes = EventRow.Lane.allCases.filter { lane in placed.contains { $0.element.lane == lane } }
        guard !lanes.isEmpty else { return }
        markup(
            "<section class=\"panel\" aria-labelledby=\"event-lanes\"><div class=\"side\"><h3 id=\"event-lanes\">Events</h3>"
        )
        markup("<p class=\"source\">each is a line of the table below</p></div>\n")
        let words = lanes.map { lane in lane.title + " \(placed.count { $0.element.lane == lane })" }
        beginLanes(
            "Events: " + words.joined(separator: ", "), rows: lanes.count, height: lanes.count * Self.rowHeight, axis)
        for (index, row) in placed {
            guard let at = row.at, let lane = lanes.firstIndex(of: row.lane) else { continue }
            dot(index, axis.x(at), lane, "l\(row.lane.rawValue)")
        }
        markup("</svg>")
        for (index, lane) in lanes.enumerated() {
            let y = "\(index * Self.rowHeight + Self.rowHeight / 2 + 4)"
            element("text", ["class": "y", "x": "3", "y": y], lane.title)
        }
        markup("</svg>\n</section>\n")
    }

    // MARK: Pieces

    private mutating func beginLanes(_ words: String, rows: Int, height: Int, _ axis: TimeAxis) {
        open("svg", ["class": "plot", "role": "img", "aria-label": words, "height": "\(height)"])
        open(
            "svg",
            [
                "class": "data", "width": "100%", "height": "100%", "preserveAspectRatio": "none",
                "viewBox": "0 0 \(decimal(axis.length)) \(rows)", "data-h": "\(rows)",
            ])
        element("use", ["href": "#marks", "transform": "scale(1 \(rows))"])
    }

    /// A dot of the same size whatever the stretching, and a link to the row of the table.
    private mutating func dot(_ row: Int, _ x: Double, _ lane: Int, _ style: String) {
        open("a", ["id": "m\(row)", "class": "dot", "href": "#e\(row)", "tabindex": "-1"])
        element("path", ["class": style, "d": "M\(decimal(x)) \(lane).5h0"])
        close("a")
    }

    /// Words at a place in time; beyond the middle they stand before it.
    mutating func mark(_ shown: String, _ x: Double, y: String, class name: String = "mark", _ axis: TimeAxis) {
        let isLate = x > axis.length * 0.6
        element(
            "text",
            [
                "class": name, "data-x": decimal(x), "x": axis.percent(x), "dx": isLate ? "-8" : "8", "y": y,
                "text-anchor": isLate ? "end" : "start",
            ], shown)
    }
}
