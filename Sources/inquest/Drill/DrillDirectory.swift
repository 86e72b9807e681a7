import Glibc

/// Where a drill records: a directory that is kept, or a temporary one that is removed.
struct DrillDirectory {
    let path: String
    private let isTemporary: Bool

    init(keep: String?) throws(CommandError) {
        if let keep {
            path = keep
            isTemporary = false
            return
        }
        var template = Array("/tmp/inquest-drill-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else {
            throw CommandError("cannot make a directory in /tmp: \(errnoText(errno)); name one with --dir")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        isTemporary = true
    }

    /// Removes a temporary directory and the files in it; a recording has no directories of its own.
    func remove() {
        guard isTemporary, let stream = unsafe opendir(path) else { return }
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { _ = unsafe unlink(path + "/" + name) }
        }
        unsafe closedir(stream)
        _ = unsafe rmdir(path)
    }
}
