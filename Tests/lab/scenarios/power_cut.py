"""The power goes while a storm is being recorded."""

import os

from ..judge import Hopeless
from ..power import PowerCuts
from ..scenario import scenario


@scenario(by_itself=True, busy=True, kernels=("6.12",), seconds=300)
def power_cut(site, judge):
    """Power goes twice under a storm, on ext4, xfs and btrfs: everything acknowledged is there (tools/lab power: 200 times)"""
    seed = int.from_bytes(os.urandom(4))
    power = PowerCuts(site.lab, site.kernel, site.directory, seed)
    account = power.run(2)
    judge.final = bool(power.failures)
    for failure in power.failures:
        judge.must(False, f"nothing is lost (seed {seed})", failure)
    if account is None:
        raise Hopeless(f"seed {seed}: what was recorded cannot be looked at")
    lost = sum(r.lost for r in power.recordings)
    acknowledged = sum(r.acknowledged for r in power.recordings)
    judge.must(acknowledged > 0 and lost == 0, "all that was acknowledged is there", f"{lost} of {acknowledged} lost")
    judge.note(f"seed {seed}: {acknowledged} events acknowledged in {power.cuts} cuts, {lost} lost")
    return account
