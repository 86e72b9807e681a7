import Events

/// A date and time of day, from nanoseconds since 1970 (proleptic Gregorian calendar, no leap seconds).
public struct CivilTime: Equatable, Sendable {
    public var year: Int64
    public var month: UInt64
    public var day: UInt64
    public var hour: UInt64
    public var minute: UInt64
    public var second: UInt64
    public var nanosecond: UInt64
    /// Days since 1970-01-01.
    public var dayNumber: Int64

    public init(realtimeNs: UInt64, utcOffsetSeconds: Int32 = 0) {
        let seconds = Int64(realtimeNs / 1_000_000_000) + Int64(utcOffsetSeconds)
        dayNumber = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400
        let secondOfDay = UInt64(seconds - dayNumber * 86400)
        (hour, minute, second) = (secondOfDay / 3600, secondOfDay / 60 % 60, secondOfDay % 60)
        nanosecond = realtimeNs % 1_000_000_000

        // Years are counted from 1 March, so that the leap day is a year's last; 400 years have 146097 days, and a month's
        // first day within such a year is (153 * month + 2) / 5.
        let sinceMarch = dayNumber + 719_468
        let era = sinceMarch >= 0 ? sinceMarch / 146_097 : (sinceMarch - 146_096) / 146_097
        let dayOfEra = sinceMarch - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = UInt64(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
        month = UInt64(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// `2026-06-22`.
    var date: String {
        let digits = String(year)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "-" + Units.twoDigits(month) + "-"
            + Units.twoDigits(day)
    }

    /// `10:02:11.412`, cut (not rounded) to `decimals` digits, 0...9.
    func timeOfDay(decimals: Int) -> String {
        let whole =
            Units.twoDigits(hour) + ":" + Units.twoDigits(minute) + ":" + Units.twoDigits(second)
        guard decimals > 0 else { return whole }
        let digits = String(nanosecond)
        let fraction = String(repeating: "0", count: 9 - digits.count) + digits
        return whole + "." + fraction.prefix(decimals)
    }
}

public enum Times {
    /// RFC 3339 in UTC with nanoseconds: `2026-06-22T10:02:11.412000345Z`.
    public static func rfc3339(_ realtimeNs: UInt64) -> String {
        let time = CivilTime(realtimeNs: realtimeNs)
        return time.date + "T" + time.timeOfDay(decimals: 9) + "Z"
    }

    /// `+02:00`.
    public static func offset(_ seconds: Int32) -> String {
        let size = UInt64(seconds.magnitude)
        return (seconds < 0 ? "-" : "+") + Units.twoDigits(size / 3600) + ":" + Units.twoDigits(size / 60 % 60)
    }
}

/// Turns the moments of one boot into local times of day.
struct LocalClock {
    var snapshot: ClockSnapshot
    var utcOffsetSeconds: Int32
    /// Times on another local day than this moment's are marked.
    var origin: Moment

    func civil(_ moment: Moment) -> CivilTime? {
        guard let ns = snapshot.realtimeNs(of: moment) else { return nil }
        return CivilTime(realtimeNs: ns, utcOffsetSeconds: utcOffsetSeconds)
    }

    /// `2026-06-22 10:02:11.4 +00:00`; without a clock the time since boot.
    func full(_ moment: Moment, decimals: Int = 1) -> String {
        guard let time = civil(moment) else { return sinceBoot(moment) }
        return time.date + " " + time.timeOfDay(decimals: decimals) + " " + Times.offset(utcOffsetSeconds)
    }

    /// `10:02:11.4`; on another day than the origin's `+1d 00:00:03.1`; without a clock the time since boot.
    func short(_ moment: Moment, decimals: Int = 1) -> String {
        guard let time = civil(moment) else { return sinceBoot(moment) }
        return dayMark(time.dayNumber) + time.timeOfDay(decimals: decimals)
    }

    /// A wall clock time that belongs to no moment of this boot (the next boot's start).
    func short(realtimeNs: UInt64) -> String {
        let time = CivilTime(realtimeNs: realtimeNs, utcOffsetSeconds: utcOffsetSeconds)
        return dayMark(time.dayNumber) + time.timeOfDay(decimals: 0)
    }

    private func dayMark(_ day: Int64) -> String {
        guard let first = civil(origin)?.dayNumber, first != day else { return "" }
        return (day > first ? "+" : "") + "\(day - first)d "
    }

    private func sinceBoot(_ moment: Moment) -> String {
        guard !moment.isUnknown else { return "?" }
        let tenths = moment.boottimeNs / 100_000_000
        return "boot+\(tenths / 10).\(tenths % 10) s"
    }
}
