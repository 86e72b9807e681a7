import Events
import Incidents
import Testing

@testable import inquest

@Suite struct HookRunnerTests {
    @Test func `more at once than there are places for have no hook, and are counted`() throws {
        let runner = try HookRunner("/bin/true", timeoutNs: 1_000_000_000)
        for _ in 0..<HookRunner.atOnce { runner.note(.kill(Kill(), .globalOom)) }
        #expect(runner.dropped == 0)
        runner.note(.phase(Scope(), PhaseChange(), nil))
        runner.note(.kill(Kill(), .globalOom))
        #expect(runner.dropped == 2)
        // No hook is for these.
        runner.note(.opened(Incident()))
        runner.note(.closed(Incident()))
        #expect(runner.dropped == 2 && runner.untold == 2)
        runner.stop()
    }
}
