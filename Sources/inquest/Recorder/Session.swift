import Events
import Glibc
import Host
import Incidents
import Live
import Probes
import Recording

/// What a run of the recorder needs to know.
struct SessionOptions {
    /// Where to record; `nil` records nothing (a `tail` of its own).
    var directory: String?
    var totalBytes: UInt64 = 256 << 20
    /// Where to serve live readers; `nil` serves none.
    var liveSocket: String?
    var keepCommandLines = true
    /// Lock memory and ask the kernel to be spared.
    var protectSelf = false
    var rules = Rules()
    var sampler = SamplerOptions()
}

/// A recorder with everything it stands on.
final class Session {
    let recorder: Recorder
    /// One line for people: what was attached, where it writes.
    let startLine: String
    private let cgroup: ProtectedCgroup?

    /// - Parameters:
    ///   - observe: called for each event, numbered.
    ///   - report: called for each finding.
    ///   - trouble: called with one line for people when the disk fails, and when it is back.
    /// - Throws: what is missing, and what to do.
    init(
        _ options: SessionOptions, stopSignals: StopSignals, observe: @escaping (Event) -> Void,
        report: @escaping (Finding) -> Void, trouble: @escaping (String) -> Void
    ) throws(CommandError) {
        // First: threads inherit what is set here, and memory counts where it was first used.
        cgroup = options.protectSelf ? ProtectedCgroup(enter: true, pid: getpid()) : nil
        var unprotected = options.protectSelf ? Self.refused(SelfProtection.apply()) : []
        // Hooks before the scan of what is there: a cgroup made in between is then heard, not missed.
        let probes = try Self.attach(options)
        if options.protectSelf { unprotected += Self.refused([SelfProtection.reclaimWithoutIO()]) }
        let host = HostSampler(paths: HostPaths(), options: options.sampler)
        let startEvents = host.startEvents(
            version: Bytes(inquestVersion.utf8), recorderTgid: host.seesHostProcesses ? UInt32(getpid()) : 0)
        let triggers = PressureTriggers()
        let kernelLog = Self.openKernelLog(probes.hooks, trouble)
        let live = try Self.openLive(options, startEvents)
        let opened = try Self.openRecording(options, startEvents) { group in
            // Everything is open: no thread that comes now has, or needs, more than this.
            if options.protectSelf { unprotected += Self.giveUpPrivileges(group) }
        }
        // A container's numbers of processes are other processes' on the host.
        if host.seesHostProcesses, let seeds = probes.commandLineSeeds() { CommandLineScan.start(seeds) }
        recorder = Recorder(
            probes: probes, sampler: SamplerThread(host: host, probes: probes, triggers: triggers),
            kernelLog: kernelLog, writer: opened?.writer, live: live, stopSignals: stopSignals,
            correlator: opened?.state.correlator ?? Correlator(rules: options.rules),
            nextSeq: opened?.nextSeq ?? 1, observe: observe, report: report, trouble: trouble)
        startLine = Self.describe(options, probes.hooks, cgroup, unprotected)
        recorder.begin(startEvents, unrecorded: opened?.state.unrecorded ?? [])
    }

    /// Ends the recording on purpose; the protection goes with it.
    func end(_ reason: StopReason) {
        recorder.end(reason)
        cgroup?.leave()
    }

    /// What of the protection was refused, each with its reason.
    private static func refused(_ steps: [SelfProtection.Step]) -> [String] {
        steps.filter { $0.errno != 0 }.map { "\($0.name) (\(errnoText($0.errno)))" }
    }

    /// What could not be given up, with the reason.
    private static func giveUpPrivileges(_ group: UInt32?) -> [String] {
        let joined = group.map { Privileges.join(group: $0) } ?? 0
        let dropped = Privileges.drop()
        return (joined != 0 ? ["group of new files (\(errnoText(joined)))"] : [])
            + (dropped != 0 ? ["capabilities kept (\(errnoText(dropped)))"] : [])
    }

    /// Only where no hook hears the kernel's kills; what comes from it says so (`from_kmsg`).
    private static func openKernelLog(_ hooks: [HookState], _ trouble: (String) -> Void) -> KernelLog? {
        guard hooks.contains(where: { $0.name.elementsEqual("oom_kill".utf8) && $0.mode == .absent }) else {
            return nil
        }
        do throws(HostError) {
            return try KernelLog()
        } catch {
            trouble("\(error.message): kills by the kernel are not heard at all")
            return nil
        }
    }

    private struct Opened {
        let writer: RecordingWriter
        let nextSeq: UInt64
        let state: RecoveredState
    }

    private static func openRecording(
        _ options: SessionOptions, _ startEvents: [Event], whenOpen: (UInt32?) -> Void
    ) throws(CommandError) -> Opened? {
        guard let directory = options.directory else { return nil }
        let start = startOf(startEvents)
        var recording = RecordingOptions(
            bootID: start.bootID, host: start.hostname, clock: { Clocks.snapshot() })
        recording.totalBytes = Int(clamping: options.totalBytes)
        do throws(RecordingError) {
            let (writer, recovered) = try RecordingWriter.open(directory, recording, opened: whenOpen)
            let state = RecoveredState(snapshot: recovered.snapshot, rules: options.rules) {
                recovered.forEachEvent($0)
            }
            // What is really open: an incident whose state cannot be read must not hold its segments for ever.
            writer.openIncidents = state.correlator.openIncidents().map(\.openingSeq)
            return Opened(writer: writer, nextSeq: recovered.nextSeq, state: state)
        } catch {
            throw CommandError(error.message)
        }
    }

    /// The host's description of itself among its first events.
    private static func startOf(_ events: [Event]) -> RecorderStart {
        for case .recorderStart(let start) in events.lazy.map(\.payload) { return start }
        return RecorderStart()
    }

    private static func openLive(_ options: SessionOptions, _ startEvents: [Event]) throws(CommandError) -> LiveServer?
    {
        guard let path = options.liveSocket else { return nil }
        do throws(LiveError) {
            return try LiveServer(path: path, bootID: startOf(startEvents).bootID)
        } catch {
            throw CommandError(error.message)
        }
    }

    private static func attach(_ options: SessionOptions) throws(CommandError) -> Probes {
        var probes = ProbeOptions()
        probes.keepCommandLines = options.keepCommandLines
        probes.memoryCgroups = CgroupHierarchy.find(HostPaths()).directory
        do throws(ProbeError) {
            return try Probes(probes)
        } catch {
            throw CommandError(error.message)
        }
    }

    private static func describe(
        _ options: SessionOptions, _ hooks: [HookState], _ cgroup: ProtectedCgroup?, _ unprotected: [String]
    ) -> String {
        let used = hooks.filter { $0.mode != .absent }
        let plain = used.filter { $0.mode == .plain }.count
        var line = "\(used.count) of \(hooks.count) hooks attached"
        if plain > 0 { line += " (\(plain) plain)" }
        if let directory = options.directory {
            line += "; recording to \(directory), at most \(options.totalBytes >> 20) MiB"
        }
        if let socket = options.liveSocket { line += "; live on \(socket)" }
        if hooks.contains(where: { $0.isLockedDown }) {
            line += "; the kernel is locked down (confidentiality): only what its log says of its own kills is heard"
        }
        if let cgroup { line += "; \(cgroup.words)" }
        if !unprotected.isEmpty { line += "; not protected: " + unprotected.joined(separator: ", ") }
        return line
    }
}
