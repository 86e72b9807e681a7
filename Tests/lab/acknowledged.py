"""What was acknowledged before the power went, and whether it is there: pure, so that it can be tested without a guest."""

from dataclasses import dataclass, field

# What the test's writer has at least kept, bytes, when it begins to use segments again: its total of 2 MiB
# (Tests/RecordingWriterProcess/PowerCut.swift) without the segment that is made room for, the spare one, the unused part of the one
# that the next start cuts short, and one more.
KEPT = (2 << 20) - 4 * (256 << 10)


@dataclass
class Recorded:
    """One recording, on a file system of its own, over all the cuts: what was acknowledged, and what became of it."""

    file_system: str
    how: str
    "direct or buffered: by the test's writer, past the page cache or through it; recorder: by inquest itself"
    seed: int
    starts: list = field(default_factory=list)
    "[first number, last acknowledged number] of each start"
    cuts: int = 0
    acknowledged: int = 0
    lost: int = 0

    @property
    def name(self):
        return f"{self.file_system}-{self.how}"

    @property
    def directory(self):
        return f"/cut/{self.name}/inquest"

    def hear(self, words):
        """A line of the guest's, without the name."""
        if words[0] == "start":
            self.starts.append([int(words[1]), int(words[1]) - 1])
        else:
            self.starts[-1][1] = int(words[0])

    def examine(self, answer):
        """Compares what the next boot found with what was acknowledged; gives what is wrong, in words."""
        lines = [line.removeprefix(f"{self.name} ") for line in answer.splitlines()]
        wrong = [line for line in lines if not line.startswith(("present", "bytes"))]
        present = [tuple(map(int, r.split("-"))) for line in lines if line.startswith("present") for r in line.split()[1:]]
        if any(after <= before for (_, before), (after, _) in zip(present, present[1:])):
            wrong.append(f"the events are out of order: {present}")
        oldest = present[0][0] if present else None
        missing = [self.missing(first, last, present, oldest) for first, last in self.starts]
        self.cuts += 1
        self.acknowledged += self.starts[-1][1] - self.starts[-1][0] + 1
        self.lost += sum(missing)
        if sum(missing):
            wrong.append(f"{sum(missing)} acknowledged events are not there; acknowledged {self.starts[-3:]}, present {present[-5:]}")
        size = sum(int(line.split()[1]) for line in lines if line.startswith("bytes"))
        if oldest and oldest > self.starts[0][0] and (self.how == "recorder" or size < KEPT):
            wrong.append(f"the first number is {oldest} instead of {self.starts[0][0]}, and no want of room explains it: {size} bytes")
        return [f"{self.name}: {line}" for line in wrong]

    @staticmethod
    def missing(first, last, present, oldest):
        """How many of first...last are not there, without those that made room for later ones."""
        if oldest is None:
            return max(0, last - first + 1)
        first = max(first, oldest)
        here = sum(max(0, min(last, b) - max(first, a) + 1) for a, b in present)
        return max(0, last - first + 1) - here
