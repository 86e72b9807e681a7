import Events
import Rendering

/// Writes the text format that Prometheus scrapes, version 0.0.4: for each family its help, its type and its samples.
///
/// Label values are other people's bytes: made readable as everywhere in this program (`Escaping.terminal`), then escaped for the
/// format. Help texts are ours, on one line, without a backslash.
struct Exposition {
    private(set) var bytes = Bytes()

    mutating func begin(_ family: MetricFamily) {
        append("# HELP \(family.name) \(family.help)\n# TYPE \(family.name) \(family.type.rawValue)\n")
    }

    mutating func sample(_ family: MetricFamily, _ value: UInt64, _ labels: [Label] = []) {
        sample(family.name, labels, "\(value)")
    }

    mutating func sample(_ family: MetricFamily, seconds ns: UInt64, _ labels: [Label] = []) {
        sample(family.name, labels, Self.seconds(ns))
    }

    /// - Parameter counts: how many were below each bound, ascending and cumulative; the last is of all.
    mutating func histogram(
        _ family: MetricFamily, _ labels: [Label], _ counts: [(bound: String, count: UInt64)], sumNs: UInt64
    ) {
        for (bound, count) in counts {
            sample("\(family.name)_bucket", labels + [Label("le", bound)], "\(count)")
        }
        sample("\(family.name)_sum", labels, Self.seconds(sumNs))
        sample("\(family.name)_count", labels, "\(counts.last?.count ?? 0)")
    }

    private mutating func sample(_ name: String, _ labels: [Label], _ value: String) {
        append(name)
        if !labels.isEmpty {
            append("{")
            for (index, label) in labels.enumerated() {
                append(index == 0 ? "" : ",")
                append("\(label.name)=\"")
                append(escaped: label.value)
                append("\"")
            }
            append("}")
        }
        append(" \(value)\n")
    }

    private mutating func append(_ text: String) { bytes += text.utf8 }

    private mutating func append(escaped name: Bytes) {
        for byte in Escaping.terminal(name).utf8 {
            // A line feed is not among them: `Escaping` has left none.
            if byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "\"") { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
    }

    /// Nanoseconds as seconds, exact: `1.5`, `0.000000001`, `3`.
    static func seconds(_ ns: UInt64) -> String {
        let (whole, part) = ns.quotientAndRemainder(dividingBy: 1_000_000_000)
        guard part > 0 else { return "\(whole)" }
        var digits = String(part)
        digits = String(repeating: "0", count: 9 - digits.count) + digits
        while digits.last == "0" { digits.removeLast() }
        return "\(whole).\(digits)"
    }
}

/// One label of a sample; the value is bytes of a name, or a word of ours.
struct Label {
    let name: String
    let value: Bytes

    init(_ name: String, _ value: Bytes) { (self.name, self.value) = (name, value) }
    init(_ name: String, _ value: String) { (self.name, self.value) = (name, Bytes(value.utf8)) }
}
