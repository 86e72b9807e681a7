import Events

/// A finding, named after what its rule is about.
func finding(
    _ rule: FindingRule, _ verdict: FindingVerdict, _ fact: Phrase, _ evidence: [Evidence] = [], subject: Phrase = "",
    consequence: Phrase = "", setting: Phrase = ""
) -> BackstopFinding {
    var finding = BackstopFinding()
    finding.name = Bytes(rule.backstopName.utf8)
    finding.rule = rule
    finding.verdict = verdict
    finding.sentence = fact.sentence
    finding.evidence = evidence
    finding.subject = subject.sentence
    finding.consequence = consequence.sentence
    finding.setting = setting.sentence
    return finding
}

extension FindingRule {
    /// Whose finding it is, for people.
    fileprivate var backstopName: String {
        switch self {
        case .unknown: "unknown"
        case .kernel, .nextVictim, .exempt: "kernel"
        case .earlyoom, .earlyoomLists: "earlyoom"
        case .systemdOomd, .oomdInert: "systemd-oomd"
        case .oomd: "oomd"
        case .nohang: "nohang"
        case .noUserspaceKiller: "killers"
        case .caps, .uncappedTree, .capsAboveMemory, .highWithoutMax: "caps"
        case .swapOnDisk, .swapInMemory, .noSwap: "swap"
        case .ioNotCharged: "io"
        case .wayIn: "way in"
        case .recorder: "recorder"
        }
    }
}
