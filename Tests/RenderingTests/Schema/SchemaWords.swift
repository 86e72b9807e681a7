// What the schemas say about values, parts and fields. A field is found as `Part.field`, then as `field` alone; the
// unit of a quantity is in its name, so that only what the name does not say is said here.

enum SchemaWords {
    static let values = [
        "figure":
            "A measured quantity in the unit that its name ends in; null when unknown, \"max\" for a limit that is none.",
        "realtime": "Wall clock, RFC 3339 in UTC with nanoseconds; null where no clock was recorded.",
        "moment": "A point in time by two clocks: CLOCK_BOOTTIME of its boot, and the wall clock.",
        "histogram":
            "Upper bound of a bucket in microseconds to its count; the last bucket is \"max\", empty ones are left out.",
        "boot_id": "/proc/sys/kernel/random/boot_id; null when unknown.",
        "name":
            "Bytes as the kernel holds them: UTF-8 as it is, any other byte as \\xNN, a backslash doubled; null when unknown or none.",
    ]

    static let parts = [
        "BackstopFinding":
            "One thing that could have stopped it, and why it did not; or that could stop the next, and whether it would.",
        "Bystander": "Who stalled because of it.",
        "CensusTask": "One task as the census nearest to the kill saw it.",
        "CgroupAtKill": "A memory cgroup at the kill: the victim's own first, then its ancestors.",
        "Alternative": "Another explanation, which was considered and lost.",
        "ClassChange": "The incident took on a stronger class.",
        "Ending": "How and when it ended.",
        "Evidence": "A figure that supports a statement, with where it came from.",
        "HookState": "How one thing is heard on this kernel, and why not better.",
        "HostAtKill": "The last samples of the host before the kill.",
        "HostIdentity": "The machine, as the recorder described it at its start.",
        "Kill": "One process that was killed.",
        "KillCause": "Who killed, and why.",
        "KillContext": "The census nearest to the kill, cut down to what matters.",
        "KillOutcome": "How the victim ended.",
        "KillQuality": "How the kill was heard, and what was not.",
        "KillVictim": "The process that died, as it was when it was chosen.",
        "Link": "One link of the causal chain.",
        "LoadSample": "/proc/loadavg (thousandths), procs_running and procs_blocked of /proc/stat.",
        "MemorySample": "/proc/meminfo.",
        "OtherVictim": "Another process that died with the victim.",
        "PhaseChange": "The scope entered a phase.",
        "PressureSample": "/proc/pressure/*, field total: microseconds since boot.",
        "Quality": "How far to trust it: what was heard, and what was missed.",
        "Scope": "Whose trouble it is: the whole host's, or one cgroup's.",
        "Sender": "Who sent the signal of a userspace kill.",
        "SignalStep": "A fatal signal on the way to the end.",
        "Suspect": "Who may have caused it: a cgroup, or a process in one.",
        "TaskIdentity": "A task; ids are the host's.",
        "TimelineEntry": "One line of the timeline.",
        "Trigger": "The task whose allocation the kernel could not serve: not the victim.",
        "Victim": "A process that was killed or signalled, as it was at that moment.",
        "MemcgState": "One memory cgroup at the moment of a kill: pages, and counters since it was made.",
    ]

    static let fields = [
        "Incident.id": "First 8 digits of the boot id, a dash, seq of the opening event. Stable across replay.",
        "Incident.class": "The strongest class that it reached.",
        "Incident.severity": "The worst phase that its scope reached.",
        "Incident.ended": "null while open.",
        "Incident.summary": "A few sentences for people; names in them by the rule for names.",
        "Incident.series":
            "The host over the incident, a column a field; ratios and rates are over the time since the point before.",
        "Incident.opening_seq": "seq of the event that opened it.",
        "Ending.by": "null while open.",
        "Ending.gap_ns": "After a reset: from the last record to the next recorder's first, by the wall clock.",
        "Ending.next_start_realtime_ns": "After a reset: the next start of the recorder, nanoseconds since 1970.",
        "Ending.next_start_realtime": "The same as RFC 3339.",
        "Ending.next_boot_realtime_ns":
            "After a reset: when the kernel of that next start booted, nanoseconds since 1970.",
        "Ending.next_boot_realtime": "The same as RFC 3339.",
        "Evidence.unit":
            "Of value and threshold: bytes, ns, percent, pages/s, ...; null for a statement without a figure.",
        "Evidence.source": "The hook or file.",
        "Link.out_of_order": "It began before the link that it should follow from: the chain is broken here.",
        "Incident.alternatives":
            "The other classes, and why it is none of them; one that nothing rules out is not among them.",
        "KillCause.alternatives": "Other killers and cgroups that could have run out, and what speaks against each.",
        "Alternative.name": "What else it could have been, in the words of the field that it would have filled.",
        "Suspect.evidence": "Where the figures come from; the threshold is where the growth began.",
        "Suspect.pid": "0 when the suspect is the cgroup as a whole.",
        "Suspect.grew_bytes": "Growth of memory and swap over the incident's window.",
        "Suspect.throttled_task_ns": "Task time stalled in memory.high: several tasks may stall at once.",
        "Bystander.source": "What the time means: PSI io full, read latency p99, ...",
        "Kill.drill": "True when it was rehearsed.",
        "Kill.lost_events_before": "Events lost before it within the incident.",
        "Kill.cgroup": "The victim's memory cgroup first, then its ancestors.",
        "KillCause.constraint": "enum oom_constraint by the kernel's names; null when unknown.",
        "KillCause.limit_pages": "The limit (the kernel's totalpages), not the victim's size.",
        "KillCause.order": "-1 is sysrq-f.",
        "KillCause.oom_memcg": "The memory cgroup that ran out; null when unknown or none.",
        "KillVictim.cmdline": "Arguments joined by spaces, at most 256 bytes.",
        "KillVictim.ns_pid": "Its process id inside its own pid namespace.",
        "KillVictim.ns_uid": "Its user id inside its own user namespace.",
        "KillVictim.already_exiting": "It was ending by itself when it was marked.",
        "KillOutcome.exit_code": "As wait(2) gives it; null until it has exited.",
        "KillOutcome.kill_to_exit_ns": "From the mark or the first fatal signal to the exit of its last thread.",
        "KillQuality.from_kmsg": "Some fields are known from the kernel log alone.",
        "HostAtKill.sample_age_ns": "Age of these samples at the kill.",
        "HookState.mode": "rich: everything is heard; plain: from tracepoints alone; absent: not at all.",
        "HookState.errno": "Of the richest mechanism that was refused; 0 when none was.",
        "Quality.timeline_omitted": "Entries that the incident's bound left out.",
        "device": "major << 20 | minor.",
        "BackstopFinding.finding": "The fact, one line for people.",
        "BackstopFinding.verdict":
            "holds; note; gap: nothing stops a runaway here; unknown: it could not be found out.",
        "BackstopFinding.rule": "What the finding is about, for programs; null in what an earlier version recorded.",
        "BackstopFinding.subject": "A cgroup's path, a device's or a process's name; null for the machine's.",
        "BackstopFinding.consequence": "What follows from the fact; null when nothing does.",
        "BackstopFinding.setting": "What changes it; null where nothing needs to change.",
    ]

    /// Fields that were added to a part after documents of it had been written: those stay valid.
    static let later: [String: Set<String>] = [
        "BackstopFinding": ["verdict", "rule", "subject", "consequence", "setting"],
        "Incident": ["alternatives"], "KillCause": ["alternatives"], "Suspect": ["evidence"],
        "device_name": ["ceiling_bytes"], "CensusTask": ["pgtables_bytes"], "census_task": ["pgtables_bytes"],
    ]
}
