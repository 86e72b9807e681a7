"""What the hook on block IO costs a device that is as fast as the CPU."""

import contextlib
import json

from ..machine import loop_device
from ..measure import in_turn, output, ratio
from ..row import CannotMeasure, Line, row
from .paths import bpf_time, stats_enabled

OTHERS = ["biolatency", "biosnoop"]


@row(10)
def iops(bench):
    """IOPS lost: fio, 4 KiB random reads, queue depth 32, loop device on tmpfs.

    The device does nothing but CPU work, so that whatever a tool adds to an IO is missing from the rate.
    """
    bench.need_root()
    with loop_device(128) as device:
        attachments, missing = {"inquest": bench.recorder}, {}
        for name in OTHERS:
            try:
                command = [bench.tool(name)]
                with bench.background(command):
                    attachments[name] = lambda command=command: bench.background(command)
            except CannotMeasure as reason:
                missing[name] = str(reason)
        ways = {name: lambda attached=attached: rate(bench, device, attached) for name, attached in attachments.items()}
        ways["nothing"] = lambda: rate(bench, device, contextlib.nullcontext)
        values = in_turn(bench.rounds, ways)
        each = {name: bpf_ns(bench, device, attached) for name, attached in attachments.items()}
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
            # Below what the machine does to both, a ratio of losses says nothing.
            measurable = min(lost["inquest"], lost[name]) > 0
            yield Line(f"beside {name}", ours, theirs, ratio(lost["inquest"], lost[name]) if measurable else "-", reach)
            yield Line(
                f"in BPF, says the kernel, beside {name}", f"{each['inquest']:,.0f} ns an IO", f"{each[name]:,.0f} ns an IO",
                ratio(each["inquest"], each[name]), "a third of biolatency's" if name == "biolatency" else "-")


def bpf_ns(bench, device, attached):
    """Time in a tool's BPF programs by the kernel's account, nanoseconds an IO: what no other load on the machine can change much."""
    with attached() as tool, stats_enabled():
        before = bpf_time(tool.pid)[1]
        ios = read(bench, device)["total_ios"]
        return (bpf_time(tool.pid)[1] - before) / ios


def rate(bench, device, attached):
    with attached():
        return read(bench, device)["iops"]


def read(bench, device):
    said = output([
        bench.tool("fio"), "--name=read", f"--filename={device}", "--rw=randread", "--bs=4k", "--iodepth=32", "--direct=1",
        "--ioengine=libaio", "--time_based", f"--runtime={min(bench.seconds, 5)}", "--randseed=1", "--output-format=json",
    ])
    return json.loads(said[said.index("{"):])["jobs"][0]["read"]
