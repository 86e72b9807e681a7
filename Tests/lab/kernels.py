"""Debian kernels: found by pattern, since point releases replace each other; unpacked, never installed; cached."""

import fcntl
import lzma
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError


@dataclass(frozen=True)
class Kernel:
    name: str
    package: str
    "A regular expression over package names; of those that match, the highest version is taken."


# Another kernel package is one line here, and its suite below if it is in none of these.
KERNELS = [
    Kernel("5.10", r"linux-image-5\.10\.[0-9.-]+-cloud-amd64"),
    Kernel("6.1", r"linux-image-6\.1\.[0-9.-]+-cloud-amd64"),
    Kernel("6.12", r"linux-image-6\.12\.[0-9.]+\+deb12-cloud-amd64"),
]
SUITES = ["bullseye", "bookworm"]

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True)
class UnpackedKernel:
    """A kernel's image, and the modules of its package."""

    name: str
    release: str
    image: Path
    modules: Path

    def module_closure(self, names):
        """The files of these modules and of what they depend on, dependencies first; modules built in are left out."""
        files = {re.sub(r"\.ko(\.xz)?$", "", f.name).replace("-", "_"): f for f in self.modules.rglob("*.ko*")}
        ordered = {}

        def add(name):
            if name in ordered or name not in files:
                return
            content = module_bytes(files[name])
            for entry in re.findall(rb"\0depends=([^\0]*)", content):
                for other in filter(None, entry.decode().split(",")):
                    add(other.replace("-", "_"))
            ordered[name] = content

        for name in names:
            add(name.replace("-", "_"))
        return ordered


def module_bytes(path):
    content = path.read_bytes()
    return lzma.decompress(content) if path.suffix == ".xz" else content


def unpacked(kernel, cache, say):
    """Downloads and unpacks a kernel, unless the cache has one that matches. Delete the cache to get a newer one."""
    home = cache / "kernels" / kernel.name
    if not (home / "complete").exists():
        with locked(cache / "apt.lock"):
            if not (home / "complete").exists():
                fetch(kernel, cache, home, say)
    image = next(iter((home / "root").glob("boot/vmlinuz-*")), None)
    image = image or next(iter((home / "root").glob("usr/lib/modules/*/vmlinuz")), None)
    modules = next(iter((home / "root").glob("lib/modules/*")), None)
    modules = modules or next(iter((home / "root").glob("usr/lib/modules/*")), None)
    if image is None or modules is None:
        raise LabError(f"the package of kernel {kernel.name} has no image or no modules where they are expected: {home}")
    return UnpackedKernel(kernel.name, modules.name, image, modules)


def fetch(kernel, cache, home, say):
    apt = Apt(cache / "apt", say)
    package = apt.newest(kernel.package)
    say(f"kernel {kernel.name}: downloading {package}")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    archive = apt.download(package, home)
    subprocess.run(["dpkg-deb", "-x", archive, home / "root"], check=True)
    archive.unlink()
    (home / "complete").write_text(package + "\n")


class Apt:
    """Debian's package lists of all SUITES, apart from the machine's own, from the mirror that the machine uses."""

    def __init__(self, home, say):
        self.options = [
            "-o", f"Dir::Etc::SourceList={home}/sources.list", "-o", "Dir::Etc::SourceParts=-",
            "-o", f"Dir::State::Lists={home}/lists", "-o", f"Dir::Cache={home}/cache",
        ]
        if not (home / "complete").exists():
            for name in ["lists/partial", "cache/archives/partial"]:
                (home / name).mkdir(parents=True, exist_ok=True)
            (home / "sources.list").write_text("".join(line + "\n" for line in self.sources()))
            say("reading Debian's package lists")
            self.run("apt-get", "update", "-q")
            (home / "complete").touch()

    @staticmethod
    def sources():
        known = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)"], capture_output=True, text=True, check=True
        ).stdout.split("\n")
        mirrors = {("security" if line.endswith("-security") else "main"): line.split()[0] for line in known if line}
        if "main" not in mirrors:
            raise LabError("apt knows no Debian mirror to take kernels from; see /etc/apt/sources.list")
        for suite in SUITES:
            yield f"deb [signed-by={KEYRING}] {mirrors['main']} {suite} main"
            if "security" in mirrors:
                yield f"deb [signed-by={KEYRING}] {mirrors['security']} {suite}-security main"

    def newest(self, pattern):
        names = [n for n in self.run("apt-cache", "pkgnames").split() if re.fullmatch(pattern, n)]
        if not names:
            raise LabError(f"no package matches {pattern}; its suite may be missing in SUITES of {__file__}")
        return max(names, key=lambda n: [int(part) for part in re.findall(r"\d+", n)])

    def download(self, package, directory):
        self.run("apt-get", "download", "-q", package, cwd=directory)
        return next(directory.glob("*.deb"))

    def run(self, command, *arguments, cwd=None):
        done = subprocess.run([command, *self.options, *arguments], cwd=cwd, capture_output=True, text=True)
        if done.returncode != 0:
            raise LabError(f"{command} {' '.join(arguments)} failed: {done.stderr.strip().splitlines()[-1:]}")
        return done.stdout


class locked:
    """A lock between processes: several runs of the lab share one cache."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = os.open(self.path, os.O_CREAT | os.O_RDWR, 0o666)
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        os.close(self.file)
