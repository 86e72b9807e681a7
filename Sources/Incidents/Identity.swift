import Events

/// What a cgroup's path says about who runs in it.
struct Identity {
    /// The last of the slices that lead the path: `user-1000.slice`, `system.slice`.
    var slice = Bytes()
    /// The innermost unit that is not a slice: `ssh.service`, `session-4.scope`.
    var unit = Bytes()
    var container = ContainerPath([])
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
            container.add(component)
            if let digits = between(component, "inquest-drill-", "") { drillPid = parseNumber(digits) ?? drillPid }
        }
    }

    private static let unitSuffixes = [".service", ".scope", ".socket", ".mount", ".swap"]
}

func starts(_ text: ArraySlice<UInt8>, with prefix: String) -> Bool { text.starts(with: prefix.utf8) }

func hasSuffix(_ text: ArraySlice<UInt8>, _ suffix: String) -> Bool {
    let suffix = suffix.utf8
    return text.count >= suffix.count && text.suffix(suffix.count).elementsEqual(suffix)
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
