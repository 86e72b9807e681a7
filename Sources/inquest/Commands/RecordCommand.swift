import Events
import Glibc
import Incidents

/// `inquest record`: the recorder in the foreground, until a signal.
enum RecordCommand: Command {
    static let verb = Verbs.record

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        var options = SessionOptions()
        let invocation = try configured(invocation, &options.rules)
        options.directory = invocation[Flags.directory]
        options.totalBytes = invocation[Flags.size]
        options.liveSocket = invocation[Flags.live]
        options.keepCommandLines = !invocation[Flags.noCommandLines]
        options.protectSelf = true
        options.sampler.ceilings = try ceilings(invocation[Flags.ceilings])
        let stopSignals = try StopSignals.prepared()
        let session = try Session(
            options, stopSignals: stopSignals, observe: { _ in }, report: { _ in },
            trouble: { console.note("inquest: \($0)") })
        console.note("inquest \(inquestVersion): \(session.startLine)")
        _ = session.recorder.run()
        session.end(StopSignals.isShutdown ? .shutdown : .requested)
        guard session.recorder.isComplete else {
            throw CommandError(
                "stopped, but the last events did not reach the disk: see above; inquest verify shows what is there")
        }
        console.note("inquest: stopped; the recording in \(invocation[Flags.directory]) is complete")
    }

    /// Flags and thresholds from `--config`; the command line wins.
    private static func configured(_ invocation: Invocation, _ rules: inout Rules) throws(CommandError) -> Invocation {
        guard let path = invocation[Flags.config] else { return invocation }
        guard let text = readSmallFile(path) else {
            throw CommandError("cannot read \(path): \(errnoText(errno)); name a readable file with --config")
        }
        do throws(UsageError) {
            let config = try ConfigFile(text, named: path, for: verb)
            try apply(config.settings, to: &rules)
            return invocation.adding(config.flags)
        } catch {
            throw CommandError(error)
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

/// A text file of at most 1 MiB; `nil` sets errno.
func readSmallFile(_ path: String) -> String? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    var used = 0
    while used < bytes.count {
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe read(descriptor, buffer.baseAddress.map { unsafe $0 + used }, buffer.count - used)
        }
        if count < 0 { return nil }
        if count == 0 { break }
        used += count
    }
    return String(decoding: bytes[..<used], as: UTF8.self)
}
