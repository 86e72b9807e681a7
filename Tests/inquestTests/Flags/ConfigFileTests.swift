import Glibc
import Incidents
import Testing

@testable import inquest

@Suite struct ConfigFileTests {
    private func complaint(_ text: String) -> String {
        do throws(UsageError) {
            return "no error, but \(try ConfigFile(text, named: "x.conf"))"
        } catch {
            return error.message
        }
    }

    private func invocation(_ words: String..., config: String) throws -> Invocation {
        let request = try FlagParser(verbs: Registry.commands.map { $0.verb }).parse(words)
        guard case .run(let invocation) = request else { throw UsageError(message: "not a verb") }
        return invocation.with(.success(try ConfigFile(config, named: "x.conf")))
    }

    @Test func `flags and thresholds are read`() throws {
        let config = try ConfigFile(
            "# the disk is small\nsize = 64M\r\n\n  dir=/srv/in quest \nno-cmdline = yes\ndevice_silence=10s\n",
            named: "x.conf")
        #expect(
            config.values == ["size": .number(64 << 20), "dir": .text("/srv/in quest"), "no-cmdline": .on])
        #expect(config.rules[.deviceSilence] == 10_000_000_000)
        #expect(config.names == ["size", "dir", "no-cmdline", "device_silence"])
    }

    @Test func `the command line wins`() throws {
        let both = try invocation("record", "--size", "1G", config: "size=64M\ndir=/srv")
        #expect(both[Flags.size] == 1 << 30)
        #expect(both[Flags.directory] == "/srv")
    }

    @Test func `whoever reads finds what the recorder writes, and a flag that means something else does not change`()
        throws
    {
        let config = "dir=/srv\nlive=/run/x.sock\nsize=64M"
        #expect(try invocation("list", config: config)[Flags.directory] == "/srv")
        #expect(try invocation("list", "--dir", "copy", config: config)[Flags.directory] == "copy")
        let tail = try invocation("tail", config: config)
        #expect(tail[Flags.live] == "/run/x.sock")
        #expect(!tail.isGiven(Flags.live))
        #expect(try invocation("drill", config: config)[Flags.keepDirectory] == nil)
    }

    @Test func `the sample changes nothing, and each of its lines can be put in force`() throws {
        #expect(try ConfigFile(ConfigFile.sample, named: "x.conf").names.isEmpty)
        let settings = ConfigFile.sample.split(separator: "\n").filter { $0.hasPrefix("#") && !$0.hasPrefix("# ") }
        #expect(settings.count == ConfigFile.flags.count + Rules.all.count)
        for line in settings where !line.hasPrefix("#ceiling") {
            let config = try ConfigFile(String(line.dropFirst()), named: "x.conf")
            #expect(config.rules == Rules())
        }
    }

    @Test func `a mistake names its line`() {
        #expect(complaint("\nnonsense") == "x.conf: line 2: 'nonsense' is no NAME=VALUE")
        #expect(
            complaint("size=big")
                == "x.conf: line 1: record: --size 'big' is no size: a number with K, M, G or T, as 256M")
        #expect(complaint("no-cmdline=1") == "x.conf: line 1: no-cmdline is yes or no, not '1'")
        #expect(
            complaint("device_silence=long").hasPrefix("x.conf: line 1: threshold 'device_silence' cannot be 'long'"))
    }

    @Test func `an unknown name is an error, with the nearest one`() {
        #expect(complaint("sise=64M") == "x.conf: line 1: nothing is called 'sise'; did you mean 'size'?")
        #expect(
            complaint("device_silense=1s")
                == "x.conf: line 1: nothing is called 'device_silense'; did you mean 'device_silence'?")
        #expect(complaint("config=other.conf") == "x.conf: line 1: nothing is called 'config'")
    }
}

/// The file as the program finds it.
@Suite struct ConfigurationTests {
    private func loading(_ text: String?, mode: mode_t = 0o644, given: Bool = false) -> String {
        let path = temporaryPath("inquest.conf")
        defer { unlink(path) }
        if let text {
            let file = creat(path, 0o600)
            _ = Array(text.utf8).withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            fchmod(file, mode)
            close(file)
        }
        do throws(CommandError) {
            let config = try ConfigFile.load(given ? path : nil, standard: path)
            return config.map { "\($0.names)" } ?? "none"
        } catch {
            return error.message.split(separator: path).joined(separator: "FILE")
        }
    }

    private func temporaryPath(_ name: String) -> String {
        let directory = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        return "\(directory)/\(getpid())-\(UInt32.random(in: 0...UInt32.max))-\(name)"
    }

    @Test func `the standard file may be missing, one that was named may not`() {
        #expect(loading(nil) == "none")
        #expect(loading(nil, given: true).contains("cannot read FILE: No such file or directory"))
        #expect(loading("size=64M") == "[\"size\"]")
        #expect(loading("sise=64M").contains("did you mean 'size'"))
    }

    private enum Reader: Command {
        static let verb = Verb("read", "read", flags: [Flags.directory])
        static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {}
    }

    private enum Stranger: Command {
        static let verb = Verb("rehearse", "rehearse", flags: [Flags.keepDirectory])
        static func run(_ invocation: Invocation, _ console: Console) throws(CommandError) {}
    }

    @Test func `a file that is wrong is told to who takes something from it, and to nobody else`() throws {
        let path = temporaryPath("inquest.conf")
        let said = temporaryPath("said")
        defer { for file in [path, said] { unlink(file) } }
        let file = creat(path, 0o644)
        _ = Array("sise=64M".utf8).withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        close(file)
        func complaint(_ word: String) throws -> String {
            let descriptor = open(said, O_RDWR | O_CREAT | O_TRUNC, 0o600)
            defer { close(descriptor) }
            let writer = ByteWriter(descriptor: descriptor, capacity: 0)
            var program = Program(commands: [Reader.self, Stranger.self], version: "1")
            program.configPath = path
            #expect(program.run([word], Console(out: writer, err: writer)) == .done)
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = pread(descriptor, &bytes, bytes.count, 0)
            return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        }
        #expect(try complaint("read").contains("did you mean 'size'"))
        #expect(try complaint("rehearse").isEmpty)
    }

    @Test(.enabled(if: geteuid() == 0, "only root refuses what others may write"))
    func `root obeys no file that others may write`() {
        #expect(loading("size=64M", mode: 0o666).contains("may be written by others than root"))
        #expect(loading("size=64M", mode: 0o664).contains("may be written by others than root"))
    }
}
