import CLinux
import Glibc

/// The process that a drill lets the kernel kill: this binary again, in a process of its own.
///
/// It waits until its parent has put it into the drill's cgroup (a line on standard input), then touches memory until the
/// kernel ends it. It never grows beyond `ceiling`, so that a cgroup that does not contain it costs the machine no more
/// than that.
enum Balloon {
    static let processName = "inquest-balloon"
    /// Exit status when the ceiling was reached and nothing killed it.
    static let survived: Int32 = 9
    private static let stepBytes = 1 << 20

    static func run(ceiling: Int) -> Int32 {
        _ = unsafe processName.withCString { unsafe iq_set_name($0) }
        // End with the parent, whatever happens to it.
        _ = iq_end_with_parent()
        makeKillable()
        var go: UInt8 = 0
        guard unsafe read(STDIN_FILENO, &go, 1) == 1 else { return 0 }
        var size = 0
        while size < ceiling {
            guard
                let block = unsafe mmap(
                    nil, stepBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | Int32(MAP_ANONYMOUS), -1, 0),
                unsafe block != MAP_FAILED
            else { return survived }
            // Different bytes in each page, so that nothing can merge or compress them away.
            for offset in stride(from: 0, to: stepBytes, by: 4096) {
                unsafe block.storeBytes(
                    of: UInt64(size + offset) &* 0x9e37_79b9_7f4a_7c15, toByteOffset: offset, as: UInt64.self)
            }
            size += stepBytes
        }
        return survived
    }

    /// A recorder that protects itself has an oom_score_adj that children inherit; the balloon must not be spared.
    private static func makeKillable() {
        let descriptor = unsafe open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let value: StaticString = "500"
        _ = unsafe write(descriptor, value.utf8Start, value.utf8CodeUnitCount)
    }
}
