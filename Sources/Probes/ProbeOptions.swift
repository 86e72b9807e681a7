/// What is listened for, and within which bounds. Every number has a unit in its name; memory is the kernel's, not ours.
public struct ProbeOptions: Sendable {
    /// Size of the ring between kernel and recorder. Rounded up to a power of two of pages; it is mapped, and therefore
    /// counts as resident, whether it has ever been filled or not.
    public var ringBytes = 2 << 20
    /// Command lines are cached at exec and shown with a kill. Off for those who keep secrets there.
    public var keepCommandLines = true
    /// Processes whose command lines are kept (some 320 bytes each): the least recently used are forgotten first.
    public var commandLines: UInt32 = 8192
    /// A block IO at least this long, from the start of its request, gets a record of its own.
    public var slowIONs: UInt64 = 500_000_000
    public var slowIOsPerSecond: UInt32 = 20
    /// A stall (memory.high, direct reclaim) at least this long gets a record of its own.
    public var longStallNs: UInt64 = 500_000_000
    public var longStallsPerSecond: UInt32 = 50

    /// Fatal signals from process to process that get a record; the kernel's own always do. Bounds what a flood of signals can
    /// take of the ring.
    public var signalsPerSecond: UInt32 = 500

    /// Where the hierarchy that carries the memory controller is mounted; `nil` without one. The census of cgroups walks it.
    public var memoryCgroups: String?
    /// A cgroup at least this large is in the census.
    public var censusCgroupBytes: UInt64 = 16 << 20

    public init() {}
}
