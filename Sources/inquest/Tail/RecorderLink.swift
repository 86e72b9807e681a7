import Events
import Host
import Live

/// The way to a running recorder, across its restarts.
struct RecorderLink {
    let socket: String

    init(_ socket: String) { self.socket = socket }

    /// `nil` when no recorder runs and none was asked for by name.
    func first(isNamed: Bool) throws(CommandError) -> LiveClient? {
        if !isNamed && !LiveClient.isServed(socket) { return nil }
        do throws(LiveError) {
            return try LiveClient(path: socket)
        } catch {
            throw CommandError(error.message)
        }
    }

    /// `nil` while the recorder is not there again.
    func again() throws(CommandError) -> LiveClient? {
        guard LiveClient.isServed(socket) else { return nil }
        do throws(LiveError) {
            return try LiveClient(path: socket)
        } catch {
            // One that just begins, or ends again.
            if error.mayPass { return nil }
            throw CommandError(error.message)
        }
    }

    /// Tells what the recorder said before we came, and will not say again: who records, which time it is, and the names of cgroups,
    /// users and devices. They are looked up as the recorder does: asking it would cost it time when it has none.
    ///
    /// - Parameters:
    ///   - sampled: and how things are: in calm the recorder says nothing of what does not change, for a minute.
    ///   - tell: called with events without numbers.
    func introduce(_ client: LiveClient, sampled: Bool = false, _ tell: (Event) -> Void) {
        // Another machine's recorder has other names.
        guard client.bootID == Clocks.bootID() else { return }
        let host = HostSampler()
        host.startEvents(version: Bytes(inquestVersion.utf8), recorderTgid: 0).forEach(tell)
        if sampled { host.sample(underPressure: false, tellAll: true, tell) }
    }
}

extension LiveError {
    /// Whether it is worth trying again: the recorder may only be about to start or to stop.
    var mayPass: Bool {
        switch self {
        case .noRecorder, .closed, .silent, .system, .farewell(_, .stopping), .farewell(_, .unknown): true
        case .notAllowed, .alreadyServed, .occupied, .pathTooLong, .otherVersion, .malformed, .farewell: false
        }
    }
}
