import Foundation
import Testing

@testable import inquest

@Suite struct HookExecTests {
    @Test func `a hook is a program with a whole path that nobody else may change`() throws {
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appendingPathComponent("hook")
        try "#!/bin/sh\n".write(to: file, atomically: true, encoding: .utf8)
        func problem(mode: Int) throws -> String? {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
            return HookExec.problem(file.path)
        }
        #expect(try problem(mode: 0o755) == nil)
        #expect(try problem(mode: 0o644) == "it is no program")
        #expect(try problem(mode: 0o775)?.hasPrefix("others may write it") == true)
        #expect(try problem(mode: 0o757)?.hasPrefix("others may write it") == true)
        #expect(HookExec.problem("hook")?.hasPrefix("name it with its whole path") == true)
        #expect(HookExec.problem(directory.path) == "it is no program")
        #expect(HookExec.problem(directory.path + "/none") == "No such file or directory")
    }
}
