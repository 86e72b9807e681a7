import Events
import Glibc
import Host
import Incidents
import Probes
import Rendering

/// `inquest doctor --containment`: what would stop a runaway here, now.
///
/// It reads the facts as the recorder does, hands them as events to a correlator, and asks the judge that incidents ask.
enum ContainmentDoctor {
    static func report() -> ContainmentReport {
        var options = SamplerOptions()
        // One look at everything, however many there are.
        options.rankingBatch = options.knownCgroups
        options.topCgroups = 128
        options.topSwapCgroups = 64
        _ = SelfProtection.raiseDescriptorLimit()
        let host = HostSampler(options: options)
        var correlator = Correlator()
        var seq: UInt64 = 0
        func hear(_ event: Event) {
            seq += 1
            var event = event
            event.seq = seq
            correlator.consume(event) { _ in }
        }
        // It is no recorder: one that runs is found by its name.
        host.startEvents(version: Bytes(inquestVersion.utf8), recorderTgid: 0).forEach(hear)
        host.sample(underPressure: false, tellAll: true, hear)
        let (tasks, refused) = census(host.hierarchy)
        return ContainmentReport(
            version: Bytes(inquestVersion.utf8), facts: correlator.containment(tasks: tasks ?? []),
            censusRefused: Bytes(refused.utf8))
    }

    /// Everybody but this process; why not otherwise.
    private static func census(_ hierarchy: CgroupHierarchy) -> (tasks: [CensusTask]?, refused: String) {
        do throws(ProbeError) {
            var options = ProbeOptions()
            options.memoryCgroups = hierarchy.directory
            options.keepCommandLines = false
            let probes = try Probes(options)
            defer { probes.close() }
            guard let tasks = probes.everybody() else {
                return (nil, "the task iterator is not there, or could not be read")
            }
            return (tasks.filter { $0.task.tgid != UInt32(getpid()) }, "")
        } catch {
            return (nil, error.message)
        }
    }
}
