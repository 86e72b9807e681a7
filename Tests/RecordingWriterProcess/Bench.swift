import EventSamples
import Events
import Glibc
import Recording

/// Prints sizes and speeds of encoding, decoding, appending and reading (no pass, no fail).
func bench(_ directory: String, _ count: UInt64) throws {
    var host = BusyHost()
    var events: [Event] = []
    for seq in 1...min(count, 200_000) { events.append(host.next(seq: seq)) }
    let rounds = max(1, Int(count) / events.count)
    let total = Double(events.count * rounds)
    print("\(MemoryLayout<Event>.size) bytes: an event in memory; \(events.count) events, \(rounds) rounds")

    var encoder = EventEncoder()
    var blocks: [(first: UInt64, bytes: Bytes)] = []
    var encoded = 0
    report("encode", total) {
        for round in 0..<rounds {
            encoder.beginBlock()
            var first = events[0].seq
            for event in events {
                let before = encoder.byteCount
                encoder.append(event)
                guard encoder.byteCount > 16320 else { continue }
                encoder.rollBack(toBytes: before, events: encoder.count - 1)
                encoded += encoder.byteCount
                if round == 0 { encoder.withBytes { blocks.append((first, Bytes($0))) } }
                first = event.seq
                encoder.beginBlock()
                encoder.append(event)
            }
            encoded += encoder.byteCount
        }
    }
    print("  \(Double(encoded) / total) bytes an event")
    sizes(events)
    var decoder = EventDecoder()
    var sum: UInt64 = 0
    try report("decode", total) {
        for _ in 0..<rounds {
            for block in blocks {
                decoder.beginBlock(firstSeq: block.first)
                var offset = 0
                while offset < block.bytes.count {
                    let event = try decoder.next(block.bytes.span, at: &offset)
                    sum &+= event.boottimeNs
                }
            }
        }
    }
    var options = RecordingOptions(bootID: BootID(high: 1, low: 1), host: Bytes("bench".utf8), clock: bootClock)
    options.totalBytes = 1 << 30
    options.queueBytes = 64 << 20
    let (writer, recovered) = try RecordingWriter.open(directory, options)
    var seq = recovered.nextSeq
    var refused = 0
    report("append", total) {
        for _ in 0..<rounds {
            for var event in events {
                event.seq = seq
                if !writer.append(event, snapshot: { Bytes(repeating: 7, count: 20_000) }) { refused += 1 }
                seq += 1
            }
        }
    }
    var durable = false
    report("until durable", total) { durable = writer.close() }
    print("  durable: \(durable), refused: \(refused), \(writer.figures)")
    let reader = try RecordingReader(directory)
    var read = 0
    report("read", total) { reader.forEach(from: recovered.nextSeq) { (_: Event) in read += 1 } }
    print("  \(read) read back")
    try report("open again (1 = one open)", 1) { try RecordingWriter.open(directory, options).0.close() }
    let verified = try verify(directory)
    print(
        "  \(verified.bytesPerEvent ?? 0) bytes an event on disk, damage: \(verified.damage.count), gaps: \(verified.gaps.count)"
    )
}

func report(_ name: String, _ count: Double, _ body: () throws -> Void) rethrows {
    let wall = now(CLOCK_MONOTONIC)
    let cpu = now(CLOCK_THREAD_CPUTIME_ID)
    try body()
    let cpuSeconds = now(CLOCK_THREAD_CPUTIME_ID) - cpu
    print(
        "\(name): \(Int(count / cpuSeconds)) events/s of this thread's CPU, \(now(CLOCK_MONOTONIC) - wall) s by the wall"
    )
}

func now(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Bytes an event of each kind takes among the others.
func sizes(_ events: [Event]) {
    var encoder = EventEncoder()
    var totals: [EventKind: (count: Int, bytes: Int)] = [:]
    encoder.beginBlock()
    for event in events {
        let before = encoder.byteCount
        encoder.append(event)
        let total = totals[event.payload.kind] ?? (0, 0)
        totals[event.payload.kind] = (total.count + 1, total.bytes + encoder.byteCount - before)
        if encoder.byteCount > 16320 { encoder.beginBlock() }
    }
    for (kind, total) in totals.sorted(by: { $0.value.bytes > $1.value.bytes }) {
        print("  \(kind.label): \(total.count) of \(Double(total.bytes) / Double(total.count)) bytes")
    }
}
