import Events
import Glibc
import Incidents
import Live

/// `inquest record`: the recorder in the foreground, until a signal.
enum RecordCommand: Command {
    static let verb = Verbs.record

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        var options = SessionOptions()
        if let config = try invocation.configuration?.get() { options.rules = config.rules }
        options.directory = invocation[Flags.directory]
        options.totalBytes = invocation[Flags.size]
        options.liveSocket = invocation[Flags.live]
        options.keepCommandLines = !invocation[Flags.noCommandLines]
        options.protectSelf = true
        options.sampler.ceilings = try ceilings(invocation[Flags.ceilings])
        let stopSignals = try StopSignals.prepared()
        let journal = try journal(invocation[Flags.journal], console)
        let hook = try hook(invocation[Flags.hook])
        var hooks: HookRunner?
        let session = try Session(
            options, stopSignals: stopSignals, observe: { _ in },
            report: {
                journal?.tell($0)
                hooks?.note($0)
            },
            trouble: { console.note("inquest: \($0)") })
        console.note("inquest \(inquestVersion): \(session.startLine)")
        // Not before: a thread from then on has, and needs, no more than the recorder keeps.
        hooks = try hook.map { command throws(CommandError) in try runner(command, invocation[Flags.hookTimeout]) }
        let manager = ServiceManager(console.service)
        manager.ready(session.startLine)
        _ = session.recorder.run(until: {
            manager.turned()
            hooks?.serve(session.recorder.openIncident)
            return false
        })
        manager.stopping()
        session.end(StopSignals.isShutdown ? .shutdown : .requested)
        if let hooks {
            hooks.stop()
            if hooks.dropped > 0 { console.note("inquest: \(hooks.dropped) findings had no hook: too many at once") }
        }
        if let journal, journal.lost > 0 {
            console.note("inquest: \(journal.lost) entries were not taken by the journal")
        }
        guard session.recorder.isComplete else {
            throw CommandError(
                "stopped, but the last events did not reach the disk: see above; inquest verify shows what is there")
        }
        console.note("inquest: stopped; the recording in \(invocation[Flags.directory]) is complete")
    }

    private static func hook(_ path: String?) throws(CommandError) -> String? {
        guard let path, let problem = HookExec.problem(path) else { return path }
        throw CommandError(UsageError(message: "--\(Flags.hook.name) \(path): \(problem)"))
    }

    private static func runner(_ command: String, _ timeoutNs: UInt64) throws(CommandError) -> HookRunner {
        do throws(ErrnoError) {
            return try HookRunner(command, timeoutNs: timeoutNs)
        } catch {
            throw CommandError("no hook can be run: \(error.message)")
        }
    }

    /// The journal, where it is to be told. By itself only who runs as a service says anything there: someone who tries the recorder in
    /// a terminal reads it in the terminal.
    private static func journal(_ wish: String, _ console: Console) throws(CommandError) -> Journal? {
        guard wish == "yes" || wish == "auto" && console.service.isLogged else { return nil }
        do throws(LiveError) {
            return try Journal()
        } catch {
            throw CommandError(error.message)
        }
    }
}

/// Sets thresholds by name.
func apply(_ settings: [Setting], to rules: inout Rules) throws(UsageError) {
    for setting in settings {
        do throws(RuleError) {
            try rules.set(name: setting.name, value: setting.value)
        } catch {
            throw UsageError(message: error.message)
        }
    }
}

/// What disks can move, by name, in bytes per second.
func ceilings(_ settings: [Setting]) throws(CommandError) -> [Bytes: UInt64] {
    var ceilings: [Bytes: UInt64] = [:]
    for setting in settings {
        guard let bytes = Units.bytes(setting.value), bytes > 0 else {
            throw CommandError(
                UsageError(
                    message:
                        "--\(Flags.ceilings.name) \(setting.name): '\(setting.value)' is no size (60M, 1GiB) for a second"
                ))
        }
        ceilings[Bytes(setting.name.utf8)] = bytes
    }
    return ceilings
}
