import CLinux
import Events
import Glibc
import Host

/// The earlyoom that runs, started once more as it was, with `--dryrun` and limits that are always met: it says whom it would
/// kill, and kills nobody (earlyoom(1)).
///
/// One that does not know `--dryrun` ends with an error before it looks at any process.
enum EarlyoomDryRun {
    struct Chosen: Equatable {
        let pid: UInt32
        let name: Bytes
        /// The whole line.
        let line: Bytes
    }

    enum Outcome {
        case chosen(Chosen)
        case interrupted
        /// Why nobody was chosen: what it said, at most a line.
        case nobody(String)
    }

    private static let boundMs: Int32 = 10_000

    /// Its lists and its order go along; limits, reports, notifications (they run programs) and priorities do not.
    ///
    /// - Parameter commandLine: NUL-separated.
    static func arguments(from commandLine: Bytes) -> [Bytes] {
        var kept = ["earlyoom", "--dryrun", "-m", "99", "-s", "100", "-r", "0"].map { Bytes($0.utf8) }
        let words = commandLine.split(separator: 0).map { Bytes($0) }
        var index = 1
        while index < words.count {
            let word = words[index]
            index += 1
            if withValue.contains(where: { word.starts(with: ($0 + "=").utf8) })
                || alone.contains(where: { word.elementsEqual($0.utf8) })
            {
                kept.append(word)
            } else if withValue.contains(where: { word.elementsEqual($0.utf8) }), index < words.count {
                kept += [word, words[index]]
                index += 1
            }
        }
        return kept
    }

    private static let withValue = ["--prefer", "--avoid", "--ignore"]
    private static let alone = ["--ignore-root-user", "--sort-by-rss", "-g"]

    /// `sending SIGTERM to process 2211 uid 1000 "hog": badness 901, VmRSS 5 MiB`.
    static func chosen(in output: Bytes) -> Chosen? {
        for line in output.split(separator: UInt8(ascii: "\n")) where line.starts(with: "sending SIG".utf8) {
            let words = line.split(separator: UInt8(ascii: " "))
            guard let at = words.firstIndex(where: { $0.elementsEqual("process".utf8) }), at + 1 < words.count,
                let pid = UInt32(String(decoding: words[at + 1], as: UTF8.self)),
                let open = line.firstIndex(of: UInt8(ascii: "\"")),
                let close = line.lastIndex(of: UInt8(ascii: "\"")), open < close
            else { continue }
            return Chosen(pid: pid, name: Bytes(line[(open + 1)..<close]), line: Bytes(line))
        }
        return nil
    }

    /// A daemon that is believed by its name may be a system account's: nothing but what root alone can have written is started as root.
    private static func isRootsAlone(_ program: Int32) -> Bool {
        var status = stat()
        return unsafe fstat(program, &status) == 0 && status.st_uid == 0 && status.st_mode & 0o022 == 0
            && status.st_mode & S_IFMT == S_IFREG
    }

    /// - Parameter pid: of the daemon, whose program is started.
    static func run(pid: UInt32, commandLine: Bytes, _ stopSignals: StopSignals) -> Outcome {
        let program = unsafe open("/proc/\(pid)/exe", O_RDONLY | O_CLOEXEC)
        guard program >= 0 else { return .nobody("its program cannot be read: \(errnoText(errno))") }
        defer { close(program) }
        guard isRootsAlone(program) else {
            return .nobody("its program is not root's alone, so it is not started here")
        }
        let process: WatchedProcess
        do throws(ErrnoError) {
            // What was looked at, whatever stands in its place by now.
            process = try WatchedProcess("/proc/self/fd/\(program)", arguments(from: commandLine))
        } catch {
            return .nobody("its program cannot be started again: \(error.message)")
        }
        defer { process.end() }
        switch process.read(withinMs: boundMs, stopSignals, until: { chosen(in: $0) != nil }) {
        case .interrupted: return .interrupted
        case .ended, .bound: break
        }
        if let found = chosen(in: process.output) { return .chosen(found) }
        let said = process.output.split(separator: UInt8(ascii: "\n")).last.map { Bytes($0.prefix(200)) } ?? []
        return .nobody(
            said.isEmpty ? "it said nothing within \(boundMs / 1000) s" : String(decoding: said, as: UTF8.self))
    }
}
