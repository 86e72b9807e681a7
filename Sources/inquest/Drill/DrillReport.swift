import Events
import Rendering

/// What a drill rehearses.
enum DrillScenario: UInt8, Choice {
    /// A contained kill: memory.max does its work.
    case cap = 0
    /// A live-lock at memory.high, released after a bound.
    case high = 1
    /// Whether the configured userspace killer finds somebody to kill.
    case backstop = 2
    static var fallback: DrillScenario { .cap }
}

enum DrillVerdict: UInt8, Choice {
    case notProven = 0
    case proven = 1
    static var fallback: DrillVerdict { .notProven }

    var words: String { self == .proven ? "proven" : "not proven" }
}

/// One thing that a drill looked for.
struct DrillStep: Fields {
    var what = Bytes()
    var seen = false
    /// What was found; raw bytes of others' names in it.
    var found = Bytes()

    init() {}
    init(_ what: String, seen: Bool, _ found: String = "") {
        self.what = Bytes(what.utf8)
        self.seen = seen
        self.found = Bytes(found.utf8)
    }
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("what", &what)
        try w.flag("seen", &seen)
        try w.text("found", &found)
    }
}

/// How a drill went (schema "inquest.drill/1"). `proven` is only what was really seen.
struct DrillReport: Fields {
    var version = Bytes(inquestVersion.utf8)
    var scenario = DrillScenario.cap
    var verdict = DrillVerdict.notProven
    /// One sentence.
    var text = Bytes()
    var steps: [DrillStep] = []
    /// The rehearsed incident, for the scenarios that make one.
    var incident = Bytes()

    init() {}
    init(_ scenario: DrillScenario) { self.scenario = scenario }
    mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("inquest_version", &version)
        try w.choice("scenario", &scenario)
        try w.choice("verdict", &verdict)
        try w.text("text", &text)
        try w.list("steps", &steps)
        try w.text("incident_id", &incident)
    }

    mutating func conclude(_ verdict: DrillVerdict, _ text: String) {
        self.verdict = verdict
        self.text = Bytes(text.utf8)
    }

    /// Prints it, and ends with status 1 when nothing is proven: the machine was asked to show something, and did not.
    func tell(json: Bool, _ console: Console) throws(CommandError) {
        if json {
            console.out.write(DocumentJSON.line("inquest.drill/1", self))
        } else {
            for step in steps {
                let found = step.found.isEmpty ? "" : ": " + Escaping.terminal(step.found)
                console.out.write("  \(step.seen ? "seen    " : "not seen")  \(Escaping.terminal(step.what))\(found)\n")
            }
            console.out.write("VERDICT \(verdict.words): \(Escaping.terminal(text))\n")
        }
        guard verdict == .notProven else { return }
        console.out.flush()
        throw CommandError("drill \(scenario.label): not proven: \(Escaping.terminal(text))")
    }
}
