/// What the correlator keeps at most, in one place: its memory does not grow with the length of a recording.
///
/// With every bound reached at once about 16 MB: the open incidents' kills (some 5 KB each), the cgroups' windows (9 KB each) and
/// names. A busy machine without an incident holds well below 1 MB.
enum Bounds {
    /// Cgroups whose name is remembered; removed ones are forgotten first.
    static let cgroupNames = 4096
    /// Cgroups with windows of samples.
    static let cgroups = 256
    static let devices = 64
    static let users = 1024
    /// Containers and pods whose names are remembered; the oldest are forgotten first.
    static let containers = 1024
    static let hooks = 64
    static let backstops = 8

    static let openIncidents = 24
    /// Further ones are counted, and have their line in the timeline.
    static let kills = 64
    static let timeline = 512
    /// Of the slow IOs and the stalls of so long the first and the worst have a line: the histograms and sums have them all.
    static let crowdNs: UInt64 = 1_000_000_000
    static let series = 600
    static let notes = 16
    static let phaseChanges = 64
    /// Cgroups and processes followed through one incident.
    static let cgroupTracks = 64
    static let processTracks = 32
    static let suspects = 8
    static let processSuspects = 5
    static let bystanders = 10

    /// Tasks of one census that are kept for kills' context and process suspects.
    static let censusTasks = 72
    static let contextLargest = 5
    static let contextBlocked = 8
    /// Signals that may yet be the first step of an escalation, or belong to an OOM kill.
    static let pendingSignals = 64
    static let recentKills = 64
    static let stoppedUnits = 64
    static let signalSteps = 16
    static let otherVictims = 16
    static let alternatives = 12
}
