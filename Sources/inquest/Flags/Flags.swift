/// Every flag there is; the verbs choose among them, so that a flag means the same everywhere.
enum Flags {
    // Where things are.
    static let directory = Flag.text("dir", "DIR", default: "/var/lib/inquest", "the recording's directory")
    static let keepDirectory = Flag.optionalText(
        "dir", "DIR", absent: "a temporary one, removed", "keep the recording of the rehearsal here")
    static let live = Flag.text("live", "SOCKET", default: "/run/inquest/live.sock", "the live socket")
    static let config = Flag.optionalText(
        "config", "FILE", absent: ConfigFile.standardPath,
        "flags and thresholds, one NAME=VALUE a line (inquest.conf(5)); the command line wins")
    static let output = Flag.optionalText(
        "output", short: "o", "FILE", absent: "standard output", "write the file, whole or not at all")

    // What is recorded.
    static let size = Flag.size("size", default: "256M", "disk space of the whole recording")
    static let noCommandLines = Flag.toggle(
        "no-cmdline", "do not record command lines, for those who keep secrets there")

    // Who is told.
    static let journal = Flag.choice(
        "journal", of: ["auto", "yes", "no"], default: "auto",
        "tell the system's journal of kills, phases and incidents; auto: where standard error goes there, too")
    static let hook = Flag.optionalText(
        "hook", "PROGRAM",
        "run this program, named with its whole path, for each kill and each change of a phase (docs/hook.md)")
    static let hookTimeout = Flag.duration(
        "hook-timeout", default: "30s", "kill a hook that still runs after this time")

    // What is shown.
    static let json = Flag.toggle("json", "JSON on standard output, one document per line")
    static let plain = Flag.toggle("plain", "lines, on a terminal too")
    static let since = Flag.optionalDuration("since", "begin that long ago, as far as it was recorded")
    static let kind = Flag.optionalText(
        "kind", "KIND,...", absent: "all", "only events of these kinds, as JSON names them: oom_kill, signal, pressure")
    static let cgroup = Flag.optionalText(
        "cgroup", "CGROUP", absent: "all", "only what is about this cgroup and those below it; a path, or a name in it")
    static let user = Flag.optionalText(
        "user", "USER", absent: "all", "only what is about this user, by name or number")
    static let all = Flag.toggle("all", "every timeline entry, not only the ones that tell the story")
    static let format = Flag.requiredChoice(
        "format", of: ExportFormat.allCases.map(\.rawValue), "the document's format")
    static let from = Flag.optionalTime("since", "begin at this time, or so long ago")
    static let until = Flag.optionalTime("until", "leave out what is of this time, or later")

    static let audience = Flag.optionalText(
        "for", "USER", absent: "all names",
        "as this user may see it: the names of their processes and cgroups, everyone else is another user")
    static let ceilings = Flag.settings(
        "ceiling", "DEVICE", "what a disk can move in a second (vda=60M), where that is known; else it is learned")

    // What is tried.
    static let containment = Flag.toggle(
        "containment",
        "what would stop a runaway here: caps, swap, killers, who would be killed, who could still log in")
    static let thresholds = Flag.settings("set", "THRESHOLD", "correlate with another threshold")
    static let drillMemory = Flag.size(
        "memory", default: "64M", "limit of the disposable cgroup that the rehearsal fills")

    // What is told to a monitoring system.
    static let listen = Flag.optionalText(
        "listen", "ADDRESS", absent: "127.0.0.1:10137, unless --textfile is given",
        "serve the page here: an address with a port, or unix:/path for a socket")
    static let textfile = Flag.optionalText(
        "textfile", "FILE", "write the page to this file, whole, every 15 s: for node_exporter's textfile collector")
    static let once = Flag.toggle("once", "write the file once, from the recording, and end: for a timer")

    // For everyone.
    static let help = Flag.toggle("help", "this text")
    static let version = Flag.toggle("version", "the program's version")
}
