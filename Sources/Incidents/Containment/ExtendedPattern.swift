import Events

/// A POSIX extended regular expression (regex(7)), matched against a process's name: what `earlyoom --avoid` is given.
///
/// Its own matcher, not regcomp(3): the pattern comes from a recording, which anybody may have written, and a pattern can make
/// regcomp use up memory and matching take for ever. Here both are bounded; beyond that the answer is `nil`, unknown.
struct ExtendedPattern {
    private indirect enum Node {
        case start
        case end
        case oneOf(Set<UInt8>)
        case sequence([Node])
        case either([Node])
        case repeated(Node, least: Int, most: Int)
    }

    private static let longest = 4096
    private static let deepest = 16
    private static let steps = 50_000

    private let root: Node

    /// - Returns: `nil` for what is no such expression, or uses what is not known here (`[[:alpha:]]` is, `[[.x.]]` and `\w` are not).
    init?(_ pattern: ArraySlice<UInt8>) {
        guard pattern.count <= Self.longest else { return nil }
        var reader = Reader(rest: pattern)
        guard let node = reader.alternatives(depth: 0), reader.rest.isEmpty else { return nil }
        root = node
    }

    /// Whether it matches anywhere in the text; `nil` when that takes too long to say.
    func matches(_ text: Bytes) -> Bool? {
        var steps = Self.steps
        for start in 0...text.count where Self.match(root, text, start, &steps, { _, _ in true }) { return true }
        return steps > 0 ? false : nil
    }

    private static func match(
        _ node: Node, _ text: Bytes, _ at: Int, _ steps: inout Int, _ then: (Int, inout Int) -> Bool
    ) -> Bool {
        steps -= 1
        guard steps > 0 else { return false }
        switch node {
        case .start: return at == 0 && then(at, &steps)
        case .end: return at == text.count && then(at, &steps)
        case .oneOf(let bytes): return at < text.count && bytes.contains(text[at]) && then(at + 1, &steps)
        case .either(let nodes):
            for node in nodes where match(node, text, at, &steps, then) { return true }
            return false
        case .sequence(let nodes): return match(nodes[...], text, at, &steps, then)
        case .repeated(let node, let least, let most):
            if most > 0 {
                let more = match(node, text, at, &steps) { next, steps in
                    // Without progress it would go on for ever.
                    guard next > at || least > 0 else { return false }
                    let left = most == .max ? most : most - 1
                    return match(.repeated(node, least: max(least - 1, 0), most: left), text, next, &steps, then)
                }
                if more { return true }
            }
            return least == 0 && then(at, &steps)
        }
    }

    private static func match(
        _ nodes: ArraySlice<Node>, _ text: Bytes, _ at: Int, _ steps: inout Int, _ then: (Int, inout Int) -> Bool
    ) -> Bool {
        guard let first = nodes.first else { return then(at, &steps) }
        return match(first, text, at, &steps) { match(nodes.dropFirst(), text, $0, &$1, then) }
    }

    /// Reads a pattern from its front; every function gives `nil` for what it does not understand.
    private struct Reader {
        var rest: ArraySlice<UInt8>

        private func isNext(_ character: Unicode.Scalar) -> Bool { rest.first == UInt8(ascii: character) }

        mutating func alternatives(depth: Int) -> Node? {
            guard depth < ExtendedPattern.deepest, let first = branch(depth: depth) else { return nil }
            var nodes = [first]
            while isNext("|") {
                rest.removeFirst()
                guard let next = branch(depth: depth) else { return nil }
                nodes.append(next)
            }
            return nodes.count == 1 ? first : .either(nodes)
        }

        private mutating func branch(depth: Int) -> Node? {
            var nodes: [Node] = []
            while !rest.isEmpty, !isNext("|"), !(depth > 0 && isNext(")")) {
                guard var node = atom(depth: depth) else { return nil }
                while let (least, most) = quantifier() {
                    guard most >= least else { return nil }
                    node = .repeated(node, least: least, most: most)
                }
                nodes.append(node)
            }
            return .sequence(nodes)
        }

        private mutating func atom(depth: Int) -> Node? {
            guard let character = rest.popFirst() else { return nil }
            switch character {
            case UInt8(ascii: "^"): return .start
            case UInt8(ascii: "$"): return .end
            case UInt8(ascii: "."): return .oneOf(Set(1...255))
            case UInt8(ascii: "["): return set()
            case UInt8(ascii: "("):
                guard let inner = alternatives(depth: depth + 1), isNext(")") else { return nil }
                rest.removeFirst()
                return inner
            case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"): return nil
            case UInt8(ascii: "\\"):
                // A letter behind it is an extension of somebody's.
                guard let escaped = rest.popFirst(), !Self.isWord(escaped) else { return nil }
                return .oneOf([escaped])
            default: return .oneOf([character])
            }
        }

        private mutating func quantifier() -> (least: Int, most: Int)? {
            switch rest.first {
            case UInt8(ascii: "*"):
                rest.removeFirst()
                return (0, .max)
            case UInt8(ascii: "+"):
                rest.removeFirst()
                return (1, .max)
            case UInt8(ascii: "?"):
                rest.removeFirst()
                return (0, 1)
            case UInt8(ascii: "{"):
                guard let close = rest.firstIndex(of: UInt8(ascii: "}")) else { return nil }
                let bounds = rest[rest.index(after: rest.startIndex)..<close]
                    .split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
                guard bounds.count <= 2, let first = bounds.first, let least = wholeNumber(first), least <= 255 else {
                    return nil
                }
                let most = bounds.count == 1 ? least : bounds[1].isEmpty ? UInt64(Int.max) : wholeNumber(bounds[1])
                guard let most, most <= 255 || most == UInt64(Int.max) else { return nil }
                rest = rest[rest.index(after: close)...]
                return (Int(least), Int(most))
            default: return nil
            }
        }

        /// What stands between brackets; the opening one is read already.
        private mutating func set() -> Node? {
            let isInverted = isNext("^")
            if isInverted { rest.removeFirst() }
            var bytes: Set<UInt8> = []
            var isFirst = true
            while let character = rest.popFirst() {
                if character == UInt8(ascii: "]"), !isFirst {
                    return .oneOf(isInverted ? Set(1...255).subtracting(bytes) : bytes)
                }
                isFirst = false
                if character == UInt8(ascii: "["), let next = rest.first, ".=:".utf8.contains(next) {
                    guard let named = namedClass() else { return nil }
                    bytes.formUnion(named)
                } else if isNext("-"), let last = rest.dropFirst().first, last != UInt8(ascii: "]") {
                    guard last >= character else { return nil }
                    rest = rest.dropFirst(2)
                    bytes.formUnion(character...last)
                } else {
                    bytes.insert(character)
                }
            }
            return nil
        }

        private mutating func namedClass() -> Set<UInt8>? {
            for (name, bytes) in Self.classes where rest.starts(with: (":" + name + ":]").utf8) {
                rest = rest.dropFirst(name.utf8.count + 3)
                return bytes
            }
            return nil
        }

        private static let lower = Set(UInt8(ascii: "a")...UInt8(ascii: "z"))
        private static let upper = Set(UInt8(ascii: "A")...UInt8(ascii: "Z"))
        private static let digit = Set(UInt8(ascii: "0")...UInt8(ascii: "9"))
        private static let classes: [(String, Set<UInt8>)] = [
            ("lower", lower), ("upper", upper), ("digit", digit), ("alpha", lower.union(upper)),
            ("alnum", lower.union(upper).union(digit)), ("space", [0x20, 9, 10, 11, 12, 13]), ("blank", [0x20, 9]),
        ]

        private static func isWord(_ byte: UInt8) -> Bool {
            lower.contains(byte) || upper.contains(byte) || digit.contains(byte)
        }
    }
}
