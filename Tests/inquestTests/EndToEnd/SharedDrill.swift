import Foundation
import Glibc
import Testing

/// One recorded drill for all tests that only read it: made once, never changed, copied by those that damage it.
final class SharedDrill: Sendable {
    private static let made = Result { try SharedDrill() }
    static func get() throws -> SharedDrill { try made.get() }

    let directory: String
    let result: Tool.Result
    let id: String
    private let scratch: Scratch

    private init() throws {
        scratch = try Scratch()
        let directory = scratch.path("recording")
        self.directory = directory
        let drill = try RunningTool(["drill", "--memory", "32M", "--json", "--dir", directory])
        // Enough events, before the incident is over, that its end is on a later page than the first.
        _ = drill.waits { _ in Leftovers.hasKilled(drill.pid) }
        Events.make(400)
        result = drill.wait()
        try #require(result.status == 0, "\(result.err)")
        id = try #require(parse(result.out)["id"] as? String)
        atexit { SharedDrill.remove() }
    }

    var document: [String: Any] { (try? parse(result.out)) ?? [:] }

    private static func remove() { try? made.get().scratch.remove() }

    /// A copy to spoil.
    func copy(into scratch: Scratch) throws -> Copy {
        let directory = scratch.path("copy")
        try FileManager.default.copyItem(atPath: self.directory, toPath: directory)
        let name = try #require(
            FileManager.default.contentsOfDirectory(atPath: directory).first { $0.hasPrefix("segment-") })
        return Copy(directory: directory, segment: "\(directory)/\(name)", name: name)
    }

    struct Copy {
        let directory: String
        let segment: String
        let name: String

        func change(_ body: (inout [UInt8]) -> Void) throws {
            var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: segment)))
            body(&bytes)
            try Data(bytes).write(to: URL(fileURLWithPath: segment))
        }
    }
}

/// What a drill could leave behind.
enum Leftovers {
    static func cgroups(of pid: pid_t) -> [String] {
        let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified"]
        return roots.flatMap { root in
            entries(root).filter { $0 == "inquest-drill-\(pid)" }.map { "\(root)/\($0)" }
        }
    }

    /// Its temporary directories.
    static func directories(of pid: pid_t) -> [String] {
        entries("/tmp").filter { $0.hasPrefix("inquest-drill-\(pid)-") }
    }

    static func all(of pid: pid_t) -> [String] { cgroups(of: pid) + directories(of: pid) + balloons(of: pid) }

    /// Processes that were started to be killed: its children.
    static func balloons(of pid: pid_t) -> [String] {
        entries("/proc").filter { entry in
            guard Int(entry) != nil else { return false }
            let stat = (try? String(contentsOfFile: "/proc/\(entry)/stat", encoding: .utf8)) ?? ""
            guard stat.contains("(inquest-balloon) ") else { return false }
            return stat.split(separator: ")").last?.split(separator: " ").dropFirst().first == "\(pid)"
        }
    }

    /// Whether the kernel has killed in its cgroup.
    static func hasKilled(_ pid: pid_t) -> Bool {
        cgroups(of: pid).contains { path in
            ["memory.events", "memory.oom_control"].contains { file in
                let text = (try? String(contentsOfFile: "\(path)/\(file)", encoding: .utf8)) ?? ""
                return text.split(separator: "\n").contains { $0.hasPrefix("oom_kill ") && $0 != "oom_kill 0" }
            }
        }
    }

    static func hasSegment(_ directory: String) -> Bool { entries(directory).contains { $0.hasPrefix("segment-") } }

    private static func entries(_ directory: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    }
}

/// Something to record.
enum Events {
    /// Makes and removes cgroups with long names: each is two events of about a hundred bytes.
    static func make(_ count: Int) {
        let roots = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"]
        guard let root = roots.first(where: { access($0 + "/cgroup.procs", F_OK) == 0 }) else { return }
        let name = "inquest-test-\(getpid())-" + String(repeating: "x", count: 60)
        for number in 0..<count / 2 {
            mkdir("\(root)/\(name)\(number)", 0o755)
            rmdir("\(root)/\(name)\(number)")
        }
    }
}
