import CLibbpf
import CLinux
import Events
import Glibc
import Synchronization

/// The ring that the BPF programs write to, mapped here.
///
/// Draining waits for nothing: it takes what is there, up to a bound, so that a flood cannot keep the caller from its other work.
///
/// Not libbpf's: that maps all of the ring twice, so that a record at its end can be read in one piece, and every mapped page of
/// it counts as resident, touched or not. Here only as much is mapped again as the longest record needs.
@safe
final class Ring {
    /// Records taken by one drain at most; the rest waits for the next.
    static let drainBound = 16384
    /// More than the longest record of any program (2 KiB).
    private static let longest = 16 << 10

    private let symbols: OomSymbols
    private let size: Int
    /// The position up to which was read, on a page of its own.
    private let consumer: UnsafeMutableRawPointer
    /// The position up to which is written, on a page of its own, then the records.
    private let producer: UnsafeMutableRawPointer
    private let page = Int(max(4096, sysconf(Int32(_SC_PAGESIZE))))
    /// Readable when the ring has records and a program asked for the reader to be woken: the map's own descriptor would be for
    /// any record.
    let descriptor: Int32
    /// Counted by the thread that drains, taken by the one that reads the counters.
    private let undecodable = Atomic<UInt64>(0)

    /// - Parameter size: of the ring, in bytes.
    init(map: Int32, size: Int, symbols: OomSymbols) throws(ProbeError) {
        self.symbols = symbols
        self.size = size
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        var interest = unsafe epoll_event()
        unsafe interest.events = EPOLLIN.rawValue
        let consumer = unsafe mmap(nil, page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0)
        let producer = unsafe mmap(
            nil, page + size + min(size, Ring.longest), PROT_READ, MAP_SHARED, map, page)
        guard descriptor >= 0, unsafe epoll_ctl(descriptor, EPOLL_CTL_ADD, map, &interest) == 0,
            let consumer = unsafe consumer, unsafe consumer != MAP_FAILED,
            let producer = unsafe producer, unsafe producer != MAP_FAILED
        else { throw .refused(what: "mapping the ring buffer", errno: errno, reason: "") }
        unsafe self.consumer = consumer
        unsafe self.producer = producer
    }

    deinit {
        unsafe munmap(consumer, page)
        unsafe munmap(producer, page + size + min(size, Ring.longest))
        close(descriptor)
    }

    /// - Returns: how many records were taken, those that could not be decoded among them.
    func drain(_ body: (Event) -> Void) -> Int {
        var position = unsafe iq_load_acquire(consumer)
        var received = 0
        while received < Ring.drainBound, unsafe position < iq_load_acquire(producer) {
            let record = unsafe producer + page + Int(position & UInt(size - 1))
            let header = unsafe iq_load_acquire32(record)
            if header & Ring.isBusy != 0 { break }
            let length = Int(header & ~Ring.isDiscarded)
            if header & Ring.isDiscarded == 0 {
                received += 1
                unsafe take(UnsafeRawBufferPointer(start: record + Ring.headerBytes, count: length), body)
            }
            position += UInt((length + Ring.headerBytes + 7) & ~7)
            unsafe iq_store_release(consumer, position)
        }
        return received
    }

    // include/uapi/linux/bpf.h: BPF_RINGBUF_BUSY_BIT, BPF_RINGBUF_DISCARD_BIT, BPF_RINGBUF_HDR_SZ.
    private static let isBusy: UInt32 = 1 << 31
    private static let isDiscarded: UInt32 = 1 << 30
    private static let headerBytes = 8

    private func take(_ bytes: UnsafeRawBufferPointer, _ body: (Event) -> Void) {
        guard bytes.count <= Ring.longest - Ring.headerBytes,
            let event = try? unsafe WireDecoder.event(from: bytes.bytes, symbols: symbols)
        else {
            undecodable.add(1, ordering: .relaxed)
            return
        }
        body(event)
    }

    /// Records that could not be decoded since the last call.
    func takeUndecodable() -> UInt64 { undecodable.exchange(0, ordering: .relaxed) }
}
