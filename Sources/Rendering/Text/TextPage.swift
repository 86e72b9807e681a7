import Events

/// Lines of text for a terminal, broken to its width.
struct TextPage {
    let options: TextOptions
    private(set) var text = ""

    init(_ options: TextOptions) { self.options = options }

    var bytes: Bytes { Bytes(text.utf8) }

    func paint(_ text: String, _ style: Style) -> String { style.paint(text, colour: options.colour) }

    mutating func blank() { text += "\n" }

    mutating func line(_ line: String) { text += line + "\n" }

    /// `CHAIN` and what follows it on the same line.
    mutating func section(_ title: String, _ rest: String = "") {
        paragraph([(title, .section), (rest.isEmpty ? "" : " ", .plain)], hanging: 2, rest)
    }

    /// A paragraph behind a prefix of a fixed width; its further lines are indented to `hanging`.
    ///
    /// - Parameter prefix: its pieces with their styles; filled up to `hanging` columns.
    mutating func paragraph(
        _ prefix: [(String, Style)] = [], hanging: Int, _ body: String, _ style: Style = .plain
    ) {
        var head = ""
        var used = 0
        for (piece, style) in prefix {
            head += paint(piece, style)
            used += displayWidth(piece)
        }
        if used > 0 && used >= hanging {
            // The prefix is longer than its column: the text begins after it, on the same line.
            head += " "
            used += 1
        } else {
            head += String(repeating: " ", count: hanging - used)
            used = hanging
        }
        let lines = wrapped(body, first: options.width - used, rest: options.width - hanging)
        for (index, piece) in lines.enumerated() {
            let indent = index == 0 ? head : String(repeating: " ", count: hanging)
            line(trimmedEnd(indent + paint(piece, style)))
        }
    }

    private func trimmedEnd(_ line: String) -> String {
        var line = line
        while line.last == " " { line.removeLast() }
        return line
    }
}
