public import Events

/// The effective capabilities of a process (capabilities(7)), from `/proc/self/status`.
public struct Capabilities: Equatable, Sendable {
    public var effective: UInt64

    public enum Name: UInt8, CaseIterable, Sendable {
        case dacReadSearch = 2
        case kill = 5
        case ipcLock = 14
        case sysPtrace = 19
        case sysAdmin = 21
        case sysNice = 23
        case sysResource = 24
        case syslog = 34
        case perfmon = 38
        case bpf = 39

        /// As people write it: `CAP_BPF`.
        public var label: String {
            switch self {
            case .dacReadSearch: "CAP_DAC_READ_SEARCH"
            case .kill: "CAP_KILL"
            case .ipcLock: "CAP_IPC_LOCK"
            case .sysPtrace: "CAP_SYS_PTRACE"
            case .sysAdmin: "CAP_SYS_ADMIN"
            case .sysNice: "CAP_SYS_NICE"
            case .sysResource: "CAP_SYS_RESOURCE"
            case .syslog: "CAP_SYSLOG"
            case .perfmon: "CAP_PERFMON"
            case .bpf: "CAP_BPF"
            }
        }
    }

    public init(effective: UInt64) { self.effective = effective }

    /// Reads the line `CapEff:` of a status file; `nil` without it.
    public init?(status: Bytes) {
        for row in status.lines where row.starts(with: "CapEff:".utf8) {
            let digits = row.dropFirst(7).drop { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }
            guard let value = UInt64(String(decoding: digits, as: UTF8.self), radix: 16) else { return nil }
            effective = value
            return
        }
        return nil
    }

    public func has(_ name: Name) -> Bool { effective >> UInt64(name.rawValue) & 1 != 0 }

    /// CAP_SYS_ADMIN includes what CAP_BPF and CAP_PERFMON (5.8) were cut out of it.
    public var mayLoadPrograms: Bool { has(.sysAdmin) || (has(.bpf) && has(.perfmon)) }

    public var names: [String] { Name.allCases.filter(has).map(\.label) }
}
