public import Events
internal import Glibc

/// The kernel's own alarms on `/proc/pressure/memory` and `io`: the recorder sleeps until one fires, then samples faster.
///
/// Poll the descriptors for POLLPRI (EPOLLPRI); POLLERR means that the trigger is gone. Without PSI, or without the right to
/// set a trigger, there are no descriptors and `refused` says why: the once-a-second sample then decides alone.
public final class PressureTriggers {
    public struct Refused: Equatable, Sendable {
        public var path: Bytes
        public var errno: Int32
    }

    public private(set) var descriptors: [Int32] = []
    public private(set) var refused: [Refused] = []

    /// 15 % of a second is the kernel documentation's example. Without CAP_SYS_RESOURCE only windows of whole 2 s are
    /// allowed (6.5 and later): the same share of two seconds.
    static let requests = ["some 150000 1000000", "some 300000 2000000"]

    public init(_ paths: HostPaths = HostPaths()) {
        for resource in ["memory", "io"] {
            let path = paths.proc("pressure/" + resource)
            var reason: Int32 = 0
            for request in PressureTriggers.requests {
                let descriptor = Calls.open(path, O_RDWR | O_NONBLOCK)
                guard descriptor >= 0 else {
                    reason = -descriptor
                    break
                }
                // The kernel wants the terminating NUL.
                reason = Calls.write(descriptor, Bytes(request.utf8) + [0])
                if reason == 0 {
                    descriptors.append(descriptor)
                    break
                }
                Calls.close(descriptor)
            }
            if reason != 0 { refused.append(Refused(path: path, errno: reason)) }
        }
    }

    deinit { for descriptor in descriptors { Calls.close(descriptor) } }
}
