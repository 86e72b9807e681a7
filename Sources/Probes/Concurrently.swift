import Glibc

/// Something that is found out while its maker does something else.
///
/// Whoever asks for the value waits for it; whoever never asks does not.
final class Concurrently<Value> {
    private let job: Job<Value>
    private var thread: pthread_t?

    init(_ work: @escaping @Sendable () -> Value) {
        job = Job(work)
        var started = pthread_t()
        let context = unsafe Unmanaged.passRetained(job as AnyJob)
        // Without a thread it is done when it is asked for.
        if unsafe pthread_create(&started, nil, runJob, context.toOpaque()) == 0 {
            thread = started
        } else {
            unsafe context.release()
        }
    }

    deinit { if let thread { pthread_detach(thread) } }

    /// To be asked for by one thread, the one that made this.
    var value: Value {
        if let started = thread {
            pthread_join(started, nil)
            thread = nil
        }
        return job.value
    }
}

private class AnyJob {
    func run() {}
}

/// Its value is written by one thread, and read by another only after it has ended.
private final class Job<Value>: AnyJob {
    private let work: () -> Value
    lazy var value = work()

    init(_ work: @escaping () -> Value) { self.work = work }

    override func run() { _ = value }
}

private func runJob(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    var blocked = sigset_t()
    unsafe sigfillset(&blocked)
    unsafe pthread_sigmask(SIG_BLOCK, &blocked, nil)
    unsafe Unmanaged<AnyJob>.fromOpaque(context).takeRetainedValue().run()
    return nil
}
