/// Processes that a census keeps however small they are: without the first ones nobody gets in to a machine in trouble, without
/// the last one nobody tells what happened.
public enum Doors {
    public static let names = ["sshd", "dropbear", "systemd-logind"].map { Comm($0) }
    public static let recorder = Comm("inquest")
}
