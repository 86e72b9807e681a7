import Events
import Testing

@testable import Host

@Suite struct `Kernel log` {
    private let announcement =
        "6,812,51409003,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
        + "oom_memcg=/a,task_memcg=/a/b,task=hog,pid=4711,uid=1000\n"
    private let killed =
        "3,813,51409010,-;Memory cgroup out of memory: Killed process 4711 (hog) total-vm:70000kB, anon-rss:65000kB, "
        + "file-rss:120kB, shmem-rss:0kB, UID:1000 pgtables:180kB oom_score_adj:-17\n"

    @Test func `a line that does not say whose the victim was leaves it unknown`() throws {
        var parser = KernelLogParser()
        let read = parser.consume(Bytes(killed.replacing("UID:1000 ", with: "").utf8))
        let kill = try #require(read)
        #expect(kill.uid == .max && kill.pgtablesBytes == 184_320)
    }

    @Test func `two lines of one OOM make one kill`() throws {
        var parser = KernelLogParser()
        #expect(parser.consume(Bytes(announcement.utf8)) == nil)
        let read = parser.consume(Bytes(killed.utf8))
        let kill = try #require(read)
        #expect(kill.pid == 4711)
        #expect(kill.uid == 1000)
        #expect(kill.comm == Comm("hog"))
        #expect(kill.constraint == .memcg)
        #expect(kill.oomCgroupPath == Bytes("/a".utf8))
        #expect(kill.cgroupPath == Bytes("/a/b".utf8))
        #expect(kill.totalVmBytes == Figure(70_000 << 10))
        #expect(kill.anonRssBytes == Figure(65_000 << 10))
        #expect(kill.shmemRssBytes == 0)
        #expect(kill.pgtablesBytes == Figure(180 << 10))
        #expect(kill.oomScoreAdj == -17)
    }

    @Test func `a kill whose announcement was rate-limited keeps its figures and knows no cgroup`() throws {
        var parser = KernelLogParser()
        let read = parser.consume(Bytes(killed.utf8))
        let kill = try #require(read)
        #expect(kill.constraint == .unknown && kill.cgroupPath.isEmpty)
        #expect(kill.anonRssBytes == Figure(65_000 << 10))
    }

    @Test func `another process's announcement is not taken for this one's`() throws {
        var parser = KernelLogParser()
        _ = parser.consume(Bytes(announcement.utf8))
        let other = killed.replacing("process 4711", with: "process 4712")
        let read = parser.consume(Bytes(other.utf8))
        let kill = try #require(read)
        #expect(kill.cgroupPath.isEmpty)
    }

    @Test func `a name that imitates the log's own fields does not move them`() throws {
        var parser = KernelLogParser()
        _ = parser.consume(
            Bytes(announcement.replacing("task=hog", with: "task=a,pid=1,uid=0").utf8))
        let read = parser.consume(Bytes(killed.replacing("(hog)", with: "(a) total-vm:1kB)").utf8))
        let kill = try #require(read)
        #expect(kill.pid == 4711)
        #expect(kill.cgroupPath == Bytes("/a/b".utf8))
        #expect(kill.totalVmBytes == Figure(70_000 << 10))
    }

    @Test func `escaped bytes are the bytes they stand for`() throws {
        var parser = KernelLogParser()
        let read = parser.consume(Bytes(killed.replacing("(hog)", with: "(\\x1b[2J)").utf8))
        let kill = try #require(read)
        #expect(kill.comm.bytes == [0x1b] + Bytes("[2J".utf8))
    }

    @Test func `a line that user space wrote into the log is no kill`() {
        var parser = KernelLogParser()
        // Facility 1 (user), severity 3.
        #expect(parser.consume(Bytes(killed.replacing("3,813", with: "11,813").utf8)) == nil)
    }

    @Test func `no number in a line is too large to be read`() throws {
        for number in ["2147483648", "4294967295", "18446744073709551615", "99999999999999999999"] {
            var parser = KernelLogParser()
            let line = killed.replacing("adj:-17", with: "adj:-\(number)").replacing("70000kB", with: number + "kB")
            #expect(parser.consume(Bytes(line.utf8))?.pid == 4711)
        }
    }

    @Test(arguments: [
        "", ";", "6,1,2,-;", "6,1,2,-;oom-kill:constraint=", "6,1,2,-;Out of memory: Killed process (",
        "6,1,2,-;Out of memory: Killed process 99999999999999999999 (x) total-vm:1kB",
    ])
    func `what is not a kill is none`(line: String) {
        var parser = KernelLogParser()
        #expect(parser.consume(Bytes(line.utf8)) == nil)
    }
}
