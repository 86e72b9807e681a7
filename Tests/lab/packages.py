"""Debian packages for guests beside those of the root: unpacked, never installed; cached."""

import hashlib
import shutil
import subprocess

from .errors import Unsupported
from .kernels import Apt, locked


def own_package_image(directory, at):
    """An ext4 image with inquest's own package, as tools/package has left it in a directory; named anew for each run."""
    packages = sorted(directory.glob("inquest_*.deb"))
    if not packages:
        raise Unsupported("inquest's package has not been built: tools/package")
    tree = at.with_suffix(".tree")
    tree.mkdir()
    shutil.copy(packages[-1], tree / "inquest.deb")
    subprocess.run(["mkfs.ext4", "-q", "-F", "-d", tree, at, "64M"], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return at


def packages_image(names, cache, say):
    """An ext4 image with the files of these packages, for a guest to copy where it wants them."""
    key = hashlib.sha256(" ".join(names).encode()).hexdigest()[:16]
    image = cache / "packages" / f"{key}.ext4"
    with locked(cache / "apt.lock"):
        if not image.exists():
            say(f"downloading {', '.join(names)}")
            tree = image.with_suffix(".tree")
            shutil.rmtree(tree, ignore_errors=True)
            tree.mkdir(parents=True)
            apt = Apt(cache / "apt", say)
            for name in names:
                archive = apt.download(name, image.parent)
                subprocess.run(["dpkg-deb", "-x", archive, tree], check=True)
                archive.unlink()
            new = image.with_suffix(".new")
            new.unlink(missing_ok=True)
            subprocess.run(["mkfs.ext4", "-q", "-F", "-d", tree, new, "128M"], check=True, stdout=subprocess.DEVNULL)
            shutil.rmtree(tree)
            new.rename(image)
    return image
