/// What a reader with a script has on top: values at a time, zooming, ways between the table and the axis. Without it the page says
/// the same. It reads everything from the page: the curves' values from their paths.
enum PageScript {
    static let text = #"""

        "use strict";
        (() => {
          const charts = document.getElementById("charts");
          if (!charts) return;
          document.documentElement.classList.add("live");

          // Times are in bins from the origin, as the pictures have them.
          const length = Number(charts.dataset.length);
          const binMs = Number(charts.dataset.binMs);
          const hasClock = charts.dataset.originMs !== "";
          const originMs = Number(charts.dataset.originMs);
          const svg = (name) => document.createElementNS("http://www.w3.org/2000/svg", name);

          // ---- Words, by the rules of the page's own

          const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
          function bytes(value) {
            let index = 0;
            while (value >= 1023.95 && index < units.length - 1) { value /= 1024; index += 1; }
            return (Number.isInteger(value) ? value : value.toFixed(1)) + " " + units[index];
          }
          function micros(value) {
            if (value < 1000) return value + " us";
            if (value < 9950) return (value / 1e3).toFixed(1) + " ms";
            if (value < 999500) return Math.round(value / 1e3) + " ms";
            return value < 9950000 ? (value / 1e6).toFixed(1) + " s" : Math.round(value / 1e6) + " s";
          }
          const short = (value) => (value < 10 ? Number(value.toFixed(1)) : Math.round(value).toLocaleString("en-US"));
          const words = {
            "bytes": (v) => bytes(Math.round(v)),
            "bytes/s": (v) => bytes(Math.round(v)) + "/s",
            "percent": (v) => short(v) + " %",
            "count": (v) => String(short(v)),
            "tasks": (v) => (v < 10 ? String(Number(v.toFixed(2))) : String(Math.round(v))),
            "bucket": (v) => micros(2 ** v),
          };

          function time(x, decimals) {
            const ms = x * binMs;
            if (!hasClock) return "+" + (ms / 1000).toFixed(Math.max(1, decimals)) + " s";
            const date = new Date(originMs + ms);
            const days = Math.floor((originMs + ms) / 864e5) - Math.floor(originMs / 864e5);
            return (days > 0 ? "+" + days + "d " : "") + date.toISOString().slice(11, decimals > 0 ? 20 + decimals : 19);
          }

          // ---- Curves: a path is a list of bins and what they hold

          function values(path) {
            const found = new Map();
            const quantum = Number(path.closest(".data").dataset.q);
            let x = 0, y = 0, fresh = false;
            for (const [, command, rest] of path.getAttribute("d").matchAll(/([MVl])([^MVl]*)/g)) {
              const numbers = rest.trim().split(/[ ,]+/).map(Number);
              if (command === "M") {
                [x, y] = numbers;
                fresh = true;
                // An area begins below its first value.
                if (!path.classList.contains("area")) found.set(x, y * quantum);
              } else if (command === "V") {
                if (fresh) { y = numbers[0]; found.set(x, y * quantum); }
                fresh = false;
              } else {
                // The last step only gives the last bin its width.
                for (let i = 0; i + 3 < numbers.length; i += 2) {
                  x += numbers[i];
                  y += numbers[i + 1];
                  found.set(x, y * quantum);
                }
              }
            }
            return found;
          }

          const plots = [...charts.querySelectorAll(".plot")].map((element) => {
            const data = element.querySelector(".data");
            const outputs = [...element.closest(".panel").querySelectorAll("output")];
            const curves = [...data.querySelectorAll("path[data-i]")].map((path) => {
              const output = outputs[Number(path.dataset.i)];
              return { output, rest: output.textContent, values: values(path), words: words[data.dataset.unit] };
            });
            const cursor = svg("path");
            cursor.setAttribute("class", "cursor");
            const brush = svg("path");
            brush.setAttribute("class", "brush");
            data.append(brush, cursor);
            return { element, data, height: Number(data.dataset.h), curves, cursor, brush };
          });
          const labels = [...charts.querySelectorAll("text[data-x]")];
          const axis = charts.querySelector(".axis");
          const ticks = document.getElementById("ticks");
          const now = document.getElementById("now");
          const rows = [...document.querySelectorAll("tr[data-x]")];

          // ---- What is shown, and the time that is pointed at

          let from = 0, to = length, at = null;
          const steps = [.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
            10800, 21600, 43200, 86400, 172800, 345600, 604800].map((seconds) => seconds * 1000);

          function drawAxis() {
            const room = Math.max(2, Math.floor(axis.getBoundingClientRect().width / 110));
            const spanMs = (to - from) * binMs;
            const step = steps.find((candidate) => spanMs / candidate <= room) ?? steps[steps.length - 1];
            const decimals = step < 10 ? 3 : step < 1000 ? 1 : 0;
            const origin = hasClock ? originMs : 0;
            let first = Math.ceil((origin + from * binMs) / step) * step - origin;
            let path = "";
            axis.replaceChildren();
            for (let ms = first; ms <= to * binMs; ms += step) {
              const x = ms / binMs;
              const share = (x - from) / (to - from);
              const text = svg("text");
              text.setAttribute("x", 100 * share + "%");
              text.setAttribute("y", 16);
              text.setAttribute("text-anchor", share < .04 ? "start" : share > .96 ? "end" : "middle");
              text.textContent = time(x, decimals);
              axis.append(text);
              path += "M" + x + " 0V1";
            }
            ticks.setAttribute("d", path);
          }

          function draw() {
            for (const plot of plots) plot.data.setAttribute("viewBox", [from, 0, to - from, plot.height].join(" "));
            for (const label of labels) {
              const share = (Number(label.dataset.x) - from) / (to - from);
              label.setAttribute("x", 100 * share + "%");
              label.style.display = share < -.001 || share > 1.001 ? "none" : "";
            }
            charts.dataset.from = from;
            charts.dataset.to = to;
            drawAxis();
          }

          function zoom(newFrom, newTo) {
            // Two bins are as close as it makes sense to look.
            const span = Math.min(length, Math.max(newTo - newFrom, Math.min(2, length)));
            const middle = (newFrom + newTo) / 2;
            from = Math.min(Math.max(0, middle - span / 2), length - span);
            to = from + span;
            draw();
          }

          function point(x) {
            at = x === null ? null : Math.min(Math.max(0, x), length);
            for (const plot of plots) {
              plot.cursor.setAttribute("d", at === null ? "" : "M" + at + " 0V" + plot.height);
              for (const curve of plot.curves) {
                const value = at === null ? null : curve.values.get(Math.floor(at));
                curve.output.textContent = at === null ? curve.rest : value === undefined ? "unknown" : curve.words(value);
              }
            }
            now.textContent = at === null ? "" : time(at, 1);
            now.value = now.textContent;
          }

          // ---- Pointer: move to read, drag to zoom, double click for all

          let pressed = null;
          function under(event) {
            const plot = event.target.closest?.(".plot") ?? pressed?.plot;
            if (!plot) return null;
            const box = plot.getBoundingClientRect();
            return from + (event.clientX - box.left) / box.width * (to - from);
          }
          function brush(a, b) {
            const path = a === null ? "" : (plot) => "M" + a + " 0H" + b + "V" + plot.height + "H" + a + "z";
            for (const plot of plots) plot.brush.setAttribute("d", path && path(plot));
          }
          charts.addEventListener("pointerdown", (event) => {
            const plot = event.target.closest(".plot");
            if (!plot || event.button !== 0 || event.target.closest(".dot")) return;
            pressed = { plot, x: under(event), clientX: event.clientX };
            plot.setPointerCapture(event.pointerId);
          });
          charts.addEventListener("pointermove", (event) => {
            const x = under(event);
            if (x === null) return;
            point(x);
            if (pressed) brush(pressed.x, at);
          });
          charts.addEventListener("pointerup", (event) => {
            if (!pressed) return;
            const x = Math.min(Math.max(0, under(event)), length);
            if (Math.abs(event.clientX - pressed.clientX) > 5) zoom(Math.min(x, pressed.x), Math.max(x, pressed.x));
            pressed = null;
            brush(null);
          });
          charts.addEventListener("pointercancel", () => { pressed = null; brush(null); });
          charts.addEventListener("pointerleave", () => { if (!pressed) point(null); });
          charts.addEventListener("dblclick", () => zoom(0, length));

          // ---- Keys, while the charts have the focus

          charts.addEventListener("keydown", (event) => {
            if (event.ctrlKey || event.metaKey || event.altKey || event.target !== charts) return;
            const span = to - from;
            const here = at ?? (from + to) / 2;
            const step = event.shiftKey ? span / 10 : Math.max(1, span / 200);
            const move = (x) => {
              x = Math.min(Math.max(0, x), length);
              if (x < from || x > to) zoom(x - span / 2, x + span / 2);
              point(x);
            };
            switch (event.key) {
              case "ArrowLeft": move(here - step); break;
              case "ArrowRight": move(here + step); break;
              case "Home": move(0); break;
              case "End": move(length); break;
              case "+": case "=": zoom(here - span / 4, here + span / 4); break;
              case "-": case "_": zoom(here - span, here + span); break;
              case "0": case "Escape": zoom(0, length); if (event.key === "Escape") point(null); break;
              case "Enter": if (nearest(here)) show(nearest(here)); break;
              default: return;
            }
            event.preventDefault();
          });

          // ---- Table to axis, and back

          const near = (row, x) => Math.abs(Number(row.dataset.x) - x);
          function nearest(x) { return rows.reduce((a, b) => (a && near(a, x) <= near(b, x) ? a : b), null); }
          function show(row) {
            document.querySelector("tr.near")?.classList.remove("near");
            row.classList.add("near");
            row.querySelector("a").focus({ preventScroll: true });
            row.scrollIntoView({ block: "center" });
          }
          document.addEventListener("click", (event) => {
            const link = event.target.closest?.("a.jump, a.dot");
            if (!link) return;
            const id = link.getAttribute("href").slice(1);
            if (link.classList.contains("dot")) {
              event.preventDefault();
              show(document.getElementById(id));
              return;
            }
            const row = document.getElementById("e" + id.slice(1));
            const x = Number(row.dataset.x);
            if (x < from || x > to) zoom(x - (to - from) / 2, x + (to - from) / 2);
            // The mark is drawn large, the address keeps the place, and the keys go on from here.
            document.querySelector(".dot.near")?.classList.remove("near");
            document.getElementById(id).classList.add("near");
            history.replaceState(null, "", "#" + id);
            event.preventDefault();
            charts.scrollIntoView({ block: "start" });
            charts.focus({ preventScroll: true });
            point(x);
          });

          addEventListener("resize", drawAxis);
          addEventListener("beforeprint", () => { point(null); });
          draw();
        })();

        """#
}
