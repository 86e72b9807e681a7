import Events
import Testing

@testable import Host

@Suite struct `Reading numbers from bytes` {
    @Test func `a number beyond 64 bits is unknown and not a wrapped one`() {
        for text in ["18446744073709551616", "99999999999999999999999999", "184467440737095516150"] {
            var position = 0
            let bytes = Bytes(text)
            #expect(bytes.span.number(at: &position) == nil)
            #expect(position == bytes.count, "the digits are consumed all the same")
        }
    }

    @Test func `the two topmost values are marks and never figures`() {
        for text in ["18446744073709551615", "18446744073709551614"] {
            #expect(Bytes(text).span.singleFigure() == .unknown)
        }
        #expect(Bytes("18446744073709551613").span.singleFigure() == Figure(18_446_744_073_709_551_613))
    }

    @Test func `max is unlimited, anything that is no number is unknown`() {
        #expect(Bytes("max\n").span.singleFigure() == .unlimited)
        #expect(Bytes("").span.singleFigure() == .unknown)
        #expect(Bytes("-1\n").span.singleFigure() == .unknown)
        #expect(Bytes("\0\0\0").span.singleFigure() == .unknown)
        #expect(Bytes("0\n").span.singleFigure() == 0)
    }
}

@Suite struct `Pressure files` {
    @Test func `totals are read whatever else the line holds`() {
        let bytes = Bytes(
            "some avg10=1.53 avg60=0.40 avg300=0.10 total=123456\nfull avg10=0.00 avg60=0.00 new=7 total=42 more=9\n")
        let totals = PressureReader.totals(bytes.span)
        #expect(totals.some == 123_456)
        #expect(totals.full == 42)
    }

    @Test func `a file without the full line leaves it unknown`() {
        let totals = PressureReader.totals(Bytes("some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n").span)
        #expect(totals.some == 5)
        #expect(totals.full == .unknown)
    }

    @Test func `every truncation of a pressure file gives its true figure, a prefix of it, or unknown`() {
        let whole = Bytes("some avg10=0.00 avg60=0.00 avg300=0.00 total=987654\nfull avg10=0.00 total=321\n")
        for length in 0...whole.count {
            let totals = PressureReader.totals(Bytes(whole[..<length]).span)
            if let some = totals.some.value { #expect("987654".hasPrefix("\(some)")) }
            if let full = totals.full.value { #expect("321".hasPrefix("\(full)")) }
        }
    }
}

@Suite struct `Files of keys and values` {
    @Test func `meminfo comes out in bytes`() {
        let sample = MemoryReader.parse(Bytes(Fixture.someMeminfo).span)
        #expect(sample.totalBytes == Figure(24_684_096 * 1024))
        #expect(sample.availableBytes == Figure(2_097_152 * 1024))
        #expect(sample.freeBytes == Figure(1_048_576 * 1024))
        #expect(sample.swapTotalBytes == Figure(14_680_060 * 1024))
        #expect(sample.swapFreeBytes == Figure(14_680_060 * 1024))
        #expect(sample.anonBytes == Figure(21_440 * 1024))
        #expect(sample.cachedBytes == Figure(660_820 * 1024))
        #expect(sample.shmemBytes == Figure(8788 * 1024))
        #expect(sample.slabBytes == Figure(150_596 * 1024))
        #expect(sample.dirtyBytes == Figure(42_748 * 1024))
        #expect(sample.writebackBytes == 0)
        #expect(sample.zswapBytes == 0)
        #expect(sample.zswappedBytes == 0)
    }

    @Test func `a line that is missing leaves its figure unknown`() {
        let sample = MemoryReader.parse(Bytes("MemTotal: 10 kB\nCachedX: 3 kB\nMemFre: 4 kB\n").span)
        #expect(sample.totalBytes == 10240)
        #expect(sample.cachedBytes == .unknown)
        #expect(sample.freeBytes == .unknown)
        #expect(sample.zswapBytes == .unknown)
    }

    @Test func `vmstat sums allocation stalls over the zones that there are`() {
        let sample = VmstatReader.parse(
            Bytes("allocstall_dma32 1\nallocstall_normal 20\nallocstall_movable 300\npgscan_direct_throttle 9\n").span)
        #expect(sample.allocstall == 321)
        #expect(sample.pgscanDirect == .unknown, "a longer key is another key")
        #expect(VmstatReader.parse(Bytes("nr_free_pages 1\n").span).allocstall == .unknown)
    }

    @Test func `every vmstat figure comes from its own line`() {
        let names = [
            "pgscan_kswapd", "pgscan_direct", "pgsteal_kswapd", "pgsteal_direct", "pswpin", "pswpout", "pgmajfault",
            "workingset_refault_anon", "workingset_refault_file", "oom_kill", "zswpin", "zswpout", "zswpwb",
        ]
        var text = ""
        for (index, name) in names.enumerated() { text += "\(name) \(index + 100)\n" }
        let sample = VmstatReader.parse(Bytes(text).span)
        let read = [
            sample.pgscanKswapd, sample.pgscanDirect, sample.pgstealKswapd, sample.pgstealDirect, sample.pswpin,
            sample.pswpout, sample.pgmajfault, sample.workingsetRefaultAnon, sample.workingsetRefaultFile,
            sample.oomKill, sample.zswpin, sample.zswpout, sample.zswpwb,
        ]
        #expect(read == names.indices.map { Figure(UInt64($0 + 100)) })
    }

    @Test(arguments: [
        "", "\n\n\n", ":", "MemTotal", "MemTotal:", "MemTotal:\n", "MemTotal: x kB",
        "MemTotal:   99999999999999999999999 kB\n",
    ])
    func `a hostile meminfo is unknown and no crash`(_ text: String) {
        #expect(MemoryReader.parse(Bytes(text).span) == MemorySample())
    }

    @Test func `kilobytes that exceed 64 bits as bytes do not wrap`() {
        let sample = MemoryReader.parse(Bytes("MemTotal: 18014398509481985 kB\n").span)
        #expect(sample.totalBytes.value == nil)
    }
}

@Suite struct `Load` {
    @Test func `averages are thousandths`() {
        var sample = LoadSample()
        LoadReader.parse(loadavg: Bytes("61.07 9.50 0.04 3/934 6732\n").span, into: &sample)
        #expect(sample.load1Milli == 61_070)
        #expect(sample.load5Milli == 9_500)
        #expect(sample.load15Milli == 40)
        #expect(sample.tasks == 934)
    }

    @Test(arguments: ["", "1", "1.", "1.5", "1.50 2.", "a.b c.d", "1.50 2.50 3.50", "1.50 2.50 3.50 7"])
    func `a torn loadavg gives what is there`(_ text: String) {
        var sample = LoadSample()
        LoadReader.parse(loadavg: Bytes(text).span, into: &sample)
        #expect(sample.tasks == .unknown)
        if text.hasPrefix("1.5") { #expect(sample.load1Milli == 1500) } else { #expect(sample.load1Milli == .unknown) }
    }
}

@Suite struct `Block device counters` {
    @Test func `sectors are 512 bytes`() {
        var sample = DeviceSample()
        let line = "   85639    24579  7287298    26866     8940     3919   806040     2228        5    14412    29547"
        Devices.parse(
            stat: Bytes(line + "     2465        0   294568      387     1458       64\n").span, into: &sample)
        #expect(sample.reads == 85_639)
        #expect(sample.readBytes == Figure(7_287_298 * 512))
        #expect(sample.writes == 8940)
        #expect(sample.writeBytes == Figure(806_040 * 512))
        #expect(sample.busyMs == 14_412)
        #expect(sample.discards == 2465)
        #expect(sample.flushes == 1458)
    }

    @Test func `a kernel with fewer columns leaves the rest unknown`() {
        var sample = DeviceSample()
        Devices.parse(stat: Bytes("1 2 3 4 5 6 7 8 9 10 11\n").span, into: &sample)
        #expect(sample.busyMs == 10)
        #expect(sample.discards == .unknown)
        #expect(sample.flushes == .unknown)
    }
}

@Suite struct `Garbage` {
    @Test(arguments: 0..<200)
    func `in any file is no crash and no wrong kind of figure`(_ seed: UInt64) {
        // splitmix64: the same garbage at every run.
        var state = seed &* 0x9e37_79b9_7f4a_7c15
        func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
        let words = [
            "some", "full", "total=", "MemTotal:", "pgscan_kswapd", "max", "-", "/", " ", "\n", "18446744073709551616",
            "7", "\0",
        ]
        var bytes = Bytes()
        for _ in 0..<(next() % 64) {
            if next() % 2 == 0 {
                bytes += Bytes(words[Int(next() % UInt64(words.count))])
            } else {
                bytes.append(UInt8(truncatingIfNeeded: next()))
            }
        }
        let span = bytes.span
        _ = MemoryReader.parse(span)
        #expect(!VmstatReader.parse(span).pgscanKswapd.isUnlimited)
        let totals = PressureReader.totals(span)
        #expect(!totals.some.isUnlimited && !totals.full.isUnlimited)
        var load = LoadSample()
        LoadReader.parse(loadavg: span, into: &load)
        var device = DeviceSample()
        Devices.parse(stat: span, into: &device)
        _ = span.singleFigure()
        for row in bytes.lines {
            _ = Mount(row)
            _ = row.octalUnescaped
            _ = row.decimal
        }
        _ = parseDeviceNumber(bytes)
        _ = Capabilities(status: bytes)
        _ = Users.uid(ofSlice: bytes)
        _ = bytes.printable
    }
}

@Suite struct `The oldest request in flight` {
    private func sample(inflight: UInt64, reads: UInt64) -> DeviceSample {
        var sample = DeviceSample()
        sample.inflightReads = Figure(inflight)
        sample.inflightWrites = 0
        sample.reads = Figure(reads)
        return sample
    }

    @Test func `the first request after an idle hour is not an hour old`() {
        var since = InFlightSince()
        #expect(since.oldest(sample(inflight: 0, reads: 9), now: 1_000, lastCompletion: 1_000) == 0)
        #expect(since.oldest(sample(inflight: 1, reads: 9), now: 3_600_000_001_000, lastCompletion: 1_000) == 0)
        #expect(
            since.oldest(sample(inflight: 1, reads: 9), now: 3_601_000_001_000, lastCompletion: 1_000) == 1_000_000_000)
    }

    @Test func `a completion ends what was known about age`() {
        var since = InFlightSince()
        _ = since.oldest(sample(inflight: 2, reads: 9), now: 100, lastCompletion: nil)
        #expect(since.oldest(sample(inflight: 2, reads: 9), now: 200, lastCompletion: nil) == 100)
        #expect(since.oldest(sample(inflight: 2, reads: 10), now: 300, lastCompletion: nil) == 0)
        #expect(since.oldest(sample(inflight: 2, reads: 10), now: 450, lastCompletion: nil) == 150)
        #expect(since.oldest(sample(inflight: 2, reads: 10), now: 500, lastCompletion: 480) == 0)
    }

    @Test func `without the inflight file age is unknown`() {
        var since = InFlightSince()
        #expect(since.oldest(DeviceSample(), now: 5, lastCompletion: 1) == .unknown)
    }
}

@Suite struct `Names in kernel files` {
    @Test func `octal escapes of blanks are undone and nothing else is`() {
        #expect(Bytes(#"/swap\040file\011x"#)[...].octalUnescaped == Bytes("/swap file\tx"))
        #expect(Bytes(#"/a\04"#)[...].octalUnescaped == Bytes(#"/a\04"#))
        #expect(Bytes(#"/a\999"#)[...].octalUnescaped == Bytes(#"/a\999"#))
    }

    @Test func `a mount line with optional fields is read from both ends`() {
        let mount = Mount(Bytes("41 31 0:38 / /mnt/a\\040b rw shared:4 master:2 - cgroup2 none rw,nsdelegate")[...])
        #expect(mount?.point == Bytes("/mnt/a b"))
        #expect(mount?.type == Bytes("cgroup2"))
        #expect(mount?.superOptions == [Bytes("rw"), Bytes("nsdelegate")])
        #expect(Mount(Bytes("41 31 0:38 / /mnt rw")[...]) == nil)
        #expect(Mount(Bytes("- - - - - - - -")[...]) == nil)
    }

    @Test func `device numbers beyond the kernel's range are refused`() {
        let number: UInt32 = (254 << 20) + 1
        #expect(parseDeviceNumber(Bytes("254:1")) == number)
        #expect(parseDeviceNumber(Bytes("4096:0")) == nil)
        #expect(parseDeviceNumber(Bytes("1:1048576")) == nil)
        #expect(parseDeviceNumber(Bytes("1")) == nil)
    }

    @Test func `the user of a slice is its number`() {
        #expect(Users.uid(ofSlice: Bytes("/user.slice/user-1002.slice/session-4.scope")) == 1002)
        #expect(Users.uid(ofSlice: Bytes("/user.slice/user-.slice")) == nil)
        #expect(Users.uid(ofSlice: Bytes("/user.slice/user-99999999999.slice")) == nil)
        #expect(Users.uid(ofSlice: Bytes("/system.slice")) == nil)
    }
}
