import Events
import Incidents

/// The causal chain as a row of cards with arrows between them: what, when, how much, and how that is known.
extension HTMLWriter {
    /// - Parameter rows: of the table of events, to lead there.
    mutating func chainPicture(_ words: IncidentWords, _ rows: [EventRow]) {
        let chain = words.incident.chain
        guard !chain.isEmpty else { return element("p", [:], "No link of the chain has evidence.") }
        markup("<ol class=\"chain\">\n")
        for (index, link) in chain.enumerated() {
            open("li", ["class": link.outOfOrder ? "link broken" : "link"])
            markup(
                "<div class=\"head\"><svg class=\"icon\" viewBox=\"0 0 16 16\" width=\"22\" height=\"22\" aria-hidden=\"true\">"
            )
            element("path", ["d": Self.icon(link.kind)])
            markup("</svg>")
            element("h3", [:], NameWords.link(link.kind))
            let time = words.clock.short(link.onset)
            if let row = rows.firstIndex(where: { $0.link == index }), rows[row].at != nil {
                element("a", ["class": "jump", "href": "#m\(row)"], time)
            } else {
                element("span", [:], time)
            }
            markup("</div>")
            element("p", [:], NameWords.name(link.text))
            if link.outOfOrder {
                element("p", ["class": "warn"], "Began before the link above: the chain is broken here.")
            }
            if link.confidence != .high { element("p", ["class": "warn"], "Confidence " + link.confidence.label + ".") }
            if !link.evidence.isEmpty {
                markup("<ul class=\"evidence\">")
                for evidence in link.evidence { proof(evidence) }
                markup("</ul>")
            }
            markup("</li>\n")
        }
        markup("</ol>\n")
    }

    /// A figure in words, and as a bar against its threshold.
    private mutating func proof(_ evidence: Evidence) {
        markup("<li>")
        text(NameWords.evidence(evidence))
        if let value = evidence.value.value, let threshold = evidence.threshold.value, threshold > 0 {
            let most = Double(max(value, threshold))
            markup("<svg class=\"meter\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\">")
            markup("<path class=\"room\" d=\"M0 3H100\"></path>")
            element("path", ["class": "value", "d": "M0 3H" + decimal(100 * Double(value) / most, 1)])
            element("path", ["class": "limit", "d": "M\(decimal(100 * Double(threshold) / most, 1)) 0V6"])
            markup("</svg>")
        }
        markup("</li>")
    }

    /// Drawn with a pen of the text's colour, 16 by 16.
    private static func icon(_ kind: LinkKind) -> String {
        switch kind {
        case .growth: "M1 14 6 8l3 3 6-8M11 3h4v4"
        case .reclaim: "M3 6a5.5 5.5 0 0 1 10 0M13 2v4h-4M13 10a5.5 5.5 0 0 1-10 0M3 14v-4h4"
        case .throttle: "M3 1h10M3 15h10M4 1c0 6 8 8 8 14M12 1c0 6-8 8-8 14"
        case .swapOut: "M8 1v9M4 6l4 4 4-4M2 14h12"
        case .refault: "M4 14V3M1 6l3-3 3 3M12 2v11M9 10l3 3 3-3"
        case .saturation: "M2 4c0-3 12-3 12 0v8c0 3-12 3-12 0zM2 4c0 3 12 3 12 0M2 8c0 3 12 3 12 0"
        case .stalls: "M5 2v12M11 2v12"
        case .kill: "M3 3l10 10M13 3 3 13"
        case .reset: "M8 1v7M4 4a6 6 0 1 0 8 0"
        case .recovery: "M2 9l4 4 8-10"
        case .unknown: "M5 5a3 3 0 1 1 3 4v2M8 14v1"
        }
    }
}
