public import Events

/// The kernel's measure of who is to die (`oom_badness`, mm/oom_kill.c): pages that its end would free, and what its
/// `oom_score_adj` adds or takes away.
public enum Badness {
    /// OOM_SCORE_ADJ_MIN (include/uapi/linux/oom.h): never killed.
    public static let exempt: Int32 = -1000

    /// - Parameters:
    ///   - task: as a census saw it.
    ///   - totalPages: memory and swap of the machine; inside a cgroup its limit.
    ///   - pageSize: bytes.
    /// - Returns: `nil` for whom the kernel never kills: init, its own threads, the exempt, what has no address space (any more).
    public static func points(_ task: CensusTask, totalPages: UInt64, pageSize: UInt64) -> Int64? {
        guard task.task.tgid != 1, !task.task.isKernelThread, task.oomScoreAdj > exempt,
            let anon = task.anonRssPages.value, let file = task.fileRssPages.value,
            let shmem = task.shmemRssPages.value, let swap = task.swapPages.value
        else { return nil }
        // Recordings of before they were recorded have no page tables: some thousandths less.
        let tables = (task.pgtablesBytes.value ?? 0) / max(pageSize, 1)
        let pages = [anon, file, shmem, swap, tables].reduce(0 as UInt64) {
            $0.addingReportingOverflow($1).partialValue
        }
        let adjustment = Int64(clamping: totalPages / 1000).multipliedReportingOverflow(by: Int64(task.oomScoreAdj))
        return Int64(clamping: pages).addingReportingOverflow(adjustment.partialValue).partialValue
    }

    /// `/proc/PID/oom_score`: the same on a scale of 0 to 2000 (proc_oom_score, fs/proc/base.c, 5.9 and later).
    public static func score(_ points: Int64?, totalPages: UInt64) -> UInt64 {
        guard let points, totalPages > 0 else { return 0 }
        let (scaled, overflow) = points.multipliedReportingOverflow(by: 1000)
        guard !overflow else { return 0 }
        return UInt64(max((1000 + scaled / Int64(clamping: totalPages)) * 2 / 3, 0))
    }
}

/// A process, as the OOM killers see it.
public struct KillCandidate: Fields, Equatable, Sendable {
    public var pid: UInt32 = 0
    public var comm = Comm()
    public var uid: UInt32 = 0
    public var user = Bytes()
    public var cgroup = Bytes()
    public var oomScoreAdj: Int32 = 0
    public var rssBytes = Figure.unknown
    public var swapBytes = Figure.unknown
    public var pgtablesBytes = Figure.unknown
    /// `oom_badness`, pages; `nil` when the kernel never kills it.
    public var points: Int64?
    /// What `/proc/PID/oom_score` says.
    public var oomScore: UInt64 = 0
    /// Its place in the order in which the kernel would kill, from 1; 0 for nobody's.
    public var place: UInt64 = 0

    public init() {}
    public mutating func walk<W: FieldWalker & ~Copyable>(_ w: inout W) throws(W.Failure) {
        try w.unsigned("pid", &pid)
        try w.comm("comm", &comm)
        try w.unsigned("uid", &uid)
        try w.text("user", &user)
        try w.text("cgroup", &cgroup)
        try w.signed("oom_score_adj", &oomScoreAdj)
        try w.figure("rss_bytes", &rssBytes)
        try w.figure("swap_bytes", &swapBytes)
        try w.figure("pgtables_bytes", &pgtablesBytes)
        try w.optionalSigned("points", &points)
        try w.unsigned("oom_score", &oomScore)
        try w.unsigned("place", &place)
    }

    init(_ task: CensusTask, points: Int64?, totalPages: UInt64, pageSize: UInt64) {
        pid = task.task.tgid
        comm = task.task.comm
        uid = task.task.uid
        oomScoreAdj = task.oomScoreAdj
        rssBytes = sum(task.anonRssPages, task.fileRssPages, task.shmemRssPages).scaled(by: pageSize)
        swapBytes = task.swapPages.scaled(by: pageSize)
        pgtablesBytes = task.pgtablesBytes
        self.points = points
        oomScore = Badness.score(points, totalPages: totalPages)
    }
}

extension KillCandidate: NamedProcess {
    public var shownPid: UInt32 { pid }
    public var ownerUID: Figure { Figure(uid: uid) }
}

/// Everybody of a census in the order in which the kernel would kill.
public struct KillRanking: Sendable {
    public private(set) var candidates: [KillCandidate] = []
    public private(set) var exempt: [KillCandidate] = []

    /// - Parameters:
    ///   - tasks: of a census; those that are no thread group's leader are left out.
    ///   - totalPages: as for `Badness.points`.
    ///   - pageSize: bytes.
    public init(_ tasks: [CensusTask], totalPages: UInt64, pageSize: UInt64) {
        for task in tasks where task.task.pid == task.task.tgid && !task.task.isKernelThread {
            let points = Badness.points(task, totalPages: totalPages, pageSize: pageSize)
            let candidate = KillCandidate(task, points: points, totalPages: totalPages, pageSize: pageSize)
            if points != nil {
                candidates.append(candidate)
            } else if task.oomScoreAdj <= Badness.exempt || task.task.tgid == 1 {
                exempt.append(candidate)
            }
        }
        // Of equals the kernel takes the one that it meets last.
        candidates.sort { ($0.points ?? 0, $0.pid) > ($1.points ?? 0, $1.pid) }
        for index in candidates.indices { candidates[index].place = UInt64(index + 1) }
        exempt.sort { $0.pid < $1.pid }
    }
}
