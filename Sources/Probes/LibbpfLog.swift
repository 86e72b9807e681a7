import CLibbpf
import CLinux
import Glibc
import Synchronization

/// What libbpf would print, kept instead: the last lines, for an error message, and the program they speak of.
enum LibbpfLog {
    private struct Tail {
        var lines: [String] = []
        var program: String?
    }

    private static let tail = Mutex(Tail())
    private static let kept = 24

    /// Takes libbpf's printing over. The terminal belongs to the commands.
    static func install() {
        _ = unsafe libbpf_set_print { (level, format, arguments: CVaListPointer?) in
            guard level == LIBBPF_WARN, let format = unsafe format, let arguments = unsafe arguments else { return 0 }
            var text: UnsafeMutablePointer<CChar>?
            guard unsafe vasprintf(&text, format, arguments) >= 0, let text = unsafe text else { return 0 }
            unsafe LibbpfLog.take(String(cString: text))
            unsafe free(text)
            return 0
        }
    }

    static func clear() { tail.withLock { $0 = Tail() } }

    /// The program of the last warning about one.
    static var program: String? { tail.withLock { $0.program } }

    /// The line that says why: the verifier's last before its statistics, else the last one.
    static var reason: String {
        tail.withLock { tail in
            if let statistics = tail.lines.lastIndex(where: { $0.hasPrefix("processed ") }), statistics > 0 {
                return tail.lines[statistics - 1]
            }
            return tail.lines.last ?? ""
        }
    }

    private static func take(_ text: String) {
        tail.withLock { tail in
            for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
                let line = String(Substring(line))
                if tail.lines.count == kept { tail.lines.removeFirst() }
                tail.lines.append(line)
                if let name = programName(line) { tail.program = name }
            }
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
