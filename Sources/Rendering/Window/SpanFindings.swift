public import Events
public import Incidents

/// What the correlator says of a span of time, beside its events; as it is to be shown.
public struct SpanFindings: Sendable {
    /// Those that touch the span, oldest first.
    public var incidents: [Incident]
    /// How the host fared: the phase at the first event of each boot, then each change.
    public var phases: [BootPhase]
    /// As it was asked for, nanoseconds since 1970; `nil` where nothing was.
    public var sinceRealtimeNs: UInt64?
    public var untilRealtimeNs: UInt64?

    public init(
        incidents: [Incident] = [], phases: [BootPhase] = [], sinceRealtimeNs: UInt64? = nil,
        untilRealtimeNs: UInt64? = nil
    ) {
        self.incidents = incidents
        self.phases = phases
        self.sinceRealtimeNs = sinceRealtimeNs
        self.untilRealtimeNs = untilRealtimeNs
    }
}

/// A phase of the host, with the boot that its moment is of.
public struct BootPhase: Equatable, Sendable {
    public var boot: BootID
    public var change: PhaseChange

    public init(_ boot: BootID, _ change: PhaseChange) { (self.boot, self.change) = (boot, change) }
}

/// Follows the host's phase through a span of time.
///
/// Pure, as the correlator is: it begins as that stood before the span, and takes every event up to its end, in order.
public struct PhaseWatch: Sendable {
    private var correlator: Correlator
    private var boot = BootID.unknown
    public private(set) var phases: [BootPhase] = []

    public init(_ correlator: Correlator) { self.correlator = correlator }

    /// - Parameters:
    ///   - event: the next one, also of those before the span.
    ///   - isShown: whether the event is in the span.
    ///   - names: with the event's boot.
    public mutating func take(_ event: Event, isShown: Bool, _ names: borrowing NameTable) {
        let before = correlator.hostPhase
        correlator.consume(event) { _ in }
        guard isShown else { return }
        if boot != names.boot || correlator.hostPhase != before || phases.isEmpty {
            boot = names.boot
            var change = PhaseChange()
            change.at = event.moment
            change.to = correlator.hostPhase
            phases.append(BootPhase(boot, change))
        }
    }
}
