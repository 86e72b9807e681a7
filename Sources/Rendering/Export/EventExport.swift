public import Events
public import Incidents

/// A document made of events: the ones of an incident, or of any span of time. One file for each format.
///
/// Driven by who reads the recording: `init`, `take` for each event in order, `end`; what is written collects inside and is handed
/// on by `drain`, whenever the driver likes. Memory does not grow with the number of events.
public protocol EventExport: ~Copyable {
    /// - Parameter incident: the one that the events are of; `nil` for a span of time.
    init(of incident: Incident?)

    /// - Parameter names: what numbers were called, and the clock, up to and including this event.
    mutating func take(_ event: Event, _ names: borrowing NameTable)

    /// After the last event.
    mutating func end(_ names: borrowing NameTable)

    /// Bytes that wait to be drained.
    var waiting: Int { get }

    /// Hands over what was written since the last time.
    mutating func drain(_ body: (UnsafeRawBufferPointer) -> Void)
}
