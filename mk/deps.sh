#!/bin/sh
# Install what the build and the tests (build) or the benchmark's peers (bench) need, with the system's package
# manager. Does nothing when all is there. sudo only when not root.
set -eu
what=${1:-build}
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo

apt_build="bash openssl procps gcc make flex bison libc6-dev libseccomp-dev libelf-dev libjansson-dev libmd-dev musl-tools bats python3 \
python3-jsonschema python3-yaml clang libclang-rt-dev clang-tidy clang-format gcc-aarch64-linux-gnu libc6-dev-arm64-cross \
qemu-system-x86 qemu-system-arm cpio curl strace valgrind jq busybox-static binutils mandoc git libbpf-dev bpftool systemd"
apt_bench="bubblewrap firejail"
dnf_build="bash openssl procps-ng systemd gcc make flex bison glibc-devel libseccomp-devel elfutils-libelf-devel jansson-devel libmd-devel musl-gcc bats \
python3 python3-jsonschema python3-pyyaml clang compiler-rt clang-tools-extra gcc-aarch64-linux-gnu qemu-system-x86-core \
qemu-system-aarch64-core cpio curl strace valgrind jq busybox binutils mandoc git libbpf-devel bpftool"
apk_build="bash openssl procps gcc make flex bison musl-dev libseccomp-dev elfutils-dev jansson-dev libmd-dev bats python3 py3-jsonschema py3-yaml clang \
clang-extra-tools qemu-system-x86_64 qemu-system-aarch64 cpio curl strace valgrind jq busybox-static binutils mandoc git libbpf-dev bpftool"
pacman_build="bash openssl procps-ng systemd gcc make flex bison libseccomp libelf jansson libmd musl bats python python-jsonschema python-yaml clang \
aarch64-linux-gnu-gcc qemu-system-x86 qemu-system-aarch64 cpio curl strace valgrind jq busybox binutils mandoc git libbpf bpf"
other_bench="bubblewrap firejail"

pick() { # pick BUILD BENCH: the list asked for
	if [ "$what" = bench ]; then echo "$2"; else echo "$1"; fi
}

if command -v apt-get >/dev/null; then
	missing=
	for p in $(pick "$apt_build" "$apt_bench"); do
		dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $p"
	done
	[ -n "$missing" ] || exit 0
	echo "installing:$missing"
	$sudo apt-get -o Acquire::Retries=3 update -qq
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive $sudo apt-get -o Acquire::Retries=3 install -y -qq --no-install-recommends $missing
elif command -v dnf >/dev/null; then
	# shellcheck disable=SC2046
	$sudo dnf install -y $(pick "$dnf_build" "$other_bench")
elif command -v apk >/dev/null; then
	# shellcheck disable=SC2046
	$sudo apk add $(pick "$apk_build" "$other_bench")
elif command -v pacman >/dev/null; then
	# shellcheck disable=SC2046
	$sudo pacman -S --needed --noconfirm $(pick "$pacman_build" "$other_bench")
else
	echo "no known package manager; install: $(pick "$apt_build" "$apt_bench")" >&2
	exit 1
fi
