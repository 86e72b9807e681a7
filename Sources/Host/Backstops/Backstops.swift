import Events

/// The userspace killers that run here, and their settings.
final class Backstops {
    private let paths: HostPaths
    private let processLimit: Int
    private let seesHost: Bool
    private var last: [BackstopKind: BackstopState] = [:]

    init(_ paths: HostPaths, processLimit: Int) {
        self.paths = paths
        self.processLimit = processLimit
        seesHost = Namespaces.isInitialPid(paths) != false
    }

    static let kinds: [BackstopKind] = [.earlyoom, .systemdOomd, .oomd, .nohang]

    /// Looks at all processes once. Not under pressure: it reads a few command lines.
    ///
    /// Inside a pid namespace no killer is reported: whether the host runs one is not known there.
    ///
    /// - Parameters:
    ///   - owner: called with the uid of every process.
    ///   - changed: called for a killer that was not reported yet, or whose state changed.
    /// - Returns: how many processes there were.
    @discardableResult
    func scan(owner: (UInt32) -> Void, changed: (BackstopState) -> Void) -> Int {
        var found: [BackstopKind: UInt32] = [:]
        var count = 0
        Processes.forEach(paths, limit: processLimit) { process in
            count += 1
            owner(process.uid)
            guard seesHost, let kind = kind(of: process), found[kind] == nil else { return }
            found[kind] = process.pid
        }
        for kind in Backstops.kinds where seesHost {
            var state = BackstopState()
            state.kind = kind
            if let pid = found[kind] {
                state.running = true
                state.pid = pid
                // A command line stays what it was; what systemd-oomd watches changes with every unit.
                let before = last[kind]
                state.settings =
                    before?.pid == pid && kind != .systemdOomd ? before?.settings ?? [] : settings(kind, pid)
            }
            report(state, changed)
        }
        return count
    }

    func report(_ state: BackstopState, _ changed: (BackstopState) -> Void) {
        guard last[state.kind] != state else { return }
        last[state.kind] = state
        changed(state)
    }

    /// A name is the attacker's: only processes of root and of system accounts count (below 1000, or one of the users that
    /// systemd makes up for a service, 61184...65519).
    private func kind(of process: Processes.Process) -> BackstopKind? {
        guard process.uid < 1000 || (61_184...65_519).contains(process.uid) else { return nil }
        if let kind = Backstops.kind(named: process.comm) { return kind }
        // nohang is a Python script and may show as its interpreter.
        guard process.comm.hasPrefix("python"), let line = Processes.commandLine(paths, process.pid) else { return nil }
        for argument in line.split(separator: 0).dropFirst().prefix(4)
        where Bytes(argument).basename == Bytes("nohang".utf8) {
            return .nohang
        }
        return nil
    }

    private static func kind(named comm: Bytes) -> BackstopKind? {
        switch comm {
        case Bytes("earlyoom".utf8): .earlyoom
        case Bytes("systemd-oomd".utf8): .systemdOomd
        case Bytes("oomd".utf8): .oomd
        case Bytes("nohang".utf8): .nohang
        default: nil
        }
    }

    private func settings(_ kind: BackstopKind, _ pid: UInt32) -> Bytes {
        kind == .systemdOomd ? OomdSettings(paths).text : Processes.commandLine(paths, pid) ?? []
    }
}
