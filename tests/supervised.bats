#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A run under llrund looks like one without, and ends with everything it started. Every comparison runs the same command
# both ways; the log goes where the command cannot write.
bats_require_minimum_version 1.5.0

load lib/common

setup_file() {
	cd "$BATS_TEST_DIRNAME/.."
	stage supervised "$B/tests/probe"
	export P="$T/probe" PY="$BATS_TEST_DIRNAME/audit.py"
	cd "$T"
	blob open ''
	blob deny 'layers 1
		handled 0 all none none
		path 0 rox /
		path 0 rw /dev/null
		path 0 rw /dev/tty'
}

teardown_file() {
	rm -rf "$T"
}

setup() {
	own_directory
	cp "$T/open.llb" "$T/deny.llb" .
}

# same COMMAND...: with and without a supervisor, exit status, output and errors are the same
same() {
	local direct=0 supervised=0
	printf 'one\ntwo\n' >in
	"$L" deny.llb -- "$@" <in >out.direct 2>err.direct || direct=$?
	"$L" --audit log deny.llb -- "$@" <in >out.supervised 2>err.supervised || supervised=$?
	echo "$*: $direct, under llrund $supervised"
	diff out.direct out.supervised && diff err.direct err.supervised && [ "$direct" -eq "$supervised" ]
}

gone() { # gone PID: it ends, if not at once
	for _ in $(seq 600); do
		[ -d "/proc/$1" ] && [ "$(sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null)" != Z ] || return 0
		sleep 0.05
	done
	return 1
}

unprivileged() { # the same as another user, when this one is root
	if [ "$(id -u)" -eq 0 ]; then setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; else "$@"; fi
}

@test "exit status" {
	same sh -c 'exit 0'
	same sh -c 'exit 7'
	same sh -c 'exit 255'
	grep -q '"event":"run.exit".*"status":255' log
}

@test "death by a signal" {
	for name in TERM KILL INT HUP PIPE SEGV ABRT USR1 RTMIN; do same sh -c "ulimit -c 0; kill -$name \$\$"; done
	grep -q '"event":"run.signal".*"signal":9,' log
}

@test "refusals: not found, not executable, denied, missing path" {
	same /nonexistent
	same no-such-command
	same /etc/passwd
	same "$D"
	blob missing 'layers 1
		handled 0 all none none
		path 0 rox /no/such'
	cp missing.llb deny.llb
	same true
}

@test "standard input, output, errors" {
	same cat
	same sh -c 'echo out; echo err >&2; cat; echo more'
	same wc
}

@test "arguments, environment, directory, umask, limits, priority, groups" {
	umask 027
	ulimit -n 512
	export ODD=$'line\nbreak'
	same sh -c 'printf "%s|" "$0" "$@"; env; pwd; umask; ulimit -a' zero "" "two words" $'\xff'
	same sh -c 'grep -E "^(Uid|Gid|Groups|Sig[PBIC]|ShdPnd|Cap|NoNewPrivs|Seccomp)" /proc/self/status'
	same sh -c 'cut -d" " -f5,6,19 /proc/self/stat'
	(trap '' HUP CHLD USR1 && same sh -c 'grep ^SigIgn /proc/self/status')
}

@test "descriptors: the same, and none of llrund's" {
	exec 5</etc/passwd 6</dev/null
	same sh -c 'for fd in /proc/$$/fd/*; do echo "${fd##*/}"; done'
	"$L" --keep-fd 5 deny.llb -- sh -c 'wc -c <&5' >direct
	exec 5</etc/passwd
	"$L" --audit log --keep-fd 5 deny.llb -- sh -c 'wc -c <&5' >supervised
	diff direct supervised
	# a policy that closes none: those of the caller, and not one more
	printf 'version = 1\n[fs]\nrox = ["/"]\n[process]\nclose_fds = false\n' >deny.toml
	"$B/llc-policy" compile deny.toml 2>/dev/null
	same python3 -c 'import os; print(sorted(map(int, os.listdir("/proc/self/fd")))[:-1])'
	grep -q 5 out.direct
}

@test "closed standard descriptors stay closed: the policy does not lie there" {
	for closed in '<&-' '>&-' '2>&-' '<&- >&- 2>&-'; do
		for n in 0 1 2; do
			# what is open is told by the status: there may be nowhere to print it
			eval 'direct=0; "$L" deny.llb -- sh -c "[ -e /proc/self/fd/$n ]"' "$closed" '|| direct=$?'
			eval 'supervised=0; "$L" --audit log deny.llb -- sh -c "[ -e /proc/self/fd/$n ]"' "$closed" '|| supervised=$?'
			echo "$closed: $n: $direct, under llrund $supervised"
			[ "$direct" -eq "$supervised" ]
			case $n$closed in 0*'<&-'* | 1*'>&-'* | 2*'2>&-'*) ;; *) [ "$direct" -eq 0 ] ;; esac
		done
	done
}

@test "signals: each arrives once" {
	python3 "$PY" signals "$L" deny.llb -- >direct
	python3 "$PY" signals "$L" --audit "$D/log" deny.llb -- >supervised
	diff direct supervised
	grep -q '(15, 1)' direct
}

@test "signals: what the command sends to its parent does not come back" {
	"$L" --audit log deny.llb -- sh -c 'trap "echo back" TERM; kill -TERM "$PPID"; kill -WINCH $$; echo end' >out
	[ "$(cat out)" = end ]
}

@test "a job of a shell: stopped by the terminal, continued, interrupted" {
	script='printf ready; read line; echo "read $line"; while :; do sleep 1; done'
	python3 "$PY" terminal "$L" deny.llb -- sh -c "$script" >direct
	python3 "$PY" terminal "$L" --audit "$D/log" deny.llb -- sh -c "$script" >supervised
	diff direct supervised
	[ "$(cat direct)" = $'stopped SIGTSTP\ndied SIGINT' ]
}

state() { # state PID LETTER: until it is in this state
	for _ in $(seq 600); do
		[ "$(sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null)" != "$2" ] || return 0
		sleep 0.05
	done
	return 1
}

@test "stopped and continued by whom it may be: the command's number, llrund's, or the supervisor's alone" {
	for to in command relay supervisor; do
		mkfifo "pids.$to" "go.$to"
		"$L" --audit log deny.llb -- sh -c 'echo $$ $PPID; read -r line <"$1"; exit 5' _ "go.$to" >"pids.$to" &
		relay=$!
		read -r command supervisor <"pids.$to"
		case $to in
		command)
			# whoever waits for llrund sees it stop
			kill -STOP "$command"
			state "$relay" T
			kill -CONT "$command"
			;;
		relay)
			kill -TSTP "$relay"
			state "$command" T
			state "$relay" T
			kill -CONT "$relay"
			;;
		supervisor)
			kill -STOP "$supervisor"
			state "$supervisor" T
			kill -CONT "$supervisor"
			;;
		esac
		state "$command" S
		state "$relay" S
		echo >"go.$to"
		status=0
		wait "$relay" || status=$?
		[ "$status" -eq 5 ]
	done
}

@test "a pipe that the command closes is closed" {
	# the writer of the left pipe ends by SIGPIPE although the run goes on; the reader of the right one sees the end
	mkfifo on
	out=$({ yes || echo "writer: $?" >&3; } 3>left 2>/dev/null | "$L" --audit "$D/log" deny.llb -- sh -c \
		'read -r line; exec <&-; exec >&-; cat on >/dev/null' | { cat; echo "reader: end"; echo >on; })
	[ "$out" = "reader: end" ]
	[ "$(cat left)" = "writer: 141" ]
}

@test "what the command leaves behind is ended" {
	# without a supervisor it is not
	script='setsid sh -c "echo \$\$ >&3; exec sleep 1000" >/dev/null 2>&1 & (sh -c "echo \$\$ >&3; exec sleep 1000" >/dev/null 2>&1 & ); while [ "$(wc -l <pids)" -lt 2 ]; do :; done; exit 3'
	for audit in "" "--audit $D/log"; do
		: >pids
		status=0
		# shellcheck disable=SC2086
		"$L" --keep-fd 3 $audit deny.llb -- sh -c "$script" 3>>pids || status=$?
		[ "$status" -eq 3 ]
		for pid in $(cat pids); do
			if [ -n "$audit" ]; then gone "$pid"; else kill -KILL "$pid"; fi
		done
	done
	[ "$(python3 "$PY" get log run.survivors count)" = 2 ]
}

@test "killing the supervisor ends the command, and what it has started; so does killing its relay" {
	for which in relay supervisor; do
		mkfifo "pids.$which"
		"$L" --audit log deny.llb -- sh -c 'setsid sleep 1000 >/dev/null 2>&1 & echo $$ $PPID $!; exec sleep 1000' >"pids.$which" &
		read -r command supervisor child <"pids.$which"
		[ -d "/proc/$command" ]
		[ -d "/proc/$child" ]
		[ -d "/proc/$supervisor" ]
		if [ "$which" = relay ]; then kill -KILL $!; else kill -KILL "$supervisor"; fi
		gone "$command"
		gone "$child"
		gone "$supervisor"
		wait $! || [ $? -eq 137 ]
	done
}

@test "children that a shell gave to llrun before are left alone" {
	# this shell executes llrun with a child of its own
	(sleep 1000 & echo $! >pid; exec "$L" --audit log deny.llb -- true)
	kill "$(cat pid)"
	gone "$(cat pid)"
	run -1 grep run.survivors log
}

# nameless FILE: descriptor 9 is a pipe that leads there, and has no name: one with a name could be read by the command
nameless() {
	mkfifo pipe
	cat pipe >"$1" &
	exec 9>pipe
	rm pipe
}

@test "llrund cannot be traced, nor its descriptors be opened, by its own user" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to become another user"
	# a policy without a layer, so that nothing else is in the way; it could write any file, hence a pipe
	nameless log
	run -2 unprivileged "$L" --audit fd:9 --trust-blob open.llb -- sh -c 'ls /proc/$PPID/fd'
	exec 9>&-
	wait $!
	[[ $output == *"Permission denied"* ]]
	grep -q '"event":"run.exit"' log
	# the same of a parent that does not protect itself
	setpriv --reuid 65534 --regid 65534 --clear-groups sh -c 'sh -c "ls /proc/\$PPID/fd" >/dev/null; true'
}

@test "without llrund the run is refused, and PATH is not asked" {
	[ ! -e "$(strings "$L" | grep '/llrund$' | head -n 1)" ] || skip "llrund is installed"
	mkdir alone bin
	cp "$L" alone/llrun
	printf '#!/bin/sh\necho planted\n' >bin/llrund
	chmod 755 bin/llrund
	PATH=$D/bin:$PATH run -125 alone/llrun --audit log deny.llb -- true
	[[ $output == *"needs it"*"llrund"* ]]
	[[ $output != *planted* ]]
	[ ! -e log ]
}

@test "llrund: help, version, what it does not know" {
	run -0 "$T/llrund" --version
	[[ $output == "llrund "* ]]
	run -0 "$T/llrund" --help
	[[ $output == *"supervised run"* ]]
	run -125 "$T/llrund"
	run -125 "$T/llrund" frob
	[[ $output == *'unknown command; see llrund --help: "frob"'* ]]
	run -125 "$T/llrund" run
	run -125 "$T/llrund" run 77 deny.llb -- true
	[[ $output == *"not a descriptor"* ]]
	run -0 "$T/llrund" run - --check deny.llb
	[[ $output == *"none given"* ]]
	run -125 "$T/llrund" run - deny.llb
}

@test "an unprivileged user" {
	mkdir mine
	chmod 777 mine
	cd mine
	nameless /dev/null
	run -7 unprivileged "$L" --trust-blob --audit fd:9 ../deny.llb -- sh -c 'exit 7'
	exec 9>&-
	run -0 unprivileged sh -c '"$0" --trust-blob --audit log ../deny.llb -- id -u && cat log' "$L"
	[[ $output == *'"event":"run.exit"'* ]]
}

@test "a run that needs llrund, where there is none: 125, what is missing, and nothing of the command" {
	[ ! -e /usr/local/bin/llrund ] || skip "one is installed"
	mkdir alone
	cp "$L" alone
	printf 'version = 1\n[fs]\nrox = ["/"]\nrw = ["%s"]\n[broker]\nallow_read = ["/etc/hostname"]\n' "$D" >brokered.toml
	"$B/llc-policy" compile -q brokered.toml -o brokered.llb
	for arguments in "brokered.llb" "--audit log open.llb" "--check open.llb"; do
		# shellcheck disable=SC2086
		run -125 alone/llrun $arguments -- touch ran
		[[ $output == *'not found, and this run needs it'*'llrund"'* ]]
		[ ! -e ran ]
		[ ! -e log ]
	done
	alone/llrun open.llb -- touch ran # the control
	"$L" brokered.llb -- touch ran
}
