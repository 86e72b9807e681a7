public import Incidents

/// What a hook finds in its environment: the fields of the journal's entry (`docs/journal.md`), made harmless.
///
/// Values are escaped as for a terminal: a script that puts a name into a mail's header or a log gets no line end from it.
public enum HookVariables {
    /// - Parameters:
    ///   - finding: what the hook is run for.
    ///   - dropped: findings before this one for which no hook was run.
    /// - Returns: `NAME=VALUE`.
    public static func of(_ finding: Finding, dropped: UInt64 = 0) -> [String] {
        var variables = ["INQUEST_EVENT=\(finding.event)"]
        if dropped > 0 { variables.append("INQUEST_DROPPED_HOOKS=\(dropped)") }
        for (name, value) in JournalEntry.fields(finding).list {
            let name = String(describing: name)
            if name == "MESSAGE" {
                // A sentence, and escaped already.
                variables.append("INQUEST_MESSAGE=" + String(decoding: value, as: UTF8.self))
            } else if name.hasPrefix("INQUEST_"), name != "INQUEST_TRUNCATED" {
                variables.append(name + "=" + Escaping.terminal(value))
            }
        }
        return variables
    }
}

extension Finding {
    fileprivate var event: String {
        switch self {
        case .kill: "kill"
        case .phase: "phase"
        case .opened: "opened"
        case .closed: "closed"
        }
    }
}
