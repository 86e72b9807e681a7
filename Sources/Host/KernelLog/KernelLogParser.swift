public import Events

/// Reads kills out of the kernel log's records (`/dev/kmsg`, Documentation/ABI/testing/dev-kmsg).
///
/// A kill is told in two lines (mm/oom_kill.c): `oom-kill:constraint=...` once an OOM and rate-limited, with the cgroups, and
/// `Killed process ...` once a victim, with the figures. The second makes the kill; the first, when it was seen just before
/// and names the same process, adds what only it knows.
///
/// The log is text that a process name can imitate in part, so each line is read from its fixed end backwards.
public struct KernelLogParser: Sendable {
    private var announced: KernelLogKill?

    public init() {}

    /// - Parameter record: one record as read(2) gives it: `priority,sequence,microseconds,flags;text`.
    /// - Returns: the kill that the record completes.
    public mutating func consume(_ record: Bytes) -> KernelLogKill? {
        guard let semicolon = record.firstIndex(of: UInt8(ascii: ";")), Self.isKernels(record[..<semicolon]) else {
            return nil
        }
        let end = record.firstIndex(of: UInt8(ascii: "\n")) ?? record.endIndex
        guard semicolon < end else { return nil }
        let text = Self.unescaped(record[(semicolon + 1)..<end])
        if text.starts(with: "oom-kill:constraint=".utf8) {
            announced = Self.announcement(text)
            return nil
        }
        guard var kill = Self.killed(text) else { return nil }
        if let facts = announced, facts.pid == kill.pid {
            kill.constraint = facts.constraint
            kill.oomCgroupPath = facts.oomCgroupPath
            kill.cgroupPath = facts.cgroupPath
            announced = nil
        }
        return kill
    }

    /// The priority carries the facility above its lowest three bits; what user space writes to the log is never of
    /// facility 0, the kernel's own.
    private static func isKernels(_ prefix: ArraySlice<UInt8>) -> Bool {
        guard let priority = prefix.prefix(while: { $0 != UInt8(ascii: ",") }).decimal else { return false }
        return priority >> 3 == 0
    }

    /// `oom-kill:constraint=C,nodemask=...[,oom_memcg=P],task_memcg=P,task=COMM,pid=N,uid=N`
    private static func announcement(_ text: Bytes) -> KernelLogKill? {
        var kill = KernelLogKill()
        guard let uid = text.lastRange(of: ",uid="), let pid = text[..<uid.lowerBound].lastRange(of: ",pid="),
            let number = text[pid.upperBound..<uid.lowerBound].decimal
        else { return nil }
        kill.pid = UInt32(truncatingIfNeeded: number)
        let constraint = text.dropFirst("oom-kill:constraint=".utf8.count).prefix { $0 != UInt8(ascii: ",") }
        kill.constraint = Constraint.allCases.first { constraint.elementsEqual($0.label.utf8) } ?? .unknown
        guard let task = text[..<pid.lowerBound].lastRange(of: ",task="),
            let victim = text[..<task.lowerBound].lastRange(of: "task_memcg=")
        else { return kill }
        kill.cgroupPath = Bytes(text[victim.upperBound..<task.lowerBound])
        if let memcg = text[..<victim.lowerBound].lastRange(of: ",oom_memcg=") {
            let path = text[memcg.upperBound..<victim.lowerBound]
            kill.oomCgroupPath = Bytes(path.last == UInt8(ascii: ",") ? path.dropLast() : path)
        }
        return kill
    }

    /// `...: Killed process N (COMM) total-vm:NkB, anon-rss:NkB, file-rss:NkB, shmem-rss:NkB, UID:N pgtables:NkB
    /// oom_score_adj:N`
    private static func killed(_ text: Bytes) -> KernelLogKill? {
        guard text.starts(with: "Out of memory".utf8) || text.starts(with: "Memory cgroup out of memory".utf8),
            let head = text[...].firstRange(of: "Killed process "), let tail = text.lastRange(of: ") total-vm:")
        else { return nil }
        let pidEnd = text[head.upperBound...].firstIndex { !(48...57).contains($0) } ?? text.endIndex
        guard let pid = text[head.upperBound..<pidEnd].decimal, pidEnd + 2 <= tail.lowerBound else { return nil }
        var kill = KernelLogKill()
        kill.pid = UInt32(truncatingIfNeeded: pid)
        kill.comm = Comm(text[(pidEnd + 2)..<tail.lowerBound])
        let figures = text[tail.lowerBound...]
        kill.totalVmBytes = figures.kibibytes(after: " total-vm:")
        kill.anonRssBytes = figures.kibibytes(after: " anon-rss:")
        kill.fileRssBytes = figures.kibibytes(after: " file-rss:")
        kill.shmemRssBytes = figures.kibibytes(after: " shmem-rss:")
        kill.pgtablesBytes = figures.kibibytes(after: " pgtables:")
        // Older kernels do not say it.
        kill.uid = figures.number(after: " UID:").map { UInt32(truncatingIfNeeded: $0) } ?? .max
        if let adjustment = figures.firstRange(of: "oom_score_adj:") {
            let digits = figures[adjustment.upperBound...]
            let negative = digits.first == UInt8(ascii: "-")
            let value = (negative ? digits.dropFirst() : digits).prefix { (48...57).contains($0) }.decimal ?? 0
            let magnitude = Int32(truncatingIfNeeded: value)
            kill.oomScoreAdj = negative ? 0 &- magnitude : magnitude
        }
        return kill
    }

    /// The log writes bytes that are not printable ASCII, and the backslash, as `\xNN`.
    static func unescaped(_ text: ArraySlice<UInt8>) -> Bytes {
        var result = Bytes()
        var index = text.startIndex
        while index < text.endIndex {
            if text[index] == UInt8(ascii: "\\"), index + 3 < text.endIndex, text[index + 1] == UInt8(ascii: "x"),
                let high = hexadecimal(text[index + 2]), let low = hexadecimal(text[index + 3])
            {
                result.append(high << 4 | low)
                index += 4
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

extension ArraySlice<UInt8> {
    fileprivate func firstRange(of text: String) -> Range<Int>? {
        let pattern = Bytes(text.utf8)
        guard count >= pattern.count else { return nil }
        for start in startIndex...(endIndex - pattern.count) where self[start...].starts(with: pattern) {
            return start..<(start + pattern.count)
        }
        return nil
    }

    fileprivate func lastRange(of text: String) -> Range<Int>? {
        let pattern = Bytes(text.utf8)
        guard count >= pattern.count else { return nil }
        for start in (startIndex...(endIndex - pattern.count)).reversed() where self[start...].starts(with: pattern) {
            return start..<(start + pattern.count)
        }
        return nil
    }

    fileprivate func number(after label: String) -> UInt64? {
        guard let range = firstRange(of: label) else { return nil }
        return self[range.upperBound...].prefix { (48...57).contains($0) }.decimal
    }

    fileprivate func kibibytes(after label: String) -> Figure { Figure(number(after: label)).scaled(by: 1024) }
}

extension Bytes {
    fileprivate func lastRange(of text: String) -> Range<Int>? { self[...].lastRange(of: text) }
}
