import Glibc

/// A call to the system that failed: what, on what, why, and what to do about it.
public struct HostError: Error, Equatable, Sendable {
    /// What was tried: `create the drill's cgroup`.
    public var operation: String
    /// On what: a path, a limit.
    public var subject: String
    /// 0 when the system refused nothing but the situation does not allow it.
    public var errno: Int32
    /// What to do; empty when nothing is known to help.
    public var advice: String

    public init(_ operation: String, on subject: String, errno: Int32 = 0, advice: String = "") {
        self.operation = operation
        self.subject = subject
        self.errno = errno
        self.advice = advice
    }

    public var message: String {
        var text = "cannot \(operation)"
        if !subject.isEmpty { text += " (\(subject))" }
        if errno != 0 { text += ": \(HostError.text(of: errno))" }
        if !advice.isEmpty { text += "; \(advice)" }
        return text
    }

    static func text(of errno: Int32) -> String {
        guard let text = unsafe strerror(errno) else { return "errno \(errno)" }
        return unsafe String(cString: text)
    }
}
