import Events
import Host
import Live
import Metrics

/// A recorder's events, folded, across its restarts.
///
/// What was recorded while nobody was connected is taken from the recording. That trails the live events by up to a commit: those are held
/// until it has reached them, so that nothing in between is left out and everything comes in order.
final class MetricsSource {
    private(set) var fold = MetricsFold()
    private let socket: String
    /// Where the recorder records; `nil` when that is not known.
    private let directory: String?
    private let console: Console
    private var client: LiveClient?
    private var held: Held?
    private var isFirst = true
    private var nextTryNs: UInt64 = 0
    /// What was said last: the same trouble is told once.
    private var told: String?
    private static let retryNs: UInt64 = 500_000_000
    /// For the greeting: whoever scrapes waits meanwhile.
    private static let greetingMs = 1000

    /// Live events that the recording has not reached.
    private struct Held {
        var events: [Event] = []
        var nextLookNs: UInt64
        let endNs: UInt64

        /// Above the ten seconds within which a calm recorder commits.
        static let longestNs: UInt64 = 15_000_000_000
        static let lookNs: UInt64 = 1_000_000_000
        static let most = 10_000

        init(at now: UInt64) {
            nextLookNs = now + Self.lookNs
            endNs = now + Self.longestNs
        }
    }

    init(socket: String, directory: String?, console: Console) {
        self.socket = socket
        self.directory = directory
        self.console = console
    }

    var isConnected: Bool { client != nil }

    /// Readable when `proceed` has something to take; -1 while there is no recorder.
    var descriptor: Int32 { client?.descriptor ?? -1 }

    /// After how long `proceed` is to be called at the latest; -1 while only events are waited for.
    var timeoutMs: Int32 {
        guard let due = client == nil ? nextTryNs : held?.nextLookNs else { return -1 }
        let now = Clocks.boottimeNs()
        return due <= now ? 0 : Int32(clamping: (due - now) / 1_000_000 + 1)
    }

    /// Connects when it is time to; takes what has come.
    func proceed() {
        if client == nil { connect() }
        guard let client else { return }
        do throws(LiveError) {
            let events = try client.receive(timeoutMs: 0)
            if held == nil { for event in events { fold.consume(event) } } else { hold(events) }
        } catch {
            release()
            self.client = nil
            say(error.message)
        }
    }

    private func connect() {
        let now = Clocks.boottimeNs()
        guard now >= nextTryNs else { return }
        nextTryNs = now + Self.retryNs
        do throws(LiveError) {
            // Connected before the recording is read: what happens in between comes twice, and counts once.
            let connected = try LiveClient(path: socket, timeoutMs: Self.greetingMs)
            client = connected
            say(nil)
            guard catchUp() else {
                fold.beginNumbering()
                return RecorderLink(socket).introduce(connected) { fold.learn($0) }
            }
            // Of what was before the first connection nothing is counted: nothing can be missing.
            held = isFirst ? nil : Held(at: now)
            isFirst = false
        } catch {
            say(error.message)
        }
    }

    private func hold(_ events: [Event]) {
        held?.events += events
        guard let held else { return }
        let now = Clocks.boottimeNs()
        // Also while nothing comes: what was before this connection is in the recording alone.
        if now >= held.nextLookNs {
            self.held?.nextLookNs = now + Held.lookNs
            _ = catchUp()
        }
        let isReached = held.events.first { $0.seq != 0 }.map { fold.counters.lastSeq + 1 >= $0.seq } ?? false
        if isReached || now >= held.endNs || held.events.count > Held.most { release() }
    }

    private func release() {
        guard let held else { return }
        self.held = nil
        for event in held.events { fold.consume(event) }
    }

    /// Whether there is a recording to go on from.
    private func catchUp() -> Bool {
        guard let directory else { return false }
        do throws(CommandError) {
            try fold.catchUp(with: directory, isFirst: isFirst)
            return true
        } catch {
            console.note("inquest: \(error.message); open incidents are known as they are told")
            return false
        }
    }

    private func say(_ trouble: String?) {
        guard trouble != told else { return }
        if let trouble { console.note("inquest: \(trouble)") } else { console.note("inquest: the recorder is back") }
        told = trouble
    }
}
