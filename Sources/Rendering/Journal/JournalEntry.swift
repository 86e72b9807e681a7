public import Events
public import Incidents

/// A finding as an entry of the system's journal: `docs/journal.md` has its fields.
///
/// MESSAGE is for people and escaped like everything they read on a terminal; the other fields are the incident's own values, names as
/// raw bytes. Command lines are not in it: more people may read the journal than a recording.
public enum JournalEntry {
    /// - Parameters:
    ///   - finding: what the entry tells.
    ///   - lost: how many entries before this one the journal did not take.
    public static func render(_ finding: Finding, lost: UInt64 = 0) -> Bytes {
        var fields = fields(finding)
        fields.add("SYSLOG_IDENTIFIER", "inquest")
        if lost > 0 { fields.add("INQUEST_LOST_ENTRIES", String(lost)) }
        return fields.bytes
    }

    static func fields(_ finding: Finding) -> JournalFields {
        var fields = JournalFields()
        switch finding {
        case .kill(let kill, let incidentClass): add(kill, incidentClass, to: &fields)
        case .phase(let scope, let change, let incident): add(scope, change, incident, to: &fields)
        case .opened(let incident): addOpened(incident, to: &fields)
        case .closed(let incident): addEnded(incident, to: &fields)
        }
        return fields
    }

    private static func begin(_ message: JournalMessage, _ priority: Priority, _ text: String, _ f: inout JournalFields)
    {
        f.add("MESSAGE", text)
        f.add("MESSAGE_ID", message.id)
        f.add("PRIORITY", String(priority.rawValue))
    }

    private static func add(_ kill: Kill, _ incidentClass: IncidentClass, to f: inout JournalFields) {
        let words = KillWords(kill: kill)
        begin(.kill, Priority(kill), words.victim + " killed " + words.killer + "; " + words.size, &f)
        addIncident(kill.incidentID, incidentClass, to: &f)
        addMoment(kill.at, to: &f)
        f.add("INQUEST_SEQ", String(kill.seq))
        if kill.drill { f.add("INQUEST_DRILL", "1") }
        f.add("INQUEST_KILLER", kill.cause.killer.label)
        f.add("INQUEST_CONFIDENCE", kill.cause.confidence.label)
        f.add("INQUEST_OOM_CGROUP", kill.cause.oomMemcg)
        add(kill.victim, to: &f)
        if let sender = kill.sender {
            f.add("INQUEST_SENDER_PID", String(sender.tgid == 0 ? sender.pid : sender.tgid))
            f.add("INQUEST_SENDER_COMM", comm: sender.comm)
            f.add("INQUEST_SENDER_UID", sender.uid)
            f.add("INQUEST_SENDER_UNIT", sender.unit)
            f.add("INQUEST_SIGNAL", String(sender.signal))
        }
        if let trigger = kill.trigger {
            f.add("INQUEST_TRIGGER_PID", String(trigger.tgid == 0 ? trigger.pid : trigger.tgid))
            f.add("INQUEST_TRIGGER_COMM", comm: trigger.comm)
        }
    }

    private static func add(_ victim: KillVictim, to f: inout JournalFields) {
        f.add("INQUEST_VICTIM_PID", String(victim.tgid == 0 ? victim.pid : victim.tgid))
        f.add("INQUEST_VICTIM_COMM", comm: victim.comm)
        f.add("INQUEST_VICTIM_UID", victim.uid)
        f.add("INQUEST_VICTIM_USER", victim.user)
        f.add("INQUEST_VICTIM_UNIT", victim.unit)
        f.add("INQUEST_VICTIM_CONTAINER", victim.containerID)
        f.add("INQUEST_VICTIM_CONTAINER_NAME", victim.containerName)
        f.add("INQUEST_VICTIM_POD", victim.pod)
        f.add("INQUEST_VICTIM_NAMESPACE", victim.namespace)
        f.add("INQUEST_VICTIM_ANON_RSS_BYTES", victim.anonRssBytes)
        f.add("INQUEST_VICTIM_SWAP_BYTES", victim.swapBytes)
        f.add("INQUEST_CGROUP", victim.cgroup)
    }

    private static func add(
        _ scope: Scope, _ change: PhaseChange, _ incident: IncidentKey?, to f: inout JournalFields
    ) {
        begin(.phase, Priority(change.to), who(scope) + " " + words(change.to), &f)
        if let incident { addIncident(incident.id, incident.incidentClass, to: &f) }
        addMoment(change.at, to: &f)
        f.add("INQUEST_PHASE", change.to.label)
        addScope(scope, to: &f)
    }

    private static func addOpened(_ incident: Incident, to f: inout JournalFields) {
        let words = IncidentWords(incident, utcOffsetSeconds: nil)
        let isDrill = !incident.kills.isEmpty && incident.kills.allSatisfy(\.drill)
        begin(
            .opened, isDrill ? .information : Priority(incident.severity),
            "incident \(NameWords.name(incident.id)) begins: \(words.verdict), \(who(incident.scope))", &f)
        addDocument(incident, to: &f)
        addMoment(incident.started, to: &f)
    }

    private static func addEnded(_ incident: Incident, to f: inout JournalFields) {
        let words = IncidentWords(incident, utcOffsetSeconds: nil)
        begin(
            .ended, .notice,
            "incident \(NameWords.name(incident.id)), \(words.verdict), \(who(incident.scope)):"
                + " \(NameWords.endedBy(words.ending?.by ?? .open)) after \(words.lasted); \(words.headline)", &f)
        addDocument(incident, to: &f)
        f.add("INQUEST_ENDED_BY", words.ending?.by.label ?? "")
        f.add("INQUEST_KILLS", String(incident.kills.count))
        addMoment(words.ending?.at ?? .unknown, to: &f)
    }

    private static func addDocument(_ incident: Incident, to f: inout JournalFields) {
        addIncident(incident.id, incident.incidentClass, to: &f)
        f.add("INQUEST_SEVERITY", incident.severity.label)
        addScope(incident.scope, to: &f)
    }

    private static func addIncident(_ id: Bytes, _ incidentClass: IncidentClass, to f: inout JournalFields) {
        f.add("INQUEST_INCIDENT", id)
        f.add("INQUEST_CLASS", incidentClass.label)
    }

    private static func addScope(_ scope: Scope, to f: inout JournalFields) {
        f.add("INQUEST_SCOPE", scope.kind.label)
        f.add("INQUEST_CGROUP", scope.cgroup)
    }

    private static func addMoment(_ moment: Moment, to f: inout JournalFields) {
        if !moment.isUnknown { f.add("INQUEST_BOOTTIME_NS", String(moment.boottimeNs)) }
    }

    private static func who(_ scope: Scope) -> String {
        scope.kind == .host ? "the host" : NameWords.cgroup(scope.cgroup)
    }

    private static func words(_ phase: Phase) -> String {
        switch phase {
        case .calm: "is calm again"
        case .watch: "is on watch: tasks wait for memory"
        case .pressure: "is under memory pressure"
        case .thrash: "thrashes: memory is paged out and in again"
        case .critical: "is critically short of memory: hardly a task makes progress"
        }
    }
}

/// syslog(3)'s levels, as far as they are used here.
private enum Priority: Int {
    case critical = 2
    case error = 3
    case warning = 4
    case notice = 5
    case information = 6

    init(_ phase: Phase) {
        switch phase {
        case .calm: self = .information
        case .watch: self = .notice
        case .pressure: self = .warning
        case .thrash: self = .error
        case .critical: self = .critical
        }
    }

    /// A cap that did its work is worth a warning; a host without memory is an error.
    init(_ kill: Kill) {
        self = kill.drill ? .information : kill.cause.killer == .kernelGlobal ? .error : .warning
    }
}
