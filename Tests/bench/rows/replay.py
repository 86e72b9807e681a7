"""How fast a recording becomes incidents again."""

from ..measure import Values, cpu_seconds
from ..row import Line, row


@row(40)
def replay(bench):
    """Events a second, replay of a recording into incidents, by CPU time."""
    events, _ = bench.verified(bench.full_recording)
    seconds = Values(
        cpu_seconds([bench.binary, "replay", "--json", "--dir", bench.full_recording]) for _ in range(bench.rounds))
    rates = Values(events / value for value in seconds)
    yield Line(f"{events:,} events with incidents", rates.show("{:,.0f}", " events/s"), to_reach="5,000,000 events/s")
