import Events
internal import Glibc

/// The facts as a list for people and for JSON. Names are contract.
extension HostFacts {
    func list(_ paths: HostPaths) -> [Fact] {
        var facts: [Fact] = []
        func add(_ name: String, _ value: Bytes?, _ source: Bytes) {
            facts.append(value.map { Fact(name, $0) } ?? Fact(name, unreadable: Calls.refusal(source)))
        }
        add("kernel_release", kernelRelease, paths.proc("sys/kernel/osrelease"))
        facts.append(Fact("btf", hasBTF, unreadable: Calls.refusal(paths.sys("kernel"))))
        if hierarchy.mode == .unknown {
            facts.append(Fact("cgroup_mode", unreadable: Calls.refusal(paths.proc("self/mountinfo"))))
        } else {
            facts.append(Fact("cgroup_mode", hierarchy.mode.label))
        }
        let isMounted = hierarchy.mode == .legacy || hierarchy.mode == .unified
        facts.append(Fact("memory_cgroup_mount", isMounted ? hierarchy.mountPoint : Bytes("none".utf8)))
        facts.append(Fact("cgroup_controllers", controllerText))
        facts.append(Fact("io_accounting", accountsIO, unreadable: Calls.refusal(paths.proc("self/mountinfo"))))
        facts.append(pressureFact(paths))
        facts.append(figure("swap_total_bytes", swapTotalBytes, paths.proc("meminfo")))
        facts.append(Fact("swap_devices", swapText))
        facts.append(Fact("zram_swap", hasZramSwap))
        facts.append(Fact("zswap", zswapEnabled, unreadable: Calls.refusal(paths.sys("module"))))
        facts.append(
            schedulers.isEmpty
                ? Fact("disk_schedulers", unreadable: Calls.refusal(paths.sys("block")))
                : Fact("disk_schedulers", schedulerText))
        facts.append(figure("memory_lock_limit_bytes", memoryLockLimit, []))
        let names = capabilities.map { Bytes($0.names.joined(separator: " ").utf8) }
        add("capabilities", names, paths.proc("self/status"))
        let namespaces = paths.proc("self/ns")
        facts.append(Fact("initial_pid_namespace", isInitialPidNamespace, unreadable: Calls.refusal(namespaces)))
        facts.append(Fact("initial_user_namespace", isInitialUserNamespace, unreadable: Calls.refusal(namespaces)))
        add("lockdown", lockdown, paths.sys("kernel/security/lockdown"))
        let unprivileged = paths.proc("sys/kernel/unprivileged_bpf_disabled")
        facts.append(figure("unprivileged_bpf_disabled", unprivilegedBPFDisabled, unprivileged))
        let tracer = paths.proc("sys/kernel/ftrace_enabled")
        facts.append(Fact("ftrace_enabled", runsTrampolines, unreadable: Calls.refusal(tracer)))
        facts.append(Fact("tracefs", tracefs.isEmpty ? Bytes("not mounted or not readable".utf8) : tracefs))
        facts.append(Fact("recorder_cgroup", Bytes(recorderCgroup.utf8)))
        if let directory { facts += HostFacts.list(directory) }
        for kind in Backstops.kinds {
            let name = "backstop_\(kind.label)"
            if let state = backstops.first(where: { $0.kind == kind }) {
                facts.append(Fact(name, state.running ? "running, pid \(state.pid)" : "not running"))
            } else {
                facts.append(Fact(name, unreadable: 0))
            }
        }
        return facts
    }

    private static func list(_ directory: DirectoryFacts) -> [Fact] {
        func tried(_ name: String, _ errno: Int32, no: Int32?) -> Fact {
            switch errno {
            case 0: Fact(name, "yes")
            case no: Fact(name, "no (\(HostError.text(of: errno)))")
            default: Fact(name, unreadable: errno)
            }
        }
        let writable =
            directory.writableErrno == 0
            ? Fact("directory_writable", "yes")
            : Fact("directory_writable", "no (\(HostError.text(of: directory.writableErrno)))")
        return [
            Fact("directory", directory.directory), Fact("directory_exists", directory.exists),
            directory.fileSystem.isEmpty
                ? Fact("directory_file_system", unreadable: 0) : Fact("directory_file_system", directory.fileSystem),
            writable, tried("directory_o_direct", directory.directErrno, no: EINVAL),
            directory.freeBytes.value.map { Fact("directory_free_bytes", "\($0)") }
                ?? Fact("directory_free_bytes", unreadable: 0),
        ]
    }

    private func figure(_ name: String, _ figure: Figure, _ source: Bytes) -> Fact {
        if figure.isUnlimited { return Fact(name, "unlimited") }
        return figure.value.map { Fact(name, "\($0)") } ?? Fact(name, unreadable: Calls.refusal(source))
    }

    private func pressureFact(_ paths: HostPaths) -> Fact {
        switch pressureErrno {
        case 0: Fact("pressure", "yes")
        // Absent where /proc is otherwise there.
        case ENOENT where kernelRelease != nil: Fact("pressure", "no (not built into this kernel)")
        case EOPNOTSUPP: Fact("pressure", "no (disabled at boot; psi=1 on the kernel command line enables it)")
        default: Fact("pressure", unreadable: pressureErrno)
        }
    }

    private var controllerText: Bytes {
        var text = Bytes()
        for controller in controllers {
            if !text.isEmpty { text.append(UInt8(ascii: " ")) }
            text += controller.name
            text += Bytes((controller.hierarchy == 0 ? ":v2" : ":v1").utf8)
        }
        return text
    }

    private var schedulerText: Bytes {
        let parts = schedulers.map { $0.disk + Bytes(":".utf8) + ($0.name ?? Bytes("unreadable".utf8)) }
        return Bytes(parts.joined(separator: [UInt8(ascii: " ")]))
    }

    private var swapText: Bytes {
        var text = Bytes()
        for swap in swaps {
            if !text.isEmpty { text.append(UInt8(ascii: " ")) }
            text += swap.path
        }
        return text.isEmpty ? Bytes("none".utf8) : text
    }
}
