/// Why the kernel cannot be listened to.
public enum ProbeError: Error, Equatable, Sendable {
    /// Capabilities that are missing, by name.
    case missingCapability(String)
    /// The capabilities of a user namespace are not the host's.
    case userNamespace
    /// `/sys/kernel/btf/vmlinux` cannot be read: the kernel was built without CONFIG_DEBUG_INFO_BTF, or sysfs is not mounted.
    case noTypeInformation(errno: Int32)
    /// The kernel's limit on locked memory is too low for the maps (kernels before 5.11).
    case lockedMemory
    /// The embedded object is not one, or lacks what this program expects of it.
    case badObject(String)
    /// A program or a map was refused, and nothing else does its work.
    case refused(what: String, errno: Int32, reason: String)

    public var message: String {
        switch self {
        case .missingCapability(let names): "listening to the kernel needs \(names): run as root or grant it"
        case .userNamespace:
            "listening to the kernel needs the host's own capabilities, and this is a user namespace: run inquest on the host"
        case .noTypeInformation(let code):
            "cannot read /sys/kernel/btf/vmlinux (\(errorText(code))): needs a kernel with CONFIG_DEBUG_INFO_BTF and /sys mounted"
        case .lockedMemory: "the limit on locked memory is too low for BPF maps: raise it (ulimit -l unlimited)"
        case .badObject(let what): "the BPF object inside this binary is unusable (\(what)): rebuild with tools/bpf"
        case .refused(let what, let code, let reason):
            "the kernel refused \(what) (\(errorText(code)))" + (reason.isEmpty ? "" : ": \(reason)")
        }
    }
}
