"""What a victim's cgroup says about its container and its pod."""

from ..scenario import scenario

ID = "3f4a9c01d2e5b687" * 4
POD = "8f14e45f-ceea-467a-9575-6ff8d2ab1c90"
SLICES = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD.replace('-', '_')}.slice"
# As dockerd, containerd, CRI-O and Podman name them, by the systemd and by the cgroupfs driver: cgroup, container, pod.
CGROUPS = [
    (f"/system.slice/docker-{ID}.scope", ID, None),
    (f"/docker/{ID}", ID, None),
    (f"/system.slice/cri-containerd-{ID}.scope", ID, None),
    (f"{SLICES}/cri-containerd-{ID}.scope", ID, POD),
    (f"{SLICES}/crio-{ID}.scope", ID, POD),
    (f"/kubepods/burstable/pod{POD}/{ID}", ID, POD),
    (f"/machine.slice/libpod-{ID}.scope/container", ID, None),
    ("/system.slice/docker.service", None, None),
]


@scenario()
def containers(guest, judge):
    """Victims in the cgroups of Docker, containerd, CRI-O, Podman and Kubernetes."""
    guest.record()
    victims = {}
    for path, container, pod in CGROUPS:
        guest.cgroup(path, memory_max="20M", memory_swap_max=0)
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
        judge.equal(kill["cause"]["oom_memcg"], path, "the cgroup that ran out")
    return account
