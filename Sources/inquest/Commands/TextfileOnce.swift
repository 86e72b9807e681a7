import Events
import Glibc
import Live
import Metrics

/// `inquest metrics --textfile FILE --once`: the page as the recording gives it, and the counters kept beside it for the next time.
///
/// A timer that runs it sees what a following process would have: everything recorded since the last time is counted, once.
enum TextfileOnce {
    static func run(_ invocation: Invocation) throws(CommandError) {
        guard let textfile = invocation[Flags.textfile] else {
            throw CommandError("--once writes a file; name it with --textfile", status: .usage)
        }
        let place = textfile + ".state"
        let kept = try counters(at: place)
        var fold = MetricsFold(counters: kept ?? Counters())
        try fold.catchUp(with: invocation[Flags.directory], isFirst: kept == nil)
        let isConnected = LiveClient.isServed(invocation[Flags.live])
        // The page first: should the state not get there, the next run counts what this one has shown, and no less.
        try OutputFile.write(textfile, as: .feed) {
            $0.write(fold.page(isConnected: isConnected, version: inquestVersion))
        }
        try OutputFile.write(place) { $0.write(fold.counters.archived) }
    }

    /// What was counted up to the last time; `nil` at the first, and after another version.
    private static func counters(at path: String) throws(CommandError) -> Counters? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 {
            guard errno != ENOENT else { return nil }
            throw CommandError("cannot read \(path): \(errnoText(errno)); it keeps the counters of --once")
        }
        defer { close(descriptor) }
        var bytes = Bytes()
        // Of all bounds reached at once some hundred kilobytes.
        while bytes.count < 4 << 20 {
            var block = Bytes(repeating: 0, count: 64 << 10)
            let got = unsafe block.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { break }
            bytes += block[..<got]
        }
        return try? Counters(archived: bytes)
    }
}
