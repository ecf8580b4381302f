#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# llc-policy export: what other launchers get is what llrun would install.

load lib/common

setup() {
	T=$BATS_TEST_TMPDIR OUT=$BATS_TEST_TMPDIR
	PROFILE=$ROOT/../shared/oci/default.json
	cd "$ROOT" || exit 1
	# personality(ADDR_NO_RANDOMIZE), which setarch -R makes, is what the filter refuses
	cat >"$T/p.toml" <<-'END'
	version = 1
	[policy]
	name = "my policy"
	[seccomp]
	deny = ["ptrace", "bpf"]
	[[seccomp.rule]]
	syscall = ["personality"]
	action = "errno EDOM"
	when = "persona == 0x40000"
	[[seccomp.rule]]
	syscall = "socket"
	action = "errno EAFNOSUPPORT"
	when = "domain not in {AF_UNIX, AF_INET, 16..40}"
	[[seccomp.rule]]
	syscall = "ioctl"
	action = "errno"
	when = "request & 0xff00 == 0x5400 && (arg > 70000 || fd < 0)"
	END
}

compiled() {
	gives 0 "$LLC" compile -q -o "$T/p.llb" "$@" "$T/p.toml"
}

# filtered COMMAND...: the command before runs the sandboxed one; the filter denies one thing and no other
filtered() {
	setarch -R true
	gives 0 "$@" true
	gives 1 "$@" setarch -R true
	grep -q 'Numerical argument out of domain' "$T/err"
}

@test "bpf: the bytes load through seccomp(2), and deny" {
	compiled
	gives 0 "$LLC" export bpf "$T/p.llb" -o "$T/p.bpf"
	[ "$(stat -c %s "$T/p.bpf")" -eq $(($("$B/tests/ocidiff" size "$T/p.llb" "$(uname -m)") * 8)) ]
	filtered "$B/tests/loadbpf" "$T/p.bpf"
	filtered "$B/llrun" "$T/p.llb" --
	# where bwrap is installed and may make namespaces
	if command -v bwrap >/dev/null && bwrap --bind / / true 2>/dev/null; then
		filtered sh -c 'exec bwrap --bind / / --seccomp 9 "$@" 9<"$0"' "$T/p.bpf"
	fi
}

@test "bpf: one architecture, --arch; big-endian words where the architecture has them" {
	compiled --arch x86_64,s390x
	gives 0 "$LLC" export bpf --arch s390x "$T/p.llb" -o "$T/s.bpf"
	# the first instruction loads the architecture: code 0x20, k 4
	[ "$(head -c 8 "$T/s.bpf" | od -An -tx1 | tr -d ' ')" = 0020000000000004 ]
	gives 0 "$LLC" export bpf --arch x86_64 "$T/p.llb" -o "$T/x.bpf"
	[ "$(head -c 8 "$T/x.bpf" | od -An -tx1 | tr -d ' ')" = 2000000004000000 ]
	gives 1 "$LLC" export bpf --arch arm "$T/p.llb" -o "$T/none"
	[ ! -e "$T/none" ]
	grep -q 'no filter for arm' "$T/err"
}

@test "c: the header compiles, and holds the same instructions" {
	compiled
	gives 0 "$LLC" export c "$T/p.llb" -o "$T/p.h"
	printf '#include <stdio.h>\n#include "p.h"\nint main(void)\n{\n\treturn !fwrite(my_policy_filter, sizeof(my_policy_filter), 1, stdout);\n}\n' >"$T/p.c"
	cc -Wall -Wextra -Werror -o "$T/p" "$T/p.c"
	"$T/p" >"$T/c.bpf"
	gives 0 "$LLC" export bpf "$T/p.llb" -o "$T/p.bpf"
	cmp "$T/c.bpf" "$T/p.bpf"
	# two files may include it
	printf '#include "p.h"\n#include "p.h"\nint main(void)\n{\n\treturn sizeof(my_policy_filter) == 0;\n}\n' >"$T/two.c"
	cc -Werror -o "$T/two" "$T/two.c"
}

@test "oci: conditions survive; the profile means the same to libseccomp and to import" {
	compiled --arch x86_64
	gives 0 "$LLC" export oci "$T/p.llb" -o "$T/p.json"
	python3 -m json.tool "$T/p.json" >"$T/out"
	grep -q '"SCMP_CMP_MASKED_EQ"' "$T/p.json"
	gives 0 "$LLC" import oci --arch x86_64 "$T/p.json" -o "$T/again.toml"
	gives 0 "$LLC" compile -q --arch x86_64 "$T/again.toml" -o "$T/again.llb"
	"$B/tests/ocidiff" blobs "$T/p.llb" "$T/again.llb" x86_64
	# the reader of ocidiff has no masks of 64 bits
	sed -i 's/arg > 70000/fd > 70000/' "$T/p.toml"
	gives 0 "$LLC" compile -q --arch x86_64 "$T/p.toml" -o "$T/p.llb"
	gives 0 "$LLC" export oci "$T/p.llb" -o "$T/p.json"
	"$B/tests/ocidiff" profile "$T/p.json" "$T/p.llb" x86_64 exact
	# the comparison tells blobs apart
	sed -i 's/0x40000/0x40001/' "$T/p.toml"
	gives 0 "$LLC" compile -q --arch x86_64 "$T/p.toml" -o "$T/other.llb"
	! "$B/tests/ocidiff" blobs "$T/p.llb" "$T/other.llb" x86_64 >"$T/out"
}

@test "oci: Docker's default profile, imported, exported and imported again: the same decisions" {
	[ -e "$PROFILE" ] || skip "no ../shared/oci/default.json"
	for arch in x86_64 aarch64 s390x i386; do
		gives 0 "$LLC" import oci --arch $arch "$PROFILE" -o "$T/one.toml"
		gives 0 "$LLC" compile -q --arch $arch "$T/one.toml" -o "$T/one.llb"
		gives 0 "$LLC" export oci --arch $arch "$T/one.llb" -o "$T/two.json"
		gives 0 "$LLC" import oci --arch $arch "$T/two.json" -o "$T/two.toml"
		gives 0 "$LLC" compile -q --arch $arch "$T/two.toml" -o "$T/two.llb"
		"$B/tests/ocidiff" blobs "$T/one.llb" "$T/two.llb" $arch
	done
}

@test "oci: what a profile cannot say is listed and refused; --lossy denies it" {
	printf '[[seccomp.rule]]\nsyscall = "kill"\naction = "trap 7"\nwhen = "sig == 9"\n' >>"$T/p.toml"
	printf '[[seccomp.rule]]\nsyscall = "tkill"\naction = "trap 7"\n' >>"$T/p.toml"
	printf '[[seccomp.rule]]\nsyscall = "mremap"\naction = "errno"\nwhen = "old_len != 1 && new_len != 1 && flags != 1"\n' >>"$T/p.toml"
	compiled --arch x86_64
	gives 1 "$LLC" export oci "$T/p.llb" -o "$T/p.json"
	[ ! -e "$T/p.json" ]
	grep -q ': kill: an action that profiles do not have' "$T/err"
	grep -q ': tkill: an action that profiles do not have' "$T/err"
	grep -q ': mremap: too many' "$T/err"
	grep -q '3 calls cannot be expressed' "$T/err"
	gives 0 "$LLC" export oci --lossy "$T/p.llb" -o "$T/p.json"
	python3 - "$T/p.json" <<-'END'
	import json, sys
	for name in "kill", "tkill", "mremap":
	    [entry] = [e for e in json.load(open(sys.argv[1]))["syscalls"] if name in e["names"]]
	    assert entry["action"] == "SCMP_ACT_ERRNO" and entry["errnoRet"] == 1 and "args" not in entry, entry
	END
}

@test "--abi: filters that stand in for Landlock; Landlock's part is told" {
	printf '[net]\nconnect_tcp = [443]\n' >>"$T/p.toml"
	compiled --arch x86_64
	gives 0 "$LLC" export bpf "$T/p.llb" -o "$T/new.bpf"
	grep -q 'the policy has Landlock rules' "$T/err"
	grep -q 'filters differ between Landlock ABIs; this is that of ABI 1[0-9]' "$T/err"
	gives 0 "$LLC" export bpf --abi 3 "$T/p.llb" -o "$T/old.bpf"
	if cmp -s "$T/new.bpf" "$T/old.bpf"; then return 1; fi
	gives 2 "$LLC" export bpf --abi 99 "$T/p.llb"
}

@test "bad input: no filter, no blob, a bad form" {
	printf 'version = 1\n[scope]\nsignal = true\n' >"$T/n.toml"
	gives 0 "$LLC" compile -q "$T/n.toml" -o "$T/n.llb"
	gives 1 "$LLC" export bpf "$T/n.llb" -o "$T/written"
	grep -q 'no system call filter in it' "$T/err"
	gives 1 "$LLC" export c "$T/n.llb" -o "$T/written"
	gives 1 "$LLC" export oci "$T/n.llb" -o "$T/written"
	gives 1 "$LLC" export bpf "$T/n.toml" -o "$T/written"
	[ ! -e "$T/written" ]
	gives 2 "$LLC" export elf "$T/n.llb"
	gives 2 "$LLC" export bpf
}
