public import Events
public import Incidents
import Rendering

/// Folds what a recorder tells into what a scrape is given.
///
///     var fold = MetricsFold()
///     fold.begin(correlator)                    // what was known before, where there is a recording
///     fold.consume(event)                       // each event, in order
///     let page = fold.page(isConnected: true, version: "0.1.0")
///
/// Pure: time comes from the events alone. Its memory is bounded: a correlator's, and closed label sets.
public struct MetricsFold: Sendable {
    public private(set) var counters: Counters
    private(set) var correlator = Correlator()
    private(set) var oldestRequests: [UInt32: UInt64] = [:]
    private var names = NameTable(capacity: 8192)

    public init(counters: Counters = Counters()) { self.counters = counters }

    /// Goes on from what was known at some moment: names, phases, open incidents. Nothing is counted.
    public mutating func begin(_ correlator: Correlator) {
        self.correlator = correlator
        oldestRequests.removeAll()
        names = NameTable(capacity: 8192)
        for event in correlator.introduction { names.note(event) }
    }

    /// Numbers may begin anew: what follows is not compared with what came before.
    public mutating func beginNumbering() { counters.lastSeq = 0 }

    /// An event of before the counting: it is known, and counts for nothing.
    public mutating func learn(_ event: Event) {
        guard note(event) else { return }
        correlator.consume(event) { _ in }
    }

    /// An event once; one that was heard before is left out, by its number.
    public mutating func consume(_ event: Event) {
        // What the recorder says to this reader alone: what it did not tell.
        guard event.seq != 0 else { return count(event) }
        guard event.seq > counters.lastSeq, note(event) else { return }
        counters.events &+= 1
        count(event)
        var findings: [Finding] = []
        correlator.consume(event) { findings.append($0) }
        for finding in findings { counters.count(finding, seq: event.seq) }
    }

    private mutating func count(_ event: Event) {
        counters.count(
            event.payload, path: { names.path(ofCgroup: $0) }, device: { Self.name(ofDevice: $0, names) })
    }

    /// Its place, and the names it tells; `false` when it is the recorder's own finding, and no observation.
    private mutating func note(_ event: Event) -> Bool {
        // A snapshot shows the number of the event after it, which is yet to come.
        if case .snapshot = event.payload { return false }
        counters.lastSeq = max(counters.lastSeq, event.seq)
        switch event.payload {
        case .incident: return false
        case .recorderStart(let start):
            counters.boot = start.bootID
            counters.lastNs = 0
            oldestRequests.removeAll()
        case .device(let sample): oldestRequests[sample.device] = sample.oldestMinNs.value
        default: break
        }
        counters.lastNs = max(counters.lastNs, event.boottimeNs)
        names.note(event)
        return true
    }

    /// The ages of the oldest requests in flight, by the devices' names.
    var oldestRequestsByName: [(name: Bytes, ns: UInt64)] {
        let all = oldestRequests.map { (name: Self.name(ofDevice: $0.key, names), ns: $0.value) }
        return Array(
            all.sorted { $0.name.lexicographicallyPrecedes($1.name) }.prefix(LatencySeries.devices))
    }

    private static func name(ofDevice number: UInt32, _ names: NameTable) -> Bytes {
        names.devices[number] ?? Bytes("\(number >> 20):\(number & 0xfffff)".utf8)
    }
}
