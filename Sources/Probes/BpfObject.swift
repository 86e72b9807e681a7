import CLibbpf
import Glibc
import KernelWire

/// The embedded BPF object, opened, and after `load` in the kernel. Owns its programs, maps and links.
///
/// Deliberately knows nothing of features or of what the programs mean.
@safe
final class BpfObject {
    private let object: OpaquePointer
    private var programs: [String: OpaquePointer] = unsafe [:]
    /// In the order of attaching; taken off in the reverse order.
    private var links: [(program: String, link: OpaquePointer)] = unsafe []
    /// Root of the hierarchy that the cgroup iterator walks.
    private let cgroups: String?

    /// - Parameters:
    ///   - cgroups: where the memory controller's hierarchy is mounted; without it no cgroup iterator is attached.
    ///   - types: a file with the kernel's types that the programs refer to; without it libbpf reads all that the kernel has.
    init(cgroups: String? = nil, types: String? = nil) throws(ProbeError) {
        self.cgroups = cgroups
        LibbpfLog.install()
        LibbpfLog.clear()
        var options = unsafe bpf_object_open_opts()
        unsafe options.sz = MemoryLayout<bpf_object_open_opts>.size
        let opened = unsafe "inquest".withCString { name in
            unsafe options.object_name = name
            guard let types else {
                return unsafe bpf_object__open_mem(unsafe iq_object_bytes(), iq_object_size(), &options)
            }
            return unsafe types.withCString { path in
                unsafe options.btf_custom_path = path
                return unsafe bpf_object__open_mem(unsafe iq_object_bytes(), iq_object_size(), &options)
            }
        }
        guard let opened = unsafe opened else {
            throw .badObject("cannot be opened: \(LibbpfLog.reason)")
        }
        unsafe object = opened
        var next = unsafe bpf_object__next_program(opened, nil)
        while let program = unsafe next {
            if let name = unsafe bpf_program__name(program) { unsafe programs[String(cString: name)] = program }
            unsafe next = bpf_object__next_program(opened, program)
        }
    }

    deinit {
        while let (_, link) = unsafe links.popLast() { unsafe bpf_link__destroy(link) }
        unsafe bpf_object__close(object)
    }

    // MARK: Before loading

    var programNames: [String] { unsafe Array(programs.keys) }

    /// Names of the types that the programs were compiled with, those of the kernel among them, without their flavour
    /// (`request___516` is the kernel's `request`).
    var typeNames: Set<String> {
        var result: Set<String> = []
        let types = unsafe bpf_object__btf(object)
        for id in 1..<max(1, unsafe btf__type_cnt(types)) {
            guard let type = unsafe btf__type_by_id(types, id),
                let name = unsafe btf__name_by_offset(types, type.pointee.name_off), unsafe name.pointee != 0
            else { continue }
            let flavoured = unsafe String(cString: name)
            if let flavour = flavoured.utf8.indices.dropFirst().first(where: { flavoured[$0...].hasPrefix("___") }) {
                result.insert(String(flavoured[..<flavour]))
            } else {
                result.insert(flavoured)
            }
        }
        return result
    }

    /// What a program hooks: its ELF section, `raw_tp/mark_victim`.
    func section(_ program: String) -> String? {
        guard let found = unsafe programs[program], let section = unsafe bpf_program__section_name(found) else {
            return nil
        }
        return unsafe String(cString: section)
    }

    /// Only the named programs will be loaded.
    func select(_ names: Set<String>) throws(ProbeError) {
        if let unknown = names.first(where: { unsafe programs[$0] == nil }) {
            throw .badObject("has no program \(unknown)")
        }
        for unsafe(name, program) in unsafe programs { unsafe bpf_program__set_autoload(program, names.contains(name)) }
    }

    func setCapacity(_ name: String, _ entries: UInt32) throws(ProbeError) {
        guard try unsafe bpf_map__set_max_entries(map(name), entries) == 0 else {
            throw .badObject("map \(name) cannot hold \(entries) entries")
        }
    }

    /// Sets the initial contents of a section of constants or variables.
    func setContents<T: BitwiseCopyable>(_ name: String, _ value: T) throws(ProbeError) {
        var value = value
        let failed = try unsafe bpf_map__set_initial_value(map(name), &value, MemoryLayout<T>.size)
        guard failed == 0 else { throw .badObject("\(name) does not have \(MemoryLayout<T>.size) bytes") }
    }

    /// - Returns: 0, or the errno of the refusal; `LibbpfLog` then knows the program and the reason.
    func load() -> Int32 { unsafe -bpf_object__load(object) }

    // MARK: Loaded

    private func map(_ name: String) throws(ProbeError) -> OpaquePointer {
        guard let found = unsafe bpf_object__find_map_by_name(object, name) else {
            throw .badObject("has no map \(name)")
        }
        return unsafe found
    }

    /// A loaded map's descriptor; `nil` when there is no such map.
    func mapDescriptor(_ name: String) -> Int32? {
        guard let found = unsafe bpf_object__find_map_by_name(object, name) else { return nil }
        let descriptor = unsafe bpf_map__fd(found)
        return descriptor >= 0 ? descriptor : nil
    }

    /// Descriptors of the loaded programs.
    var programDescriptors: [Int32] {
        unsafe programs.values.map { unsafe bpf_program__fd($0) }.filter { $0 >= 0 }
    }

    /// Attaches a loaded program; harmless when it is attached already.
    ///
    /// - Returns: 0, or the errno of the refusal.
    func attach(_ name: String) -> Int32 {
        if linkDescriptor(name) != nil { return 0 }
        guard let program = unsafe programs[name] else { return ENOENT }
        let made = unsafe section(name) == "iter/cgroup" ? attachToCgroups(program) : bpf_program__attach(program)
        guard let link = unsafe made else { return errno }
        unsafe links.append((name, link))
        return 0
    }

    /// The cgroup iterator walks a hierarchy that it is told by a descriptor of its root, parents before their children.
    private func attachToCgroups(_ program: OpaquePointer) -> OpaquePointer? {
        guard let cgroups else {
            errno = ENOENT
            return nil
        }
        let root = unsafe open(cgroups, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else { return nil }
        // The link keeps the cgroup itself.
        defer { close(root) }
        var walk = bpf_iter_link_info()
        unsafe walk.cgroup.order = BPF_CGROUP_ITER_DESCENDANTS_PRE
        unsafe walk.cgroup.cgroup_fd = UInt32(root)
        return unsafe withUnsafeMutablePointer(to: &walk) { walk in
            var options = unsafe bpf_iter_attach_opts()
            unsafe options.sz = MemoryLayout<bpf_iter_attach_opts>.size
            unsafe options.link_info = walk
            unsafe options.link_info_len = UInt32(MemoryLayout<bpf_iter_link_info>.size)
            return unsafe bpf_program__attach_iter(program, &options)
        }
    }

    func detach(_ name: String) {
        guard let index = unsafe links.firstIndex(where: { unsafe $0.program == name }) else { return }
        unsafe bpf_link__destroy(links.remove(at: index).link)
    }

    /// Descriptor of an attached program's link: what `bpf_iter_create` takes. `nil` when it is not attached.
    func linkDescriptor(_ name: String) -> Int32? {
        guard let found = unsafe links.first(where: { unsafe $0.program == name }) else { return nil }
        return unsafe bpf_link__fd(found.link)
    }
}
