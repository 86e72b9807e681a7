public import Events

/// Names made harmless, once for each medium.
///
/// A name (comm, command line, cgroup, user) is whatever bytes a process chose. One rule makes it readable text, and the rule
/// can be turned round: a byte that cannot be shown is `\xNN`, a character that cannot be shown is `\u{...}`, and a
/// backslash is doubled. What "cannot be shown" means, and what is escaped on top, depends on the medium.
public enum Escaping {
    /// For a terminal: no control character, no bidirectional control, nothing invisible, valid UTF-8.
    public static func terminal(_ bytes: Bytes) -> String {
        var text = ""
        text.reserveCapacity(bytes.count)
        forEachPiece(of: bytes) { piece in
            switch piece {
            case .invalid(let byte): text.append(hexEscape(byte))
            case .scalar(let scalar) where scalar == "\\": text.append("\\\\")
            case .scalar(let scalar) where scalar.value < 0x20 || scalar.value == 0x7f:
                text.append(hexEscape(UInt8(scalar.value)))
            case .scalar(let scalar) where isUnshowable(scalar): text.append(scalarEscape(scalar))
            case .scalar(let scalar): text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// For Markdown: as for a terminal, and no character that Markdown or its common extensions give a meaning to.
    ///
    /// - Parameters:
    ///   - bytes: a name, as the kernel has it.
    ///   - lineStart: the text may come to stand at the start of a line, where a list mark would begin a list.
    public static func markdown(_ bytes: Bytes, lineStart: Bool = true) -> String {
        markdown(shown: terminal(bytes), lineStart: lineStart)
    }

    /// The same for text that already went through `terminal`.
    static func markdown(shown text: String, lineStart: Bool = true) -> String {
        let scalars = Array(text.unicodeScalars)
        var result = ""
        result.reserveCapacity(text.utf8.count + 8)
        var onlyDigits = lineStart
        for (index, scalar) in scalars.enumerated() {
            let atStart = lineStart && index == 0
            let next = index + 1 < scalars.count ? scalars[index + 1] : nil
            let last = index > 0 ? scalars[index - 1] : nil
            if atStart && scalar == " " {
                result.append("&#32;")
                continue
            }
            let marksLine = atStart && ["-", "+", "=", ">", ":"].contains(scalar)
            let numbersLine =
                onlyDigits && index > 0 && (scalar == "." || scalar == ")") && (next == nil || next == " ")
            // What the sites' own extensions would make a link of.
            let linksAddress = scalar == ":" && next == "/"
            let linksWeb =
                scalar == "." && index >= 3 && scalars[index - 3..<index].allSatisfy { $0 == "w" || $0 == "W" }
            if marksLine || numbersLine || linksAddress || linksWeb || markdownSpecials.contains(scalar) {
                result.append("\\")
            }
            result.unicodeScalars.append(scalar)
            // A mention is made from the finished text, where a backslash is gone; only another element divides it.
            if scalar == "@" && !(last?.properties.isAlphabetic ?? false) { result.append("<!-- -->") }
            onlyDigits = onlyDigits && (48...57).contains(scalar.value)
        }
        return result
    }

    private static let markdownSpecials: Set<Unicode.Scalar> = ["\\", "`", "*", "_", "[", "<", "#", "|", "~", "&", "$"]

    /// For HTML, as text and inside a quoted attribute: as for a terminal, and no character that ends either or begins markup.
    public static func html(_ bytes: Bytes) -> String {
        var sink = ByteSink(capacity: bytes.count + 16)
        appendHTML(shown: terminal(bytes), to: &sink)
        return unsafe sink.withBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// The same for text that already went through `terminal`.
    static func appendHTML(shown text: String, to sink: inout ByteSink) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): sink.append("&amp;")
            case UInt8(ascii: "<"): sink.append("&lt;")
            case UInt8(ascii: ">"): sink.append("&gt;")
            case UInt8(ascii: "\""): sink.append("&quot;")
            case UInt8(ascii: "'"): sink.append("&#39;")
            default: sink.append(byte)
            }
        }
    }

    /// For the inside of a JSON string. The value that a JSON reader gets is UTF-8 as it was, with a byte that is not UTF-8
    /// written `\xNN` and a backslash doubled; what a terminal could trip over is written as JSON's own `\uNNNN`.
    static func appendJSON(_ bytes: Bytes, to sink: inout ByteSink) {
        var index = 0
        while index < bytes.count {
            let start = index
            while index < bytes.count, isPlain(bytes[index]) { index += 1 }
            if index > start { sink.append(bytes.span.extracting(start..<index)) }
            guard index < bytes.count else { return }
            switch piece(of: bytes, at: &index) {
            case .invalid(let byte):
                sink.append("\\\\x")
                sink.append(hexDigit(byte >> 4))
                sink.append(hexDigit(byte & 15))
            case .scalar("\\"): sink.append("\\\\\\\\")
            case .scalar("\""): sink.append("\\\"")
            case .scalar("\n"): sink.append("\\n")
            case .scalar("\t"): sink.append("\\t")
            case .scalar("\r"): sink.append("\\r")
            case .scalar(let scalar) where isUnshowable(scalar):
                for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
                    sink.append("\\u")
                    for shift in [12, 8, 4, 0] as [UInt16] { sink.append(hexDigit(UInt8(unit >> shift & 15))) }
                }
            case .scalar(let scalar):
                for unit in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { sink.append(unit) }
            }
        }
    }

    /// For a text of a database: the value that a JSON reader would get, as UTF-8.
    public static func text(_ bytes: Bytes) -> Bytes {
        guard !bytes.allSatisfy({ isPlain($0) || $0 == UInt8(ascii: "\"") }) else { return bytes }
        var text = Bytes()
        forEachPiece(of: bytes) { piece in
            switch piece {
            case .invalid(let byte): text += Bytes(hexEscape(byte).utf8)
            case .scalar("\\"): text += Bytes("\\\\".utf8)
            case .scalar(let scalar): text += Bytes(String(scalar).utf8)
            }
        }
        return text
    }

    /// Printable ASCII that means nothing to JSON.
    private static func isPlain(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x7f && byte != 0x22 && byte != 0x5c }

    /// Whether a character would act on what displays it, or be there without being seen.
    static func isUnshowable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0: true  // C0, DEL, C1
        case 0xa0, 0xad, 0x61c, 0x180e: true  // no-break space, soft hyphen, Arabic letter mark, Mongolian separator
        case 0x200b, 0x200e, 0x200f, 0x2028...0x202e, 0x2060...0x206f: true  // zero width, line ends, bidi controls
        case 0xfeff, 0xfff9...0xfffb, 0xe0000...0xe007f: true  // byte order mark, annotations, tags
        default: false
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

    private static func hexEscape(_ byte: UInt8) -> String {
        "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }

    private static func scalarEscape(_ scalar: Unicode.Scalar) -> String {
        "\\u{" + String(scalar.value, radix: 16) + "}"
    }

    /// A character, or a byte that is part of none.
    enum Piece: Equatable {
        case scalar(Unicode.Scalar)
        case invalid(UInt8)
    }

    static func forEachPiece(of bytes: Bytes, _ body: (Piece) -> Void) {
        var index = 0
        while index < bytes.count { body(piece(of: bytes, at: &index)) }
    }

    /// Reads one character of UTF-8 (no overlong forms, no surrogates), or gives the byte at `index` as invalid.
    static func piece(of bytes: Bytes, at index: inout Int) -> Piece {
        let first = bytes[index]
        let length: Int
        var value: UInt32
        switch first {
        case 0x00...0x7f: (length, value) = (1, UInt32(first))
        case 0xc2...0xdf: (length, value) = (2, UInt32(first & 0x1f))
        case 0xe0...0xef: (length, value) = (3, UInt32(first & 0x0f))
        case 0xf0...0xf4: (length, value) = (4, UInt32(first & 0x07))
        default: (length, value) = (0, 0)
        }
        if length > 0 && index + length <= bytes.count {
            var whole = true
            for offset in 1..<max(length, 1) {
                let next = bytes[index + offset]
                if next & 0xc0 != 0x80 { whole = false }
                value = value << 6 | UInt32(next & 0x3f)
            }
            let smallest: UInt32 = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0
            if whole, value >= smallest, let scalar = Unicode.Scalar(value) {
                index += length
                return .scalar(scalar)
            }
        }
        index += 1
        return .invalid(first)
    }
}
