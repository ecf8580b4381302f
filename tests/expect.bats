#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# llc-policy test: [[test]] of a policy asked of its blob for every ABI, and of this kernel; the starter policies' own.

load lib/common

setup() {
	T=$BATS_TEST_TMPDIR
	cd "$T" || exit 1
}

# policy TEXT: p.toml with a [[test]] of these lines
policy() {
	cat >p.toml <<-'EOT'
	version = 1
	[fs]
	ro = ["/usr"]
	[net]
	connect_tcp = [443]
	[seccomp]
	deny = ["ptrace"]
	[[test]]
	EOT
	printf '%s\n' "$@" >>p.toml
}

has() {
	[[ $output == *"$1"* ]] || { echo "not said: $1"; echo "$output"; return 1; }
}

@test "every starter policy's expectations hold on every ABI, in TAP" {
	for policy in "$ROOT"/policies/*.toml; do
		run "$LLC" test "$policy"
		[ "$status" -eq 0 ] || { echo "$output"; return 1; }
		[ "$(grep -c '^ok ' <<<"$output")" -eq "$(grep -c '^\[\[test\]\]' "$policy")" ]
		[ "$(grep -c '^\[\[test\]\]' "$policy")" -ge 5 ] || { echo "$policy: too few tests"; return 1; }
	done
}

@test "every starter policy's expectations hold on this kernel, each denial with its control" {
	mkdir -p home/.ssh work tmp tree
	touch home/.ssh/id_ed25519 home/.netrc home/.npmrc
	for dir in work tmp tree; do
		cp /bin/true "$dir/tool"
	done
	python3 - tmp/agent.sock <<-'EOT' &
	import socket, sys, time
	s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); open("listening", "w").close(); time.sleep(600)
	EOT
	local server=$!
	while [ ! -e listening ]; do kill -0 "$server" || return 1; done
	failed=0
	for policy in "$ROOT"/policies/*.toml; do
		case $policy in */hermetic-build.toml | */prepared-root*) continue ;; esac
		status=0
		# the terminal's group must not matter to setsid
		(cd work && HOME=$T/home TMPDIR=$T/tmp "$LLC" test --live \
			$(grep -q '^\[slots.tree\]' "$policy" && echo --set "tree=$T/tree") "$policy") >out 2>&1 || status=$?
		[ "$status" -eq 0 ] || { echo "$policy: $status"; cat out; failed=1; }
		# as another user some controls fail for lack of permission
		if [ "$(id -u)" -eq 0 ] && grep '# SKIP' out; then
			failed=1
		fi
	done
	kill "$server"
	[ "$failed" -eq 0 ]
}

@test "a wrong expectation fails, names the ABIs and the answer, and its line" {
	policy 'op = "read"' 'path = "/etc/passwd"' 'expect = "allow"'
	run "$LLC" test p.toml
	[ "$status" -eq 1 ]
	has 'not ok 1 - read /etc/passwd: allow (p.toml:8)'
	has 'denied with EACCES by landlock'
	policy 'op = "read"' 'path = "/usr/share"' 'expect = "deny"'
	run "$LLC" test p.toml
	[ "$status" -eq 1 ]
	has 'on x86_64: allowed'
	policy 'op = "syscall"' 'syscall = "ptrace"' 'expect = "deny"' 'errno = "EACCES"'
	run "$LLC" test p.toml
	[ "$status" -eq 1 ]
	has 'denied with EPERM by seccomp'
	policy 'op = "syscall"' 'syscall = "ptrace"' 'expect = "deny"' 'errno = "EPERM"'
	run "$LLC" test p.toml
	[ "$status" -eq 0 ]
}

@test "abi: only there; where the policy does not run is no pass" {
	policy 'op = "connect tcp"' 'port = 80' 'expect = "deny"' 'abi = [4, 7]'
	run "$LLC" test p.toml
	[ "$status" -eq 0 ]
	policy 'op = "connect tcp"' 'port = 80' 'expect = "deny"' 'abi = [1]'
	run "$LLC" test p.toml
	[ "$status" -eq 1 ]
	has 'the policy does not run there'
}

@test "--live: a denial without control is no pass, what is there is not touched" {
	echo content >precious
	policy 'op = "remove"' "path = \"$T/precious\"" 'expect = "deny"'
	run "$LLC" test --live p.toml
	[ "$status" -eq 0 ]
	has "# SKIP $T/precious is there"
	[ "$(cat precious)" = content ]
	policy 'op = "read"' "path = \"$T/missing\"" 'expect = "deny"'
	run "$LLC" test --live p.toml
	has '# SKIP without the policy it is denied with ENOENT, too'
	policy 'op = "remove"' "path = \"$T/new\"" 'expect = "deny"' 'errno = "EACCES"'
	run "$LLC" test --live p.toml
	[ "$status" -eq 0 ]
	has "ok 2 - live: remove $T/new: deny"
	[[ $output != *SKIP* ]]
	[ ! -e new ]
}

@test "--live: programs and calls that the policy lets pass are not carried out" {
	printf '#!/bin/sh\ntouch ran\n' >tool && chmod +x tool
	sed -i 's/^ro = .*/rox = ["\/"]/' p.toml 2>/dev/null || true
	policy 'op = "exec"' "path = \"$T/tool\"" 'expect = "allow"' '[[test]]' 'op = "syscall"' 'syscall = "exit_group"' 'expect = "allow"' \
		'[[test]]' 'op = "syscall"' 'syscall = "ptrace"' 'expect = "deny"'
	sed -i 's/^ro = .*/rox = ["\/"]/' p.toml
	run "$LLC" test --live p.toml
	[ "$status" -eq 0 ]
	has "ok 4 - live: exec $T/tool: allow"
	has 'ok 5 - live: syscall exit_group: allow'
	has 'ok 6 - live: syscall ptrace: deny'
	[[ $output != *SKIP* ]]
	[ ! -e ran ]
}

@test "JUnit: well-formed, with the failures" {
	policy 'op = "read"' 'path = "/etc/<&\">"' 'expect = "allow"' '[[test]]' 'op = "read"' 'path = "/usr/x"' 'expect = "allow"'
	sed -i 's/"\/etc\/<&\\*">"/"\/etc\/<\&>"/' p.toml
	run "$LLC" test --format junit p.toml
	[ "$status" -eq 1 ]
	python3 -c '
import sys, xml.etree.ElementTree as tree
suite = tree.fromstring(sys.stdin.read())
assert suite.get("tests") == "2" and suite.get("failures") == "1"
assert suite[0].find("failure") is not None and suite[1].find("failure") is None' <<<"$output"
}

@test "bad tests are errors of the policy, with their line: compile, lint and test alike" {
	for lines in 'op = "fly" expect = "allow"' 'op = "read" expect = "allow"' 'op = "read" path = "etc" expect = "allow"' \
		'op = "connect tcp" expect = "allow"' 'op = "syscall" syscall = "nonsense" expect = "deny"' \
		'op = "read" path = "/x" expect = "maybe"' 'op = "read" path = "/x"' 'op = "connect tcp" port = 65536 expect = "deny"' \
		'op = "read" path = "/x" expect = "allow" errno = "EPERM"' 'op = "read" path = "/x" expect = "deny" abi = [12]' \
		'op = "read" path = "/x" expect = "deny" errno = "EWHAT"' 'op = "read" path = "/x" expect = "deny" unknown = 1'; do
		policy "$(sed -E 's/ ([a-z]+ = )/\n\1/g' <<<"$lines")"
		for command in compile lint test; do
			status=0
			"$LLC" $command p.toml >out 2>err || status=$?
			[ "$status" -eq 1 ] || { echo "$command: $lines: exit status $status"; return 1; }
			grep -qE '^p.toml:[0-9]+:[0-9]+: error: ' err || { echo "$lines"; cat err; return 1; }
			[ ! -e p.llb ] && [ ! -s out ] || { echo "$command wrote something"; return 1; }
		done
	done
}

@test "usage: 2; a policy without tests: 1" {
	policy 'op = "signal"' 'expect = "deny"'
	for args in "" "--format xml p.toml" "--set x p.toml" "--set =x p.toml" "p.toml p.toml" "--unknown p.toml"; do
		status=0
		# shellcheck disable=SC2086
		"$LLC" test $args >out 2>err || status=$?
		[ "$status" -eq 2 ] || { echo "$args: exit status $status"; return 1; }
		[ -s err ] && [ ! -s out ]
	done
	sed -i '/^\[\[test/,$d' p.toml
	run "$LLC" test p.toml
	[ "$status" -eq 1 ]
	has 'has no [[test]]'
}
