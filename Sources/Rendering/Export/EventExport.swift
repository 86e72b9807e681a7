public import Events

/// A document made of events: the ones of an incident, or of any span of time. One file for each format.
///
/// Driven by who reads the recording: `take` for each event in order, `end`; what is written collects inside and is handed
/// on by `drain`, whenever the driver likes. Memory does not grow with the number of events.
public protocol EventExport: ~Copyable {
    /// - Parameters:
    ///   - event: the next one of the span, by number.
    ///   - names: what numbers were called, and the clock, up to and including this event.
    mutating func take(_ event: Event, _ names: borrowing NameTable)

    /// Events of the span that are in no recording any more, or never came into one: told before the event that follows.
    ///
    /// - Parameters:
    ///   - events: their numbers.
    ///   - why: one sentence, of ours.
    mutating func missing(_ events: ClosedRange<UInt64>, _ why: String)

    /// After the last event.
    mutating func end(_ names: borrowing NameTable)

    /// Bytes that wait to be drained.
    var waiting: Int { get }

    /// Hands over what was written since the last time.
    mutating func drain(_ body: (UnsafeRawBufferPointer) -> Void)
}

extension EventExport where Self: ~Copyable {
    public mutating func missing(_ events: ClosedRange<UInt64>, _ why: String) {}
}
