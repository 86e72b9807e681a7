import Events
import Testing

@testable import Incidents

@Suite struct IdentityTests {
    private func identity(_ path: String) -> Identity { Identity(path: Bytes(path.utf8)) }
    private func text(_ bytes: Bytes) -> String { String(decoding: bytes, as: UTF8.self) }
    private let id = String(repeating: "0123456789abcdef", count: 4)

    @Test func `a session of a user has the user's slice, its scope and the uid`() {
        let found = identity("/user.slice/user-1003.slice/session-4.scope")
        #expect(text(found.slice) == "user-1003.slice")
        #expect(text(found.unit) == "session-4.scope")
        #expect(found.uid == 1003)
    }

    @Test func `a user's own service keeps the user's slice and names the innermost unit`() {
        let found = identity("/user.slice/user-1000.slice/user@1000.service/app.slice/editor.service")
        #expect(text(found.slice) == "user-1000.slice")
        #expect(text(found.unit) == "editor.service")
    }

    @Test func `escapes of systemd stay as they are in the path`() {
        let found = identity("/system.slice/system-t3\\x2dserve.slice/t3-serve@ada.service")
        #expect(text(found.slice) == "system-t3\\x2dserve.slice")
        #expect(text(found.unit) == "t3-serve@ada.service")
    }

    @Test(arguments: [
        "/system.slice/docker-%.scope", "/docker/%", "/kubepods/besteffort/pod1/cri-containerd-%",
        "/machine.slice/libpod-%.scope",
        "/kubepods.slice/kubepods-burstable.slice/crio-%.scope",
    ])
    func `a container's id is found however the runtime writes it`(_ pattern: String) {
        let path = pattern.split(separator: "%", omittingEmptySubsequences: false).joined(separator: id)
        #expect(text(identity(path).container.containerID) == id)
    }

    @Test func `what only looks like a container is none`() {
        #expect(identity("/system.slice/docker-compose.scope").container.containerID.isEmpty)
        #expect(identity("/system.slice/libpod-conmon-\(id).scope").container.containerID.isEmpty)
        #expect(identity("/docker/\(id)0").container.containerID.isEmpty)
    }

    @Test(arguments: [
        "/kubepods/burstable/pod12345678-9abc-def0-1234-56789abcdef0/x",
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12345678_9abc_def0_1234_56789abcdef0.slice/x.scope",
    ])
    func `a pod's uid is the same with both cgroup drivers`(_ path: String) {
        #expect(text(identity(path).container.podUID) == "12345678-9abc-def0-1234-56789abcdef0")
    }

    @Test(arguments: [
        "/kubepods/burstable/pod0123456789abcdef0123456789abcdef/x",
        "/kubelet.slice/kubelet-kubepods.slice/kubepods-burstable-pod0123456789abcdef0123456789abcdef.slice/x.scope",
    ])
    func `a static pod's uid is a hash of its file`(_ path: String) {
        #expect(text(identity(path).container.podUID) == "0123456789abcdef0123456789abcdef")
    }

    @Test func `a drill is known by its cgroup`() {
        #expect(identity("/inquest-drill-4242").drillPid == 4242)
        #expect(identity("/inquest-drill-x").drillPid == nil)
        #expect(identity("/a/not-inquest-drill-1").drillPid == nil)
    }

    @Test func `hostile names are nothing special`() {
        let found = identity("//..//\u{1b}[31m/user-99999999999999999999.slice/pod/.scope//")
        #expect(found.uid == nil)
        #expect(found.container == ContainerPath([]))
    }

    @Test func `a path lies within its ancestors only`() {
        func within(_ a: String, _ b: String) -> Bool { isWithin(Bytes(a.utf8), Bytes(b.utf8)) }
        #expect(within("/a/b", "/a"))
        #expect(within("/a", "/a"))
        #expect(within("/a", "/"))
        #expect(!within("/ab", "/a"))
        #expect(!within("/a", "/a/b"))
        #expect(!within("/a", ""))
    }
}
