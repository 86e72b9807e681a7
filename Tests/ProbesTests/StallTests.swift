import CLibbpf
import Events
import Glibc
import KernelWire
import Testing

@testable import Probes

/// A file of which nothing is in the page cache.
private final class ColdFile {
    let path: String

    init?(megabytes: Int) {
        path = "/var/tmp/inquest-test-cold-\(getpid())-\(clock())"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let chunk = [UInt8](repeating: 0x33, count: 1 << 20)
        for _ in 0..<megabytes { guard Glibc.write(descriptor, chunk, chunk.count) == chunk.count else { return nil } }
        guard fsync(descriptor) == 0, posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) == 0 else { return nil }
    }

    deinit { unlink(path) }
}

@Suite(.serialized, .enabled(if: Live.possible, Comment(rawValue: Live.need)))
struct StallTests {
    /// Reads a file larger than the cgroup's limit in it: its page cache is reclaimed by the reader itself.
    private func thrashPageCache(in cgroup: MemoryCgroup) throws -> Child {
        let file = try #require(ColdFile(megabytes: 96))
        let child = try #require(Child(["/bin/sh", "-c", "read go; exec cat \(file.path) > /dev/null"]))
        #expect(cgroup.add(child.pid))
        child.send("\n")
        withExtendedLifetime(file) { #expect(child.wait() == 0) }
        return child
    }

    @Test func `reclaim at a cgroup's limit is counted for that cgroup`() throws {
        let probes = try Probes()
        let cgroup = try #require(MemoryCgroup("inquest-test-reclaim", limitBytes: 32 << 20))
        _ = try thrashPageCache(in: cgroup)

        var stall: CgroupStall?
        let seen = eventually {
            probes.readIntervals { event in
                guard case .cgroupStall(let found) = event.payload, found.cgroup == cgroup.id else { return }
                if found.mechanism == .memcgReclaim { stall = found }
            }
            return stall != nil
        }
        #expect(seen)
        let found = try #require(stall)
        // 64 MB have to go, and reclaim takes a few MB at most in one go.
        #expect(found.count >= 8)
        #expect(found.maxNs > 0)
        #expect(found.maxNs <= found.totalNs)
        #expect(found.totalNs < found.intervalNs, "one task cannot stall longer than the interval")

        var again = 0
        probes.readIntervals { if case .cgroupStall(let other) = $0.payload, other.cgroup == cgroup.id { again += 1 } }
        #expect(again == 0, "what was handed out is handed out once")
    }

    @Test func `long stalls are recorded up to the limit, with who stalled, and those beyond are counted`() throws {
        var options = ProbeOptions()
        options.longStallNs = 1
        options.longStallsPerSecond = 2
        let listener = try Listener(options)
        let cgroup = try #require(MemoryCgroup("inquest-test-stall", limitBytes: 32 << 20))
        let child = try thrashPageCache(in: cgroup)

        var suppressed: UInt64 = 0
        let seen = eventually {
            listener.drain()
            listener.probes.readIntervals { event in
                if case .lost(let lost) = event.payload, lost.source == .stallSuppressed { suppressed += lost.count }
            }
            return suppressed > 0
        }
        #expect(seen)
        let stalls = listener.events.compactMap { event -> Stall? in
            guard case .stall(let stall) = event.payload, stall.task.cgroup == cgroup.id else { return nil }
            return stall
        }
        let stall = try #require(stalls.first)
        #expect(stall.task.tgid == UInt32(child.pid))
        #expect(stall.task.comm == Comm("cat"))
        #expect(stall.mechanism == .memcgReclaim)
        #expect(stall.durationNs > 0)
    }

    @Test(
        .enabled(
            if: MemoryCgroup.root?.unified == true,
            "SKIPPED: no memory.high here (the memory controller is in a v1 hierarchy)"))
    func `a task held at memory.high is counted for its cgroup, by the mechanism in use`() throws {
        let probes = try Probes()
        probes.setPressureHooks(true)
        let state = try #require(probes.hooks.first { $0.name == Bytes("memory_high".utf8) })
        let expected: StallMechanism = state.mode == .rich ? .memoryHigh : .memoryHighSleep
        let root = try #require(MemoryCgroup.root)
        let cgroup = try #require(MemoryCgroup("inquest-test-high"))
        #expect(Live.write("\(16 << 20)", to: root.path + cgroup.path + "/memory.high"))
        // Where there is no swap there is no such file.
        _ = Live.write("0", to: root.path + cgroup.path + "/memory.swap.max")
        let child = try #require(Child.balloon("mb=40", "then=hold"))
        #expect(cgroup.add(child.pid))
        child.go()

        var total: UInt64 = 0
        var mechanisms: Set<StallMechanism> = []
        let held = eventually {
            probes.readIntervals { event in
                guard case .cgroupStall(let stall) = event.payload, stall.cgroup == cgroup.id else { return }
                mechanisms.insert(stall.mechanism)
                if stall.mechanism == expected { total += stall.totalNs }
            }
            return total >= 300_000_000
        }
        kill(child.pid, SIGKILL)
        _ = child.wait()
        #expect(held, "\(total) ns by \(expected)")
        #expect(mechanisms.isSubset(of: [expected, .memcgReclaim, .directReclaim]))
    }

    @Test func `the expensive hook is attached only while it is asked for`() throws {
        let probes = try Probes()
        let state = try #require(probes.hooks.first { $0.name == Bytes("memory_high".utf8) })
        guard state.mechanism == Bytes("tp_btf/sched_switch".utf8) else {
            // A trampoline hears memory.high here: there is no expensive hook.
            probes.setPressureHooks(true)
            #expect(probes.iterator("iq_sched_switch") == nil)
            return
        }
        #expect(probes.iterator("iq_sched_switch") == nil)
        probes.setPressureHooks(true)
        probes.setPressureHooks(true)
        #expect(probes.iterator("iq_sched_switch") != nil)
        probes.setPressureHooks(false)
        #expect(probes.iterator("iq_sched_switch") == nil)
    }

    @Test func `a sleep whose end was not seen is forgotten, a stall that still runs is not`() throws {
        let probes = try Probes()
        let map = try #require(probes.map("iq_stalls_begun"))
        var begun: UInt64 = 1
        // Thread ids that no machine has.
        for pid in UInt32(0x8000_0000)..<0x8000_0040 {
            for mechanism in [IQ_STALL_MEMORY_HIGH_SLEEP, IQ_STALL_DIRECT_RECLAIM] {
                var key = iq_stall_begun(pid: pid, mechanism: mechanism.rawValue)
                #expect(bpf_map_update_elem(map, &key, &begun, 0) == 0)
            }
        }
        forgetBegunSleeps(map: map)
        for pid in UInt32(0x8000_0000)..<0x8000_0040 {
            var sleep = iq_stall_begun(pid: pid, mechanism: IQ_STALL_MEMORY_HIGH_SLEEP.rawValue)
            var reclaim = iq_stall_begun(pid: pid, mechanism: IQ_STALL_DIRECT_RECLAIM.rawValue)
            #expect(bpf_map_lookup_elem(map, &sleep, &begun) != 0)
            #expect(bpf_map_lookup_elem(map, &reclaim, &begun) == 0)
        }
    }
}
