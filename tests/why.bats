#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# llc-policy why on the command line; what it decides is compared with the kernel in tests/unit/why_live_test.c.

load lib/common

setup() {
	T=$(cd "$BATS_TEST_TMPDIR" && pwd -P)
	cd "$T" || exit 1
	mkdir -p in/sub out
	echo text >in/file
	echo text >out/file
	ln -s ../out/file in/link
	ln out/file in/hard
	cat >p.toml <<-EOT
	version = 1
	[fs]
	ro = ["/usr", "$T/in/file"]
	rw = ["$T/in/sub"]
	[net]
	connect_tcp = [443]
	[scope]
	[seccomp]
	deny = ["ptrace", "acct"]
	EOT
	"$LLC" compile -q p.toml
}

# expect STATUS why's ARGUMENTS...: the output is kept
expect() {
	local wanted=$1
	shift
	run "$LLC" why "$@"
	[ "$status" -eq "$wanted" ] || { echo "exit $status: $output"; return 1; }
}

has() {
	[[ $output == *"$1"* ]] || { echo "not said: $1"; echo "$output"; return 1; }
}

lacks() {
	[[ $output != *"$1"* ]] || { echo "said: $1"; echo "$output"; return 1; }
}

@test "allowed: the rule and its line; blob and source say the same" {
	expect 0 p.llb read "$T/in/file"
	has "read $T/in/file: allowed"
	has "landlock, layer 0: read_file by \"$T/in/file\" (p.toml:3)"
	blob=$output
	expect 0 p.toml read "$T/in/file"
	[ "$output" = "$blob" ]
}

@test "denied: errno, layer, line, the addition and what it opens" {
	expect 1 p.llb read "$T/out/file"
	has "read $T/out/file: denied, EACCES"
	has "landlock, layer 0 (p.toml:2): no rule grants read_file on $T/out/file"
	has "add: ro = [\"$T/out/file\"]"
	has "opens: read_file on $T/out/file alone, a file that has 2 names"
}

@test "symbolic and hard links are what the kernel makes of them" {
	expect 1 p.llb read "$T/in/link"
	has "on $T/out/file"
	# one file, and a rule on its inode: under any name
	sed -i "s|$T/in/file|$T/in/hard|" p.toml
	expect 0 p.toml read "$T/out/file"
	has "by \"$T/in/hard\""
	expect 0 --no-resolve p.toml read "$T/in/hard"
	expect 1 --no-resolve p.toml read "$T/out/file"
}

@test "a path that ends in dots: its directory is what is asked about" {
	expect 1 p.llb rename "$T/out/../out/." "$T/in/sub/x"
	mkdir out/d
	expect 1 p.llb link "$T/out/d/./" "$T/in/sub/x"
	has "on $T/out/"
	lacks "on $T/out/d/"
}

@test "calls of 32-bit programs, and numbers of x32: no rule names them" {
	[ "$(uname -m)" = x86_64 ] || skip "calls of i386 are x86_64's"
	expect 1 p.llb syscall i386:getpid
	has "i386:getpid: denied, killed"
	has "add: nothing: no rule names calls of another architecture: [seccomp] foreign_arch decides"
	expect 1 p.llb syscall i386:kill pid=1 sig=9
	expect 1 p.llb syscall 0x40000027
	has "add: nothing: no rule names x32 numbers: [seccomp] x32 decides"
	expect 0 p.llb syscall x86_64:getpid
	for wrong in arm:getpid i386:nothing i386: "i386:getpid pid=1" i386:99999; do
		# shellcheck disable=SC2086
		expect 2 p.llb syscall $wrong
	done
	sed -i 's/^deny = .*/&\nforeign_arch = "errno ENOSYS"\nx32 = "errno EXDEV"/' p.toml
	expect 1 p.toml syscall i386:getpid
	has "denied, ENOSYS"
	expect 1 p.toml syscall 0x40000027
	has "denied, EXDEV"
	printf 'version = 1\n[fs]\nro = ["/usr"]\n[net]\nunrestricted = true\n' >none.toml
	expect 0 --as-abi 9 none.toml syscall i386:getpid || { "$LLC" dump none.toml; return 1; }
}

@test "what is printed to add, added, allows: files, directories, moves" {
	for op in "read $T/out/file" "write $T/in/file" "list $T/out" "create $T/out/new" "create dir $T/out/new" \
		"rename $T/out/file $T/in/sub/file" "remove $T/out/file" "exec /usr/bin/env" "link $T/in/file $T/in/sub/l"; do
		# shellcheck disable=SC2086
		run "$LLC" why p.llb $op
		[ "$status" -eq 1 ] || [ "$op" = "exec /usr/bin/env" ] || { echo "$op: $status"; return 1; }
		[ "$status" -eq 1 ] || continue
		# the keys of [fs] become rules, which can be appended
		sed -n 's/^  add: //p' <<<"$output" | sed -e '/^\[fs\]$/d' \
			-e 's/^ro = \[\(.*\)\]$/[[fs.rule]]\npath = \1\naccess = ["read_file"]/' \
			-e 's/^rox = \[\(.*\)\]$/[[fs.rule]]\npath = \1\naccess = ["read_file", "execute"]/' >more
		[ -s more ]
		cat p.toml more >more.toml
		# shellcheck disable=SC2086
		expect 0 more.toml $op
	done
}

@test "ports, scopes, UDP and calls: what is printed to add, added, allows" {
	expect 1 p.llb connect tcp 80
	has "add: connect_tcp = [80]"
	sed 's/\[443\]/[443, 80]/' p.toml >more.toml
	expect 0 more.toml connect tcp 80
	expect 1 p.llb bind tcp 80
	has "add: bind_tcp = [80]"
	# no port at all is a filter's doing, on every kernel; the first port needs a newer Landlock than that
	printf 'version = 1\n[fs]\nro = ["/usr"]\nunix = []\n[net]\nconnect_tcp = []\n' >none.toml
	expect 1 none.toml connect tcp 80
	has "companion tcp"
	has "add: connect_tcp = [80]"
	has "opens: port 80 of every host"
	expect 1 --as-abi 3 none.toml connect tcp 80
	has "add: nothing: "
	expect 1 --as-abi 4 none.toml connect unix /run/socket
	has "add: nothing: no single socket can be granted on that ABI; [fs] without the key unix"
	sed 's/= \[\]$/= [80]/; s/^unix.*/unix = []/' none.toml >more.toml
	expect 0 more.toml connect tcp 80
	expect 1 p.llb connect udp 53
	has "companion udp"
	has 'add: udp = "allow"'
	sed 's/^connect_tcp/udp = "allow"\nconnect_tcp/' p.toml >more.toml
	expect 0 more.toml connect udp 53
	expect 1 p.llb signal
	has "denied, EPERM"
	has "add: signal = false"
	sed 's/^\[scope\]/[scope]\nsignal = false/' p.toml >more.toml
	expect 0 more.toml signal
	expect 1 more.toml connect abstract name
	expect 1 p.llb syscall ptrace
	has 'add: syscall = "ptrace"'
	has "opens: syscall: ptrace on"
	expect 0 p.llb syscall read
	expect 1 p.llb syscall mount
	has "add: nothing: "
}

@test "arguments of calls: given they decide, not given it depends" {
	cat >args.toml <<-'EOT'
	version = 1
	[[seccomp.rule]]
	syscall = "getpriority"
	action = "errno EXDEV"
	when = "which == PRIO_PGRP"
	[[seccomp.rule]]
	syscall = "setpriority"
	action = "kill_process"
	EOT
	expect 1 args.toml syscall getpriority
	has "depends on arguments"
	expect 1 args.toml syscall getpriority which=PRIO_PGRP
	has "denied, EXDEV"
	has "syscall getpriority which=PRIO_PGRP: denied"
	has 'add: when = "which == PRIO_PGRP"'
	has "add: override = true"
	has "opens: syscall: getpriority(which=PRIO_PGRP) on "
	expect 1 args.toml syscall getpriority a0=1
	has "syscall getpriority which=PRIO_PGRP: denied, EXDEV"
	{ echo 'version = 1'; sed -n 's/^  add: //p' <<<"$output"; } >more.toml
	{ sed 's/^version.*/&\ninclude = ["more.toml"]/' args.toml; } >all.toml
	expect 0 all.toml syscall getpriority a0=1
	expect 1 all.toml syscall setpriority
	expect 0 args.toml syscall getpriority which=PRIO_USER
	expect 1 args.toml syscall setpriority
	has "denied, killed"
	expect 2 args.toml syscall getpriority wich=1
	has 'has no argument "wich"'
	expect 2 args.toml syscall getpriority which=NOTHING
	expect 2 args.toml syscall getpriority which=1 which=2
	expect 2 args.toml syscall getpriority which
}

@test "filters that test arguments: the least to add names them, and has been tried with the source" {
	cat >args.toml <<-'EOT'
	version = 1
	[[seccomp.rule]]
	syscall = ["clone", "unshare"]
	action = "errno EPERM"
	when = "flags & CLONE_NEWUSER"
	[[seccomp.rule]]
	syscall = "kill"
	action = "errno EPERM"
	when = "pid == 1 || sig == 9"
	[[seccomp.rule]]
	syscall = "getpriority"
	action = "errno EXDEV"
	when = "which == PRIO_PGRP"
	[[seccomp.rule]]
	syscall = "mmap"
	action = "errno EACCES"
	when = "prot & PROT_EXEC && length > 0x100000000"
	EOT
	"$LLC" compile -q args.toml
	while IFS=';' read -r op when other; do
		# shellcheck disable=SC2086
		for policy in args.toml args.llb; do
			expect 1 "$policy" syscall $op
			has "  add: when = \"$when\""
			has "  opens: syscall: "
		done
		{ cat args.toml; sed -n 's/^  add: //p' <<<"$output"; } >more.toml
		# shellcheck disable=SC2086
		expect 0 more.toml syscall $op
		# what it does not name stays denied
		# shellcheck disable=SC2086
		expect 1 more.toml syscall $other
	done <<-'EOT'
	clone flags=CLONE_NEWUSER;flags == CLONE_NEWUSER;clone flags=CLONE_NEWUSER|CLONE_NEWNET
	kill pid=1 sig=9;pid == 0x1 and sig == SIGKILL;kill pid=1 sig=15
	kill sig=9;sig == SIGKILL;kill pid=1 sig=15
	kill pid=-1 sig=9;pid == 0xffffffff and sig == SIGKILL;kill pid=-2 sig=9
	mmap prot=7 length=0x200000000 addr=0x1000;length == 0x200000000 and prot == (PROT_EXEC|PROT_WRITE|PROT_READ);mmap prot=7 length=0x200000001
	EOT
	# a list denies it whatever the arguments are: the least is what was asked about
	expect 1 p.llb syscall ptrace request=PTRACE_TRACEME
	has "add: when = \"request == PTRACE_TRACEME\""
	expect 1 p.llb syscall ptrace
	lacks "add: when"
	# the source is not what the blob was compiled from, or is not there
	echo '# changed' >>args.toml
	expect 1 args.llb syscall kill pid=1 sig=9
	has 'add: when = "pid == 0x1 and sig == SIGKILL"'
	has "opens: the call with these arguments"
	rm args.toml
	expect 1 args.llb syscall kill sig=9
	has "opens: the call with these arguments"
}

@test "slots: bound by --set as llrun binds them, or standing for themselves" {
	cat >slot.toml <<-'EOT'
	version = 1
	[fs]
	ro = ["${work}"]
	[slots.work]
	type = "dir"
	from = "arg"
	EOT
	expect 0 --set work="$T/in" slot.toml read "$T/in/file"
	expect 0 --set work="$T/in" slot.toml read '${work}/file'
	expect 1 --set work="$T/out" slot.toml read "$T/in/file"
	expect 0 --no-resolve slot.toml read '${work}/any/file'
	# not bound: llrun would refuse, and nothing is granted
	expect 1 slot.toml read "$T/in/file"
	has "llrun would refuse to run here: the slot has no value"
	has "slot.toml:"
	expect 1 --set work="$T/in/file" slot.toml read "$T/in/file"
	has "must be a directory"
	expect 2 --set work slot.toml read "$T/in/file"
	expect 0 --set work="$T/in" --set work="$T/out" slot.toml read "$T/in/file"
	has "the slot is set twice"
	expect 0 --set work="$T/in" --set other=/ slot.toml read "$T/in/file"
	has "no slot of this name takes --set"
}

@test "a rule's path that does not exist is said; an optional one is not" {
	sed -i "s|\"/usr\"|\"/usr\", \"$T/gone\"|" p.toml
	expect 0 p.toml read "$T/in/file"
	has "llrun would refuse to run here: the path of a rule cannot be opened: \"$T/gone\""
	sed -i "s|\"$T/gone\"|{ path = \"$T/gone\", optional = true }|" p.toml
	expect 0 p.toml read "$T/in/file"
	lacks "refuse"
}

@test "the kernel's own errors come where the kernel gives them" {
	expect 1 p.llb read "$T/in/none"
	has "denied, ENOENT"
	has "kernel: openat answers ENOENT, whatever the policy says"
	expect 0 p.llb read /usr/none
	has "allowed, but the kernel says ENOENT"
	expect 1 p.llb write "$T/in"
	has "EISDIR"
	expect 1 p.llb list "$T/in/file"
	has "ENOTDIR"
	expect 0 p.llb create "$T/in/sub/new"
	touch in/sub/new
	expect 0 p.llb create "$T/in/sub/new"
	has "EEXIST"
}

@test "--as-abi and --all-abis: each row, by its own plan" {
	expect 1 --as-abi 3 p.llb read "$T/in/file"
	has "refused: llrun does not run this policy there"
	printf 'version = 1\n[policy]\ncompat = "best-effort"\n[fs]\nrw = ["%s", "%s"]\n' "$T/in" "$T/out" >best.toml
	expect 1 --as-abi 1 best.toml rename "$T/in/file" "$T/out/new"
	has "EXDEV"
	has "add: nothing: no rule can grant this right on that ABI"
	expect 0 --as-abi 2 best.toml rename "$T/in/file" "$T/out/new"
	expect 1 --all-abis best.toml rename "$T/in/file" "$T/out/new"
	[ "${#lines[@]}" -eq 13 ]
	has "abi 1  5.13      denied, EXDEV, by landlock"
	has "abi 11 7.3       allowed"
	expect 2 --as-abi 17 p.llb signal
	expect 2 --as-abi x p.llb signal
	expect 2 --as-abi 1 --all-abis p.llb signal
}

@test "operations from standard input, each with its line number when it is wrong" {
	printf 'read %s\n# a comment\n\nread "%s" # and one\nread %s\n' "$T/in/file" "$T/in/file" '/usr/x\ y' >ops
	run "$LLC" why p.llb - <ops
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
	[ "$(grep -c "^read .*: allowed" <<<"$output")" -eq 3 ]
	has 'read "/usr/x y"'
	printf 'read %s\nbogus\nread "/x\n' "$T/in/file" >ops
	run "$LLC" why p.llb - <ops
	[ "$status" -eq 2 ]
	has ": allowed"
	has 'line 2: "bogus" is not an operation'
	has "line 3: a quote is not closed"
	run "$LLC" why p.llb - <<<"read a$(printf '\0')"
	[ "$status" -eq 2 ]
}

@test "--json: one object for each decision" {
	expect 1 --json p.llb read "$T/out/file"
	python3 - "$output" "$T" <<-'EOT'
	import json, sys
	(d,) = json.loads(sys.argv[1])
	t = sys.argv[2]
	assert d["decision"] == "deny" and d["by"] == "landlock" and d["errno"] == "EACCES", d
	step = d["steps"][-1]
	assert step["path"] == t + "/out/file" and step["layers"][0]["missing"] == ["read_file"], step
	assert step["file"] == "p.toml" and step["line"] == 2, step
	assert d["additions"] == [{"toml": '[fs]\nro = ["%s/out/file"]\n' % t,
		"opens": "read_file on %s/out/file alone, a file that has 2 names" % t}], d["additions"]
	EOT
	expect 0 --json p.llb read "$T/in/file"
	python3 -c 'import json, sys
(d,) = json.loads(sys.argv[1])
assert d["decision"] == "allow" and d["errno"] is None
(rule,) = d["steps"][-1]["layers"][0]["rules"]
assert rule["line"] == 3 and rule["right"] == ["read_file"]' "$output"
	expect 1 --json --all-abis p.llb read "$T/out/file"
	python3 -c 'import json, sys; assert [d["abi"] for d in json.loads(sys.argv[1])] == list(range(12))' "$output"
}

@test "--json of several operations: one object for each, whole even when one is wrong" {
	printf 'read %s\nbogus\nsyscall ptrace\nread ${work}/x\n' "$T/in/file" >ops
	printf '\n[slots.work]\ntype = "dir"\nfrom = "arg"\n' >>p.toml
	sed -i "s|^rw = .*|rw = [\"\${work}\"]|" p.toml
	"$LLC" why --json --set work="$T/in/sub" p.toml - <ops >json 2>err && return 1
	grep -q 'line 2: "bogus" is not an operation' err
	python3 - "$T" <<-'EOT'
	import json, sys
	a, b, c = json.load(open("json"))
	assert a["decision"] == "allow" and b["decision"] == "deny" and b["by"] == "seccomp"
	assert b["additions"][0]["toml"].startswith("[[seccomp.rule]]")
	assert c["decision"] == "allow" and c["errno"] == "ENOENT"
	EOT
	expect 0 --json --no-resolve p.toml read '${work}/any'
	python3 -c 'import json, sys; assert json.loads(sys.argv[1])[0]["decision"] == "allow"' "$output"
	: >ops
	[ "$("$LLC" why --json p.toml - <ops 2>/dev/null | tr -d ' \n')" = "[]" ]
}

@test "bad operations: each says what is wrong, and exits 2" {
	while IFS='|' read -r words said; do
		# shellcheck disable=SC2086
		expect 2 p.llb $words
		has "$said"
	done <<-'EOT'
	frobnicate /x|"frobnicate" is not an operation
	Read /x|"Read" is not an operation
	read|the path is missing
	read x|"x": a path must be absolute
	read ./x|a path must be absolute
	read ../x|a path must be absolute
	read /x /y|"/y": nothing more is expected after read
	rename /x|TO is missing
	rename /x y|"y": a path must be absolute
	create thing /x|"thing" is nothing that can be created
	create dir|the path is missing
	connect|tcp, udp, unix or abstract is missing
	connect sctp 1|"sctp": tcp, udp, unix or abstract expected
	connect tcp|the port is missing
	connect tcp 65536|"65536" is not a port
	connect tcp -- -1|"-1" is not a port
	connect tcp 18446744073709551617|is not a port
	connect tcp 80x|"80x" is not a port
	connect tcp http|"http" is not a port
	connect unix sock|a path must be absolute
	connect abstract|the name is missing
	bind unix /x|"unix": tcp or udp expected
	signal 9|nothing more is expected after signal
	syscall|the name of the system call is missing
	syscall frob|"frob" is not a system call
	syscall 1024|"1024" is out of the range of system calls
	syscall nr:99999|"nr:99999"
	syscall -- -1|"-1" is not a system call
	ioctl /dev/null NOTHING|"NOTHING" is not an ioctl request
	EOT
}

@test "bad policies and usage: each says what is wrong, and exits 2" {
	expect 2 p.llb
	has "an operation expected"
	expect 2
	expect 2 none.llb signal
	has "none.llb"
	head -c 100 p.llb >cut.llb
	expect 2 cut.llb signal
	has "cut.llb"
	cp p.llb bad.llb
	printf '\377' | dd of=bad.llb bs=1 seek=200 conv=notrunc status=none
	expect 2 bad.llb signal
	has "bad.llb"
	echo 'version = 1' >bad.toml
	expect 2 bad.toml signal
	has "restricts nothing"
	expect 2 . signal
	expect 2 --frob p.llb signal
	expect 2 - -
	has "either the policy or the operations"
	expect 2 --arch z80 p.llb signal
	expect 0 --arch aarch64 p.llb syscall openat
	expect 2 --arch aarch64 p.llb syscall open
	has "open does not exist on aarch64: use openat"
}

@test "a blob without a filter for the architecture does not run there" {
	"$LLC" compile -q --arch aarch64 p.toml -o arm.llb
	expect 1 --arch x86_64 arm.llb read "$T/in/file"
	has "refused"
	expect 0 --arch aarch64 arm.llb read "$T/in/file"
}

@test "names are printed so that a terminal is not told what to do" {
	name=$'/usr/\033[31mred\nline'
	expect 0 p.llb read "$name"
	has '\x1b[31mred\x0aline'
	[[ $output != *$'\033'* ]]
}

@test "an output that cannot be written is an error" {
	[ -e /dev/full ] || skip "no /dev/full"
	run bash -c '"$0" why p.llb read /usr/x >/dev/full' "$LLC"
	[ "$status" -eq 2 ]
}

@test "what the broker carries out, and what it leaves" {
	cat >broker.toml <<-EOT
	version = 1
	[fs]
	ro = ["/usr"]
	[broker]
	allow_read = ["$T/in/file"]
	allow_write = [{ path = "$T/in/new", create = true }]
	scratch = ["$T/in/sub"]
	export = ["$T/out"]
	EOT
	expect 0 broker.toml read "$T/in/file"
	has "broker: llrund carries out openat: exception \"$T/in/file\" (broker.toml:5)"
	# by inode, as the broker compares
	expect 1 broker.toml read "$T/out/file"
	ln in/file in/other
	expect 0 broker.toml read "$T/in/other"
	expect 1 broker.toml write "$T/in/file"
	has "landlock"
	expect 0 broker.toml create "$T/in/new"
	expect 1 broker.toml create "$T/in/newer"
	expect 0 broker.toml create dir "$T/in/sub/d"
	touch in/sub/a
	expect 0 broker.toml rename "$T/in/sub/a" "$T/in/sub/b"
	expect 0 broker.toml rename "$T/in/sub/a" "$T/out/a"
	expect 1 broker.toml rename "$T/in/sub/a" "$T/out/file"
	has "broker: llrund refuses rename"
	has "EEXIST"
	expect 1 broker.toml exchange "$T/in/sub/a" "$T/out/file"
	has "EINVAL"
	expect 1 broker.toml syscall open_by_handle_at
	for call in landlock_create_ruleset landlock_restrict_self; do
		expect 1 broker.toml syscall $call
		has "EPERM: closed in every run with a broker"
		has 'add: nothing: a run whose exceptions are all mode = "static" has no broker'
	done
	expect 0 --json broker.toml read "$T/in/file"
	has '"exception"'
	# where everything may be read, the filter sends no such call to llrund
	sed -i 's|^ro = .*|ro = ["/"]|; /^allow_/d' broker.toml
	expect 0 broker.toml read "$T/in/sub/a"
	has "landlock, layer 0: read_file by \"/\""
	lacks "llrund"
	expect 0 broker.toml write "$T/in/sub/a"
	has "broker: llrund carries out openat"
}

@test "a broker: nothing is moved to where addfd would open more of it" {
	mkdir both reads writes
	touch {both,reads,writes}/file
	cat >gated.toml <<-EOT
	version = 1
	[fs]
	ro = ["/usr"]
	[broker]
	scratch = ["$T/both", "$T/reads", "$T/writes"]
	addfd = [
	  { action = "scratch_open", target = "$T/both" },
	  { action = "scratch_open", target = "$T/reads", mode = "read" },
	  { action = "scratch_open", target = "$T/writes", mode = "write" },
	]
	EOT
	for operation in rename link exchange; do
		for pair in "reads both" "writes both" "reads writes" "writes reads"; do
			expect 1 gated.toml $operation "$T/${pair% *}/file" "$T/${pair#* }/file"
			has "denied, EXDEV"
			has "broker: llrund refuses"
			lacks "add: ["
		done
	done
	# by addfd it could be read, of the one, or written, of the other
	expect 1 gated.toml rename "$T/reads/file" "$T/both/new"
	has "could be written at its new place"
	expect 1 gated.toml rename "$T/writes/file" "$T/both/new"
	has "could be read at its new place"
	expect 0 gated.toml rename "$T/both/file" "$T/reads/new"
	expect 0 gated.toml link "$T/both/file" "$T/writes/new"
	expect 0 gated.toml exchange "$T/both/file" "$T/both/file"
	expect 1 gated.toml read "$T/writes/file"
	expect 0 gated.toml write "$T/writes/file"
	# a tree within another is not moved by that one's rights, nor what holds it
	mkdir -p both/mid/part both/other
	sed "s|^scratch = .*|scratch = [\"$T/both\", \"$T/both/mid/part\"]|; /reads\"\|writes\"/d" gated.toml >nested.toml
	for moved in mid mid/part; do
		expect 1 nested.toml rename "$T/both/$moved" "$T/both/away"
		has "denied, EBUSY"
		has "stays where it is"
		expect 1 nested.toml exchange "$T/both/other" "$T/both/$moved"
		has "denied, EBUSY"
	done
	expect 0 nested.toml rename "$T/both/other" "$T/both/away"
	cat >>gated.toml <<-EOT
	[[test]]
	op = "rename"
	path = "$T/writes/file"
	to = "$T/both/new"
	expect = "deny"
	errno = "EXDEV"
	EOT
	run "$LLC" test gated.toml
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "a broker: of /proc single files, and no directory" {
	[ -r /proc/meminfo ]
	cat >proc.toml <<-EOT
	version = 1
	[fs]
	ro = ["/usr"]
	[broker]
	allow_read = ["/proc/version", { path = "/", tree = true }]
	EOT
	expect 0 proc.toml read /proc/version
	has "llrund carries out"
	expect 0 proc.toml list "$T"
	has "llrund carries out"
	for op in "read /proc/meminfo" "read /proc/self/status" "list /proc/sys"; do
		expect 1 proc.toml $op
		lacks "llrund carries out"
	done
	sed -i 's|"/proc/version"|{ path = "/proc/sys", tree = true }|' proc.toml
	expect 0 proc.toml list /usr
	has "llrun would refuse to run here: an exception for a directory of /proc"
}

@test "a view and a broker: exceptions are what the command sees there" {
	mkdir -p root/data root/tmp data
	echo bound >data/file
	echo covered >root/tmp/file
	cat >brokered.toml <<-EOT
	version = 1
	[fs]
	rox = ["$T/root/bin"]
	[mount]
	tmpfs = ["$T/root/tmp"]
	[[mount.bind]]
	source = "$T/data"
	target = "$T/root/data"
	[runtime]
	root = "$T/root"
	[broker]
	allow_read = ["$T/root/data/file"]
	scratch = ["$T/root/tmp"]
	EOT
	mkdir root/bin
	expect 0 brokered.toml read /data/file
	has "broker: llrund carries out openat: exception \"$T/root/data/file\""
	expect 0 brokered.toml create /tmp/new
	expect 1 brokered.toml read /tmp/file
	expect 1 brokered.toml list /data
	sed -i "s|^scratch.*|allow_write = [\"$T/root/tmp/file\"]|" brokered.toml
	run "$LLC" why brokered.toml write /tmp/file
	has "would refuse to run here: the path of an exception cannot be opened"
}

@test "a view: mounts, a new root and namespaces, without making any" {
	cat >view.toml <<-EOT
	version = 1
	[fs]
	ro = ["$T/in"]
	rw = ["$T/out"]
	[mount]
	tmpfs = ["$T/in/sub"]
	bind = [{ source = "$T/out", target = "$T/in/sub/deep/dir", create = true }]
	EOT
	expect 0 view.toml read "$T/in/sub/deep/dir/file"
	expect 1 view.toml write "$T/in/sub/deep/dir/file"
	has "namespace: openat answers EROFS"
	expect 0 view.toml write "$T/out/file"
	expect 0 view.toml list "$T/in/sub/deep"
	touch in/sub/hidden
	expect 0 view.toml read "$T/in/sub/hidden"
	has "ENOENT"
	[ ! -e in/sub/deep ]
	cat >root.toml <<-EOT
	version = 1
	[fs]
	ro = ["$T/in"]
	[runtime]
	root = "$T/in"
	[net]
	isolate = true
	EOT
	expect 0 root.toml read /file
	expect 0 root.toml read "$T/in/file"
	has "but the kernel says ENOENT"
	# a link that leads out of the root leads nowhere in it
	expect 0 root.toml read /link
	has "ENOENT"
	expect 1 root.toml connect tcp 443
	has "namespace: connect answers ENETUNREACH"
	expect 0 --no-resolve root.toml read "$T/in/file"
}

# one name for a file on the command line, on standard input, in a rule and in [[test]]
@test "slots mean in operations what they mean in rules, in views, too" {
	mkdir -p work tree/bin tree/work tree/tmp
	cp "$B/tests/probe" tree/bin/tool
	cat >slots.toml <<-EOT
	version = 1
	[fs]
	rwx = ["\${CWD}"]
	[mount]
	tmpfs = ["$T/out"]
	[[test]]
	op = "create"
	path = "\${CWD}/foo"
	expect = "allow"
	EOT
	cd work
	for name in "\${CWD}/foo" "$PWD/foo" "\${CWD}/../work/foo"; do
		expect 0 ../slots.toml create "$name"
		has "create $name: allowed"
		[[ $output != *ENOENT* ]]
	done
	expect 1 ../slots.toml create "\${CWD}/../foo"
	run "$LLC" why ../slots.toml - <<<'create ${CWD}/foo'
	[ "$status" -eq 0 ]
	run "$LLC" test ../slots.toml
	[ "$status" -eq 0 ]
	cd ..
	cat >rooted.toml <<-EOT
	version = 1
	[fs]
	rox = ["\${root}/bin"]
	rw = ["\${root}/work"]
	[runtime]
	root = "\${root}"
	[mount]
	bind = [{ source = "\${CWD}", target = "\${root}/work", read_only = false }]
	[slots.root]
	type = "dir"
	from = "arg"
	[[test]]
	op = "exec"
	path = "\${root}/bin/tool"
	expect = "allow"
	EOT
	cd work
	for name in "\${root}/bin/tool" /bin/tool; do
		expect 0 --set root="$T/tree" ../rooted.toml exec "$name"
		has "by \"\${root}/bin\""
		expect 1 --set root="$T/tree" ../rooted.toml write "$name"
	done
	run "$LLC" test ../rooted.toml
	[ "$status" -eq 0 ]
	# what is bound into the root has a name in it
	expect 0 --set root="$T/tree" ../rooted.toml create "\${CWD}/new"
	has "by \"\${root}/work\""
	expect 1 --set root="$T/tree" ../rooted.toml read "\${HOME}/new"
	has "note: the policy's root does not hold this path"
}

@test "slots that no rule uses, the caller's number, and slots without a value" {
	cat >bare.toml <<-EOT
	version = 1
	[fs]
	ro = ["$T/in", { path = "/run/user/\${UID}", optional = true }]
	EOT
	HOME=$T/in expect 0 bare.toml read "\${HOME}/file"
	has "by \"$T/in\""
	TMPDIR=$T/in expect 0 bare.toml read "\${TMPDIR}/file"
	HOME=$T/out expect 1 bare.toml read "\${HOME}/file"
	echo text >"in/$(id -u)"
	expect 0 bare.toml read "$T/in/\${UID}"
	[[ $output != *ENOENT* ]]
	expect 1 bare.toml read "\${NONE}/file"
	has "note: the slot has no value here"
}

# edit WORD...: the line that is to be edited says what is refused; with the edit done by SED the operation passes
edited() {
	local policy=$1 sed=$2
	shift 2
	expect 1 "$policy" "$@"
	has "  edit: $policy:"
	has "  opens: "
	lacks "add: nothing"
	sed "$sed" "$policy" >edited.toml
	expect 0 edited.toml "$@"
}

@test "what a mount or a namespace refuses: the line, the edit and what it opens" {
	mkdir -p bound view tight
	echo text >bound/file
	cat >mounts.toml <<-EOT
	version = 1
	[fs]
	rox = ["/usr"]
	rwx = ["$T/view", "$T/tight"]
	[mount]
	tmpfs = [{ path = "$T/view", options = ["readonly"] }, { path = "$T/tight", options = ["noexec"] }]
	bind = [
		{ source = "/usr", target = "$T/tight/usr", create = true, options = ["noexec"] },
		{ source = "$T/bound", target = "$T/tight/bound", create = true },
	]
	[net]
	isolate = true
	EOT
	edited mounts.toml "9s/create/read_only = false, create/" write "$T/tight/bound/file"
	expect 1 mounts.toml write "$T/tight/bound/file"
	has "EROFS, in the view that the policy makes: \"$T/tight/bound\" is mounted read-only (mounts.toml:9)"
	has "edit: mounts.toml:9: read_only = false for the bind on \"$T/tight/bound\""
	has "opens: writing, removing and renaming on \"$T/bound\" of the host"
	edited mounts.toml 's/"readonly"//' create "$T/view/new"
	has "allowed"
	edited mounts.toml '8s/"noexec"//' exec "$T/tight/usr/bin/env"
	edited mounts.toml 's/^isolate = true/connect_tcp = [443]/' connect tcp 443
	expect 1 mounts.toml connect tcp 443
	has "the network is isolated (mounts.toml:12)"
	has "edit: mounts.toml:12: connect_tcp = [443] in place of isolate = true in [net]"
	has "opens: the host's network: port 443 of every host"
	expect 1 edited.toml connect tcp 444
	edited mounts.toml 's/^isolate = true/udp = "allow"/' connect udp 53
	edited mounts.toml 's/^isolate = true/connect_tcp = []/' connect abstract name
	expect 1 --json mounts.toml write "$T/tight/bound/file"
	python3 - "$output" "$T" <<-'EOT'
	import json, sys
	(d,) = json.loads(sys.argv[1])
	step = d["steps"][-1]
	assert step["by"] == "namespace" and step["mount"] == sys.argv[2] + "/tight/bound" and step["line"] == 9, step
	(edit,) = d["additions"]
	assert edit["file"] == "mounts.toml" and edit["line"] == 9 and edit["edit"].startswith("read_only = false"), edit
	assert edit["toml"].startswith("# mounts.toml:9: ") and "of the host" in edit["opens"], edit
	EOT
	cat >pids.toml <<-EOT
	version = 1
	[fs]
	ro = ["/proc"]
	[mount]
	proc = ["/proc"]
	[scope]
	signal = false
	EOT
	edited pids.toml '/proc = /d; /mount/d' signal
	cat >root.toml <<-EOT
	version = 1
	[fs]
	rw = ["$T/in"]
	[runtime]
	root = "$T/in"
	root_read_only = true
	EOT
	edited root.toml 's/= true/= false/' write /file
}

@test "what the broker refuses: why, by which exception, and the step where there is one" {
	mkdir -p scratch/dir export
	touch scratch/file export/taken
	cat >b.toml <<-EOT
	version = 1
	[fs]
	ro = ["/usr"]
	[broker]
	allow_read = ["$T/out/file"]
	scratch = ["$T/scratch"]
	export = ["$T/export"]
	EOT
	expect 1 b.toml rename "$T/scratch/dir" "$T/export/dir"
	has "exception \"$T/export\" (b.toml:7): an export takes regular files only"
	has "add: nothing: an export takes regular files only"
	edited b.toml "s|^export = .*|export = [{ path = \"$T/export\", overwrite = true }]|" \
		rename "$T/scratch/file" "$T/export/taken"
	expect 1 b.toml rename "$T/scratch/file" "$T/export/taken"
	has "denied, EEXIST"
	has "edit: b.toml:7: overwrite = true for the export \"$T/export\""
	expect 1 edited.toml link "$T/scratch/file" "$T/export/taken"
	has "add: nothing: the name is taken, and link(2) never replaces"
	expect 1 b.toml exchange "$T/scratch/file" "$T/export/taken"
	has "gives none back"
	expect 1 b.toml rename "$T/scratch/none" "$T/export/new"
	has "there is nothing of that name"
	expect 0 b.toml rename "$T/scratch/file" "$T/export/new"
	# one file is meant as it is when the run starts; a tree is not
	expect 0 b.toml read "$T/out/file"
	has "note: the exception is the file that is there when the run starts"
	expect 0 b.toml read "$T/scratch/file"
	lacks "when the run starts"
}

@test "a write into an export, or to what allow_read names: no rule of [fs] is proposed" {
	mkdir scratch export
	touch export/taken
	cat >b.toml <<-EOT
	version = 1
	[fs]
	ro = ["/usr"]
	[broker]
	allow_read = ["$T/in/file", { path = "\${CWD}/out", tree = true }]
	scratch = ["$T/scratch"]
	export = ["$T/export"]
	EOT
	for op in "create $T/export/new" "write $T/export/taken" "remove $T/export/taken" "create dir $T/export/dir"; do
		expect 1 b.toml $op
		has "add: nothing: to an export files are only published"
		has "write in the scratch directory \"$T/scratch\", and rename or link it into \"$T/export\""
		lacks "fs.rule"
	done
	# what is only read changes nothing there
	expect 1 b.toml read "$T/export/taken"
	has "ro = [\"$T/export/taken\"]"
	expect 1 b.toml write "$T/in/file"
	has "edit: b.toml:5: \"$T/in/file\" in allow_write of [broker] in place of allow_read"
	has "opens: writing \"$T/in/file\", by llrund"
	lacks "fs.rule"
	expect 1 b.toml write '${CWD}/out/file'
	has "edit: b.toml:5: \"\${CWD}/out\" in allow_write of [broker] in place of allow_read"
	expect 1 --no-resolve b.toml write '${CWD}/out/file'
	has "in allow_write of [broker]"
	# as proposed
	edited b.toml "s|^allow_read.*|allow_write = [\"$T/in/file\", { path = \"\${CWD}/out\", tree = true }]|" \
		write "$T/in/file"
	expect 0 edited.toml write '${CWD}/out/file'
	# nothing of it can be written: no scratch
	sed -i '/^scratch/d' b.toml
	expect 1 b.toml create "$T/export/new"
	has "write in a scratch directory ([broker] scratch names none yet), and rename"
	# another file of the same policy is granted as ever
	expect 1 b.toml write "$T/scratch"
	expect 1 b.toml create "$T/in/new"
	has "fs.rule"
}

@test "an exception that was replaced during the run: trace proposes no rule, but a new run" {
	mkdir work secret
	echo one >secret/conf
	mkfifo work/there work/go
	cat >b.toml <<-EOT
	version = 1
	[fs]
	with = ["dev", "loader"]
	rox = ["/usr/bin", "/bin"]
	rw = ["$T/work"]
	[broker]
	allow_read = ["$T/secret/conf"]
	EOT
	"$LLC" compile -q b.toml
	"$LLC" trace b.llb -- /bin/sh -c "cat $T/secret/conf; echo >$T/work/there; read x <$T/work/go; cat $T/secret/conf" >out.txt 2>trace.txt &
	read -r _ <work/there
	echo two >secret/new
	mv secret/new secret/conf
	echo >work/go
	wait $! || true
	# before, it was read
	grep -qx one out.txt || { cat out.txt trace.txt; return 1; }
	grep -q "read $T/secret/conf: EACCES" trace.txt || { cat trace.txt; return 1; }
	grep -q "add: nothing: granted by the exception .*(b.toml:7), but replaced or made since the run started" trace.txt
	run grep "add: .* = .*secret" trace.txt
	[ "$status" -eq 1 ]
}

@test "trace lists what the policy's mounts refuse, as why does, and not what is read-only without it" {
	unshare -Ur true 2>/dev/null || skip "this machine permits no user namespaces"
	mkdir bound target
	# trace looks where its caller stands: the file is there without the mount, too
	echo text >bound/file
	touch target/file
	cat >m.toml <<-EOT
	version = 1
	[fs]
	with = ["dev", "loader"]
	rox = ["/usr/bin", "/bin"]
	rw = ["$T/target", "$T/out"]
	[mount]
	bind = [{ source = "$T/bound", target = "$T/target" }]
	EOT
	"$LLC" compile -q m.toml
	run "$LLC" trace m.llb -- /bin/sh -c "echo x >$T/target/file; echo x >$T/out/new"
	[ -e out/new ]
	has "write $T/target/file: EROFS"
	has "\"$T/target\" is mounted read-only (m.toml:7)"
	has "edit: m.toml:7: read_only = false for the bind on \"$T/target\""
	lacks "out/new"
	[ "$(cat bound/file)" = text ]
}
