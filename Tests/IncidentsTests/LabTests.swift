import Events
import Incidents
import Testing

/// What recordings of real kernels (Tests/cases/lab-*) have to say.
@Suite struct LabTests {
    private func incidents(_ name: String) throws -> [Incident] {
        let result = Cases.run(try Cases.events(name))
        return result.findings.compactMap { if case .closed(let incident) = $0 { incident } else { nil } } + result.open
    }

    @Test func `a real storm's chain is in order: memory stalls begin with the swapping, not with the full disk`() throws {
        let incident = try #require(try incidents("lab-swap-storm-reset").first)
        #expect(incident.chain.map(\.kind) == [.growth, .reclaim, .swapOut, .refault, .saturation, .stalls, .reset])
        #expect(incident.chain.allSatisfy { !$0.outOfOrder })
        #expect(incident.ended?.by == .uncleanReset)
        #expect(!(incident.ended?.gapNs.isUnknown ?? true))
    }
}
