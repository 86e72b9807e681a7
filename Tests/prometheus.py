"""What `inquest metrics` serves, in Debian's own Prometheus, Alertmanager and node_exporter, all on loopback.

    sudo python3 Tests/prometheus.py INQUEST

The rules pass promtool's tests, the dashboard's queries parse and name what there is, the page is what promtool wants it to be
and collides with nothing of node_exporter's; and a real drill ends in an alert that fires in Alertmanager.

Exit status: 0 as it should be, 1 not.
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
RULES = ROOT / "packaging/prometheus/inquest.rules.yml"
DASHBOARD = ROOT / "packaging/grafana/inquest.json"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def wait_for(what, seconds, condition):
    """The first true value of a condition; a server that does not answer yet is not there yet."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := condition():
                return found
        except (OSError, ValueError):
            pass
        time.sleep(0.1)
    sys.exit(f"waited {seconds} s in vain for {what}")


def check(command, **more):
    """A command that must end well, and say nothing against what it was given."""
    result = subprocess.run(command, capture_output=True, text=True, **more)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {result.stdout}{result.stderr}")
    return result.stdout + result.stderr


def families(page):
    return set(re.findall(r"^# TYPE (\S+) ", page, re.M))


def queries(panels):
    for panel in panels:
        yield from queries(panel.get("panels", []))
        for target in panel.get("targets", []):
            yield target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")


def check_dashboard(page):
    """Every query parses, and every metric in it is on the page."""
    known = families(page)
    known |= {f"{name}_{part}" for name in known for part in ("bucket", "sum", "count")}
    dashboard = json.loads(DASHBOARD.read_text())
    found = list(queries(dashboard["panels"]))
    for expression in found + re.findall(r"^ +expr: (?!>)(.+)$", RULES.read_text(), re.M):
        if missing := set(re.findall(r"\binquest_\w+", expression)) - known:
            sys.exit(f"{expression}: {', '.join(missing)} is not on the page")
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as rules:
        entries = [{"record": f"query:{number}", "expr": text} for number, text in enumerate(found)]
        json.dump({"groups": [{"name": "dashboard", "rules": entries}]}, rules)
        rules.flush()
        check(["promtool", "check", "rules", rules.name])
    return len(found)


def run(inquest, directory, start):
    ports = {name: free_port() for name in ("metrics", "node", "alertmanager", "prometheus")}
    address = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    live = directory / "live.sock"
    start([inquest, "record", "--dir", directory / "recording", "--live", live, "--size", "16M"])
    start([inquest, "metrics", "--listen", address["metrics"], "--live", live, "--dir", directory / "recording"])
    start(["prometheus-node-exporter", "--web.listen-address", address["node"]])
    (directory / "alertmanager.yml").write_text("route: {receiver: none, group_wait: 1s}\nreceivers: [{name: none}]\n")
    start([
        "prometheus-alertmanager", "--config.file", directory / "alertmanager.yml", "--storage.path", directory / "alerts",
        "--web.listen-address", address["alertmanager"], "--cluster.listen-address="])
    (directory / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [address["alertmanager"]]}]}]},
        "scrape_configs": [
            {"job_name": name, "static_configs": [{"targets": [address[target]]}]}
            for name, target in (("inquest", "metrics"), ("node", "node"))],
    }))
    check(["promtool", "check", "config", directory / "prometheus.yml"])
    start([
        "prometheus", "--config.file", directory / "prometheus.yml", "--storage.tsdb.path", directory / "data",
        "--web.listen-address", address["prometheus"]])

    def ask(expression):
        query = urllib.request.quote(expression)
        return json.loads(get(f"http://{address['prometheus']}/api/v1/query?query={query}"))["data"]["result"]

    wait_for("a recorder in Prometheus", 30, lambda: [one for one in ask("inquest_up == 1")])
    page = get(f"http://{address['metrics']}/metrics")
    if said := check(["promtool", "check", "metrics"], input=page).strip():
        sys.exit(f"promtool check metrics: {said}")
    node = wait_for("node_exporter", 10, lambda: get(f"http://{address['node']}/metrics"))
    if shared := families(page) & families(node):
        sys.exit(f"node_exporter has these, too: {', '.join(shared)}")
    shown = check_dashboard(page)
    check([inquest, "drill", "cap", "--memory", "32M"])
    alerts = wait_for("the alert in Alertmanager", 30, lambda: [
        alert for alert in json.loads(get(f"http://{address['alertmanager']}/api/v2/alerts?active=true"))
        if alert["labels"]["alertname"] == "InquestKill"])
    labels = alerts[0]["labels"]
    expected = {"killer": "kernel_memcg", "constraint": "CONSTRAINT_MEMCG", "drill": "true", "severity": "warning"}
    if wrong := {name: labels.get(name) for name in expected if labels.get(name) != expected[name]}:
        sys.exit(f"the alert has {wrong}")
    print(f"{len(families(page))} families, none of node_exporter's; {shown} queries of the dashboard; a drill fired"
          f" {labels['alertname']}: {alerts[0]['annotations']['summary']}")


def main():
    inquest = pathlib.Path(sys.argv[1]).resolve()
    check(["promtool", "check", "rules", RULES])
    check(["promtool", "test", "rules", RULES.with_name("inquest.test.yml")])
    started = []
    with tempfile.TemporaryDirectory(prefix="inquest-prometheus-") as temporary:
        directory = pathlib.Path(temporary)

        def start(command):
            name = pathlib.Path(command[0]).name
            log = open(directory / f"{len(started)}-{name}.log", "wb")
            started.append(subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, stdin=subprocess.DEVNULL))

        try:
            run(inquest, directory, start)
        except SystemExit:
            for log in sorted(directory.glob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}")
            raise
        finally:
            for process in reversed(started):
                process.send_signal(signal.SIGTERM)
            for process in started:
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


if __name__ == "__main__":
    os.umask(0o022)
    main()
