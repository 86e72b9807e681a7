import Events
import Glibc
import Testing

@testable import Recording

/// A recording of format 1 (`Tests/recordings`), taken up by this version.
@Suite struct FirstFormatTests {
    private static let package =
        "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/") + "/recordings/state-1-oom.tar.gz"

    private func unpack(to directory: String) throws {
        let words = ["tar", "-xzf", Self.package, "-C", directory]
        let arguments = words.map { (word: String) in strdup(word) }
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        try #require(posix_spawnp(&child, "tar", nil, nil, arguments + [nil], environ) == 0)
        var status: Int32 = 0
        waitpid(child, &status, 0)
        try #require(status == 0)
    }

    @Test func `a recording goes on in the present format, and is read as one`() throws {
        let scratch = Scratch()
        try unpack(to: scratch.path)
        let old = events(try RecordingReader(scratch.path))
        #expect(old.count == 673)
        let (writer, recovered) = try RecordingWriter.open(scratch.path, smallOptions())
        var replayed = 0
        recovered.forEachEvent { _ in replayed += 1 }
        #expect(replayed > 0)
        let added = sampleEvents(recovered.nextSeq..<recovered.nextSeq + 300)
        writer.appendAll(added)
        #expect(writer.close())
        let reader = try RecordingReader(scratch.path)
        #expect(reader.segments.first?.formatVersion == 1)
        #expect(reader.segments.last?.formatVersion == Format.version)
        #expect(events(reader) == old + added)
        let report = try verify(scratch.path)
        #expect(report.damage.isEmpty)
    }
}
