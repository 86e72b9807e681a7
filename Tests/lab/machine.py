"""One qemu guest: started, reset and ended by its own pid; its disks, its monitor, and the agent inside it."""

import base64
import ctypes
import itertools
import json
import queue
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from qemu.qmp.legacy import QEMUMonitorProtocol

from .errors import GuestDied, LabError

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


@dataclass
class Disk:
    """A disk of a guest. `content` is an image to lay a copy-on-write image over, `server` the socket of an NBD server that has the
    disk; otherwise the disk is new: an ext4, unless `raw`. `spare`: room behind the content, which then are two partitions."""

    name: str
    size: str = "1G"
    content: Path = None
    raw: bool = False
    server: Path = None
    spare: str = None


def dies_with_us():
    """For a process of the lab's: killed when the thread that started it ends, however that comes about."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def listening_sockets():
    """The paths of the unix sockets that somebody listens on (the flag __SO_ACCEPTCON)."""
    rows = (line.split() for line in Path("/proc/net/unix").read_text(errors="replace").splitlines()[1:])
    return {row[7] for row in rows if len(row) > 7 and int(row[3], 16) & 0x10000}


class Machine:
    """A running guest. Use in a `with`: whatever happens, no qemu is left behind."""

    def __init__(self, kernel, initrd, directory, disks, memory="512M", cpus=2, cmdline="", said=None):
        self.directory = directory
        self.kernel = kernel
        self.disks = disks
        self.console = directory / "console.log"
        self.answers = {}
        self.greetings = queue.Queue()
        self.numbers = itertools.count(1)
        self.dead = None
        # A socket's path has at most 107 bytes, so not in the directory of the scenario.
        self.sockets = tempfile.TemporaryDirectory(prefix="inquest-lab-")
        monitor, agent = (f"{self.sockets.name}/{name}" for name in ["monitor", "agent"])
        arguments = [
            "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", memory, "-smp", str(cpus), "-nodefaults",
            "-display", "none", "-serial", f"file:{self.console}", "-qmp", f"unix:{monitor},server=on,wait=off",
            "-kernel", str(kernel.image), "-initrd", str(initrd),
            "-append", f"console=ttyS0 quiet panic=1 psi=1 {cmdline}".strip(),
            "-device", "virtio-serial-pci", "-chardev", f"socket,path={agent},server=on,wait=off,id=agent",
            "-device", "virtserialport,chardev=agent,name=lab.agent",
        ]
        if said:
            # A port whose words are in a file as they come: what was said before the guest's end is there after it.
            arguments += ["-chardev", f"file,path={said},id=said", "-device", "virtserialport,chardev=said,name=lab.said"]
        for disk in disks:
            if disk.server:
                # Flushes are asked of the server: it is the disk, with a cache of its own.
                where = f"file=nbd:unix:{disk.server},format=raw,cache=writeback"
            else:
                # The guest's disk is as fast as the scenario says, not as the one below it.
                where = f"file={self.image(disk)},format={'qcow2' if disk.content else 'raw'},cache=unsafe,discard=unmap"
            arguments += ["-drive", f"{where},id={disk.name},if=virtio"]
        self.qemu = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=open(directory / "qemu.log", "w"), stderr=subprocess.STDOUT,
            start_new_session=True, preexec_fn=dies_with_us)
        try:
            self.wait_for_sockets(monitor, agent)
            self.monitor = QEMUMonitorProtocol(monitor)
            self.monitor.connect()
            self.agent = socket.socket(socket.AF_UNIX)
            self.agent.connect(agent)
        except BaseException:
            self.end()
            raise
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def image(self, disk):
        path = self.directory / f"{disk.name}.img"
        if disk.content:
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", disk.content, path], check=True)
            if disk.spare:
                subprocess.run(["qemu-img", "resize", "-q", path, f"+{disk.spare}"], check=True)
                self.divide(path, disk.content.stat().st_size)
        else:
            subprocess.run(["truncate", "-s", disk.size, path], check=True)
            if not disk.raw:
                # Whole: a file system that is completed after the mount keeps a slow disk busy for seconds, by nobody's doing.
                subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,nodiscard", path], check=True)
        return path

    @staticmethod
    def divide(path, content_bytes):
        """Makes two partitions, the second behind the content. The first begins where the disk does: a file system of Linux leaves the
        place of a partition table free."""
        bytes_in_all = json.loads(subprocess.run(["qemu-img", "info", "--output=json", path], capture_output=True, check=True).stdout)["virtual-size"]
        table = bytearray(512)
        for number, (begin, end) in enumerate([(0, content_bytes), (content_bytes, bytes_in_all)]):
            struct.pack_into("<4xB3xII", table, 446 + 16 * number, 0x83, begin // 512, (end - begin) // 512)
        table[510:] = b"\x55\xaa"
        with tempfile.NamedTemporaryFile() as file:
            file.write(table)
            file.flush()
            subprocess.run(["qemu-io", "-c", f"write -q -s {file.name} 0 512", path], check=True)

    def wait_for_sockets(self, *paths):
        # The files are there a moment before anybody listens.
        bound = time.monotonic() + 20
        while not listening_sockets().issuperset(paths):
            if self.qemu.poll() is not None or time.monotonic() > bound:
                raise LabError(f"qemu did not start: {(self.directory / 'qemu.log').read_text().strip()}")
            time.sleep(0.02)

    # --- The monitor ---

    def throttle(self, disk, bytes_per_second=0, operations_per_second=0):
        """Limits a disk from now on; 0 is no limit."""
        self.monitor.cmd("block_set_io_throttle", device=disk, bps=bytes_per_second, bps_rd=0, bps_wr=0,
                         iops=operations_per_second, iops_rd=0, iops_wr=0)

    def reset(self):
        """As if somebody pressed the button: nothing is flushed, nobody is told. What was asked and not answered never will be."""
        self.abandon(GuestDied("reset"))
        self.monitor.cmd("system_reset")

    # --- The agent ---

    def wait_for_agent(self, timeout=60):
        """Waits until the guest is up, and gives its boot id."""
        bound = time.monotonic() + timeout
        while True:
            try:
                return self.greetings.get(timeout=0.2)
            except queue.Empty:
                if self.dead or self.qemu.poll() is not None:
                    raise GuestDied("qemu ended while the guest was booting") from None
                if time.monotonic() > bound:
                    raise LabError(f"the guest did not come up within {timeout} s; see {self.console}") from None

    def send(self, script):
        """Has the agent run a shell script; gives a queue that will hold (status, output), or an exception."""
        number = f"{next(self.numbers)}"
        answer = self.answers[number] = queue.Queue()
        if self.dead:
            answer.put(self.dead)
            return number, answer
        self.agent.sendall(f"{number} {base64.b64encode(script.encode()).decode()}\n".encode())
        return number, answer

    def listen(self):
        rest = b""
        while True:
            try:
                piece = self.agent.recv(1 << 16)
            except OSError:
                piece = b""
            if not piece:
                break
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                self.heard(line.decode(errors="replace").split(" "))
        self.dead = GuestDied("the guest is gone")
        self.abandon(self.dead)

    def heard(self, words):
        # A reset may leave half a line before a greeting.
        if len(words) >= 2 and words[-2].endswith("hello"):
            self.greetings.put(words[-1])
        elif len(words) == 3 and words[0] in self.answers:
            self.answers.pop(words[0]).put((int(words[1]), base64.b64decode(words[2]).decode(errors="replace")))

    def abandon(self, reason):
        for number in list(self.answers):
            self.answers.pop(number).put(reason)

    def end(self):
        self.dead = self.dead or GuestDied("ended by the lab")
        self.qemu.kill()
        self.qemu.wait()
        if hasattr(self, "agent"):
            self.agent.close()
        if hasattr(self, "monitor"):
            try:
                self.monitor.close()
            except Exception:  # The connection went with qemu, whichever way it says so.
                pass
        self.sockets.cleanup()
