"""What `export --format html` writes, in a real browser: read, pointed at, zoomed, walked by keys, printed, and without a script.

    python3 Tests/browser.py INQUEST RECORDING-WRITER [SHOTS]

INQUEST is the program; RECORDING-WRITER makes recordings of the cases in Tests/cases; SHOTS is a directory for screenshots. Needs
PyPI's playwright, and Debian's chromium.
"""

import csv
import datetime
import http.server
import io
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import unittest

from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
CASES = ["lab-origin", "contained-kill", "lab-io-storm", "lab-livelock-lifted", "lab-device-stall"]
INQUEST, WRITER, SHOTS = "", "", None


def run(*arguments):
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.directory = pathlib.Path(cls.scratch.name)
        for case in CASES:
            recording = str(cls.directory / case)
            run(WRITER, recording, "1", "case", case)
            run(INQUEST, "export", "last", "--format", "html", "--dir", recording, "-o", recording + ".html")
        run(INQUEST, "export", "all", "--format", "html", "--dir", str(cls.directory / "lab-origin"), "-o",
            str(cls.directory / "span.html"))
        cls.playwright = sync_playwright().start()
        # As root the browser has no sandbox of its own.
        cls.browser = cls.playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.playwright.stop()
        cls.scratch.cleanup()

    def address(self, name):
        return (self.directory / f"{name}.html").as_uri()

    def open(self, name, width=1280, scheme="light", script=True):
        """A page of its own, on which every complaint and every request is noted."""
        context = self.browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script)
        self.addCleanup(context.close)
        page = context.new_page()
        self.complaints, self.requests = [], []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(self.address(name))
        return page

    def quiet(self, name):
        """Nobody complained, and the page asked for nothing but itself."""
        self.assertEqual(self.complaints, [])
        self.assertEqual({url.split("#")[0] for url in self.requests}, {self.address(name)})

    def ranges(self, page):
        """What each plot shows, in bins."""
        boxes = page.eval_on_selector_all(".data", "all => all.map(one => one.getAttribute('viewBox'))")
        return [tuple(float(number) for number in box.split()[::2]) for box in boxes]

    def plot(self, page, title):
        return page.locator(".panel", has=page.get_by_role("heading", name=title, exact=True)).locator(".plot")

    def output(self, page, title, name):
        row = page.locator(".panel", has=page.get_by_role("heading", name=title, exact=True)).locator("li")
        return row.filter(has=page.locator(".name", has_text=re.compile(f"^{re.escape(name)}$"))).locator("output")

    # ---- Looks

    def test_every_page_fits_its_window_and_is_quiet_in_light_and_dark(self):
        for name in CASES + ["span"]:
            for width, scheme in ((1280, "light"), (1280, "dark"), (420, "light"), (420, "dark")) if SHOTS else (
                    (1280, "light"), (420, "dark")):
                with self.subTest(name=name, width=width, scheme=scheme):
                    page = self.open(name, width, scheme)
                    self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), width)
                    if SHOTS:
                        page.screenshot(path=f"{SHOTS}/{name}-{width}-{scheme}.png", full_page=True)
                    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
                    self.assertEqual(scheme == "dark", sum(map(int, re.findall(r"\d+", paper))) < 300, paper)
                    self.quiet(name)

    def test_all_plots_begin_and_end_at_the_same_places(self):
        for width in (1280, 420):
            page = self.open("lab-origin", width)
            edges = page.eval_on_selector_all(
                ".plot, .axis", "all => all.map(one => { const box = one.getBoundingClientRect(); return [box.left, box.right] })")
            self.assertGreater(len(edges), 8)
            self.assertEqual(len({tuple(edge) for edge in edges}), 1, edges)

    def test_words_are_readable_on_their_ground(self):
        """WCAG's contrast of 4.5 for text, 3 for curves."""
        script = """([names, least]) => names.map(name => {
            const rgb = (value) => { const probe = document.createElement('i'); probe.style.color = `var(${value})`;
                document.body.append(probe); const found = getComputedStyle(probe).color.match(/\\d+/g).map(Number); probe.remove();
                return found; };
            const light = (c) => c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
                .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
            const [a, b] = [light(rgb(name)), light(rgb('--paper'))].sort((x, y) => y - x);
            return [name, (a + .05) / (b + .05)];
        }).filter(([, contrast]) => contrast < least)"""
        for scheme in ("light", "dark"):
            page = self.open("lab-origin", scheme=scheme)
            self.assertEqual(page.evaluate(script, [["--ink", "--soft", "--alarm"], 4.5]), [])
            self.assertEqual(page.evaluate(script, [[f"--c{number}" for number in range(6)], 3]), [])

    # ---- Pointer

    def test_pointing_shows_what_was_sampled_then(self):
        page = self.open("lab-io-storm")
        table = csv.DictReader(io.StringIO(run(
            INQUEST, "export", "last", "--format", "csv", "--dir", str(self.directory / "lab-io-storm"))))
        samples = [(int(row["boottime_ns"]), int(row["value"])) for row in table if row["name"] == "available_bytes"]
        charts = page.locator("#charts")
        bin_ns = float(charts.get_attribute("data-bin-ms")) * 1e6
        length = float(charts.get_attribute("data-length"))
        # Where the axis begins, by the wall clock; the incident says what that is in boottime.
        document = json.loads(run(
            INQUEST, "export", "last", "--format", "json", "--dir", str(self.directory / "lab-io-storm")))
        started = datetime.datetime.fromisoformat(document["started"]["realtime"]).timestamp()
        origin = document["started"]["boottime_ns"] - (started * 1e9 - float(charts.get_attribute("data-origin-ms")) * 1e6)
        plot = self.plot(page, "Memory")
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        seen = 0
        for (at, value), (following, _) in zip(samples[2:-1:3], samples[3::3]):
            # Well within the time that the sample held.
            if following - at < 4 * bin_ns:
                continue
            x = ((at + following) / 2 - origin) / bin_ns
            page.mouse.move(box["x"] + box["width"] * x / length, box["y"] + 40)
            words = self.output(page, "Memory", "available").inner_text()
            number, unit = words.split()
            shown = float(number) * 1024 ** ["B", "KiB", "MiB", "GiB"].index(unit)
            self.assertAlmostEqual(shown, value, delta=value / 500)
            seen += 1
        self.assertGreater(seen, 3)
        self.assertRegex(page.locator("#now").inner_text(), r"^\d\d:\d\d:\d\d\.\d$")
        page.mouse.move(5, 5)
        self.assertTrue(self.output(page, "Memory", "available").inner_text().startswith("min "))
        self.quiet("lab-io-storm")

    def test_unknown_is_said_where_nothing_was_sampled(self):
        page = self.open("lab-origin")
        gap = page.locator("#marks .gap").first.get_attribute("d")
        start, end = float(re.match(r"M([\d.]+)", gap)[1]), float(re.search(r"H([\d.]+)", gap)[1])
        plot = self.plot(page, "Memory")
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        length = float(page.locator("#charts").get_attribute("data-length"))
        page.mouse.move(box["x"] + box["width"] * (start + end) / 2 / length, box["y"] + 40)
        self.assertEqual(self.output(page, "Memory", "used").inner_text(), "unknown")

    def test_dragging_zooms_all_panels_alike_and_a_double_click_shows_all(self):
        page = self.open("lab-origin")
        whole = self.ranges(page)
        plot = self.plot(page, "Tasks")
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 30, steps=5)
        page.mouse.up()
        zoomed = self.ranges(page)
        self.assertEqual(len(set(zoomed)), 1)
        self.assertAlmostEqual(zoomed[0][0], whole[0][1] * 0.25, delta=1)
        self.assertAlmostEqual(zoomed[0][1], whole[0][1] * 0.25, delta=1)
        ticks = page.locator(".axis text").all_inner_texts()
        self.assertGreaterEqual(len(ticks), 3)
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/zoomed.png")
        page.mouse.dblclick(box["x"] + box["width"] * 0.5, box["y"] + 30)
        self.assertEqual(self.ranges(page), whole)
        self.quiet("lab-origin")

    # ---- Story

    def test_the_axis_begins_before_the_first_onset_and_shows_what_normal_looked_like(self):
        page = self.open("lab-origin")
        onset = float(page.locator("table.events tr.l6").first.get_attribute("data-x"))
        length = float(page.locator("#charts").get_attribute("data-length"))
        self.assertTrue(0 < onset < length / 2, (onset, length))
        plot = self.plot(page, "Memory")
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        page.mouse.move(box["x"] + box["width"] * onset / 2 / length, box["y"] + 40)
        self.assertNotEqual(self.output(page, "Memory", "available").inner_text(), "unknown")

    def test_each_backstop_says_what_is_so_what_follows_and_what_would_change_it(self):
        page = self.open("lab-origin")
        document = json.loads(run(
            INQUEST, "export", "last", "--format", "json", "--dir", str(self.directory / "lab-origin")))
        items = page.locator(".findings > li")
        self.assertEqual(items.count(), len(document["backstops"]))
        verdicts = set()
        for item, finding in zip(items.all(), document["backstops"]):
            words = item.inner_text()
            for part in ("finding", "consequence", "setting"):
                if finding[part]:
                    self.assertIn(finding[part].replace("\\\\", "\\"), words.replace("\\\\", "\\"))
            self.assertIn(finding["verdict"], words.lower())
            verdicts.add(finding["verdict"])
        self.assertTrue({"gap", "unknown"} <= verdicts, verdicts)

    def test_a_span_has_the_phases_of_the_host(self):
        page = self.open("span")
        self.assertRegex(self.plot(page, "Phase").get_attribute("aria-label"), "calm from .*thrash from ")

    # ---- Keys

    def test_keys_move_zoom_and_lead_to_the_table(self):
        page = self.open("lab-origin")
        whole = self.ranges(page)
        page.locator("#charts").focus()
        page.keyboard.press("ArrowRight")
        first = page.locator("#now").inner_text()
        for _ in range(3):
            page.keyboard.press("Shift+ArrowRight")
        self.assertGreater(page.locator("#now").inner_text(), first)
        page.keyboard.press("+")
        page.keyboard.press("+")
        zoomed = self.ranges(page)
        self.assertEqual(len(set(zoomed)), 1)
        self.assertAlmostEqual(zoomed[0][1], whole[0][1] / 4, delta=0.1)
        page.keyboard.press("-")
        self.assertGreater(self.ranges(page)[0][1], zoomed[0][1])
        page.keyboard.press("0")
        self.assertEqual(self.ranges(page), whole)
        page.keyboard.press("Enter")
        self.assertEqual(page.evaluate("document.activeElement.className"), "jump")
        self.assertEqual(page.locator("tr.near").count(), 1)
        # And from there back to the charts, at that time.
        time = page.locator("tr.near a").inner_text()
        page.keyboard.press("Enter")
        self.assertEqual(page.evaluate("document.activeElement.id"), "charts")
        self.assertTrue(time.startswith(page.locator("#now").inner_text()), time)
        page.keyboard.press("Escape")
        self.assertEqual(page.locator("#now").inner_text(), "")

    def test_the_first_tab_leads_past_the_head(self):
        page = self.open("contained-kill")
        page.keyboard.press("Tab")
        self.assertEqual(page.evaluate("document.activeElement.getAttribute('href')"), "#charts")

    # ---- Table and axis

    def test_a_row_leads_to_its_time_and_the_mark_there_back(self):
        page = self.open("lab-origin")
        rows = page.locator("table.events tbody tr[data-x]")
        self.assertGreater(rows.count(), 10)
        row = rows.nth(rows.count() // 2)
        number, time = row.get_attribute("id")[1:], row.locator("a").inner_text()
        row.locator("a").click()
        self.assertTrue(time.startswith(page.locator("#now").inner_text()) and page.locator("#now").inner_text(), time)
        mark = page.locator(f"#m{number}")
        self.assertIn("near", mark.get_attribute("class"))
        self.assertTrue(page.url.endswith(f"#m{number}"))
        mark.dispatch_event("click")
        self.assertIn("near", row.get_attribute("class"))
        box = row.bounding_box()
        self.assertTrue(0 <= box["y"] <= 900, box)
        # Zoomed to elsewhere, the time is brought back into sight.
        page.locator("#charts").focus()
        page.keyboard.press("Home")
        for _ in range(4):
            page.keyboard.press("+")
        row.locator("a").click()
        start, width = self.ranges(page)[0]
        self.assertTrue(start <= float(row.get_attribute("data-x")) <= start + width)
        self.quiet("lab-origin")

    # ---- Without

    def test_without_a_script_the_page_says_the_same_and_its_links_lead_there_and_back(self):
        page = self.open("contained-kill", script=False)
        self.assertIn("memory limit", page.locator("h1").inner_text())
        self.assertGreater(page.locator(".plot").count(), 3)
        self.assertFalse(page.locator(".hint").is_visible())
        self.assertGreater(self.plot(page, "Memory").locator("path.area").bounding_box()["width"], 100)
        row = page.locator("table.events tbody tr.l0").first
        row.locator("a").click()
        mark = page.locator("a.dot:target")
        self.assertEqual(mark.count(), 1)
        self.assertEqual(mark.get_attribute("href"), "#" + row.get_attribute("id"))
        page.goto(self.address("contained-kill") + mark.get_attribute("href"))
        self.assertEqual(page.locator("tr:target").get_attribute("id"), row.get_attribute("id"))

    def test_paper_is_white_and_holds_everything(self):
        page = self.open("lab-origin", scheme="dark")
        page.emulate_media(media="print", color_scheme="dark")
        self.assertEqual(page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
        self.assertFalse(page.locator(".hint").is_visible())
        paper = page.pdf(format="A4")
        self.assertTrue(paper.startswith(b"%PDF") and len(paper) > 20_000)
        self.assertLess(len(re.findall(rb"/Type\s*/Page\b", paper)), 15)
        if SHOTS:
            pathlib.Path(SHOTS, "paper.pdf").write_bytes(paper)

    def test_whatever_got_into_the_page_neither_runs_nor_calls_home(self):
        """The content security policy, should escaping ever fail."""
        heard = []

        class Listener(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                heard.append(self.path)
                self.send_error(404)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        home = f"http://127.0.0.1:{server.server_port}"
        foreign = f"""
            <script>document.title = "run"</script><img src="{home}/x" onerror="document.title = 'run'">
            <link rel="stylesheet" href="{home}/y"><iframe src="{home}/z"></iframe></main>"""
        text = (self.directory / "contained-kill.html").read_text()
        injected, bare = text.replace("</main>", foreign), re.sub("<meta http-equiv[^>]*>", "", text.replace("</main>", foreign))
        # Without the policy all of it happens: the test would see it.
        (self.directory / "bare.html").write_text(bare)
        page = self.open("bare")
        self.assertEqual(page.title(), "run")
        self.assertEqual(sorted(heard), ["/x", "/y", "/z"])
        heard.clear()
        (self.directory / "injected.html").write_text(injected)
        page = self.open("injected")
        self.assertNotEqual(page.title(), "run")
        self.assertEqual(heard, [])
        self.assertTrue(any("Content Security Policy" in complaint for complaint in self.complaints))
        # The page's own script ran all the same.
        self.assertTrue(page.evaluate("document.documentElement.classList.contains('live')"))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.strip())
    INQUEST, WRITER, SHOTS = (sys.argv[1:] + [None])[:3]
    unittest.main(argv=sys.argv[:1], verbosity=1)
