import Events

/// Moments as nanoseconds since the first event, or since an earlier moment of its boot.
struct ExportTimes {
    /// The first event's.
    private(set) var origin: (boottimeNs: UInt64, realtimeNs: UInt64?) = (0, nil)
    /// The latest so far.
    private(set) var last: UInt64 = 0
    /// Where the boot that events are of now has its place.
    private var anchor: (boot: BootID, boottimeNs: UInt64, sinceOriginNs: UInt64)?

    init() {}

    init(origin: Moment, realtimeNs: UInt64?, of boot: BootID) {
        self.origin = (origin.boottimeNs, realtimeNs)
        anchor = (boot, origin.boottimeNs, 0)
    }

    mutating func note(_ event: Event, _ names: borrowing NameTable) -> UInt64 {
        if anchor == nil || anchor?.boot != names.boot {
            let realtimeNs = names.clock.realtimeNs(of: event.moment)
            if anchor == nil { origin = (event.boottimeNs, realtimeNs) }
            // Boots follow each other, whatever the wall clock says.
            var sinceOriginNs = last
            if let realtimeNs, let first = origin.realtimeNs, realtimeNs > first {
                sinceOriginNs = max(last, realtimeNs - first)
            }
            anchor = (names.boot, event.boottimeNs, sinceOriginNs)
        }
        guard let anchor else { return 0 }
        // An event may be told after one that happened later.
        let since = event.boottimeNs - min(event.boottimeNs, anchor.boottimeNs)
        let (at, overflow) = anchor.sinceOriginNs.addingReportingOverflow(since)
        last = max(last, overflow ? .max : at)
        return overflow ? .max : at
    }

    /// - Parameter moment: of the boot that the first event is of.
    func ofFirstBoot(_ moment: Moment) -> UInt64 { moment.boottimeNs - min(moment.boottimeNs, origin.boottimeNs) }
}
