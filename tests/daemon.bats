#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# llrund serve and llrun --socket: a run through the daemon is the run itself; nobody who may not ask is served; clients
# of any kind harm nobody. Every refusal stands beside the same request from one who may ask.

bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/.."
	export TOP=$PWD B PATH=/usr/bin:/bin:/usr/sbin:/sbin
	B=$(realpath "${B:-build}")
	T=$(mktemp -d /tmp/daemon-test.XXXXXX)
	chmod 755 "$T"
	cp "$B/llrun" "$B/llrund" "$B/tests/probe" "$B/tests/mkblob" tests/daemon.py tests/hang.py "$T"
	mkdir "$T/idle"
	cp "$B/tests/llrund-idle" "$T/idle/llrund"
	chmod 755 "$T"/* "$T/idle/llrund"
	export T L=$T/llrun D=$T/llrund
	printf '' | "$B/tests/mkblob" "$T/open.llb"
	printf 'layers 1\nhandled 0 all none none\npath 0 rox /\npath 0 rw /dev/null\npath 0 rw /dev/tty\n' | "$B/tests/mkblob" "$T/deny.llb"
	chmod 644 "$T"/*.llb
	export USER_IS="setpriv --reuid 65534 --regid 65534 --clear-groups"
	[ "$(id -u)" -eq 0 ] || USER_IS=
}

teardown_file() {
	rm -rf "$T"
}

setup() {
	W=$T/$BATS_TEST_NUMBER S=$T/$BATS_TEST_NUMBER/s
	mkdir "$W"
	chmod 777 "$W"
	cd "$W"
	umask 022
	MAIN=
}

teardown() {
	[ -z "$MAIN" ] || { kill -KILL "$MAIN" 2>/dev/null || :; }
	local pid
	for pid in $(cat "$W"/pids 2>/dev/null); do kill -KILL "$pid" 2>/dev/null || :; done
	[ -z "${cgroup:-}" ] || rmdir "$cgroup/llrund-test.$$" 2>/dev/null || : # as a rule the test has
	cd /
	rm -rf "$W"
}

# until CONDITION...: polls, for at most 20 seconds
until_() {
	for _ in $(seq 400); do
		"$@" && return 0
		sleep 0.05
	done
	echo "in vain: $*"
	return 1
}
gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
not() { ! "$@"; }

# serve [PREFIX...]: a daemon at $S, not what a killed one has left there; $MAIN is its process
serve() {
	local left
	left=$(place)
	"$@" "$D" serve --socket "$S" 2>"$W/served" </dev/null >/dev/null &
	MAIN=$!
	until_ listening_anew "$left"
}
# not the inode's number: a new socket may get that of the old one
place() { stat -c %z "$S" 2>/dev/null || :; }
listening_anew() {
	local now
	now=$(place)
	[ -n "$now" ] && [ "$now" != "$1" ]
}
# begun PID: a background command has come from bash's fork to its exec; with a trap for EXIT, which every test has, bash
# catches SIGTERM until then, and what it has caught is lost with its memory
begun() {
	local name end=$((SECONDS + 20)) # as soon as it has, hence no until_
	until read -r name <"/proc/$1/comm" && [ "$name" != bash ]; do [ -e "/proc/$1" ] && [ "$SECONDS" -lt "$end" ] || return 1; done
}
front() { cat "/proc/$MAIN/task/$MAIN/children" | tr ' ' '\n' | head -1; }
through() { timeout 60 "$L" --socket "$S" "$@"; }
ask() { python3 -B "$T/daemon.py" ask "$S" "$T/open.llb" "$@"; }
field() { timeout 20 $AS "$D" status --socket "$S" | jq -r "$1"; }

# same ARGS...: llrun ARGS, directly and through the daemon: output, errors and status are the same; files in OUT, else here
same() {
	local a=0 b=0
	timeout 60 $AS $BEFORE "$L" "$@" >"${OUT:-.}/out1" 2>"${OUT:-.}/err1" <"${IN:-/dev/null}" || a=$?
	timeout 60 $AS $BEFORE "$L" --socket "$S" "$@" >"${OUT:-.}/out2" 2>"${OUT:-.}/err2" <"${IN:-/dev/null}" || b=$?
	[ "$a" = "$b" ] || { echo "$*: directly $a, through the daemon $b"; cat "${OUT:-.}/err2"; return 1; }
	diff -u "${OUT:-.}"/out[12] && diff -u "${OUT:-.}"/err[12]
}

equality() {
	printf 'version = 1\n[fs]\nunrestricted = ["read_file", "read_dir", "execute"]\n' >close.toml
	"$B/llc-policy" compile -q close.toml -o close.llb 2>/dev/null
	same "$T/open.llb" -- echo hello
	IN=$T/deny.llb same "$T/open.llb" -- cat
	same "$T/deny.llb" -- sh -c 'pwd; umask; exit 7'
	(cd / && umask 027 && OUT=$W same "$T/deny.llb" -- sh -c 'pwd; umask')
	[ "$(cat out2)" = $'/\n0027' ]
	same "$T/open.llb" -- "$T/probe" argv '' 'two words' $'new\nline' "$(head -c 100000 /dev/zero | tr '\0' x)"
	A='' B2=$'x\ny' same "$T/open.llb" -- env
	same "$T/open.llb" -- sh -c 'ulimit -a; id; echo err >&2'
	(ulimit -n 50 && ulimit -S -c 0 && ulimit -s 1024 && same "$T/deny.llb" -- sh -c 'ulimit -a')
	same "$W/close.llb" -- sh -c 'ls -l /proc/self/fd | wc -l'
	same --keep-fd 7 --keep-fd 5 "$W/close.llb" -- sh -c 'cat /proc/self/fd/5; cat /proc/self/fd/7; ls /proc/self/fd' 5<"$TOP/LICENSE" 7<"$TOP/Makefile"
	same "$T/deny.llb" -- sh -c "echo x >$W/written"
	[ ! -e "$W/written" ]
}

@test "a run through the daemon is the run itself" {
	serve
	equality
}

@test "the same, for an unprivileged user" {
	[ "$(id -u)" -eq 0 ] || skip "is one already"
	AS=$USER_IS
	serve $USER_IS
	equality
}

@test "exit statuses and signals; what cannot be run" {
	serve
	for status in 0 1 77 125 255; do same "$T/open.llb" -- sh -c "exit $status"; done
	for signal in TERM KILL INT HUP USR1 SEGV; do same "$T/open.llb" -- sh -c "kill -$signal \$\$"; done
	same "$T/open.llb" -- no-such-command
	same "$T/open.llb" -- ./no-such-file
	same "$T/open.llb" -- /etc
	same "$T/open.llb" -- "$T/open.llb"
	same --set x=/ "$T/open.llb" -- true
	same --as-abi 99 "$T/open.llb" -- true
	same --as-abi 1 "$T/deny.llb" -- true
	head -c 100 "$T/open.llb" >short.llb
	head -c 1000 /dev/zero >zero.llb
	same zero.llb -- true
	same no-such.llb -- true
	run through short.llb -- true
	[ "$status" -eq 125 ]
	chmod g+w zero.llb
	same zero.llb -- true
	printf 'layers 1\nhandled 0 all none none\npath 0 ro /no/such/path\n' | "$B/tests/mkblob" missing.llb
	same missing.llb -- true
}

@test "closed standard descriptors stay closed; ignored and blocked signals stay so" {
	serve
	for BEFORE in "python3 -c 'import os, sys; os.close(0); os.execv(sys.argv[1], sys.argv[1:])'" \
		"env --ignore-signal=HUP --block-signal=USR1" "env --ignore-signal=INT --ignore-signal=PIPE"; do
		eval "set -- $BEFORE"
		"$@" "$L" "$T/open.llb" -- python3 -c 'import os; print(os.path.exists("/proc/self/fd/0"))' >out1 || :
		"$@" "$L" --socket "$S" "$T/open.llb" -- python3 -c 'import os; print(os.path.exists("/proc/self/fd/0"))' >out2 || :
		diff out1 out2
		[ "$(cat out2)" = "$([[ $BEFORE == *close* ]] && echo False || echo True)" ]
		"$@" "$L" "$T/open.llb" -- grep -E 'Sig(Blk|Ign)' /proc/self/status >out1
		"$@" "$L" --socket "$S" "$T/open.llb" -- grep -E 'Sig(Blk|Ign)' /proc/self/status >out2
		diff out1 out2
	done
}

@test "no descriptor of the daemon in a command, whatever the policy closes" {
	serve
	# this policy closes nothing
	run through "$T/open.llb" -- python3 -c 'import os; print(sorted(os.listdir("/proc/self/fd")))'
	[ "$output" = "['0', '1', '2', '3']" ]
}

@test "slots are bound in the caller's directory" {
	serve
	mkdir slot
	echo granted >slot/file
	printf '[slots.w]\ntype = "dir"\nfrom = "arg"\n' >slot.toml
	{ printf 'version = 1\n[fs]\nrox = ["/usr", "/lib", "/lib64", "/bin"]\nro = ["${w}", "/etc"]\n'; cat slot.toml; } >p.toml
	"$B/llc-policy" compile -q p.toml -o p.llb 2>/dev/null
	same --set w=slot p.llb -- cat slot/file
	[ "$(cat out2)" = granted ]
	same --set w=no-slot p.llb -- cat slot/file
	same --set w=slot p.llb -- cat p.toml
	[ ! -s out2 ]
}

@test "-p: the name is resolved by the client, once" {
	serve
	mkdir named
	cp "$T/open.llb" named/mine.llb
	LLRUN_POLICY_PATH=$W/named run through -p mine -- echo named
	[ "$output" = named ]
	LLRUN_POLICY_PATH=$W/named run through -p other -- echo named
	[ "$status" -eq 125 ]
}

@test "signals are forwarded; stop and continue, too" {
	serve
	mkfifo fifo
	"$L" --socket "$S" "$T/open.llb" -- sh -c 'trap "echo usr1; exit 9" USR1; echo $$ >pid; echo >fifo; while :; do sleep 0.1; done' >out &
	client=$!
	echo $client >>pids
	read -r <fifo
	job=$(cat pid)
	kill -TSTP $client
	until_ grep -q '^State:.T' "/proc/$job/status"
	until_ grep -q '^State:.T' "/proc/$client/status" || return 1
	kill -CONT $client
	until_ not grep -q '^State:.T' "/proc/$job/status"
	kill -USR1 $client
	status=0
	wait $client || status=$?
	[ "$status" -eq 9 ]
	[ "$(cat out)" = usr1 ]
}

@test "a job whose client is gone ends; so does what it left in its group" {
	serve
	mkfifo fifo
	"$L" --socket "$S" "$T/open.llb" -- sh -c 'sleep 1000 & echo $! >child; echo $$ >pid; echo >fifo; wait' &
	client=$!
	read -r <fifo
	kill -KILL $client
	until_ gone "$(cat pid)"
	until_ gone "$(cat child)"
	# the positive control: it does not end by itself
	run through "$T/open.llb" -- sh -c 'sleep 1000 & echo $! >child; setsid sleep 1000 & echo $! >escaped'
	[ "$status" -eq 0 ]
	until_ gone "$(cat child)"
	until_ gone "$(cat escaped)"
	run through "$T/open.llb" -- echo still
	[ "$output" = still ]
}

@test "a terminal: its size, its keys, stop and continue; the real one is as before" {
	serve
	py() { timeout 120 python3 -B "$T/daemon.py" tty status "$@"; }
	printf '%s\n' 'size 30 100' 'expect ready' 'raw' 'send \x1a' 'stopped' 'cooked' 'resume' 'raw' 'send \x03' |
		py "$L" --socket "$S" "$T/open.llb" -- sh -c 'tty; stty size; echo ready; exec sleep 1000' >out
	grep -q 'stopped by 20' out
	[ "$(cat status)" = -2 ]
	cat >winch.py <<-'PY'
		import os, signal, sys
		# waited for, not handled: a handler would come in the middle of print(), or not before the next line is read
		signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])
		print("go", os.ttyname(0) == os.ttyname(1), os.getsid(0) == os.getpid(), os.tcgetpgrp(0) == os.getpgrp(), flush=True)
		signal.sigwait([signal.SIGWINCH])
		print(*os.get_terminal_size(), flush=True)
		for line in sys.stdin:
		    print("got", line.strip(), flush=True)
		sys.exit(3)
	PY
	printf '%s\n' 'expect go True False True' 'size 11 22' 'expect 22 11' 'send one\r' 'expect got one' 'send \x04' |
		py "$L" --socket "$S" "$T/open.llb" -- python3 winch.py >out
	[ "$(cat status)" = 3 ]
	# an interactive shell has its jobs
	printf '%s\n' 'expect $' "send sh -c 'echo ru\"\"n; exec sleep 1000'\\r" 'expect run' 'send \x1a' 'expect Stopped' 'send kill -9 %1; exec sh -c "exit 5"\r' |
		py env PS1='$ ' "$L" --socket "$S" "$T/open.llb" -- bash --norc -i >out
	[ "$(cat status)" = 5 ]
}

@test "a terminal: all of the output, what is piped, signals from elsewhere, modes that others change" {
	serve
	py() { timeout 120 python3 -B "$T/daemon.py" tty status "$@"; }
	# more than a terminal holds, and nothing after it; the answer is the status of a direct run
	py "$L" --socket "$S" "$T/open.llb" -- sh -c 'seq 200000; exit 9' </dev/null | tr -d '\r' >out
	[ "$(cat status)" = 9 ]
	seq 200000 | cmp - out
	# descriptors that are no terminals stay what they are; without input there is no terminal
	py sh -c '"$0" "$@" 2>err 5>kept' "$L" --keep-fd 5 --socket "$S" "$T/open.llb" -- \
		sh -c 'test -t 0 && test -t 1 && test ! -t 2 && echo error >&2 && echo kept >&5' </dev/null
	[ "$(cat status)$(cat err)$(cat kept)" = 0errorkept ]
	py sh -c 'echo piped | "$0" "$@"' "$L" --socket "$S" "$T/open.llb" -- sh -c 'test ! -t 0 && test -t 1 && cat' </dev/null >out
	[ "$(cat status)$(tr -d '\r' <out)" = 0piped ]
	# what is blocked and ignored there is here
	cat >signals.py <<-'PY'
		import os, signal, sys
		signal.signal(signal.SIGCHLD, signal.SIG_IGN)
		signal.signal(signal.SIGUSR2, signal.SIG_IGN)
		signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGWINCH])
		os.execvp(sys.argv[1], sys.argv[1:])
	PY
	py python3 signals.py "$L" "$T/open.llb" -- grep -E '^Sig(Blk|Ign)' /proc/self/status </dev/null >direct
	[ "$(cat status)" = 0 ]
	py python3 signals.py "$L" --socket "$S" "$T/open.llb" -- grep -E '^Sig(Blk|Ign)' /proc/self/status </dev/null >through
	[ "$(cat status)" = 0 ]
	cmp direct through
	# signals that others send reach the command, and end the run as they end it
	printf '%s\n' 'expect ready' 'kill SIGUSR1' 'expect usr1' 'kill SIGTERM' |
		py "$L" --socket "$S" "$T/open.llb" -- bash -c 'trap "echo usr1" USR1; echo ready; while :; do sleep 0.1; done' >out
	[ "$(cat status)" = -15 ]
	# a shell's trap may come in the moment before it reads, and wait until it has
	cat >cont.py <<-'PY'
		import signal, sys
		signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCONT])
		print("ready", flush=True)
		for _ in range(2):
		    signal.sigwait([signal.SIGCONT])
		    print("cont", flush=True)
		sys.exit(5 if sys.stdin.read(1) else 4)
	PY
	# continued without a stop, the modes from before are still known; stopped unseen, it finds others and leaves the first
	printf '%s\n' 'expect ready' 'raw' 'kill SIGCONT' 'expect cont' 'kill SIGSTOP' 'stopped' 'cook' 'resume' 'raw' 'expect cont' 'send \x04' |
		py "$L" --socket "$S" "$T/open.llb" -- python3 cont.py >out
	[ "$(cat status)" = 4 ]
	# nothing listens there: the message is seen, the modes are as before
	py "$L" --socket "$W/none" "$T/open.llb" -- true </dev/null >out
	[ "$(cat status)" = 125 ]
	grep -q 'connect.*none.*ENOENT' out
}

@test "a terminal: whoever of the two in front of it ends, the command does, and the modes are as before" {
	serve
	py() { timeout 120 python3 -B "$T/daemon.py" tty status "$@"; }
	job='echo $$ >job; echo ready; exec sleep 1000'
	printf '%s\n' 'expect ready' 'raw' 'kill_child SIGKILL' |
		py "$L" --socket "$S" "$T/open.llb" -- sh -c "$job" >out
	[ "$(cat status)" = -9 ]
	until_ gone "$(cat job)"
	# nobody is left to restore it, but a shell does
	printf '%s\n' 'expect ready' 'raw' 'kill SIGKILL' |
		py "$L" --socket "$S" "$T/open.llb" -- sh -c "$job" >out
	[ "$(cat status)" = "changed -9" ]
	until_ gone "$(cat job)"
	# stopped, the client is not outlived either
	printf '%s\n' 'expect ready' 'send \x1a' 'stopped' 'cooked' 'kill SIGKILL' 'resume' |
		py "$L" --socket "$S" "$T/open.llb" -- sh -c "$job" >out
	[ "$(cat status)" = -9 ]
	until_ gone "$(cat job)"
	until_ sh -c '[ "$(timeout 20 "$0" status --socket "$1" | jq .running)" -eq 0 ]' "$D" "$S"
}

@test "a terminal that hangs up: the command's does; what ends with its shell is told to all in the foreground" {
	serve
	py() { timeout 120 python3 -B "$T/daemon.py" tty status "$@"; }
	printf '%s\n' 'expect ready' 'raw' 'send one\r' 'expect got one' 'hang_up' |
		py "$L" --socket "$S" "$T/open.llb" -- sh -c "trap '' HUP; echo ready; read x; echo got \$x; cat >read; echo end >>read; exit 6" >out
	[ "$(cat status)" = 6 ]
	[ "$(cat read)" = end ]
	cat >hup.py <<-'PY'
		import os, signal
		signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
		child = os.fork()
		if child:
		    print("ready", flush=True)
		signal.sigwait([signal.SIGHUP])
		if child: # with the command, all that it has started ends
		    os.waitpid(child, 0)
		open("main" if child else "child", "w").close()
	PY
	printf '%s\n' 'expect ready' 'raw' 'kill_shell' |
		py "$L" --socket "$S" "$T/open.llb" -- python3 hup.py >out
	until_ test -e main
	until_ test -e child
	until_ sh -c '[ "$(timeout 20 "$0" status --socket "$1" | jq .running)" -eq 0 ]' "$D" "$S"
}

@test "a terminal that takes nothing keeps no signal from the command, nor from what is left of its output" {
	serve
	py() { timeout 120 python3 -B "$T/daemon.py" tty status "$@"; }
	printf '%s\n' 'expect y' 'raw' 'deaf' 'kill SIGTERM' | py "$L" --socket "$S" "$T/open.llb" -- yes >out
	[ "$(cat status)" = -15 ]
	# more than one terminal holds (18 KiB), less than two: the command ends, and the relay has not said everything
	local line='expect y\nraw\ndeaf\ngone ended\n'
	printf "${line}kill SIGTERM\n" |
		py "$L" --socket "$S" "$T/open.llb" -- sh -c 'yes | head -c 19000; echo $$ >ended; exit 4' >out
	[ "$(cat status)" = 4 ]
	rm ended
	# the control: who reads gets it all
	printf "${line}hears\nexpect end\n" |
		py "$L" --socket "$S" "$T/open.llb" -- sh -c 'yes | head -c 19000; echo end; echo $$ >ended; exit 5' >out
	[ "$(cat status)" = 5 ]
}

@test "the terminal is restored when the daemon dies" {
	serve
	printf '%s\n' 'expect ready' 'raw' 'send go\r' 'expect went away' 'cooked' |
		timeout 120 python3 -B "$T/daemon.py" tty status "$L" --socket "$S" "$T/open.llb" -- sh -c "echo ready; read -r go; kill -KILL $MAIN; sleep 1000" >out
	[ "$(cat status)" = 125 ]
}

@test "payloads around the size that travels in the packet" {
	serve
	blob=$T/open.llb
	rest=$((65536 - $(stat -c %s "$blob") - $(printf '%s/usr/bin/printf%%s' "$blob" | wc -c) - 4))
	for more in -8 -1 0 1 8 32768 65536; do
		text=$(head -c "$((rest + more))" /dev/zero | tr '\0' y)
		env -i "$L" --socket "$S" "$blob" -- /usr/bin/printf %s "$text" >out
		[ "$(cat out)" = "$text" ]
	done
}

@test "64 clients at once" {
	serve
	mkfifo gate
	for i in $(seq 64); do
		{
			r=0
			"$L" --socket "$S" "$T/open.llb" -- sh -c "echo in$i >>in; read x <gate; echo out$i; exit $i" >out.$i || r=$?
			echo $r >status.$i
		} &
	done
	until_ sh -c '[ "$(wc -l <in)" -eq 64 ]'
	[ "$(field .running)" -eq 64 ]
	exec 9<>gate
	for i in $(seq 64); do echo >&9; done
	for i in $(seq 64); do
		until_ test -s status.$i
		[ "$(cat status.$i)" -eq "$i" ]
		[ "$(cat out.$i)" = out$i ]
	done
	exec 9>&-
	[ "$(field .running)" -eq 0 ]
}

@test "hostile packets: each refused or its run ended, and the next client is served" {
	serve
	timeout 100 python3 -B "$T/daemon.py" hostile "$S" "$T/open.llb" >out 2>err
	cat out
	[ "$(grep -c '^control: exited 0' out)" -eq 3 ]
	[ "$(grep -cE ': (refused|exited 125|None|killed 9)' out)" -eq "$(($(wc -l <out) - 4))" ]
	[ "$(grep -cE '^(root is (another directory|a file|a file, opened|a pipe)|root not by O_PATH|status of another root): refused .*root directory' out)" -eq 6 ]
	[ "$(grep -cE '^token (by O_PATH|for writing|for nothing|is another file|is a pipe): refused .*daemon.s token' out)" -eq 5 ]
	[ "$(grep -cE '^(root is missing|status without root): refused .*not a request' out)" -eq 2 ]
	grep -q '^signal 15: killed 15' out
	[ "$(wc -l <out)" -gt 53 ]
	[ "$(field .running)" -eq 0 ]
}

@test "silent clients make room, and are dropped" {
	serve
	mkfifo hold
	python3 -B "$T/daemon.py" silent "$S" 600 <hold >out &
	echo $! >>pids
	exec 8>hold
	until_ grep -q connected out
	run through "$T/open.llb" -- echo served
	[ "$output" = served ]
	[ "$(field .connections)" -le 129 ]
	until_ sh -c "[ \"\$($D status --socket $S | jq .connections)\" -eq 1 ]"
	exec 8>&-
}

@test "a client that does not read holds up nobody" {
	serve
	mkfifo fifo
	"$L" --socket "$S" "$T/open.llb" -- sh -c 'echo $$ >pid; echo >fifo; exec sleep 1000' &
	client=$!
	echo $client >>pids
	read -r <fifo
	kill -STOP $client
	job=$(cat pid)
	for i in $(seq 200); do
		kill -STOP "$job"
		kill -CONT "$job"
	done
	run through "$T/open.llb" -- echo served
	[ "$output" = served ]
	kill -KILL "$job"
	until_ sh -c "kill -CONT $client 2>/dev/null; grep -q '^State:.Z' /proc/$client/status || ! test -d /proc/$client"
	status=0
	wait $client || status=$?
	[ "$status" -eq 137 ]
}

# siege ATTACK: in a mount namespace of its own, with a daemon of its own
siege() {
	local own="unshare -m"
	[ "$(id -u)" -eq 0 ] || own="unshare -Urm"
	[ -w /dev/fuse ] && $own true 2>/dev/null || skip "no FUSE file systems here"
	mkdir "$W/$1"
	run timeout -k 5 100 $own python3 -B "$T/hang.py" "$W/$1" "$L" "$D" "$T/open.llb" "$1"
	echo "$output"
	[ "$status" -ne 77 ] || skip "no FUSE file systems here: $output"
	[ "$status" -eq 0 ]
}

@test "files and sockets that hang who closes them: without the hanging, everything works" { siege control; }
@test "a client sends files that do not close: others are served, or told why not" { siege flush; }
@test "a client sends sockets that linger, asked to or not: others are served" { siege linger; }
@test "a token and a payload of a file system that does not answer: refused without asking it" { siege token; }
@test "a job whose directory and input do not answer waits alone" { siege job; }
@test "a large policy with a path that does not answer: others are served, and the daemon ends" { siege ruleset; }
@test "attack: files that take long to be given back: who speaks to clients does not close them" {
	command -v strace >/dev/null || skip "no strace"
	[ "$(id -u)" -eq 0 ] || skip "root traces the front"
	serve
	local front tracer
	front=$(front)
	strace -qq -y -e trace=close -o closes -p "$front" 2>/dev/null &
	tracer=$!
	until_ grep -qx "TracerPid:	$tracer" "/proc/$front/status"
	python3 -B "$T/daemon.py" sizes "$S" >said
	cat said
	[ "$(grep -c '^refused' said)" -eq 2 ]
	until_ sh -c "! ls -l /proc/$front/fd | grep -q memfd:"
	kill -INT "$tracer"
	wait "$tracer" || :
	grep -q memfd:small closes # at once, and by itself
	run grep memfd:large closes
	[ "$status" -eq 1 ]
}

@test "who fills the rulesets of such a policy is killed: those of others are filled" { siege ruleset_killed; }
@test "while files do not close the daemon ends, is killed, and begins anew" { siege end_while_closing; }

@test "a command that makes its parent its tracer is killed at its first stop, and the run ends" {
	serve
	trace='import ctypes, os, sys; print(ctypes.CDLL(None).ptrace(0, 0, 0, 0), flush=True); os.kill(os.getpid(), int(sys.argv[1])); print("on")'
	for how in "--socket $S" "--audit $W/log"; do
		for signal in 10 19; do
			run timeout 60 "$L" $how "$T/deny.llb" -- python3 -c "$trace" $signal
			[ "$status" -eq 137 ]
			[ "$output" = 0 ]
		done
		# without tracing this does nothing
		run timeout 60 "$L" $how "$T/deny.llb" -- python3 -c "$trace" 17
		[[ $output != *on* ]]
		run timeout 60 "$L" $how "$T/deny.llb" -- python3 -c 'import os; os.kill(os.getpid(), 17); print("on")'
		[ "$status" -eq 0 ]
		[ "$output" = on ]
	done
	[ "$(field .running)" -eq 0 ]
}

@test "a supervised run that cannot give up what it has inherited does not go on" {
	seen=
	for files in $(seq 5 24); do
		status=0
		bash -c "ulimit -n $files && exec timeout 60 '$L' --audit '$W/log' '$T/deny.llb' -- '$T/probe' argv here" >out 2>err || status=$?
		[ "$status" -eq 0 ] || [ "$status" -eq 125 ] || [ "$status" -eq 126 ] || [ "$status" -eq 127 ]
		[ "$status" -eq 0 ] || [ -s err ]
		not grep -q '"/proc/self/fd"' err || seen="$seen $status"
	done
	[[ $seen == *" 125"* ]]
	[ "$status" -eq 0 ]
}

@test "arguments and environment too long: 125 or 126 with a message, as directly" {
	serve
	cat >long.py <<-'PY'
		import os, subprocess, sys
		n = int(sys.argv[1])
		args = ["x" * 100000] * n
		r = subprocess.run(sys.argv[2:] + args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
		print(r.returncode, b"E2BIG" in r.stderr)
	PY
	run python3 long.py 15 "$L" --socket "$S" "$T/open.llb" -- /bin/true
	[ "$output" = "0 False" ]
	(
		ulimit -S -s 1024
		# execve(2) takes a quarter of the stack's limit; the client's is smaller than what it could pass
		ulimit -H -s 65536 2>/dev/null || :
		run python3 long.py 2 "$L" --socket "$S" "$T/open.llb" -- /bin/true
		[ "$output" = "0 False" ]
	)
	# where the daemon's own limit is lower than what the client could pass
	kill -TERM $MAIN
	wait $MAIN
	S=$W/s2
	serve sh -c 'ulimit -s 1024; exec "$0" "$@"'
	run python3 long.py 2 "$L" --socket "$S" "$T/open.llb" -- /bin/true
	[ "$output" = "0 False" ]
	run python3 long.py 15 "$L" --socket "$S" "$T/open.llb" -- /bin/true
	[ "$output" = "126 True" ]
	run through "$T/open.llb" -- echo alive
	[ "${lines[-1]}" = alive ]
}

@test "a brokered policy: exceptions work, the rest is Landlock's; signals, stops, its end, a terminal" {
	serve
	echo readable >readable
	echo secret >secret
	cat >b.toml <<-END
		version = 1
		[fs]
		rox = ["/usr", "/lib", "/lib64", "/bin"]
		ro = ["/etc/ld.so.cache"]
		rw = ["/dev/null", "/dev/tty"]
		[broker]
		allow_read = ["$W/readable"]
	END
	"$B/llc-policy" compile -q b.toml -o b.llb 2>/dev/null
	same b.llb -- cat readable
	[ "$(cat out2)" = readable ]
	same b.llb -- cat secret
	[ ! -s out2 ]
	same b.llb -- sh -c 'exit 9'
	same b.llb -- sh -c 'kill -TERM $$'
	same b.llb -- no-such-command
	"$L" --socket "$S" b.llb -- sh -c 'echo $$; exec sleep 1000' >out &
	client=$!
	until_ test -s out
	job=$(cat out)
	kill -TERM $client
	status=0
	wait $client || status=$?
	[ "$status" -eq 143 ]
	: >out
	"$L" --socket "$S" b.llb -- sh -c 'echo $$; sleep 1000 & echo $!; wait' >out &
	client=$!
	until_ sh -c '[ "$(wc -l <out)" -eq 2 ]'
	kill -KILL $client
	for job in $(cat out); do until_ gone "$job"; done
	printf '%s\n' 'expect readable' 'expect ready' 'send \x1a' 'stopped' 'cooked' 'resume' 'raw' 'send \x03' |
		timeout 120 python3 -B "$T/daemon.py" tty status "$L" --socket "$S" b.llb -- sh -c 'cat readable; echo ready; exec sleep 1000' >out
	[ "$(cat status)" = -2 ]
}

@test "a policy with mounts through the daemon" {
	serve
	printf 'version = 1\n[fs]\nrox = ["/usr", "/lib", "/lib64", "/bin"]\nro = ["/etc", "/proc"]\nrw = ["%s"]\n[mount]\ntmpfs = ["%s"]\nproc = ["/proc"]\n' "$W/tmp" "$W/tmp" >m.toml
	mkdir tmp
	"$B/llc-policy" compile -q m.toml -o m.llb
	unshare -Urm true 2>/dev/null || skip "user namespaces are closed here"
	same m.llb -- sh -c "echo x >tmp/x; ls tmp; echo \$\$; exit 3"
	[ "$(cat out2)" = $'x\n2' ]
	[ ! -e tmp/x ]
	same m.llb -- sh -c 'kill -TERM $$'
}

# ---- warm rulesets ----

# big NAME EXTRA: a policy of more than 16 paths, below $W/big, that lets cat run
big() {
	mkdir -p big
	{
		printf 'version = 1\n[fs]\nrox = ["/usr", "/lib", "/lib64", "/bin"]\nro = ["/etc/ld.so.cache"'
		for i in $(seq 20); do
			mkdir -p "big/$i"
			echo "$i" >"big/$i/file"
			printf ', "%s"' "$W/big/$i"
		done
		printf '%s]\n' "$2"
	} >"$1.toml"
	"$B/llc-policy" compile -q "$1.toml" -o "$1.llb" 2>/dev/null
}
# warmed NAME CMD...: runs until one was warm
warmed() {
	local before
	before=$(field .warm.hits)
	for _ in $(seq 200); do
		through "$@" >/dev/null 2>&1 || :
		[ "$(field .warm.hits)" -eq "$before" ] || return 0
		sleep 0.02
	done
	echo "never warm: $* $(field .warm)"
	return 1
}

@test "a policy becomes warm, and means the same: a large one when it is seen, a small one when it is seen again" {
	serve
	big p ''
	warmed p.llb -- cat big/7/file
	same p.llb -- cat big/7/file
	same p.llb -- cat /etc/passwd
	[ ! -s out2 ]
	same p.llb -- sh -c 'ls /proc/self/fd 2>&1; exit 3'
	[ "$(field .warm.entries)" -eq 1 ]
	fills=$(field .warm.fills)
	through "$T/deny.llb" -- true
	[ "$(field .warm.fills)" -eq "$fills" ]
	warmed "$T/deny.llb" -- true
	[ "$(field .warm.fills)" -eq $((fills + 1)) ]
}

@test "a warm ruleset does not outlive what its paths named" {
	serve
	mkdir other
	echo other >other/file
	ln -s "$W/other" link
	big p ", \"$W/link\", { path = \"$W/late/tree\", optional = true }"
	command="cat $W/big/1/file $W/link/file $W/late/tree/file"
	changes=(
		"mv big/1 big/gone && mkdir big/1 && echo new >big/1/file"
		"rm -r big/1 && mkdir big/1 && echo newer >big/1/file"
		"mv big big2 && mkdir big && cp -r big2/* big"
		"rm link && mkdir third && echo third >third/file && ln -s third link"
		"mkdir -p late/tree && echo late >late/tree/file"
		"mv late/tree late/x && mkdir late/tree && echo later >late/tree/file"
		"rm -r late"
		"rm -r big/1"
		"mkdir big/1 && echo back >big/1/file"
		"chmod 000 big; true"
		"chmod 755 big"
	)
	for change in "${changes[@]}"; do
		# a policy with a missing path is refused, never warm
		[ ! -d big/1 ] || [ ! -x big ] || warmed p.llb -- true
		eval "$change"
		same p.llb -- sh -c "$command"
		same p.llb -- sh -c "$command"
	done
}

@test "a warm ruleset does not outlive a mount" {
	[ "$(id -u)" -eq 0 ] || skip "root mounts"
	serve
	mkdir over
	echo over >over/file
	big p ''
	warmed p.llb -- true
	mount --bind over big/2
	same p.llb -- cat big/2/file
	got=$(cat out2)
	umount big/2
	[ "$got" = over ]
	same p.llb -- cat big/2/file
	[ "$(cat out2)" = 2 ]
}

@test "a policy becomes warm although the first attempt could not be begun" {
	command -v strace >/dev/null || skip "no strace"
	[ "$(id -u)" -eq 0 ] || skip "root traces the daemon"
	serve
	big p ''
	# the filler's process; the job's is the second
	strace -qq -o /dev/null -p "$MAIN" -e trace=clone3 -e inject=clone3:error=EAGAIN:when=1 &
	local tracer=$!
	until_ grep -qx "TracerPid:	$tracer" "/proc/$MAIN/status"
	through p.llb -- true
	kill "$tracer"
	until_ grep -qx "TracerPid:	0" "/proc/$MAIN/status"
	[ "$(field .warm.fills)" -eq 1 ]
	[ "$(field .warm.entries)" -eq 0 ]
	warmed p.llb -- true
}

@test "warm rulesets are those of the slots' values and of the directory" {
	serve
	big p ', "${w}", "${CWD}/here"' || : # not yet: the slot is missing
	printf '[slots.w]\ntype = "dir"\nfrom = "arg"\n' >>p.toml
	"$B/llc-policy" compile -q p.toml -o p.llb 2>/dev/null
	mkdir -p one two d1/here d2/here
	echo one >one/file
	echo two >two/file
	echo here1 >d1/here/file
	echo here2 >d2/here/file
	cd d1
	warmed --set w="$W/one" ../p.llb -- true
	warmed --set w="$W/two" ../p.llb -- true
	warmed --set w=here ../p.llb -- true
	cd ../d2
	warmed --set w="$W/one" ../p.llb -- true
	for d in d1 d2; do
		cd "../$d"
		for w in "$W/one" "$W/two" ../one ../two here; do
			same --set w="$w" ../p.llb -- sh -c "cat $W/one/file; cat $W/two/file; cat $W/d1/here/file; cat $W/d2/here/file"
			[ "$(wc -l <out2)" -eq "$([ $w = here ] && echo 1 || echo 2)" ]
		done
		rm -f out1 out2 err1 err2
	done
}

@test "what cannot be watched is not kept: /proc/self" {
	serve
	big p ', "/proc/self"'
	for i in $(seq 20); do same p.llb -- sh -c 'cat /proc/self/comm; cat /proc/$$/comm; cat /proc/1/comm'; done
	[ "$(field .warm.hits)" -eq 0 ]
	[ "$(field .warm.entries)" -eq 0 ]
}

@test "many warm policies: the oldest make room, descriptors do not grow" {
	serve
	for k in $(seq 20); do
		# the policy's own name in its source map makes them differ
		big "p$k" ''
		warmed "p$k.llb" -- true
	done
	[ "$(field .warm.entries)" -le 16 ]
	# a parked child has two; there are 32 at most
	[ "$(ls "/proc/$MAIN/fd" | wc -l)" -lt $((60 + 32 * 2)) ]
	same p1.llb -- cat big/3/file
}

# ---- parked children ----

parked() { until_ sh -c "[ \"\$($AS $D status --socket $S | jq .warm.parked)\" -ge 2 ]"; }
parked_pids() { pgrep -P "$MAIN" -x llrund || :; }
# with_two: a daemon that has two; their process ids in `pids`
with_two() {
	serve
	taken "$T/open.llb" -- true
	parked
	pids=$(parked_pids)
	[ "$(wc -w <<<"$pids")" -eq 2 ]
}
# taken NAME CMD...: runs CMD by a parked child
taken() {
	local before
	warmed "$@"
	parked
	before=$(field .warm.taken)
	through "$@"
	[ "$(field .warm.taken)" -eq $((before + 1)) ]
}

@test "a parked child's job is the run itself" {
	serve
	for policy in "$T/open.llb" "$T/deny.llb"; do
		taken "$policy" -- true
		equality
	done
	# twice, so that the second is a parked child's
	for i in 1 2 3; do
		parked
		same --set x=/ "$T/open.llb" -- true
		same "$T/deny.llb" -- no-such-command
		same "$T/deny.llb" -- /etc
		same "$T/deny.llb" -- sh -c 'kill -TERM $$'
		same "$T/deny.llb" -- grep -E '^(Sig[PBIC]|Cap|NoNew|Seccomp|Umask)' /proc/self/status
		same "$T/deny.llb" -- cat /proc/self/limits
		parked
		run through "$T/open.llb" -- python3 -c 'import os; print(sorted(os.listdir("/proc/self/fd")))'
		[ "$output" = "['0', '1', '2', '3']" ]
		BEFORE="env --ignore-signal=HUP --block-signal=USR1" same "$T/deny.llb" -- grep -E 'Sig(Blk|Ign)' /proc/self/status
		grep -q '^SigBlk:.*2..$' out2
		grep -q '^SigIgn:.*1$' out2
	done
	[ "$(field .warm.taken)" -gt 20 ]
}

@test "parked children have no descriptor of a job, and are in their domain; what they answer to is hidden" {
	serve
	printf 'version = 1\n[fs]\nrox = ["/usr", "/lib", "/lib64", "/bin"]\n[net]\n[scope]\n' >p.toml
	"$B/llc-policy" compile -q p.toml -o p.llb 2>/dev/null
	mkfifo fifo
	mkfifo output
	"$L" --socket "$S" "$T/open.llb" -- sh -c 'echo >fifo; exec sleep 1000' 7<"$T/open.llb" >output &
	client=$!
	echo $client >>pids
	{ cat output; echo ended >end; } &
	read -r <fifo
	taken p.llb -- true
	parked
	count=0
	for pid in $(parked_pids); do
		if [ "$(id -u)" -eq 0 ]; then
			[ "$(ls "/proc/$pid/fd" | paste -sd' ')" = 3 ]
			[[ $(readlink "/proc/$pid/fd/3") == socket:* ]]
		else # hidden from its own user, too; the command below it is not
			not ls "/proc/$pid/fd"
			until_ pgrep -x sleep -P "$MAIN"
			ls "/proc/$(pgrep -x sleep -P "$MAIN")/fd" >out
		fi
		grep -q 'NoNewPrivs:.1' "/proc/$pid/status"
		grep -q 'Seccomp:.2' "/proc/$pid/status"
		[ "$(stat -c %u "/proc/$pid/environ")" -eq 0 ]
		count=$((count + 1))
	done
	[ "$count" -ge 2 ]
	# nor does the daemon hold what the job writes to
	[ ! -e end ]
	kill -KILL $client
	until_ test -e end
	parked
}

@test "a filter that refuses what a parked child still has to do is installed after that" {
	serve
	# umask is what every job's way to its command needs; positive control: the command itself is refused it
	printf 'version = 1\n[fs]\nunrestricted = true\n[net]\nunrestricted = true\n[scope]\nunrestricted = true\n[seccomp]\ndeny = ["umask"]\nerrno = "EPERM"\n' >f.toml
	"$B/llc-policy" compile -q f.toml -o f.llb 2>/dev/null || "$B/llc-policy" compile f.toml -o f.llb
	taken f.llb -- true
	parked
	for pid in $(parked_pids); do grep -q 'Seccomp:.0' "/proc/$pid/status"; done
	umask 027
	taken f.llb -- python3 -c 'import ctypes; print(ctypes.CDLL(None, use_errno=True).umask(0o77))' >out
	parked
	run through f.llb -- grep Umask /proc/self/status
	[[ $output == *0027 ]]
	run through f.llb -- python3 -c 'import ctypes; l = ctypes.CDLL(None, use_errno=True); print(l.syscall(95 if __import__("platform").machine() == "x86_64" else 166, 0), ctypes.get_errno())'
	[ "$output" = "-1 1" ]
}

@test "parked children that somebody kills or stops: the next run is served, and others are made" {
	serve
	for signal in KILL STOP; do
		for i in 1 2 3; do
			taken "$T/open.llb" -- true
			parked
			pids=$(parked_pids)
			[ -n "$pids" ]
			for pid in $pids; do kill -$signal "$pid" || :; done
			run through "$T/open.llb" -- echo served
			[ "$status" -eq 0 ]
			[ "$output" = served ]
			parked
		done
	done
	# at any moment: a job is never lost, and never run twice
	while :; do for pid in $(parked_pids); do kill -KILL "$pid" 2>/dev/null || :; done; done &
	killer=$!
	for i in $(seq 100); do through "$T/open.llb" -- sh -c "echo $i >>ran" || [ $? -eq 137 ]; done
	kill $killer
	[ "$(sort -n ran | uniq -d | wc -l)" -eq 0 ]
	[ "$(wc -l <ran)" -gt 0 ]
	run through "$T/open.llb" -- echo served
	[ "$output" = served ]
}

# with_parked: some wait; a mount elsewhere on the machine ends them all, until the policy is asked for again
one_waits() { through "$T/open.llb" -- true && sleep 0.02 && [ -n "$(parked_pids)" ]; }
with_parked() { until_ one_waits; }
# changed HOW: what HOW PID... does to parked children does not reach the next job; the job that does it is itself served
changed() {
	local plain before
	plain=$(through "$T/open.llb" -- python3 -B "$T/daemon.py" condition)
	for i in 1 2; do
		with_parked
		before=$(parked_pids)
		[ -n "$before" ]
		$USER_IS python3 -B "$T/daemon.py" change "$1" $before
		for job in 1 2; do
			run through "$T/open.llb" -- python3 -B "$T/daemon.py" condition
			echo "$1: $plain; $output"
			[ "$status" -eq 0 ]
			[ "$output" = "$plain" ]
		done
	done
}

@test "what others of its user do to a parked child does not reach its job: limits, scheduling, signals" {
	serve $USER_IS
	AS=$USER_IS
	through() { timeout 60 $USER_IS "$L" --socket "$S" "$@"; }
	for how in limits idle nice processors io signal; do
		if [ $how = processors ] && [ "$(nproc)" -eq 1 ]; then continue; fi
		changed $how
	done
	# positive control: a job that is not parked is what others have made of it
	mkfifo fifo
	chmod 666 fifo
	through "$T/open.llb" -- sh -c "echo \$\$ >fifo; read -r x <fifo; exec python3 -B $T/daemon.py condition" >now &
	read -r job <fifo
	$USER_IS python3 -B "$T/daemon.py" change limits "$job"
	echo >fifo
	wait $!
	grep 4096 now
}

@test "attack: a job in the process groups of parked children: a session of its own is had all the same" {
	local policy joined
	serve
	mkfifo joined
	printf 'version = 1\n[fs]\nrox = ["/usr", "/lib", "/lib64", "/bin"]\nro = ["/etc/ld.so.cache"]\n' >plain.toml
	{ cat plain.toml && printf '[process]\nnew_session = true\n'; } >session.toml
	for policy in plain session; do
		"$B/llc-policy" compile -q $policy.toml -o $policy.llb 2>/dev/null
		taken $policy.llb -- true
		parked
		exec 8> >(exec timeout 60 "$L" --socket "$S" "$T/open.llb" -- python3 -B "$T/daemon.py" join $(parked_pids) >joined)
		read -r joined <joined
		# the control: groups of the others are open to it
		[ $policy = session ] || [ "$joined" -ge 2 ]
		for i in $(seq 4); do
			run through $policy.llb -- true
			echo "$policy: $output"
			[ "$status" -eq 0 ]
		done
		exec 8>&-
	done
}

@test "a signal of the client's reaches the job of a parked child, whenever it comes" {
	serve
	for i in $(seq 20); do
		with_parked
		"$L" --socket "$S" "$T/open.llb" -- sleep 1000 &
		client=$!
		begun $client
		[ $((i % 2)) -eq 0 ] || until_ sh -c "[ \"\$($D status --socket $S | jq .running)\" -ge 1 ]"
		kill -TERM $client
		status=0
		wait $client || status=$?
		[ "$status" -eq 143 ]
		until_ sh -c "[ \"\$($D status --socket $S | jq .running)\" -eq 0 ]"
	done
}

@test "a parked child of a ruleset that has become stale is not used, and ends" {
	serve
	big p ''
	for i in 1 2 3; do
		taken p.llb -- true
		parked
		old=$(parked_pids)
		rm -r big/1 && mkdir big/1 && echo "new $i" >big/1/file
		same p.llb -- cat "$W/big/1/file"
		[ "$(cat out2)" = "new $i" ]
		for pid in $old; do until_ gone "$pid"; done
	done
}

@test "64 clients at once, some by parked children; SIGTERM and stop leave none" {
	serve
	taken "$T/open.llb" -- true
	parked
	before=$(field .warm.taken)
	for i in $(seq 64); do
		{
			r=0
			through "$T/open.llb" -- sh -c "exit $i" || r=$?
			echo $r >status.$i
		} &
	done
	for i in $(seq 64); do
		until_ test -s status.$i
		[ "$(cat status.$i)" -eq "$i" ]
	done
	[ "$(field .warm.taken)" -ge $((before + 2)) ]
	parked
	pids=$(parked_pids)
	[ "$(wc -w <<<"$pids")" -ge 2 ]
	kill -TERM $MAIN
	wait $MAIN
	for pid in $pids; do gone "$pid"; done
	with_two
	timeout 20 "$D" stop --socket "$S"
	wait $MAIN
	for pid in $pids; do gone "$pid"; done
	with_two
	kill -KILL $MAIN
	for pid in $pids; do until_ gone "$pid"; done
}

@test "parked children end when nothing has run for a long time; the next runs are served, and have them again" {
	D=$T/idle/llrund
	serve
	for i in 1 2; do
		with_parked
		pids=$(parked_pids)
		until_ sh -c "[ \"\$($D status --socket $S | jq .warm.parked)\" -eq 0 ]"
		for pid in $pids; do until_ gone "$pid"; done
		run through "$T/open.llb" -- echo served
		[ "$status" -eq 0 ]
		[ "$output" = served ]
	done
	[ "$(field .warm.entries)" -eq 1 ]
}

# takes NAME CMD...: a parked child runs it
takes() {
	local before
	before=$(field .warm.taken)
	through "$@" && [ "$(field .warm.taken)" -gt "$before" ]
}
@test "many policies with many parked children: each gets its own, and no more than there may be" {
	serve
	for k in 1 2 3 4 5 6; do
		printf 'version = 1\n[policy]\nname = "p%s"\n[fs]\nrox = ["/"]\n' "$k" >"p$k.toml"
		"$B/llc-policy" compile -q "p$k.toml" -o "p$k.llb" 2>/dev/null
		warmed "p$k.llb" -- true
		jobs=
		for job in $(seq 24); do
			through "p$k.llb" -- true &
			jobs="$jobs $!"
		done
		for job in $jobs; do wait "$job"; done
	done
	for k in 1 2 3 4 5 6; do until_ takes "p$k.llb" -- true; done
	[ "$(field .warm.parked)" -le 32 ]
}

# none_left: of the session that the daemon leads
none_left() { [ -z "$(pgrep -s "$1" || :)" ]; }
@test "SIGTERM and SIGKILL while children are being parked leave none" {
	for signal in TERM KILL; do
		for i in 1 2 3 4 5 6 7 8; do
			serve
			warmed "$T/open.llb" -- true
			for job in $(seq "$i"); do through "$T/open.llb" -- true; done
			main=$MAIN
			not none_left "$main" # the control
			kill -$signal "$main"
			wait "$main" || :
			until_ none_left "$main"
		done
	done
}

@test "what a job leaves behind ends, and parked children stay" {
	serve
	taken "$T/open.llb" -- true
	parked
	through "$T/open.llb" -- sh -c 'setsid sleep 1000 & echo $! >escaped'
	until_ gone "$(cat escaped)"
	parked
}

# ---- who may ask ----

@test "a sandboxed process is refused, by everything that tells" {
	serve
	run ask -- /bin/true
	[ "$status" -eq 0 ]
	run setpriv --no-new-privs python3 -B "$T/daemon.py" ask "$S" "$T/open.llb" -- /bin/true
	[ "$status" -eq 3 ]
	[[ $output == *no_new_privs* ]]
	run setpriv --no-new-privs "$L" --socket "$S" "$T/open.llb" -- true
	[ "$status" -eq 125 ]
	run setpriv --no-new-privs "$D" stop --socket "$S"
	[ "$status" -eq 125 ]
	run setpriv --no-new-privs "$D" status --socket "$S"
	[ "$status" -eq 125 ]
	run through "$T/open.llb" -- echo alive
	[ "$output" = alive ]
}

@test "fewer rights than the daemon: capabilities, groups, another root, mount or network namespace" {
	[ "$(id -u)" -eq 0 ] || skip "root only"
	serve
	asks() { "$@" python3 -B "$T/daemon.py" ask "$S" "$T/open.llb" -- /bin/true; }
	run asks env
	[ "$status" -eq 0 ]
	run asks setpriv --bounding-set -sys_admin
	[ "$status" -eq 3 ]
	[[ $output == *capabilities* ]]
	run asks setpriv --regid 7 --clear-groups
	[ "$status" -eq 3 ]
	[[ $output == *groups* ]]
	run asks unshare -m
	[ "$status" -eq 3 ]
	[[ $output == *token* ]]
	run asks unshare -n
	[ "$status" -eq 3 ]
	[[ $output == *network* ]]
	# there it has all capabilities, by what /proc tells of it, and none over what is the daemon's
	run asks unshare -U --map-root-user
	[ "$status" -eq 3 ]
	[[ $output == *"user namespace"* ]]
	run asks unshare -p -f
	[ "$status" -eq 3 ]
	[[ $output == *"PID namespace"* ]]
	mkdir -p root
	run unshare -m sh -c "mount --bind / root && chroot root python3 -B $T/daemon.py ask $S $T/open.llb -- /bin/true"
	[ "$status" -eq 3 ]
	run $USER_IS python3 -B "$T/daemon.py" ask "$S" "$T/open.llb" -- /bin/true
	[ "$status" -eq 4 ]
}

# older NAME CALL ERRNO WHEN: a policy that lets the call fail, as older kernels do
older() {
	printf 'version = 1\n[fs]\nunrestricted = true\n[net]\nunrestricted = true\n[scope]\nunrestricted = true\n[process]\ndrop_caps = []\n' >"$1.toml"
	printf '[seccomp]\ndefault = "allow"\n[[seccomp.rule]]\nsyscall = "%s"\naction = "errno %s"\nwhen = "%s"\n' "$2" "$3" "$4" >>"$1.toml"
	"$B/llc-policy" compile -q "$1.toml" -o "$1.llb"
}

@test "another root, mount or network namespace, told as this kernel tells it, and as older ones do" {
	enter="unshare -Ur"
	[ "$(id -u)" -ne 0 ] || enter=
	$enter true || skip "no user namespaces here"
	own="refused 0 the asking process is in another user namespace than the daemon"
	[ -n "$enter" ] || own="exited 0 "
	mkdir root
	older ioctl ioctl ENOTTY 'request == 0xff04'
	older pidfd getsockopt ENOPROTOOPT 'optname == 77'
	for kernel in this ioctl pidfd; do
		S=$W/$kernel
		if [ $kernel = this ]; then serve; else serve "$L" "$kernel.llb" --; fi
		python3 -B "$T/daemon.py" ask "$S" "$T/open.llb" -- /bin/true
		for how in "chroot root" mounts network; do
			run $enter python3 -B "$T/daemon.py" moved "$S" "$T/open.llb" $how
			echo "$kernel: $how: $output"
			[ "$status" -eq 0 ]
			case $how in
			network) [[ ${lines[0]} == refused*"network namespace"* ]] && [[ ${lines[1]} == refused*"network namespace"* ]] ;;
			# who has it is there, whatever its root is; but for the user namespace
			*) [[ ${lines[0]} == refused*"root directory or mount namespace"* ]] && [ "${lines[1]}" = "$own" ] ;;
			esac || return 1
		done
		kill -KILL $MAIN
	done
}

@test "a Landlock domain and nothing else, before a daemon that cannot tell no_new_privs: the token is read, or nothing is" {
	serve setpriv --no-new-privs
	head='layers 1\nhandled 0 all none none\n'
	for path in /usr /bin /lib /lib64 /etc /dev /proc; do [ ! -e $path ] || head+="path 0 rox $path\n"; done
	head+="path 0 rw $W/seen\npath 0 rox $T/daemon.py\npath 0 rox $T/open.llb\n"
	touch seen
	printf "$head" | "$B/tests/mkblob" "$T/without.llb"
	printf "${head}path 0 rox $S.d\n" | "$B/tests/mkblob" "$T/with.llb"
	chmod 644 "$T"/with*.llb
	run "$L" "$T/with.llb" -- python3 -B "$T/daemon.py" ask "$S" "$T/open.llb" -- /bin/true
	[ "$status" -eq 0 ]
	# no right is asked for an open that neither reads nor writes: a descriptor all the same
	run "$L" "$T/without.llb" -- python3 -B "$T/daemon.py" ask "$S" "$T/open.llb" -- /bin/true
	echo "$output"
	[ "$status" -eq 3 ]
	[[ $output == *"no right to read the daemon's token"* ]]
}

@test "a peer whose number may be another's by now is gone" {
	older gone getsockopt ESRCH 'optname == 77'
	serve "$L" gone.llb --
	run ask -- /bin/true
	[ "$status" -eq 3 ]
	[[ $output == *"the asking process is gone"* ]]
}

@test "a daemon that sees the processes of another PID namespace does not serve" {
	enter="unshare -Urpf"
	[ "$(id -u)" -ne 0 ] || enter="unshare -pf"
	$enter true || skip "no PID namespaces here"
	run $enter timeout 20 "$D" serve --socket "$S"
	[ "$status" -eq 125 ]
	[[ $output == *"PID namespace"* ]]
	[ ! -e "$S" ]
}

@test "another user is refused even where the socket is open to all; root may ask a user's daemon" {
	[ "$(id -u)" -eq 0 ] || skip "root only"
	serve $USER_IS
	run $USER_IS "$L" --socket "$S" "$T/open.llb" -- id -u
	[ "$status" -eq 0 ]
	[ "$output" = 65534 ]
	chmod 777 "$S" && chmod 755 "$S.d" && chmod 644 "$S.d/token"
	run setpriv --reuid 1234 --regid 65534 --clear-groups python3 -B "$T/daemon.py" ask "$S" "$T/open.llb" -- /bin/true
	[ "$status" -eq 3 ]
	[[ $output == *"another user"* ]]
	run setpriv --reuid 1234 --regid 65534 --clear-groups "$L" --socket "$S" "$T/open.llb" -- /bin/true
	[ "$status" -eq 125 ]
	[[ $output == *"belongs to another user"* ]]
}

@test "under every starter policy, a workload that asks for cat /etc/shadow under a blob of its own is refused" {
	mkdir project home tmp
	export HOME=$W/home TMPDIR=$W/tmp
	cp "$L" "$T/daemon.py" "$T/open.llb" project
	cd project
	S=$W/project/s
	serve
	# outside the same requests work
	run ask
	[ "$status" -eq 0 ] || [ "$(id -u)" -ne 0 ]
	run ./llrun --socket "$S" open.llb -- cat /etc/passwd
	[ "$status" -eq 0 ]
	for policy in "$TOP"/policies/*.toml; do
		name=$(basename "$policy" .toml)
		case $name in prepared-root*) continue ;; esac # nothing of the host is in their root, these programs neither
		"$B/llc-policy" compile -q "$policy" -o "$W/$name.llb"
		sets=
		! grep -q 'slots.tree' "$policy" || sets="--set tree=$W/project"
		! grep -q 'slots.products' "$policy" || sets="--set products=$W/home"
		for attack in "python3 -B daemon.py ask $S open.llb -- /bin/cat /etc/shadow" "python3 -B daemon.py ask s open.llb -- /bin/cat /etc/passwd" \
			"./llrun --socket $S open.llb -- cat /etc/shadow" "./llrun --socket s open.llb -- cat /etc/passwd"; do
			run --separate-stderr "$L" $sets "$W/$name.llb" -- $attack
			echo "$name: $attack: $status $output $stderr"
			[ "$status" -gt 0 ]
			[ "$status" -lt 128 ]
			[[ $output$stderr != *root:* ]]
		done
		# it is the policy that runs, and not a mistake of this test
		run "$L" $sets "$W/$name.llb" -- sh -c 'echo inside'
		[ "$status" -eq 0 ]
	done
	[ "$(field .started)" -eq 2 ] || [ "$(field .started)" -eq 1 ]
}

@test "under prepared-root, the same, with the daemon's socket inside the root" {
	unshare -Urm true 2>/dev/null || skip "user namespaces are closed here"
	mkdir -p root/build root/tmp root/proc root/dev root/etc
	for device in null zero full random urandom; do : >root/dev/$device; done
	cp "$L" "$T/open.llb" root/build
	S=$W/root/build/s
	serve
	run through "$T/open.llb" -- cat /etc/passwd
	[ "$status" -eq 0 ]
	for name in prepared-root prepared-root-net; do
		"$B/llc-policy" compile -q "$TOP/policies/$name.toml" -o "$name.llb"
		run "$L" --set root="$W/root" "$name.llb" -- /build/llrun --version
		echo "$output"
		[ "$status" -eq 0 ]
		run "$L" --set root="$W/root" "$name.llb" -- /build/llrun --socket /build/s /build/open.llb -- /bin/cat /etc/passwd
		echo "$name: $status $output"
		[ "$status" -gt 0 ]
		[ "$status" -lt 128 ]
		[[ $output != *root:* ]]
	done
	[ "$(field .started)" -eq 1 ]
}

# ---- the socket ----

@test "what is not llrund's own is left alone" {
	echo mine >"$S"
	run "$D" serve --socket "$S"
	[ "$status" -eq 125 ]
	[[ $output == *"not a socket"* ]]
	[ "$(cat "$S")" = mine ]
	rm "$S"
	python3 -c "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.bind('$S')"
	run "$D" serve --socket "$S"
	[ "$status" -eq 125 ]
	[[ $output == *"did not make"* ]]
	[ -S "$S" ]
	[ ! -e "$S.d" ]
	mkdir -m 700 "$S.d"
	run "$D" serve --socket "$S"
	[ "$status" -eq 125 ]
	[[ $output == *"did not make"* ]]
	rm "$S"
	rm -rf "$S.d"
	mkdir -m 755 "$S.d"
	run "$D" serve --socket "$S"
	[ "$status" -eq 125 ]
	[[ $output == *0700* ]]
	rm -rf "$S.d"
	ln -s "$W" "$S.d"
	run "$D" serve --socket "$S"
	[ "$status" -eq 125 ]
	rm "$S.d"
	mkdir "$S"
	run "$D" serve --socket "$S"
	[ "$status" -eq 125 ]
	rmdir "$S"
	[ ! -e "$S.d" ]
	echo mine >"$S"
	run "$D" serve --socket "$S"
	[ "$status" -eq 125 ]
	[[ $output == *"not a socket is in the way; remove it"* ]]
	[ "$(cat "$S")" = mine ]
	[ ! -e "$S.d" ]
	rm "$S"
	run "$D" serve --socket "$W/no/such/dir/s"
	[ "$status" -eq 125 ]
	[[ $output == *"mkdir(\"$W/no/such/dir/s.d\"): ENOENT"*"create it"* ]]
	long=$W/$(head -c 100 /dev/zero | tr '\0' x)
	run "$D" serve --socket "$long"
	[ "$status" -eq 125 ]
	[[ $output == *107* ]]
	run "$L" --socket "$long" "$T/open.llb" -- true
	[ "$status" -eq 125 ]
	[[ $output == *107* ]]
	run "$L" --socket "$W/none" "$T/open.llb" -- true
	[ "$status" -eq 125 ]
	[[ $output == *ENOENT* ]]
	echo file >"$W/file"
	run "$L" --socket "$W/file" "$T/open.llb" -- true
	[ "$status" -eq 125 ]
	[[ $output == *ECONNREFUSED* ]]
}

@test "a server that is no llrund has no token, which is said; one that hangs up is not waited for" {
	mkfifo listening
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind(sys.argv[1])
s.listen(8)
open("listening", "w").close()
while True:
    s.accept()[0].close()' "$S" &
	echo $! >>pids
	read -r <listening || :
	run "$L" --socket "$S" "$T/open.llb" -- true
	[ "$status" -eq 125 ]
	[[ $output == *"$S.d/token"*ENOENT* ]]
	command -v strace >/dev/null || skip "no strace"
	# of the 400 moments that a daemon has which has yet to start
	strace -qq -o waits -e trace=ppoll "$L" --socket "$S" "$T/open.llb" -- true 2>/dev/null || :
	[ "$(wc -l <waits)" -eq 1 ]
}

@test "attack: a token that is a terminal does not become the client's" {
	run timeout 60 python3 -B "$T/daemon.py" token-terminal "$S" "$L" --socket "$S" "$T/open.llb" -- true
	echo "$output"
	[ "$output" = $'control: one\nclient: none' ]
}

@test "usage errors are 125" {
	for arguments in "serve" "serve --socket" "serve --socket x --systemd" "serve --systemd" "status" "stop --systemd" "serve --frob" "frob"; do
		run "$D" $arguments
		[ "$status" -eq 125 ] || { echo "$arguments: $status"; return 1; }
	done
}

@test "one daemon serves a path; a killed one leaves nothing in the way" {
	serve
	run "$D" serve --socket "$S"
	[ "$status" -eq 125 ]
	[[ $output == *"another llrund"* ]]
	run through "$T/open.llb" -- echo first
	[ "$output" = first ]
	kill -KILL $MAIN
	until_ gone $MAIN
	[ -S "$S" ]
	run through "$T/open.llb" -- true
	[ "$status" -eq 125 ]
	rm -f "$W/served"
	"$D" serve --socket "$S" 2>"$W/served" &
	MAIN=$!
	until_ through "$T/open.llb" -- true 2>/dev/null
	run through "$T/open.llb" -- echo second
	[ "$output" = second ]
}

@test "SIGTERM: what runs goes on, nothing new begins, then the end; stop waits for that" {
	serve
	mkfifo fifo
	"$L" --socket "$S" "$T/open.llb" -- sh -c 'echo >fifo; read x <fifo2; exit 6' &
	client=$!
	mkfifo fifo2
	read -r <fifo
	kill -TERM $MAIN
	until_ sh -c "! $L --socket $S $T/open.llb -- true 2>/dev/null"
	# it says so, and why
	[ "$(field .draining)" = true ]
	[ "$(field .running)" -eq 1 ]
	run through "$T/open.llb" -- true
	[ "$status" -eq 125 ]
	[[ $output == *"the daemon is stopping"* ]]
	echo go >fifo2
	status=0
	wait $client || status=$?
	[ "$status" -eq 6 ]
	status=0
	wait $MAIN || status=$?
	[ "$status" -eq 0 ]
	[ ! -e "$S" ]
	serve
	"$L" --socket "$S" "$T/open.llb" -- sh -c 'echo >fifo; read x <fifo2; exit 6' &
	client=$!
	read -r <fifo
	timeout 60 "$D" stop --socket "$S" &
	stop=$!
	until_ sh -c "! $L --socket $S $T/open.llb -- true 2>/dev/null"
	kill -0 $stop
	# a second one waits, too
	timeout 60 "$D" stop --socket "$S" &
	second=$!
	# the client, both, and who asks
	until_ sh -c "[ \"\$($D status --socket $S | jq .connections)\" -ge 4 ]"
	[ "$(field .draining)" = true ]
	echo go >fifo2
	wait $stop
	wait $second
	wait $client || status=$?
	[ "$status" -eq 6 ]
	[ ! -e "$S" ]
}

@test "the second SIGTERM ends what runs" {
	serve
	mkfifo fifo
	"$L" --socket "$S" "$T/open.llb" -- sh -c 'echo $$ >pid; echo >fifo; exec sleep 1000' &
	client=$!
	read -r <fifo
	kill -TERM $MAIN
	until_ sh -c "! $L --socket $S $T/open.llb -- true 2>/dev/null"
	kill -TERM $MAIN
	status=0
	wait $client || status=$?
	[ "$status" -eq 137 ]
	until_ gone "$(cat pid)"
	wait $MAIN
}

@test "a daemon killed in any phase: clients hear of it, jobs end, a new one starts" {
	for whom in spawner front; do
		serve
		mkfifo fifo.$whom
		"$L" --socket "$S" "$T/open.llb" -- sh -c "echo \$\$ >pid; echo >fifo.$whom; exec sleep 1000" 2>err &
		client=$!
		read -r <fifo.$whom
		victim=$MAIN
		[ $whom = spawner ] || victim=$(front)
		[ -n "$victim" ]
		kill -KILL "$victim"
		status=0
		wait $client || status=$?
		cat err
		[ "$status" -eq 125 ] || [ "$status" -eq 137 ]
		until_ gone "$(cat pid)"
		until_ gone $MAIN
	done
	serve
	run through "$T/open.llb" -- echo again
	[ "$output" = again ]
}

# each of its calls while it serves a run is its last one once; strace sends the signal, and counts the calls of each name
@test "attack: the daemon is killed at every call that it makes for a run: none is left, a new one starts" {
	command -v strace >/dev/null || skip "no strace"
	[ "$(id -u)" -eq 0 ] || skip "root traces the front"
	for whom in spawner front; do
		calls=0 ended=
		until [ -n "$ended" ]; do
			calls=$((calls + 1))
			rm -f pid
			serve
			through "$T/open.llb" -- true # it has started
			victim=$MAIN
			[ $whom = spawner ] || victim=$(front)
			strace -qq -o /dev/null -p "$victim" -e inject=all:signal=KILL:when=$calls 2>/dev/null &
			tracer=$!
			until_ sh -c "grep -qx 'TracerPid:	$tracer' /proc/$victim/status 2>/dev/null || ! test -d /proc/$victim"
			status=0
			through "$T/open.llb" -- sh -c 'echo $$ >pid; exit 7' 2>err || status=$?
			# the client may be told sooner than the last of these calls is made, or its maker is gone: then the next one hears
			if [ "$status" -ne 7 ] || ! through "$T/open.llb" -- true 2>/dev/null; then
				until_ gone "$victim"
				[ "$status" -eq 125 ] || [ "$status" -eq 137 ] || [ "$status" -eq 7 ] || { echo "$whom, call $calls: $status"; cat err; return 1; }
				[ "$status" -ne 125 ] || [ -s err ]
			else
				# more than it makes
				ended=yes
				kill -KILL "$MAIN" 2>/dev/null || : # it may have come to that call by now
			fi
			wait "$tracer" || :
			until_ gone "$MAIN"
			[ ! -s pid ] || until_ gone "$(cat pid)"
		done
		echo "$whom: $calls calls"
		[ "$calls" -gt 4 ]
	done
	serve
	run through "$T/open.llb" -- echo again
	[ "$output" = again ]
}

@test "the front is confined: no capability, a filter, its memory hidden; jobs inherit none of it" {
	serve
	grep -q 'CapEff:.0000000000000000' "/proc/$(front)/status"
	grep -q 'CapPrm:.0000000000000000' "/proc/$(front)/status"
	grep -q 'NoNewPrivs:.1' "/proc/$(front)/status"
	grep -q 'Seccomp:.2' "/proc/$(front)/status"
	[ "$(stat -c %u "/proc/$(front)/environ")" -eq 0 ]
	same "$T/open.llb" -- grep -E '^(Cap|NoNew|Seccomp)' /proc/self/status
	same "$T/open.llb" -- sh -c 'stat -c %u /proc/$$/environ; grep -c . /proc/$$/limits'
}

@test "status is JSON; started and refused are counted" {
	serve
	through "$T/open.llb" -- true
	run setpriv --no-new-privs "$L" --socket "$S" "$T/open.llb" -- true
	[ "$(field .started)" -eq 1 ]
	[ "$(field .refused)" -eq 1 ]
	[ "$(field .pid)" -eq "$MAIN" ]
	[ "$(field .draining)" = false ]
	[ "$(field '.warm | keys | join(",")')" = entries,fills,hits,parked,taken ]
}

@test "the command joins the caller's control group, or a note says that it may not" {
	cgroup=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[ -n "$cgroup" ] && [ "$(id -u)" -eq 0 ] && mkdir "$cgroup/llrund-test.$$" 2>/dev/null || skip "no cgroup v2 to write to"
	serve
	sh -c "echo \$\$ >$cgroup/llrund-test.$$/cgroup.procs && exec $L --socket $S $T/open.llb -- grep ^0:: /proc/self/cgroup" >out 2>err
	kill -TERM $MAIN
	wait $MAIN
	S=$W/s2
	serve $USER_IS
	sh -c "echo \$\$ >$cgroup/llrund-test.$$/cgroup.procs && exec $USER_IS $L --socket $S $T/open.llb -- grep ^0:: /proc/self/cgroup" >out2 2>err2
	until_ rmdir "$cgroup/llrund-test.$$"
	cat out err out2 err2
	grep -q "^0::/.*llrund-test.$$" out
	[ ! -s err ]
	not grep -q llrund-test out2
	grep -q "note: the command runs in the daemon's control group" err2
}

# what pids.max answers is made by strace: not every machine has that controller in its cgroup v2
@test "a limit of the caller's control group holds for the job, which does not run elsewhere" {
	cgroup=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	command -v strace >/dev/null || skip "no strace"
	[ -n "$cgroup" ] && [ "$(id -u)" -eq 0 ] && mkdir "$cgroup/llrund-test.$$" 2>/dev/null || skip "no cgroup v2 to write to"
	serve
	asking() { sh -c "echo \$\$ >$cgroup/llrund-test.$$/cgroup.procs && exec $L --socket $S $T/open.llb -- grep ^0:: /proc/self/cgroup"; }
	asking >out
	strace -qq -o "$W/traced" -p "$MAIN" -e trace=clone3 -e inject=clone3:error=EAGAIN &
	local tracer=$!
	until_ grep -qx "TracerPid:	$tracer" "/proc/$MAIN/status"
	run asking
	kill "$tracer"
	until_ grep -qx "TracerPid:	0" "/proc/$MAIN/status"
	asking >out2
	until_ rmdir "$cgroup/llrund-test.$$"
	grep -q "^0::/.*llrund-test.$$" out
	grep -q "^0::/.*llrund-test.$$" out2
	[ "$status" -eq 125 ]
	[[ $output == *"cannot start a process in the caller's control group"* ]]
}

@test "payloads of holes are refused, and cost the daemon nothing" {
	serve
	python3 -B "$T/daemon.py" sparse "$S" "$T/open.llb"
}

@test "a daemon whose limit of file sizes is lowered refuses with the reason, and lives" {
	serve_audited() { "$D" serve --socket "$S" --audit "$W/log" 2>served & MAIN=$!; until_ test -S "$S"; }
	serve_audited
	through "$T/deny.llb" -- true
	for pid in $MAIN $(front); do prlimit --pid "$pid" --fsize=1:1 2>/dev/null || skip "no prlimit"; done
	run through "$T/deny.llb" -- true
	[ "$status" -eq 125 ]
	[[ $output == *"cannot write its audit log"* ]]
}

@test "limits above the daemon's: a note" {
	[ "$(id -u)" -eq 0 ] || skip "root lowers and raises"
	serve $USER_IS sh -c 'ulimit -n 100; exec "$0" "$@"'
	run --separate-stderr $USER_IS "$L" --socket "$S" "$T/open.llb" -- sh -c 'ulimit -H -n'
	[ "$output" -eq 100 ]
	[[ $stderr == *"note: resource limits"* ]]
	run --separate-stderr $USER_IS "$L" --quiet --socket "$S" "$T/open.llb" -- sh -c 'ulimit -H -n'
	[ -z "$stderr" ]
}

@test "--audit: who connects, what is asked for, and the daemon's own beginning and end" {
	"$D" serve --socket "$S" --audit "$W/log" 2>served &
	MAIN=$!
	until_ test -S "$S"
	through "$T/deny.llb" -- sh -c 'ls -l /proc/self/fd' >out
	not grep -q "$W/log" out
	run setpriv --no-new-privs "$L" --socket "$S" "$T/open.llb" -- true
	[ "$status" -eq 125 ]
	field .started >/dev/null
	timeout 20 "$D" stop --socket "$S"
	wait $MAIN
	run python3 -B "$TOP/tests/audit.py" check "$W/log"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(jq -r .event "$W/log" | grep ^daemon | paste -sd' ')" = "daemon.listen daemon.peer daemon.request daemon.peer daemon.peer daemon.request daemon.peer daemon.request daemon.exit" ]
	[ "$(jq -r 'select(.event == "daemon.peer") | .decision' "$W/log" | paste -sd' ')" = "allow deny allow allow" ]
	[ "$(jq -r 'select(.event == "daemon.request") | .command' "$W/log" | paste -sd' ')" = "run status stop" ]
	[ "$(jq -r 'select(.command == "run") | .policy_file' "$W/log")" = "$T/deny.llb" ]
	run "$D" serve --socket "$S" --audit /no/such/dir/log
	[ "$status" -eq 125 ]
}

@test "systemd: socket activation" {
	command -v systemd-socket-activate >/dev/null || skip "systemd-socket-activate is not installed"
	systemd-socket-activate --seqpacket -l "$S" "$D" serve --systemd 2>served &
	MAIN=$!
	# __SO_ACCEPTCON: bound is not yet listening (net/unix/af_unix.c, unix_seq_show())
	until_ grep -q " 00010000 .* $S\$" /proc/net/unix
	# its first connection starts the daemon, and is served: the client waits for the token
	through "$T/open.llb" -- true
	run through "$T/open.llb" -- sh -c 'echo activated; env | grep LISTEN; ls /proc/self/fd | wc -l'
	[ "${lines[0]}" = activated ]
	[ "${lines[1]}" = 4 ]
	timeout 20 "$D" stop --socket "$S"
	wait $MAIN
	# systemd's socket is systemd's
	[ -S "$S" ]
}
