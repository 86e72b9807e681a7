import Glibc

/// Why a recording cannot be written or read; `message` is one line for people.
public enum RecordingError: Error, Equatable, Sendable {
    /// The directory cannot be made, or written, by this user.
    case notWritable(directory: String, errno: Int32)
    /// Others could misuse what the recorder would write: `why` is the end of "PATH ...".
    case untrusted(path: String, why: String)
    case notReadable(directory: String, group: String, errno: Int32)
    /// No room left, and nothing of the recording's own to recycle.
    case full(directory: String)
    /// Another recorder holds the directory; pid 0 when it did not say who it is.
    case locked(directory: String, pid: Int32)
    case newerFormat(file: String, version: UInt16, supported: UInt16)
    case notARecording(directory: String)
    /// A file operation failed: `operation` on `file`.
    case failed(operation: String, file: String, errno: Int32)
    /// The correlator's state, or an event, is larger than half a segment and was left out.
    case oversized(bytes: Int, limit: Int)

    public var message: String {
        switch self {
        case .notWritable(let directory, let errno):
            "cannot write the recording in \(directory): \(reason(errno)); \(Self.advice(errno))"
        case .untrusted(let path, let why):
            "will not record to \(path): it \(why); give --dir a directory that only its owner can write,"
                + " root or who runs the recorder"
        case .notReadable(let directory, let group, let errno):
            "cannot read the recording in \(directory): \(reason(errno)); "
                + "join the group \(group), or read a copy of your own with --dir"
        case .full(let directory):
            "no space left for the recording in \(directory): free some, or record with a smaller --size"
        case .locked(let directory, let pid):
            "another recorder\(pid > 0 ? " (pid \(pid))" : "") writes in \(directory): "
                + "stop it first, or give --dir another directory"
        case .newerFormat(let file, let version, let supported):
            "\(file) has format version \(version), this inquest reads up to \(supported): use a newer inquest"
        case .notARecording(let directory):
            "no recording in \(directory): record first, or give --dir the directory of one"
        case .failed(let operation, let file, let errno):
            "cannot \(operation) \(file): \(reason(errno))"
        case .oversized(let bytes, let limit):
            "a record of \(bytes) bytes does not fit (at most \(limit)): record with a larger --size"
        }
    }
}

extension RecordingError {
    /// A directory, or a file in it, that cannot be opened for writing.
    static func notWritable(_ directory: String, file: String? = nil, _ error: FileError) -> RecordingError {
        if error.distrust.isEmpty { return .notWritable(directory: directory, errno: error.errno) }
        return .untrusted(path: file.map { directory + "/" + $0 } ?? directory, why: error.distrust)
    }

    /// What to do about a directory that cannot be written.
    private static func advice(_ errno: Int32) -> String {
        switch errno {
        case ENOENT: "make the directory above it first, or give --dir another place"
        case ENOTDIR: "give --dir a directory"
        case EROFS: "give --dir a place that can be written"
        case ENOSPC, EDQUOT: "free some space, or give --dir another place"
        case EMFILE, ENFILE: "raise the limit on open files (ulimit -n)"
        default: "run as root, or give --dir a directory of your own"
        }
    }
}

/// The text of an errno.
func reason(_ errno: Int32) -> String {
    guard let text = unsafe strerror(errno) else { return "error \(errno)" }
    return unsafe String(cString: text)
}
