import Events

/// What a cgroup's path says about who runs in it.
struct Identity {
    /// The last of the slices that lead the path: `user-1000.slice`, `system.slice`.
    var slice = Bytes()
    /// The innermost unit that is not a slice: `ssh.service`, `session-4.scope`.
    var unit = Bytes()
    var containerID = Bytes()
    /// With dashes, whatever the cgroup driver made of them.
    var podUID = Bytes()
    /// Of `user-UID.slice`.
    var uid: UInt32?
    /// Made by the drill of this process id: `inquest-drill-PID`.
    var drillPid: UInt32?

    init(path: Bytes) {
        var leading = true
        for component in path.split(separator: UInt8(ascii: "/")) {
            if hasSuffix(component, ".slice") {
                if leading { slice = Bytes(component) }
                if let digits = between(component, "user-", ".slice"), let number = parseNumber(digits) { uid = number }
            } else {
                leading = false
                for suffix in Identity.unitSuffixes where hasSuffix(component, suffix) { unit = Bytes(component) }
            }
            if let id = Identity.container(component) { containerID = id }
            if let pod = Identity.pod(component) { podUID = pod }
            if let digits = between(component, "inquest-drill-", "") { drillPid = parseNumber(digits) ?? drillPid }
        }
    }

    private static let unitSuffixes = [".service", ".scope", ".socket", ".mount", ".swap"]
    private static let containerPrefixes = [
        "docker-", "cri-containerd-", "crio-", "libpod-", "containerd-", "buildkit-",
    ]

    /// `docker-<id>.scope`, `crio-<id>`, ..., or a bare id of 64 hexadecimal digits (`/docker/<id>`, `/kubepods/.../<id>`).
    private static func container(_ component: ArraySlice<UInt8>) -> Bytes? {
        if isHexadecimal(component), component.count == 64 { return Bytes(component) }
        for prefix in containerPrefixes {
            for suffix in [".scope", ""] {
                if let id = between(component, prefix, suffix), id.count >= 12, isHexadecimal(id) { return Bytes(id) }
            }
        }
        return nil
    }

    /// `kubepods-burstable-pod<uid>.slice` (systemd driver, `_` for `-`), `pod<uid>` (cgroupfs driver).
    private static func pod(_ component: ArraySlice<UInt8>) -> Bytes? {
        if let uid = between(component, "pod", ""), uid.count == 36, isPodUID(uid) { return Bytes(uid) }
        guard starts(component, with: "kubepods"), let inner = between(component, "kubepods", ".slice"),
            inner.count > 36
        else { return nil }
        let uid = inner.suffix(36)
        guard hasSuffix(inner.dropLast(36), "-pod") else { return nil }
        let dashed = uid.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 }
        return isPodUID(dashed[...]) ? dashed : nil
    }

    private static func isPodUID(_ text: ArraySlice<UInt8>) -> Bool {
        text.allSatisfy { $0 == UInt8(ascii: "-") || isHexadecimalDigit($0) }
    }
}

private func isHexadecimalDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
    default: false
    }
}

private func isHexadecimal(_ text: ArraySlice<UInt8>) -> Bool { !text.isEmpty && text.allSatisfy(isHexadecimalDigit) }

func starts(_ text: ArraySlice<UInt8>, with prefix: String) -> Bool { text.starts(with: prefix.utf8) }

func hasSuffix(_ text: ArraySlice<UInt8>, _ suffix: String) -> Bool {
    let suffix = suffix.utf8
    return text.count >= suffix.count && text.suffix(suffix.count).elementsEqual(suffix)
}

/// What stands between a prefix and a suffix; `nil` when the text has not both.
private func between(_ text: ArraySlice<UInt8>, _ prefix: String, _ suffix: String) -> ArraySlice<UInt8>? {
    guard text.count >= prefix.utf8.count + suffix.utf8.count, starts(text, with: prefix), hasSuffix(text, suffix)
    else { return nil }
    return text.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count)
}

/// Decimal digits and nothing else; `nil` when they are none, or too many.
func wholeNumber(_ digits: ArraySlice<UInt8>) -> UInt64? {
    guard !digits.isEmpty, digits.count <= 19 else { return nil }
    var value: UInt64 = 0
    for digit in digits {
        guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
        value = value * 10 + UInt64(digit - UInt8(ascii: "0"))
    }
    return value
}

func parseNumber(_ digits: ArraySlice<UInt8>) -> UInt32? { wholeNumber(digits).flatMap { UInt32(exactly: $0) } }

/// The path of the outermost unit that is not a slice: what a system's service manager stops as a whole; empty without any.
func unitPath(_ path: Bytes) -> Bytes {
    for component in path.split(separator: UInt8(ascii: "/"))
    where hasSuffix(component, ".service") || hasSuffix(component, ".scope") {
        return Bytes(path[..<component.endIndex])
    }
    return Bytes()
}

/// The last component of a path.
func baseName(_ path: Bytes) -> Bytes {
    guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return path }
    return Bytes(path[(slash + 1)...])
}
