import Events
import Testing

@testable import Incidents

@Suite struct IntroductionTests {
    @Test func `whoever goes on from a state is told the time and every name that was said before`() throws {
        var start = RecorderStart()
        start.pageSize = 16384
        start.hostname = Bytes("here".utf8)
        var clock = ClockSnapshot()
        clock.boottimeNs = 5
        clock.realtimeNs = 1_700_000_000_000_000_000
        var user = UserName()
        user.uid = 1001
        user.name = Bytes("ada".utf8)
        var container = ContainerName()
        container.containerID = Bytes("0123abcd".utf8)
        container.pod = Bytes("cart-5c9".utf8)
        var device = DeviceName()
        device.device = 253 << 20
        device.name = Bytes("vda".utf8)
        device.swap = true
        var alive = CgroupChange()
        alive.id = 12
        alive.path = Bytes("/alive".utf8)
        var gone = CgroupChange()
        gone.id = 13
        gone.path = Bytes("/gone".utf8)
        gone.action = .removed
        alive.action = .created
        var correlator = Correlator()
        let said: [Payload] = [
            .recorderStart(start), .clock(clock), .userName(user), .containerName(container), .deviceName(device),
            .cgroup(alive), .cgroup(gone),
        ]
        for (place, payload) in said.enumerated() {
            correlator.consume(Event(seq: UInt64(place + 1), boottimeNs: 5, payload)) { _ in }
        }
        let restored = try Correlator(snapshot: correlator.snapshot())
        alive.action = .seen
        let told = restored.introduction.map(\.payload)
        #expect(
            told == [
                .recorderStart(start), .clock(clock), .userName(user), .containerName(container), .deviceName(device),
                .cgroup(alive), .cgroup(gone),
            ])
    }
}
