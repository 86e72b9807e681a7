import CLinux
import Glibc
import Host

/// What stands between the recorder and its hook: the same program, which gives up all that the recorder has and others have not, and
/// becomes the command.
enum HookExec {
    /// All that a hook finds in its environment beside INQUEST_*.
    static let environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]

    /// Why a file is no hook to run as this user: it must be named absolutely, and nobody else may be able to change it.
    static func problem(_ path: String) -> String? {
        guard path.hasPrefix("/") else {
            return "name it with its whole path: there is no shell that would look for it"
        }
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return errnoText(errno) }
        guard status.st_mode & S_IFMT == S_IFREG, unsafe access(path, X_OK) == 0 else { return "it is no program" }
        guard status.st_uid == 0 || status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
            return "others may write it (chown root and chmod go-w)"
        }
        return nil
    }

    /// - Returns: why it could not become the command, as an errno.
    static func become(_ path: String) -> Int32 {
        SelfProtection.giveUp()
        let kept = Privileges.dropAll()
        guard kept == 0 else { return kept }
        // This program ignores it, and what is ignored stays so.
        _ = signal(SIGPIPE, SIG_DFL)
        // Whatever whoever started the recorder left open.
        _ = iq_close_from(3)
        _ = unsafe withCArguments([path]) { arguments in unsafe execve(path, arguments, iq_environment()) }
        return errno
    }
}
