"""The manual pages and completions, in what reads them: mandoc, bash, zsh and fish.

    python3 Tests/manual.py INQUEST

Exit status: 0 all are as they should be, 1 one is not.
"""

import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import tempfile
import time

# What each shell is asked, and what must be among its answers; `-` begins what must not.
QUESTIONS = {
    "inquest ": ["record", "export", "verify", "-balloon"],
    "inquest re": ["record", "replay", "-list"],
    "inquest export --format ": ["markdown", "sqlite", "html"],
    "inquest export --format s": ["sqlite", "-html"],
    "inquest export --": ["--since", "--for", "--help"],
    "inquest drill ": ["cap", "high", "backstop"],
    "inquest help ": ["record", "rules"],
    "inquest replay --set device_s": ["device_silence="],
    "inquest record --dir /us": ["/usr"],
    "inquest export --for roo": ["root"],
}
# Asked as --flag=VALUE.
ATTACHED = {"inquest export --format=s": "sqlite"}


def output(*words, **more):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60, **more).stdout


def pages(inquest, directory):
    names = output(inquest, "manual").split()
    for name in names:
        (directory / name).write_text(output(inquest, "manual", name))
    verbs = re.findall(r"^  ([a-z]+)  ", output(inquest, "help").split("--help")[0], re.M)
    assert verbs and set(verbs) == {n[8:-2] for n in names if n.startswith("inquest-")}, (verbs, names)
    for name in (n for n in names if n[-2:] in (".5", ".8")):
        lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", directory / name], capture_output=True, text=True)
        # A page made from data has the program's version, and no date.
        complaints = [line for line in lint.stdout.splitlines() if "missing date" not in line]
        assert not complaints, complaints
    for verb in verbs:
        text = output("mandoc", "-T", "ascii", directory / f"inquest-{verb}.8")
        text = re.sub(".\b", "", text)
        for flag in re.findall(r"^  (?:-\w, )?(--[a-z-]+)", output(inquest, "help", verb), re.M):
            assert flag in text, (verb, flag)
    return len(names)


def in_bash(directory, line):
    script = f"""source {directory}/inquest.bash
        compopt() {{ :; }}  # bash refuses it outside of a completion
        COMP_LINE={line!r} COMP_WORDS=({line.replace('=', ' = ')}{' ""' if line[-1] in ' =' else ''})
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _inquest; printf '%s\\n' "${{COMPREPLY[@]}}" """
    return output("bash", "--norc", "-c", script).split()


def in_fish(directory, line):
    answer = output("fish", "--no-config", "-c", f"source {directory}/inquest.fish; complete -C {line!r}")
    return [candidate.split("\t")[0] for candidate in answer.splitlines()]


class Zsh:
    """An interactive zsh on a terminal of its own: its completion works nowhere else."""

    def __init__(self, directory):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir("/")
            environment = {"PATH": f"{directory}:{os.environ['PATH']}", "TERM": "dumb", "HOME": str(directory)}
            os.execvpe("zsh", ["zsh", "-f", "-i"], environment)
        # A prompt that is known tells when its line editor listens.
        self.ask(f"fpath=({directory} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt always_last_prompt; LISTMAX=1000;"
                 " COLUMNS=200; bindkey '^I' list-choices; PS1='z''sh> '\r", "zsh> ")

    def ask(self, keys, until):
        os.write(self.terminal, keys.encode())
        heard, bound = "", time.monotonic() + 30
        while until not in heard:
            assert time.monotonic() < bound, f"zsh did not say {until!r}: {heard!r}"
            if select.select([self.terminal], [], [], 0.2)[0]:
                heard += os.read(self.terminal, 65536).decode(errors="replace")
        return heard

    def complete(self, line, awaited):
        """The words that it lists, of which one must come; the line is then given up."""
        # It lists nothing while more keys wait.
        listing = self.ask(f"{line}\t", bare(awaited)) + self.ask("\x15echo e''nd\r", "\nend")
        self.ask("\r", "zsh> ")
        return re.findall(r"[\w/=-]+", listing)

    def close(self):
        os.write(self.terminal, b"\x15exit\r")
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


def bare(word):
    """Some shells show the last part of a path, and what they would add to a word."""
    return os.path.basename(word.rstrip("=/"))


def check(shell, complete):
    for line, expected in QUESTIONS.items():
        answer = complete(line, expected[0])
        for word in expected:
            if word[0] == "-" and not word.startswith("--"):
                assert word[1:] not in answer, f"{shell}: {line!r} offers {word[1:]!r}"
            else:
                assert any(bare(a) == bare(word) for a in answer), f"{shell}: {line!r} lacks {word!r}: {answer}"
    return len(QUESTIONS)


def main(inquest):
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        (directory / "inquest").symlink_to(pathlib.Path(inquest).resolve())
        count = pages(inquest, directory)
        asked = check("bash", lambda line, _: in_bash(directory, line))
        asked += check("fish", lambda line, _: in_fish(directory, line))
        for line, word in ATTACHED.items():
            assert word in in_bash(directory, line), ("bash", line)
            assert any(word in answer for answer in in_fish(directory, line)), ("fish", line)
        zsh = Zsh(directory)
        asked += check("zsh", zsh.complete)
        zsh.close()
        print(f"{count} pages and completions read by mandoc; {asked} completions asked of bash, fish and zsh")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except AssertionError as error:
        sys.exit(f"wrong: {error}")
