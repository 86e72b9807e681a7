public import Events
import Glibc

/// The events of the golden cases: `Tests/cases/NAME/events.txt`. Each room keeps beside them what it expects of them.
public enum CaseEvents {
    public static let directory: String = {
        let parts = #filePath.split(separator: "/").dropLast(2)
        return "/" + parts.joined(separator: "/") + "/cases"
    }()

    public static let names: [String] = {
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

    public static func of(_ name: String) throws -> [Event] {
        try EventText.parse(read("\(directory)/\(name)/events.txt") ?? "")
    }

    public static func read(_ path: String) -> String? {
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
