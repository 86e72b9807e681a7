import Events

@testable import Metrics

/// A strict reader of the text format 0.0.4: it takes what Prometheus takes, and nothing more.
struct PageText {
    struct Sample: Equatable {
        let name: String
        let labels: [String: String]
        let value: Double
        /// The whole line up to the value: what tells one series from another.
        let series: String
    }

    private(set) var samples: [Sample] = []
    /// By family, in order.
    private(set) var types: [(name: String, type: String)] = []

    struct Malformed: Error { let line: String }

    init(_ bytes: Bytes) throws {
        guard bytes.last == UInt8(ascii: "\n"), let text = String(validating: bytes, as: UTF8.self) else {
            throw Malformed(line: "no text, or no line feed at the end")
        }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ")
                guard words.count == 4 else { throw Malformed(line: String(line)) }
                types.append((String(words[2]), String(words[3])))
            } else if !line.hasPrefix("# HELP ") {
                samples.append(try Self.sample(line))
            }
        }
    }

    init(_ fold: MetricsFold) throws { try self.init(fold.page(isConnected: true, version: "0")) }

    subscript(series: String) -> Double? { samples.first { $0.series == series }?.value }

    private static func sample(_ line: Substring) throws -> Sample {
        var rest = line
        func isNameCharacter(_ character: Character) -> Bool {
            character.isASCII && (character.isLetter || character.isNumber || character == "_")
        }
        let name = String(rest.prefix(while: isNameCharacter))
        rest = rest.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest = rest.dropFirst()
            while rest.first != "}" {
                let label = String(rest.prefix(while: isNameCharacter))
                rest = rest.dropFirst(label.count)
                guard !label.isEmpty, rest.hasPrefix("=\"") else { throw Malformed(line: String(line)) }
                rest = rest.dropFirst(2)
                labels[label] = try value(&rest, line)
                if rest.first == "," { rest = rest.dropFirst() }
            }
            rest = rest.dropFirst()
        }
        let series = String(line[..<rest.startIndex])
        guard !name.isEmpty, rest.first == " ", let value = Double(rest.dropFirst()) else {
            throw Malformed(line: String(line))
        }
        return Sample(name: name, labels: labels, value: value, series: series)
    }

    private static func value(_ rest: inout Substring, _ line: Substring) throws -> String {
        var value = ""
        while let character = rest.first {
            rest = rest.dropFirst()
            switch character {
            case "\"": return value
            case "\\":
                guard let escaped = rest.first, ["\\", "\"", "n"].contains(escaped) else { break }
                rest = rest.dropFirst()
                value.append(escaped == "n" ? "\n" : escaped)
                continue
            default:
                value.append(character)
                continue
            }
            break
        }
        throw Malformed(line: String(line))
    }
}
