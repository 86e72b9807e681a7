import Events
import Incidents
import Testing

@testable import Rendering

@Suite struct StopperTests {
    private func kill(_ killer: Killer, in path: String) -> Kill {
        var kill = Kill()
        kill.cause.killer = killer
        kill.cause.oomMemcg = Bytes(path.utf8)
        return kill
    }

    private func finding(_ name: String, _ text: String) -> BackstopFinding {
        var finding = BackstopFinding()
        finding.name = Bytes(name.utf8)
        finding.finding = Bytes(text.utf8)
        return finding
    }

    @Test func `what stopped it is said once`() {
        var incident = Incident()
        incident.incidentClass = .containedKill
        incident.kills = [kill(.kernelMemcg, in: "/jobs")]
        incident.backstops = [finding("caps", "the cap did its work: /jobs reached its limit")]
        #expect(IncidentWords(incident, utcOffsetSeconds: 0).stoppers.count == 1)
        #expect(IncidentWords(incident, utcOffsetSeconds: 0).otherFindings.isEmpty)

        incident.incidentClass = .globalOom
        incident.kills = [kill(.kernelGlobal, in: "")]
        incident.backstops = [
            finding("kernel", "its OOM killer killed 1 process"), finding("earlyoom", "not running"),
            finding("caps", "/jobs: memory.max=max"),
        ]
        #expect(
            IncidentWords(incident, utcOffsetSeconds: 0).otherFindings.map(\.name) == [
                Bytes("earlyoom".utf8), Bytes("caps".utf8),
            ])
    }

    @Test func `a kill by hand leaves the question why no backstop did`() {
        var incident = Incident()
        incident.incidentClass = .throttleLivelock
        #expect(IncidentWords(incident, utcOffsetSeconds: 0).backstopTitle == "WHY NOBODY HAS KILLED YET")
        incident.kills = [kill(.user, in: "")]
        #expect(IncidentWords(incident, utcOffsetSeconds: 0).backstopTitle == "WHY NO BACKSTOP KILLED")
    }

    @Test func `where nothing stopped it every finding is told`() {
        var incident = Incident()
        incident.incidentClass = .swapThrash
        incident.backstops = [finding("kernel", "no OOM was declared"), finding("caps", "/jobs: memory.max=max")]
        #expect(IncidentWords(incident, utcOffsetSeconds: 0).otherFindings.count == 2)
    }
}
