import Events
import Glibc
import Incidents
import Live
import Recording

/// The one way every observed event takes: numbered, recorded, correlated, shown to live readers.
///
/// The order matters. The event goes into the recording before the correlator sees it, so that the snapshot at a segment's
/// start is the state *before* its first event, and a replay from there repeats what happened here.
struct Spine: ~Copyable {
    private let writer: RecordingWriter?
    private let live: LiveServer?
    private(set) var correlator: Correlator
    private var nextSeq: UInt64
    private var findings: [Finding] = []
    /// Called for each finding after it was recorded.
    private let report: (Finding) -> Void
    /// Called for each event after it was numbered, recorded and correlated.
    private let observe: (Event) -> Void

    init(
        writer: RecordingWriter?, live: LiveServer?, correlator: consuming Correlator, nextSeq: UInt64,
        observe: @escaping (Event) -> Void, report: @escaping (Finding) -> Void
    ) {
        self.writer = writer
        self.live = live
        self.correlator = correlator
        self.nextSeq = nextSeq
        self.observe = observe
        self.report = report
    }

    /// Takes one event; `true` when it must be durable at once (a kill, a phase change, the recorder's own start or end).
    mutating func take(_ observed: Event) -> Bool {
        var event = observed
        var urgent = event.payload.isUrgent
        number(&event)
        keep(event)
        correlator.consume(event) { findings.append($0) }
        observe(event)
        while !findings.isEmpty {
            urgent = true
            let finding = findings.removeFirst()
            record(finding, at: event.boottimeNs)
            report(finding)
        }
        return urgent
    }

    private mutating func number(_ event: inout Event) {
        event.seq = nextSeq
        nextSeq += 1
    }

    private func keep(_ event: Event) {
        writer?.append(event) { correlator.snapshot() }
        live?.broadcast(event)
    }

    /// The correlator never sees these records.
    mutating func record(_ finding: Finding, at boottimeNs: UInt64) {
        guard let record = finding.record else { return }
        var event = Event(boottimeNs: boottimeNs, .incident(record))
        number(&event)
        keep(event)
        observe(event)
    }
}

extension Payload {
    /// Whether the event is worth a disk write of its own.
    var isUrgent: Bool {
        switch self {
        case .signal(let signal): signal.signal == SIGKILL
        case .oomKill, .recorderStart, .recorderStop, .kernelLogKill: true
        default: false
        }
    }
}
