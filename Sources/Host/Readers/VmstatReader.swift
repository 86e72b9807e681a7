import Events

/// `/proc/vmstat`.
final class VmstatReader {
    private let file: OpenFile
    static let keys = KeyedFigures([
        "pgscan_kswapd", "pgscan_direct", "pgsteal_kswapd", "pgsteal_direct", "pswpin", "pswpout", "pgmajfault",
        "workingset_refault_anon", "workingset_refault_file", "oom_kill", "zswpin", "zswpout", "zswpwb",
        // Which zones there are depends on the architecture.
        "allocstall_dma", "allocstall_dma32", "allocstall_normal", "allocstall_high", "allocstall_movable",
        "allocstall_device",
    ])
    private static let zones = 13..<19

    init(_ paths: HostPaths) { file = OpenFile(paths.proc("vmstat")) }

    func read(_ buffer: inout ReadBuffer) -> VmstatSample {
        guard buffer.fill(file.descriptor) == 0 else { return VmstatSample() }
        return buffer.parse(VmstatReader.parse)
    }

    static func parse(_ bytes: Span<UInt8>) -> VmstatSample {
        let values = keys.read(bytes)
        var sample = VmstatSample()
        sample.pgscanKswapd = values[0]
        sample.pgscanDirect = values[1]
        sample.pgstealKswapd = values[2]
        sample.pgstealDirect = values[3]
        sample.pswpin = values[4]
        sample.pswpout = values[5]
        sample.pgmajfault = values[6]
        sample.workingsetRefaultAnon = values[7]
        sample.workingsetRefaultFile = values[8]
        sample.oomKill = values[9]
        sample.zswpin = values[10]
        sample.zswpout = values[11]
        sample.zswpwb = values[12]
        var stalls: UInt64?
        for zone in zones {
            if let count = values[zone].value { stalls = (stalls ?? 0) &+ count }
        }
        sample.allocstall = Figure(stalls)
        return sample
    }
}
