/// What the user probably meant: the candidate with the fewest edits.
enum Nearest {
    /// The nearest candidate, when it is near enough that suggesting it helps: at most one edit for three letters.
    static func match(_ word: String, among candidates: [String]) -> String? {
        let best = candidates.map { (distance: distance(word, $0), word: $0) }.min { $0.distance < $1.distance }
        guard let best, best.distance <= max(1, (max(word.count, best.word.count) + 1) / 3) else { return nil }
        return best.word
    }

    /// `; did you mean 'record'?`, or nothing.
    static func hint(_ word: String, among candidates: [String], prefix: String = "") -> String {
        guard let match = match(word, among: candidates) else { return "" }
        return "; did you mean '\(prefix)\(match)'?"
    }

    /// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
    static func distance(_ first: String, _ second: String) -> Int {
        let a = Array(first)
        // A word longer than any flag is no typing error; the bound keeps a hostile argument cheap.
        let b = Array(second)
        guard a.count <= 64, b.count <= 64 else { return max(a.count, b.count) }
        guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in 1...a.count {
            var row = [Int](repeating: i, count: b.count + 1)
            for j in 1...b.count {
                let replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
                row[j] = min(last[j] + 1, row[j - 1] + 1, replaced)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    row[j] = min(row[j], beforeLast[j - 2] + 1)
                }
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
