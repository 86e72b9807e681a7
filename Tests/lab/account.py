"""inquest's own account of what happened: the incidents and the events of a recording, as its commands tell them."""

import json
import re
import subprocess


class Account:
    """A recording that was taken out of a guest."""

    def __init__(self, binary, directory):
        self.binary = binary
        self.directory = directory
        self.incidents = [json.loads(self.run("export", i["id"], "--format", "json")) for i in self.listed()]
        self.events = [json.loads(line) for line in self.run("export", "all", "--format", "ndjson").splitlines()]

    def run(self, *arguments):
        """Runs the program on the recording; any status but 0 is an error, with its words."""
        done = self.try_run(*arguments)
        if done.returncode != 0:
            raise RuntimeError(f"inquest {' '.join(arguments)}: status {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def try_run(self, *arguments):
        return subprocess.run([self.binary, *arguments, "--dir", self.directory], capture_output=True, text=True, errors="replace")

    def listed(self):
        return [json.loads(line) for line in self.run("list", "--json").splitlines()]

    def replayed(self):
        return [json.loads(line) for line in self.run("replay", "--json").splitlines()]

    def of_kind(self, kind):
        return [e for e in self.events if e["kind"] == kind]

    @property
    def kills(self):
        """Every kill record, in the order of time."""
        return sorted((k for i in self.incidents for k in i["kills"]), key=lambda k: k["boottime_ns"])

    def of_class(self, name):
        return [i for i in self.incidents if i["class"] == name]

    def describe(self):
        """What it has to say, in a line."""
        if len(self.incidents) > 6:
            classes = sorted({i["class"] for i in self.incidents})
            return f"{', '.join(f'{len(self.of_class(c))} {c}' for c in classes)}, {len(self.kills)} kills"
        return "; ".join(
            f"{i['class']} of {i['scope'].get('cgroup') or 'the host'}, {len(i['kills'])} kills, "
            f"{(i['ended'] or {}).get('by', 'open')}" for i in self.incidents) or "no incident"


def link(incident, kind):
    """The first link of that kind in an incident's chain, or None."""
    return next((l for l in incident["chain"] if l["kind"] == kind), None)


def figure(link, name):
    """A figure of a link's evidence, by the beginning of its name, or None."""
    return next((e["value"] for e in (link or {}).get("evidence", []) if e["name"].startswith(name)), None)


def bytes_after(text, words):
    """A size that a sentence tells right after some words ("... of 40 MiB"), in bytes; None when it does not."""
    found = re.search(re.escape(words) + r" ([0-9.]+) (B|KiB|MiB|GiB)", text)
    return found and round(float(found[1]) * 1024 ** ["B", "KiB", "MiB", "GiB"].index(found[2]))


def backstop(incident, name):
    """What an incident says of a backstop, and its evidence; None when it says nothing."""
    found = next((b for b in incident["backstops"] if b["name"] == name), None)
    return (found["finding"], found["evidence"]) if found else (None, [])
