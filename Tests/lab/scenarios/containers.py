"""What a victim's cgroup says about its container and its pod, and what people call them."""

from ..scenario import scenario

ID = "3f4a9c01d2e5b687" * 4
IN_POD = "a0b1c2d3e4f50617" * 4
SIDECAR = "9988776655443322" * 4
POD = "8f14e45f-ceea-467a-9575-6ff8d2ab1c90"
SLICES = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD.replace('-', '_')}.slice"
# As dockerd, containerd, CRI-O and Podman name them, by the systemd and by the cgroupfs driver: cgroup, container, pod.
CGROUPS = [
    (f"/system.slice/docker-{ID}.scope", ID, None),
    (f"/docker/{ID}", ID, None),
    (f"/system.slice/cri-containerd-{ID}.scope", ID, None),
    (f"{SLICES}/cri-containerd-{IN_POD}.scope", IN_POD, POD),
    (f"{SLICES}/crio-{SIDECAR}.scope", SIDECAR, POD),
    (f"/kubepods/burstable/pod{POD}/{IN_POD}", IN_POD, POD),
    (f"/machine.slice/libpod-{ID}.scope/container", ID, None),
    ("/system.slice/docker.service", None, None),
]
# What kubelet keeps: a directory for each pod, a link for each container that it has started. Of the sidecar there is none yet.
LOGS = f"""
    mkdir -p /var/log/pods/shop_cart-5c9_{POD}/app /var/log/containers
    >/var/log/pods/shop_cart-5c9_{POD}/app/0.log
    ln -s /var/log/pods/shop_cart-5c9_{POD}/app/0.log /var/log/containers/cart-5c9_shop_app-{IN_POD}.log
    ln -s nowhere /var/log/containers/cart-5c9_shop_docker-{ID}.log
    ln -s nowhere "/var/log/containers/$(printf 'e\\033[31mvil')_shop_app-{SIDECAR}.log"
"""


def until_named(guest, *ids):
    """Waits until the recorder has told the names of these containers and pods, and written them."""
    events = f"inquest export all --format ndjson --dir {guest.dir} 2>/dev/null | grep container_name"
    guest.until("the names are told", lambda: all(i in guest.try_sh(events)[1] for i in ids), 60, every=1)


def names(victim):
    return victim["namespace"], victim["pod"], victim["container_name"]


@scenario()
def containers(guest, judge):
    """Victims in the cgroups of Docker, containerd, CRI-O, Podman and Kubernetes, by the names that kubelet's files give them."""
    guest.record()
    guest.sh(LOGS)
    for path, _, _ in CGROUPS:
        guest.cgroup(path, memory_max="20M", memory_swap_max=0)
    until_named(guest, IN_POD, POD)
    victims = {}
    for path, container, pod in CGROUPS:
        hog = guest.start("load -n hog memory 100M", cgroup=path)
        judge.equal(hog.wait(30)[0], 137, f"the wait status of the process in {path}")
        victims[hog.pid] = (path, container, pod)
    guest.until("all incidents are over", lambda: [bool(i["ended"]) for i in guest.incidents()] == [True] * len(CGROUPS), 60)
    account = guest.stop()

    judge.equal(sorted(k["victim"]["pid"] for k in account.kills), sorted(victims), "the set of victims")
    for kill in account.kills:
        victim = kill["victim"]
        path, container, pod = victims.get(victim["pid"], (None, None, None))
        judge.equal(victim["cgroup"], path, "the cgroup")
        judge.equal(victim["container_id"], container, f"the container of the victim in {path}")
        judge.equal(victim["pod_uid"], pod, f"the pod of the victim in {path}")
        named = ("shop", "cart-5c9", "app" if container == IN_POD else None) if pod else (None, None, None)
        judge.equal(names(victim), named, f"the names of the victim in {path}")
        judge.equal(kill["cause"]["oom_memcg"], path, "the cgroup that ran out")
    return account
