public import Events

/// What a recorder of a busy machine hears: samples ten times a second of the host, two disks and twenty cgroups, whose
/// counters grow as they do, IO and stall intervals, now and then a census and a signal. No hostile bytes: for sizes and speeds.
public struct BusyHost: Sendable {
    /// Samples once a second of a hundredth of the trouble.
    public var isCalm = false
    /// Boottime of the last event, nanoseconds.
    public private(set) var now: UInt64 = 1_000_000_000_000
    private var random: Seeded
    private var queue: [Payload] = []
    private var position = 0
    private var vmstat = VmstatSample()
    private var memory = MemorySample()
    private var pressure = PressureSample()
    private var devices: [DeviceSample] = []
    private var cgroups: [CgroupSample] = []
    private var ticks = 0

    public init(seed: UInt64 = 1, cgroups count: Int = 20) {
        random = Seeded(seed)
        memory.totalBytes = Figure(16 << 30)
        memory.swapTotalBytes = Figure(8 << 30)
        pressure.memorySomeUs = 0
        pressure.memoryFullUs = 0
        pressure.ioSomeUs = 0
        pressure.ioFullUs = 0
        pressure.cpuSomeUs = 0
        for number in 0..<2 {
            var device = DeviceSample()
            device.device = UInt32(253 << 20 | number * 16)
            device.reads = 1_000_000
            device.readBytes = 40_000_000_000
            device.writes = 2_000_000
            device.writeBytes = 90_000_000_000
            device.flushes = 1000
            device.discards = 0
            device.busyMs = 5_000_000
            device.inflightReads = 0
            device.inflightWrites = 0
            device.oldestMinNs = 0
            devices.append(device)
        }
        for number in 0..<count {
            var cgroup = CgroupSample()
            cgroup.cgroup = UInt64(2000 + number * 37)
            cgroup.currentBytes = Figure(UInt64(50 + number) << 20)
            cgroup.peakBytes = Figure(UInt64(80 + number) << 20)
            cgroup.swapBytes = 0
            cgroup.minBytes = 0
            cgroup.lowBytes = 0
            cgroup.highBytes = .unlimited
            cgroup.maxBytes = .unlimited
            cgroup.swapMaxBytes = .unlimited
            cgroup.eventsHigh = 0
            cgroup.eventsMax = 0
            cgroup.eventsOom = 0
            cgroup.eventsOomKill = 0
            cgroup.memorySomeUs = 1000
            cgroup.memoryFullUs = 900
            cgroup.ioFullUs = 5000
            cgroup.anonBytes = Figure(UInt64(30 + number) << 20)
            cgroup.fileBytes = Figure(UInt64(15) << 20)
            cgroup.shmemBytes = 0
            cgroup.slabBytes = Figure(UInt64(2) << 20)
            cgroup.pgscan = 0
            cgroup.refaultAnon = 0
            cgroup.refaultFile = 100
            self.cgroups.append(cgroup)
        }
    }

    /// The next event, numbered as asked.
    public mutating func next(seq: UInt64) -> Event {
        if position == queue.count { tick() }
        defer { position += 1 }
        return Event(seq: seq, boottimeNs: now, queue[position])
    }

    private mutating func tick() {
        queue.removeAll(keepingCapacity: true)
        position = 0
        ticks += 1
        now += (isCalm ? 1_000_000_000 : 100_000_000) + random.next() % 200_000
        pressure.memorySomeUs.grow(by: upTo(40_000))
        pressure.memoryFullUs.grow(by: upTo(20_000))
        pressure.ioSomeUs.grow(by: upTo(90_000))
        pressure.ioFullUs.grow(by: upTo(60_000))
        pressure.cpuSomeUs.grow(by: upTo(50_000))
        queue.append(.pressure(pressure))
        memory.freeBytes = Figure((200 << 20) + (random.next() % 10_000) << 12)
        memory.availableBytes = Figure((900 << 20) + (random.next() % 10_000) << 12)
        memory.swapFreeBytes = Figure((4 << 30) - (UInt64(ticks) % 500_000) << 12)
        memory.dirtyBytes = Figure((random.next() % 5000) << 12)
        queue.append(.memory(memory))
        vmstat.pgscanKswapd.grow(by: upTo(20_000))
        vmstat.pgstealKswapd.grow(by: upTo(15_000))
        vmstat.pswpin.grow(by: upTo(2000))
        vmstat.pswpout.grow(by: upTo(4000))
        vmstat.pgmajfault.grow(by: upTo(900))
        queue.append(.vmstat(vmstat))
        var load = LoadSample()
        load.load1Milli = Figure(4000 + UInt64(ticks / 50 % 900))
        load.load5Milli = 3000
        load.load15Milli = 2000
        load.running = Figure(random.next() % 9)
        load.blocked = Figure(upTo(30))
        load.tasks = 900
        queue.append(.load(load))
        for place in devices.indices {
            devices[place].reads.grow(by: upTo(200))
            devices[place].readBytes.grow(by: upTo(8_000_000))
            devices[place].writes.grow(by: upTo(300))
            devices[place].writeBytes.grow(by: upTo(6_000_000))
            devices[place].busyMs.grow(by: upTo(100))
            devices[place].inflightReads = Figure(upTo(20))
            devices[place].inflightWrites = Figure(upTo(30))
            queue.append(.device(devices[place]))
            queue.append(.ioInterval(interval(devices[place].device, .read)))
            queue.append(.ioInterval(interval(devices[place].device, .write)))
        }
        for place in cgroups.indices {
            cgroups[place].currentBytes = Figure((cgroups[place].currentBytes.value ?? 0) + (random.next() % 64) << 12)
            cgroups[place].anonBytes = Figure((cgroups[place].anonBytes.value ?? 0) + (random.next() % 64) << 12)
            cgroups[place].memorySomeUs.grow(by: upTo(9000))
            cgroups[place].memoryFullUs.grow(by: upTo(5000))
            cgroups[place].ioFullUs.grow(by: upTo(40_000))
            cgroups[place].refaultFile.grow(by: upTo(500))
            queue.append(.cgroupSample(cgroups[place]))
            if place % 4 == 0 {
                var io = CgroupIO()
                io.cgroup = cgroups[place].cgroup
                io.device = devices[0].device
                io.operation = .write
                io.intervalNs = 100_000_000
                io.count = random.next() % 50
                io.bytes = io.count * 4096
                queue.append(.cgroupIO(io))
            }
        }
        for _ in 0..<upTo(8) {
            var slow = SlowIO()
            slow.device = devices[0].device
            slow.bytes = 4096 << (random.next() % 4)
            slow.sector = random.next() % 500_000_000
            slow.deviceNs = Figure(100_000_000 + random.next() % 900_000_000)
            slow.queueNs = Figure(random.next() % 50_000_000)
            slow.cgroup = cgroups.isEmpty ? 1 : cgroups[Int(random.next() % UInt64(cgroups.count))].cgroup
            queue.append(.slowIO(slow))
        }
    }

    /// Below `bound`; in calm below a hundredth of it.
    private mutating func upTo(_ bound: UInt64) -> UInt64 { random.next() % max(1, isCalm ? bound / 100 : bound) }

    private mutating func interval(_ device: UInt32, _ operation: IOOperation) -> IOInterval {
        var value = IOInterval()
        value.device = device
        value.operation = operation
        value.intervalNs = 100_000_000
        for slot in 8..<14 {
            value.deviceUs.counts[slot] = UInt32(random.next() % 40)
            value.totalUs.counts[slot] = UInt32(random.next() % 40)
        }
        value.count = value.deviceUs.total
        value.bytes = value.count * 8192
        value.deviceTotalNs = value.count * 1_500_000 + random.next() % 1_000_000
        value.queueTotalNs = value.count * 300_000 + random.next() % 1_000_000
        return value
    }
}

extension Figure {
    fileprivate mutating func grow(by more: UInt64) { self = Figure((value ?? 0) + more) }
}
