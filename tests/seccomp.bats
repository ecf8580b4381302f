#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The language of [seccomp] on the running kernel: every denial beside the same call without the policy. What a filter
# answers for all numbers and arguments is tests/unit/seccomp_lang_test.c's.

setup_file() {
	cd "$BATS_TEST_DIRNAME/.." || return
	export ROOT=$PWD
	case ${B:=build} in /*) ;; *) B=$PWD/$B ;; esac
	DIR=$(mktemp -d /tmp/seccomp-test.XXXXXX)
	cp "$B/tests/probe" "$DIR"
	export B DIR P="$DIR/probe" LLC="$B/llc-policy" PATH=/usr/bin:/bin:/usr/sbin:/sbin
}

teardown_file() {
	rm -rf "$DIR"
}

setup() {
	W=$DIR/$BATS_TEST_NUMBER
	mkdir "$W"
	cd "$W"
}

# policy NAME: standard input, compiled to NAME.llb
policy() {
	{ printf 'version = 1\n'; cat; } >"$1.toml"
	"$LLC" compile -q "$1.toml" -o "$1.llb"
}

# under NAME STATUS OUTPUT COMMAND...: exit status and the whole of what is printed
under() {
	local name=$1 want=$2 text=$3 got=0
	shift 3
	"$B/llrun" "$name.llb" -- "$@" >out 2>err </dev/null || got=$?
	[ "$got" -eq "$want" ] && [ "$(cat out err)" = "$text" ] && return
	echo "$*: exit $got, want $want; printed:"
	cat out err
	return 1
}

# free STATUS OUTPUT COMMAND...: the control, without llrun
free() {
	local want=$1 text=$2 got=0
	shift 2
	"$@" >out 2>err </dev/null || got=$?
	[ "$got" -eq "$want" ] && [ "$(cat out err)" = "$text" ] && return
	echo "$* outside: exit $got, want $want; printed:"
	cat out err
	return 1
}

# denied NAME ERRNO COMMAND...: the probe's status is neither success nor a signal, and it names the error
denied() {
	local got=0
	"$B/llrun" "$1.llb" -- "${@:3}" >out 2>err </dev/null || got=$?
	[ "$got" -ge 10 ] && [ "$got" -lt 125 ] && [ "$(cat out err)" = "$2" ] && return
	echo "${*:3}: exit $got, want $2; printed:"
	cat out err
	return 1
}

free_fails() {
	local got=0
	"${@:2}" >out 2>err </dev/null || got=$?
	[ "$got" -ge 10 ] && [ "$got" -lt 125 ] && [ "$(cat out err)" = "$1" ] && return
	echo "${*:2} outside: exit $got, want $1; printed:"
	cat out err
	return 1
}

# broken COMMAND...: the compiler refuses, with its own status
broken() {
	local got=0
	"$@" 2>err || got=$?
	[ "$got" -eq 1 ] || { echo "$*: exit $got"; cat err; return 1; }
}

x86_only() {
	[ "$(uname -m)" = x86_64 ] || skip "numbers of x86_64"
}

@test "an allowlist runs ordinary programs, and denies what it does not list" {
	policy list <<-'END'
		[seccomp]
		default = "errno EPERM"
		allow = ["@default", "@basic-io", "@file-system", "@process", "@signal", "@io-event", "@sync", "@ipc", "ioctl", "mprotect"]
	END
	under list 0 "" true
	under list 0 "hello" sh -c 'echo hello | cat'
	free 0 "" "$P" socket unix stream
	denied list EPERM "$P" socket unix stream
}

@test "conditions: named arguments, constants, sets; the rest falls through" {
	policy rules <<-'END'
		[[seccomp.rule]]
		syscall = ["socket", "socketpair"]
		action = "errno EAFNOSUPPORT"
		when = "domain not in {AF_UNIX, AF_INET} or type & 0xf == SOCK_DGRAM"
		[[seccomp.rule]]
		syscall = "ioctl"
		action = "errno EPERM"
		when = "request in {TIOCSTI, TIOCLINUX}"
	END
	free 0 "" "$P" socket inet6 stream
	under rules 0 "" "$P" socket inet stream
	under rules 0 "" "$P" socketpair unix stream
	denied rules EAFNOSUPPORT "$P" socket inet6 stream
	denied rules EAFNOSUPPORT "$P" socket inet dgram
	free_fails ENOTTY "$P" ioctl 0x5412
	denied rules EPERM "$P" ioctl 0x5412
	denied rules ENOTTY "$P" ioctl 0x5413
}

@test "garbage above a 32-bit argument changes nothing; a 64-bit argument is looked at as a whole" {
	x86_only
	policy words <<-'END'
		[[seccomp.rule]]
		syscall = "ioctl"
		action = "errno EPERM"
		when = "request == TIOCSTI"
		[[seccomp.rule]]
		syscall = "prctl"
		action = "errno EACCES"
		when = "option == 4 && arg2 == 0x100000007"
	END
	free_fails ENOTTY "$P" syscall 16 0 -4294945774 0
	denied words EPERM "$P" syscall 16 0 -4294945774 0
	free_fails EINVAL "$P" syscall 157 4 0x100000007
	denied words EACCES "$P" syscall 157 4 0x100000007
	denied words EINVAL "$P" syscall 157 4 7
}

@test "clone without new namespaces" {
	x86_only
	policy clone <<-'END'
		[[seccomp.rule]]
		syscall = "clone"
		action = "errno EPERM"
		when = "flags & (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID)"
		[[seccomp.rule]]
		syscall = "clone3"
		action = "errno ENOSYS"
	END
	under clone 0 "forks" sh -c '(echo forks)'
	# CLONE_THREAD without CLONE_VM is refused by the kernel: nothing is made either way
	free_fails EINVAL "$P" syscall 56 0x10010000 0
	denied clone EPERM "$P" syscall 56 0x10010000 0
	denied clone EINVAL "$P" syscall 56 0x10000 0
}

@test "actions: kill_process, kill_thread, trap, trace, log" {
	for row in kill_process:159 kill_thread:159 "trap 7:159" log:0; do
		policy act <<-END
			[[seccomp.rule]]
			syscall = "getppid"
			action = "${row%:*}"
		END
		got=0
		"$B/llrun" act.llb -- "$P" getppid >out 2>err || got=$?
		[ "$got" -eq "${row##*:}" ] || { echo "$row: exit $got"; cat err; return 1; }
	done
	policy act <<-'END'
		[[seccomp.rule]]
		syscall = "socket"
		action = "trace 3"
	END
	denied act ENOSYS "$P" socket unix stream
}

@test "x32, i386 and newer calls have actions of their own" {
	x86_only
	policy other <<-'END'
		[seccomp]
		default = "errno EPERM"
		allow = ["@system-service", "nr:3000"]
		x32 = "errno EXDEV"
		foreign_arch = "errno EACCES"
	END
	denied other EXDEV "$P" syscall 0x40000027
	denied other EACCES "$P" syscall32 20
	denied other ENOSYS "$P" syscall 3001
	denied other ENOSYS "$P" syscall 3000
	denied other EPERM "$P" syscall 400
}

@test "allow never opens what [net] closes" {
	policy net <<-'END'
		[net]
		connect_tcp = []
		[seccomp]
		default = "errno EPERM"
		allow = ["@system-service", "@network-io"]
		[[seccomp.rule]]
		syscall = "socket"
		action = "allow"
		when = "domain == AF_INET"
		[[seccomp.rule]]
		syscall = "socketpair"
		action = "errno EPERM"
		when = "type & 0xf == SOCK_DGRAM"
	END
	free 0 "" "$P" socket inet stream
	denied net EACCES "$P" socket inet stream
	under net 0 "" "$P" socketpair unix stream
	denied net EPERM "$P" socketpair unix dgram
	sed -i 's/^default/x32 = "allow"\ndefault/' net.toml
	broken "$LLC" compile -q net.toml -o x.llb
	grep -q 'x32 lets calls pass' err
	[ ! -e x.llb ]
}

@test "one blob for eight architectures; llrun takes its own and refuses a blob without it" {
	policy all <<-'END'
		[seccomp]
		deny = ["ptrace"]
	END
	"$LLC" compile -q all.toml -o all.llb --arch ppc64le,s390x,riscv64,arm,i386,aarch64,x86_64
	under all 0 "" true
	denied all EPERM "$P" syscall "$(case $(uname -m) in x86_64) echo 101 ;; *) echo 117 ;; esac)" 99
	"$LLC" compile -q all.toml -o none.llb --arch s390x
	got=0
	"$B/llrun" none.llb -- true 2>err || got=$?
	[ "$got" -eq 125 ]
	grep -q 'no filter for this architecture' err
}

@test "include: union, provenance, -MD, digest; fragments relative to the file that names them" {
	mkdir -p parts/deep
	printf 'version = 1\ninclude = ["deep/b.toml"]\n[seccomp]\ndeny = ["socket", "!socket", "kexec_load"]\n' >parts/a.toml
	printf 'version = 1\n[seccomp]\ndeny = ["bpf"]\n[env]\npass = ["PATH"]\n' >parts/deep/b.toml
	printf 'version = 1\ninclude = ["parts/a.toml", "parts/deep/b.toml"]\n[seccomp]\ndeny = ["socket"]\n' >top.toml
	"$LLC" compile -q top.toml -o top.llb -MD top.d
	[ "$(cat top.d)" = "top.llb: top.toml parts/a.toml parts/deep/b.toml" ]
	"$LLC" dump top.llb >dump
	for name in socket kexec_load bpf; do grep -q "^ *$name: errno EPERM" dump; done
	[ "$(grep -c 'PATH' dump)" -ge 1 ]
	grep -q "$(cat top.toml parts/a.toml parts/deep/b.toml | sha256sum | cut -c1-64)" dump
	denied top EPERM "$P" socket unix stream
	sed -i 's/"bpf"/"bpff"/' parts/deep/b.toml
	broken "$LLC" compile top.toml -o x.llb
	grep -q '^parts/deep/b.toml:3:9: error: unknown system call "bpff"' err
	[ ! -e x.llb ]
}

@test "override: a rule that stands before the others, and before the lists, whichever file it is in" {
	rule='[[seccomp.rule]]\nsyscall = "socket"\naction = "allow"\n'
	policy closed <<-'END'
		[seccomp]
		deny = ["socketpair", "socket"]
		[[seccomp.rule]]
		syscall = "socketpair"
		action = "errno EPROTO"
		when = "domain == AF_UNIX"
	END
	denied closed EPERM "$P" socket unix stream
	denied closed EPROTO "$P" socketpair unix stream
	# without the key it is an error to leave the list nothing to decide
	printf "version = 1\n$rule" >more.toml
	sed '1s/$/\ninclude = ["more.toml"]/' closed.toml >top.toml
	broken "$LLC" compile -q top.toml -o top.llb
	grep -q 'nothing is left to decide about socket here' err
	printf "override = true\n" >>more.toml
	"$LLC" compile -q top.toml -o top.llb
	under top 0 "" "$P" socket unix stream
	denied top EPROTO "$P" socketpair unix stream
	# its condition holds for it: the rest is the list's; and the rule of the including file comes after it
	printf "version = 1\n${rule}when = 'domain == AF_UNIX'\noverride = true\n${rule/socket/socketpair}override = true\n" >more.toml
	"$LLC" compile -q top.toml -o top.llb
	under top 0 "" "$P" socket unix stream
	denied top EPERM "$P" socket inet stream
	under top 0 "" "$P" socketpair unix stream
	# what another table closes stays closed
	{ cat top.toml; printf '[net]\n'; } >net.toml
	"$LLC" compile -q net.toml -o net.llb
	printf "version = 1\n${rule}override = true\n" >more.toml
	"$LLC" compile -q net.toml -o net.llb
	denied net EACCES "$P" socket inet dgram
	free 0 "" "$P" socket inet dgram
}

@test "include: cycles, depth, contradictions, unreadable files are errors with a position" {
	printf 'version = 1\ninclude = ["b.toml"]\n[scope]\n' >a.toml
	printf 'version = 1\ninclude = ["a.toml"]\n' >b.toml
	broken "$LLC" compile a.toml -o x.llb
	grep -q '^b.toml:2:12: error: "a.toml" includes itself' err
	for i in $(seq 20); do printf 'version = 1\ninclude = ["d%d.toml"]\n[scope]\n' $((i + 1)) >"d$i.toml"; done
	printf 'version = 1\n' >d21.toml
	broken "$LLC" compile d1.toml -o x.llb
	grep -q '^d16.toml:2:12: error: includes are nested deeper than 16' err
	printf 'version = 1\n[net]\nunrestricted = true\n' >open.toml
	printf 'version = 1\ninclude = ["open.toml"]\n[net]\nconnect_tcp = [443]\n' >closed.toml
	broken "$LLC" compile closed.toml -o x.llb
	grep -q '^open.toml:3:16: error: unrestricted differs' err
	printf 'version = 1\ninclude = ["fifo"]\n[scope]\n' >f.toml
	mkfifo fifo
	broken timeout 10 "$LLC" compile f.toml -o x.llb
	grep -q '^f.toml:2:12: error: fifo: not a regular file' err
	printf 'version = 1\ninclude = ["x.llb"]\n[scope]\n' >o.toml
	printf 'version = 1\n' >x.llb
	got=0
	"$LLC" compile -q o.toml -o x.llb 2>err || got=$?
	[ "$got" -eq 2 ]
	[ "$(cat x.llb)" = "version = 1" ]
}

@test "hot and hot_file change no answer" {
	printf '# counts\nwrite 900\nread 1000\nexecve 1\n' >counts
	n=1
	for hot in '' 'hot = ["read", "write"]' 'hot_file = "counts"'; do
		policy h <<-END
			[seccomp]
			default = "errno EPERM"
			allow = ["@system-service"]
			$hot
		END
		"$LLC" dump h.llb | sed -n '/^filter/,$p' | sed '/instructions/d' >"dump.$n"
		n=$((n + 1))
	done
	cmp dump.1 dump.2
	cmp dump.1 dump.3
	printf 'raed 1\nread x\n' >counts
	broken "$LLC" compile h.toml -o x.llb
	# a policy may name any file there: its words are not told
	grep -q '^counts:1:1: error: .*\[unknown-syscall\]' err
	grep -q '^counts:2:1: error' err
}

@test "what the compiler says about constant-time calls" {
	{ printf 'version = 1\n[seccomp]\ndefault = "errno"\nallow = ["read", "write", "execve", "exit_group"]\n'
	  printf '[[seccomp.rule]]\nsyscall = "socket"\naction = "allow"\nwhen = "domain == AF_UNIX"\n'; } >c.toml
	"$LLC" compile c.toml -o c.llb 2>/dev/null | grep -q 'x86_64: constant-time: 4 of 5 allowed calls; by arguments: socket'
	"$LLC" dump c.llb | grep -q 'constant-time: 4 of 5 allowed calls; by arguments: socket'
	"$LLC" dump --json c.llb | python3 -c 'import json, sys
f = json.load(sys.stdin)["filters"][0]["constant_time"]
assert f == {"allowed": 5, "constant": 4, "by_arguments": ["socket"]}, f'
}
