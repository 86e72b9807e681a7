import Events
import Testing

@testable import Host

private let id = String(repeating: "3f4a9c01d2e5b687", count: 4)
private let other = String(repeating: "a0b1c2d3e4f50617", count: 4)
private let uid = "8f14e45f-ceea-467a-9575-6ff8d2ab1c90"
private let podSlice = "/kubepods.slice/kubepods-pod\(uid.map { $0 == "-" ? "_" : "\($0)" }.joined()).slice"

private func named(_ container: String, _ name: String) -> ContainerName {
    var expected = ContainerName()
    expected.containerID = Bytes(container.utf8)
    expected.podUID = Bytes(uid.utf8)
    expected.namespace = Bytes("shop".utf8)
    expected.pod = Bytes("cart-5c9".utf8)
    expected.name = Bytes(name.utf8)
    return expected
}

@Suite struct `The names of kubelet's files` {
    private func container(_ file: String) -> ContainerName? { ContainerNames.container(Bytes(file.utf8)[...]) }
    private func pod(_ directory: String) -> ContainerName? { ContainerNames.pod(Bytes(directory.utf8)[...]) }

    @Test func `a log's link names pod, namespace and container`() {
        let found = container("cart-5c9_shop_side-car-\(id).log")
        #expect(found?.pod == Bytes("cart-5c9".utf8) && found?.namespace == Bytes("shop".utf8))
        #expect(found?.name == Bytes("side-car".utf8) && found?.containerID == Bytes(id.utf8))
    }

    @Test func `a directory of logs names pod and namespace, of a static pod, too`() {
        #expect(pod("shop_cart-5c9_\(uid)") == named("", ""))
        let hash = "0123456789abcdef0123456789abcdef"
        #expect(pod("kube-system_etcd-node.example_\(hash)")?.podUID == Bytes(hash.utf8))
    }

    /// kubelet cuts a name off where a file's would end: in the middle of the id.
    @Test func `a link that was cut off has no id, and names nobody`() {
        let long = String(repeating: "p", count: 200)
        let whole = "\(long)_shop_app-\(id)"
        #expect(container(whole + ".log")?.pod == Bytes(long.utf8))
        #expect(container(whole.prefix(251) + ".log") == nil)
    }

    @Test(arguments: [
        "", ".log", "-\(id).log", "_shop_app-\(id).log", "cart__app-\(id).log", "cart_shop_-\(id).log",
        "cart_shop_app-\(id)", "cart_shop_app-\(id).log.gz", "cart_shop_app-\(id.uppercased()).log",
        "cart_shop_app\(id).log", "cart_shop_app_x-\(id).log", "shop_app-\(id).log", "cart_shop_app-\(id)0.log",
        "ca\u{1b}[31mrt_shop_app-\(id).log", "Cart_shop_app-\(id).log", "ca/rt_shop_app-\(id).log",
        "\(String(repeating: "p", count: 254))_shop_app-\(id).log",
        "cart_shop_\(String(repeating: "c", count: 64))-\(id).log",
    ])
    func `what kubelet would not write is passed over`(_ file: String) { #expect(container(file) == nil) }

    @Test(arguments: [
        "", "__", "shop_cart_", "shop_cart_\(uid)x", "shop__\(uid)", "sh op_cart_\(uid)", "shop_cart_a_\(uid)", uid,
    ])
    func `nor is a directory of another name a pod`(_ directory: String) { #expect(pod(directory) == nil) }
}

@Suite struct `Containers on a node` {
    private func machine() -> (fixture: Fixture, bench: Bench) {
        let fixture = Fixture()
        fixture.host()
        fixture.unified()
        return (fixture, Bench(fixture))
    }

    private func come(_ path: String, to bench: Bench) {
        var change = CgroupChange()
        change.id = UInt64(path.utf8.count) << 20
        change.action = .created
        change.path = Bytes(path.utf8)
        bench.sampler.consume(change)
    }

    @Test func `those that run already are named from the start, each once; those without a cgroup are not`() {
        let (fixture, bench) = machine()
        fixture.unifiedGroup(podSlice, current: 1)
        fixture.unifiedGroup(podSlice + "/cri-containerd-\(id).scope", current: 1)
        fixture.unifiedGroup(podSlice + "/cri-containerd-\(id).scope/init.scope", current: 1)
        fixture.directory("var/log/pods/shop_cart-5c9_\(uid)")
        fixture.link(
            "var/log/containers/cart-5c9_shop_app-\(id).log", to: "/var/log/pods/shop_cart-5c9_\(uid)/app/0.log")
        fixture.link("var/log/containers/cart-5c9_shop_app-\(other).log", to: "nowhere")
        #expect(bench.start().compactMap(\.payload.containerName) == [named("", ""), named(id, "app")])
        #expect(bench.tick(after: 60_000_000_000).compactMap(\.payload.containerName).isEmpty)
    }

    @Test func `one that comes later is named when its link is there, but not under pressure`() {
        let (fixture, bench) = machine()
        _ = bench.start()
        come("\(podSlice)/crio-\(id).scope", to: bench)
        #expect(bench.tick(after: 2_000_000_000).compactMap(\.payload.containerName).isEmpty)
        fixture.file("var/log/containers/cart-5c9_shop_app-\(id).log", "")
        #expect(
            bench.tick(after: 1_000_000_000).compactMap(\.payload.containerName).isEmpty, "it was looked a second ago")
        let pressed = bench.tick(after: 5_000_000_000, underPressure: true)
        #expect(pressed.compactMap(\.payload.containerName).isEmpty)
        #expect(bench.tick(after: 1_000_000_000).compactMap(\.payload.containerName) == [named(id, "app")])
    }

    @Test func `one without a link is not looked for for ever, and one outside of pods never`() {
        let options = SamplerOptions()
        let fixture = Fixture()
        var names = ContainerNames(options)
        names.note(Bytes("/system.slice/docker-\(id).scope".utf8))
        names.note(Bytes("/system.slice/ssh.service".utf8))
        names.note(Bytes("\(podSlice)/crio-\(id).scope/init.scope".utf8))
        #expect(!names.isDue(.max))
        names.note(Bytes("\(podSlice)/crio-\(id).scope".utf8))
        for _ in 0..<options.containerLooks {
            #expect(names.isDue(.max))
            names.look(fixture.paths, now: 0) { _ in }
        }
        #expect(!names.isDue(.max))
    }

    @Test func `of more than the bound some stay without a name, and none of the others is lost`() {
        var options = SamplerOptions()
        options.waitingContainers = 2
        let fixture = Fixture()
        for digit in ["1", "2", "3"] {
            fixture.file("var/log/containers/cart-5c9_shop_app-\(id.dropLast())\(digit).log", "")
        }
        var names = ContainerNames(options)
        for digit in ["1", "2", "3"] { names.note(Bytes("\(podSlice)/crio-\(id.dropLast())\(digit).scope".utf8)) }
        var found: [ContainerName] = []
        names.look(fixture.paths, now: 0) { found.append($0) }
        #expect(Set(found.map { $0.containerID.last }) == Set(Bytes("12".utf8)))
    }
}
