import CLibbpf
import CLinux
import Glibc
import Synchronization

/// What libbpf would print, kept instead: the terminal belongs to the commands.
enum LibbpfLog {
    private static let tail = Mutex(LogTail())

    /// Takes libbpf's printing over.
    static func install() {
        _ = unsafe libbpf_set_print { (level, format, arguments: CVaListPointer?) in
            guard level == LIBBPF_WARN, let format = unsafe format, let arguments = unsafe arguments else { return 0 }
            var text: UnsafeMutablePointer<CChar>?
            guard unsafe vasprintf(&text, format, arguments) >= 0, let text = unsafe text else { return 0 }
            let message = unsafe String(cString: text)
            unsafe free(text)
            LibbpfLog.tail.withLock { $0.take(message) }
            return 0
        }
    }

    static func clear() { tail.withLock { $0 = LogTail() } }

    /// The program of the last warning about one.
    static var program: String? { tail.withLock { $0.program } }

    /// The line that says why.
    static var reason: String { tail.withLock { $0.reason } }
}

/// The last lines of libbpf's warnings, for an error message, and the program they speak of.
struct LogTail {
    private static let kept = 24

    private var lines: [String] = []
    private(set) var program: String?

    /// The verifier's last line before its statistics, else the last line at all; empty without any.
    var reason: String {
        if let statistics = lines.lastIndex(where: { $0.hasPrefix("processed ") }), statistics > 0 {
            return lines[statistics - 1]
        }
        return lines.last ?? ""
    }

    mutating func take(_ text: String) {
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            let line = String(Substring(line))
            if lines.count == LogTail.kept { lines.removeFirst() }
            lines.append(line)
            if let name = LogTail.programName(line) { program = name }
        }
    }

    /// `libbpf: prog 'NAME': ...`
    private static func programName(_ line: String) -> String? {
        let prefix = "libbpf: prog '"
        guard line.hasPrefix(prefix) else { return nil }
        let rest = line.dropFirst(prefix.count)
        guard let end = rest.firstIndex(of: "'") else { return nil }
        return String(rest[..<end])
    }
}
