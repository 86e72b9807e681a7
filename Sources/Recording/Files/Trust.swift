import CLinux
import Glibc

/// Whether a directory or file may be written by a recorder, which mostly is root.
///
/// Where others can put files into the directory, one that is a second name of somebody's (a hard link) would be overwritten, and
/// what is recorded could be replaced. Links are not followed in the first place (O_NOFOLLOW); everything is looked at through its
/// descriptor, so that nothing can be exchanged between the look and the use.
enum Trust {
    static func check(directory: Int32) throws(FileError) {
        // Where nothing can be written at all, that is the thing to say.
        if unsafe faccessat(directory, ".", W_OK, 0) != 0, errno == EROFS { throw FileError(errno: EROFS) }
        let facts = try facts(of: directory)
        try check(owner: facts)
        if facts.st_mode & S_IWOTH != 0 { throw FileError(errno: EPERM, distrust: "may be written by everybody") }
        if facts.st_mode & S_IWGRP != 0, facts.st_gid != 0, facts.st_gid != getegid() {
            throw FileError(errno: EPERM, distrust: "may be written by the group \(facts.st_gid)")
        }
    }

    static func check(writable file: Int32) throws(FileError) {
        let facts = try facts(of: file)
        try check(isFile: facts)
        try check(owner: facts)
        if facts.st_nlink > 1 { throw FileError(errno: EPERM, distrust: "has another name (a hard link)") }
    }

    /// A copy may be anybody's.
    static func check(readable file: Int32) throws(FileError) { try check(isFile: facts(of: file)) }

    private static func check(isFile facts: stat) throws(FileError) {
        if facts.st_mode & S_IFMT != S_IFREG { throw FileError(errno: EINVAL, distrust: "is no regular file") }
    }

    private static func check(owner facts: stat) throws(FileError) {
        if facts.st_uid != 0, facts.st_uid != geteuid() {
            throw FileError(errno: EPERM, distrust: "belongs to another user (uid \(facts.st_uid))")
        }
    }

    private static func facts(of file: Int32) throws(FileError) -> stat {
        var facts = stat()
        guard unsafe fstat(file, &facts) == 0 else { throw FileError(errno: errno) }
        return facts
    }
}
