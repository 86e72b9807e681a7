import EventSamples
import Events
import Glibc
import Testing

@testable import Recording

/// A process of its own that records until it is killed, and says what was acknowledged.
private struct WriterProcess {
    let pid: pid_t
    let output: Int32

    /// The program stands beside the test bundle.
    static let program: String = {
        var path = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &path, 4095)
        let executable = String(decoding: path[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // `swift test` runs the bundle itself, or a helper of the toolchain with the bundle as its argument.
        for candidate in [executable] + CommandLine.arguments {
            guard let slash = candidate.lastIndex(of: "/") else { continue }
            let beside = candidate[..<slash] + "/recording-writer"
            if access(String(beside), X_OK) == 0 { return String(beside) }
        }
        return ""
    }()

    init?(_ directory: String, seed: UInt64) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return nil }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addclose(&actions, ends[0])
        defer { posix_spawn_file_actions_destroy(&actions) }
        let words = [Self.program, directory, String(seed)].map { (word: String) in strdup(word) }
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, Self.program, &actions, nil, words + [nil], environ)
        close(ends[1])
        guard code == 0 else {
            close(ends[0])
            return nil
        }
        pid = child
        output = ends[0]
    }

    /// Lets it go on until it has acknowledged `count` times and `microseconds` more, kills it, and gives all that it said.
    func kill(after count: Int, microseconds: UInt32) -> [UInt64] {
        var text = Bytes()
        var chunk = Bytes(repeating: 0, count: 4096)
        func more() -> Bool {
            let got = read(output, &chunk, chunk.count)
            if got > 0 { text += chunk[..<got] }
            return got > 0
        }
        while text.count(where: { $0 == UInt8(ascii: "\n") }) <= count, more() {}
        usleep(microseconds)
        Glibc.kill(pid, SIGKILL)
        while more() {}
        close(output)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        // The last line may be cut by the kill.
        let whole = text.lastIndex(of: UInt8(ascii: "\n")).map { text[..<$0] } ?? []
        return whole.split(separator: UInt8(ascii: "\n")).compactMap { UInt64(String(decoding: $0, as: UTF8.self)) }
    }
}

@Suite struct KilledWriterTests {
    @Test func `every acknowledged event is there after kill -9 at any moment, over several starts`() throws {
        #expect(!WriterProcess.program.isEmpty, "recording-writer is not built")
        let scratch = Scratch()
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let seed = UInt64(now.tv_nsec)
        var random = Seeded(seed)
        var acknowledged: [UInt64] = []
        for start in 0..<8 {
            let process = try #require(WriterProcess(scratch.path, seed: seed))
            let said = process.kill(
                after: 5 + Int(random.next() % 60), microseconds: UInt32(truncatingIfNeeded: random.next() % 5000))
            #expect(said.count > 1, "seed \(seed), start \(start)")
            acknowledged += said.suffix(1)
            let reader = try RecordingReader(scratch.path)
            #expect(reader.damage.isEmpty, "seed \(seed), start \(start)")
            var seen: Set<UInt64> = []
            var wrong: [UInt64] = []
            for event in events(reader) {
                seen.insert(event.seq)
                if event != EventSamples.event(seq: event.seq, seed: seed) { wrong.append(event.seq) }
            }
            #expect(wrong.isEmpty, "seed \(seed), start \(start)")
            // Each start's numbers are consecutive: with the last acknowledged one, all before it are there.
            let missing = said.filter { !seen.contains($0) }
            #expect(missing.isEmpty, "seed \(seed), start \(start)")
            #expect(acknowledged.allSatisfy { seen.contains($0) }, "seed \(seed), start \(start)")
            if let first = said.first, let last = said.last {
                #expect((first...last).allSatisfy { seen.contains($0) }, "seed \(seed), start \(start)")
            }
        }
        let report = try verify(scratch.path)
        #expect(report.damage.isEmpty)
        #expect(report.gaps.isEmpty)
        #expect(report.segments >= 8)
    }
}
