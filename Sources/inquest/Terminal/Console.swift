import Glibc

/// The two streams a command talks to and what is known about them. Commands get it as an argument; nothing else in the program
/// touches the terminal or the environment.
final class Console {
    /// The program's own output: JSON, tables, timelines, nothing else.
    let out: ByteWriter
    /// For people: errors, progress. Unbuffered.
    let err: ByteWriter
    /// Whether `out` may carry colour: a terminal, and NO_COLOR is not set.
    let colour: Bool
    /// Columns of the terminal; 80 where there is none.
    let width: Int
    /// What the service manager says, where one started the program.
    let service: ServiceEnvironment
    /// Looks up a variable.
    let environment: (String) -> String?
    private let showsProgress: Bool
    private var progressShown = false

    init(
        out: ByteWriter, err: ByteWriter, colour: Bool = false, width: Int = 80, service: ServiceEnvironment = .none,
        showsProgress: Bool = false, environment: @escaping (String) -> String? = { _ in nil }
    ) {
        self.environment = environment
        self.out = out
        self.err = err
        self.colour = colour
        self.width = width
        self.service = service
        self.showsProgress = showsProgress
    }

    /// Standard output and standard error of this process.
    ///
    /// - Parameter environment: looks up a variable.
    static func standard(environment: @escaping (String) -> String?) -> Console {
        let outIsTerminal = isatty(STDOUT_FILENO) == 1
        let noColour = !(environment("NO_COLOR") ?? "").isEmpty || environment("TERM") == "dumb"
        return Console(
            out: ByteWriter(descriptor: STDOUT_FILENO), err: ByteWriter(descriptor: STDERR_FILENO, capacity: 0),
            colour: outIsTerminal && !noColour,
            width: columns(outIsTerminal ? STDOUT_FILENO : nil, environment("COLUMNS")),
            service: ServiceEnvironment(environment),
            showsProgress: isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb", environment: environment)
    }

    /// COLUMNS when it is a plausible number, else the terminal's own word, else 80.
    static func columns(_ terminal: Int32?, _ variable: String?) -> Int {
        if let variable, let columns = Int(variable), (20...1000).contains(columns) { return columns }
        var size = winsize()
        if let terminal, unsafe ioctl(terminal, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 20 {
            return Int(size.ws_col)
        }
        return 80
    }

    /// Shows what is going on, in place, while someone is watching; the next line or `endProgress` wipes it.
    func progress(_ text: String) {
        guard showsProgress else { return }
        err.write("\r\u{1b}[K" + oneLine(text).prefix(width - 1))
        progressShown = true
    }

    func endProgress() {
        guard progressShown else { return }
        err.write("\r\u{1b}[K")
        progressShown = false
    }

    /// One line for people on standard error.
    func note(_ text: String) {
        endProgress()
        err.write(oneLine(text) + "\n")
    }
}

/// A message stays one line and cannot steer the terminal, whatever name or argument it quotes.
func oneLine(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar.value {
        case 0x0a: result += "\\n"
        case 0x09: result += "\\t"
        case 0..<0x20, 0x7f..<0xa0, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069, 0x061c, 0xfeff:
            result += "\\u{" + String(scalar.value, radix: 16) + "}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}
