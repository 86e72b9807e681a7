import Events
import Glibc
import Testing

@testable import Probes

/// The cgroup iterator exists from 6.1 on; where it does not, `hooks` says so and these are skipped.
private let iteratorExists: Bool = {
    guard Live.possible, let types = try? KernelTypes(looking: ["bpf_iter_cgroup"]) else { return false }
    return types.ids["bpf_iter_cgroup"] != nil
}()

@Suite(
    .serialized,
    .enabled(if: iteratorExists, "SKIPPED: needs root, a memory cgroup hierarchy, and the cgroup iterator (Linux 6.1)"))
struct CensusCgroupsTests {
    private func options(from bytes: UInt64) -> ProbeOptions {
        var options = ProbeOptions()
        options.memoryCgroups = MemoryCgroup.root?.path
        options.censusCgroupBytes = bytes
        return options
    }

    private func take(_ probes: Probes) -> [MemcgState] {
        var found: [MemcgState] = []
        probes.census(.request) { if case .censusCgroup(let state) = $0.payload { found.append(state) } }
        return found
    }

    @Test func `a large cgroup is in the census with its use and its limit`() throws {
        let cgroup = try #require(MemoryCgroup("inquest-test-census-cgroup", limitBytes: 64 << 20))
        let child = try #require(Child.balloon("mb=24", "then=hold"))
        #expect(cgroup.add(child.pid))
        child.send("\n")
        let probes = try Probes(options(from: 16 << 20))
        defer { probes.close() }
        var state: MemcgState?
        #expect(
            eventually {
                state = take(probes).first { $0.id == cgroup.id }
                return (state?.usagePages.value ?? 0) >= 24 << 8
            })
        let found = try #require(state)
        #expect((24 << 8...28 << 8).contains(found.usagePages.value ?? 0), "\(found.usagePages)")
        #expect(found.maxPages == Figure(64 << 8))
        #expect(found.highPages.isUnlimited)
    }

    @Test func `a small cgroup, and the root, are not in the census`() throws {
        let cgroup = try #require(MemoryCgroup("inquest-test-census-small", limitBytes: 64 << 20))
        let probes = try Probes(options(from: 16 << 20))
        defer { probes.close() }
        let found = take(probes)
        #expect(!found.contains { $0.id == cgroup.id })
        #expect(!found.contains { $0.id == 1 })
    }

    @Test func `without a hierarchy to walk the census tells of tasks alone, and the hook says why`() throws {
        let probes = try Probes(ProbeOptions())
        defer { probes.close() }
        #expect(take(probes).isEmpty)
        let hook = probes.hooks.first { $0.name.elementsEqual("census_cgroups".utf8) }
        #expect(hook?.mode == .absent)
    }
}
