import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// A recording that is not what it was.
    @Suite(.serialized, .enabled(if: Tool.canAttach, Comment(rawValue: Tool.whyNot)))
    struct Damage {
        /// RECORDING.md: the first page of events is unit 3.
        private static let pageBytes = 16 << 10
        private static let firstPage = 3 * pageBytes

        private func damaged(_ scratch: Scratch) throws -> SharedDrill.Copy {
            let copy = try SharedDrill.get().copy(into: scratch)
            try copy.change { bytes in
                for offset in 0..<64 { bytes[Self.firstPage + 5000 + offset] ^= 0xff }
            }
            return copy
        }

        @Test func `verify names segment, page and offset of a damaged place`() throws {
            let scratch = try Scratch()
            let copy = try damaged(scratch)
            let result = try Tool.run("verify", "--dir", copy.directory)
            #expect(result.status == 1)
            #expect(result.out.contains("\(copy.name): page 0 at byte \(Self.firstPage) is damaged"), "\(result.out)")
            #expect(result.out.contains("missing: a damaged place"), "\(result.out)")
            #expect(result.err.split(separator: "\n").count == 1, "\(result.err)")
        }

        @Test(arguments: [["list"], ["show"], ["export", "--format", "json"], ["export", "--format", "ndjson"]])
        func `what is intact of a damaged recording is used, and what is missing is said`(verb: [String]) throws {
            let scratch = try Scratch()
            let copy = try damaged(scratch)
            let id = try SharedDrill.get().id
            let operand = verb[0] == "list" ? [] : [id]
            let arguments = [verb[0]] + operand + verb.dropFirst() + ["--dir", copy.directory]
            let result = try RunningTool(arguments).wait()
            #expect(result.status == 0, "\(result.err)")
            #expect(result.out.contains(id) || verb.last == "ndjson", "\(result.out)")
            #expect(result.err.contains("\(copy.name): page 0 at byte \(Self.firstPage) is damaged"), "\(result.err)")
            #expect(result.err.contains("events 1 to ") && result.err.contains(" are missing"), "\(result.err)")
            #expect(!result.out.contains("damaged"))
        }

        @Test func `a damaged incident document is the one that was recorded`() throws {
            let scratch = try Scratch()
            let copy = try damaged(scratch)
            let drill = try SharedDrill.get()
            let result = try Tool.run("export", drill.id, "--format", "json", "--dir", copy.directory)
            #expect(try parse(result.out) as NSDictionary == drill.document as NSDictionary)
        }

        @Test func `a recorder that starts on a damaged recording keeps what is intact`() throws {
            let scratch = try Scratch()
            let copy = try damaged(scratch)
            let recorder = try RunningTool(["record", "--dir", copy.directory, "--live", scratch.path("live.sock")])
            #expect(recorder.waits { $0.errSoFar.contains("hooks attached") }, "\(recorder.errSoFar)")
            recorder.signal(SIGTERM)
            #expect(recorder.wait().status == 0)
            let id = try SharedDrill.get().id
            let show = try Tool.run("show", id, "--dir", copy.directory)
            #expect(show.status == 0, "\(show.err)")
            let verify = try Tool.run("verify", "--dir", copy.directory)
            #expect(verify.status == 1 && verify.out.contains("end        clean"), "\(verify.out)")
        }

        @Test func `a recording that is cut off anywhere is read as far as it goes`() throws {
            let scratch = try Scratch()
            let copy = try SharedDrill.get().copy(into: scratch)
            let whole = try Data(contentsOf: URL(fileURLWithPath: copy.segment))
            for share in [0, 1, 5, 9] {
                try whole.prefix(whole.count * share / 10).write(to: URL(fileURLWithPath: copy.segment))
                for verb in ["verify", "list", "replay"] {
                    let result = try Tool.run(verb, "--dir", copy.directory)
                    #expect(result.signal == nil && result.status <= 1, "\(verb) at \(share)/10: \(result.err)")
                }
            }
        }

        @Test func `a lost header is damage, not an empty recording`() throws {
            let scratch = try Scratch()
            let copy = try SharedDrill.get().copy(into: scratch)
            try copy.change { for offset in 0..<4096 { $0[offset] = 0x78 } }
            let result = try Tool.run("verify", "--dir", copy.directory)
            #expect(result.status == 1)
            #expect(result.out.contains("\(copy.name): the header at byte 0 is damaged"), "\(result.out)")
            let list = try Tool.run("list", "--dir", copy.directory)
            #expect(list.status == 0 && list.err.contains("header at byte 0 is damaged"), "\(list.err)")
        }

        @Test func `a recording of a newer format is refused by name, and left as it is`() throws {
            let scratch = try Scratch()
            let copy = try SharedDrill.get().copy(into: scratch)
            try copy.change { bytes in
                for at in [0, 2048] {
                    bytes.replaceSubrange(at + 16..<at + 20, with: [9, 0, 9, 0])
                    let sum = crc32c(bytes[at + 12..<at + 512])
                    for byte in 0..<4 { bytes[at + 8 + byte] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(byte))) }
                }
            }
            let before = try Data(contentsOf: URL(fileURLWithPath: copy.segment))
            for verb in [
                ["list"], ["show"], ["verify"], ["replay"], ["export", "--format", "json"],
                ["record", "--live", scratch.path("live.sock")],
            ] {
                let result = try RunningTool(verb + ["--dir", copy.directory]).wait()
                #expect(result.status == 1, "\(verb)")
                #expect(result.out.isEmpty, "\(verb)")
                #expect(result.err.split(separator: "\n").count == 1, "\(verb): \(result.err)")
                #expect(result.err.contains(copy.name) && result.err.contains("format version 9"), "\(result.err)")
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: copy.segment)) == before)
        }

        @Test func `a directory removed under a recorder is made anew, and the next kill is in it`() throws {
            let scratch = try Scratch()
            let directory = scratch.path("recording")
            let recorder = try RunningTool(["record", "--dir", directory, "--live", scratch.path("live.sock")])
            // Before anything is in it, a directory that is gone is no trouble: it is made.
            #expect(
                recorder.waits { _ in
                    (try? Tool.run("export", "all", "--format", "ndjson", "--dir", directory).out)?
                        .contains("recorder_start") == true
                }, "\(recorder.errSoFar)")
            try FileManager.default.removeItem(atPath: directory)
            let drill = try RunningTool(["drill", "--memory", "16M"])
            #expect(
                recorder.waits { _ in
                    (try? Tool.run("list", "--json", "--dir", directory).out)?.contains("inquest-drill-\(drill.pid)")
                        == true
                }, "\(recorder.errSoFar)")
            #expect(recorder.waits { $0.errSoFar.contains("the recording is written again") }, "\(recorder.errSoFar)")
            #expect(recorder.errSoFar.contains("No such file or directory; recording goes on in memory"))
            _ = drill.wait()
            recorder.signal(SIGTERM)
            #expect(recorder.wait().status == 0)
            let verify = try Tool.run("verify", "--dir", directory)
            #expect(verify.status == 0 && verify.out.contains("end        clean"), "\(verify.out)")
        }

        @Test func `a link in the place of a segment is not followed`() throws {
            let scratch = try Scratch()
            let copy = try SharedDrill.get().copy(into: scratch)
            try FileManager.default.moveItem(atPath: copy.segment, toPath: scratch.path("elsewhere"))
            try FileManager.default.createSymbolicLink(
                atPath: copy.segment, withDestinationPath: scratch.path("elsewhere"))
            let result = try Tool.run("list", "--dir", copy.directory)
            #expect(result.status == 1 && result.err.contains("no recording"), "\(result.err)")
        }
    }
}

/// RFC 3720, B.4, bit by bit.
private func crc32c(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var crc = UInt32.max
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0x82f6_3b78 : 0) }
    }
    return ~crc
}
