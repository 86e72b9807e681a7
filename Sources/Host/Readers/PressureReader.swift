import Events

/// `/proc/pressure/*`. Where PSI is off (absent, or EOPNOTSUPP with `psi=0`) every figure is unknown.
final class PressureReader {
    private let memory: OpenFile
    private let io: OpenFile
    private let cpu: OpenFile

    init(_ paths: HostPaths) {
        memory = OpenFile(paths.proc("pressure/memory"))
        io = OpenFile(paths.proc("pressure/io"))
        cpu = OpenFile(paths.proc("pressure/cpu"))
    }

    func read(_ buffer: inout ReadBuffer) -> PressureSample {
        var sample = PressureSample()
        if buffer.fill(memory.descriptor) == 0 {
            (sample.memorySomeUs, sample.memoryFullUs) = buffer.parse(PressureReader.totals)
        }
        if buffer.fill(io.descriptor) == 0 {
            (sample.ioSomeUs, sample.ioFullUs) = buffer.parse(PressureReader.totals)
        }
        if buffer.fill(cpu.descriptor) == 0 { (sample.cpuSomeUs, _) = buffer.parse(PressureReader.totals) }
        return sample
    }

    var isAvailable: Bool {
        var buffer = ReadBuffer(capacity: 4096)
        return !read(&buffer).memorySomeUs.isUnknown
    }

    /// `some avg10=0.00 avg60=0.00 avg300=0.00 total=123`, then `full ...`: the totals, microseconds.
    static func totals(_ bytes: Span<UInt8>) -> (some: Figure, full: Figure) {
        var some = Figure.unknown
        var full = Figure.unknown
        var position = 0
        while position < bytes.count {
            let isSome = bytes.matches("some ", at: position)
            let isFull = bytes.matches("full ", at: position)
            var total = Figure.unknown
            while position < bytes.count, bytes[position] != 0x0a {
                if bytes.matches("total=", at: position) {
                    position += 6
                    total = bytes.figure(at: &position)
                } else {
                    position += 1
                }
            }
            bytes.nextLine(&position)
            if isSome { some = total }
            if isFull { full = total }
        }
        return (some, full)
    }
}
