import Host

/// How far a long work has come, for whoever watches: nothing for the first second, then at most four times a second.
struct Progress {
    private let what: String
    private let console: Console
    private var nextNs: UInt64

    init(_ what: String, _ console: Console) {
        self.what = what
        self.console = console
        nextNs = Clocks.boottimeNs() + 1_000_000_000
    }

    /// - Parameter end: where the work may still have the last part before it: 99 % is the most that is claimed.
    mutating func reached(_ place: UInt64, of end: UInt64) {
        let now = Clocks.boottimeNs()
        guard now >= nextNs else { return }
        nextNs = now + 250_000_000
        console.progress("inquest: \(what): \(end == 0 ? 0 : min(99, place * 100 / end)) %")
    }
}
