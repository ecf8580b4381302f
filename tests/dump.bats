#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# llc-policy dump: text, JSON, and TOML that compiles to the same rules. What a blob enforces is read by
# tests/enforced.py, which shares no code with the dumper.

load lib/common

setup() {
	T=$BATS_TEST_TMPDIR OUT=$BATS_TEST_TMPDIR
	cd "$ROOT" || exit 1
}

enforced() {
	python3 tests/enforced.py "$1"
}

# round_trip POLICY: 0 the same, 2 the policy does not compile or tests arguments, which dump --toml refuses, 1 anything else
round_trip() {
	local arches
	"$LLC" compile -q -o "$T/first.llb" "$1" 2>"$T/err" || return 2
	if grep -qE "^(when|hot|hot_file) = " "$1" && ! "$LLC" dump --toml "$T/first.llb" >"$T/again.toml" 2>"$T/err"; then
		grep -q "tests arguments or is laid out by weights" "$T/err" && return 2
		cat "$T/err"
		return 1
	fi
	"$LLC" dump --toml "$T/first.llb" >"$T/again.toml" || { echo "$1: dump --toml fails"; return 1; }
	arches=$(sed -n 's/^# compile with --arch //p' "$T/again.toml")
	"$LLC" compile -q ${arches:+--arch "$arches"} -o "$T/second.llb" "$T/again.toml" 2>"$T/err" ||
		{ echo "$1: its dump does not compile"; cat "$T/err"; return 1; }
	diff <(enforced "$T/first.llb") <(enforced "$T/second.llb") || { echo "$1: its dump means something else"; return 1; }
	"$LLC" dump --toml "$T/second.llb" | cmp - "$T/again.toml" || { echo "$1: the dump of its dump differs"; return 1; }
}

@test "dump --toml compiles to the same rules: policies/, tests/dump/" {
	for policy in policies/*.toml tests/dump/*.toml; do
		status=0
		round_trip "$policy" || status=$?
		# conditions and weights are refused, and said to be
		[ "$status" -eq 0 ] || { [ "$status" -eq 2 ] && grep -qE "^(when|hot|hot_file) = " "$policy"; }
	done
}

@test "dump --toml compiles to the same rules: every other policy in the tree that compiles" {
	local same=0
	while read -r policy; do
		status=0
		round_trip "$policy" >"$T/said" || status=$?
		[ "$status" -ne 1 ] || { cat "$T/said"; return 1; }
		[ "$status" -eq 2 ] || same=$((same + 1))
	done < <(find tests/checks tests/vm bench -name '*.toml' | sort)
	echo "$same policies"
	[ "$same" -ge 100 ]
}

@test "dump --toml compiles to the same rules: one architecture, and another" {
	for arch in x86_64 aarch64 x86_64,riscv64; do
		"$LLC" compile -q --arch "$arch" -o "$T/a.llb" tests/dump/everything.toml
		"$LLC" dump --toml "$T/a.llb" >"$T/a.toml"
		grep -qx "# compile with --arch $arch" "$T/a.toml"
		"$LLC" compile -q --arch "$arch" -o "$T/b.llb" "$T/a.toml"
		diff <(enforced "$T/a.llb") <(enforced "$T/b.llb")
	done
}

@test "enforced.py tells policies apart" {
	"$LLC" compile -q -o "$T/a.llb" tests/dump/everything.toml
	for change in 's/443/444/' 's/"ptrace", //' 's/optional = true/optional = false/' 's/umask = "022"/umask = "027"/' \
		's/log_new_exec = true//' 's/"LC_\*"/"LC_"/' 's/, "\/tmp\/x"//'; do
		sed "$change" tests/dump/everything.toml >"$T/b.toml"
		"$LLC" compile -q -o "$T/b.llb" "$T/b.toml"
		! cmp -s <(enforced "$T/a.llb") <(enforced "$T/b.llb") || { echo "not seen: $change"; return 1; }
	done
}

@test "text says what the policy says" {
	"$LLC" compile -q --arch x86_64 -o "$T/a.llb" tests/dump/everything.toml
	gives 0 "$LLC" dump "$T/a.llb"
	for line in 'format: LLPB 1, for readers since 1, features 0x0, '"$(stat -c %s "$T/a.llb")"' bytes' \
		"source: everything.toml sha256:$(sha256sum tests/dump/everything.toml | cut -d' ' -f1)" \
		'name: ci-build' 'compat: strict' 'min_abi: 9 (Linux 7.1)' \
		'    abi 0-3: NOT COVERED' '    abi 0-9: seccomp' '    abi 10-11: landlock' \
		'  layer 0 port 443: connect_tcp  # everything.toml:14' \
		'  TMPDIR: directory, from environment variable TMPDIR, default /tmp, links are refused  # everything.toml:8' \
		'  pass LC_*' '  set CI=1' '  umask: 0022' '  close descriptors: yes, but keep 5 9' \
		'    other architectures: kill_process' '    x32: kill_process' '    ptrace: errno EPERM' \
		'    numbers without a name: allow' '    socket: errno EACCES or allow, by arguments'; do
		grep -qxF "$line" "$T/out" || { echo "no line: $line"; return 1; }
	done
	grep -qE '^  [0-9]+: layer 0 \$\{CWD\}/build: .*make_reg.*; if a file: write_file read_file truncate ioctl_dev  # everything.toml:8$' "$T/out"
	grep -qE '^  [0-9]+: layer 0 /run/user/\$\{UID\}: ' "$T/out"
	# control: what the policy allows is not in the list of what is denied
	! grep -qE '^    (read|write|execve|exit_group): ' "$T/out" || return 1
}

@test "text is the same for the same policy, whatever its directory, and shows one changed port as one line" {
	mkdir "$T/elsewhere"
	cp tests/dump/everything.toml "$T/elsewhere"
	"$LLC" compile -q -o "$T/a.llb" tests/dump/everything.toml
	(cd "$T/elsewhere" && "$LLC" compile -q -o "$T/b.llb" everything.toml)
	diff <("$LLC" dump "$T/a.llb") <("$LLC" dump "$T/b.llb")
	sed -i 's/443/444/' "$T/elsewhere/everything.toml"
	"$LLC" compile -q -o "$T/b.llb" "$T/elsewhere/everything.toml"
	[ "$(diff <("$LLC" dump "$T/a.llb") <("$LLC" dump "$T/b.llb") | grep '^[<>]' | grep -vc '^[<>] source:')" -eq 2 ]
}

@test "--bpf shows every instruction and names what is compared" {
	"$LLC" compile -q --arch x86_64 -o "$T/a.llb" tests/dump/everything.toml
	gives 0 "$LLC" dump --bpf "$T/a.llb"
	[ "$(grep -cE '^ +[0-9]+: (load|if|and|jump|return) ' "$T/out")" -eq "$(enforced "$T/a.llb" | grep -c '^insn')" ]
	grep -qE '# arch x86_64$' "$T/out"
	grep -qE '# nr ptrace$' "$T/out"
	grep -qE 'return errno EPERM$' "$T/out"
}

@test "--json holds the same facts" {
	"$LLC" compile -q --arch x86_64 -o "$T/a.llb" tests/dump/everything.toml
	gives 0 "$LLC" dump --json --bpf "$T/a.llb"
	[ "$(jq '.path_rules | length' "$T/out")" -eq "$(enforced "$T/a.llb" | grep -c '^path')" ]
	[ "$(jq '[.filters[].bpf[]] | length' "$T/out")" -eq "$(enforced "$T/a.llb" | grep -c '^insn')" ]
	jq -e '.policy.name == "ci-build" and .policy.compat == "strict" and .policy.min_abi == 9' "$T/out"
	jq -e '[.port_rules[] | {port, rights}] == [{port: 80, rights: ["connect_tcp"]}, {port: 443, rights: ["connect_tcp"]}]' "$T/out"
	jq -e '.environment == [{pass_prefix: "LC_"}, {pass: "PATH"}, {set: "A.B=x\"y"}, {set: "CI=1"}]' "$T/out"
	jq -e 'all(.filters[]; .valid and .x32 == ["kill_process"] and .other_architectures == ["kill_process"])' "$T/out"
	jq -e 'all(.filters[]; any(.calls[]; .name == "bpf" and .actions == ["errno EPERM"]))' "$T/out"
	jq -e '.coverage[] | select(.name == "net.connect_tcp") | .by_abi[3] == "NOT COVERED" and .by_abi[4] == "landlock"' "$T/out"
	jq -e 'has("bpf") | not' "$T/out"
	"$LLC" dump --json "$T/a.llb" | jq -e 'all(.filters[]; has("bpf") | not)'
}

@test "denied calls are those of the policy, on every architecture" {
	"$LLC" compile -q --arch x86_64,aarch64,riscv64 -o "$T/a.llb" bench/policies/P.toml
	python3 -c 'import tomllib; print("\n".join(sorted(tomllib.load(open("bench/policies/P.toml", "rb"))["seccomp"]["deny"])))' >"$T/want"
	"$LLC" dump --toml "$T/a.llb" >"$T/a.toml"
	python3 -c 'import sys, tomllib; print("\n".join(sorted(tomllib.load(open(sys.argv[1], "rb"))["seccomp"]["deny"])))' "$T/a.toml" >"$T/got"
	diff "$T/want" "$T/got"
}

@test "a blob whose texts lie is shown as it is enforced" {
	"$B/tests/mkblob" "$T/a.llb" <<-'END'
		name a%1b[2Jb
		layers 1
		handled 0 all none none
		path 0 ro /etc
		slot s%0aname arg dir
		env pass X%80
	END
	gives 0 "$LLC" dump "$T/a.llb"
	grep -qxF 'name: a\x1b[2Jb' "$T/out"
	grep -qF 's\x0aname: directory' "$T/out"
	! grep -q $'\033' "$T/out" || return 1
	gives 0 "$LLC" dump --json "$T/a.llb"
	jq -e '.policy.name == "a\\x1b[2Jb"' "$T/out"
	# names the bytes that no UTF-8 has, or refuses
	gives 1 "$LLC" dump --toml "$T/a.llb"
	grep -q 'TOML' "$T/err"
	[ ! -s "$T/out" ]
	# "shown" is only what messages call the path
	python3 - "$T/a.llb" "$T/b.llb" <<-'END'
		import struct, sys
		data = bytearray(open(sys.argv[1], "rb").read())
		paths = struct.unpack_from("<I", data, 40 + 8 * 2)[0]
		name = struct.unpack_from("<I", data, 40 + 8 * 12)[0]
		data[paths + 36:paths + 40] = data[name:name + 4]
		struct.pack_into("<Q", data, 24, 0)
		def mix(total, word):
		    total = (total ^ word) * 0x9e3779b97f4a7c15 % 2**64
		    return total ^ total >> 29
		lanes = [0x6c6c2d706f6c6963 + lane for lane in range(4)]
		for i, (word,) in enumerate(struct.iter_unpack("<Q", data)):
		    lanes[i % 4] = mix(lanes[i % 4], word)
		total = len(data) // 8
		for lane in lanes:
		    total = mix(total, lane)
		struct.pack_into("<Q", data, 24, total)
		open(sys.argv[2], "wb").write(data)
	END
	gives 0 "$LLC" dump "$T/b.llb"
	grep -qE '^  0: layer 0 /etc: .*; called a' "$T/out"
}

@test "what is no blob is refused with its reason: exit 1" {
	"$LLC" compile -q -o "$T/a.llb" tests/dump/everything.toml
	gives 0 "$LLC" dump "$T/a.llb"
	head -c 1000 "$T/a.llb" >"$T/short.llb"
	gives 1 "$LLC" dump "$T/short.llb"
	grep -q "^llc-policy dump: $T/short.llb: damaged" "$T/err"
	gives 1 "$LLC" dump tests/dump/everything.toml
	grep -q 'not a policy blob' "$T/err"
	gives 1 "$LLC" dump "$T/missing.llb"
	grep -q 'No such file or directory' "$T/err"
	gives 1 "$LLC" dump "$T"
	grep -q 'not a regular file' "$T/err"
	: >"$T/empty.llb"
	gives 1 "$LLC" dump --json "$T/empty.llb"
	mkfifo "$T/fifo"
	gives 1 timeout 10 "$LLC" dump "$T/fifo"
}

@test "usage errors and a full disk: exit 2" {
	"$LLC" compile -q -o "$T/a.llb" tests/dump/everything.toml
	gives 2 "$LLC" dump
	gives 2 "$LLC" dump "$T/a.llb" "$T/a.llb"
	gives 2 "$LLC" dump --no-such "$T/a.llb"
	for form in '' --json --toml; do
		status=0
		"$LLC" dump $form "$T/a.llb" >/dev/full 2>"$T/err" || status=$?
		[ "$status" -eq 2 ]
		grep -q 'standard output' "$T/err"
	done
	gives 0 "$LLC" dump -- "$T/a.llb"
}
