import Events

/// `/proc/loadavg`, and `procs_running` and `procs_blocked` of `/proc/stat`.
final class LoadReader {
    private let loadavg: OpenFile
    private let stat: OpenFile
    static let keys = KeyedFigures(["procs_running", "procs_blocked"])

    init(_ paths: HostPaths) {
        loadavg = OpenFile(paths.proc("loadavg"))
        stat = OpenFile(paths.proc("stat"))
    }

    func read(_ buffer: inout ReadBuffer) -> LoadSample {
        var sample = LoadSample()
        if buffer.fill(loadavg.descriptor) == 0 {
            buffer.parse { bytes in LoadReader.parse(loadavg: bytes, into: &sample) }
        }
        if buffer.fill(stat.descriptor) == 0 {
            let values = buffer.parse { bytes in LoadReader.keys.read(bytes) }
            sample.running = values[0]
            sample.blocked = values[1]
        }
        return sample
    }

    /// `0.52 0.13 0.04 1/93 6732`: three averages, then running/all tasks.
    static func parse(loadavg bytes: Span<UInt8>, into sample: inout LoadSample) {
        var position = 0
        sample.load1Milli = milli(bytes, &position)
        sample.load5Milli = milli(bytes, &position)
        sample.load15Milli = milli(bytes, &position)
        _ = bytes.number(at: &position)
        guard position < bytes.count, bytes[position] == UInt8(ascii: "/") else { return }
        position += 1
        sample.tasks = bytes.figure(at: &position)
    }

    /// `12.34` in thousandths; the kernel always prints two decimals, more are cut.
    private static func milli(_ bytes: Span<UInt8>, _ position: inout Int) -> Figure {
        guard let whole = bytes.number(at: &position), position < bytes.count,
            bytes[position] == UInt8(ascii: "."), whole < UInt64.max / 2000
        else { return .unknown }
        position += 1
        let start = position
        guard var fraction = bytes.number(at: &position) else { return .unknown }
        for _ in (position - start)..<max(3, position - start) { fraction *= 10 }
        for _ in 3..<max(3, position - start) { fraction /= 10 }
        return Figure(whole * 1000 + fraction)
    }
}
