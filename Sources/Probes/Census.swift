import CLibbpf
import Events
import Glibc

/// Takes a census: reads the task iterator from beginning to end.
///
/// It waits for no task's locks. Its buffer is allocated once.
@safe final class CensusReader {
    /// The iterator's own buffer in the kernel: no read gives more.
    private static let readBytes = 8 * 4096
    /// Room for a whole record (112 bytes and 16 lines of text) beside a read.
    private static let bufferBytes = 2 * readBytes
    /// What is read, after the part of a record that the read before left over.
    private let buffer: UnsafeMutableRawPointer
    private let link: Int32
    private let cgroupLink: Int32?
    private var selection = CensusSelection()

    /// - Parameters:
    ///   - link: descriptor of the link of `iter/task`; it must outlive this reader.
    ///   - cgroups: the same of `iter/cgroup`; `nil` where the kernel has none.
    init(link: Int32, cgroups: Int32? = nil) {
        self.link = link
        cgroupLink = cgroups
        unsafe buffer = .allocate(byteCount: Self.bufferBytes, alignment: 8)
    }

    deinit { unsafe buffer.deallocate() }

    /// Hands out the kept tasks, then the census itself, all with the time at which it began; then what was left out.
    ///
    /// An iterator that fails half way gives what was read, and a loss.
    func take(_ reason: CensusReason, _ body: (Event) -> Void) {
        let begun = readingNs()
        selection.reset()
        let complete = readAll { selection.consider($0, stack: $1) }
        var census = Census()
        census.reason = reason
        census.processes = selection.processes
        census.blocked = selection.blocked
        census.durationNs = clockNs(CLOCK_BOOTTIME) - begun
        selection.handOut { task in
            census.kept += 1
            body(Event(boottimeNs: begun, .censusTask(task)))
        }
        takeCgroups { body(Event(boottimeNs: begun, .censusCgroup($0))) }
        body(Event(boottimeNs: begun, .census(census)))
        if selection.blockedLeftOut > 0 {
            body(Event(boottimeNs: begun, .lost(Lost(source: .censusTruncated, count: selection.blockedLeftOut))))
        }
        if !complete { body(Event(boottimeNs: begun, .lost(Lost(source: .undecodable, count: 1)))) }
    }

    /// Every process, in the order of their numbers, without stacks; `nil` when not all could be read.
    func everybody() -> [CensusTask]? {
        var tasks: [CensusTask] = []
        let complete = readAll { task, _ in if task.task.pid == task.task.tgid { tasks.append(task) } }
        return complete ? tasks : nil
    }

    /// The largest cgroups, the largest first. One read: a second would not go on where the first ended (6.1, 6.12).
    private func takeCgroups(_ body: (MemcgState) -> Void) {
        guard let cgroupLink else { return }
        let iterator = bpf_iter_create(cgroupLink)
        guard iterator >= 0 else { return }
        defer { close(iterator) }
        var count: Int
        repeat { count = unsafe read(iterator, buffer, Self.bufferBytes) } while count < 0 && errno == EINTR
        guard count > 0 else { return }
        var offset = 0
        let bytes = unsafe UnsafeRawBufferPointer(start: buffer, count: count)
        while let cgroup = unsafe CensusStream.nextCgroup(in: bytes.bytes, at: &offset) { selection.consider(cgroup) }
        selection.handOutCgroups(body)
    }

    /// Whether the iterator was read to its end and all of it was decoded.
    private func readAll(_ visit: (CensusTask, () -> Bytes) -> Void) -> Bool {
        let iterator = bpf_iter_create(link)
        guard iterator >= 0 else { return false }
        defer { close(iterator) }
        var held = 0
        while true {
            let room = min(Self.readBytes, Self.bufferBytes - held)
            // A record longer than half the buffer is none of ours.
            guard room > 0 else { return false }
            let count = unsafe read(iterator, buffer + held, room)
            if count < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                return false
            }
            if count == 0 { return held == 0 }
            held = consume(held + count, visit)
        }
    }

    /// Visits every whole record of the first `count` bytes; moves what is left to the front and says how much that is.
    private func consume(_ count: Int, _ visit: (CensusTask, () -> Bytes) -> Void) -> Int {
        var offset = 0
        let bytes = unsafe UnsafeRawBufferPointer(start: buffer, count: count)
        while let record = unsafe CensusStream.next(in: bytes.bytes, at: &offset) {
            visit(record.task) { unsafe Bytes(bytes[record.stack]) }
        }
        let left = count - offset
        if left > 0, offset > 0 { unsafe memmove(buffer, buffer + offset, left) }
        return left
    }
}
