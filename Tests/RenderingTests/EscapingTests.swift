import Events
import Foundation
import Testing

@testable import Rendering

/// Turns the rule of `Escaping` round: `\xNN` a byte, `\u{...}` a character, `\\` a backslash.
func unescaped(_ text: String) -> Bytes? {
    var bytes = Bytes()
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "\\") else {
            bytes.append(byte)
            continue
        }
        switch rest.popFirst() {
        case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "x"):
            guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        case UInt8(ascii: "u"):
            guard rest.first == UInt8(ascii: "{"), let end = rest.firstIndex(of: UInt8(ascii: "}")) else { return nil }
            let digits = String(decoding: rest[(rest.startIndex + 1)..<end], as: UTF8.self)
            guard let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value) else { return nil }
            bytes += Bytes(String(Character(scalar)).utf8)
            rest = rest[(end + 1)...]
        default: return nil
        }
    }
    return bytes
}

/// Names that are made of what hurts, the same on every run.
func hostileNames(_ count: Int) -> [Bytes] {
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15
    func next(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(bound))
    }
    let pieces: [Bytes] = [
        b("\\"), b("\\x41"), b("\u{1b}[2J"), b("\n"), b("\r"), b("\u{7f}"), b("\u{9b}"), b("\u{202e}"), b("\u{2066}"),
        b("\u{200b}"), b("\u{a0}"), b("é"), b("日"), b("🦊"), [0xff], [0xc3], [0xe2, 0x80], [0xed, 0xa0, 0x80],
        [0xc0, 0xaf], [0xf5, 0x80], [0xf0, 0x9f], [0x80], b("|"), b("`"), b("<b>"), b("\""), b(" "), b("a"), b("9."),
        b("/"),
        b("\u{e0041}"), b("\u{feff}"), [0],
    ]
    return (0..<count).map { _ in (0..<next(12)).flatMap { _ in pieces[next(pieces.count)] } }
}

/// Whether a text could act on a terminal, or hide something on it.
func actsOnTerminal(_ text: String) -> Bool {
    text.unicodeScalars.contains { scalar in
        scalar.value < 0x20 || (0x7f...0xa0).contains(scalar.value) || (0x200e...0x200f).contains(scalar.value)
            || (0x2028...0x202e).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
            || scalar.value == 0x200b || scalar.value == 0xfeff || scalar.value == 0xfffd
    }
}

@Suite struct EscapingTests {
    @Test func `what cannot be shown is escaped, and the rest is left alone`() {
        #expect(Escaping.terminal(b("plain é 日本 🦊 name")) == "plain é 日本 🦊 name")
        #expect(Escaping.terminal(b("a\u{1b}[31m\tb\r\n")) == "a\\x1b[31m\\x09b\\x0d\\x0a")
        #expect(Escaping.terminal(b("\u{7f}\u{85}\u{9b}5m")) == "\\x7f\\u{85}\\u{9b}5m")
        #expect(
            Escaping.terminal(b("\u{202e}gpj.exe \u{2066}x\u{2069}\u{200b}"))
                == "\\u{202e}gpj.exe \\u{2066}x\\u{2069}\\u{200b}")
        #expect(Escaping.terminal(b("t3\\x2dserve")) == "t3\\\\x2dserve")
        #expect(Escaping.terminal([0x61, 0xff, 0x9b, 0x62]) == "a\\xff\\x9bb")
        #expect(Escaping.terminal([]) == "")
    }

    @Test func `overlong forms, surrogates and cut characters are bytes, not characters`() {
        #expect(Escaping.terminal([0xc0, 0xaf]) == "\\xc0\\xaf")
        #expect(Escaping.terminal([0xe0, 0x80, 0xaf]) == "\\xe0\\x80\\xaf")
        #expect(Escaping.terminal([0xed, 0xa0, 0x80]) == "\\xed\\xa0\\x80")
        #expect(Escaping.terminal([0xf4, 0x90, 0x80, 0x80]) == "\\xf4\\x90\\x80\\x80")
        #expect(Escaping.terminal([0xf0, 0x9f, 0xa6]) == "\\xf0\\x9f\\xa6")
        #expect(Escaping.terminal([0xc3, 0x28]) == "\\xc3(")
    }

    @Test func `the rule can be turned round for every name, and nothing acts on the terminal`() {
        for name in hostileNames(4000) {
            let shown = Escaping.terminal(name)
            #expect(unescaped(shown) == name, "\(name)")
            #expect(!actsOnTerminal(shown), "\(name)")
        }
    }

    @Test func `a JSON string decodes to the name by one rule`() throws {
        for name in hostileNames(4000) {
            var sink = ByteSink()
            sink.append("[\"")
            Escaping.appendJSON(name, to: &sink)
            sink.append("\"]")
            let text = String(decoding: sink.bytes, as: UTF8.self)
            #expect(!actsOnTerminal(text), "\(name)")
            let decoded = try #require(
                try JSONSerialization.jsonObject(with: Data(sink.bytes)) as? [String], "\(text)")
            #expect(unescaped(decoded[0]) == name, "\(name)")
        }
    }

    @Test func `HTML finds no markup, and no end of an attribute, in a name`() {
        #expect(Escaping.html(b("<b a=\"x\">&'")) == "&lt;b a=&quot;x&quot;&gt;&amp;&#39;")
        for name in hostileNames(4000) {
            let text = Escaping.html(name)
            #expect(!actsOnTerminal(text) && !text.contains { "<>\"'".contains($0) }, "\(name)")
            let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
            let shown = entities.reduce(text) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
            #expect(unescaped(shown) == name, "\(name)")
        }
    }

    @Test func `Markdown finds nothing to interpret`() {
        #expect(Escaping.markdown(b("a|b`c`*d*_e_<f>[g](h)")) == "a\\|b\\`c\\`\\*d\\*\\_e\\_\\<f>\\[g](h)")
        #expect(Escaping.markdown(b("# x")) == "\\# x")
        #expect(Escaping.markdown(b("- x")) == "\\- x")
        #expect(Escaping.markdown(b("+ x")) == "\\+ x")
        #expect(Escaping.markdown(b("> x")) == "\\> x")
        #expect(Escaping.markdown(b("12. x")) == "12\\. x")
        #expect(Escaping.markdown(b("12) x")) == "12\\) x")
        #expect(Escaping.markdown(b("12.5 x")) == "12.5 x")
        #expect(Escaping.markdown(b("    code")) == "&#32;   code")
        #expect(Escaping.markdown(b("&lt;")) == "\\&lt;")
        #expect(Escaping.markdown(b("http://x www.x")) == "http\\://x www\\.x")
        #expect(Escaping.markdown(b("@all user@1.service")) == "@<!-- -->all user@1.service")
        #expect(Escaping.markdown(b("a\n\u{1b}")) == "a\\\\x0a\\\\x1b")
        #expect(Escaping.markdown(b("- x"), lineStart: false) == "- x")
    }
}
