/// One of the pictures below each other on the same time axis, as data: what it is called, what is drawn, how.
struct Panel {
    enum Drawing {
        case lines([Line])
        /// How many IOs took how long.
        case map(LatencyColumns)
    }

    /// A curve, with its name.
    struct Line {
        /// Safe for a terminal.
        let name: String
        let bins: [Bin?]
        /// Filled down to zero.
        var isArea = false
        /// Its look, below `HTMLWriter.styles`: whoever is in several panels has the same in each. `nil`: by its place.
        var style: Int?

        var highest: Double? { bins.lazy.compactMap { $0?.high }.max() }
        var lowest: Double? { bins.lazy.compactMap { $0?.low }.min() }
    }

    /// A level that the curves are measured against.
    struct Reference {
        let name: String
        let value: Double
    }

    let title: String
    let unit: PanelUnit
    /// Where the figures come from.
    let source: String
    var drawing: Drawing
    var references: [Reference] = []
    /// The lowest value of a line is what matters, not its highest.
    var lowIsWorst: Set<String> = []

    /// Whether it says only that nothing was: a page has better uses for the room.
    var isFlat: Bool {
        guard case .lines(let lines) = drawing else { return false }
        return lines.allSatisfy { $0.highest ?? 0 == 0 }
    }
}
