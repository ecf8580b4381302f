#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# llrun itself: what it refuses, what it hands on, what it leaves behind. Blobs come from the second encoder, so that
# nothing here depends on the compiler. The requirement that a test proves is its name.

load lib/common

setup_file() {
	cd "$BATS_TEST_DIRNAME/.."
	stage llrun "$B/tests/probe"
	export P="$T/probe"
	cd "$T"
	blob open ''
	blob deny 'layers 1
		handled 0 all none none
		path 0 rox /
		path 0 rw /dev/null'
}

teardown_file() {
	rm -rf "$T"
}

# every test has a directory of its own, with two policies in it: one that restricts nothing, one that denies writing
setup() {
	own_directory
	cp "$T/open.llb" "$T/deny.llb" .
}

# refused STATUS PATTERN COMMAND...: exit status and a message on stderr of one line that contains PATTERN
refused() {
	local want=$1 pattern=$2 got=0
	shift 2
	"$@" >"$D/out" 2>"$D/err" </dev/null || got=$?
	echo "$*: exit $got, want $want"
	cat "$D/err"
	[ "$got" -eq "$want" ] && [ "$(wc -l <"$D/err")" -eq 1 ] && grep -qF -- "$pattern" "$D/err" && [ ! -s "$D/out" ]
}

# gives STATUS PATTERN COMMAND...: exit status, and stdout contains PATTERN
gives() {
	local want=$1 pattern=$2 got=0
	shift 2
	"$@" >"$D/out" 2>"$D/err" </dev/null || got=$?
	echo "$*: exit $got, want $want"
	cat "$D/out" "$D/err"
	[ "$got" -eq "$want" ] && { [ -z "$pattern" ] || grep -qF -- "$pattern" "$D/out"; }
}

# ---- the program file ----

@test "static: no interpreter, one segment, read and execute, nothing writable, at most 48 KiB" {
	if readelf -lW "$L" | grep -E 'INTERP|DYNAMIC'; then return 1; fi
	[ "$(readelf -lW "$L" | grep -c LOAD)" -eq 1 ]
	readelf -lW "$L" | grep -E 'LOAD.* R E '
	readelf -lW "$L" | grep -E 'GNU_STACK.* RW '
	[ "$(stat -c %s "$L")" -le 49152 ]
}

@test "no CPUID instruction (it traps in virtual machines)" {
	[ "$(uname -m)" = x86_64 ] || skip "x86_64 only"
	objdump -d "$L" | grep -q syscall
	! objdump -d "$L" | grep -w cpuid
}

@test "libllrun.a refers to no symbol outside itself" {
	ld -r --whole-archive "$B/libllrun.a" -o "$D/whole.o"
	nm "$D/whole.o" | grep -q ' T llrun_enter'
	[ -z "$(nm -u "$D/whole.o")" ]
	[ -z "$(nm "$D/whole.o" | grep -E ' [bBcC] ')" ]
}

@test "the launcher's budget: lines of the core, and of what else is linked into it" {
	cd "$BATS_TEST_DIRNAME/.."
	run make -s B="$B" metrics
	echo "$output"
	[ "$status" -eq 0 ]
	core=$(sed -nE 's/^ *([0-9]+)  core: linked into llrun.*/\1/p' <<<"$output")
	more=$(sed -nE 's/^ *([0-9]+)  reports, mounts, client: also linked.*/\1/p' <<<"$output")
	[ "$core" -gt 0 ]
	[ "$core" -le 1000 ]
	[ "$more" -gt 0 ]
	[ "$more" -le 700 ]
}

# ---- usage and exit status ----

@test "the command's own exit status and signal come back" {
	run "$L" open.llb -- "$P" exit 7
	[ "$status" -eq 7 ]
	run "$L" open.llb -- sh -c 'kill -TERM $$'
	[ "$status" -eq 143 ]
}

@test "--help and --version" {
	gives 0 "--keep-fd N" "$L" --help
	gives 0 "llrun 0" "$L" --version
}

@test "usage errors are 125 and say what is wrong" {
	refused 125 "no policy" "$L"
	refused 125 "no policy" "$L" --
	refused 125 "no command" "$L" open.llb
	refused 125 "no command" "$L" open.llb --
	refused 125 'unknown option; see --help: "--frob"' "$L" --frob open.llb -- true
	refused 125 'connect("x"): ENOENT' "$L" --socket x open.llb -- true
	refused 125 'unknown option; see --help: "--quiet=1"' "$L" --quiet=1 open.llb -- true
	refused 125 "wants an argument" "$L" --as-abi
	refused 125 "wants a number" "$L" --as-abi x open.llb -- true
	refused 125 "wants a number" "$L" --as-abi 99999999999 open.llb -- true
	refused 125 "wants a number" "$L" --as-abi= open.llb -- true
	refused 125 "given twice" "$L" --as-abi 1 --as-abi 1 open.llb -- true
	refused 125 "no slot of this name takes --set" "$L" --set workspace open.llb -- true
	refused 125 "open descriptor" "$L" --keep-fd 77 open.llb -- true
	refused 125 "more than one policy" "$L" --blob-fd 0 -p x -- true
	refused 125 "more than one policy" "$L" open.llb --blob-fd 0 -- true
}

@test "-- ends options wherever it stands; options may follow the policy; --opt=value and --opt value" {
	gives 0 "[--help]" "$L" open.llb -- "$P" argv --help
	gives 0 "[--help]" "$L" -- open.llb "$P" argv --help
	gives 0 "[--help]" "$L" -- open.llb -- "$P" argv --help
	gives 0 "[--]" "$L" open.llb -- "$P" argv --
	gives 0 "[x]" "$L" open.llb --quiet "$P" argv x
	gives 0 "[x]" "$L" --as-abi=1 open.llb -- "$P" argv x
	gives 0 "[x]" "$L" --as-abi 1 open.llb -- "$P" argv x
}

@test "127 when the command does not exist, 126 when it cannot be executed" {
	mkdir -p path1 path2 path3
	printf '#!/bin/sh\necho one\n' >path1/tool
	printf '#!/bin/sh\necho two\n' >path2/tool
	mkdir -p path3/tool
	chmod 644 path1/tool
	chmod 755 path2/tool
	refused 127 "command not found" "$L" open.llb -- no-such-command
	refused 127 "ENOENT" "$L" open.llb -- ./no-such-command
	refused 127 "command not found" "$L" open.llb -- ''
	refused 126 "EACCES" "$L" open.llb -- ./path1/tool
	refused 126 "EACCES" "$L" open.llb -- "$D/path3/tool"
	refused 126 "not executable" env PATH=$D/path1 "$L" open.llb -- tool
	refused 127 "command not found" env PATH=$D/path3 "$L" open.llb -- tool
	gives 0 two env PATH=$D/path3:$D/path1:$D/path2 "$L" open.llb -- tool
	printf 'no shebang\n' >path2/none
	printf '#!/no/such/interpreter\n' >path2/lost
	chmod 755 path2/none path2/lost
	refused 126 "ENOEXEC" "$L" open.llb -- path2/none
	refused 126 "interpreter" env PATH=$D/path2 "$L" open.llb -- lost
}

@test "an empty element of PATH is the current directory; without PATH there is a default" {
	cp "$P" here
	gives 0 "[x]" env PATH=:/nowhere "$L" open.llb -- here argv x
	gives 0 "[x]" env PATH='' "$L" open.llb -- here argv x
	refused 127 "not found" env PATH=/nowhere "$L" open.llb -- here argv x
	gives 0 x env -u PATH "$L" open.llb -- echo x
}

@test "the policy's denial of the command is 126, names what to grant, and tries no further PATH entry" {
	blob noexec 'layers 1
		handled 0 all none none
		path 0 ro /'
	mkdir -p path4
	cp "$P" path4/probe
	gives 0 "[x]" "$L" open.llb -- "$D/path4/probe" argv x
	refused 126 "must grant execute and read_file" "$L" noexec.llb -- "$D/path4/probe" argv x
	blob second "layers 1
		handled 0 all none none
		path 0 ro /
		path 0 rox $D/path5"
	mkdir -p path5
	cp "$P" path5/probe
	gives 0 "[x]" env PATH=$D/path5 "$L" second.llb -- probe argv x
	refused 126 "path4/probe" env PATH=$D/path4:$D/path5 "$L" second.llb -- probe argv x
}

@test "own failures exit 1 where the policy says so" {
	blob exit1 'exit_1
		layers 1
		handled 0 all none none
		path 0 ro /'
	refused 1 "must grant" "$L" exit1.llb -- "$P" exit 0
	refused 1 "not found" "$L" exit1.llb -- no-such-command
	blob exit1x 'exit_1
		layers 1
		handled 0 all none none
		path 0 ro /no/such/path'
	refused 1 "/no/such/path" "$L" exit1x.llb -- "$P" exit 0
}

@test "arguments with any byte arrive unchanged; in messages they are escaped" {
	"$L" open.llb -- printf '%s|' $'\x01\xff"\\\n ' '' '*' >out
	[ "$(od -An -tx1 out | tr -d ' \n')" = 01ff225c0a207c7c2a7c ]
	refused 127 'no\x1b[31m\x22\x5c\xff' "$L" open.llb -- $'no\x1b[31m"\\\xff'
}

# ---- the policy file ----

@test "what is no policy is refused" {
	printf 'version = 1\n' >p.toml
	: >empty.llb
	head -c 100 deny.llb >short.llb
	head -c 100000 /dev/zero >zero.llb
	refused 125 "not a policy blob" "$L" p.toml -- true
	refused 125 "not a policy blob" "$L" empty.llb -- true
	refused 125 "damaged" "$L" short.llb -- true || refused 125 "too short" "$L" short.llb -- true
	refused 125 "not a policy blob" "$L" zero.llb -- true
	truncate -s 17M big.llb
	refused 125 "at most 16 MiB" "$L" big.llb -- true
	refused 125 "ENOENT" "$L" none.llb -- true
	refused 125 "regular file" "$L" "$D" -- true
	refused 125 "regular file" "$L" /dev/null -- true
	sed 's/$/\r/' deny.llb >crlf.llb
	refused 125 "damaged" "$L" crlf.llb -- true
}

@test "a FIFO as policy does not hang" {
	mkfifo fifo
	refused 125 "regular file" timeout 20 "$L" fifo -- true
}

@test "a policy for another architecture is refused" {
	blob foreign 'foreign_filter'
	refused 125 "architecture" "$L" foreign.llb -- true
}

@test "flipped bits are refused" {
	local i size
	size=$(stat -c %s deny.llb)
	for i in $(seq 0 97 $((size - 1))); do
		cp deny.llb flip.llb
		printf "\\x$(printf %02x $((0x$(od -An -tx1 -j "$i" -N 1 deny.llb | tr -d ' ') ^ 16)))" |
			dd of=flip.llb bs=1 seek="$i" conv=notrunc status=none
		if cmp -s deny.llb flip.llb; then return 1; fi
		refused 125 "" "$L" flip.llb -- true
	done
}

@test "writable by group or others: refused with the two ways out" {
	for mode in 664 646 666 602; do
		cp open.llb w.llb
		chmod $mode w.llb
		refused 125 "chmod go-w" "$L" w.llb -- true
		refused 125 "--trust-blob" "$L" w.llb -- true
		"$L" --trust-blob w.llb -- true
	done
	chmod 444 w.llb
	"$L" w.llb -- true
}

@test "owned by someone else: refused; owned by the caller: accepted" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	cp open.llb other.llb
	chown 1234 other.llb
	refused 125 "belongs neither" "$L" other.llb -- true
	"$L" --trust-blob other.llb -- true
	setpriv --reuid 1234 --regid 1234 --clear-groups "$L" other.llb -- true
	refused 125 "belongs neither" setpriv --reuid 1235 --regid 1235 --clear-groups "$L" other.llb -- true
}

@test "symbolic links to a policy are followed" {
	ln -s open.llb link1
	ln -s link1 link2
	"$L" link2 -- true
}

@test "an ordinary user can run a policy of root's, and is confined" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	mkdir -m 777 open
	gives 0 hello setpriv --reuid 65534 --regid 65534 --clear-groups "$L" deny.llb -- echo hello
	gives 10 EACCES setpriv --reuid 65534 --regid 65534 --clear-groups "$L" deny.llb -- "$P" mkdir open/made
	[ ! -e open/made ]
	setpriv --reuid 65534 --regid 65534 --clear-groups "$L" open.llb -- "$P" mkdir open/made
	[ -d open/made ]
}

@test "in a user namespace root's file shows the overflow uid and is accepted; a file the caller can write is not" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	U="setpriv --reuid 1234 --regid 1234 --clear-groups unshare -Ur"
	$U true || skip "no user namespaces"
	[ "$($U stat -c %u open.llb)" = 65534 ]
	$U "$L" open.llb -- true
	# outside of a user namespace, root can write a file of uid 65534
	cp open.llb nobody.llb
	chown 65534 nobody.llb
	refused 125 "belongs neither" "$L" nobody.llb -- true
	# and to another user it is a file of a third one
	refused 125 "belongs neither" setpriv --reuid 1234 --regid 1234 --clear-groups "$L" nobody.llb -- true
	gives 0 "" setpriv --reuid 65534 --regid 65534 --clear-groups "$L" nobody.llb -- true
}

@test "a sealed memfd needs no owner and mode; an unsealed one is refused" {
	cat >memfd.py <<-'EOF'
	import fcntl, os, sys
	seals = int(sys.argv[1])
	fd = os.memfd_create("policy", os.MFD_ALLOW_SEALING)
	os.fchmod(fd, 0o777)
	os.write(fd, open(sys.argv[2], "rb").read())
	fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
	os.set_inheritable(fd, True)
	os.execv(sys.argv[3], [sys.argv[3], "--blob-fd", str(fd)] + sys.argv[4:])
	EOF
	gives 0 "[x]" python3 memfd.py 14 open.llb "$L" -- "$P" argv x
	# the seal against sealing alone, or without the one against writing
	refused 125 "writable by group or others" python3 memfd.py 1 open.llb "$L" -- "$P" argv x
	refused 125 "writable by group or others" python3 memfd.py 6 open.llb "$L" -- "$P" argv x
}

@test "--blob-fd reads from the beginning, needs no /proc, and does not hand the descriptor on" {
	exec 8<open.llb
	head -c 10 <&8 >/dev/null
	gives 0 "[x]" "$L" --blob-fd 8 -- "$P" argv x
	"$L" --blob-fd=8 -- "$P" fds >fds
	grep -qx '0 .*\|0' fds || cat fds
	if grep -qw '^8' fds; then return 1; fi
	exec 8<&-
	refused 125 "EBADF" "$L" --blob-fd 8 -- true
}

@test "-p finds NAME.llb along LLRUN_POLICY_PATH, the user's directory, the system's, /etc; NAME is no path" {
	mkdir -p lib1 lib2 system home/.config/llc-policy xdg/llc-policy
	places=(lib1 lib2 xdg/llc-policy home/.config/llc-policy system)
	for i in 0 1 2 3 4; do
		cp open.llb "${places[i]}/all.llb"
		cp open.llb "${places[i]}/only$i.llb"
	done
	unset XDG_CONFIG_HOME
	export LLRUN_POLICY_PATH=:$D/lib1::$D/lib2: HOME=$D/home LLRUN_POLICY_SYSTEM_DIR=$D/system
	for i in 0 1 3 4; do gives 0 "[x]" "$L" -p "only$i" "$P" argv x; done
	refused 125 'any directory that llrun --help names: "only2"' "$L" -p only2 -- "$P" argv x
	XDG_CONFIG_HOME=$D/xdg gives 0 "[x]" "$L" -p only2 "$P" argv x
	XDG_CONFIG_HOME=$D/xdg refused 125 'any directory that llrun --help names: "only3"' "$L" -p only3 -- "$P" argv x
	XDG_CONFIG_HOME='' gives 0 "[x]" "$L" -p only3 "$P" argv x
	LLRUN_POLICY_PATH=$D refused 125 "not a policy name" "$L" -p lib2/mine -- "$P" argv x
	LLRUN_POLICY_PATH=$D refused 125 "not a policy name" "$L" -p ../open -- "$P" argv x
	LLRUN_POLICY_PATH=$D refused 125 "not a policy name" "$L" -p '' -- "$P" argv x
	# found but unfit: no other one is taken instead
	chmod 666 lib1/only0.llb
	cp open.llb lib2/only0.llb
	refused 125 "chmod go-w" "$L" -p only0 -- "$P" argv x
	# a bare word is always a path
	refused 125 ENOENT "$L" only1 -- "$P" argv x
	command -v strace >/dev/null || skip "no strace; where names are found was tested"
	# the order, and that the first that is there is the one: each is removed in turn
	for i in 0 1 2 3 4; do
		XDG_CONFIG_HOME=$([ "$i" -gt 2 ] || echo "$D/xdg") run strace -qq -e trace=openat -e signal=none "$L" -p all -- "$P" argv x
		[ "$(grep -c 'all.llb.* = [0-9]' <<<"$output")" -eq 1 ]
		[[ $(grep 'all.llb.* = [0-9]' <<<"$output") == *"${places[i]}/all.llb"* ]]
		rm "${places[i]}/all.llb"
	done
	# where nothing is set, the installation's, and /etc last; no empty element is the current directory
	cp open.llb all.llb
	run env -u LLRUN_POLICY_SYSTEM_DIR strace -qq -e trace=openat -e signal=none "$L" -p all -- "$P" argv x
	[ "$status" -eq 125 ]
	[[ $(sed -n 's/^openat([^"]*"\([^"]*\)".*/\1/p' <<<"$output" | tail -2) == /usr/share/llc-policy/all.llb$'\n'/etc/llc-policy/all.llb ]]
	[[ $output != *'"all.llb"'* ]]
	[[ $output != *'"./all.llb"'* ]]
}

@test "a policy changed after it was read keeps its meaning; one truncated before is refused; never a signal" {
	[ "$(uname -m)" = x86_64 ] || skip "system call numbers of x86_64"
	{ echo 'layers 1
		handled 0 all none none
		path 0 rox /'
	for i in $(seq 1 500); do echo "path 0 ro /usr"; done; } | tr -d '\t' | "$B/tests/mkblob" large.llb
	[ "$(stat -c %s large.llb)" -gt 16384 ]
	for name in deny large; do
		# 444: landlock_create_ruleset, the first call after the blob was read
		cp $name.llb c.llb
		run "$B/tests/atcall" 444 "cp open.llb c.llb" "$L" c.llb -- "$P" mkdir "$D/dir"
		[ "$status" -eq 10 ]
		cmp open.llb c.llb
		cp $name.llb c.llb
		run "$B/tests/atcall" 444 ": >c.llb" "$L" c.llb -- "$P" mkdir "$D/dir"
		[ "$status" -eq 10 ]
		# 17: pread64, after the size was asked for
		cp $name.llb c.llb
		refused 125 "shrank" "$B/tests/atcall" 17 ": >c.llb" "$L" c.llb -- "$P" exit 0
		cp $name.llb c.llb
		refused 125 "shrank" "$B/tests/atcall" 17 "truncate -s 1000 c.llb" "$L" c.llb -- "$P" exit 0
		cp $name.llb c.llb
		run "$B/tests/atcall" 17 "echo more >>c.llb" "$L" c.llb -- "$P" mkdir "$D/dir"
		[ "$status" -eq 10 ]
		cp $name.llb c.llb
		refused 125 "" "$B/tests/atcall" 17 "printf xxxxxxxx | dd of=c.llb bs=1 seek=200 conv=notrunc status=none" \
			"$L" c.llb -- "$P" exit 0
	done
	"$L" large.llb -- "$P" exit 0
}

@test "refuses to run with AT_SECURE" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	findmnt -no OPTIONS -T "$D" | grep -qw nosuid && skip "nosuid file system"
	cp "$L" suid
	setpriv --reuid 1234 --regid 1234 --clear-groups ./suid open.llb -- true
	chmod u+s suid
	refused 125 AT_SECURE setpriv --reuid 1234 --regid 1234 --clear-groups ./suid open.llb -- true
}

@test "runs in an empty root directory" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	mkdir -p root/build
	cp "$L" "$P" deny.llb root
	blob inroot 'layers 1
		handled 0 all none none
		path 0 rox /probe
		path 0 rw /build'
	cp inroot.llb root
	gives 0 "[x]" chroot root /llrun inroot.llb -- /probe argv x
	gives 0 "" chroot root /llrun inroot.llb -- /probe create /build/new
	gives 10 EACCES chroot root /llrun inroot.llb -- /probe create /new
	refused 125 '"/dev/null"): ENOENT' chroot root /llrun deny.llb -- /probe argv x
}

# ---- plans ----

@test "--as-abi applies the row of an older ABI, at most the kernel's" {
	blob trunc "layers 1
		handled 0 all none none
		path 0 rox /"
	echo data >victim
	gives 10 EACCES "$L" trunc.llb -- "$P" truncate "$D/victim"
	gives 10 EACCES "$L" --as-abi 3 trunc.llb -- "$P" truncate "$D/victim"
	gives 0 "" "$L" --as-abi 2 trunc.llb -- "$P" truncate "$D/victim"
	gives 10 EACCES "$L" --as-abi 2 trunc.llb -- "$P" write "$D/victim"
	gives 0 "" "$L" --as-abi 0 trunc.llb -- "$P" write "$D/victim"
	refused 125 "older than the one asked for" "$L" --as-abi 99 trunc.llb -- "$P" exit 0
}

@test "strict: an uncovered guarantee refuses and is named with its line; best-effort: it runs and says so" {
	blob strict "guarantee net.connect_tcp firm 000011111111
		guarantee other extra 000000000000
		min_abi 4"
	"$L" strict.llb -- true
	run "$L" --as-abi 3 strict.llb -- "$P" argv x
	[ "$status" -eq 125 ]
	[[ $output == *"net.connect_tcp"*"ABI 3"*"what the guarantee means"*"test.toml:1"* ]]
	[[ $output != *other* && $output != *"[x]"* ]]
	blob best "best-effort
		guarantee net.connect_tcp firm 000011111111"
	run "$L" --as-abi 3 best.llb -- "$P" argv x
	[ "$status" -eq 0 ]
	[[ $output == *"net.connect_tcp is not covered on Landlock ABI 3"*"(test.toml:2)"*"[x]"* ]]
	run "$L" --quiet --as-abi 3 best.llb -- "$P" argv x
	[ "$status" -eq 0 ]
	[ "$output" = "[x]" ]
	run "$L" best.llb -- "$P" argv x
	[ "$status" -eq 0 ]
	[ "$output" = "[x]" ]
}

@test "below min_abi it refuses in best-effort too" {
	blob min "best-effort
		min_abi 3"
	"$L" --as-abi 3 min.llb -- true
	refused 125 min_abi "$L" --as-abi 2 min.llb -- true
}

@test "a kernel newer than the policy keeps the policy's meaning" {
	blob old "plans 3
		layers 1
		handled 0 all none none
		path 0 rox /"
	echo data >victim
	gives 10 EACCES "$L" old.llb -- "$P" write "$D/victim"
	gives 0 "" "$L" old.llb -- "$P" truncate "$D/victim"
}

@test "--check does everything but run the command, and prints what would be enforced" {
	blob check "name checked
		layers 1
		handled 0 all all all
		path 0 rox /usr
		path 0 rw /dev/null
		path 0 rw /no/such optional
		port 0 2 443
		deny 101 1
		guarantee fs firm 011111111111
		refuse 0
		min_abi 1
		loss 1 11 something"
	gives 0 'policy "checked"' "$L" --check check.llb -- touch "$D/ran"
	[ ! -e "$D/ran" ]
	for line in 'guarantee fs: landlock' 'loss: something' 'path "/usr": execute read_file read_dir' \
		'path "/dev/null": write_file read_file' 'path "/no/such": does not exist, skipped' 'port 443: connect_tcp' \
		'filter: 7 instructions' 'command: "/'; do
		grep -qF "$line" out
	done
	if grep -F '"/dev/null"' out | grep make_reg; then return 1; fi
	gives 0 "none given" "$L" --check check.llb
	blob lost "layers 1
		handled 0 all none none
		path 0 ro /no/such"
	run "$L" --check lost.llb
	[ "$status" -eq 125 ]
	[[ $output == *'llrun: openat("/no/such"): ENOENT'* ]]
}

# ---- paths and slots ----

@test "a missing path is refused with path and line; optional forgives ENOENT and ENOTDIR only" {
	blob missing "layers 1
		handled 0 all none none
		path 0 rox /
		path 0 ro /no/such/path"
	refused 125 'openat("/no/such/path"): ENOENT, No such file or directory (test.toml:4)' "$L" missing.llb -- true
	blob notdir "layers 1
		handled 0 all none none
		path 0 ro /etc/passwd/x"
	refused 125 ENOTDIR "$L" notdir.llb -- true
	blob optional "layers 1
		handled 0 all none none
		path 0 rox /
		path 0 ro /no/such/path optional
		path 0 ro /etc/passwd/x optional"
	"$L" optional.llb -- true
	ln -sfn loop loop
	blob loop "layers 1
		handled 0 all none none
		path 0 ro $D/loop optional"
	refused 125 ELOOP "$L" loop.llb -- true
	blob unhandled "layers 1
		handled 0 none none none
		path 0 ro /no/such/path"
	refused 125 ENOENT "$L" unhandled.llb -- true
}

@test "a message escapes the policy's bytes and works without a source map" {
	blob bytes "stripped
		layers 1
		handled 0 all none none
		path 0 ro /no/%1b%0a%ff"
	refused 125 '/no/\x1b\x0a\xff"): ENOENT, No such file or directory;' "$L" bytes.llb -- true
}

@test "directory rights on a file are dropped, file rights hold" {
	echo data >file
	blob file "layers 1
		handled 0 all none none
		path 0 rox $P
		path 0 rw $D/file"
	gives 0 "" "$L" file.llb -- "$P" write "$D/file"
	gives 0 "" "$L" file.llb -- "$P" truncate "$D/file"
	gives 10 EACCES "$L" file.llb -- "$P" unlink "$D/file"
	gives 10 EACCES "$L" file.llb -- "$P" read "$D/deny.llb"
}

@test "layers intersect" {
	echo data >file
	blob layers "layers 2
		handled 0 all none none
		handled 1 all none none
		path 0 rox /
		path 0 rw $D
		path 1 rox /
		path 1 rw $D/sub"
	mkdir -p sub
	echo data >sub/file
	gives 0 "" "$L" layers.llb -- "$P" write "$D/sub/file"
	gives 10 EACCES "$L" layers.llb -- "$P" write "$D/file"
	gives 0 "" "$L" layers.llb -- "$P" read "$D/file"
}

slots() { # slots [WORDS]: a policy with a writable slot "work" and $D readable
	blob slots "layers 1
		handled 0 all none none
		slot work arg ${1-dir}
		path 0 rox /
		path 0 rw - slot=0"
}

@test "--set binds a slot; relative to the current directory; an unknown name, twice or none is refused" {
	mkdir -p tree other
	slots
	gives 0 "" "$L" --set work="$D/tree" slots.llb -- "$P" create "$D/tree/a"
	gives 0 "" "$L" --set=work=tree slots.llb -- "$P" create "$D/tree/b"
	gives 10 EACCES "$L" --set work=other slots.llb -- "$P" create "$D/tree/c"
	refused 125 'no slot of this name takes --set: "wrok=work"' "$L" --set wrok=work slots.llb -- true
	refused 125 'set twice: "work=other"' "$L" --set work=tree --set work=other slots.llb -- true
	refused 125 'the slot has no value: give --set NAME=PATH: "work" (test.toml:3)' "$L" slots.llb -- true
	refused 125 'the slot has no value' "$L" --set work= slots.llb -- true
	refused 125 'openat2("nowhere"): ENOENT' "$L" --set work=nowhere slots.llb -- true
	slots "dir default=$D/tree"
	gives 0 "" "$L" slots.llb -- "$P" create "$D/tree/d"
	slots "dir optional"
	gives 10 EACCES "$L" --set work=nowhere slots.llb -- "$P" create "$D/tree/e"
	refused 125 'must be a directory' "$L" --set work=deny.llb slots.llb -- true
	slots file
	refused 125 'must not be a directory' "$L" --set work=tree slots.llb -- true
	gives 0 "" "$L" --set work=tree/a slots.llb -- "$P" write "$D/tree/a"
}

@test "a slot that is the root directory is refused, by whatever name, unless allowed" {
	slots "dir follow"
	ln -sfn / rootlink
	for path in / /. /usr/.. //usr/../ rootlink; do
		refused 125 'slot is the root directory, without allow_root: "work"' "$L" --set work=$path slots.llb -- true
	done
	slots "dir root"
	"$L" --set work=/ slots.llb -- true
}

@test "a link in a slot's value is followed only where the blob says so" {
	mkdir -p tree
	ln -sfn tree link
	slots
	refused 125 'openat2("link"): ELOOP' "$L" --set work=link slots.llb -- true
	refused 125 'openat2("/proc/self/cwd"): ELOOP' "$L" --set work=/proc/self/cwd slots.llb -- true
	slots "dir follow"
	gives 0 "" "$L" --set work=link slots.llb -- "$P" create "$D/tree/a"
}

@test "a slot from the environment, with its default; from the current directory" {
	mkdir -p tree sub
	blob env "layers 1
		handled 0 all none none
		slot home env:WORKDIR dir
		slot tmp env:NOTSET dir default=$D/tree
		slot here cwd dir
		path 0 rox /
		path 0 rw - slot=0
		path 0 rw - slot=2"
	cd sub
	WORKDIR=$D/tree gives 0 "" "$L" "$D/env.llb" -- "$P" create "$D/tree/f"
	WORKDIR=$D/tree gives 0 "" "$L" "$D/env.llb" -- "$P" create "$D/sub/f"
	WORKDIR=$D/tree gives 10 EACCES "$L" "$D/env.llb" -- "$P" create "$D/f"
	refused 125 'set the variable: "WORKDIR"' "$L" "$D/env.llb" -- true
	WORKDIR='' refused 125 'set the variable: "WORKDIR"' "$L" "$D/env.llb" -- true
	WORKDIR=/ refused 125 'root directory' "$L" "$D/env.llb" -- true
	refused 125 'no slot of this name takes --set' env WORKDIR="$D" "$L" --set home=/tmp "$D/env.llb" -- true
}

@test "a symlink planted beneath a slot is not followed, unless the rule says follow" {
	mkdir -p tree/real secret
	echo data >secret/file
	blob planted "layers 1
		handled 0 all none none
		slot work arg dir
		path 0 rox $P
		path 0 rw out slot=0"
	mkdir tree/out
	gives 0 "" "$L" --set work=tree planted.llb -- "$P" create "$D/tree/out/a"
	rm -r tree/out
	ln -s ../secret tree/out
	refused 125 'openat2("out"): ELOOP' "$L" --set work=tree planted.llb -- "$P" read "$D/secret/file"
	rm tree/out
	ln -s real tree/out
	refused 125 ELOOP "$L" --set work=tree planted.llb -- "$P" read "$D/secret/file"
	blob follow "layers 1
		handled 0 all none none
		slot work arg dir
		path 0 rox $P
		path 0 rw out slot=0 follow"
	gives 0 "" "$L" --set work=tree follow.llb -- "$P" create "$D/tree/real/a"
	blob dotdot "layers 1
		handled 0 all none none
		slot work arg dir
		path 0 rox $P
		path 0 rw ../secret slot=0"
	refused 125 EXDEV "$L" --set work=tree dotdot.llb -- "$P" read "$D/secret/file"
}

@test "a rule beneath a writable rule is opened from its descriptor, never through a planted symlink" {
	mkdir -p tree/sub secret
	blob nested "layers 1
		handled 0 all none none
		path 0 rox $P
		path 0 ro $D/tree keep
		path 0 rw sub rule=1 keep
		path 0 rwx deep/er rule=2 optional"
	gives 0 "" "$L" nested.llb -- "$P" create "$D/tree/sub/a"
	gives 10 EACCES "$L" nested.llb -- "$P" create "$D/tree/a"
	rm -r tree/sub
	ln -s "$D/secret" tree/sub
	refused 125 ELOOP "$L" nested.llb -- "$P" create "$D/secret/a"
	rm tree/sub
	refused 125 'openat2("sub"): ENOENT' "$L" nested.llb -- true
	blob gone "layers 1
		handled 0 all none none
		path 0 rox /
		path 0 rw $D/none keep optional
		path 0 rw sub rule=1"
	refused 125 'ENOENT' "$L" gone.llb -- true
	blob gone "layers 1
		handled 0 all none none
		slot work arg optional dir
		path 0 rox /
		path 0 rw sub slot=0 keep
		path 0 rw more rule=1"
	"$L" --set work=none gone.llb -- true
}

@test "more than 32 paths: descriptors are closed one by one and anchors still hold" {
	mkdir -p tree2/sub
	{ printf 'layers 1\nhandled 0 all none none\npath 0 rox /\npath 0 ro %s keep\n' "$D/tree2"
	for i in $(seq 1 100); do echo "path 0 ro /usr"; done
	echo 'path 0 rw sub rule=1'; } | "$B/tests/mkblob" many.llb
	(ulimit -n 20; gives 0 "" "$L" many.llb -- "$P" create "$D/tree2/sub/a")
	gives 10 EACCES "$L" many.llb -- "$P" create "$D/tree2/a"
}

@test "the byte 0x01 in a path stands for the user's number" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	mkdir -p "run/1234/x"
	chmod 777 run/1234/x
	blob uid "layers 1
		handled 0 all none none
		path 0 rox $P
		path 0 rw $D/run/%01/x uid"
	gives 0 "" setpriv --reuid 1234 --regid 1234 --clear-groups "$L" uid.llb -- "$P" create "$D/run/1234/x/a"
	refused 125 "ENOENT" "$L" uid.llb -- "$P" exit 0
}

# ---- the process ----

@test "the filter is on, and last: llrun itself needs nothing of it" {
	[ "$(uname -m)" = x86_64 ] || skip "system call numbers of x86_64"
	# prctl, landlock_*, close_range, seccomp, capset; getppid is the probe
	blob filter "layers 1
		handled 0 all none none
		path 0 rox /
		close_fds
		drop 0x200000
		deny 157 1
		deny 444 1
		deny 445 1
		deny 446 1
		deny 436 1
		deny 317 1
		deny 126 1
		deny 110 22"
	gives 14 EINVAL "$L" filter.llb -- "$P" getppid
	gives 0 "" "$L" open.llb -- "$P" getppid
	blob kill "kill 110"
	run "$L" kill.llb -- "$P" getppid
	[ "$status" -eq 159 ]
	blob noexec2 "deny 59 1"
	refused 126 'EPERM' "$L" noexec2.llb -- "$P" exit 0
}

@test "capabilities are dropped and do not come back at execve" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	blob caps "drop 0x200401"
	"$L" caps.llb -- "$P" caps >caps
	"$L" caps.llb -- sh -c "$P caps" >caps2
	"$L" open.llb -- "$P" caps >all
	cat caps all
	cmp caps caps2
	if cmp caps all; then return 1; fi
	run "$L" caps.llb -- grep -E '^Cap(Prm|Eff)' /proc/self/status
	for set in ${lines[0]#*:} ${lines[1]#*:}; do [ $((0x$set & 0x200401)) -eq 0 ]; done
	run "$L" caps.llb -- grep NoNewPrivs /proc/self/status
	[[ $output == *1 ]]
}

@test "descriptors above 2 are closed, but for the kept ones" {
	blob close "close_fds
		keep 7"
	exec 5<open.llb 7<open.llb 9<open.llb
	"$L" open.llb -- "$P" fds >all
	"$L" close.llb -- "$P" fds >kept
	"$L" --keep-fd 9 close.llb -- "$P" fds >more
	exec 5<&- 7<&- 9<&-
	cat all kept more
	for fd in 5 7 9; do grep -qw "^$fd" all; done
	[ "$(grep -cwE '^(5|9)' kept)" -eq 0 ]
	grep -qw '^7' kept
	[ "$(grep -cwE '^5' more)" -eq 0 ]
	grep -qw '^7' more
	grep -qw '^9' more
	[ "$(wc -w <kept)" -lt "$(wc -w <all)" ]
}

@test "llrun leaves no descriptor of its own, also where the policy closes none" {
	blob plain "layers 1
		handled 0 all none none
		path 0 rox /
		path 0 ro /usr"
	(
		for fd in $(seq 3 255); do eval "exec $fd>&-"; done 2>/dev/null
		"$P" fds >"$D/fds1"
		"$L" "$D/plain.llb" -- "$P" fds >"$D/fds2"
		cd "$D"
		"$L" --blob-fd 3 -- "$P" fds 3<"$D/plain.llb" >"$D/fds3"
	)
	cmp fds1 fds2
	cmp fds1 fds3
}

@test "closing make's jobserver is said, once, unless quiet, kept, or a fifo" {
	blob close2 "close_fds"
	exec 7<open.llb 8<open.llb
	export MAKEFLAGS=" -j4 --jobserver-auth=7,8"
	run "$L" close2.llb -- true
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *"--keep-fd 7 --keep-fd 8"* ]]
	run "$L" --quiet close2.llb -- true
	[ -z "$output" ]
	run "$L" --keep-fd 7 --keep-fd 8 close2.llb -- true
	[ -z "$output" ]
	run "$L" open.llb -- true
	[ -z "$output" ]
	for flags in " -j4 --jobserver-auth=fifo:/tmp/x" " -j --jobserver-auth=-2,-2" " --jobserver-auth=97,98" "-j"; do
		export MAKEFLAGS=$flags
		run "$L" close2.llb -- true
		[ "$status" -eq 0 ]
		[ -z "$output" ]
	done
	export MAKEFLAGS="--jobserver-fds=7,8 -j"
	run "$L" close2.llb -- true
	[[ $output == *"--keep-fd 7"* ]]
}

@test "environment: inherited without a program; else what passes, prefixes, and what is set" {
	blob env2 "env pass A
		env prefix LC_
		env set B=two
		env set C=three"
	blob none "env pass NOTHING"
	E="env -i A=1 AB=2 LC_ALL=C LC_=x LC=no B=old D=4 PATH=$PATH"
	$E "$L" open.llb -- "$P" env | sort >all
	$E "$P" env | sort | cmp - all
	$E "$L" env2.llb -- "$P" env | sort >got
	printf 'A=1\nB=two\nC=three\nLC_=x\nLC_ALL=C\n' | cmp - got
	[ -z "$($E "$L" none.llb -- "$P" env)" ]
	# the caller's PATH finds the command even when the command does not get it
	gives 0 x $E "$L" none.llb -- echo x
}

@test "umask" {
	blob umask "umask 027"
	umask 022
	[ "$("$L" umask.llb -- "$P" umask)" != "$("$L" open.llb -- "$P" umask)" ]
	"$L" umask.llb -- "$P" create "$D/masked" || true
	run "$L" umask.llb -- "$P" umask
	[[ $output == *027* ]]
}

@test "new session, from a child, from a process group's leader; refused where others are in the group" {
	blob session "new_session"
	cat >leader.py <<-'EOF'
	import os, sys
	os.setpgid(0, 0)
	os.execv(sys.argv[1], sys.argv[1:])
	EOF
	run "$L" session.llb -- "$P" session
	[ "$status" -eq 0 ]
	[[ $output == *leader* ]]
	run python3 leader.py "$L" session.llb -- "$P" session
	[ "$status" -eq 0 ]
	[[ $output == *leader* ]]
	refused 125 "setsid" setsid -w "$L" session.llb -- true
}

@test "the example of embedding compiles without further headers, and confines its children" {
	${CC:-cc} -std=c11 -Wall -Wextra -Werror -D_GNU_SOURCE -I"$BATS_TEST_DIRNAME/../runtime" -o embed \
		"$BATS_TEST_DIRNAME/../docs/examples/embed.c" "$B/libllrun.a"
	./embed deny.llb "$P" argv x >out
	[ "$(grep -cx '\[x\]' out)" -eq 3 ]
	gives 10 EACCES ./embed deny.llb "$P" create "$D/new"
	gives 0 "" ./embed open.llb "$P" write "$D/out"
	refused 125 "not a policy blob" ./embed out "$P" argv x
}

# ---- counted ----

@test "system calls from execve to execve: at most 11 + 3 per path + 1 per port" {
	command -v strace >/dev/null || skip "no strace"
	{ printf 'layers 1\nhandled 0 all all none\n'
	for path in /usr /etc /bin /lib /var /opt /srv /tmp; do echo "path 0 rox $path"; done
	printf 'port 0 2 443\ndeny 101 1\nclose_fds\ndrop 0x200000\n'; } | "$B/tests/mkblob" p8.llb
	strace -o trace "$L" p8.llb -- /bin/true
	calls=$(awk '{ n++ } /^execve/ && seen++ { print n; exit }' trace)
	echo "$calls system calls"
	[ "$calls" -ge 20 ]
	[ "$calls" -le 36 ]
	# one more for every rule that carries directory rights on a file
	{ printf 'layers 1\nhandled 0 all none none\n'
	for path in /usr /etc /bin/true /bin/cat; do echo "path 0 rox $path"; done; } | "$B/tests/mkblob" p4.llb
	strace -o trace "$L" p4.llb -- /bin/true
	calls=$(awk '{ n++ } /^execve/ && seen++ { print n; exit }' trace)
	echo "$calls system calls"
	[ "$calls" -le $((11 + 3 * 4 + 2)) ]
}
