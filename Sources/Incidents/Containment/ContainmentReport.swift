public import Events

/// What `inquest doctor --containment` tells: the facts, and what the judge makes of them (schema "inquest.containment/1",
/// docs/containment.schema.json).
public struct ContainmentReport: Fields, Equatable, Sendable {
    public var version = Bytes()
    public var facts = ContainmentFacts()
    /// Why there was no census of the processes; empty when there was one.
    public var censusRefused = Bytes()
    public var findings: [BackstopFinding] = []

    public init() {}
    public init(version: Bytes, facts: ContainmentFacts, censusRefused: Bytes) {
        self.version = version
        self.facts = facts
        self.censusRefused = censusRefused
        findings = Containment(facts).findings
    }

    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.text("inquest_version", &version)
        try w.group("facts", &facts)
        try w.text("census_refused", &censusRefused)
        try w.list("findings", &findings)
    }
}
