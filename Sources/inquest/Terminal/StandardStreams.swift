import Glibc

/// Descriptors 0, 1 and 2 as the caller left them.
enum StandardStreams {
    /// Opens /dev/null for each that is closed, in the direction that it is not used in: reading or writing fails as it
    /// should, and no file of ours ever gets its number.
    static func fillClosed() {
        for (descriptor, flags) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)] {
            guard fcntl(descriptor, F_GETFD) < 0, errno == EBADF else { continue }
            // The lowest free number, and those below it are open.
            _ = unsafe open("/dev/null", flags)
        }
    }
}
