import Events
import Glibc
import Host
import Live
import Metrics
import Scrape

/// `inquest metrics`: the recorder's events as a page for Prometheus, served, written to a file, or both.
enum MetricsCommand: Command {
    static let verb = Verbs.metrics
    static let defaultAddress = "127.0.0.1:10137"
    /// Between two writings of the file: as often as Prometheus is wont to scrape.
    private static let textfileNs: UInt64 = 15_000_000_000

    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        if invocation[Flags.once] { return try TextfileOnce.run(invocation) }
        let stopSignals = StopSignals()
        // Asked for most where everything else waits for memory.
        _ = SelfProtection.lockMemory()
        let textfile = invocation[Flags.textfile]
        let server = try server(invocation[Flags.listen] ?? (textfile == nil ? defaultAddress : nil))
        // A socket of another recorder: the usual directory is not its.
        let hasOwnDirectory = invocation.isGiven(Flags.directory) || !invocation.isGiven(Flags.live)
        let source = MetricsSource(
            socket: invocation[Flags.live], directory: hasOwnDirectory ? invocation[Flags.directory] : nil,
            console: console)
        let places = [server?.address.words, textfile].compactMap(\.self)
        console.note("inquest: metrics at " + places.joined(separator: " and "))
        try follow(source, server, textfile, stopSignals)
    }

    private static func follow(
        _ source: MetricsSource, _ server: ScrapeServer?, _ textfile: String?, _ stopSignals: StopSignals
    ) throws(CommandError) {
        func page() -> Bytes { source.fold.page(isConnected: source.isConnected, version: inquestVersion) }
        var fileDueNs: UInt64 = 0
        while !stopSignals.received {
            source.proceed()
            server?.service(page)
            var fileMs: Int32 = -1
            if let textfile {
                let now = Clocks.boottimeNs()
                if now >= fileDueNs {
                    fileDueNs = now + textfileNs
                    try OutputFile.write(textfile, as: .feed) { $0.write(page()) }
                }
                fileMs = Int32(clamping: (fileDueNs - now) / 1_000_000 + 1)
            }
            wait(
                for: [source.descriptor, server?.descriptor ?? -1, stopSignals.descriptor],
                atMostMs: [source.timeoutMs, server?.timeoutMs ?? -1, fileMs])
        }
    }

    /// Until one is readable (-1 is none), or the first of the times is up (-1 is none).
    private static func wait(for descriptors: [Int32], atMostMs times: [Int32]) {
        var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        _ = unsafe poll(&entries, nfds_t(entries.count), times.filter { $0 >= 0 }.min() ?? -1)
    }

    private static func server(_ text: String?) throws(CommandError) -> ScrapeServer? {
        guard let text else { return nil }
        guard let address = ScrapeAddress(text) else {
            throw CommandError(
                "\(text) is no place to listen at; write 127.0.0.1:PORT, [::1]:PORT or unix:/PATH", status: .usage)
        }
        do throws(ScrapeError) {
            return try ScrapeServer(address)
        } catch {
            throw CommandError(
                "cannot listen at \(text): \(error.call): \(errnoText(error.errno)); choose another place with --listen"
            )
        }
    }
}
