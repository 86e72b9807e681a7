import CLibbpf
import Events
import Glibc
import Testing

@testable import Probes

extension LiveTests {
    @Suite struct Signals {
        private func idle(_ more: String...) throws -> Child {
            let child = try #require(Child([Child.balloon, "mb=1", "then=hold"] + more))
            child.go()
            #expect(child.firstLine() == "full")
            return child
        }

        @Test func `kill -9 from a shell is that shell's`() throws {
            try Live.listening { listener in
                let target = try idle()
                let shell = try #require(Child.shell("read pid; kill -9 $pid; read wait"))
                shell.send("\(target.pid)\n")
                #expect(target.wait() & 0x7f == SIGKILL)
                #expect(listener.wait { $0.exit(of: target) != nil })
                let signals = listener.signals(to: target)
                try #require(signals.count == 1)
                let signal = signals[0]
                #expect(signal.signal == SIGKILL)
                #expect(signal.siCode == 0)
                #expect(signal.origin == .user)
                #expect(signal.result == 0)
                #expect(signal.group)
                #expect(signal.sender.tgid == UInt32(shell.pid))
                #expect(signal.sender.ppid == UInt32(getpid()))
                #expect(signal.sender.comm == Comm("sh"))
                #expect(signal.sender.uid == 0)
                #expect(signal.senderExe.first == UInt8(ascii: "/"))
                var exe = [UInt8](repeating: 0, count: 4096)
                let length = readlink("/proc/\(shell.pid)/exe", &exe, exe.count)
                #expect(signal.senderExe == Bytes(exe.prefix(max(length, 0))))
                #expect(signal.target.cmdline == Bytes((Child.balloon + "\0mb=1\0then=hold").utf8))
                #expect(signal.target.nsPid == UInt32(target.pid))
                #expect(signal.target.startBoottimeNs > 0)
                #expect(signal.target.anonRssPages.value.map { $0 >= 256 } == true)
                let exit = try #require(listener.exit(of: target))
                #expect(exit.exitCode == SIGKILL)
            }
        }

        @Test func `SIGTERM, and SIGKILL when it is not obeyed, are one marked process`() throws {
            try Live.listening { listener in
                let target = try idle("term=stay")
                kill(target.pid, SIGTERM)
                kill(target.pid, SIGKILL)
                _ = target.wait()
                #expect(listener.wait { $0.exit(of: target) != nil })
                #expect(listener.signals(to: target).map(\.signal) == [SIGTERM, SIGKILL])
                #expect(listener.signals(to: target).allSatisfy { $0.sender.tgid == UInt32(getpid()) })
                let first = try #require(
                    listener.events.first {
                        if case .signal(let s) = $0.payload { s.target.task.tgid == UInt32(target.pid) } else { false }
                    })
                let exit = try #require(listener.exit(of: target))
                #expect(exit.lastSignal == UInt32(SIGKILL))
                #expect(exit.markedBoottimeNs <= first.boottimeNs)
                #expect(listener.exits.filter { $0.task.tgid == UInt32(target.pid) }.count == 1)
            }
        }

        @Test func `a process that obeys SIGTERM exits with its own status`() throws {
            try Live.listening { listener in
                let target = try #require(Child.shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done"))
                #expect(target.firstLine() == "ready")
                kill(target.pid, SIGTERM)
                #expect(target.wait() == 3 << 8)
                #expect(listener.wait { $0.exit(of: target) != nil })
                let exit = try #require(listener.exit(of: target))
                #expect(exit.exitCode == 3 << 8)
                #expect(exit.lastSignal == UInt32(SIGTERM))
            }
        }

        @Test func `SIGKILL to a zombie kills nobody and leaves nothing behind`() throws {
            try Live.listening { listener in
                let zombie = try #require(Child.shell("exit 0"))
                var info = siginfo_t()
                // Its end is awaited, and left for later to be collected.
                try #require(waitid(P_PID, id_t(zombie.pid), &info, WEXITED | WNOWAIT) == 0)
                kill(zombie.pid, SIGKILL)
                let alive = try idle()
                kill(alive.pid, SIGKILL)
                _ = alive.wait()
                #expect(listener.wait { $0.exit(of: alive) != nil })
                #expect(listener.signals(to: zombie).isEmpty)
                var key = UInt32(zombie.pid)
                var mark: (UInt64, UInt64) = (0, 0)
                let marks = try #require(listener.probes.map("iq_marks"))
                #expect(bpf_map_lookup_elem(marks, &key, &mark) != 0)
            }
        }

        @Test func `SIGABRT from another process is recorded; a process's own signals are not`() throws {
            try Live.listening { listener in
                let own = try #require(Child.shell("read go; kill -TERM $$"))
                own.send("go\n")
                _ = own.wait()
                let target = try #require(Child.shell("echo ready; read wait"))
                #expect(target.firstLine() == "ready")
                kill(target.pid, SIGABRT)
                #expect(target.wait() & 0x7f == SIGABRT)
                #expect(listener.wait { $0.exit(of: target) != nil })
                #expect(listener.signals(to: target).map(\.signal) == [SIGABRT])
                #expect(listener.signals(to: own).isEmpty)
                #expect(listener.exit(of: own) == nil)
            }
        }

        @Test func `harmless signals are nobody's business`() throws {
            try Live.listening { listener in
                let target = try idle()
                kill(target.pid, SIGCONT)
                kill(target.pid, SIGWINCH)
                kill(target.pid, 0)
                kill(target.pid, SIGKILL)
                _ = target.wait()
                #expect(listener.wait { $0.exit(of: target) != nil })
                #expect(listener.signals(to: target).map(\.signal) == [SIGKILL])
            }
        }

        @Test func `a forked child goes by its parent's command line, one that was running by the one it was given`()
            throws
        {
            let before = try idle("name=before")
            try Live.listening { listener in
                let seeds = try #require(listener.probes.commandLineSeeds())
                seeds.give(tgid: UInt32(before.pid), Bytes("given\0here\0".utf8))
                kill(before.pid, SIGKILL)
                // The subshell is a fork without exec.
                let shell = try #require(Child.shell("exec 3<&0; (read wait <&3) & echo $!; wait"))
                let forked = UInt32(shell.firstLine()) ?? 0
                kill(pid_t(forked), SIGKILL)
                _ = before.wait()
                _ = shell.wait()
                #expect(listener.wait { $0.exits.contains { $0.task.tgid == forked } && $0.exit(of: before) != nil })
                #expect(listener.signals(to: before).first?.target.cmdline == Bytes("given\0here".utf8))
                let signal = try #require(listener.signals.first { $0.target.task.tgid == forked })
                #expect(signal.target.cmdline == Bytes("/bin/sh\0-c\0exec 3<&0; (read wait <&3) & echo $!; wait".utf8))
            }
        }

        @Test func `a long command line is cut and says so`() throws {
            try Live.listening { listener in
                let target = try #require(Child.shell("echo ready; read wait # " + String(repeating: "x", count: 400)))
                #expect(target.firstLine() == "ready")
                kill(target.pid, SIGKILL)
                _ = target.wait()
                #expect(listener.wait { $0.exit(of: target) != nil })
                let victim = try #require(listener.signals(to: target).first?.target)
                #expect(victim.cmdlineTruncated)
                #expect(victim.cmdline.count == 256)
                #expect(victim.cmdline.starts(with: "/bin/sh\0-c\0echo ready; read wait # xxx".utf8))
            }
        }

        @Test func `a flood of signals is cut, counted, and takes no kill with it`() throws {
            var options = ProbeOptions()
            options.signalsPerSecond = 10
            try Live.listening(options) { listener in
                let target = try idle("term=stay")
                let rounds = 200
                for _ in 0..<rounds {
                    // In turn: the same signal again, still pending, would not count.
                    kill(target.pid, SIGTERM)
                    kill(target.pid, SIGABRT)
                }
                let cgroup = try #require(MemoryCgroup("inquest-test-flood", limitBytes: 32 << 20))
                let victim = try #require(Child.balloon("mb=64"))
                try #require(cgroup.add(victim.pid))
                victim.go()
                _ = victim.wait()
                #expect(listener.wait { $0.exit(of: victim) != nil })
                #expect(listener.kills(of: victim).count == 1)
                #expect(listener.signals(to: victim).map(\.origin) == [.kernel])
                var suppressed: UInt64 = 0
                listener.probes.readIntervals {
                    if case .lost(let lost) = $0.payload, lost.source == .signalSuppressed { suppressed += lost.count }
                }
                #expect(suppressed > 0)
                #expect(listener.signals(to: target).count < rounds)
            }
        }

        @Test func `without command lines there are none`() throws {
            var options = ProbeOptions()
            options.keepCommandLines = false
            try Live.listening(options) { listener in
                #expect(!listener.probes.hooks.contains { $0.name == Bytes("command_lines".utf8) })
                #expect(listener.probes.commandLineSeeds() == nil)
                let target = try idle()
                kill(target.pid, SIGKILL)
                _ = target.wait()
                #expect(listener.wait { $0.exit(of: target) != nil })
                #expect(listener.signals(to: target).first?.target.cmdline == [])
            }
        }

        /// A cgroup v2 mount, whatever controllers it has.
        static let unified: String? = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].first {
            access($0 + "/cgroup.controllers", F_OK) == 0
        }

        @Test(.enabled(if: unified != nil, "SKIPPED: no cgroup v2 hierarchy is mounted"))
        func `cgroup.kill is attributed to who wrote it`() throws {
            let directory = try #require(Signals.unified) + "/inquest-test-kill"
            try #require(mkdir(directory, 0o755) == 0)
            defer { for _ in 0..<200 where rmdir(directory) != 0 { usleep(5_000) } }
            try #require(access(directory + "/cgroup.kill", W_OK) == 0)
            try Live.listening { listener in
                let target = try idle()
                try #require(Live.write("\(target.pid)", to: directory + "/cgroup.procs"))
                try #require(Live.write("1", to: directory + "/cgroup.kill"))
                #expect(target.wait() & 0x7f == SIGKILL)
                #expect(listener.wait { $0.exit(of: target) != nil })
                let signal = try #require(listener.signals(to: target).first)
                #expect(signal.origin == .noInfo)
                #expect(!signal.group)
                #expect(signal.sender.tgid == UInt32(getpid()))
            }
        }
    }
}
