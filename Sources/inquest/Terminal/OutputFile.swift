import Glibc

extension Console {
    /// Runs `body` with the writer that `-o` names: standard output for none and for `-`, otherwise a file.
    ///
    /// A regular file appears whole or not at all: it is written beside its place, made durable, and renamed. Pipes and devices
    /// are written directly. The mode is 0640, less what the umask takes.
    func withOutput(
        _ path: String?, _ body: (ByteWriter) throws(CommandError) -> Void
    ) throws(CommandError) {
        guard let path, path != "-" else { return try body(out) }
        try OutputFile.write(path, body)
    }
}

enum OutputFile {
    /// What a file is for: who may read it, and whether a power cut may take it.
    enum Use {
        /// A document: 0640, durable when it appears.
        case document
        /// Written again and again, for another program to read: 0644, and no wait for the disk.
        case feed

        fileprivate var mode: mode_t { self == .document ? 0o640 : 0o644 }
    }

    static func write(
        _ path: String, as use: Use = .document, _ body: (ByteWriter) throws(CommandError) -> Void
    ) throws(CommandError) {
        var status = stat()
        let exists = unsafe stat(path, &status) == 0
        if exists && status.st_mode & S_IFMT == S_IFDIR {
            throw CommandError("cannot write \(path): it is a directory; name a file in it")
        }
        if exists && status.st_mode & S_IFMT != S_IFREG {
            let descriptor = try opened(path, O_WRONLY, use, path)
            defer { close(descriptor) }
            return try fill(descriptor, path, body)
        }
        try replace(exists ? resolved(path) : path, use, shown: path) { descriptor, _ throws(CommandError) in
            try fill(descriptor, path, body)
        }
    }

    /// For what does not write from front to back: `body` is given the path of an empty file, which then takes the place of `path`.
    static func build(_ path: String, _ body: (String) throws(CommandError) -> Void) throws(CommandError) {
        var status = stat()
        let exists = unsafe stat(path, &status) == 0
        if exists && status.st_mode & S_IFMT != S_IFREG {
            throw CommandError("cannot write \(path): it is no regular file; choose another place with -o")
        }
        try replace(exists ? resolved(path) : path, .document, shown: path) { _, temporary throws(CommandError) in
            try body(temporary)
        }
    }

    private static func replace(
        _ path: String, _ use: Use, shown: String, _ body: (Int32, String) throws(CommandError) -> Void
    ) throws(CommandError) {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        let temporary = "\(directory)/.\(name).\(getpid()).tmp"
        let descriptor = try opened(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, use, shown)
        var isRenamed = false
        defer {
            close(descriptor)
            if !isRenamed { _ = unsafe unlink(temporary) }
        }
        try body(descriptor, temporary)
        if use == .feed {
            // Whoever reads it is another user, whatever this one's umask.
            guard fchmod(descriptor, use.mode) == 0 else { throw failed(shown, errno) }
        } else {
            guard fsync(descriptor) == 0 else { throw failed(shown, errno) }
        }
        guard unsafe rename(temporary, path) == 0 else { throw failed(shown, errno) }
        isRenamed = true
        guard use == .document else { return }
        // The name, too: without it a power cut could leave the old file. Some file systems refuse; then it is as good as it gets.
        let parent = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if parent >= 0 {
            fsync(parent)
            close(parent)
        }
    }

    private static func fill(
        _ descriptor: Int32, _ path: String, _ body: (ByteWriter) throws(CommandError) -> Void
    ) throws(CommandError) {
        let writer = ByteWriter(descriptor: descriptor)
        try body(writer)
        writer.flush()
        if let code = writer.failure { throw failed(path, code) }
    }

    private static func opened(
        _ path: String, _ flags: Int32, _ use: Use, _ shown: String
    ) throws(CommandError) -> Int32 {
        while true {
            let descriptor = unsafe open(path, flags | O_CLOEXEC, use.mode)
            if descriptor >= 0 { return descriptor }
            guard errno == EINTR else { throw failed(shown, errno) }
        }
    }

    /// A link keeps being a link: what it points to is replaced.
    private static func resolved(_ path: String) -> String {
        guard let real = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    private static func failed(_ path: String, _ code: Int32) -> CommandError {
        let advice =
            switch code {
            case ENOSPC, EDQUOT: "; free some space or choose another place with -o"
            case EACCES, EPERM, EROFS: "; choose a place with -o that you may write to"
            case ENOENT: "; its directory does not exist"
            default: ""
            }
        return CommandError("cannot write \(path): \(errnoText(code))\(advice)")
    }
}
