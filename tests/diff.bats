#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# llc-policy diff on the command line; what it finds is compared with brute force in tests/unit/diff_test.c.

load lib/common

setup() {
	T=$BATS_TEST_TMPDIR
	cd "$T" || exit 1
	cat >old.toml <<-'EOT'
	version = 1
	[policy]
	name = "old"
	[fs]
	ro = ["/usr", "${CWD}"]
	rw = ["/var/cache/x"]
	[net]
	connect_tcp = [443]
	[seccomp]
	deny = ["ptrace", "bpf"]
	EOT
}

# edited SED...: new.toml, and the difference in $output
edited() {
	sed "$@" old.toml >new.toml
	run "$LLC" diff old.toml new.toml
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
}

has() {
	[[ $output == *"$1"* ]] || { echo "not said: $1"; echo "$output"; return 1; }
}

@test "a policy differs from itself in nothing, in another order neither, blob or source" {
	edited -e 's|"/usr", "${CWD}"|"${CWD}", "/usr"|' -e 's/"ptrace", "bpf"/"bpf", "ptrace"/'
	[ "$output" = "the same: nothing widened, narrowed or changed" ]
	"$LLC" compile -q old.toml
	run "$LLC" diff --fail-on widen,narrow,change old.llb new.toml
	[ "$status" -eq 0 ]
	[ "$output" = "the same: nothing widened, narrowed or changed" ]
}

@test "paths: what widened and narrowed, on which ABI, and where the policy says so" {
	edited 's|"/var/cache/x"|"/var/cache"|'
	has 'widened  fs       write_file, read_file, read_dir, '
	has '"/var/cache" and beneath  [ABI 4-11]  (new.toml:6)'
	edited 's|ro = \["/usr"|ro = ["/usr/bin"|'
	has 'narrowed fs       read_file, read_dir "/usr" and beneath'
	# a rule is opened through symbolic links: where this one leads was not granted before
	has 'widened  fs       "/usr/bin" has a rule of its own now, which holds for where its links lead'
	edited 's|ro = \["/usr"|ro = ["/proc", "/usr"|'
	sed -i 's|^ro = .*|ro = ["/proc", "/usr", "${CWD}"]|' old.toml
	edited 's|"/proc"|"/proc", "/proc/self/root"|'
	has 'widened  fs       "/proc/self/root" has a rule of its own now'
}

@test "ports, scopes, calls, arguments, environment, capabilities, slots" {
	edited 's/443/443, 8000, 8001/'
	has 'connect_tcp ports 8000 to 8001'
	edited '$a[scope]\nsignal = true'
	has 'narrowed scope    '
	edited 's/, "bpf"//'
	has 'widened  syscall  bpf on x86_64, aarch64: errno EPERM → allow'
	edited '$a[[seccomp.rule]]\nsyscall = "clone"\naction = "errno EACCES"\nwhen = "flags & CLONE_NEWUSER"'
	has 'clone(flags=CLONE_NEWUSER) on x86_64, aarch64: allow'
	edited '$a[env]\npass = ["PATH"]'
	has 'narrowed env      any other variable: the caller'
	edited '$a[process]\ndrop_caps = []'
	has 'widened  process  no longer dropped: '
}

@test "variables: old and new value; another value, or one where there was none, is a widening" {
	printf '[env]\npass = ["PATH", "A"]\nset = { LD_PRELOAD = "/usr/lib/a.so", B = "1", C = "2" }\n' >>old.toml
	edited 's|a.so|b.so|'
	has 'widened  env      LD_PRELOAD: set to "/usr/lib/a.so" → set to "/usr/lib/b.so"'
	[ "${#lines[@]}" -eq 1 ]
	run "$LLC" diff --fail-on widen old.toml new.toml
	[ "$status" -eq 1 ]
	edited 's|B = "1"|D = "1"|'
	has 'narrowed env      B: set to "1" → absent'
	has 'widened  env      D: absent → set to "1"'
	edited 's|"A"||; s|C = "2"|A = "x\\u001by"|'
	has 'narrowed env      A: the caller'"'"'s → set to "x\x1by"'
	has 'narrowed env      C: set to "2" → absent'
	edited 's|"A"|"A", "C"|; s|, C = "2"||'
	has 'widened  env      C: set to "2" → the caller'"'"'s'
}

@test "--fail-on: what did happen fails, what did not does not" {
	edited 's/443/443, 80/'
	run "$LLC" diff --fail-on widen old.toml new.toml
	[ "$status" -eq 1 ]
	run "$LLC" diff --fail-on narrow,change old.toml new.toml
	[ "$status" -eq 0 ]
	run "$LLC" diff --fail-on widen new.toml old.toml
	[ "$status" -eq 0 ]
	run "$LLC" diff --fail-on narrow new.toml old.toml
	[ "$status" -eq 1 ]
}

@test "a kernel that ran neither is not compared; one that runs now is a widening" {
	edited 's/^name = .*/min_abi = 7/'
	has 'narrowed plan     refused there now, and ran  [ABI 4-6]'
	run "$LLC" diff new.toml old.toml
	has 'widened  plan     runs there now, and was refused  [ABI 4-6]'
}

@test "JSON and SARIF say the same as text" {
	edited -e 's/443/80/' -e 's/, "bpf"//'
	"$LLC" diff --format json old.toml new.toml >json
	"$LLC" diff --format sarif old.toml new.toml >sarif
	python3 - "$output" <<-'EOT'
	import json, sys
	lines = sys.argv[1].splitlines()
	report, sarif = json.load(open("json")), json.load(open("sarif"))
	assert len(report["items"]) == len(lines) == len(sarif["runs"][0]["results"])
	for line, item, result in zip(lines, report["items"], sarif["runs"][0]["results"]):
	    assert line.startswith(item["way"]) and item["text"] in line
	    assert result["ruleId"] == item["way"] and item["text"] in result["message"]["text"]
	assert report["widened"] == sum(line.startswith("widened") for line in lines) > 0
	EOT
	python3 "$ROOT/tests/sarif.py" <sarif
	# of files with odd names, and of policies that are the same
	mv new.toml $'a b"\303\251.toml'
	"$LLC" diff --format sarif old.toml $'a b"\303\251.toml' >sarif
	python3 "$ROOT/tests/sarif.py" <sarif
	grep -q '"a%20b%22%C3%A9.toml"' sarif
	"$LLC" diff --format sarif old.toml old.toml | python3 "$ROOT/tests/sarif.py"
}

@test "what cannot be compared is 2, and nothing on standard output" {
	"$LLC" compile -q old.toml
	head -c 300 old.llb >damaged.llb
	printf 'version = 2\n' >bad.toml
	for pair in "old.toml missing.toml" "damaged.llb old.toml" "old.toml bad.toml" "old.toml" "old.toml old.toml old.toml" \
		"--fail-on wide old.toml old.toml" "--fail-on widen, old.toml old.toml" "--format xml old.toml old.toml" ". old.toml"; do
		status=0
		# shellcheck disable=SC2086
		"$LLC" diff $pair >out 2>err || status=$?
		[ "$status" -eq 2 ] || { echo "$pair: exit status $status"; return 1; }
		[ -s err ] && [ ! -s out ] || { echo "$pair: silent, or half an answer"; return 1; }
	done
}

@test "broker: exceptions gained and lost, by path and what may be done there" {
	cat >>old.toml <<-'EOT'
	[broker]
	allow_read = ["/etc/resolv.conf", { path = "/srv/data", tree = true }]
	scratch = ["/var/tmp/s"]
	export = ["/var/tmp/e"]
	EOT
	edited 's|"/etc/resolv.conf", ||'
	[[ $output == 'narrowed broker   read "/etc/resolv.conf"  '* ]]
	edited 's|{ path = "/srv/data", tree = true }|"/srv/data"|'
	has 'narrowed broker   read "/srv/data" and beneath'
	edited 's|{ path = "/srv/data", tree = true }|{ path = "/srv", tree = true }|'
	has 'widened  broker   read "/srv" and beneath'
	[[ $output != *narrowed* ]]
	edited 's|"/etc/resolv.conf", |"/srv/data/x", |'
	has 'widened  broker   "/srv/data/x" is named now, which holds for where its links lead'
	edited 's|export = .*|export = [{ path = "/var/tmp/e", overwrite = true }]|'
	has 'widened  broker   publish over what is in "/var/tmp/e" and beneath  [ABI 0-11]  (new.toml:14)'
	edited 's|^scratch = .*|scratch = ["/var/tmp"]|; s|/var/tmp/e|/var/e|'
	has 'widened  broker   read, write, create, rename, link and remove in "/var/tmp" and beneath'
	edited '/^\[broker\]/,$d'
	has 'changed  broker   no longer runs under llrund'
}
