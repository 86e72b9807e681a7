/// The cgroup that a recorder makes for itself where nobody else manages cgroups. Those who correlate know it, too: what the recorder
/// does to the disk, and waits for there, is no harm done to anybody.
public enum RecorderCgroup {
    /// Its path from the root of the memory controller's hierarchy.
    public static let path = Bytes("/inquest-recorder".utf8)
}
