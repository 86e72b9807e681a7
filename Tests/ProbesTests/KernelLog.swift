import Glibc

/// The kernel log from now on: what the kernel itself prints about its kills. Only the tests read it.
final class KernelLog {
    private let descriptor: Int32

    /// `oom-kill:constraint=...`: one for each OOM, about ten in five seconds at most.
    struct Oom {
        var constraint = ""
        var oomMemcg = ""
        var taskMemcg = ""
        var comm: [UInt8] = []
        var pid: UInt32 = 0
        var uid: UInt32 = 0
    }

    /// `Killed process PID (COMM) ...`: one for each victim.
    struct Killed {
        var pid: UInt32 = 0
        var comm: [UInt8] = []
        var uid: UInt32 = 0
        var totalVmKB: UInt64 = 0
        var anonKB: UInt64 = 0
        var fileKB: UInt64 = 0
        var shmemKB: UInt64 = 0
        var pgtablesKB: UInt64 = 0
        var oomScoreAdj: Int32 = 0
    }

    private(set) var ooms: [Oom] = []
    private(set) var killed: [Killed] = []

    init?() {
        descriptor = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0, lseek(descriptor, 0, SEEK_END) >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// Takes what has been printed since.
    func read() {
        var buffer = [UInt8](repeating: 0, count: 8192)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EPIPE { continue }
            guard count > 0 else { return }
            // `priority,sequence,time,flags;text` and a newline; further lines are the record's keys.
            let record = buffer[..<count]
            guard let start = record.firstIndex(of: UInt8(ascii: ";")) else { continue }
            let text = record[record.index(after: start)...].prefix { $0 != 10 }
            take(KernelLog.unescaped(text))
        }
    }

    /// `\xNN` of a byte that is not printable.
    static func unescaped(_ text: some Collection<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = Array(text)[...]
        while let byte = rest.first {
            if byte == UInt8(ascii: "\\"), rest.count >= 4, rest[rest.startIndex + 1] == UInt8(ascii: "x"),
                let value = UInt8(String(decoding: rest.dropFirst(2).prefix(2), as: UTF8.self), radix: 16)
            {
                result.append(value)
                rest = rest.dropFirst(4)
            } else {
                result.append(byte)
                rest = rest.dropFirst()
            }
        }
        return result
    }

    private func take(_ text: [UInt8]) {
        if let start = text.find("oom-kill:constraint=") {
            var oom = Oom()
            let rest = Array(text[start...])
            oom.constraint = rest.text(after: "constraint=", before: ",")
            oom.oomMemcg = rest.text(after: ",oom_memcg=", before: ",task_memcg=")
            oom.taskMemcg = rest.text(after: ",task_memcg=", before: ",task=")
            // The name may hold anything; the pid is behind the last of these.
            if let name = rest.find(",task="), let pid = rest.findLast(",pid=") {
                oom.comm = Array(rest[(name + 6)..<pid])
                let tail = Array(rest[pid...])
                oom.pid = UInt32(tail.text(after: ",pid=", before: ",uid=")) ?? 0
                oom.uid = UInt32(tail.text(after: ",uid=", before: "\n")) ?? 0
            }
            ooms.append(oom)
        } else if let start = text.find("Killed process "), let tail = text.findLast(") total-vm:") {
            var one = Killed()
            let rest = Array(text[start...])
            one.pid = UInt32(rest.text(after: "Killed process ", before: " (")) ?? 0
            if let name = rest.find(" (") { one.comm = Array(rest[(name + 2)..<(tail - start)]) }
            let figures = Array(text[tail...])
            one.totalVmKB = UInt64(figures.text(after: "total-vm:", before: "kB")) ?? .max
            one.anonKB = UInt64(figures.text(after: "anon-rss:", before: "kB")) ?? .max
            one.fileKB = UInt64(figures.text(after: "file-rss:", before: "kB")) ?? .max
            one.shmemKB = UInt64(figures.text(after: "shmem-rss:", before: "kB")) ?? .max
            one.uid = UInt32(figures.text(after: "UID:", before: " ")) ?? .max
            one.pgtablesKB = UInt64(figures.text(after: "pgtables:", before: "kB")) ?? .max
            one.oomScoreAdj = Int32(figures.text(after: "oom_score_adj:", before: "\n")) ?? .max
            killed.append(one)
        }
    }
}

extension [UInt8] {
    func find(_ needle: String) -> Int? {
        let needle = Array(needle.utf8)
        guard count >= needle.count else { return nil }
        return (0...(count - needle.count)).first { self[$0..<($0 + needle.count)].elementsEqual(needle) }
    }

    func findLast(_ needle: String) -> Int? {
        let needle = Array(needle.utf8)
        guard count >= needle.count else { return nil }
        return (0...(count - needle.count)).last { self[$0..<($0 + needle.count)].elementsEqual(needle) }
    }

    /// The text between two markers; to the end when the second does not follow.
    func text(after: String, before: String) -> String {
        guard let start = find(after) else { return "" }
        let rest = Array(self[(start + after.utf8.count)...])
        return String(decoding: rest.prefix(rest.find(before) ?? rest.count), as: UTF8.self)
    }
}
