import Events
import Incidents
import Testing

@testable import Screen

private func row(_ text: String, _ look: Look = .plain, width: Int = 10) -> ScreenRow {
    var row = ScreenRow(width: width)
    row.put(text, look)
    return row
}

/// A terminal that knows what the painter says: places, erasing, text; anything else is a complaint.
private struct Terminal {
    var rows: [[Character]]
    var complaints: [String] = []

    init(width: Int, height: Int) { rows = Array(repeating: Array(repeating: "?", count: width), count: height) }

    mutating func show(_ text: String) {
        var (line, column) = (0, 0)
        var rest = Substring(text)
        while let character = rest.popFirst() {
            guard character == "\u{1b}" else {
                if column < rows[line].count {
                    rows[line][column] = character
                } else {
                    complaints.append("past the edge")
                }
                column += 1
                continue
            }
            guard rest.popFirst() == "[", let end = rest.firstIndex(where: { $0.isLetter }) else {
                return complaints.append("no control sequence")
            }
            let parameters = rest[..<end]
            switch rest[end] {
            case "H":
                let place = parameters.split(separator: ";").compactMap { Int($0) }
                (line, column) = (place[0] - 1, place[1] - 1)
            case "K": for index in column..<rows[line].count { rows[line][index] = " " }
            case "J": for index in rows.indices { rows[index] = rows[index].map { _ in " " } }
            case "m": break
            case "h" where parameters == "?2026", "l" where parameters == "?2026": break
            default: complaints.append("what is \(parameters)\(rest[end])?")
            }
            rest = rest[rest.index(after: end)...]
        }
    }

    var text: [String] { rows.map { String($0) } }
}

@Suite struct PainterTests {
    @Test func `only rows that changed are sent, and an unchanged frame costs nothing`() {
        var painter = Painter(.none)
        var terminal = Terminal(width: 10, height: 3)
        terminal.show(painter.paint([row("one"), row("two"), row("three")]))
        #expect(terminal.text == ["one       ", "two       ", "three     "])
        #expect(painter.paint([row("one"), row("two"), row("three")]).isEmpty)
        let second = painter.paint([row("one"), row("2"), row("three")])
        #expect(!second.contains("one") && !second.contains("three") && !second.contains("\u{1b}[2J"))
        terminal.show(second)
        #expect(terminal.text == ["one       ", "2         ", "three     "])
        #expect(terminal.complaints.isEmpty)
    }

    @Test func `another size, or a forgotten screen, is drawn anew`() {
        var painter = Painter(.none)
        _ = painter.paint([row("one"), row("two")])
        #expect(painter.paint([row("one"), row("two"), row("new")]).contains("\u{1b}[2J"))
        #expect(painter.paint([row("one", width: 20), row("two", width: 20), row("new", width: 20)]).contains("one"))
        painter.forget()
        #expect(painter.paint([row("one", width: 20), row("two", width: 20), row("new", width: 20)]).contains("two"))
    }

    @Test func `a frame appears at once where the terminal can do that`() {
        var painter = Painter(.trueColour)
        let frame = painter.paint([row("one")])
        #expect(frame.hasPrefix("\u{1b}[?2026h") && frame.hasSuffix("\u{1b}[?2026l"))
    }

    @Test func `what leaves the screen undoes what entered it`() {
        for mode in ["?1049", "?25", "?7"] {
            let (set, reset) = ("\u{1b}[\(mode)h", "\u{1b}[\(mode)l")
            #expect(Painter.enter.contains(set) != Painter.enter.contains(reset), "\(mode)")
            #expect(Painter.leave.contains(set) == Painter.enter.contains(reset), "\(mode)")
            #expect(Painter.leave.contains(reset) == Painter.enter.contains(set), "\(mode)")
        }
    }

    @Test(
        arguments: [
            (ColourDepth.none, [nil, "1"]), (.sixteen, ["31", "1;31"]), (.palette, ["38;5;196", "1;31"]),
            (.trueColour, ["38;2;255;40;60", "1;31"]),
        ] as [(ColourDepth, [String?])])
    func `colours are those that the terminal has`(depth: ColourDepth, expected: [String?]) {
        for (look, parameters) in zip([Look.level(7), .alarm], expected) {
            var painter = Painter(depth)
            let frame = painter.paint([row("x", look)])
            #expect(frame.contains(parameters.map { "\u{1b}[\($0)mx\u{1b}[0m" } ?? "Hx"), "\(frame.debugDescription)")
        }
        // NO_COLOR: nothing that is a colour.
        if depth == .none {
            for phase in Phase.allCases {
                var painter = Painter(depth)
                #expect(painter.paint([row("x", .verdict(phase))]).contains("\u{1b}[1;7mx"))
            }
        }
    }

    @Test func `a row never takes more columns than there are`() {
        #expect(row("0123456789").text == "0123456789")
        #expect(row("0123456789a").text == "012345678~")
        #expect(row("日本語日本語").used <= 10)
        var table = ScreenRow(width: 12)
        table.name("/a/long/path/to/it", 8)
        table.cell("too long", 4, right: true)
        #expect(table.text == "~h/to/ittoo~")
    }
}
