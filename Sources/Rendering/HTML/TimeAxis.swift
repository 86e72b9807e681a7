import Events

/// The one time axis that all panels share: nanoseconds since the origin to bins, which are the pictures' horizontal unit, and to
/// the time of day.
struct TimeAxis {
    private static let second: UInt64 = 1_000_000_000
    /// What ticks may be apart.
    private static let steps: [UInt64] =
        [second / 10, second / 5, second / 2] + [1, 2, 5, 10, 15, 30].map { $0 * second }
        + [1, 2, 5, 10, 15, 30].map { $0 * 60 * second } + [1, 2, 3, 6, 12, 24, 48, 96, 168].map { $0 * 3600 * second }
    /// As many as a phone has room for; the script, which knows the room, makes it more.
    private static let ticks: UInt64 = 5

    let binNs: UInt64
    let endNs: UInt64
    /// The wall clock at the origin, nanoseconds since 1970.
    let originRealtimeNs: UInt64?
    let utcOffsetSeconds: Int32

    /// The whole length in bins.
    var length: Double { Double(endNs) / Double(binNs) }

    func x(_ ns: UInt64) -> Double { min(Double(ns) / Double(binNs), length) }

    /// Where it lies on the whole axis.
    func percent(_ x: Double) -> String { decimal(100 * x / length, 3) + "%" }

    /// `10:02:11.4`; without a clock `+94.2 s`.
    func label(_ ns: UInt64, decimals: Int) -> String {
        guard let originRealtimeNs else { return "+" + decimal(Double(ns) / 1e9, max(1, decimals)) + " s" }
        let time = CivilTime(realtimeNs: originRealtimeNs &+ ns, utcOffsetSeconds: utcOffsetSeconds)
        let first = CivilTime(realtimeNs: originRealtimeNs, utcOffsetSeconds: utcOffsetSeconds)
        let days = time.dayNumber == first.dayNumber ? "" : "+\(time.dayNumber - first.dayNumber)d "
        return days + time.timeOfDay(decimals: decimals)
    }

    /// The day of the origin.
    var date: String {
        originRealtimeNs.map { CivilTime(realtimeNs: $0, utcOffsetSeconds: utcOffsetSeconds).date } ?? "unknown"
    }

    /// Round times of day, and where they are.
    func roundTimes() -> [(x: Double, label: String)] {
        guard let step = Self.steps.first(where: { endNs / $0 < Self.ticks }) ?? Self.steps.last,
            endNs / step < 100
        else { return [] }
        // Round in local time: the zone's offset counts, whole days do not.
        let day: Int64 = 86_400
        let offset = UInt64((Int64(utcOffsetSeconds) % day + day) % day) * Self.second
        let origin = originRealtimeNs.map { $0 % (7 * UInt64(day) * Self.second) + offset } ?? 0
        var ticks: [(x: Double, label: String)] = []
        var at = (step - origin % step) % step
        while at <= endNs {
            ticks.append((x(at), label(at, decimals: step < Self.second ? 1 : 0)))
            at += step
        }
        return ticks
    }
}
