import Events

/// `/proc/meminfo`.
final class MemoryReader {
    private let file: OpenFile
    static let keys = KeyedFigures([
        "MemTotal", "MemAvailable", "MemFree", "SwapTotal", "SwapFree", "AnonPages", "Cached", "Shmem", "Slab", "Dirty",
        "Writeback", "Zswap", "Zswapped",
    ])

    init(_ paths: HostPaths) { file = OpenFile(paths.proc("meminfo")) }

    func read(_ buffer: inout ReadBuffer) -> MemorySample {
        guard buffer.fill(file.descriptor) == 0 else { return MemorySample() }
        return buffer.parse(MemoryReader.parse)
    }

    static func parse(_ bytes: Span<UInt8>) -> MemorySample {
        let kib = keys.read(bytes)
        var sample = MemorySample()
        sample.totalBytes = kib[0].scaled(by: 1024)
        sample.availableBytes = kib[1].scaled(by: 1024)
        sample.freeBytes = kib[2].scaled(by: 1024)
        sample.swapTotalBytes = kib[3].scaled(by: 1024)
        sample.swapFreeBytes = kib[4].scaled(by: 1024)
        sample.anonBytes = kib[5].scaled(by: 1024)
        sample.cachedBytes = kib[6].scaled(by: 1024)
        sample.shmemBytes = kib[7].scaled(by: 1024)
        sample.slabBytes = kib[8].scaled(by: 1024)
        sample.dirtyBytes = kib[9].scaled(by: 1024)
        sample.writebackBytes = kib[10].scaled(by: 1024)
        sample.zswapBytes = kib[11].scaled(by: 1024)
        sample.zswappedBytes = kib[12].scaled(by: 1024)
        return sample
    }
}
