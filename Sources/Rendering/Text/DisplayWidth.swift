// Columns of a terminal, not bytes and not characters.

/// How many columns a text takes: 2 for wide East Asian characters and emoji, 0 for combining marks, 1 for the rest.
///
/// Ranges after Unicode's EastAsianWidth.txt (W and F), coarse: a terminal that differs shifts a column, nothing more.
package func displayWidth(_ text: String) -> Int {
    var width = 0
    for scalar in text.unicodeScalars { width += displayWidth(scalar) }
    return width
}

package func displayWidth(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.value {
    case 0..<0x300: 1
    case 0x300...0x36f, 0x483...0x489, 0x591...0x5bd, 0x610...0x61a, 0x64b...0x65f: 0
    case 0x200b...0x200f, 0x20d0...0x20f0, 0xfe00...0xfe0f, 0xfe20...0xfe2f, 0xe0100...0xe01ef: 0
    case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff: 2
    case 0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6: 2
    case 0x1f300...0x1f64f, 0x1f680...0x1f6ff, 0x1f900...0x1f9ff, 0x1fa70...0x1faff, 0x20000...0x3fffd: 2
    default: 1
    }
}

/// Fills with spaces to `width` columns; a longer text stays as it is.
package func padded(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - displayWidth(text)))
}

package func rightAligned(_ text: String, to width: Int) -> String {
    String(repeating: " ", count: max(0, width - displayWidth(text))) + text
}

/// Breaks a text at spaces into lines of at most `first`, then `rest` columns.
///
/// A word longer than a line is broken behind a `/` where it has one, otherwise where the line is full: nothing is cut off.
func wrapped(_ text: String, first: Int, rest: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    var used = 0
    var room: Int { max(8, lines.isEmpty ? first : rest) }
    func flush() {
        lines.append(line)
        line = ""
        used = 0
    }
    for word in words(of: text) {
        var remaining = word
        while true {
            let width = displayWidth(remaining)
            let gap = line.isEmpty ? 0 : 1
            if used + gap + width <= room {
                line += (gap == 1 ? " " : "") + remaining
                used += gap + width
                break
            }
            let next = max(8, rest)
            if !line.isEmpty && (width <= next || room - used - gap < 24) {
                flush()
                continue
            }
            let (head, tail) = broken(remaining, at: room - used - gap)
            line += (gap == 1 ? " " : "") + head
            flush()
            remaining = tail
        }
    }
    if !line.isEmpty || lines.isEmpty { lines.append(line) }
    return lines
}

/// The words between spaces; a number and its unit are one.
private func words(of text: String) -> [String] {
    var words: [String] = []
    for piece in text.split(separator: " ", omittingEmptySubsequences: true) {
        let bare = piece.prefix { $0 != "," && $0 != ";" && $0 != "." && $0 != ")" }
        if let last = words.last, let digit = last.utf8.last, (48...57).contains(digit), units.contains(bare) {
            words[words.count - 1] = last + " " + piece
        } else {
            words.append(String(piece))
        }
    }
    return words
}

private let units: Set<Substring> = [
    "B", "KiB", "MiB", "GiB", "TiB", "KiB/s", "MiB/s", "GiB/s", "%", "ns", "us", "ms", "s", "min", "h", "d",
]

/// The longest start of a word that fits, preferably up to a `/`; at least one character.
private func broken(_ word: String, at room: Int) -> (String, String) {
    var width = 0
    var fits = 0
    var slash = 0
    let scalars = Array(word.unicodeScalars)
    for (index, scalar) in scalars.enumerated() {
        width += displayWidth(scalar)
        if width > room && index > 0 { break }
        fits = index + 1
        if scalar == "/" && index > 0 { slash = index + 1 }
    }
    let cut = slash * 3 >= fits ? slash : fits
    var head = ""
    var tail = ""
    head.unicodeScalars.append(contentsOf: scalars[..<cut])
    tail.unicodeScalars.append(contentsOf: scalars[cut...])
    return (head, tail)
}
