import Events

/// `--since 10m`: what was observed so long ago, or later; `--since 2026-06-22T10:02:00Z`: at that time of the wall clock, or later.
///
/// Within this boot boottime tells how long ago something was, whatever the wall clock was set to meanwhile; before it only the wall
/// clock does.
struct Cutoff {
    let boot: BootID
    /// CLOCK_BOOTTIME of this boot; 0 when it began later than that.
    let boottimeNs: UInt64
    /// Nanoseconds since 1970.
    let realtimeNs: UInt64

    init(_ sinceNs: UInt64, before now: ClockSnapshot, boot: BootID) {
        self.boot = boot
        boottimeNs = now.boottimeNs > sinceNs ? now.boottimeNs - sinceNs : 0
        realtimeNs = now.realtimeNs > sinceNs ? now.realtimeNs - sinceNs : 0
    }

    /// By the wall clock alone.
    init(realtimeNs: UInt64) {
        boot = .unknown
        boottimeNs = 0
        self.realtimeNs = realtimeNs
    }

    /// - Parameters:
    ///   - eventBoot: the boot that the moment is of.
    ///   - clock: of that boot, the latest before the moment.
    func includes(_ moment: Moment, of eventBoot: BootID, clock: ClockSnapshot) -> Bool {
        if eventBoot == boot, boot != .unknown { return moment.boottimeNs >= boottimeNs }
        return clock.realtimeNs(of: moment) ?? 0 >= realtimeNs
    }
}
