import Glibc
import Host

/// Where a drill records: a directory that is kept, or a temporary one that is removed.
struct DrillDirectory {
    let path: String
    let isTemporary: Bool

    private static let parent = "/tmp"
    private static let prefix = "inquest-drill-"

    /// - Parameter keep: a directory that holds no recording: a rehearsal's bound of its size would cost what is there.
    init(keep: String?) throws(CommandError) {
        if let keep {
            guard !Self.names(in: keep).contains(where: { $0.hasPrefix("segment-") }) else {
                throw CommandError(
                    "there is a recording in \(keep) already, which a drill would mix with its own;"
                        + " give --dir a new directory")
            }
            path = keep
            isTemporary = false
            return
        }
        Self.removeLeftovers()
        var template = Array("\(Self.parent)/\(Self.prefix)\(getpid())-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else {
            throw CommandError("cannot make a directory in \(Self.parent): \(errnoText(errno)); name one with --dir")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        isTemporary = true
    }

    /// Removes a temporary directory and the files in it; a recording has no directories of its own.
    func remove() {
        if isTemporary { Self.remove(path) }
    }

    /// What drills that were killed left behind: directories of this user's own, named after a process that is gone.
    private static func removeLeftovers() {
        for name in names(in: parent) where name.hasPrefix(prefix) {
            guard let pid = Int32(name.dropFirst(prefix.count).prefix { $0 != "-" }), pid > 0, kill(pid, 0) != 0,
                errno == ESRCH
            else { continue }
            let path = parent + "/" + name
            var status = stat()
            // Nobody else can put another in its place: the parent is sticky.
            guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid()
            else {
                continue
            }
            remove(path)
        }
    }

    private static func remove(_ path: String) {
        for name in names(in: path) { _ = unsafe unlink(path + "/" + name) }
        _ = unsafe rmdir(path)
    }

    private static func names(in path: String) -> [String] {
        guard let stream = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
