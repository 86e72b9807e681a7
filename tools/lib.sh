# What the scripts in tools/ share: who builds, with which Swift, and which Debian packages are needed.
# Sourced by bash scripts that have set `root` to the repository's directory. Everything here talks on standard error.

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$@"; exit 1; }

# --- Debian packages -------------------------------------------------------------------------------------------------

build_packages=(libbpf-dev libelf-dev zlib1g-dev libsqlite3-dev)
test_packages=(clang-format python3-venv tmux)
browser_packages=(chromium python3-venv)
prometheus_packages=(prometheus prometheus-alertmanager prometheus-node-exporter)
package_packages=(dpkg-dev debhelper lintian)
manual_packages=(mandoc bash fish zsh)
lab_packages=(python3-venv qemu-system-x86 qemu-utils busybox-static cpio e2fsprogs mmdebstrap gcc libc6-dev libsqlite3-dev nbdkit xfsprogs btrfs-progs)
bench_packages=(fio zstd bpftrace gcc libc6-dev libcurl4 libmicrohttpd12)
# Unpacked beside the build, not installed: some of them would start a service, and none is wanted afterwards.
bench_unpacked=(libbpf-tools earlyoom atop prometheus-node-exporter systemd-oomd systemd-journal-remote libsystemd-shared)

has_package() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# The packages among the arguments that are not installed, one a line.
missing_packages() {
    local package
    if ! command -v dpkg-query >/dev/null; then
        # Another distribution: its packages have other names, but the same header.
        [ -e /usr/include/bpf/libbpf.h ] || printf '%s\n' "$@"
        return 0
    fi
    for package in "$@"; do
        has_package "$package" || printf '%s\n' "$package"
    done
    # Linking the Swift standard library needs the C++ one, which a fresh Debian with a Swift tarball lacks.
    case " $* " in
        *" libbpf-dev "*) compgen -G '/usr/lib/gcc/*/*/libstdc++.a' >/dev/null || printf '%s\n' g++ ;;
    esac
}

# Installs what is missing of the arguments; without root it says how to, and fails.
need_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -eq 0 ] && return 0
    command -v apt-get >/dev/null || {
        say "missing: ${missing[*]} (Debian's names); install this system's packages for them"
        return 1
    }
    if [ "$(id -u)" -ne 0 ]; then
        say "missing: ${missing[*]}; install with: sudo apt-get install ${missing[*]}"
        return 1
    fi
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y --no-install-recommends "${missing[@]}" </dev/null >&2 && return 0
    say "trying again with fresh package lists"
    apt-get update </dev/null >&2
    apt-get install -y --no-install-recommends "${missing[@]}" </dev/null >&2 && return 0
    say "could not install ${missing[*]}; install with: apt-get install ${missing[*]}"
    return 1
}

# Unpacks what is missing of packages into a directory, without installing them; their libraries must be there.
unpack_packages() {
    local directory=$1 package
    shift
    as_builder mkdir -p "$directory"
    for package in "$@"; do
        [ -e "$directory/.$package" ] && continue
        as_builder bash -c 'cd "$1" && apt-get download "$2" >&2 && dpkg -x "$2"_*.deb . && rm "$2"_*.deb && touch ".$2"' \
            unpack "$directory" "$package" || return 1
    done
}

# --- Who builds ------------------------------------------------------------------------------------------------------

# Runs a command as `builder` (itself, when that is who we are), with that user's HOME, in the repository.
#
# SwiftPM keeps a lock file in TMPDIR, named after the repository and owned by whoever built first: a TMPDIR of our own keeps
# root and users from locking each other out.
as_builder() {
    if [ "$builder" = "$(id -un)" ]; then
        (cd "$root" && exec env TMPDIR="${build_tmp:-/tmp}" "$@")
    else
        (cd "$root" && exec runuser -u "$builder" -- env TMPDIR="${build_tmp:-/tmp}" HOME="$(home_of "$builder")" \
            USER="$builder" LOGNAME="$builder" "$@")
    fi
}

# Sets `build_tmp` to a temporary directory of the builder's; `drop_build_tmp` removes it.
make_build_tmp() { build_tmp=$(as_builder mktemp -d /tmp/inquest-build.XXXXXX); }
drop_build_tmp() { [ -z "${build_tmp:-}" ] || rm -rf "$build_tmp"; build_tmp=; }

home_of() { getent passwd "$1" | cut -d: -f6; }

can_build() {
    builder=$1 as_builder bash -c '
        for place in .build/*/debug .build/*/release .build .; do
            [ -e "$place" ] || continue
            [ -w "$place" ] || exit 1
            [ "$place" != .build ] || exit 0
        done' 2>/dev/null
}

# Sets `builder`: whoever called sudo, so that no file of root's gets in their way later; else the tree's owner; else root.
choose_builder() {
    local candidate
    builder=$(id -un)
    if [ "$(id -u)" -ne 0 ]; then
        can_build "$builder" || die "cannot build in $root as $builder; run this as its owner, $(stat -c %U "$root"), or with sudo"
        return 0
    fi
    for candidate in "${SUDO_USER:-}" "$(stat -c %U "$root")" root; do
        [ -n "$candidate" ] && getent passwd "$candidate" >/dev/null && can_build "$candidate" || continue
        builder=$candidate
        return 0
    done
}

# --- Python ----------------------------------------------------------------------------------------------------------

# Makes .build/venv and installs what is missing of the arguments, packages of PyPI named as they are imported.
need_python() {
    [ -x .build/venv/bin/python3 ] || as_builder python3 -m venv .build/venv || return 1
    .build/venv/bin/python3 -c "$(printf 'import %s\n' "$@")" 2>/dev/null && return 0
    as_builder .build/venv/bin/python3 -m pip install --quiet --disable-pip-version-check "$@" >&2
}

# --- Swift -----------------------------------------------------------------------------------------------------------

# Whether `builder` can run this Swift, and it is 6.2 or newer (not, say, OpenStack's command of the same name).
is_swift() {
    local version
    [ -n "$1" ] || return 1
    version=$(as_builder "$1" --version 2>/dev/null </dev/null) || return 1
    [[ $version =~ Swift\ version\ ([0-9]+)\.([0-9]+) ]] || return 1
    ((BASH_REMATCH[1] > 6 || (BASH_REMATCH[1] == 6 && BASH_REMATCH[2] >= 2)))
}

# The Swift on the PATH of a user's login shell.
swift_of_login() {
    local line
    if [ "$(id -u)" -eq 0 ]; then
        line=$(timeout 15 runuser -l "$1" -c 'command -v swift' 2>/dev/null </dev/null | tail -n 1)
    else
        line=$(timeout 15 "${SHELL:-bash}" -lc 'command -v swift' 2>/dev/null </dev/null | tail -n 1)
    fi
    [[ $line = /* ]] && printf '%s\n' "$line"
}

# Sets `swift` to the first Swift found. Under sudo the PATH is root's: the invoking user's toolchain is looked for where they
# would find it.
find_swift() {
    local user home place
    for place in "${SWIFT:-}" "$(command -v swift || true)"; do
        is_swift "$place" && use_swift "$place" && return 0
    done
    for user in "$builder" "${SUDO_USER:-}" "$(id -un)"; do
        [ -n "$user" ] || continue
        place=$(swift_of_login "$user") || place=
        is_swift "$place" && use_swift "$place" && return 0
        home=$(home_of "$user")
        for place in "$home"/.local/share/swiftly/bin/swift "$home"/.swiftly/bin/swift "$home"/swift*/usr/bin/swift; do
            [ -e "$place" ] && is_swift "$place" && use_swift "$place" && return 0
        done
    done
    for place in /opt/swift*/usr/bin/swift /usr/local/swift*/usr/bin/swift /usr/local/bin/swift /usr/libexec/swift/bin/swift \
        /usr/share/swift/usr/bin/swift /usr/bin/swift; do
        [ -e "$place" ] && is_swift "$place" && use_swift "$place" && return 0
    done
    die "no Swift 6.2 or newer found for $builder; install one from https://swift.org/install, or name it: sudo SWIFT=/path/to/swift $0 ..."
}

# The toolchain's own program instead of a version manager's stand-in, which knows only its user's home: root runs it, too.
use_swift() {
    local resources real
    resources=$(as_builder "$1" -print-target-info 2>/dev/null </dev/null | sed -nE 's/.*"runtimeResourcePath": *"(.*)".*/\1/p')
    real=$(cd "$resources/../../bin" 2>/dev/null && pwd)/swift
    if [ -n "$resources" ] && [ -x "$real" ]; then swift=$real; else swift=$1; fi
}

# Builds a product as a static release binary. One set of flags for all of them: with other flags everything is compiled anew.
build_release() {
    as_builder "$swift" build -c release --product "$1" --static-swift-stdlib -Xswiftc -static-executable -Xlinker -s \
        </dev/null >&2
}
