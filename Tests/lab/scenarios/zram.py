"""Swap that is no disk."""

from ..scenario import scenario

MB = 1 << 20


@scenario()
def swap_on_zram(guest, judge):
    """Memory pressure and swapping on zram: the disk has no part in it."""
    guest.module("zram")
    guest.sh("echo 400M >/sys/block/zram0/disksize; mkswap /dev/zram0; swapon /dev/zram0")
    guest.throttle("data", bytes_per_second=16 * MB)
    user = guest.cgroup("user")
    guest.record()
    before, disk = guest.truth.vmstat(), guest.truth.disk("vda")
    pressure = guest.truth.pressure("")
    hog = guest.start("load -n hog memory 500M", cgroup=user)
    hog.until_full(90)
    guest.sleep(25)
    swapped = guest.truth.vmstat()["pswpout"] - before["pswpout"]
    stalled = guest.truth.pressure("")["some"] - pressure["some"]
    written = guest.truth.disk("vda")["write_bytes"] - disk["write_bytes"]
    # No SIGKILL: from a stranger, and under pressure, that would be an incident.
    hog.kill("TERM")
    account = guest.stop()

    judge.must(swapped > 20000, "the kernel swapped", f"{swapped} pages")
    judge.must(stalled > 5_000_000, "it stalled on memory", f"{stalled} us")
    judge.must(written < swapped * 4096 / 10, "the disk had little to do", f"{written} bytes written, {swapped} pages swapped")
    judge.quiet(account)
    return account
