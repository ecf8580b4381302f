#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# llc-policy test: [[test]] of a policy asked of its blob for every ABI, and of this kernel; the starter policies' own.

load lib/common

setup() {
	T=$BATS_TEST_TMPDIR
	cd "$T" || exit 1
}

# a test that fails leaves nobody behind who would keep bats waiting
teardown() {
	[ -z "${server:-}" ] || kill "$server" 2>/dev/null || :
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

# what the starter policies' tests speak of: homes, trees, a root, somebody who listens (until the pid in $server is killed)
prepare() {
	mkdir -p home/.ssh work tmp tree products root/build root/usr/bin
	touch home/.ssh/id_ed25519 home/.netrc home/.npmrc
	# what test --live does not make: targets in a prepared root
	mkdir -p root/dev root/etc root/proc root/tmp
	touch root/dev/{null,zero,full,random,urandom} root/etc/resolv.conf
	for dir in work tmp tree products root/build; do
		cp "$B/tests/probe" "$dir/tool"
	done
	cp "$B/tests/probe" root/usr/bin/env
	python3 - tmp/agent.sock <<-'EOT' &
	import socket, sys, time
	s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); open("listening", "w").close(); time.sleep(600)
	EOT
	server=$!
	while [ ! -e listening ]; do kill -0 "$server" || return 1; done
}

# live POLICY: with what it needs, its output in the file out; the status
live() {
	local slot
	slot=$(sed -nE 's/^\[slots\.(tree|root|products)\]$/\1/p' "$1")
	(cd work && HOME=$T/home TMPDIR=$T/tmp "$LLC" test --live ${slot:+--set "$slot=$T/$slot"} "$1") >out 2>&1
}

@test "every starter policy's expectations hold on this kernel, each denial with its control" {
	prepare
	failed=0
	for policy in "$ROOT"/policies/*.toml; do
		status=0
		live "$policy" || status=$?
		[ "$status" -eq 0 ] || { echo "$policy: $status"; cat out; failed=1; }
		[ "$(grep -c '^ok .* - live: ' out)" -eq "$(grep -c '^\[\[test\]\]' "$policy")" ]
		# as another user, or without user namespaces, some cannot be tried
		if [ "$(id -u)" -eq 0 ] && unshare -Ur true 2>/dev/null && grep '# SKIP' out; then
			failed=1
		fi
	done
	kill "$server"
	[ "$failed" -eq 0 ]
	[ -z "$(find root/tmp root/build root/usr tree work products -name made -o -path 'root/tmp/*')" ]
}

@test "--live, in a view: what denies is told apart, and what is not in the root is not there" {
	unshare -Ur true 2>/dev/null || skip "this machine permits no user namespaces"
	prepare
	kill "$server"
	live "$ROOT/policies/hermetic-build.toml"
	grep -A1 'live: exec /mnt/tmp/tool: deny' out | grep -q "EACCES; control: the same, in the policy's view with nothing restricted"
	grep -A1 'live: connect tcp 443: deny' out | grep -q "ENETUNREACH; control: the same, outside of the policy's view"
	mkdir -p root/etc && echo other >root/etc/passwd
	cat >view.toml <<-EOT
	version = 1
	[runtime]
	root = "$T/root"
	[fs]
	ro = ["$T/root"]
	[[test]]
	op = "read"
	path = "/etc/passwd"
	expect = "deny"
	[[test]]
	op = "read"
	path = "$T/root/etc/passwd"
	expect = "allow"
	[[test]]
	op = "create"
	path = "$T/root/build/new"
	expect = "deny"
	errno = "EACCES"
	EOT
	run "$LLC" test --live view.toml
	[ "$status" -eq 0 ]
	[[ $output != *SKIP* ]]
	has "ok 4 - live: read /etc/passwd: deny"
	has "# denied with ENOENT; control: the same, outside of the policy's view"
	[ ! -e root/build/new ]
	# wrong in the view alone
	sed -i 's/"EACCES"/"EPERM"/' view.toml
	run "$LLC" test --live view.toml
	[ "$status" -eq 1 ]
	has "not ok 6 - live: create $T/root/build/new: deny"
	# a mount hides what the rule grants
	cat >hidden.toml <<-EOT
	version = 1
	[mount]
	tmpfs = ["$T/home"]
	[fs]
	ro = ["$T/home"]
	[[test]]
	op = "read"
	path = "$T/home/.ssh/id_ed25519"
	expect = "allow"
	EOT
	run "$LLC" test --live hidden.toml
	[ "$status" -eq 1 ]
	has "not ok 2 - live: read $T/home/.ssh/id_ed25519: allow"
	has "denied with ENOENT by this kernel"
}

@test "--live: where no namespace can be made, a view is skipped, and says why" {
	prepare
	kill "$server"
	printf 'version = 1\n[seccomp]\ndeny = ["unshare"]\n' >no.toml
	"$LLC" compile -q no.toml
	run "$B/llrun" --trust-blob no.llb -- "$LLC" test --live --set "root=$T/root" "$ROOT/policies/prepared-root.toml"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok .* - live: .* # SKIP .*unshare: Operation not permitted' <<<"$output")" -eq 9 ]
}

@test "--live, with a broker: llrund carries out what it declares, and denials have their control" {
	mkdir -p scratch
	for file in granted other scratch/kept; do echo content >$file; done
	cat >broker.toml <<-EOT
	version = 1
	[policy]
	min_abi = 3
	[fs]
	rox = ["/usr", { path = "/lib", optional = true }, { path = "/lib64", optional = true }]
	[broker]
	allow_read = ["$T/granted"]
	allow_write = [{ path = "$T/made", create = true }]
	scratch = ["$T/scratch"]
	[seccomp]
	deny = ["acct"]
	EOT
	while read -r op path expect errno; do
		printf '[[test]]\nop = "%s"\nexpect = "%s"\n' "${op/-/ }" "$expect"
		[ "$op" = syscall ] && printf 'syscall = "%s"\n' "$path" || printf 'path = "%s"\n' "$path"
		[ -z "$errno" ] || printf 'errno = "%s"\n' "$errno"
	done >>broker.toml <<-EOT
	read $T/granted allow
	read $T/other deny EACCES
	create $T/made allow
	create $T/more deny EACCES
	create-dir $T/scratch/new allow
	truncate $T/scratch/kept allow
	truncate $T/granted deny EACCES
	exec /usr/bin/env allow
	exec $T/other deny EACCES
	syscall acct deny
	syscall getppid allow
	EOT
	chmod 755 other
	run "$LLC" test --live broker.toml
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
	[ "$(grep -c '^ok .* - live: ' <<<"$output")" -eq 11 ]
	[[ $output != *SKIP* ]]
	[ "$(cat scratch/kept granted)" = $'content\ncontent' ]
	[ ! -e made ]
	[ ! -e more ]
	[ ! -e scratch/new ]
	# without llrund beside it (or installed) nothing can be said
	mkdir bin
	cp "$LLC" "$B/llrun" "$B/llc-perform" bin
	run bin/llc-policy test --live broker.toml
	if [[ $output == *SKIP* ]]; then has "llrund"; fi
	rm bin/llc-perform
	run bin/llc-policy test --live broker.toml
	if [[ $output == *SKIP* ]]; then has "llc-perform: No such file or directory"; fi
}

@test "--live, with a broker and a view: what needs no preparation is tried" {
	unshare -Ur true 2>/dev/null || skip "this machine permits no user namespaces"
	mkdir new
	for file in granted other; do echo content >$file; done
	cat >both.toml <<-EOT
	version = 1
	[policy]
	min_abi = 3
	[fs]
	rox = ["/usr", { path = "/lib", optional = true }, { path = "/lib64", optional = true }]
	[mount]
	tmpfs = ["$T/new"]
	[broker]
	allow_read = ["$T/granted"]
	[[test]]
	op = "read"
	path = "$T/granted"
	expect = "allow"
	[[test]]
	op = "read"
	path = "$T/other"
	expect = "deny"
	[[test]]
	op = "create"
	path = "$T/new/x"
	expect = "deny"
	EOT
	run "$LLC" test --live both.toml
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
	grep -q "^ok 4 - live: read $T/granted: allow ([^ ]*)$" <<<"$output"
	has "denied with EACCES; control: the same, in the policy's view with nothing restricted"
	grep -q "^ok 6 - live: create .* # SKIP the view of a policy with a broker is made by llrund" <<<"$output"
}

@test "--live: nothing is cut off, and no device or pipe is opened" {
	seq 100 >file
	cp file copy
	policy 'op = "truncate"' "path = \"$T/file\"" 'expect = "deny"' 'errno = "EACCES"' \
		'[[test]]' 'op = "truncate"' "path = \"$T/free\"" 'expect = "allow"'
	cp file free
	sed -i "s|^ro = .*|ro = [\"/usr\"]\nrw = [\"$T/free\"]|" p.toml
	run "$LLC" test --live p.toml
	[ "$status" -eq 0 ]
	# the denial is Landlock's, although the kernel would object to the size: that comes after
	has "ok 3 - live: truncate $T/file: deny"
	has "ok 4 - live: truncate $T/free: allow"
	[[ $output != *SKIP* ]]
	cmp file copy
	cmp free copy
	mkfifo pipe
	policy 'op = "read"' "path = \"$T/pipe\"" 'expect = "deny"' '[[test]]' 'op = "read"' 'path = "/dev/null"' 'expect = "deny"' \
		'[[test]]' 'op = "write"' 'path = "/dev/tty"' 'expect = "deny"'
	run "$LLC" test --live p.toml
	[ "$status" -eq 0 ]
	has "# SKIP a named pipe: "
	grep -q '^ok 5 - live: read /dev/null: deny ([^ ]*)$' <<<"$output"
	[ ! -c /dev/tty ] || has "# SKIP a device other than those of memory"
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

@test "a failure says what why says: the line of the policy and what to add, as text and in JUnit" {
	policy 'op = "read"' 'path = "/etc/passwd"' 'expect = "allow"' '[[test]]' 'op = "read"' 'path = "/usr/x"' 'expect = "deny"' \
		'[[test]]' 'op = "read"' 'path = "/usr/x"' 'expect = "allow"'
	run "$LLC" test p.toml
	[ "$status" -eq 1 ]
	has "#   landlock, layer 0 (p.toml:2): no rule grants read_file on /etc/passwd"
	has '#   add: ro = ["/etc/passwd"]'
	has '#   opens: read_file on /etc/passwd alone'
	has '#   landlock, layer 0: read_file by "/usr" (p.toml:3)'
	# once for all ABIs and architectures, and nothing of the test that passes
	[ "$(grep -c 'add: ro' <<<"$output")" -eq 1 ]
	[[ $output != *"ok 3"*"landlock"* ]]
	policy 'op = "connect tcp"' 'port = 80' 'expect = "allow"'
	run "$LLC" test p.toml
	has '#   add: connect_tcp = [80]'
	run "$LLC" test --format junit p.toml
	python3 -c '
import sys, xml.etree.ElementTree as tree
(case,) = tree.fromstring(sys.stdin.read())
failure = case.find("failure")
assert "\n" not in failure.get("message") and failure.get("message").startswith("ABI 4 to 11"), failure.get("message")
assert "(p.toml:4)" in failure.text and "add: connect_tcp = [80]" in failure.text, failure.text' <<<"$output"
}

@test "mounts of the policy: what they refuse and what a bind shows, the same of the blob and of the kernel" {
	mkdir -p source target
	printf '#!/bin/sh\n' >source/file && chmod +x source/file
	# mounted GRANT MOUNT EXPECT: source on target, three operations in there
	mounted() {
		local -a expect=($3)
		policy 'op = "read"' "path = \"$T/target/file\"" "expect = \"${expect[0]}\"" \
			'[[test]]' 'op = "write"' "path = \"$T/target/file\"" "expect = \"${expect[1]}\"" \
			'[[test]]' 'op = "create"' "path = \"$T/target/new\"" "expect = \"${expect[1]}\"" \
			'[mount]' "bind = [{ source = \"$T/source\", target = \"$T/target\"$2 }]"
		sed -i "s|^ro = .*|rox = [\"/usr\", \"/bin\", \"/lib\", \"/lib64\"]\nrw = [\"$T/$1\"]|" p.toml
		run "$LLC" test p.toml
		[ "$status" -eq 0 ] || { echo "$1, $2: $output"; return 1; }
		unshare -Ur true 2>/dev/null || return 0
		run "$LLC" test --live p.toml
		[ "$status" -eq 0 ] || { echo "$1, $2: $output"; return 1; }
	}
	mounted target '' 'allow deny'
	mounted target ', read_only = false' 'allow allow'
	mounted source '' 'allow deny'
	mounted source ', read_only = false' 'allow allow'
	# where it is mounted, the line and the edit are told
	sed -i 's/expect = "deny"/expect = "allow"/; s/, read_only = false//' p.toml
	run "$LLC" test p.toml
	[ "$status" -eq 1 ]
	has "EROFS, in the view that the policy makes: \"$T/target\" is mounted read-only (p.toml:"
	has "edit: p.toml:"
}

@test "JUnit: class and name do not depend on the line; tests of one name are numbered" {
	policy 'op = "read"' 'path = "/usr/x"' 'expect = "allow"' '[[test]]' 'op = "read"' 'path = "/usr/x"' 'expect = "allow"' 'abi = [7]'
	for name in p.toml build; do
		run "$LLC" test --format junit p.toml
		[ "$status" -eq 0 ]
		python3 -c '
import sys, xml.etree.ElementTree as tree
cases = tree.fromstring(sys.stdin.read())
assert [case.get("name") for case in cases] == ["read /usr/x: allow", "read /usr/x: allow #2"]
assert {case.get("classname") for case in cases} == {sys.argv[1]}
places = [case.find("properties/property").get("value") for case in cases]
assert places[0].startswith("p.toml:") and places[0] != places[1], places' "$name" <<<"$output"
		sed -i '1a [policy]\nname = "build"' p.toml
	done
}

@test "TAP: a path is not taken for a directive, and tells a terminal nothing" {
	policy 'op = "read"' 'path = "/usr/a # SKIP b\u001b[31m"' 'expect = "deny"'
	run "$LLC" test p.toml
	[ "$status" -eq 1 ]
	has 'not ok 1 - read "/usr/a \# SKIP b\x1b[31m": deny'
	[[ $output != *$'\033'* ]]
	policy 'op = "read"' 'path = "/etc/a # SKIP b\u001b[31m]]>"' 'expect = "deny"'
	run "$LLC" test --live --format junit p.toml
	[ "$status" -eq 0 ]
	python3 -c '
import sys, xml.etree.ElementTree as tree
suite = tree.fromstring(sys.stdin.read())
assert suite.get("tests") == "2" and suite.get("skipped") == "1" and suite.get("failures") == "0"
assert suite[1].find("skipped").get("message") == "without the policy it is denied with ENOENT, too"' <<<"$output"
}

@test "JUnit of --live: well-formed, what was the control beside what passed" {
	unshare -Ur true 2>/dev/null || skip "this machine permits no user namespaces"
	prepare
	kill "$server"
	(cd work && "$LLC" test --live --format junit --set "tree=$T/tree" "$ROOT/policies/hermetic-build.toml") >junit.xml
	python3 - <<-'EOT'
	import xml.etree.ElementTree as tree
	suite = tree.parse("junit.xml").getroot()
	live = [case for case in suite if case.get("name").startswith("live: ")]
	assert len(live) == 9 and len(suite) == 18 == int(suite.get("tests"))
	(tool,) = [case for case in live if "exec /mnt/tmp/tool" in case.get("name")]
	assert tool.find("system-out").text.startswith("denied with EACCES; control: the same, in the policy's view")
	EOT
}

@test "bad tests are errors of the policy, with their line: compile, lint and test alike" {
	for lines in 'op = "fly" expect = "allow"' 'op = "read" expect = "allow"' 'op = "read" path = "etc" expect = "allow"' \
		'op = "connect tcp" expect = "allow"' 'op = "bind udp" port = -1 expect = "deny"' 'op = "rename" path = "/a" expect = "deny"' \
		'op = "rename" path = "/a" to = "b" expect = "deny"' 'op = "connect unix" path = "sock" expect = "deny"' 'op = "" expect = "deny"' \
		'op = "syscall" syscall = "1024" expect = "deny"' 'op = "syscall" syscall = "nr:99999" expect = "deny"' \
		'op = "syscall" syscall = "kill pid" expect = "deny"' 'op = "syscall" syscall = "kill nothing=1" expect = "deny"' \
		'op = "syscall" syscall = "nonsense" expect = "deny"' \
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
		[ -s err ]
		[ ! -s out ]
	done
	sed -i '/^\[\[test/,$d' p.toml
	run "$LLC" test p.toml
	[ "$status" -eq 1 ]
	has 'has no [[test]]'
	# expectations are in the source: a blob has none
	"$LLC" compile -q p.toml
	run "$LLC" test p.llb
	[ "$status" -eq 1 ]
	has 'p.llb'
	run "$LLC" test missing.toml
	[ "$status" -eq 1 ]
	has 'missing.toml'
}

@test "a slot that does not exist is a mistake in [[test]] as in a rule; built-in ones need no rule" {
	policy 'op = "read"' 'path = "${WCD}/x"' 'expect = "deny"'
	run "$LLC" test p.toml
	[ "$status" -eq 1 ]
	has "unknown slot \${WCD}"
	has 'did you mean ${CWD}'
	policy 'op = "rename"' 'path = "${HOME}/x"' 'to = "${tree}/x"' 'expect = "deny"'
	run "$LLC" test p.toml
	[ "$status" -eq 1 ]
	has "unknown slot \${tree}"
	policy 'op = "read"' 'path = "${HOME}/x"' 'expect = "deny"'
	run "$LLC" test p.toml
	[ "$status" -eq 0 ]
}

@test "--live: nothing is made on this host for a policy's mounts; what is there, or is in its tmpfs, is used" {
	unshare -Ur true 2>/dev/null || skip "this machine permits no user namespaces"
	mkdir etc new
	head='version = 1\n[fs]\nwith = ["dev", "loader"]\nrox = ["/usr"]\nro = ["%s"]\n'
	test='[[test]]\nop = "read"\npath = "/etc/hostname"\nexpect = "deny"\n'
	# shellcheck disable=SC2059
	for broker in "" '[broker]\nscratch = ["/srv"]\n'; do
		# the second one through a bind mount, whose own path exists nowhere
		for mount in "[[mount.bind]]\nsource = \"/etc/hostname\"\ntarget = \"$T/etc/nologin\"\ncreate = true\n" \
			"[[mount.bind]]\nsource = \"$T/etc\"\ntarget = \"$T/new\"\nread_only = false\n[[mount.bind]]\nsource = \"/usr\"\ntarget = \"$T/new/a/cron.d\"\ncreate = true\n"; do
			printf "$head$mount$broker$test" "$T" >makes.toml
			run "$LLC" test --live makes.toml
			[ "$status" -eq 0 ]
			grep -q "^ok 2 - live: .* # SKIP the policy makes $T/.* on this host" <<<"$output" || { echo "$output"; return 1; }
			[ -z "$(find etc new -mindepth 1)" ]
		done
	done
	# controls: the target is there; it lies in a tmpfs of the policy; a run makes it
	touch etc/nologin
	# shellcheck disable=SC2059
	printf "${head}[[mount.bind]]\nsource = \"/etc/hostname\"\ntarget = \"$T/etc/nologin\"\ncreate = true\n$test" "$T" >makes.toml
	# shellcheck disable=SC2059
	printf "${head}[mount]\ntmpfs = [\"$T/new\"]\n[[mount.bind]]\nsource = \"/usr\"\ntarget = \"$T/new/a/b\"\ncreate = true\n$test" "$T" >tmpfs.toml
	for policy in makes tmpfs; do
		run "$LLC" test --live $policy.toml
		[ "$status" -eq 0 ]
		grep -q '^ok 2 - live: [^#]*$' <<<"$output" || { echo "$output"; return 1; }
	done
	[ -z "$(find new -mindepth 1)" ]
	rm etc/nologin
	"$LLC" compile -q makes.toml
	run "$B/llrun" makes.llb -- /usr/bin/env true
	[ "$status" -eq 0 ]
	[ -e etc/nologin ]
}

@test "llrun --check makes nothing on this host, and says what a run would make" {
	unshare -Ur true 2>/dev/null || skip "this machine permits no user namespaces"
	mkdir etc
	cat >p.toml <<-EOT
	version = 1
	[fs]
	rox = ["/usr"]
	[[mount.bind]]
	source = "/etc/hostname"
	target = "$T/etc/nologin"
	create = true
	[[mount.bind]]
	source = "/usr"
	target = "$T/etc/a/b"
	create = true
	EOT
	"$LLC" compile -q p.toml
	run "$B/llrun" --check p.llb -- /usr/bin/env true
	[ "$status" -eq 0 ]
	has "would make \"$T/etc/nologin\" on this host"
	has "would make \"$T/etc/a/b\" on this host"
	has 'command: "/usr/bin/env"'
	[ -z "$(find etc -mindepth 1)" ]
	# a rule about what is missing: it cannot go on
	sed -i "s|^rox = .*|rox = [\"/usr\", \"$T/etc/a/b\"]|" p.toml
	"$LLC" compile -q p.toml
	run "$B/llrun" --check p.llb -- /usr/bin/env true
	[ "$status" -eq 125 ]
	has "stops here: what is missing may be what a run would make"
	[ -z "$(find etc -mindepth 1)" ]
	# control: a run makes both, and a check then has nothing to say of it
	"$B/llrun" p.llb -- /usr/bin/env true
	[ -e etc/nologin ]
	[ -d etc/a/b ]
	run "$B/llrun" --check p.llb -- /usr/bin/env true
	[ "$status" -eq 0 ]
	[[ $output != *"would make"* ]]
}

@test "--live: a policy that refuses exit_group does not hang it" {
	mkdir scratch
	printf '%s\n' 'version = 1' '[fs]' 'with = ["dev", "loader"]' 'rox = ["/usr"]' '[seccomp]' 'errno = "EPERM"' 'deny = ["exit_group"]' \
		'[broker]' "scratch = [\"$T/scratch\"]" '[[test]]' 'op = "remove"' "path = \"$T/made\"" 'expect = "deny"' \
		'[[test]]' 'op = "read"' 'path = "/usr"' 'expect = "allow"' >p.toml
	run timeout 300 "$LLC" test --live p.toml
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
	has "ok 3 - live: remove $T/made: deny"
	has "ok 4 - live: read /usr: allow"
	[ ! -e made ]
	# without a broker
	sed -i '/^\[broker\]/d; /^scratch/d' p.toml
	run timeout 300 "$LLC" test --live p.toml
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
	has "ok 3 - live: remove $T/made: deny"
	[ ! -e made ]
}

@test "--live: what was made for a test is removed when a signal ends it" {
	mkdir bin scratch
	mkfifo started
	cp "$LLC" "$B/llrund" "$B/llc-perform" bin
	# an llrun that never ends
	printf '#!/bin/sh\nls "%s" >"%s"\nexec sleep 1000\n' "$T" "$T/started" >bin/llrun
	chmod +x bin/llrun
	printf '%s\n' 'version = 1' '[fs]' 'rox = ["/usr"]' '[broker]' "scratch = [\"$T/scratch\"]" \
		'[[test]]' 'op = "remove"' "path = \"$T/made\"" 'expect = "deny"' >p.toml
	for signal in TERM INT HUP; do
		# a shell's background job ignores SIGINT, and what is ignored stays so
		python3 - "$signal" "$T" bin/llc-policy test --live p.toml <<-'EOT'
		import signal, subprocess, sys, os
		number = signal.Signals["SIG" + sys.argv[1]]
		p = subprocess.Popen(sys.argv[3:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
				     preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
		listing = open(sys.argv[2] + "/started").read()
		assert "made\n" in listing, listing
		p.send_signal(number)
		assert p.wait(timeout=120) == -number, p.returncode
		assert not os.path.exists(sys.argv[2] + "/made"), "left"
		EOT
	done
	# control: with the launcher itself
	cp "$B/llrun" bin
	run bin/llc-policy test --live p.toml
	[ "$status" -eq 0 ]
	[ ! -e made ]
}

@test "--live, with a broker and a view: what a mount shows is looked at before it is opened" {
	unshare -Ur true 2>/dev/null || skip "this machine permits no user namespaces"
	mkfifo pipe
	touch plain file
	ln -s plain alias
	for source in pipe /dev/tty file; do
		[ -e "$source" ] || continue
		cat >p.toml <<-EOT
		version = 1
		[fs]
		with = ["dev", "loader"]
		rox = ["/usr"]
		rw = ["$T/plain", "$T/alias"]
		[[mount.bind]]
		source = "$(realpath -s "$source")"
		target = "$T/plain"
		[broker]
		scratch = ["/srv"]
		[[test]]
		op = "read"
		path = "$T/plain"
		expect = "allow"
		[[test]]
		op = "read"
		path = "$T/alias"
		expect = "allow"
		EOT
		run "$LLC" test --live p.toml
		[ "$status" -eq 0 ] || { echo "$output"; return 1; }
		case $source in
		pipe) [ "$(grep -c '^ok [34] - live: .*# SKIP a named pipe: ' <<<"$output")" -eq 2 ] ;;
		file) [ "$(grep -c '^ok [34] - live: [^#]*$' <<<"$output")" -eq 2 ] ;; # the control
		*) [ "$(grep -c '^ok [34] - live: .*# SKIP a device ' <<<"$output")" -eq 2 ] ;;
		esac || { echo "$source"; echo "$output"; return 1; }
	done
}
