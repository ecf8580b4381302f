#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Older kernels for real: Linux 6.1 (Landlock ABI 2) in a virtual machine, the same with Landlock switched off at
# boot, and 6.1 on aarch64. Each machine boots once and runs all its cases (tests/vm/*.cases); the tests below judge
# its report group by group. Without the kernel or qemu they skip and say why.

ROOT=$BATS_TEST_DIRNAME/..
VM=$BATS_TEST_DIRNAME/vm
BUILD=${B:-build}
[[ $BUILD == /* ]] || BUILD=$ROOT/$BUILD

# cases NAME: the files of cases a machine runs
cases() {
	case $1 in
	amd64-abi2) echo "$VM/abi2.cases" "$VM/amd64.cases" "$VM/views.cases" "$VM/supervised.cases" ;;
	amd64-off) echo "$VM/off.cases" ;;
	arm64-abi2) echo "$VM/abi2.cases" "$VM/views.cases" "$VM/supervised.cases" ;;
	esac
}

# start NAME ARCH LSM PROGRAMS: boot it with llrun and its tests' programs; the outcome goes to NAME/status and NAME/why
start() {
	local name=$1 arch=$2 lsm=$3 llrun=$4/llrun llrund=$4/llrund tests=$4/tests status=0
	local out=$BUILD/vm/$name
	rm -rf "$out"
	mkdir -p "$out/bin"
	if ! file_is_for "$arch" "$llrun"; then
		echo "there is no llrun for $arch" >"$out/why"
		status=77
	else
		cp "$llrun" "$llrund" "$tests/probe" "$tests/vminit" "$out/bin/"
		# shellcheck disable=SC2046
		"$VM/boot" "$arch" "$lsm" "$out/bin" "$BUILD/vm/policies" "$out" $(cases "$name") >"$out/why" 2>&1 || status=$?
	fi
	echo "$status" >"$out/status"
}

# file_is_for ARCH FILE: by e_machine of its ELF header: EM_X86_64 is 62, EM_AARCH64 183
file_is_for() {
	local machine
	[ -e "$2" ] || return 1
	machine=$(od -An -tu1 -j18 -N1 "$2" | tr -d ' ')
	case $1 in
	amd64) [ "$machine" = 62 ] ;;
	arm64) [ "$machine" = 183 ] ;;
	esac
}

setup_file() {
	local policy
	rm -rf "$BUILD/vm/policies"
	mkdir -p "$BUILD/vm/policies"
	for policy in "$VM"/policies/*.toml "$ROOT/policies/prepared-root.toml"; do
		"$BUILD/llc-policy" compile -q "$policy" -o "$BUILD/vm/policies/$(basename "$policy" .toml).llb"
	done
	start amd64-abi2 amd64 landlock "$BUILD"
	start amd64-off amd64 lockdown,yama "$BUILD"
	start arm64-abi2 arm64 landlock "$BUILD/aarch64"
}

# machine NAME: skips where it cannot be had, fails where it did not run to the end
machine() {
	local out=$BUILD/vm/$1
	[ "$(cat "$out/status")" != 77 ] || skip "$(head -n 1 "$out/why")"
	cat "$out/why"
	[ "$(cat "$out/status")" = 0 ]
}

# judged NAME GROUP: every case of the group did what it says
judged() {
	local verdicts
	machine "$1"
	# shellcheck disable=SC2046
	verdicts=$(awk -f "$VM/judge.awk" "$BUILD/vm/$1/report" $(cases "$1") | awk -v group="$2." '
		/^(not )?ok / { mine = index($0, "ok " group) > 0 }
		mine { print }')
	echo "$verdicts"
	[ -n "$verdicts" ]
	# not "! grep": set -e lets a negated command fail
	[ "$(grep -c '^not ok' <<<"$verdicts")" = 0 ]
	echo "# $1 $2: $(grep -c '^ok' <<<"$verdicts") runs" >&3
}

@test "6.1: the kernel offers Landlock ABI 2" {
	machine amd64-abi2
	grep '^vm release 6\.1\.' "$BUILD/vm/amd64-abi2/report"
	tr -d '\r' <"$BUILD/vm/amd64-abi2/report" | grep -x 'vm landlock 2'
}

@test "6.1: [fs] is enforced by Landlock" {
	judged amd64-abi2 fs
}

@test "6.1: a file outside the write grants cannot be emptied" {
	judged amd64-abi2 truncate
}

@test "6.1: strict policies are refused with the lost guarantees named" {
	judged amd64-abi2 strict
}

@test "6.1: best-effort policies run, print their losses and keep the rest" {
	judged amd64-abi2 best
}

@test "6.1: [net] without ports is given by seccomp" {
	judged amd64-abi2 net
}

@test "6.1: unix = [] is given by seccomp" {
	judged amd64-abi2 unix
}

@test "6.1: llrun's own options" {
	judged amd64-abi2 llrun
}

@test "6.1: other entries and wide arguments do not get around the filter" {
	judged amd64-abi2 arch
}

@test "6.1: a view: tmpfs, bind, proc, a network and a PID namespace" {
	judged amd64-abi2 view
}

@test "6.1: the starter policy prepared-root, in a root of its own" {
	judged amd64-abi2 root
}

@test "6.1: a broker, without a wake-up on its own CPU (6.6)" {
	judged amd64-abi2 broker
}

@test "6.1: the daemon, without a descriptor of its peer (6.5)" {
	judged amd64-abi2 daemon
}

@test "6.1 without Landlock: the kernel says that it is switched off" {
	machine amd64-off
	tr -d '\r' <"$BUILD/vm/amd64-off/report" | grep -x 'vm landlock EOPNOTSUPP'
}

@test "6.1 without Landlock: refused, and said that it is disabled at boot" {
	judged amd64-off off
}

@test "6.1 without Landlock: row 0 runs only where the policy allows it" {
	judged amd64-off row0
}

@test "6.1 aarch64: the kernel offers Landlock ABI 2" {
	machine arm64-abi2
	tr -d '\r' <"$BUILD/vm/arm64-abi2/report" | grep -x 'vm landlock 2'
}

@test "6.1 aarch64: [fs] is enforced by Landlock" {
	judged arm64-abi2 fs
}

@test "6.1 aarch64: a file outside the write grants cannot be emptied" {
	judged arm64-abi2 truncate
}

@test "6.1 aarch64: strict policies are refused with the lost guarantees named" {
	judged arm64-abi2 strict
}

@test "6.1 aarch64: best-effort policies run, print their losses and keep the rest" {
	judged arm64-abi2 best
}

@test "6.1 aarch64: [net] without ports is given by seccomp" {
	judged arm64-abi2 net
}

@test "6.1 aarch64: unix = [] is given by seccomp" {
	judged arm64-abi2 unix
}

@test "6.1 aarch64: llrun's own options" {
	judged arm64-abi2 llrun
}

@test "6.1 aarch64: a view: tmpfs, bind, proc, a network and a PID namespace" {
	judged arm64-abi2 view
}

@test "6.1 aarch64: the starter policy prepared-root, in a root of its own" {
	judged arm64-abi2 root
}

@test "6.1 aarch64: a broker, without a wake-up on its own CPU (6.6)" {
	judged arm64-abi2 broker
}

@test "6.1 aarch64: the daemon, without a descriptor of its peer (6.5)" {
	judged arm64-abi2 daemon
}

@test "every group of cases has a test on every machine that runs it" {
	local name
	for name in amd64-abi2 amd64-off arm64-abi2; do
		# shellcheck disable=SC2046
		diff <(sed -n 's/^\([a-z0-9]*\)\..*/\1/p' $(cases $name) | sort -u) \
			<(sed -n "s/^\tjudged $name //p" "$BATS_TEST_FILENAME" | sort -u)
	done
}
