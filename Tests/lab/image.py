"""What a guest boots: an initramfs with the lab's tools, and where a scenario asks for it a Debian root with systemd."""

import gzip
import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

from .errors import LabError
from .kernels import locked

HERE = Path(__file__).parent
# In this order; what a kernel has built in is left out.
BASE_MODULES = ["virtio_pci", "virtio_blk", "virtio_console"]
# Loaded by the scenario that wants them: guest.module(NAME).
# zram asks for its compression by name, and nobody loads modules by name here.
ON_DEMAND_MODULES = ["lzo_rle", "zram", "loop", "dm_mod", "dm_delay", "null_blk", "overlay"]

ROOT_PACKAGES = [
    "systemd", "systemd-sysv", "systemd-oomd", "libpam-systemd", "earlyoom", "udev", "dbus", "procps", "kmod", "util-linux", "fio",
    "gcc", "libc6-dev", "make",
]


def initramfs(kernel, binary, cache, modules=(), programs=()):
    """A gzipped cpio archive with the tools in /lab, more programs beside them where a scenario has such, and modules to be loaded at
    boot; made anew when one of its parts is newer."""
    load = load_program(cache)
    parts = [binary, load, *programs, HERE / "guest" / "init", HERE / "guest" / "agent", HERE / "guest" / "passwd", Path(__file__)]
    key = hashlib.sha256()
    for part in parts:
        key.update(part.read_bytes())
    key.update(" ".join([kernel.release, *modules]).encode())
    archive = cache / "initramfs" / f"{kernel.name}-{key.hexdigest()[:16]}.gz"
    with locked(cache / "initramfs" / f"{kernel.name}.lock"):
        if not archive.exists():
            for old in archive.parent.glob(f"{kernel.name}-*.gz"):
                # A younger one may be that of another run with another binary, about to boot from it.
                if time.time() - old.stat().st_mtime > 3600:
                    old.unlink()
            build_initramfs(kernel, [binary, load, *programs], BASE_MODULES + list(modules), archive)
    return archive


def build_initramfs(kernel, programs, modules, archive):
    tree = archive.with_suffix(".tree")
    shutil.rmtree(tree, ignore_errors=True)
    for directory in ["lab/modules", "etc"]:
        (tree / directory).mkdir(parents=True)
    busybox = shutil.which("busybox")
    if busybox is None:
        raise LabError("busybox is missing; install with: apt-get install busybox-static")
    binary, load, *more_programs = programs
    for source, name in [
        (busybox, "lab/busybox"), (binary, "lab/inquest"), (load, "lab/load"), (HERE / "guest" / "agent", "lab/agent"),
        (HERE / "guest" / "init", "init"), (HERE / "guest" / "passwd", "etc/passwd"), *((p, f"lab/{p.name}") for p in more_programs),
    ]:
        shutil.copy(source, tree / name)
        (tree / name).chmod(0o755)
    base = kernel.module_closure(modules)
    for number, (name, content) in enumerate(base.items()):
        (tree / "lab/modules" / f"{number:02}-{name}.ko").write_bytes(content)
    more = {n: c for n, c in kernel.module_closure(ON_DEMAND_MODULES).items() if n not in base}
    for number, (name, content) in enumerate(more.items(), len(base)):
        (tree / "lab/modules" / f"{number:02}-{name}.on-demand.ko").write_bytes(content)
    names = "\n".join(str(p.relative_to(tree)) for p in [tree, *sorted(tree.rglob("*"))])
    packed = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=tree, input=names.encode(), capture_output=True, check=True)
    archive.with_suffix(".new").write_bytes(gzip.compress(packed.stdout, 1))
    archive.with_suffix(".new").rename(archive)
    shutil.rmtree(tree)


def load_program(cache):
    source = HERE / "guest" / "load.c"
    program = cache / f"load-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}"
    with locked(cache / "load.lock"):
        if not program.exists():
            subprocess.run(["gcc", "-std=c2x", "-static", "-O2", "-o", program.with_suffix(".new"), source], check=True)
            program.with_suffix(".new").rename(program)
    return program


def debian_root(cache, say):
    """An ext4 image of a Debian 12 with systemd, for guests to lay a copy-on-write image over."""
    if os.geteuid() != 0:
        raise LabError("a Debian root can only be made by root: sudo tools/lab run")
    unit = (HERE / "guest" / "lab-agent.service").read_bytes()
    key = hashlib.sha256(" ".join(ROOT_PACKAGES).encode() + unit + Path(__file__).read_bytes()).hexdigest()[:16]
    image = cache / "roots" / f"bookworm-{key}.ext4"
    with locked(cache / "roots" / "lock"):
        if not image.exists():
            for old in image.parent.glob("bookworm-*"):
                old.unlink()
            build_root(image, cache, say)
    return image


def build_root(image, cache, say):
    say("making a Debian root with systemd (once)")
    tree = image.with_suffix(".tree")
    shutil.rmtree(tree, ignore_errors=True)
    try:
        done = subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(ROOT_PACKAGES)}", "bookworm", tree],
            capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise LabError(f"mmdebstrap failed: {done.stderr.strip().splitlines()[-1:]}")
        furnish_root(tree)
        new = image.with_suffix(".new")
        new.unlink(missing_ok=True)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-d", tree, new, "3G"], check=True, stdout=subprocess.DEVNULL)
        new.rename(image)
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def furnish_root(tree):
    """Only the lab's own service is added; daemons are enabled by the scenario that wants them."""
    shutil.copy(HERE / "guest" / "lab-agent.service", tree / "etc/systemd/system")
    wants = tree / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "lab-agent.service").symlink_to("../lab-agent.service")
    with open(tree / "etc/passwd", "a") as passwd:
        passwd.writelines((HERE / "guest" / "passwd").read_text().splitlines(keepends=True)[1:])
    (tree / "etc/hostname").write_text("lab\n")
    (tree / "etc/fstab").write_text("")
    # With an id it is no first boot, which would enable every daemon by preset.
    (tree / "etc/machine-id").write_text("1abf00d01abf00d01abf00d01abf00d0\n")
    masked = ["serial-getty@ttyS0.service", "systemd-networkd-wait-online.service", "apt-daily.timer", "apt-daily-upgrade.timer",
              "e2scrub_reap.service", "e2scrub_all.timer", "fstrim.timer", "dpkg-db-backup.timer", "getty@tty1.service",
              "systemd-timesyncd.service"]
    for unit in masked:
        link = tree / "etc/systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    for link in (tree / "etc/systemd/system").rglob("*"):
        if link.name in ["earlyoom.service", "systemd-oomd.service", "systemd-oomd.socket"]:
            link.unlink()
    shutil.rmtree(tree / "var/cache/apt", ignore_errors=True)
    shutil.rmtree(tree / "var/lib/apt/lists", ignore_errors=True)
