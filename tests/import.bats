#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# llc-policy import. The authority on OCI profiles is libseccomp, in tests/helper/ocidiff.c.

load lib/common

setup() {
	T=$BATS_TEST_TMPDIR OUT=$BATS_TEST_TMPDIR
	PROFILE=$ROOT/../shared/oci/default.json
	cd "$ROOT" || exit 1
}

# oci NAME ARGS...: NAME.toml and NAME.llb from an import with these arguments
oci() {
	local name=$1
	shift
	gives 0 "$LLC" import oci "$@" -o "$T/$name.toml"
	gives 0 "$LLC" compile -q "$T/$name.toml" -o "$T/$name.llb"
}

@test "oci: Docker's default profile, without and with capabilities: the answers of libseccomp" {
	[ -e "$PROFILE" ] || skip "no ../shared/oci/default.json"
	for caps in "" CAP_SYS_ADMIN CAP_SYS_PTRACE CAP_BPF "CAP_SYS_ADMIN CAP_SYS_CHROOT CAP_SYS_NICE CAP_SYSLOG"; do
		options=
		for cap in $caps; do options="$options --cap $cap"; done
		oci newer "$PROFILE" $options
		"$B/tests/ocidiff" profile "$PROFILE" "$T/newer.llb" x86_64 enosys $caps
		oci exact --no-enosys "$PROFILE" $options
		"$B/tests/ocidiff" profile "$PROFILE" "$T/exact.llb" x86_64 exact $caps
	done
	# the comparison tells filters apart
	! "$B/tests/ocidiff" profile "$PROFILE" "$T/exact.llb" x86_64 exact >/dev/null
}

@test "oci: Docker's default profile: at most 92 instructions, and 95 with ENOSYS for newer calls" {
	[ -e "$PROFILE" ] || skip "no ../shared/oci/default.json"
	oci newer "$PROFILE"
	oci exact --no-enosys "$PROFILE"
	newer=$("$B/tests/ocidiff" size "$T/newer.llb" x86_64) exact=$("$B/tests/ocidiff" size "$T/exact.llb" x86_64)
	echo "$newer with ENOSYS, $exact without"
	[ "$exact" -gt 20 ]
	[ "$exact" -le 92 ]
	[ "$newer" -gt 20 ]
	[ "$newer" -le 95 ]
}

@test "oci: Docker's default profile: a shell runs under it, and what it denies fails" {
	[ -e "$PROFILE" ] || skip "no ../shared/oci/default.json"
	oci docker "$PROFILE"
	out=$("$B/llrun" "$T/docker.llb" -- sh -c 'ls / | wc -l; echo end')
	[ "${out##*$'\n'}" = end ]
	setarch -R true
	gives 1 "$B/llrun" "$T/docker.llb" -- setarch -R true
	grep -q 'Operation not permitted' "$T/err"
}

@test "oci: every architecture compiles; entries of one stay with it" {
	[ -e "$PROFILE" ] || skip "no ../shared/oci/default.json"
	all=x86_64,aarch64,i386,arm,riscv64,s390x,ppc64le
	gives 0 "$LLC" import oci --arch $all "$PROFILE" -o "$T/all.toml"
	grep -qx "# compile with --arch $all" "$T/all.toml"
	gives 0 "$LLC" compile -q --arch $all "$T/all.toml" -o "$T/all.llb"
	"$LLC" dump "$T/all.llb" >"$T/dump"
	# modify_ldt is for x86 alone, arch_prctl for amd64: i386 has it, too
	grep -A3 '"arch_prctl"' "$T/all.toml" | grep -qx 'arch = \["x86_64"\]'
	grep -q 'arch = \["s390x"\]' "$T/all.toml"
}

@test "oci: what is left out, approximated or unknown is told on stderr and in the policy" {
	cat >"$T/p.json" <<-'END'
	{
	  "defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_LOG"], "surprise": 1,
	  "syscalls": [
	    {"names": ["read", "reed\n[fs]"], "action": "SCMP_ACT_ALLOW", "args": null},
	    {"names": ["write"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 7, "op": "SCMP_CMP_EQ"}]},
	    {"names": ["close"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 4294967296, "op": "SCMP_CMP_EQ"}]},
	    {"names": ["dup"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"},
	      {"index": 0, "value": 18446744073709551615, "op": "SCMP_CMP_EQ"}]},
	    {"names": ["mprotect"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 2, "value": 18446744073709551615, "valueTwo": 1, "op": "SCMP_CMP_MASKED_EQ"}]},
	    {"names": ["kill"], "action": "SCMP_ACT_KILL", "args": [{"index": 1, "value": 9, "op": "SCMP_CMP_GE"}]},
	    {"names": ["kill"], "action": "SCMP_ACT_ALLOW"},
	    {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF", "CAP_FLY"], "arches": ["amd64", "vax"]}},
	    {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}}
	  ]
	}
	END
	gives 0 "$LLC" import oci --kernel 4.7 --arch x86_64 "$T/p.json" -o "$T/p.toml"
	while read -r words; do
		grep -qF -- "$words" "$T/err" || { echo "not on stderr: $words"; cat "$T/err"; return 1; }
		grep -qF -- "$words" "$T/p.toml" || { echo "not in the policy: $words"; return 1; }
	done <<-'END'
	dropped: flags of seccomp(2)
	dropped: unknown key "surprise"
	dropped: unknown system call "reed\x0a[fs]"
	dropped: a rule about write, which then gets the default: buf of write is a pointer
	dropped: no arguments of close meet this condition
	approximated: two conditions on one argument
	dropped: kill_thread of kill, which line 11 decides whatever the arguments
	dropped: unknown capability "CAP_FLY"
	dropped: unknown architecture "vax"
	left out for the capabilities it depends on: allow of bpf
	left out for the kernel it depends on: allow of ptrace
	END
	grep -qx 'when = "oldfd == 1 || oldfd == 0xffffffff"' "$T/p.toml"
	grep -qx 'when = "prot == 1"' "$T/p.toml"
	grep -q 'allow = \["read", "kill"\]' "$T/p.toml"
	gives 0 "$LLC" import oci --kernel 4.8 --cap bpf --arch x86_64 "$T/p.json"
	grep -q '"ptrace"' "$T/out"
	! grep -q '"bpf"' "$T/out"
}

@test "oci: linux.seccomp of a config.json; names of errors; deep nesting ends" {
	echo '{"ociVersion": "1.0", "linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls":
	 [{"names": ["ptrace"], "action": "SCMP_ACT_ERRNO", "errno": "ENOSYS"}]}}}' >"$T/config.json"
	gives 0 "$LLC" import oci "$T/config.json"
	grep -qx 'action = "errno ENOSYS"' "$T/out"
	grep -qx 'default = "allow"' "$T/out"
	grep -qx 'newer = "allow"' "$T/out"
	python3 -c 'print("[" * 100000)' >"$T/deep.json"
	gives 1 "$LLC" import oci "$T/deep.json"
	grep -q 'maximum parsing depth reached' "$T/err"
	python3 -c 'print("{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"x\": " + "[" * 2000 + "]" * 2000 + "}")' >"$T/deep.json"
	gives 0 "$LLC" import oci "$T/deep.json"
}

@test "documents that must be refused: exit 1, the place, nothing written" {
	local n=0
	while IFS='|' read -r format words document; do
		[[ $format != \#* ]] || continue
		printf '%b' "$document" >"$T/doc"
		rm -f "$T/written"
		gives 1 "$LLC" import "$format" "$T/doc" -o "$T/written" || { echo "$format: $document"; return 1; }
		grep -qF -- "$words" "$T/err" || { echo "$format: $document: not \"$words\":"; cat "$T/err"; return 1; }
		grep -qE "^$T/doc:[0-9]+:[0-9]+: error: " "$T/err" || { echo "$document: no place"; cat "$T/err"; return 1; }
		[ ! -e "$T/written" ] && [ ! -s "$T/out" ] || { echo "$document: written"; return 1; }
		n=$((n + 1))
	done <tests/import/reject.cases
	echo "$n documents"
	[ "$n" -ge 80 ]
}

@test "landlockconfig: its vectors, alone and composed" {
	local n=0
	while read -r line; do
		[[ $line != \#* ]] || continue
		want=${line##* => } documents=${line% => *} files=()
		while [ -n "$documents" ]; do
			printf '%s' "${documents%% + *}" >"$T/${#files[@]}.json"
			files+=("$T/${#files[@]}.json")
			[[ $documents == *" + "* ]] || break
			documents=${documents#* + }
		done
		gives 0 "$LLC" import landlockconfig "${files[@]}" -o "$T/policy.toml" || { echo "$line"; return 1; }
		got=$(python3 tests/import/canon.py <"$T/policy.toml")
		[ "$got" = "$want" ] || { printf '%s\ngot  %s\nwant %s\n' "$line" "$got" "$want"; return 1; }
		gives 0 "$LLC" compile -q "$T/policy.toml" -o "$T/policy.llb"
		n=$((n + 1))
	done <tests/import/landlockconfig.cases
	echo "$n vectors"
	[ "$n" -ge 15 ]
}

@test "landlockconfig: TOML says what JSON says; composition tells what it loosens; nothing in common is an error" {
	printf '%s\n' 'abi = 5' '[[variable]]' 'name = "w"' 'literal = ["/a"]' '[[ruleset]]' 'handled_access_fs = ["abi.all"]' \
		'[[path_beneath]]' 'allowed_access = ["abi.read_write"]' 'parent = ["${w}/out"]' '[[net_port]]' \
		'allowed_access = ["connect_tcp"]' 'port = [443, 70000]' >"$T/a.toml"
	echo '{"abi":5,"variable":[{"name":"w","literal":["/a"]}],"ruleset":[{"handledAccessFs":["abi.all"]}],
	"pathBeneath":[{"allowedAccess":["abi.read_write"],"parent":["${w}/out"]}],
	"netPort":[{"allowedAccess":["connect_tcp"],"port":[443,70000]}]}' >"$T/a.json"
	gives 0 "$LLC" import landlockconfig "$T/a.json" -o "$T/j.toml"
	gives 0 "$LLC" import landlockconfig "$T/a.toml" -o "$T/t.toml"
	grep -q 'dropped: there is no port 70000' "$T/err"
	diff <(grep -v '^#' "$T/j.toml") <(grep -v '^#' "$T/t.toml")
	echo '{"ruleset":[{"handledAccessFs":["execute"]}]}' >"$T/b.json"
	gives 0 "$LLC" import landlockconfig "$T/a.toml" "$T/b.json"
	grep -q 'weaker: composed with this file, these are restricted no more: write_file, read_file' "$T/err"
	grep -q 'weaker: .*: connect_tcp' "$T/err"
	echo '{"ruleset":[{"handledAccessNet":["bind_tcp"]}]}' >"$T/c.json"
	gives 1 "$LLC" import landlockconfig "$T/b.json" "$T/c.json"
	grep -q 'nothing is restricted by what these files have in common' "$T/err"
	gives 0 "$LLC" import landlockconfig "$T/b.json"
	echo '{"variable":[{"name":"e"}],"pathBeneath":[{"allowedAccess":["execute"],"parent":["/${e}"]}]}' >"$T/e.json"
	gives 0 "$LLC" import landlockconfig "$T/e.json"
	grep -q 'dropped: "/${e}" uses a variable without a value' "$T/err"
}

@test "landlockd --merge: the union of the layers, the other tables as they were" {
	cat >"$T/l.toml" <<-'END'
	version = 1
	[[fs_layer]]
	handled_access_fs = ["execute", "read_file"]
	[[fs_layer.rule]]
	path = "/usr//bin"
	allowed_access = ["execute", "read_file"]
	[[fs_layer]]
	handled_access_fs = ["read_file", "write_file"]
	[[fs_layer.rule]]
	path = "etc/"
	allowed_access = ["read_file"]
	[[fs_layer.rule]]
	path = "/usr/bin"
	allowed_access = ["write_file"]
	[net]
	handled_access_net = ["connect_tcp"]
	[[net.rule]]
	port = 443
	allowed_access = ["connect_tcp"]
	[seccomp]
	deny = ["ptrace"]
	errno = 13
	END
	gives 0 "$LLC" import landlockd --merge "$T/l.toml" -o "$T/m.toml"
	grep -q 'weaker: 2 layers' "$T/err"
	[ "$(python3 tests/import/canon.py <"$T/m.toml" | cut -d';' -f1-5)" = \
		'U:-execute-write_file-read_file-refer;P:/usr/bin;A:execute write_file read_file;P:${CWD}/etc;A:read_file' ]
	gives 0 "$LLC" compile -q "$T/m.toml" -o "$T/m.llb"
	"$LLC" dump "$T/m.llb" >"$T/dump"
	grep -q 'port 443: connect_tcp' "$T/dump"
	grep -q 'ptrace: errno EACCES' "$T/dump"
}

@test "minijail and kafel: policies in the words of the language, which compile" {
	gives 0 "$LLC" import minijail tests/import/golden.policy -o "$T/m.toml"
	gives 0 "$LLC" compile -q "$T/m.toml" -o "$T/m.llb"
	"$LLC" dump "$T/m.llb" >"$T/dump"
	for line in 'open: errno ENOENT' 'ioctl: .*errno EPERM.*, by arguments' 'getpid: kill_thread' 'close: kill_process'; do
		grep -q "^    $line" "$T/dump" || { echo "$line"; return 1; }
	done
	for when in 'request == 0x5401 || (request == 0x5413 \&\& fd <= 2)' 'prot \& 0xfffffffffffffffc == 0x0' 'prot \& 0x2 != 0x0'; do
		grep -q "^when = \"${when//\\/}\"" "$T/m.toml" || { echo "$when"; cat "$T/m.toml"; return 1; }
	done
	gives 0 "$LLC" import kafel tests/import/golden.kafel -o "$T/k.toml"
	gives 0 "$LLC" compile -q "$T/k.toml" -o "$T/k.llb"
	"$LLC" dump "$T/k.llb" >"$T/dump"
	for line in 'openat: .*errno EACCES.*, by arguments' 'getpid: kill_process' 'write: .*by arguments'; do
		grep -q "^    $line" "$T/dump" || { echo "$line"; return 1; }
	done
	grep -qx 'action = "trap 7"' "$T/k.toml"
	grep -qx 'when = "prot & 0x4 == 0x0 && !(fd in {8..0x7fffffff, -2147483648..-1})"' "$T/k.toml"
}

@test "usage: exit 2 and one line; a source that cannot be read: exit 1" {
	gives 2 "$LLC" import
	gives 2 "$LLC" import oci
	gives 2 "$LLC" import nosuch "$T/x"
	gives 2 "$LLC" import oci a b
	gives 2 "$LLC" import oci --cap CAP_FLY x
	gives 2 "$LLC" import oci --kernel six x
	gives 2 "$LLC" import oci --arch vax x
	[ "$(wc -l <"$T/err")" -eq 1 ]
	gives 1 "$LLC" import oci "$T/nosuch"
	gives 1 "$LLC" import oci "$T"
	gives 2 sh -c "echo '{\"defaultAction\":\"SCMP_ACT_ERRNO\"}' | '$LLC' import oci - >/dev/full"
}

@test "hostile sizes end soon, with an error or a policy: names, conditions, templates, variables" {
	python3 - "$T" <<-'END'
	import json, sys
	t = sys.argv[1]
	entry = {"names": ["x%d" % i for i in range(50000)], "action": "SCMP_ACT_ALLOW"}
	json.dump({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [entry]}, open(t + "/names", "w"))
	args = [{"index": 0, "value": i, "op": "SCMP_CMP_EQ"} for i in range(65)]
	json.dump({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW",
	           "args": args}]}, open(t + "/args", "w"))
	variables = '[[variable]]\nname = "a"\nliteral = [%s]\n[[variable]]\nname = "e"\n' % ",".join('"%d"' % i for i in range(5000))
	rule = '[[path_beneath]]\nallowed_access = ["execute"]\nparent = ["%s"]\n'
	open(t + "/product", "w").write(variables + rule % "/${a}${a}${a}${e}")
	open(t + "/template", "w").write(rule % ("/" + "$$" * 100000))
	open(t + "/minijail", "w").write("read: " + " || ".join("arg0 == %d" % i for i in range(100000)) + "\n")
	open(t + "/kafel", "w").write("ALLOW { read { %s } } DEFAULT KILL" % " || ".join("fd == %d" % i for i in range(100000)))
	open(t + "/brackets", "w").write("ALLOW { read { %s fd == 1 } } DEFAULT KILL" % ("(" * 100000))
	END
	for case in oci:names oci:args landlockconfig:product landlockconfig:template minijail:minijail kafel:kafel kafel:brackets; do
		gives 1 timeout 60 "$LLC" import "${case%:*}" "$T/${case#*:}" -o "$T/written"
		grep -q ': error: ' "$T/err" && [ ! -e "$T/written" ] || { echo "$case"; return 1; }
	done
}
