import Events
import Glibc
import Testing

@testable import Live

@Suite struct UnixSocketTests {
    let directory = TemporaryDirectory()

    private func server(_ path: String, group: String = "inquest", groupFile: String = "/dev/null") throws -> LiveServer
    {
        var options = LiveServerOptions()
        options.group = group
        options.groupFile = groupFile
        return try LiveServer(path: path, bootID: bootID, options: options)
    }

    @Test func `nobody there is a clear error`() {
        #expect(throws: LiveError.noRecorder(path: directory.socket)) { try LiveClient(path: directory.socket) }
        #expect(
            LiveError.noRecorder(path: "/x").message
                == "no recorder listens at /x; start one with 'inquest record', or name its socket with --live")
        #expect(!LiveClient.isServed(directory.socket))
    }

    @Test func `the socket is for owner and group, and goes when the server goes`() throws {
        let server = try server(directory.socket)
        #expect(LiveClient.isServed(directory.socket))
        var status = stat()
        #expect(lstat(directory.socket, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o660)
        #expect(directory.names == ["live.sock"])
        server.close()
        #expect(directory.names == [])
        #expect(!LiveClient.isServed(directory.socket))
    }

    @Test func `a socket that somebody serves is left alone`() throws {
        let first = try server(directory.socket)
        #expect(throws: LiveError.alreadyServed(path: directory.socket)) { try server(directory.socket) }
        let client = try first.client()
        first.broadcast(event(1))
        first.flush()
        #expect(try client.receive(atLeast: 1) == [event(1)])
    }

    @Test func `a socket left by a dead recorder is replaced`() throws {
        let (descriptor, _) = try UnixSocket.listen(directory.socket, group: "none", groupFile: "/dev/null")
        close(descriptor)
        #expect(directory.names == ["live.sock"])
        #expect(throws: LiveError.noRecorder(path: directory.socket)) { try LiveClient(path: directory.socket) }
        let server = try server(directory.socket)
        #expect(LiveClient.isServed(server.path))
    }

    @Test func `the next recorder's socket is not removed by the last one`() throws {
        let first = try server(directory.socket)
        unlink(directory.socket)
        let second = try server(directory.socket)
        first.close()
        #expect(LiveClient.isServed(second.path))
    }

    @Test func `links, files and directories are refused and kept`() throws {
        let link = "\(directory.path)/link"
        symlink("\(directory.path)/elsewhere", link)
        #expect(throws: LiveError.occupied(path: link, by: "a symbolic link")) { try server(link) }
        let file = "\(directory.path)/file"
        close(open(file, O_WRONLY | O_CREAT, 0o600))
        #expect(throws: LiveError.occupied(path: file, by: "a file that is no socket")) { try server(file) }
        #expect(throws: LiveError.occupied(path: directory.path, by: "a directory")) { try server(directory.path) }
        #expect(directory.names == ["file", "link"])
    }

    @Test func `a missing directory is made, one level of it`() throws {
        let path = "\(directory.path)/run/live.sock"
        let server = try server(path)
        #expect(LiveClient.isServed(path))
        server.close()
        #expect(throws: LiveError.self) { try self.server("\(directory.path)/a/b/live.sock") }
    }

    @Test func `a path that does not fit is refused`() {
        let path = "\(directory.path)/\(String(repeating: "x", count: 120))"
        #expect(throws: LiveError.pathTooLong(path: path, limit: 107)) { try LiveClient(path: path) }
        #expect(throws: LiveError.self) { try server(path) }
        #expect(throws: LiveError.self) { try LiveClient(path: "") }
    }

    @Test func `a silent listener is given up`() throws {
        let (descriptor, _) = try UnixSocket.listen(directory.socket, group: "none", groupFile: "/dev/null")
        defer { close(descriptor) }
        #expect(throws: LiveError.silent(path: directory.socket)) {
            try LiveClient(path: directory.socket, timeoutMs: 30)
        }
    }

    @Test func `another protocol version and other programs are named`() throws {
        var other = LiveProtocol.greeting(bootID)
        other[12] = 9
        for (greeting, error) in [
            (other, LiveError.otherVersion(path: directory.socket, theirs: 9, ours: LiveProtocol.version)),
            (Array("220 mail\r\n".utf8), LiveError.malformed(path: directory.socket, what: "no greeting")),
        ] {
            let (descriptor, _) = try UnixSocket.listen(directory.socket, group: "none", groupFile: "/dev/null")
            let path = directory.socket
            let connecting = Background { try LiveClient(path: path).bootID }
            var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            poll(&request, 1, 5000)
            let peer = accept(descriptor, nil, nil)
            _ = send(peer, greeting, greeting.count, Int32(MSG_NOSIGNAL))
            for _ in 0..<500 where !connecting.isDone { usleep(10_000) }
            #expect(throws: error) { try connecting.result() }
            close(peer)
            close(descriptor)
            unlink(directory.socket)
        }
    }

    @Test func `the group is found in the group file`() {
        let file = "\(directory.path)/group"
        let descriptor = open(file, O_WRONLY | O_CREAT, 0o600)
        let text = "root:x:0:\ninquestor:x:5:\ninquest:x:4711:alice,bob\nbroken\nbad:x:y:\n"
        _ = write(descriptor, text, text.utf8.count)
        close(descriptor)
        #expect(UnixSocket.group("inquest", file) == 4711)
        #expect(UnixSocket.group("bad", file) == nil)
        #expect(UnixSocket.group("none", file) == nil)
        #expect(UnixSocket.group("inquest", "/nonexistent") == nil)
    }

    @Test func `root, who runs the recorder, and members of the group may read, and nobody else`() {
        func may(_ uid: UInt32, _ groups: [UInt32]) -> Bool {
            Peer(pid: 1, uid: uid, groups: groups).mayRead(servedBy: 1000, group: 4711)
        }
        #expect(may(0, [0]) && may(1000, [1000]) && may(1001, [4711]) && may(1001, [1001, 5, 4711]))
        #expect(!may(1001, [1001]) && !may(1001, [1001, 0, 5]) && !may(uid_t.max, [gid_t.max]))
    }

    @Test func `the kernel says who is at the other end, with every group`() throws {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        defer { for end in ends { close(end) } }
        var groups = [gid_t](repeating: 0, count: 65536)
        let count = Int(getgroups(65536, &groups))
        let peer = Peer(of: ends[0])
        #expect(peer == Peer(pid: getpid(), uid: geteuid(), groups: [getegid()] + groups[..<max(0, count)]))
        // No socket: nobody, who may read nothing.
        #expect(Peer(of: -1).uid == uid_t.max)
    }

    @Test(.enabled(if: geteuid() == 0, "needs root: only root may give a socket to a group"))
    func `the socket belongs to the group when there is one`() throws {
        let file = "\(directory.path)/group"
        let descriptor = open(file, O_WRONLY | O_CREAT, 0o600)
        _ = write(descriptor, "inquest:x:4711:\n", 16)
        close(descriptor)
        let server = try server(directory.socket, groupFile: file)
        var status = stat()
        lstat(server.path, &status)
        #expect(status.st_gid == 4711)
        #expect(status.st_mode & 0o7777 == 0o660)
    }
}
