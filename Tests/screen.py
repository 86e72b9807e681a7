"""The live view in a real terminal: keys are sent to tmux, and what it shows is read.

    python3 Tests/screen.py INQUEST RECORDING-WRITER

INQUEST is the program; RECORDING-WRITER stands in for a recorder: it tells the events of a case in Tests/cases on a live socket. Needs
Debian's tmux; no root.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

INQUEST, WRITER = "", ""
CASE, SECONDS = "lab-origin", "25"
VERDICT = re.compile(r"^thrash: user-1002\.slice/tmux-ben\.service is swapping, vda [0-9.]+ ")


class Pane:
    """A terminal with a shell in it."""

    def __init__(self, directory, width=80, height=24, **environment):
        self.socket = str(directory / f"tmux-{time.monotonic_ns()}")
        settings = {"LANG": "C.UTF-8", "PS1": "ready> ", "HISTFILE": "", **environment}
        words = [f"{name}={value}" for name, value in settings.items()]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-s", "s", "-x", str(width), "-y", str(height), "-c", str(directory),
                  "env", "-u", "NO_COLOR", "-u", "COLORTERM", *words, "bash", "--norc", "--noprofile")
        self.wait(lambda: "ready>" in self.text())

    def tmux(self, *arguments):
        # Without the outer session's variables: this one may run in tmux, too.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TMUX")}
        environment["TERM"] = "xterm-256color"
        return subprocess.run(["tmux", "-S", self.socket, *arguments], check=True, capture_output=True, text=True,
                              env=environment).stdout

    def keys(self, *keys):
        self.tmux("send-keys", "-t", "s", *keys)

    def type(self, text):
        self.tmux("send-keys", "-t", "s", "-l", text)

    def run(self, command):
        self.type(command)
        self.keys("Enter")

    def text(self, colours=False):
        return self.tmux("capture-pane", "-p", "-t", "s", *(["-e"] if colours else []))

    def rows(self):
        return self.text().split("\n")

    def is_on_other_screen(self):
        return self.tmux("display-message", "-p", "-t", "s", "#{alternate_on}").strip() == "1"

    def shows_cursor(self):
        return self.tmux("display-message", "-p", "-t", "s", "#{cursor_flag}").strip() == "1"

    def resize(self, width, height):
        self.tmux("resize-window", "-t", "s", "-x", str(width), "-y", str(height))

    def wait(self, condition, seconds=15):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.05)
        raise AssertionError("not within the time; the screen:\n" + self.text())

    def wait_for(self, text):
        self.wait(lambda: text in self.text())

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True)


class Screen(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.directory = pathlib.Path(cls.scratch.name)
        cls.recording = str(cls.directory / "recording")
        subprocess.run([WRITER, cls.recording, "1", "case", CASE], check=True, capture_output=True)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def setUp(self):
        self.live = str(self.directory / f"live-{time.monotonic_ns()}")
        self.recorder = self.serve()

    def serve(self):
        recorder = subprocess.Popen([WRITER, self.recording, "1", "serve", self.live, SECONDS], stdout=subprocess.PIPE)
        self.addCleanup(self.end, recorder)
        recorder.stdout.readline()
        return recorder

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()

    def pane(self, **settings):
        pane = Pane(self.directory, **settings)
        self.addCleanup(pane.close)
        return pane

    def view(self, *flags, **settings):
        """A pane in which the view shows the storm."""
        pane = self.pane(**settings)
        pane.run(" ".join([INQUEST, "tail", "--live", self.live, "--dir", self.recording, *flags]))
        pane.wait(lambda: VERDICT.match(pane.rows()[0]))
        return pane

    def process(self):
        """The view's process: the only one that reads from this socket by name."""
        found = [int(p.name) for p in pathlib.Path("/proc").iterdir() if p.name.isdigit() and self.is_view(p)]
        self.assertEqual(len(found), 1)
        return found[0]

    def is_view(self, path):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return words[0] == INQUEST.encode() and self.live.encode() in words

    def test_it_says_in_plain_words_what_goes_on(self):
        pane = self.view()
        text = pane.text()
        for part in ["lab  ", "live", "memory full", "swap used", "reads p99", "CGROUP", "~002.slice/tmux-ben.service", "EVENTS",
                     "space pause"]:
            self.assertIn(part, text)
        self.assertTrue(set("▁▂▃▄▅▆▇█") & set(text))

    def test_keys_do_what_the_help_says(self):
        pane = self.view()
        pane.keys("?")
        pane.wait_for("ten seconds back, or forward")
        pane.keys("m")
        pane.wait_for("CGROUP")
        pane.keys("s")
        pane.wait_for("*swap")
        pane.keys("Space")
        pane.wait_for("PAUSED")
        pane.keys("Space")
        pane.wait(lambda: "PAUSED" not in pane.text() and "  live" in pane.rows()[1])
        pane.keys("/")
        pane.type("ana")
        pane.wait_for("only what mentions: ana_")
        pane.keys("Enter")
        pane.wait(lambda: "tmux-ana" in pane.text() and "tmux-cyn" not in "\n".join(pane.rows()[1:]))
        pane.keys("Escape")
        pane.wait_for("tmux-cyn")
        pane.keys("k")
        pane.wait_for("no such key")

    def test_the_past_comes_from_the_recording(self):
        pane = self.view()
        now = pane.rows()[1].split()[1]
        pane.keys("Left")
        pane.wait_for("PAST")
        self.assertLess(pane.rows()[1].split()[1], now)
        for _ in range(3):
            at = pane.rows()[1].split()[1]
            pane.keys("PPage")
            pane.wait(lambda: pane.rows()[1].split()[1] < at or "nothing was recorded then" in pane.text())
        pane.keys("End")
        pane.wait(lambda: "  live" in pane.rows()[1])
        pane.keys("e")
        pane.wait_for(": swap_thrash, ")
        self.assertIn("PAST", pane.rows()[1])
        self.assertRegex(pane.rows()[0], "is swapping")
        pane.keys("e")
        pane.wait_for("no incident before this")
        pane.keys("Space")
        pane.wait(lambda: "  live" in pane.rows()[1])

    def test_what_is_seen_is_exported(self):
        pane = self.view()
        pane.keys("Space")
        pane.wait_for("PAUSED")
        seen = pane.rows()
        pane.keys("x")
        pane.wait_for("written to inquest-screen-")
        name = re.search(r"inquest-screen-\d+\.txt", pane.text())[0]
        written = (self.directory / name).read_text().split("\n")
        self.assertEqual([row.rstrip() for row in written[:23]], [row.rstrip() for row in seen[:23]])

    def test_it_follows_the_size(self):
        pane = self.view()
        pane.resize(120, 40)
        pane.wait_for("of it swap")
        pane.wait(lambda: "in flight" in pane.text() and pane.rows()[39].startswith("space pause"))
        pane.resize(60, 20)
        pane.wait_for("the view needs 80x24, here are 60x20")
        pane.resize(80, 24)
        pane.wait(lambda: pane.rows()[23].startswith("space pause") and "CGROUP" in pane.text())

    def check_restored(self, pane, how):
        pane.wait(lambda: not pane.is_on_other_screen())
        pane.wait(lambda: pane.shows_cursor())
        # Lines are edited and echoed, wrapped at the edge, and the keys that send signals are what they were.
        pane.run("stty -a | tr ';' '\\n' | grep -Eow -- '-?(icanon|echo|isig|icrnl|opost)|susp = ..' | tr '\\n' ' '; echo end")
        pane.wait(lambda: re.search(r"^susp = \^Z .*end$", pane.text(), re.M))
        modes = re.search(r"^susp = \^Z (.*)end$", pane.text(), re.M)[1].split()
        self.assertEqual(sorted(modes), ["echo", "icanon", "icrnl", "isig", "opost"], how)
        self.assertNotIn("memory full", pane.text(), how)

    def test_the_terminal_is_as_it_was_after_every_exit(self):
        for number in [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGSEGV, signal.SIGILL, signal.SIGABRT]:
            with self.subTest(signal=number.name):
                pane = self.view()
                os.kill(self.process(), number)
                self.check_restored(pane, number.name)
                pane.close()
        for key in ["q", "C-c", "C-\\"]:
            with self.subTest(key=key):
                pane = self.view()
                pane.keys(key)
                self.check_restored(pane, key)
                pane.close()

    def test_it_stops_and_goes_on_like_any_job(self):
        pane = self.view()
        pane.keys("C-z")
        pane.wait_for("Stopped")
        self.assertFalse(pane.is_on_other_screen())
        pane.run("fg")
        pane.wait(lambda: VERDICT.match(pane.rows()[0]))
        pane.keys("q")
        self.check_restored(pane, "after fg")

    def test_it_says_that_the_recorder_is_gone_and_back(self):
        pane = self.view()
        self.recorder.kill()
        pane.wait_for("the recorder is gone: waiting for it")
        self.assertTrue(VERDICT.match(pane.rows()[0]))
        self.recorder.wait()
        os.unlink(self.live)
        self.serve()
        pane.wait_for("the recorder is back")
        self.assertNotIn("gone", pane.text())

    def test_nothing_is_erased_before_it_is_drawn_again(self):
        pane = self.view()
        output = self.directory / "output"
        pane.tmux("pipe-pane", "-t", "s", f"cat > {output}")
        for key in ["Space", "Space", "s", "m"]:
            pane.keys(key)
            time.sleep(0.3)
        pane.wait(lambda: output.exists() and b"\x1b[?2026l" in output.read_bytes())
        sent = output.read_bytes()
        self.assertNotIn(b"\x1b[2J", sent)
        # Not the whole screen for one word of it.
        frames = sent.split(b"\x1b[?2026h")[1:]
        self.assertLess(min(len(frame) for frame in frames), 800)

    def test_colours_are_those_that_are_there(self):
        for environment, there, absent in [
            ({"NO_COLOR": "1"}, r"\x1b\[(1;)?7m", r"\x1b\[[0-9;]*\b[34][0-7]\b"),
            ({}, r"\x1b\[[0-9;]*38;5;", r"38;2;"),
            ({"COLORTERM": "truecolor"}, r"38;2;", r"38;5;"),
            ({"TERM": "screen"}, r"\x1b\[[0-9;]*3[1-3]", r"38;[25];"),
        ]:
            with self.subTest(environment=environment):
                pane = self.view(**{"TERM": "screen-256color", **environment})
                text = pane.text(colours=True)
                self.assertRegex(text, there)
                self.assertNotRegex(text, absent)
                pane.close()

    def test_without_unicode_curves_are_plain_letters(self):
        pane = self.view(LANG="C")
        self.assertTrue(pane.text().isascii())

    def test_lines_where_no_screen_is_wanted(self):
        for flags, environment in [("--plain", {}), ("", {"TERM": "dumb"}), ("--kind oom_kill,stall", {})]:
            with self.subTest(flags=flags, environment=environment):
                pane = self.pane(**environment)
                pane.run(f"{INQUEST} tail --live {self.live} {flags}")
                pane.wait_for("  STALL   ")
                self.assertFalse(pane.is_on_other_screen())
                pane.close()
                self.end(self.recorder)
                os.unlink(self.live)
                self.recorder = self.serve()

    def test_a_filter_on_the_command_line_is_where_it_begins(self):
        pane = self.view("--cgroup", "tmux-ana.service")
        self.assertIn("only tmux-ana.service", pane.text())


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    INQUEST, WRITER = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:3])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
