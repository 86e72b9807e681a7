/// The table of verbs, in the order in which help lists them.
enum Verbs {
    static let all: [Verb] = [record, tail, list, show, export, replay, doctor, drill, verify, metrics, help]

    static let record = Verb(
        "record", "run the recorder in the foreground",
        details: [
            "Attaches the probes, samples the machine, and keeps what it hears through a wedge and a reset. Says in one line"
                + " what it attached and where it writes. SIGINT, SIGTERM, SIGHUP and SIGQUIT stop it cleanly. Needs root.",
            "The size bounds the whole directory: calm history is recycled first, what belongs to an incident is kept.",
        ],
        flags: [
            Flags.directory, Flags.size, Flags.live, Flags.config, Flags.ceilings, Flags.noCommandLines, Flags.journal,
            Flags.hook, Flags.hookTimeout,
        ],
        examples: [
            Example("inquest record", "with the usual directory and socket"),
            Example("inquest record --dir /srv/inquest --size 1G", "a longer memory, on another disk"),
        ])

    static let tail = Verb(
        "tail", "follow events and incidents as they happen",
        details: [
            "Follows the running recorder through its socket. Without a recorder it attaches probes of its own, which needs"
                + " root, and records nothing.",
            "On a terminal it is a view of the whole machine that keeps drawing while ps and top hang; ? lists its keys."
                + " Elsewhere, and with --plain, --json, --since or --kind, a line for each event.",
            "With --since it begins with what the recording in DIR has, and goes on with what happens, without a gap or a"
                + " repeat. What is lost, and when the recorder stops and comes back, is told whatever CGROUP or USER is.",
        ],
        flags: [
            Flags.directory, Flags.live, Flags.since, Flags.kind, Flags.cgroup, Flags.user, Flags.json, Flags.plain,
            Flags.noCommandLines,
        ],
        exclusive: [[Flags.json.name, Flags.plain.name]],
        examples: [
            Example("inquest tail", "watch the machine"),
            Example("inquest tail --since 10m --json", "the last ten minutes and what follows, for a program"),
            Example("inquest tail --kind oom_kill,signal --user alice", "who of alice's was killed, and by whom"),
        ])

    static let list = Verb(
        "list", "list the recorded incidents, newest last",
        flags: [Flags.directory, Flags.json],
        examples: [
            Example("inquest list", "what happened on this machine"),
            Example("inquest list --json", "one summary per line"),
        ])

    static let show = Verb(
        "show", "show one incident's timeline on the terminal",
        details: [
            "First what happened in words, then the chain of causes, then why nothing stopped it, then the details."
        ],
        operand: incident,
        flags: [Flags.directory, Flags.all, Flags.audience],
        examples: [
            Example("inquest show", "the newest incident"),
            Example("inquest show --all | less", "with every timeline entry"),
        ])

    static let export = Verb(
        "export", "write an incident, or a span of time, as a document",
        details: [
            "Of one incident: json is the incident with its JSON Schema, markdown the post-mortem. Of a span of time, with an"
                + " incident or without: either is what was recorded in it, figures, kills, incidents and gaps.",
            "Of the events of both: ndjson is each event as a line of JSON; csv the samples"
                + " as one tidy table, a figure a row; trace a trace for the Perfetto UI (ui.perfetto.dev), with tracks for"
                + " host, devices and cgroups; html a page with everything on one time axis, in one file that needs no network;"
                + " sqlite a database to ask questions of (docs/sqlite.md), which needs -o.",
            "TIME is 90m for so long ago, 10:02, '2026-06-22 10:02' or 2026-06-22T10:02:11Z. all is everything that is"
                + " recorded.",
        ],
        operand: Operand(
            name: "ID|last|all", help: "an incident's id as in inquest list, last (without one), or all", absent: nil),
        flags: [Flags.format, Flags.from, Flags.until, Flags.audience, Flags.output, Flags.directory],
        examples: [
            Example("inquest export --format json", "the newest incident on standard output"),
            Example("inquest export last --format markdown -o incident.md", "a post-mortem to start from"),
            Example("inquest export --since 10:00 --until 10:30 --format markdown", "half an hour, incident or not"),
            Example("inquest export --since 3h --until 2h --format csv -o hour.csv", "what was sampled in an hour"),
            Example("inquest export all --format sqlite -o incidents.db", "to ask in SQL"),
            Example("inquest export last --format markdown --for alice", "what one of the users may see of it"),
            Example("inquest export last --format trace -o incident.trace.json", "to look at in the Perfetto UI"),
            Example("inquest export last --format html -o incident.html", "to look at in a browser"),
        ])

    static let replay = Verb(
        "replay", "correlate a recording again",
        details: [
            "Reads the events of a recording and finds its incidents anew; with the thresholds they were recorded with the"
                + " result is the same, byte for byte. The recording is not changed.",
            "With --set it also says what differs from the default thresholds. inquest help rules names them.",
        ],
        flags: [Flags.directory, Flags.thresholds, Flags.ceilings, Flags.json],
        examples: [
            Example("inquest replay --dir ./copy --json", "every incident of a copied recording"),
            Example("inquest replay --set device_silence=10s", "would longer silence still be a stall?"),
        ])

    static let doctor = Verb(
        "doctor", "what this machine offers to the recorder: facts first, then verdicts",
        details: [
            "Exit status 1 when the main job cannot run here, also for a configuration that the recorder would refuse.",
            "With --containment it judges what would stop a runaway: each finding is a fact, what follows from it, and the"
                + " setting that changes it. What cannot be read is unknown, never fine. Exit status 0, whatever it finds.",
        ],
        flags: [Flags.containment, Flags.config, Flags.json],
        examples: [
            Example("sudo inquest doctor", "before the first recording"),
            Example("sudo inquest doctor --containment", "before the next runaway"),
        ])

    static let drill = Verb(
        "drill", "rehearse what should stop a runaway: contained, bounded, recorded and shown",
        details: [
            "Makes a disposable cgroup with a memory limit and no swap, fills it until the kernel kills the filler, and shows"
                + " the timeline that was recorded. Everything it made is removed, also when interrupted. It refuses where it"
                + " could not contain the filler. Runs beside a recorder, with probes of its own. Needs root.",
            "high throttles the filler at memory.high instead until that is told as a live-lock, and lets it go (cgroup v2)."
                + " backstop asks the userspace killer that runs here whom it would kill: earlyoom by a dry run with its own"
                + " lists, systemd-oomd what it watches. Nothing is made short of memory for it.",
            "The last line is the verdict: proven is only what was really seen. Exit status 1 when it is not proven. With --json"
                + " it prints exactly one document: the incident for a cap that is proven, else the verdict and what it rests on.",
        ],
        operand: Operand(
            name: "cap|high|backstop",
            help: "what is rehearsed: a kill at memory.max, a live-lock at memory.high, or the userspace killer",
            absent: "cap"),
        flags: [Flags.drillMemory, Flags.keepDirectory, Flags.json],
        examples: [
            Example("sudo inquest drill", "prove that a kill would be seen here"),
            Example("sudo inquest drill --memory 32M --json", "the incident document, for a program"),
            Example("sudo inquest drill backstop", "does earlyoom find a victim here?"),
        ])

    static let verify = Verb(
        "verify", "check a recording",
        details: [
            "Reads every page and names damage by segment, page and offset. Exit status 1 when there is any; a recording that"
                + " merely ends uncleanly is not damaged."
        ],
        flags: [Flags.directory],
        examples: [Example("inquest verify --dir ./copy", "a copy from another machine")])

    static let metrics = Verb(
        "metrics", "serve what the recorder tells as metrics for Prometheus",
        details: [
            "Follows the running recorder through its socket, across its restarts, and serves GET /metrics to whoever may connect:"
                + " by default programs of this machine. Where the recording can be read, phases and open incidents are known"
                + " from the start. Needs no root, but the right to read: membership of the group inquest.",
            "Counters begin at 0 with this program and go on when the recorder restarts. docs/metrics.md names every metric.",
            "With --once the page is written from the recording alone; the counters are kept in FILE.state from one time to"
                + " the next.",
        ],
        flags: [Flags.listen, Flags.textfile, Flags.once, Flags.live, Flags.directory],
        exclusive: [[Flags.listen.name, Flags.once.name]],
        examples: [
            Example("inquest metrics", "scraped by a Prometheus on the same machine"),
            Example("inquest metrics --listen unix:/run/inquest/metrics.sock", "for a proxy that adds TLS"),
            Example(
                "inquest metrics --textfile /run/node-exporter/inquest.prom",
                "through the node_exporter that is scraped already"),
        ])

    static let help = Verb(
        "help", "explain a verb, or the thresholds",
        operand: Operand(
            name: "VERB|rules", help: "the verb to explain, or all thresholds; without it, all verbs in brief",
            absent: nil),
        examples: [
            Example("inquest help record", "the same as inquest record --help"),
            Example("inquest help rules", "the thresholds by which incidents are found, each with its source"),
        ])

    // Hidden: not in `all`, known to the registry.

    static let manual = Verb(
        "manual", "print a manual page or a shell's completion, for packages",
        operand: Operand(name: "NAME", help: "the file; without it, all names", absent: nil), isHidden: true)

    static let benchPipeline = Verb(
        "bench-pipeline", "measure decode, correlate and append with a recording's events",
        flags: [Flags.directory], isHidden: true)

    static let hookExec = Verb(
        "hook-exec", "become a hook: the recorder's own child",
        operand: Operand(name: "PROGRAM", help: "the program, with its whole path", absent: nil), isHidden: true)

    static let balloon = Verb(
        "balloon", "fill memory until killed: the drill's own child",
        operand: Operand(name: "BYTES", help: "the size at which it gives up", absent: nil), isHidden: true)

    private static let incident = Operand(
        name: "ID|last", help: "an incident's id as in inquest list, or last", absent: "last")
}
