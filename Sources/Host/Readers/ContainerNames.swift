import Events

/// Names of pods and containers on a Kubernetes node, from the names of the files that kubelet keeps for their logs:
///
///     /var/log/containers/<pod>_<namespace>_<container>-<container id>.log
///     /var/log/pods/<namespace>_<pod>_<pod uid>/
///
/// (`kuberuntime/legacy.go` and `helpers.go` of kubelet.) Nobody is asked over a socket, and no file is opened. Looked for are only cgroups in
/// pods: elsewhere nothing is ever read. What is named otherwise than kubelet names it is passed over.
struct ContainerNames {
    /// By the id of the container, or of the pod where it is the pod's own cgroup.
    private var waiting: [Bytes: Waiting] = [:]
    private var dueNs: UInt64 = 0
    private let options: SamplerOptions

    private struct Waiting {
        var ids: ContainerPath
        var looksLeft: Int
    }

    init(_ options: SamplerOptions) { self.options = options }

    /// A cgroup has come: perhaps a pod's, or a container's in one.
    mutating func note(_ path: Bytes) {
        guard let last = path.split(separator: UInt8(ascii: "/")).last else { return }
        // The cgroup's own, not that of one below a container.
        var own = ContainerPath([])
        own.add(last)
        let ids = ContainerPath(path)
        guard own != ContainerPath([]), !ids.podUID.isEmpty, waiting.count < options.waitingContainers else { return }
        let isPod = own.containerID.isEmpty
        waiting[isPod ? ids.podUID : ids.containerID] = Waiting(
            ids: isPod ? own : ids, looksLeft: options.containerLooks)
    }

    /// Whether a look is worth it now.
    func isDue(_ now: UInt64) -> Bool { !waiting.isEmpty && now >= dueNs }

    /// Reads both directories, and names those who wait. Who was looked for often enough waits no longer.
    mutating func look(_ paths: HostPaths, now: UInt64, _ found: (ContainerName) -> Void) {
        guard !waiting.isEmpty else { return }
        dueNs = now &+ options.containerNamesNs
        for (directory, parse) in [("/pods", Self.pod), ("/containers", Self.container)] {
            // More than twice as many as a node of a thousand containers keeps.
            for entry in Calls.entries(Bytes((paths.log + directory).utf8), limit: 8192) ?? [] {
                guard var name = parse(entry.name[...]), let who = waiting.removeValue(forKey: key(name)) else {
                    continue
                }
                name.podUID = who.ids.podUID
                found(name)
            }
        }
        for (id, who) in waiting {
            waiting[id] = who.looksLeft > 1 ? Waiting(ids: who.ids, looksLeft: who.looksLeft - 1) : nil
        }
    }

    private func key(_ name: ContainerName) -> Bytes { name.containerID.isEmpty ? name.podUID : name.containerID }

    /// `<pod>_<namespace>_<container>-<id>.log`. One that is too long for a file's name was cut off by kubelet, and has no whole id.
    static func container(_ file: ArraySlice<UInt8>) -> ContainerName? {
        guard let stem = between(file, "", ".log"), stem.count > 65 else { return nil }
        let id = stem.suffix(64)
        guard ContainerPath.isContainerID(id), stem.dropLast(64).last == UInt8(ascii: "-"),
            let parts = parts(stem.dropLast(65)), isName(parts[2], atMost: 63)
        else { return nil }
        return name(id: id, pod: parts[0], namespace: parts[1], container: parts[2])
    }

    /// `<namespace>_<pod>_<uid>`.
    static func pod(_ directory: ArraySlice<UInt8>) -> ContainerName? {
        guard let parts = parts(directory), ContainerPath.isPodUID(parts[2]),
            var name = name(id: [], pod: parts[1], namespace: parts[0], container: [])
        else { return nil }
        name.podUID = Bytes(parts[2])
        return name
    }

    private static func parts(_ text: ArraySlice<UInt8>) -> [ArraySlice<UInt8>]? {
        let parts = text.split(separator: UInt8(ascii: "_"), omittingEmptySubsequences: false)
        return parts.count == 3 ? parts : nil
    }

    private static func name(
        id: ArraySlice<UInt8>, pod: ArraySlice<UInt8>, namespace: ArraySlice<UInt8>, container: ArraySlice<UInt8>
    ) -> ContainerName? {
        guard isName(pod, atMost: 253), isName(namespace, atMost: 63) else { return nil }
        var name = ContainerName()
        (name.containerID, name.name) = (Bytes(id), Bytes(container))
        (name.pod, name.namespace) = (Bytes(pod), Bytes(namespace))
        return name
    }

    /// What the API server lets a name consist of (RFC 1123).
    private static func isName(_ text: ArraySlice<UInt8>, atMost limit: Int) -> Bool {
        !text.isEmpty && text.count <= limit
            && text.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                    UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }
}
