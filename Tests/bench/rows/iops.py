"""What the hook on block IO costs a device that is as fast as the CPU."""

import contextlib
import json

from ..machine import loop_device
from ..measure import in_turn, output, ratio
from ..row import CannotMeasure, Line, row

OTHERS = ["biolatency", "biosnoop"]


@row(10)
def iops(bench):
    """IOPS lost: fio, 4 KiB random reads, queue depth 32, loop device on tmpfs.

    The device does nothing but CPU work, so that whatever a tool adds to an IO is missing from the rate.
    """
    bench.need_root()
    with loop_device(128) as device:
        ways = {"nothing": lambda: rate(bench, device, contextlib.nullcontext)}
        ways["inquest"] = lambda: rate(bench, device, bench.recorder)
        missing = {}
        for name in OTHERS:
            try:
                command = [bench.tool(name)]
                with bench.background(command):
                    ways[name] = lambda command=command: rate(bench, device, lambda: bench.background(command))
            except CannotMeasure as reason:
                missing[name] = str(reason)
        values = in_turn(bench.rounds, ways)
    calm = values.pop("nothing")
    lost = {name: 100 * (1 - their.median / calm.median) for name, their in values.items()}
    yield Line("without any tool", "", calm.show("{:,.0f}", " IOPS"))
    for name in OTHERS:
        ours = f"{lost['inquest']:.1f} % lost: {values['inquest'].show('{:,.0f}', ' IOPS')}"
        reach = "a third of biolatency's" if name == "biolatency" else "-"
        if name in missing:
            yield Line(f"beside {name}", ours, missing[name], to_reach=reach)
        else:
            theirs = f"{lost[name]:.1f} % lost: {values[name].show('{:,.0f}', ' IOPS')}"
            yield Line(f"beside {name}", ours, theirs, ratio(max(lost["inquest"], 0), lost[name]), reach)


def rate(bench, device, attached):
    with attached():
        said = output([
            bench.tool("fio"), "--name=read", f"--filename={device}", "--rw=randread", "--bs=4k", "--iodepth=32", "--direct=1",
            "--ioengine=libaio", "--time_based", f"--runtime={min(bench.seconds, 5)}", "--randseed=1", "--output-format=json",
        ])
    return json.loads(said[said.index("{"):])["jobs"][0]["read"]["iops"]
