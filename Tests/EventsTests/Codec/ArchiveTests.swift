import EventSamples
import Testing

@testable import Events

@Suite struct ArchiveTests {
    private func check<F: Fields & Equatable>(_ type: F.Type) throws {
        for seed in 0..<40 as Range<UInt64> {
            var fields = RandomFields(seed: seed)
            var value = F()
            value.walk(&fields)
            let bytes = Archive.write(value)
            #expect(try Archive.read(F.self, from: bytes) == value)
            #expect(Archive.write(value) == bytes)
            #expect(throws: DecodeError.self) { try Archive.read(F.self, from: bytes + [0]) }
            for end in bytes.indices {
                #expect(throws: DecodeError.self) { try Archive.read(F.self, from: Bytes(bytes[..<end])) }
            }
        }
    }

    @Test func `archives of nested values come back as they were, and nothing cut or appended does`() throws {
        try check(OomKill.self)
        try check(Signal.self)
        try check(CgroupSample.self)
        try check(RecorderStart.self)
    }
}
