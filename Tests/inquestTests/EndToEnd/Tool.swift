import Foundation
import Glibc

/// The program under test as a user runs it: a process of its own, real files, real kernel.
struct Tool {
    /// Beside the test bundle: SwiftPM puts both into one directory.
    static let path: String = {
        let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? own ?? ""
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("inquest").path
    }()

    /// Probes need root and the kernel's own types; everything that attaches is skipped without them, and says so.
    static let canAttach = geteuid() == 0 && access("/sys/kernel/btf/vmlinux", R_OK) == 0
    static let whyNot = "SKIPPED: attaching probes needs root and /sys/kernel/btf/vmlinux"

    struct Result: Sendable {
        let status: Int32
        /// The signal that ended it, if one did.
        var signal: Int32?
        let out: String
        let err: String
        var lines: [String] { out.split(separator: "\n").map(String.init) }
    }

    static func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Result {
        let running = try RunningTool(arguments, environment: environment)
        return running.wait()
    }

    /// The same through another program that starts it: `setpriv`, `unshare`.
    static func run(through wrapper: [String], _ arguments: String...) throws -> Result {
        try RunningTool(arguments, through: wrapper).wait()
    }

    /// A shell's script, which finds the program as `$INQUEST`.
    static func shell(_ script: String) throws -> Result {
        try RunningTool(["-c", script], environment: ["INQUEST": path], program: ["bash"]).wait()
    }

    private static func works(_ words: [String]) -> Bool {
        (try? RunningTool(Array(words.dropFirst()), program: [words[0]]).wait().status) == 0
    }

    /// Another user, with no capability at all.
    static let asNobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    static let canDropRoot =
        geteuid() == 0 && works(asNobody + [path, "--version"])
        && works(asNobody + ["test", "-x", FileManager.default.temporaryDirectory.path])
    static let whyNotNobody = "SKIPPED: needs root, setpriv, and a build and a TMPDIR that nobody (the user) may enter"
    static let canMount = canAttach && works(["unshare", "-m", "true"])
    static let whyNotMount = "SKIPPED: needs root and mount namespaces (unshare -m)"
}

/// A process of the tool that is still going.
final class RunningTool {
    private let process = Process()
    private let out: URL
    private let err: URL
    private let directory: URL

    /// - Parameters:
    ///   - wrapper: a program, and its arguments, that starts the tool.
    ///   - program: what to start; the tool unless given.
    ///   - input: whether standard input stays open, with nothing in it.
    init(
        _ arguments: [String], environment: [String: String] = [:], through wrapper: [String] = [],
        program: [String] = [Tool.path], input: Bool = false
    ) throws {
        directory = try TemporaryDirectory.make()
        out = directory.appendingPathComponent("out")
        err = directory.appendingPathComponent("err")
        for file in [out, err] { try Data().write(to: file) }
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = wrapper + program + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = try FileHandle(forWritingTo: out)
        process.standardError = try FileHandle(forWritingTo: err)
        process.standardInput = input ? Pipe() : FileHandle.nullDevice
        try process.run()
    }

    deinit {
        if process.isRunning {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        try? FileManager.default.removeItem(at: directory)
    }

    var pid: pid_t { process.processIdentifier }
    var isRunning: Bool { process.isRunning }
    var outSoFar: String { (try? String(contentsOf: out, encoding: .utf8)) ?? "" }
    var errSoFar: String { (try? String(contentsOf: err, encoding: .utf8)) ?? "" }

    /// A figure of `/proc/PID/status`, in kB.
    func status(_ name: String) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") } ?? ""
        return line.split { !$0.isNumber }.first.flatMap { Int($0) } ?? 0
    }

    func comm() throws -> String {
        try String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8).trimmingCharacters(in: .newlines)
    }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    func wait() -> Tool.Result {
        process.waitUntilExit()
        let signal = process.terminationReason == .uncaughtSignal ? process.terminationStatus : nil
        return Tool.Result(status: process.terminationStatus, signal: signal, out: outSoFar, err: errSoFar)
    }

    /// Waits for a condition, with a bound: `false` when it did not come true within it, or the process ended before.
    func waits(seconds: Double = 60, until condition: (RunningTool) throws -> Bool) rethrows -> Bool {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            if try condition(self) { return true }
            if !process.isRunning { return try condition(self) }
            usleep(20_000)
        }
        return false
    }
}

enum TemporaryDirectory {
    static func make() throws -> URL {
        let base = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/var/tmp"
        let url = URL(fileURLWithPath: base).appendingPathComponent("inquest-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }
}

/// A directory that is removed with the value that holds it.
final class Scratch: Sendable {
    let url: URL
    init() throws { url = try TemporaryDirectory.make() }
    deinit { remove() }
    func remove() { try? FileManager.default.removeItem(at: url) }
    func path(_ name: String) -> String { url.appendingPathComponent(name).path }
}

/// A JSON document as nested dictionaries.
func parse(_ text: String) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
}

extension [String: Any] {
    /// `document[path: "kills.0.victim.pid"]`
    subscript(path path: String) -> Any? {
        var value: Any? = self
        for part in path.split(separator: ".") {
            if let index = Int(part) {
                guard let list = value as? [Any], index < list.count else { return nil }
                value = list[index]
            } else {
                value = (value as? [String: Any])?[String(part)]
            }
        }
        return value
    }
}
