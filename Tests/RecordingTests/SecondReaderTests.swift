import EventSamples
import Events
import Glibc
import Testing

@testable import Recording

/// RECORDING.md is enough to write a reader: one in Python, which knows the format from that page alone, finds the same.
@Suite struct SecondReaderTests {
    /// The package: three steps up from this file.
    private static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    private static let python = ["/usr/bin/python3", "/usr/local/bin/python3"].first { (path: String) in
        access(path, X_OK) == 0
    }

    private func text(_ path: String) -> String {
        let file = open(path, O_RDONLY)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes = Bytes()
        var chunk = Bytes(repeating: 0, count: 65536)
        while case let count = read(file, &chunk, chunk.count), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `RECORDING md lists the fields of every kind as the codec walks them`() {
        let page = text(Self.root + "/RECORDING.md").split(separator: "\n").map(String.init)
        for kind in EventKind.allCases {
            let line = "| \(kind.rawValue) | \(kind.label) | \(kind.seriesKind) | `\(FieldLayout.of(kind))` |"
            #expect(page.contains(line), "RECORDING.md lacks\n\(line)")
        }
    }

    @Test(.enabled(if: python != nil, "no python3 here: the second reader is not run"))
    func `a reader written from RECORDING md alone finds the same events`() throws {
        let scratch = Scratch()
        var written = sampleEvents(1..<1200)
        var large = IncidentRecord()
        large.openingSeq = 1200
        large.document = EventSamples.noise(9000, seed: 5) + Bytes(repeating: 5, count: 9000)
        written.append(Event(seq: 1200, boottimeNs: 77, .incident(large)))
        written += sampleEvents(1201..<1300)
        try record(scratch.path, written)
        var counts: [String: Int] = [:]
        var sum: UInt64 = 0
        for event in written {
            counts[event.payload.kind.label, default: 0] += 1
            sum = sum &+ event.seq &* (event.boottimeNs | 1)
        }
        let expected = counts.map { "\($0.key) \($0.value)" }.sorted() + ["sum \(sum)"]
        let output = scratch.path + "/output"
        let code = run(
            [Self.python ?? "", Self.root + "/Tests/second_reader.py", Self.root + "/RECORDING.md", scratch.path],
            output: output)
        let said = text(output)
        #expect(code == 0, "\(said)")
        #expect(said.split(separator: "\n").map(String.init) == expected)
    }

    private func run(_ words: [String], output: String) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        let arguments = words.map { (word: String) in strdup(word) }
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        guard posix_spawn(&child, words[0], &actions, nil, arguments + [nil], environ) == 0 else { return -1 }
        var status: Int32 = 0
        waitpid(child, &status, 0)
        return status
    }
}

extension EventKind {
    /// What the table's third column says.
    fileprivate var seriesKind: String {
        switch self {
        case .cgroupSample, .cgroupIO, .cgroupStall, .device, .ioInterval: "series"
        default: ""
        }
    }
}
