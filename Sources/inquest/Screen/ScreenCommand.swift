import Events
import Glibc
import Host
import Live
import Screen

/// `inquest tail` on a terminal.
enum ScreenCommand {
    static func run(
        _ invocation: Invocation, _ screen: FullScreen, _ stopSignals: StopSignals, _ console: Console
    ) throws(CommandError) {
        let link = RecorderLink(invocation[Flags.live])
        let client = try link.first(isNamed: invocation.isGiven(Flags.live))
        // Nothing that drawing runs through is to be read from a disk in a storm.
        SelfProtection.touchProgram()
        let view = TailScreen(
            screen, directory: invocation[Flags.directory], isFollower: client != nil,
            filter: invocation[Flags.cgroup] ?? invocation[Flags.user] ?? "", environment: console.environment)
        defer { view.leave() }
        if let client {
            _ = SelfProtection.reclaimWithoutIO()
            try follow(link, client, view, stopSignals)
        } else {
            try listen(invocation, view, stopSignals)
        }
    }

    private static func follow(
        _ link: RecorderLink, _ first: LiveClient, _ view: TailScreen, _ stopSignals: StopSignals
    ) throws(CommandError) {
        var client: LiveClient? = first
        var retryNs: UInt64 = 0
        link.introduce(first, sampled: true, view.introduce)
        view.askForRecording(of: first.bootID)
        while !view.isOver, !stopSignals.received {
            var descriptors = view.descriptors
            descriptors.append(pollfd(fd: stopSignals.descriptor, events: Int16(POLLIN), revents: 0))
            // A negative one is left out.
            descriptors.append(pollfd(fd: client?.descriptor ?? -1, events: Int16(POLLIN), revents: 0))
            _ = unsafe poll(&descriptors, nfds_t(descriptors.count), view.patienceMs)
            view.turn()
            if let current = client {
                do throws(LiveError) {
                    for event in try current.receive(timeoutMs: 0) { view.take(event) }
                } catch {
                    guard error.mayPass else { throw CommandError(error.message) }
                    client = nil
                    view.tell(link: "the recorder is gone: waiting for it")
                }
            } else if Clocks.boottimeNs() >= retryNs {
                retryNs = Clocks.boottimeNs() + 500_000_000
                client = try link.again()
                guard let client else { continue }
                view.tell(link: nil)
                link.introduce(client, sampled: true, view.introduce)
            }
        }
    }

    private static func listen(
        _ invocation: Invocation, _ view: TailScreen, _ stopSignals: StopSignals
    ) throws(CommandError) {
        var options = SessionOptions()
        options.keepCommandLines = !invocation[Flags.noCommandLines]
        let session = try Session(
            options, stopSignals: stopSignals, observe: { view.take($0) }, report: { _ in }, trouble: { _ in })
        view.tell(link: "no recorder runs: nothing is recorded")
        _ = SelfProtection.reclaimWithoutIO()
        _ = session.recorder.run(waking: view.descriptors.map(\.fd)) {
            view.turn()
            return view.isOver
        }
        view.leave()
        session.end(.requested)
    }
}
