import Events

/// What systemd-oomd was told: `oomd.conf` with its drop-ins (oomd.conf(5)), and the `ManagedOOM*` properties of slices, services
/// and scopes in unit files and drop-ins (systemd.resource-control(5)). As files of the system manager say it: what a user's
/// manager asks for is not seen.
struct OomdSettings {
    /// Unit files and drop-ins read at most; a few hundred are usual.
    private static let fileLimit = 2048

    private var values: [(key: Bytes, value: Bytes)] = []
    private var filesLeft = OomdSettings.fileLimit

    init(_ paths: HostPaths) {
        // Later ones override earlier ones.
        let roots = [paths.vendor, paths.run, paths.etc].map { Bytes($0.utf8) + Bytes("/systemd/".utf8) }
        for root in roots { read(root + Bytes("oomd.conf".utf8), unit: nil) }
        for root in roots { readDropIns(root + Bytes("oomd.conf.d".utf8), unit: nil) }

        let units = roots.map { $0 + Bytes("system".utf8) }
        let control = [paths.run, paths.etc].map { Bytes($0.utf8) + Bytes("/systemd/system.control".utf8) }
        let transient = [Bytes(paths.run.utf8) + Bytes("/systemd/transient".utf8)]
        let directories = (units + transient + control).map { ($0, Calls.entries($0, limit: 4096) ?? []) }
        for (directory, entries) in directories {
            for entry in entries where OomdSettings.isManaged(entry.name) {
                read(directory + [UInt8(ascii: "/")] + entry.name, unit: entry.name)
            }
        }
        for (directory, entries) in directories {
            for entry in entries
            where entry.name.hasSuffix(".d") && OomdSettings.isManaged(Bytes(entry.name.dropLast(2))) {
                readDropIns(directory + [UInt8(ascii: "/")] + entry.name, unit: Bytes(entry.name.dropLast(2)))
            }
        }
    }

    /// `key=value` lines; a unit's property is `user.slice:ManagedOOMMemoryPressure=kill`.
    var text: Bytes {
        var text = Bytes()
        for (key, value) in values { text += key + [UInt8(ascii: "=")] + value + [UInt8(ascii: "\n")] }
        return text
    }

    private static func isManaged(_ name: Bytes) -> Bool {
        ["slice", "service", "scope"].contains { name.hasSuffix("." + $0) || name == Bytes($0.utf8) }
    }

    private mutating func readDropIns(_ directory: Bytes, unit: Bytes?) {
        let files = (Calls.entries(directory, limit: 256) ?? []).map(\.name).filter { $0.hasSuffix(".conf") }
        for file in files.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            read(directory + [UInt8(ascii: "/")] + file, unit: unit)
        }
    }

    private mutating func read(_ file: Bytes, unit: Bytes?) {
        guard filesLeft > 0, let text = contents(of: file) else { return }
        filesLeft -= 1
        for row in text.lines {
            let trimmed = row.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            guard let first = trimmed.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";"),
                first != UInt8(ascii: "["), let equals = trimmed.firstIndex(of: UInt8(ascii: "="))
            else { continue }
            var key = Bytes(trimmed[..<equals])
            while key.last == UInt8(ascii: " ") { key.removeLast() }
            var value = Bytes(trimmed[(equals + 1)...].drop { $0 == UInt8(ascii: " ") })
            while value.last == UInt8(ascii: " ") || value.last == UInt8(ascii: "\r") { value.removeLast() }
            if let unit {
                guard key.hasPrefix("ManagedOOM") else { continue }
                key = unit + [UInt8(ascii: ":")] + key
            }
            if let place = values.firstIndex(where: { $0.key == key }) {
                values[place].value = value
            } else {
                values.append((key, value))
            }
        }
    }
}
