public import Events

/// How many there are of what there can be, and who records: for whoever counts. Cheaper than a `Standing`, which has the figures of each.
public struct Overview: Sendable {
    /// The host's phase; `nil` before the host was sampled.
    public let hostPhase: Phase?
    /// Cgroups above calm, by phase; those in calm are not counted.
    public let cgroups: [Phase: Int]
    /// Classes of the open incidents, each as often as there is one.
    public let openClasses: [IncidentClass]
    public let hooks: [HookState]
    public let backstops: [BackstopState]
    /// Who records; without a boot while no recorder has said so.
    public let recorder: RecorderStart
    /// The wall clock as last told.
    public let clock: ClockSnapshot
    /// Time of the latest event, nanoseconds of CLOCK_BOOTTIME; 0 before the first.
    public let nowNs: UInt64
}

extension Correlator {
    public var overview: Overview {
        Overview(
            hostPhase: state.host.pressureNs == 0 && state.host.memoryNs == 0 ? nil : state.host.phase.phase,
            cgroups: state.cgroupsByPhase, openClasses: state.open.map(\.incident.incidentClass), hooks: state.hooks,
            backstops: state.backstops, recorder: state.recorder, clock: state.clock, nowNs: state.nowNs)
    }
}

extension State {
    fileprivate var cgroupsByPhase: [Phase: Int] {
        var counts: [Phase: Int] = [:]
        for index in cgroups.indices {
            let phase = cgroups.span[index].phase.phase
            if phase > .calm { counts[phase, default: 0] += 1 }
        }
        return counts
    }
}
