import Events

/// Writes HTML and inline SVG. Elements and names of attributes are literals of ours; every text and every value of an attribute is
/// escaped here, and nowhere else.
struct HTMLWriter: ~Copyable {
    var sink = ByteSink(capacity: 1 << 16)

    /// Markup of ours.
    mutating func markup(_ literal: StaticString) { sink.append(literal) }

    /// Text that is already safe for a terminal.
    mutating func text(_ shown: String) { Escaping.appendHTML(shown: shown, to: &sink) }

    mutating func open(_ element: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:]) {
        sink.append(UInt8(ascii: "<"))
        sink.append(element)
        for (name, value) in attributes {
            sink.append(UInt8(ascii: " "))
            sink.append(name)
            sink.append("=\"")
            text(value)
            sink.append(UInt8(ascii: "\""))
        }
        sink.append(UInt8(ascii: ">"))
    }

    mutating func close(_ element: StaticString) {
        sink.append("</")
        sink.append(element)
        sink.append(UInt8(ascii: ">"))
    }

    mutating func element(
        _ element: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:], _ shown: String = ""
    ) {
        open(element, attributes)
        text(shown)
        close(element)
    }

    mutating func line() { sink.append(UInt8(ascii: "\n")) }

    // MARK: Tables

    /// - Parameter columns: titles; one that begins with a `>` is of a column of figures.
    mutating func beginTable(_ caption: String, _ columns: [String], class name: String = "") {
        open("table", name.isEmpty ? [:] : ["class": name])
        element("caption", [:], caption)
        markup("<thead><tr>")
        for column in columns {
            let isFigure = column.hasPrefix(">")
            element(
                "th", isFigure ? ["scope": "col", "class": "n"] : ["scope": "col"], String(column.drop { $0 == ">" }))
        }
        markup("</tr></thead>\n<tbody>\n")
    }

    mutating func endTable() { markup("</tbody></table>\n") }

    mutating func row(_ header: String, _ cells: [String], figures: Set<Int> = []) {
        markup("<tr>")
        element("th", ["scope": "row"], header)
        for (index, cell) in cells.enumerated() { element("td", figures.contains(index) ? ["class": "n"] : [:], cell) }
        markup("</tr>\n")
    }
}

/// A number with so many decimals at most, none of them a zero at the end; for coordinates and for people.
func decimal(_ value: Double, _ digits: Int = 2) -> String {
    guard value.isFinite else { return "0" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let whole = (value.magnitude * scale).rounded()
    guard whole < 9e18 else { return value < 0 ? "-9000000000" : "9000000000" }
    let number = UInt64(whole)
    var text = String(number / UInt64(scale))
    var rest = String(number % UInt64(scale))
    rest = String(repeating: "0", count: max(0, digits - rest.count)) + rest
    while rest.last == "0" { rest.removeLast() }
    if !rest.isEmpty { text += "." + rest }
    return value < 0 && number > 0 ? "-" + text : text
}

/// What is left of a figure that may have become too large.
func whole(_ value: Double) -> UInt64 { value >= 1.8e19 ? .max : value > 0 ? UInt64(value.rounded()) : 0 }
