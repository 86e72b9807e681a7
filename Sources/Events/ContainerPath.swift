/// What a cgroup's path says of the container and the pod that it is, or lies in.
///
/// Runtimes and kubelets name cgroups after their own ids, in several ways; what matches none of them is no container.
public struct ContainerPath: Equatable, Sendable {
    /// Empty outside of containers.
    public private(set) var containerID = Bytes()
    /// As Kubernetes writes it, whatever the cgroup driver made of it; empty outside of pods.
    public private(set) var podUID = Bytes()

    public init(_ path: Bytes) { for component in path.split(separator: UInt8(ascii: "/")) { add(component) } }

    /// One component of a path after the other: the innermost container counts.
    public mutating func add(_ component: ArraySlice<UInt8>) {
        if let id = Self.container(component) { containerID = id }
        if let uid = Self.pod(component) { podUID = uid }
    }

    private static let containerPrefixes = [
        "docker-", "cri-containerd-", "crio-", "libpod-", "containerd-", "buildkit-",
    ]

    /// `docker-<id>.scope`, `crio-<id>`, ..., or a bare id of 64 hexadecimal digits (`/docker/<id>`, `/kubepods/.../<id>`).
    private static func container(_ component: ArraySlice<UInt8>) -> Bytes? {
        if isContainerID(component) { return Bytes(component) }
        for prefix in containerPrefixes {
            for suffix in [".scope", ""] {
                if let id = between(component, prefix, suffix), id.count >= 12, isHexadecimal(id) { return Bytes(id) }
            }
        }
        return nil
    }

    /// Whether a text is an id as the runtimes write it in full.
    public static func isContainerID(_ text: ArraySlice<UInt8>) -> Bool { text.count == 64 && isHexadecimal(text) }

    /// `kubepods-burstable-pod<uid>.slice` (systemd driver, `_` for `-`), `pod<uid>` (cgroupfs driver).
    private static func pod(_ component: ArraySlice<UInt8>) -> Bytes? {
        if let uid = between(component, "pod", ""), isPodUID(uid) { return Bytes(uid) }
        guard let inner = between(component, "kubepods", ".slice") else { return nil }
        // Either length of a uid.
        for count in [36, 32] where inner.count > count {
            guard inner.dropLast(count).suffix(4).elementsEqual("-pod".utf8) else { continue }
            let dashed = inner.suffix(count).map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 }
            if isPodUID(dashed[...]) { return dashed }
        }
        return nil
    }

    /// A UUID, or the 32 digits of a static pod: kubelet hashes its file.
    public static func isPodUID(_ text: ArraySlice<UInt8>) -> Bool {
        switch text.count {
        case 36: text.allSatisfy { $0 == UInt8(ascii: "-") || isHexadecimalDigit($0) }
        case 32: isHexadecimal(text)
        default: false
        }
    }

    private static func isHexadecimalDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        default: false
        }
    }

    private static func isHexadecimal(_ text: ArraySlice<UInt8>) -> Bool {
        !text.isEmpty && text.allSatisfy(isHexadecimalDigit)
    }
}

/// What stands between a prefix and a suffix; `nil` when the text has not both.
package func between(_ text: ArraySlice<UInt8>, _ prefix: String, _ suffix: String) -> ArraySlice<UInt8>? {
    guard text.count >= prefix.utf8.count + suffix.utf8.count, text.starts(with: prefix.utf8),
        text.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    else { return nil }
    return text.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count)
}
