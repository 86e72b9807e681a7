import Events
import Glibc
import Incidents

/// The golden cases: `Tests/cases/NAME/events.txt` beside `expected.txt`.
enum Cases {
    static let directory: String = {
        let parts = #filePath.split(separator: "/").dropLast(2)
        return "/" + parts.joined(separator: "/") + "/cases"
    }()

    static let names: [String] = {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            // Other rooms keep their cases here too.
            if !name.hasPrefix("."), access("\(directory)/\(name)/events.txt", R_OK) == 0 { names.append(name) }
        }
        return names.sorted()
    }()

    static func events(_ name: String) throws -> [Event] {
        try EventText.parse(read("\(directory)/\(name)/events.txt") ?? "")
    }

    static func expected(_ name: String) -> String? { read("\(directory)/\(name)/expected.txt") }

    /// Writes what came out as the new expectation, to be reviewed like code: `INQUEST_ACCEPT_CASES=1 swift test`.
    static var accepts: Bool { getenv("INQUEST_ACCEPT_CASES") != nil }

    static func accept(_ name: String, _ text: String) {
        guard let file = fopen("\(directory)/\(name)/expected.txt", "w") else { return }
        fputs(text, file)
        fclose(file)
    }

    /// The findings of a stream, and what is still open at its end.
    static func run(_ events: [Event], rules: Rules = Rules()) -> (findings: [Finding], open: [Incident], state: Bytes)
    {
        var correlator = Correlator(rules: rules)
        var findings: [Finding] = []
        for event in events { correlator.consume(event) { findings.append($0) } }
        return (findings, correlator.openIncidents(), correlator.snapshot())
    }

    private static func read(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
