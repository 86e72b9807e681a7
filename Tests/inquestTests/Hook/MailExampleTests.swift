import Foundation
import Testing

/// The example of a hook, with a sendmail and a user of the test's own.
@Suite struct MailExampleTests {
    private static let script = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("packaging/examples/mail-victim").path

    /// What sendmail was given; `nil` when it was not called.
    private func mail(_ variables: [String: String]) throws -> (arguments: String, text: String)? {
        let directory = try TemporaryDirectory.make()
        defer { try? FileManager.default.removeItem(at: directory) }
        let programs = [
            "sendmail": "#!/bin/sh\necho \"$*\" >'\(directory.path)/arguments'\ncat >'\(directory.path)/mail'\n",
            "getent": "#!/bin/sh\n[ \"$2\" = 1003 ] && echo 'carla:x:1003:1003::/home/carla:/bin/sh'\n",
        ]
        for (name, text) in programs {
            let file = directory.appendingPathComponent(name)
            try text.write(to: file, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.script)
        process.environment = variables.merging(["PATH": "\(directory.path):/usr/bin:/bin"]) { $1 }
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        guard let text = try? String(contentsOf: directory.appendingPathComponent("mail"), encoding: .utf8) else {
            return nil
        }
        return (try String(contentsOf: directory.appendingPathComponent("arguments"), encoding: .utf8), text)
    }

    private let kill = [
        "INQUEST_EVENT": "kill", "INQUEST_VICTIM_UID": "1003", "INQUEST_VICTIM_PID": "8812",
        "INQUEST_VICTIM_COMM": "chrome", "INQUEST_KILLER": "kernel_memcg", "INQUEST_INCIDENT": "b1e7c2d4-7",
        "INQUEST_CGROUP": "/user.slice/user-1003.slice", "INQUEST_OOM_CGROUP": "/user.slice/user-1003.slice",
        "INQUEST_VICTIM_ANON_RSS_BYTES": "9770000000", "INQUEST_SENDER_COMM": "secret",
        "INQUEST_TRIGGER_COMM": "others-secret",
    ]

    @Test func `the victim's user gets a mail that says what was killed, and why`() throws {
        let mail = try #require(try mail(kill))
        #expect(mail.arguments == "-i -- carla\n")
        #expect(mail.text.hasPrefix("To: carla\nSubject: chrome[8812] was killed on "))
        #expect(mail.text.contains("its memory limit was reached: that of /user.slice/user-1003.slice."))
        #expect(mail.text.contains("held 9317 MiB"))
        #expect(!mail.text.contains("secret"))
    }

    @Test func `a rehearsal, a phase, a system account and an unknown user get none`() throws {
        for (name, value) in [
            ("INQUEST_DRILL", "1"), ("INQUEST_EVENT", "phase"), ("INQUEST_VICTIM_UID", "110"),
            ("INQUEST_VICTIM_UID", "4444"),
        ] {
            #expect(try mail(kill.merging([name: value]) { $1 }) == nil, "\(name)=\(value)")
        }
        #expect(try mail([:]) == nil)
    }

    @Test func `a name is text, and nothing that a shell would do`() throws {
        let mail = try #require(try mail(kill.merging(["INQUEST_VICTIM_COMM": "$(id)%s`id`\\n"]) { $1 }))
        #expect(mail.text.contains("Subject: $(id)%s`id`\\n[8812] was killed"))
    }
}
