import Events
import Glibc
import Testing

@testable import Probes

extension LiveTests {
    /// Real kills by the kernel's memory cgroups, each compared with what the kernel itself prints about it.
    @Suite struct OomKills {
        /// Threads of a victim go on faulting between the tracepoint and the log line: so many bytes more may be printed.
        static let threadTolerance: UInt64 = 2 << 20

        /// Everything that the `Killed process` line says.
        private func compare(_ kill: OomKill, _ line: KernelLog.Killed, tolerance: UInt64 = 0) {
            let victim = kill.victim
            #expect(victim.task.pid == line.pid)
            #expect(victim.task.comm.bytes == line.comm)
            #expect(victim.task.uid == line.uid)
            #expect(victim.oomScoreAdj == line.oomScoreAdj)
            #expect(near(victim.totalVmPages, line.totalVmKB, tolerance))
            #expect(near(victim.anonRssPages, line.anonKB, tolerance))
            #expect(near(victim.fileRssPages, line.fileKB, tolerance))
            #expect(near(victim.shmemRssPages, line.shmemKB, tolerance))
            #expect(near(victim.pgtablesBytes.value.map { Figure($0 / 4096) } ?? .unknown, line.pgtablesKB, tolerance))
        }

        private func near(_ pages: Figure, _ kilobytes: UInt64, _ tolerance: UInt64) -> Bool {
            guard let pages = pages.value else { return false }
            let bytes = pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
            let printed = kilobytes * 1024
            return bytes <= printed ? printed - bytes <= tolerance : bytes - printed <= tolerance
        }

        /// Everything that the `oom-kill:` line says.
        private func compare(_ kill: OomKill, _ line: KernelLog.Oom, oomCgroup: MemoryCgroup) {
            #expect(kill.constraint.label == line.constraint)
            #expect(kill.entry == .memcg)
            #expect(kill.victim.cgroupPath == Bytes(line.taskMemcg.utf8))
            #expect(oomCgroup.path == line.oomMemcg)
            #expect(kill.victim.task.comm.bytes == line.comm)
            #expect(kill.victim.task.pid == line.pid)
            #expect(kill.victim.task.uid == line.uid)
            // Without tracing it is known while the cgroup's OOM lock is held; never another one's.
            if let id = kill.oomCgroup.value { #expect(id == oomCgroup.id) }
        }

        /// One balloon, alone in a cgroup that is too small for it.
        private func killOne(
            _ name: String, _ arguments: String..., tolerance: UInt64 = 0,
            _ check: (OomKill, Exit, Child, MemoryCgroup) -> Void = { _, _, _, _ in }
        ) throws {
            try Live.listening { listener in
                let log = try #require(KernelLog())
                let cgroup = try #require(MemoryCgroup("inquest-test-\(name)", limitBytes: 32 << 20))
                let child = try #require(Child([Child.balloon, "mb=64"] + arguments))
                try #require(cgroup.add(child.pid))
                child.go()
                #expect(child.wait() & 0x7f == SIGKILL)
                #expect(listener.wait { $0.exit(of: child) != nil })
                log.read()

                let kills = listener.kills(of: child)
                try #require(kills.count == 1)
                let lines = log.killed.filter { $0.pid == kills[0].victim.task.pid }
                try #require(lines.count == 1)
                compare(kills[0], lines[0], tolerance: tolerance)
                if let line = log.ooms.first(where: { $0.pid == kills[0].victim.task.pid }) {
                    compare(kills[0], line, oomCgroup: cgroup)
                }
                let exit = try #require(listener.exit(of: child))
                #expect(exit.exitCode & 0x7f == SIGKILL)
                #expect(exit.lastSignal == UInt32(SIGKILL))
                check(kills[0], exit, child, cgroup)
            }
        }

        @Test func `a process alone in its cgroup`() throws {
            try killOne("alone") { kill, exit, child, cgroup in
                #expect(kill.victim.task.tgid == UInt32(child.pid))
                #expect(kill.victim.task.ppid == UInt32(getpid()))
                #expect(kill.victim.nsUid == 0)
                #expect(!kill.victim.alreadyExiting)
                #expect(kill.victim.swapPages == 0)
                #expect(kill.trigger.tgid == UInt32(child.pid))
                #expect(kill.trigger.cgroup == cgroup.id)
                #expect(kill.victim.cmdline == Bytes((Child.balloon + "\0mb=64").utf8))
                #expect(!kill.victim.cmdlineTruncated)
                #expect(exit.task.cgroup == cgroup.id)
            }
        }

        @Test func `the limit and the use of its cgroup are those of that moment`() throws {
            try killOne("figures") { kill, _, _, cgroup in
                let pages: UInt64 = (32 << 20) / UInt64(sysconf(Int32(_SC_PAGESIZE)))
                #expect(kill.ancestors.first?.id == cgroup.id)
                #expect(kill.ancestors.first?.maxPages == Figure(pages))
                #expect(kill.ancestors.first?.usagePages.value.map { $0 + 64 >= pages && $0 <= pages } == true)
                #expect(kill.ancestors.first?.peakPages.value.map { $0 >= pages - 64 } == true)
                #expect(kill.ancestors.first?.oomEvents.value.map { $0 >= 1 } == true)
                #expect(kill.ancestors.first?.oomKillEvents == 1)
                // The root has no limit, and what it uses is not counted.
                #expect(kill.ancestors.last?.maxPages == .unlimited)
                #expect(kill.ancestors.last?.usagePages == .unknown)
            }
        }

        @Test func `a process of many threads`() throws {
            try killOne("threads", "threads=16", tolerance: OomKills.threadTolerance) { kill, _, child, _ in
                #expect(kill.victim.task.tgid == UInt32(child.pid))
                #expect(kill.trigger.tgid == UInt32(child.pid))
                #expect(kill.trigger.pid != UInt32(child.pid))
            }
        }

        @Test func `a name of escape characters, quotes and a newline stays as it is`() throws {
            let name = "\u{1b}[31m\n\"'\\\u{7f}\u{85}"
            try killOne("hostile", "name=" + name) { kill, _, _, _ in
                #expect(kill.victim.task.comm.bytes == Array(name.utf8.prefix(15)))
            }
        }

        @Test func `another user's process, with a score adjustment`() throws {
            try killOne("user", "adj=500", "uid=12345") { kill, exit, _, _ in
                #expect(kill.victim.task.uid == 12345)
                #expect(kill.victim.oomScoreAdj == 500)
                #expect(exit.task.uid == 12345)
            }
        }

        @Test func `the kernel's own SIGKILL precedes the mark, and the exit follows`() throws {
            try Live.listening { listener in
                let cgroup = try #require(MemoryCgroup("inquest-test-order", limitBytes: 32 << 20))
                let child = try #require(Child.balloon("mb=64"))
                try #require(cgroup.add(child.pid))
                child.go()
                _ = child.wait()
                #expect(listener.wait { $0.exit(of: child) != nil })
                let signals = listener.signals(to: child)
                #expect(signals.count == 1)
                #expect(signals.first?.origin == .kernel)
                #expect(signals.first?.signal == SIGKILL)
                let tgid = UInt32(child.pid)
                let signal = try #require(
                    listener.events.first {
                        if case .signal(let s) = $0.payload { s.target.task.tgid == tgid } else { false }
                    })
                let mark = try #require(
                    listener.events.first {
                        if case .oomKill(let k) = $0.payload { k.victim.task.tgid == tgid } else { false }
                    })
                let end = try #require(
                    listener.events.first { if case .exit(let e) = $0.payload { e.task.tgid == tgid } else { false } })
                #expect(signal.boottimeNs <= mark.boottimeNs)
                #expect(signal.boottimeNs < end.boottimeNs)
                let exit = try #require(listener.exit(of: child))
                // The first of the two is what death is timed from.
                #expect(exit.markedBoottimeNs <= signal.boottimeNs)
                #expect(exit.markedBoottimeNs > 0)
            }
        }

        @Test func `a victim that is not the trigger`() throws {
            try Live.listening { listener in
                let log = try #require(KernelLog())
                let cgroup = try #require(MemoryCgroup("inquest-test-trigger", limitBytes: 48 << 20))
                let large = try #require(Child.balloon("mb=36", "then=hold", "name=large"))
                let small = try #require(Child.balloon("mb=20", "name=small"))
                try #require(cgroup.add(large.pid))
                try #require(cgroup.add(small.pid))
                large.go()
                #expect(large.firstLine() == "full")
                small.go()
                #expect(large.wait() & 0x7f == SIGKILL)
                #expect(small.wait() == 0)
                #expect(listener.wait { $0.exit(of: large) != nil })
                log.read()
                let kill = try #require(listener.kills(of: large).first)
                #expect(listener.kills(of: small).isEmpty)
                #expect(kill.trigger.tgid == UInt32(small.pid))
                #expect(kill.victim.task.tgid == UInt32(large.pid))
                #expect(kill.victim.task.comm == Comm("large"))
                compare(kill, try #require(log.killed.first { $0.pid == UInt32(large.pid) }))
                if let line = log.ooms.first(where: { $0.pid == UInt32(large.pid) }) {
                    compare(kill, line, oomCgroup: cgroup)
                }
            }
        }

        @Test func `the limit of a parent kills in its child`() throws {
            try Live.listening { listener in
                let log = try #require(KernelLog())
                let parent = try #require(MemoryCgroup("inquest-test-parent", limitBytes: 32 << 20))
                if MemoryCgroup.root?.unified == true {
                    try #require(Live.write("+memory", to: "/sys/fs/cgroup" + parent.path + "/cgroup.subtree_control"))
                }
                let inner = try #require(parent.inside("child"))
                let child = try #require(Child.balloon("mb=64"))
                try #require(inner.add(child.pid))
                child.go()
                _ = child.wait()
                #expect(listener.wait { $0.exit(of: child) != nil })
                log.read()
                let kill = try #require(listener.kills(of: child).first)
                #expect(kill.victim.cgroupPath == Bytes(inner.path.utf8))
                #expect(kill.victim.task.cgroup == inner.id)
                #expect(kill.ancestors.map(\.id).prefix(2) == [inner.id, parent.id])
                #expect(kill.oomCgroup == Figure(parent.id))
                if let line = log.ooms.first(where: { $0.pid == UInt32(child.pid) }) {
                    compare(kill, line, oomCgroup: parent)
                }
                inner.remove()
            }
        }

        /// More than the kernel log's `oom-kill:` lines hold; `Killed process` is printed for each.
        @Test func `many victims in a row: none is missing, none is invented`() throws {
            try Live.listening { listener in
                let log = try #require(KernelLog())
                let cgroup = try #require(MemoryCgroup("inquest-test-row", limitBytes: 32 << 20))
                var children: [Child] = []
                for number in 0..<16 {
                    let child = try #require(Child.balloon("mb=64", "name=row-\(number)"))
                    try #require(cgroup.add(child.pid))
                    child.go()
                    #expect(child.wait() & 0x7f == SIGKILL)
                    children.append(child)
                }
                #expect(listener.wait { listener in children.allSatisfy { listener.exit(of: $0) != nil } })
                log.read()
                let path = Bytes(cgroup.path.utf8)
                let kills = listener.kills.filter { $0.victim.cgroupPath == path }
                let pids = Set(children.map { UInt32($0.pid) })
                let lines = log.killed.filter { pids.contains($0.pid) }
                #expect(lines.count == children.count)
                #expect(kills.map(\.victim.task.pid).sorted() == lines.map(\.pid).sorted())
                for line in lines {
                    guard let kill = kills.first(where: { $0.victim.task.pid == line.pid }) else { continue }
                    compare(kill, line)
                }
                for line in log.ooms where line.taskMemcg == cgroup.path {
                    let kill = try #require(kills.first { $0.victim.task.pid == line.pid })
                    compare(kill, line, oomCgroup: cgroup)
                }
            }
        }

        /// Another thread ends the process about when it is killed. What the kernel says decides what must be there.
        @Test func `processes that exit while they are killed`() throws {
            try Live.listening { listener in
                let log = try #require(KernelLog())
                let cgroup = try #require(MemoryCgroup("inquest-test-exiting", limitBytes: 32 << 20))
                var children: [Child] = []
                for number in 0..<12 {
                    let child = try #require(Child.balloon("mb=64", "threads=4", "quit=\(26 + number % 6)"))
                    try #require(cgroup.add(child.pid))
                    child.go()
                    _ = child.wait()
                    children.append(child)
                }
                // The end of one more process is the end of what is to be heard.
                let last = try #require(Child.balloon("mb=64"))
                try #require(cgroup.add(last.pid))
                last.go()
                _ = last.wait()
                #expect(listener.wait { $0.exit(of: last) != nil })
                log.read()
                for child in children {
                    let kills = listener.kills(of: child)
                    let printed = log.killed.filter { line in
                        line.pid == UInt32(child.pid) || kills.contains { $0.victim.task.pid == line.pid }
                    }
                    // A victim that is dying already is marked without a line of the log.
                    #expect(kills.filter { !$0.victim.alreadyExiting }.count <= printed.count)
                    #expect(printed.count <= kills.count)
                    if let kill = kills.first {
                        #expect(kill.victim.cgroupPath == Bytes(cgroup.path.utf8))
                        #expect(kill.victim.task.comm == Comm("balloon"))
                        #expect(listener.exit(of: child) != nil)
                    }
                }
            }
        }

        @Test func `a cgroup that is removed right after the kill still has its path`() throws {
            try Live.listening { listener in
                let parent = try #require(MemoryCgroup("inquest-test-gone"))
                let cgroup = try #require(parent.inside("b\u{1b} c"))
                try #require(
                    MemoryCgroup.root?.unified == true
                        || Live.write("33554432", to: "/sys/fs/cgroup/memory\(cgroup.path)/memory.limit_in_bytes"))
                let id = cgroup.id
                let child = try #require(Child.balloon("mb=64"))
                try #require(cgroup.add(child.pid))
                child.go()
                _ = child.wait()
                #expect(cgroup.remove())
                // Drained only now: the kernel has forgotten the name.
                #expect(listener.wait { $0.cgroups.contains { $0.id == id && $0.action == .removed } })
                let kill = try #require(listener.kills(of: child).first)
                let path = Bytes(cgroup.path.utf8)
                #expect(kill.victim.cgroupPath == path)
                #expect(kill.victim.task.cgroup == id)
                let changes = listener.cgroups.filter { $0.id == id }
                #expect(changes.map(\.action) == [.created, .removed])
                #expect(changes.allSatisfy { $0.path == path && $0.hierarchy == memoryHierarchy() })
            }
        }
    }
}
