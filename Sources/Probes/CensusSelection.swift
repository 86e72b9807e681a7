import Events

/// What of a census is kept: the largest processes by resident memory and swap, the blocked tasks, those who let people in, and the
/// largest cgroups.
///
/// Bounded whatever the machine runs; its arrays are allocated once and reused. Blocked tasks are kept in the order
/// in which they come (by thread id, so the machine's old services come first) until the bound; those beyond are counted.
struct CensusSelection {
    static let largestKept = 24
    static let blockedKept = 40
    static let cgroupsKept = 32
    /// Of `Doors`: sshd has a process for each login.
    static let doorsKept = 8

    private(set) var processes: UInt64 = 0
    private(set) var blocked: UInt64 = 0
    /// Blocked tasks that were left out.
    private(set) var blockedLeftOut: UInt64 = 0
    private var largest: [CensusTask] = []
    private var blockedTasks: [CensusTask] = []
    private var doors: [CensusTask] = []
    private var cgroups: [MemcgState] = []

    init() {
        largest.reserveCapacity(Self.largestKept)
        blockedTasks.reserveCapacity(Self.blockedKept)
        doors.reserveCapacity(Self.doorsKept)
        cgroups.reserveCapacity(Self.cgroupsKept)
    }

    mutating func reset() {
        processes = 0
        blocked = 0
        blockedLeftOut = 0
        largest.removeAll(keepingCapacity: true)
        blockedTasks.removeAll(keepingCapacity: true)
        doors.removeAll(keepingCapacity: true)
        cgroups.removeAll(keepingCapacity: true)
    }

    /// - Parameter stack: copies the task's stack; called only when the task is kept.
    mutating func consider(_ task: CensusTask, stack: () -> Bytes) {
        let isLeader = task.task.pid == task.task.tgid
        if isLeader { processes += 1 }
        if task.isBlocked {
            blocked += 1
            if blockedTasks.count < Self.blockedKept {
                var kept = task
                kept.stack = stack()
                blockedTasks.append(kept)
            } else {
                blockedLeftOut += 1
            }
        }
        guard isLeader, let size = Self.size(task) else { return }
        if doors.count < Self.doorsKept, Doors.names.contains(task.task.comm) || task.task.comm == Doors.recorder {
            doors.append(task)
        }
        guard let place = place(for: size) else { return }
        if largest.count == Self.largestKept { largest.removeLast() }
        largest.insert(task, at: place)
    }

    /// The largest first, then blocked tasks that are not among them, then the doors that are neither.
    func handOut(_ body: (CensusTask) -> Void) {
        for task in largest {
            // A blocked process that is among the largest was kept with its stack on the other list.
            body(blockedTasks.first { $0.task.pid == task.task.pid } ?? task)
        }
        for task in blockedTasks where !isAmong(largest, task) { body(task) }
        for task in doors where !isAmong(largest, task) && !isAmong(blockedTasks, task) { body(task) }
    }

    private func isAmong(_ kept: [CensusTask], _ task: CensusTask) -> Bool {
        kept.contains { $0.task.pid == task.task.pid }
    }

    mutating func consider(_ cgroup: MemcgState) {
        guard let usage = cgroup.usagePages.value else { return }
        let place = cgroups.firstIndex { ($0.usagePages.value ?? 0) < usage } ?? cgroups.count
        guard place < Self.cgroupsKept else { return }
        if cgroups.count == Self.cgroupsKept { cgroups.removeLast() }
        cgroups.insert(cgroup, at: place)
    }

    func handOutCgroups(_ body: (MemcgState) -> Void) {
        for cgroup in cgroups { body(cgroup) }
    }

    /// Resident and swapped pages; `nil` for what has no address space (kernel threads, zombies).
    static func size(_ task: CensusTask) -> UInt64? {
        guard let anon = task.anonRssPages.value, let file = task.fileRssPages.value,
            let shmem = task.shmemRssPages.value, let swap = task.swapPages.value
        else { return nil }
        return anon &+ file &+ shmem &+ swap
    }

    /// Where a process of that size belongs among the largest; `nil` below all of them.
    private func place(for size: UInt64) -> Int? {
        let place = largest.firstIndex { (Self.size($0) ?? 0) < size } ?? largest.count
        return place < Self.largestKept ? place : nil
    }
}
