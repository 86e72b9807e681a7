"""The programs that a scenario wants in its guest besides `load`."""

import hashlib
import subprocess
from pathlib import Path

from .errors import LabError
from .kernels import locked

SOURCES = Path(__file__).parent / "guest"


def guest_program(name, libraries, cache):
    """guest/NAME.c as a static program."""
    source = SOURCES / f"{name}.c"
    directory = cache / f"{name}-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}"
    program = directory / name
    with locked(cache / f"{name}.lock"):
        if not program.exists():
            directory.mkdir(exist_ok=True)
            new = program.with_suffix(".new")
            # libsqlite3 warns of dlopen in a static program, which it is not asked for.
            done = subprocess.run(["gcc", "-std=c2x", "-static", "-O2", "-o", new, source, *(f"-l{library}" for library in libraries)],
                                  capture_output=True, text=True)
            if done.returncode != 0:
                raise LabError(f"{source}: {done.stderr.strip()}")
            new.rename(program)
    return program
