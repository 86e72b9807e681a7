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
    let verified = try verify(directory)
    print(
        "  \(verified.bytesPerEvent ?? 0) bytes an event on disk, damage: \(verified.damage.count), gaps: \(verified.gaps.count)"
    )
}

func report(_ name: String, _ count: Double, _ body: () throws -> Void) rethrows {
    var begin = timespec()
    var end = timespec()
    clock_gettime(CLOCK_MONOTONIC, &begin)
    try body()
    clock_gettime(CLOCK_MONOTONIC, &end)
    let seconds = Double(end.tv_sec - begin.tv_sec) + Double(end.tv_nsec - begin.tv_nsec) / 1e9
    print("\(name): \(Int(count / seconds)) events/s, \(seconds) s")
}
