import Glibc
import Testing

@testable import inquest

/// A pipe whose far end collects what was written.
private final class Pipe {
    let read: Int32
    let write: Int32

    init() {
        var ends: [Int32] = [0, 0]
        precondition(pipe(&ends) == 0)
        (read, write) = (ends[0], ends[1])
    }

    /// Everything written so far; closes the writing end.
    func text() -> String {
        close(write)
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(read, &block, block.count)
            guard count > 0 else { break }
            bytes += block.prefix(count)
        }
        close(read)
        return String(decoding: bytes, as: UTF8.self)
    }
}

private enum Failing: Command {
    static let verb = Verb("fail", "fail", examples: [])
    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        console.out.write("partial\n")
        throw CommandError("cannot open /x\n\u{1b}[31m: no such file; make it", status: .nothingMatched)
    }
}

private enum Talking: Command {
    static let verb = Verb("talk", "talk", examples: [])
    static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {
        for _ in 0..<10_000 { console.out.writeLine("one of many lines") }
    }
}

private func run(_ words: [String], out: Int32, err: Int32) -> ProgramStatus {
    let console = Console(out: ByteWriter(descriptor: out), err: ByteWriter(descriptor: err, capacity: 0))
    return Program(commands: [Failing.self, Talking.self], version: "1.2.3").run(words, console)
}

@Suite struct ProgramTests {
    @Test func `a failure is one clean line behind what was written before`() {
        let (out, err) = (Pipe(), Pipe())
        #expect(run(["fail"], out: out.write, err: err.write) == .nothingMatched)
        #expect(out.text() == "partial\n")
        #expect(err.text() == "inquest: cannot open /x\\n\\u{1b}[31m: no such file; make it\n")
    }

    @Test func `a usage error is status 2 and leaves standard output empty`() {
        let (out, err) = (Pipe(), Pipe())
        #expect(run(["tlak"], out: out.write, err: err.write) == .usage)
        #expect(out.text() == "")
        #expect(err.text() == "inquest: unknown verb 'tlak'; did you mean 'talk'?\n")
    }

    @Test func `version and help go to standard output`() {
        let (out, err) = (Pipe(), Pipe())
        #expect(run(["--version"], out: out.write, err: err.write) == .done)
        #expect(run(["talk", "--help"], out: out.write, err: err.write) == .done)
        #expect(out.text().hasPrefix("inquest 1.2.3\ninquest talk: talk\n"))
        #expect(err.text() == "")
    }

    @Test func `a reader who closed the pipe is no error`() {
        signal(SIGPIPE, SIG_IGN)
        let (out, err) = (Pipe(), Pipe())
        close(out.read)
        #expect(run(["talk"], out: out.write, err: err.write) == .done)
        close(out.write)
        #expect(err.text() == "")
    }

    @Test func `a full disk is reported once and fails`() {
        let err = Pipe()
        let full = open("/dev/full", O_WRONLY)
        #expect(run(["talk"], out: full, err: err.write) == .failed)
        close(full)
        #expect(err.text() == "inquest: cannot write standard output: No space left on device\n")
    }
}

@Suite struct ConsoleTests {
    @Test func `the width comes from COLUMNS when it is plausible`() {
        #expect(Console.columns(nil, "132") == 132)
        #expect(Console.columns(nil, "3") == 80)
        #expect(Console.columns(nil, "wide") == 80)
        #expect(Console.columns(nil, nil) == 80)
    }

    @Test func `what is no terminal has neither colour nor progress`() {
        let console = Console.standard { $0 == "NO_COLOR" ? "1" : nil }
        #expect(!console.colour)
        let err = Pipe()
        let quiet = Console(out: ByteWriter(descriptor: -1), err: ByteWriter(descriptor: err.write, capacity: 0))
        quiet.progress("working")
        quiet.endProgress()
        #expect(err.text() == "")
    }

    @Test func `progress is wiped before the next line`() {
        let err = Pipe()
        let console = Console(
            out: ByteWriter(descriptor: -1), err: ByteWriter(descriptor: err.write, capacity: 0), showsProgress: true)
        console.progress("working")
        console.note("done")
        #expect(err.text() == "\r\u{1b}[Kworking\r\u{1b}[Kdone\n")
    }

    @Test func `a message cannot break its line nor steer the terminal`() {
        #expect(oneLine("a\nb\tc\u{1b}]0;x\u{7}\u{9b}1m\u{202e}é") == "a\\nb\\tc\\u{1b}]0;x\\u{7}\\u{9b}1m\\u{202e}é")
    }
}

@Suite final class OutputFileTests {
    private let directory: String

    init() {
        var template = Array("/tmp/inquest-output.XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil)
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in names() { unlink("\(directory)/\(name)") }
        rmdir(directory)
    }

    private func names() -> [String] {
        guard let listing = opendir(directory) else { return [] }
        defer { closedir(listing) }
        var result: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { result.append(name) }
        }
        return result.sorted()
    }

    private func content(_ name: String) -> String {
        let descriptor = open("\(directory)/\(name)", O_RDONLY)
        defer { close(descriptor) }
        var block = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &block, block.count)
        return String(decoding: block.prefix(max(count, 0)), as: UTF8.self)
    }

    @Test func `a file is replaced whole, with mode 0640 at most`() throws {
        try OutputFile.write("\(directory)/a") { $0.write("old") }
        try OutputFile.write("\(directory)/a") { $0.write("new") }
        #expect(content("a") == "new")
        var status = stat()
        stat("\(directory)/a", &status)
        #expect(status.st_mode & 0o7777 & ~0o640 == 0)
        #expect(names() == ["a"])
    }

    @Test func `a command that fails leaves the old file and nothing else`() throws {
        try OutputFile.write("\(directory)/a") { $0.write("old") }
        #expect(throws: CommandError("no incident")) {
            try OutputFile.write("\(directory)/a") { writer throws(CommandError) in
                writer.write("half")
                throw CommandError("no incident")
            }
        }
        #expect(content("a") == "old")
        #expect(names() == ["a"])
    }

    @Test func `a link stays a link`() throws {
        try OutputFile.write("\(directory)/a") { $0.write("old") }
        symlink("\(directory)/a", "\(directory)/link")
        try OutputFile.write("\(directory)/link") { $0.write("new") }
        #expect(content("a") == "new")
        var status = stat()
        lstat("\(directory)/link", &status)
        #expect(status.st_mode & S_IFMT == S_IFLNK)
    }

    @Test func `a device is written directly and its failure reported`() {
        #expect(
            throws: CommandError(
                "cannot write /dev/full: No space left on device; free some space or choose another place with -o")
        ) {
            try OutputFile.write("/dev/full") { $0.write("x") }
        }
    }

    @Test func `a place that is not there is named`() {
        let path = "\(directory)/none/a"
        #expect(throws: CommandError("cannot write \(path): No such file or directory; its directory does not exist")) {
            try OutputFile.write(path) { $0.write("x") }
        }
        #expect(throws: CommandError("cannot write \(directory): it is a directory; name a file in it")) {
            try OutputFile.write(directory) { $0.write("x") }
        }
    }

    @Test func `much at once comes behind what waited, and before what follows`() {
        let out = Pipe()
        let writer = ByteWriter(descriptor: out.write, capacity: 8)
        for text in ["a", "bc", "0123456789", "d", "01234567"] {
            var text = text
            text.withUTF8 { writer.write(UnsafeRawBufferPointer($0)) }
        }
        writer.write("e")
        writer.flush()
        #expect(out.text() == "abc0123456789d01234567e")
    }

    @Test func `no output file is standard output`() throws {
        let out = Pipe()
        let console = Console(
            out: ByteWriter(descriptor: out.write), err: ByteWriter(descriptor: -1, capacity: 0))
        try console.withOutput(nil) { $0.write("a") }
        try console.withOutput("-") { $0.write("b") }
        console.out.flush()
        #expect(out.text() == "ab")
    }
}
