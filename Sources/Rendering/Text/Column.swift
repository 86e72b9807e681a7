/// A column of a table: its title, then its cells, all of one width.
struct Column {
    private var cells: [String]
    private(set) var width: Int
    private var toTheRight: Bool

    init(_ title: String, _ cells: [String], toTheRight: Bool = false) {
        self.cells = [title] + cells
        width = self.cells.map(displayWidth).max() ?? 0
        self.toTheRight = toTheRight
    }

    /// - Parameter row: 0 is the title.
    func cell(_ row: Int) -> String {
        toTheRight ? rightAligned(cells[row], to: width) : padded(cells[row], to: width)
    }
}
