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
        var bare = ""
        for (piece, style) in prefix {
            head += paint(piece, style)
            bare += piece
        }
        var used = displayWidth(bare)
        if used > hanging && used > options.width / 2 {
            // A prefix that leaves no room beside it stands alone above the text.
            let indent = String(repeating: " ", count: bare.prefix { $0 == " " }.count)
            let room = options.width - indent.utf8.count
            let style = prefix.last { $0.0.contains { $0 != " " } }?.1 ?? .plain
            for piece in wrapped(bare, first: room, rest: room) { line(indent + paint(piece, style)) }
            head = String(repeating: " ", count: hanging)
            used = hanging
        } else if used > 0 && used >= hanging {
            // A prefix that is a little longer than its column: the text begins after it, on the same line.
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
