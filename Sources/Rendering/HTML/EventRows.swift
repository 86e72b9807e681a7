import Events
import Incidents

/// One line of the table of events; with a time it also has a mark on the time axis, and each leads to the other.
struct EventRow {
    /// Where its mark is: the marks of one kind are beside each other.
    enum Lane: Int, CaseIterable {
        case kill, signal, stall, slowIO, phase, other
        /// A link of the causal chain has its mark in the chain's picture.
        case chain

        var title: String {
            switch self {
            case .kill: "kills"
            case .signal: "signals, exits"
            case .stall: "stalls"
            case .slowIO: "slow IO"
            case .phase: "phases"
            case .other: "other"
            case .chain: ""
            }
        }

        init(_ kind: EntryKind) {
            switch kind {
            case .kill: self = .kill
            case .signal, .exit, .reap: self = .signal
            case .stall: self = .stall
            case .slowIO: self = .slowIO
            case .phase, .classChange: self = .phase
            case .note, .loss, .gap, .census, .recorder, .cgroup: self = .other
            }
        }
    }

    /// Nanoseconds since the origin; `nil` where it has no place on the axis.
    var at: UInt64?
    let time: String
    let lane: Lane
    /// Safe for a terminal, as all texts here.
    let text: String
    var source = ""
    /// Which link of the chain it is.
    var link: Int?
}

/// The rows of an incident: its timeline, and the links of its chain in between.
struct IncidentRows {
    let rows: [EventRow]

    init(_ words: IncidentWords, _ times: ExportTimes) {
        let incident = words.incident
        func place(_ moment: Moment) -> UInt64? { moment.isUnknown ? nil : times.ofFirstBoot(moment) }
        var rows = incident.timeline.map { entry in
            EventRow(
                at: place(entry.at), time: words.clock.short(entry.at, decimals: 3), lane: .init(entry.kind),
                text: NameWords.name(entry.text), source: Escaping.terminal(entry.source))
        }
        for (index, link) in incident.chain.enumerated() {
            rows.append(
                EventRow(
                    at: place(link.onset), time: words.clock.short(link.onset, decimals: 3), lane: .chain,
                    text: NameWords.link(link.kind) + ": " + NameWords.name(link.text),
                    source: NameWords.sources(link.evidence), link: index))
        }
        // Those of the same moment stay in their order, links behind what they were told from.
        rows = rows.enumerated().sorted {
            let (a, b) = ($0.element.at ?? .max, $1.element.at ?? .max)
            return a == b ? $0.offset < $1.offset : a < b
        }.map(\.element)
        if let ending = words.ending, let boot = ending.nextBootRealtimeNs.value {
            rows.append(EventRow(time: words.clock.short(realtimeNs: boot), lane: .other, text: "next boot"))
            if let start = ending.nextStartRealtimeNs.value {
                let time = words.clock.short(realtimeNs: start)
                rows.append(EventRow(time: time, lane: .other, text: "inquest records again"))
            }
        }
        self.rows = rows
    }
}

/// The rows of a span of time: what `inquest tail` would have told, with a bound for what comes in crowds and one for the rest.
struct SpanRows {
    private static let telling = 400
    private static let crowd = 200

    private(set) var rows: [EventRow] = []
    private(set) var omitted: UInt64 = 0
    private var crowded = 0

    mutating func take(_ event: Event, at: UInt64, _ names: NameTable) {
        let lane: EventRow.Lane
        switch event.payload {
        case .oomKill, .kernelLogKill: lane = .kill
        case .signal(let signal): lane = signal.signal == 9 ? .kill : .signal
        case .exit, .reap: lane = .signal
        case .stall: lane = .stall
        case .slowIO: lane = .slowIO
        case .incident: lane = .phase
        case .lost, .census, .samplerGap, .recorderStart, .recorderStop, .hook, .backstop: lane = .other
        default: return
        }
        let comesInCrowds = lane == .stall || lane == .slowIO || lane == .signal
        guard comesInCrowds ? crowded < Self.crowd : rows.count - crowded < Self.telling else {
            omitted += 1
            return
        }
        guard let (word, _, text) = EventLine.content(event, names) else { return }
        if comesInCrowds { crowded += 1 }
        rows.append(
            EventRow(
                at: at, time: EventLine.time(event.moment, names, TextOptions()), lane: lane, text: word + " " + text))
    }
}
