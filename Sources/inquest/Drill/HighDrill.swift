import Events
import Glibc
import Host
import Incidents
import Rendering

/// `inquest drill high`: a process beyond memory.high, throttled and alive, until it is let go.
enum HighDrill {
    /// Within this the live-lock must have been told.
    private static let livelockBoundNs: UInt64 = 60_000_000_000
    /// Once let go, it has so long to end by itself.
    private static let endBoundNs: UInt64 = 30_000_000_000

    /// - Parameter bytes: memory.high; memory.max is twice that, and the process wants half as much again.
    static func run(
        _ bytes: UInt64, in cgroup: DrillCgroup, recordingTo directory: DrillDirectory, _ stopSignals: StopSignals,
        _ console: Console
    ) throws(CommandError) -> (report: DrillReport, incident: Incident?) {
        let outcome = HighOutcome(cgroup.path)
        let rehearsal = try Rehearsal(
            directory, stopSignals, console, observe: { _ in }, report: { outcome.see($0) })
        defer { rehearsal.end() }
        let balloon = try rehearsal.balloon(ceilingBytes: Int(bytes + bytes / 2), in: cgroup)
        defer { balloon.end() }
        console.progress("filling \(bytes >> 20) MiB until memory.high holds it; about 15 s until that is a live-lock")
        balloon.inflate()
        try rehearsal.run(withinNs: livelockBoundNs) { outcome.opened != nil || balloon.poll() != nil }
        let isHeld = outcome.opened != nil && balloon.poll() == nil
        // Whatever was seen: it is let go.
        let isReleased = cgroup.release() == 0
        console.progress("let go; waiting until it has ended and its incident is over")
        try rehearsal.run(withinNs: endBoundNs) { balloon.poll() != nil }
        let status = balloon.poll()
        if outcome.opened != nil { try rehearsal.run(withinNs: Rehearsal.closeBoundNs) { outcome.closed != nil } }
        try rehearsal.complete()

        var report = DrillReport(.high)
        let incident = outcome.closed
        report.incident = incident?.id ?? Bytes()
        let throttled = incident?.suspects.first { $0.cgroup == cgroup.path && $0.pid == 0 }?.throttledNs.value
        let survived = status.map { $0 & 0x7f == 0 && $0 >> 8 & 0xff == Balloon.survived } ?? false
        report.steps = [
            DrillStep("memory.high held it, alive", seen: isHeld),
            DrillStep(
                "its stalls were heard", seen: (throttled ?? 0) > 0,
                throttled.map { "\(Rendering.Units.duration($0)) of task time" } ?? ""),
            DrillStep("it was told as throttle_livelock", seen: incident != nil),
            DrillStep("nobody killed it", seen: survived && incident?.kills.isEmpty == true),
            DrillStep("let go, it went on and ended by itself", seen: isReleased && survived),
        ]
        if let missing = report.steps.first(where: { !$0.seen }) {
            report.conclude(.notProven, "not seen: " + String(decoding: missing.what, as: UTF8.self))
        } else {
            report.conclude(
                .proven,
                "a live-lock at memory.high is told as one, with \(Rendering.Units.duration(throttled ?? 0)) of stalls; nobody ends it but who lifts the limit"
            )
        }
        return (report, incident)
    }
}

/// What it waits for, told by the recorder: the live-lock of its own cgroup.
private final class HighOutcome {
    private let cgroup: Bytes
    private(set) var opened: Incident?
    private(set) var closed: Incident?

    init(_ cgroup: Bytes) { self.cgroup = cgroup }

    func see(_ finding: Finding) {
        switch finding {
        case .opened(let incident): if isOwn(incident) { opened = incident }
        case .closed(let incident): if isOwn(incident) { closed = incident }
        case .kill, .phase: break
        }
    }

    private func isOwn(_ incident: Incident) -> Bool {
        incident.incidentClass == .throttleLivelock && incident.scope.cgroup == cgroup
    }
}
