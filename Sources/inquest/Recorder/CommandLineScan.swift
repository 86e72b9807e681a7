import CLinux
import Glibc
import Host
import Probes

/// Hands the command lines of the processes that run already to the kernel side's cache, once.
///
/// On a thread of its own that nobody waits for: where a process's memory lock is held (where `ps` hangs), reading its command
/// line takes as long, and a recorder that is started during a wedge must record all the same.
enum CommandLineScan {
    static func start(_ seeds: CommandLineSeeds) {
        let context = unsafe Unmanaged.passRetained(seeds)
        var thread = pthread_t()
        // Without a thread there are fewer command lines; a kill then has none.
        if unsafe pthread_create(&thread, nil, commandLineScanMain, context.toOpaque()) == 0 {
            pthread_detach(thread)
        } else {
            unsafe context.release()
        }
    }
}

private func commandLineScanMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    let seeds = unsafe Unmanaged<CommandLineSeeds>.fromOpaque(context).takeRetainedValue()
    var blocked = sigset_t()
    unsafe sigfillset(&blocked)
    unsafe pthread_sigmask(SIG_BLOCK, &blocked, nil)
    // No part of what the recorder is ahead of others for.
    SelfProtection.lowerPriority()
    CommandLines.read { seeds.give(tgid: $0, $1) }
    return nil
}
