import Events
import Glibc
import Testing

@testable import Probes

extension LiveTests {
    @Suite(.serialized) struct FloodTests {
        /// A ring of 64 KiB holds some 110 cgroup records; nobody reads it meanwhile.
        private func flooded(_ cgroups: Int) throws -> Listener {
            var options = ProbeOptions()
            options.ringBytes = 64 << 10
            let listener = try Listener(options)
            for number in 0..<cgroups { _ = MemoryCgroup("inquest-test-flood-\(number)") }
            return listener
        }

        @Test func `a flood of cgroups between two turns does not cost the record of a kill`() throws {
            let listener = try flooded(400)
            defer { listener.probes.close() }
            let child = try #require(Child(["/bin/sh", "-c", "read go"]))
            #expect(kill(child.pid, SIGKILL) == 0)
            _ = child.wait()
            #expect(listener.wait { !$0.signals(to: child).isEmpty && $0.exit(of: child) != nil })
            var lost: [LossSource: UInt64] = [:]
            listener.probes.readIntervals { event in
                if case .lost(let loss) = event.payload { lost[loss.source, default: 0] += loss.count }
            }
            #expect((lost[.ringFullOther] ?? 0) > 0, "nothing was left out: the flood was too small")
            #expect(lost[.ringFullKill] == nil)
        }

        @Test func `a ring that fills up wakes its reader before the next turn`() throws {
            let listener = try flooded(60)
            defer { listener.probes.close() }
            var entry = pollfd(fd: listener.probes.descriptor, events: Int16(POLLIN), revents: 0)
            #expect(poll(&entry, 1, 5000) == 1)
            listener.drain()
            #expect(listener.cgroups.count >= 60)
        }
    }
}
