import CLibbpf
import Events
import Glibc
import Synchronization

/// The ring that the BPF programs write to, mapped here.
///
/// Draining waits for nothing: it takes what is there, up to a bound, so that a flood cannot keep the caller from its other work.
@safe
final class Ring {
    private let ring: OpaquePointer
    private let receiver: RingReceiver

    /// Records taken by one drain at most; the rest waits for the next.
    static let drainBound = 16384

    init(map: Int32, symbols: OomSymbols) throws(ProbeError) {
        receiver = RingReceiver(symbols: symbols)
        let context = unsafe Unmanaged.passUnretained(receiver).toOpaque()
        let opened = unsafe ring_buffer__new(
            map,
            { context, data, size in
                guard let context = unsafe context, let data = unsafe data else { return 0 }
                let receiver = unsafe Unmanaged<RingReceiver>.fromOpaque(context).takeUnretainedValue()
                return unsafe receiver.take(UnsafeRawBufferPointer(start: data, count: size))
            }, context, nil)
        guard let opened = unsafe opened else {
            throw .refused(what: "mapping the ring buffer", errno: errno, reason: LibbpfLog.reason)
        }
        unsafe ring = opened
    }

    deinit { unsafe ring_buffer__free(ring) }

    /// Readable when the ring has records and a program asked for the reader to be woken.
    var descriptor: Int32 { unsafe ring_buffer__epoll_fd(ring) }

    func drain(_ body: (Event) -> Void) -> Int {
        withoutActuallyEscaping(body) { body in
            receiver.begin(body)
            // A negative answer only says that the bound was reached.
            _ = unsafe ring_buffer__consume(ring)
            return receiver.end()
        }
    }

    /// Records that could not be decoded since the last call.
    func takeUndecodable() -> UInt64 { receiver.takeUndecodable() }
}

/// What libbpf calls for each record.
private final class RingReceiver {
    private let symbols: OomSymbols
    private var body: ((Event) -> Void)?
    private var received = 0
    /// Counted by the thread that drains, taken by the one that reads the counters.
    private let undecodable = Atomic<UInt64>(0)

    init(symbols: OomSymbols) { self.symbols = symbols }

    func begin(_ body: @escaping (Event) -> Void) {
        self.body = body
        received = 0
    }

    func end() -> Int {
        body = nil
        return received
    }

    /// - Returns: 0 to go on; -1 after which libbpf stops, this record counting as read.
    func take(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        received += 1
        do {
            body?(try unsafe WireDecoder.event(from: bytes.bytes, symbols: symbols))
        } catch {
            undecodable.add(1, ordering: .relaxed)
        }
        return received < Ring.drainBound ? 0 : -1
    }

    func takeUndecodable() -> UInt64 {
        undecodable.exchange(0, ordering: .relaxed)
    }
}
