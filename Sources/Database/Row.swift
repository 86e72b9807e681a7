import Events
import Incidents
import Rendering

/// Binds a value's fields to the parameters of a statement, one for each of its `Columns`.
///
/// - unknown: NULL; unlimited: the text `max`, which SQLite sorts after every number;
/// - a choice: its label; a name: UTF-8, by the one rule for bytes that are not;
/// - a histogram: JSON, upper bounds in microseconds to counts; a moment: by both clocks.
struct Row: ~Copyable, FieldWalker {
    typealias Failure = Never

    var statement: Statement
    /// Converts moments to the wall clock.
    var clock = ClockSnapshot()
    private var labels: [ObjectIdentifier: [Bytes?]] = [:]
    /// A histogram is written here first.
    private var json = ByteSink()
    /// Inside an optional group that is not there.
    private var isAbsent = false

    init(_ statement: consuming Statement) { self.statement = statement }

    /// A sentence is one text, though it is a group of fields.
    static func isText<F: Fields>(_ type: F.Type) -> Bool { type == Sentence.self }

    mutating func unsigned(_ name: StaticString, _ value: inout UInt64) {
        // (uid_t) -1 is nobody's.
        if isAbsent || value == UInt32.max && isUser(name) { statement.bindNull() } else { statement.bind(value) }
    }

    private func isUser(_ name: StaticString) -> Bool {
        name.utf8CodeUnitCount >= 3 && name.description.hasSuffix("uid")
    }

    mutating func signed(_ name: StaticString, _ value: inout Int64) {
        if isAbsent { statement.bindNull() } else { statement.bind(value) }
    }

    mutating func optionalSigned(_ name: StaticString, _ value: inout Int64?) {
        if let value, !isAbsent { statement.bind(value) } else { statement.bindNull() }
    }

    mutating func flag(_ name: StaticString, _ value: inout Bool) {
        if isAbsent { statement.bindNull() } else { statement.bind(value ? 1 : 0 as Int64) }
    }

    mutating func figure(_ name: StaticString, _ value: inout Figure) {
        if let number = value.value, !isAbsent {
            statement.bind(number)
        } else if value.isUnlimited, !isAbsent {
            statement.bind(Row.max)
        } else {
            statement.bindNull()
        }
    }

    private static let max = Bytes("max".utf8)

    mutating func choice<C: Choice>(_ name: StaticString, _ value: inout C) {
        let table = labels[ObjectIdentifier(C.self)] ?? learnLabels(of: C.self)
        if let label = table[Int(value.rawValue)], !isAbsent { statement.bind(label) } else { statement.bindNull() }
    }

    /// Labels come from the cases' names, which is slow to ask for: once a type.
    private mutating func learnLabels<C: Choice>(of type: C.Type) -> [Bytes?] {
        var table = [Bytes?](repeating: nil, count: 256)
        for choice in C.allCases where !choice.isNull { table[Int(choice.rawValue)] = Bytes(choice.label.utf8) }
        labels[ObjectIdentifier(type)] = table
        return table
    }

    mutating func text(_ value: Bytes) {
        if value.isEmpty || isAbsent { statement.bindNull() } else { statement.bind(Escaping.text(value)) }
    }

    mutating func comm(_ name: StaticString, _ value: inout Comm) { text(value.bytes) }
    mutating func bootID(_ name: StaticString, _ value: inout BootID) {
        text(value == .unknown ? [] : Bytes(value.description.utf8))
    }
    mutating func text(_ name: StaticString, _ value: inout Bytes) { text(value) }

    /// A machine's document, as it is.
    mutating func blob(_ name: StaticString, _ value: inout Bytes) {
        if value.isEmpty || isAbsent { statement.bindNull() } else { statement.bind(value) }
    }

    mutating func moment(_ name: StaticString, _ value: inout Moment) {
        guard !value.isUnknown, !isAbsent else {
            statement.bindNull()
            return statement.bindNull()
        }
        statement.bind(value.boottimeNs)
        if let realtimeNs = clock.realtimeNs(of: value) { statement.bind(realtimeNs) } else { statement.bindNull() }
    }

    mutating func ratio(_ name: StaticString, _ value: inout Ratio) {
        if let number = value.value, !isAbsent { statement.bind(number) } else { statement.bindNull() }
    }

    mutating func histogram(_ name: StaticString, _ value: inout Histogram) {
        guard value.total > 0, !isAbsent else { return statement.bindNull() }
        json.clear()
        json.append("{")
        for slot in 0..<Histogram.slots where value.counts[slot] > 0 {
            json.append(json.count > 1 ? ",\"" : "\"")
            if slot == Histogram.slots - 1 { json.append("max") } else { json.append(decimal: 1 << UInt64(slot + 1)) }
            json.append("\":")
            json.append(decimal: UInt64(value.counts[slot]))
        }
        json.append("}")
        unsafe json.withBytes { unsafe statement.bind($0) }
    }

    mutating func group<F: Fields>(_ name: StaticString, _ value: inout F) {
        if let sentence = value as? Sentence { text(sentence.bytes) } else { value.walk(&self) }
    }

    mutating func optional<F: Fields>(_ name: StaticString, _ value: inout F?) {
        let before = isAbsent
        isAbsent = isAbsent || value == nil
        var inner = value ?? F()
        group(name, &inner)
        isAbsent = before
    }

    mutating func list<F: Fields>(_ name: StaticString, _ value: inout [F]) {}
    mutating func texts(_ name: StaticString, _ value: inout [Bytes]) {}
}
