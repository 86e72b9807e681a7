import Events
import Testing

@testable import Host

private func device(_ major: UInt32, _ minor: UInt32) -> UInt32 { major << 20 | minor }

@Suite struct `Disks` {
    private func disk(_ fixture: Fixture, _ name: String, _ device: String, reads: Int, size: Int = 1000) {
        let base = "sys/block/\(name)/"
        fixture.file(base + "dev", device + "\n")
        fixture.file(base + "stat", "\(reads) 0 80 5 0 0 0 0 0 9 9 0 0 0 0 0 0\n")
        fixture.file(base + "inflight", "       0        0\n")
        fixture.file(base + "size", "\(size)\n")
        fixture.file(base + "queue/rotational", "0\n")
    }

    @Test func `whole disks that were used are sampled, loop and ram devices that never were are not`() {
        let fixture = Fixture()
        fixture.host()
        disk(fixture, "vda", "254:0", reads: 10)
        disk(fixture, "loop0", "7:0", reads: 0)
        disk(fixture, "ram0", "1:0", reads: 0)
        disk(fixture, "zram0", "253:0", reads: 5)
        let bench = Bench(fixture)
        let names = bench.start().compactMap(\.payload.deviceName)
        #expect(names.map(\.name) == [Bytes("vda"), Bytes("zram0")])
        #expect(names.map(\.inMemory) == [false, true])
        #expect(names.first?.device == device(254, 0))
        #expect(names.first?.sizeBytes == 512_000)
        let samples = bench.tick().compactMap(\.payload.deviceSample)
        #expect(samples.map(\.device) == [device(254, 0), device(253, 0)])
        #expect(samples.first?.reads == 10)
        #expect(samples.first?.readBytes == Figure(80 * 512))
        #expect(samples.first?.inflightReads == 0)
    }

    @Test func `a ceiling that somebody set is told with the disk's name`() {
        let fixture = Fixture()
        fixture.host()
        disk(fixture, "vda", "254:0", reads: 10)
        disk(fixture, "vdb", "254:16", reads: 10)
        var options = SamplerOptions()
        options.ceilings = [Bytes("vda"): 60_000_000]
        let names = Bench(fixture, options).start().compactMap(\.payload.deviceName)
        #expect(names.map(\.ceilingBytes) == [60_000_000, 0])
    }

    @Test func `a disk that comes into use is announced within a minute`() {
        let fixture = Fixture()
        fixture.host()
        disk(fixture, "loop0", "7:0", reads: 0)
        let bench = Bench(fixture)
        #expect(bench.start().compactMap(\.payload.deviceName).isEmpty)
        bench.tick()
        disk(fixture, "loop0", "7:0", reads: 3)
        let events = bench.tick(after: 60_000_000_000)
        #expect(events.compactMap(\.payload.deviceName).map(\.name) == [Bytes("loop0")])
        #expect(bench.tick().compactMap(\.payload.deviceSample).map(\.device) == [device(7, 0)])
    }

    @Test func `a request that does not complete is written at every tick, with its age`() {
        let fixture = Fixture()
        fixture.host()
        disk(fixture, "vda", "254:0", reads: 10)
        let bench = Bench(fixture)
        _ = bench.start()
        bench.tick()
        fixture.file("sys/block/vda/inflight", "1 0\n")
        bench.tick()
        let ages = (0..<3).map { _ in bench.tick().compactMap(\.payload.deviceSample?.oldestMinNs).last }
        #expect(ages == [1_000_000_000, 2_000_000_000, 3_000_000_000])
    }

    @Test func `a disk with torn files is unknown, not idle`() {
        let fixture = Fixture()
        fixture.host()
        disk(fixture, "vda", "254:0", reads: 10)
        let bench = Bench(fixture)
        _ = bench.start()
        fixture.file("sys/block/vda/stat", "")
        fixture.file("sys/block/vda/inflight", "1")
        let sample = bench.tick().compactMap(\.payload.deviceSample).first
        #expect(sample?.reads == .unknown)
        #expect(sample?.busyMs == .unknown)
        #expect(sample?.inflightReads == 1)
        #expect(sample?.inflightWrites == .unknown)
        #expect(sample?.oldestMinNs == .unknown)
    }
}

@Suite struct `Swap and the disks below it` {
    private static let header = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"

    private func status(device: UInt32 = 0, special: UInt32 = 0, block: Bool = false) -> Calls.Status {
        Calls.Status(
            inode: 1, device: device, special: special, isDirectory: false, isBlockDevice: block, uid: 0,
            modifiedSeconds: 0)
    }

    /// vda with partition vda2, sda alone, dm-0 on sda1 and vda2, loop3 on a file on vda2.
    private func machine(_ swaps: String) -> Fixture {
        let fixture = Fixture()
        fixture.host()
        fixture.file("proc/swaps", Self.header + swaps)
        fixture.file("sys/devices/vda/dev", "254:0\n")
        fixture.file("sys/devices/vda/vda2/dev", "254:2\n")
        fixture.file("sys/devices/vda/vda2/partition", "2\n")
        fixture.file("sys/devices/sda/dev", "8:0\n")
        fixture.file("sys/devices/sda/sda1/dev", "8:1\n")
        fixture.file("sys/devices/sda/sda1/partition", "1\n")
        fixture.file("sys/devices/dm-0/dev", "252:0\n")
        fixture.link("sys/devices/dm-0/slaves/sda1", to: "../../sda/sda1")
        fixture.link("sys/devices/dm-0/slaves/vda2", to: "../../vda/vda2")
        fixture.file("sys/devices/loop3/dev", "7:3\n")
        fixture.file("sys/devices/loop3/loop/backing_file", "/big\n")
        for (number, place) in [
            ("254:0", "vda"), ("254:2", "vda/vda2"), ("8:0", "sda"), ("8:1", "sda/sda1"), ("252:0", "dm-0"),
            ("7:3", "loop3"),
        ] { fixture.link("sys/dev/block/\(number)", to: "../../devices/\(place)") }
        fixture.link("sys/class/block/vda2", to: "../../devices/vda/vda2")
        return fixture
    }

    @Test func `a partition belongs to its disk`() {
        let fixture = machine("/dev/vda2 partition\t14680060\t\t100\t\t-2\n")
        let swaps = Swaps(fixture.paths) { _ in self.status(special: device(254, 2), block: true) }
        #expect(swaps.areas.count == 1)
        #expect(swaps.areas.first?.disks == [device(254, 0)])
        #expect(swaps.areas.first?.sizeBytes == Figure(14_680_060 * 1024))
        #expect(swaps.areas.first?.usedBytes == Figure(100 * 1024))
    }

    @Test func `a partition whose node is not there is found by its name`() {
        let fixture = machine("/dev/vda2 partition\t10\t\t0\t\t-2\n")
        #expect(Swaps(fixture.paths) { _ in nil }.devices == [device(254, 0)])
    }

    @Test func `a swap file belongs to the disk of its file system, also with blanks in its name`() {
        let fixture = machine("/my\\040swap\\040(deleted) file\t\t10\t\t0\t\t-2\n")
        var asked: [Bytes] = []
        let swaps = Swaps(fixture.paths) { path in
            asked.append(path)
            return self.status(device: device(8, 1))
        }
        #expect(swaps.devices == [device(8, 0)])
        #expect(asked.first == Bytes("/my swap"))
    }

    @Test func `swap on device-mapper reaches every disk below`() {
        let fixture = machine("/dev/dm-0 partition\t10\t\t0\t\t-2\n")
        let swaps = Swaps(fixture.paths) { _ in self.status(special: device(252, 0), block: true) }
        #expect(swaps.areas.first?.disks.first == device(252, 0))
        #expect(swaps.devices == [device(252, 0), device(8, 0), device(254, 0)])
    }

    @Test func `swap on a loop device reaches the disk of its file`() {
        let fixture = machine("/dev/loop3 partition\t10\t\t0\t\t-2\n")
        let swaps = Swaps(fixture.paths) { path in
            path == Bytes("/big")
                ? self.status(device: device(254, 2)) : self.status(special: device(7, 3), block: true)
        }
        #expect(swaps.devices == [device(7, 3), device(254, 0)])
    }

    @Test func `a loop device on itself ends`() {
        let fixture = machine("/dev/loop3 partition\t10\t\t0\t\t-2\n")
        let swaps = Swaps(fixture.paths) { path in
            path == Bytes("/big") ? self.status(device: device(7, 3)) : self.status(special: device(7, 3), block: true)
        }
        #expect(swaps.devices == [device(7, 3)])
    }

    @Test func `a file on an anonymous device is found through the mount table`() {
        let fixture = machine("/swapfile file\t\t10\t\t0\t\t-2\n")
        fixture.file("proc/self/mountinfo", "22 1 0:33 /@ / rw - btrfs /dev/vda2 rw\n")
        let swaps = Swaps(fixture.paths) { path in
            path == Bytes("/dev/vda2") ? self.status(special: device(254, 2), block: true) : self.status(device: 33)
        }
        #expect(swaps.devices == [device(254, 0)])
    }

    @Test(arguments: ["", "garbage", "/dev/x", "/dev/x partition", "/dev/x partition a b c\n\n\n", "\0\0\0\n"])
    func `torn lines are no swap and no crash`(_ text: String) {
        #expect(Swaps(machine(text).paths) { _ in nil }.devices.isEmpty)
    }

    @Test func `the disk that carries swap says so, though it was never used`() {
        let fixture = machine("/dev/vda2 partition\t10\t\t0\t\t-2\n")
        for (name, device) in [("vda", "254:0"), ("sda", "8:0")] {
            fixture.file("sys/block/\(name)/dev", device + "\n")
            fixture.file("sys/block/\(name)/stat", "0 0 0 0 0 0 0 0 0 0 0\n")
        }
        let names = Bench(fixture).start().compactMap(\.payload.deviceName)
        #expect(names.map(\.name) == [Bytes("vda")])
        #expect(names.first?.swap == true)
    }
}
