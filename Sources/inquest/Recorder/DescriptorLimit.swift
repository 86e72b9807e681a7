import Glibc
import Host

/// Whether this process may open as many files as a recorder keeps open: hooks, sampled cgroups, segments, readers.
///
/// Asked before anything is begun: the sampler would take what there is, and the recording would be the one to go without.
enum DescriptorLimit {
    /// About 800 at the most, with some room.
    static let needed: UInt = 1024

    /// Raises the limit as far as this process may. - Returns: what to do when that is not enough, one line.
    static func problem() -> String? {
        _ = SelfProtection.raiseDescriptorLimit()
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < needed else {
            return nil
        }
        return "\(limit.rlim_cur) open files are too few for a recorder, which needs \(needed);"
            + " raise the hard limit (ulimit -Hn \(needed), or LimitNOFILE= of its unit)"
    }
}

extension StopSignals {
    /// For a command that runs a recorder.
    static func prepared() throws(CommandError) -> StopSignals {
        if let problem = DescriptorLimit.problem() { throw CommandError(problem) }
        return StopSignals()
    }
}
