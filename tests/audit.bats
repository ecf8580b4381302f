#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The audit log: every event that a run without broker and daemon writes, valid by the schema; what the command cannot do
# to it; what happens when it cannot be written. tests/audit.py checks lines, sequences and lengths.
bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/.."
	T=$(mktemp -d /tmp/llrund-audit.XXXXXX)
	chmod 755 "$T"
	B=$(realpath "${B:-build}")
	cp "$B/llrun" "$B/llrund" "$B/tests/probe" "$B/tests/brokered" "$T"
	export T B L="$T/llrun" P="$T/probe" PY="$BATS_TEST_DIRNAME/audit.py"
	cd "$T"
	cat >ci.toml <<-'END'
	version = 1
	[policy]
	name = "ci"
	compat = "best-effort"
	[fs]
	rox = ["/"]
	rw = ["/dev/null", { path = "/no/such", optional = true }]
	[net]
	connect_tcp = [443]
	[scope]
	signal = true
	END
	"$B/llc-policy" compile ci.toml 2>/dev/null
	printf 'layers 1\nhandled 0 all none none\npath 0 rox /\npath 0 rw /dev/null\n' | "$B/tests/mkblob" deny.llb
	printf '' | "$B/tests/mkblob" open.llb
}

teardown_file() {
	rm -rf "$T"
}

setup() {
	umask 022
	unset LLRUND_JOB_ID
	D=$T/$BATS_TEST_NUMBER
	mkdir "$D"
	cp "$T"/*.llb "$D"
	cd "$D"
}

# what was valid is kept for the last test
check() { python3 "$PY" check "$@" && cat "$1" >>"$T/valid"; }
get() { python3 "$PY" get "$@"; }

# events LOG: the names, those that repeat once
events() { check "$1" >names && uniq names; }

# refused PATTERN COMMAND...: exit status 125 and a message that contains PATTERN
refused() {
	local pattern=$1
	shift
	run -125 "$@"
	echo "$output"
	[[ $output == *"$pattern"* ]]
}

digest() { sha256sum "$1" | cut -d' ' -f1; }

# ---- what is in it ----

@test "a run: what was granted, rule by rule; start and exit" {
	run -7 "$L" --audit log ci.llb -- sh -c 'exit 7'
	[ "$(events log)" = $'grant.plan\ngrant.layer\ngrant.port\nkernel.log\ngrant.rule\nrun.start\nrun.exit' ]
	[ "$(get log run.exit status)" = 7 ]
	[ "$(get log run.start argv0)" = sh ]
	[ "$(get log run.start argc)" = 3 ]
	[ "$(get log run.start policy_file)" = ci.llb ]
	[ "$(get log run.start pid)" = "$(get log run.exit pid)" ]
	[ "$(get log run.start policy)" = ci ]
	[ "$(get log run.exit policy_digest)" = "$(digest "$T/ci.toml")" ]
	[ "$(get log grant.rule path)" = $'/\n/dev/null\n/no/such' ]
	[ "$(get log grant.rule present)" = $'true\ntrue\nfalse' ]
	[ "$(get log grant.rule file)" = $'ci.toml\nci.toml\nci.toml' ]
	[ "$(get log grant.rule line)" = $'6\n7\n7' ]
	[ "$(get log grant.rule access | head -n 1)" = '["execute", "read_file", "read_dir"]' ]
	[ "$(get log grant.port port)" = 443 ]
	[ "$(get log grant.port access)" = '["connect_tcp"]' ]
	[[ $(get log grant.layer scoped) == *signal* ]]
	[ "$(get log grant.plan rules)" = 3 ]
	[[ $(get log grant.plan dropped) == *sys_admin* ]]
	[ "$(get log grant.plan filter)" -gt 0 ]
}

@test "the record agrees with what llrun --check says" {
	"$L" --audit log ci.llb -- true
	"$L" --check ci.llb >said
	abi=$(sed -n 's/^kernel Landlock ABI \([0-9]*\), applied \([0-9]*\), plan \([0-9]*\)/\1 \2 \3/p' said)
	[ "$abi" = "$(get log grant.plan host_abi) $(get log grant.plan abi) $(get log grant.plan plan)" ]
	[ "$(sed -n 's/^filter: \([0-9]*\) .*/\1/p' said)" = "$(get log grant.plan filter)" ]
	[ "$(sed -n 's/^layer 0 handles: \(.*\)/\1/p' said)" = "$( (get log grant.layer fs; get log grant.layer net; get log grant.layer scoped) |
		tr -d '[]",' | tr '\n' ' ' | sed 's/ *$//; s/  */ /g')" ]
}

@test "death by a signal" {
	run -143 "$L" --audit log ci.llb -- sh -c 'kill -TERM $$'
	[ "$(events log | tail -n 1)" = run.signal ]
	[ "$(get log run.signal signal)" = 15 ]
	[ "$(get log run.signal core)" = false ]
}

@test "a command that is not started: why, and where the policy says so" {
	run -127 "$L" --audit log ci.llb -- no-such-command
	run -126 "$L" --audit log ci.llb -- /etc/passwd
	printf 'version = 1\n[fs]\nro = [\n"/no/such/file"]\n' >missing.toml
	"$B/llc-policy" compile missing.toml 2>/dev/null
	run -125 "$L" --audit log missing.llb -- true
	echo garbage >garbage.llb
	run -125 "$L" --audit log garbage.llb -- true
	run -125 "$L" --audit log no-such-policy.llb -- true
	check log | sort | uniq -c
	[ "$(get log run.refused status)" = $'127\n126\n125\n125\n125' ]
	[ "$(get log run.refused object)" = $'no-such-command\n/etc/passwd\n/no/such/file\ngarbage.llb\nno-such-policy.llb' ]
	[ "$(get log run.refused syscall)" = $'"absent"\nexecve\nopenat\n"absent"\nopen' ] || [ "$(get log run.refused syscall)" = $'absent\nexecve\nopenat\nabsent\nopen' ]
	[ "$(get log run.refused errno)" = $'absent\n13\n2\nabsent\n2' ]
	[ "$(get log run.refused line)" = $'absent\nabsent\n4\nabsent\nabsent' ]
	[ "$(get log run.refused policy)" = $'ci\nci\nnull\nnull\nnull' ]
	[ "$(get log run.start pid)" = "" ]
}

@test "what this kernel does not cover" {
	"$L" --as-abi 3 --quiet --audit log ci.llb -- true
	[[ $(events log) == *grant.uncovered* ]]
	[[ $(get log grant.uncovered guarantee) == *net.connect_tcp* ]]
	[ "$(get log grant.plan abi | head -n 1)" = 3 ]
	[ "$(get log kernel.log available)" = false ]
	[[ $(get log kernel.log reason) == *"does not log"* ]]
}

@test "what was left behind" {
	"$L" --audit log ci.llb -- sh -c 'sleep 1000 >/dev/null 2>&1 & exit 0'
	[ "$(events log | tail -n 1)" = run.survivors ]
	[ "$(get log run.survivors count)" = 1 ]
}

@test "job ids: given, or made; runs add to a file, each with its own sequence" {
	for id in job-1 A.b:c_9 ""; do LLRUND_JOB_ID=$id "$L" --audit log ci.llb -- true; done
	check log >/dev/null
	[ "$(get log run.exit job_id | head -n 2)" = $'job-1\nA.b:c_9' ]
	[[ $(get log run.exit job_id | tail -n 1) =~ ^[0-9a-f]{16}$ ]]
	[ "$(stat -c %a log)" = 600 ]
	for id in 'a b' $'a\nb' '{"x":1}' "$(printf '%065d' 1)"; do
		LLRUND_JOB_ID=$id refused "LLRUND_JOB_ID" "$L" --audit log2 ci.llb -- true
	done
}

@test "time: UTC with microseconds, between before and after; later records are not earlier" {
	before=$(date -u +%Y-%m-%dT%H:%M:%S.%6NZ)
	"$L" --audit log ci.llb -- true
	after=$(date -u +%Y-%m-%dT%H:%M:%S.%6NZ)
	printf '%s\n' "$before" "$(get log grant.plan timestamp)" "$(get log run.exit timestamp)" "$after" >times
	sort -c times
}

@test "bytes that are not UTF-8, quotes, backslashes, control characters: reversible" {
	for name in $'\xff\xfe' 'back\slash' '\xff' '"quoted"' $'tab\there' $'new\nline' $'esc\e[31m' $'\xed\xa0\x80' $'\xc0\xaf' \
		$'\xf4\x90\x80\x80' $'cut \xe2\x82' $'euro \xe2\x82\xac' $'\xf0\x9f\x98\x80' $'\x7f'; do
		rm -f log
		run -127 "$L" --audit log ci.llb -- "$name"
		check log >/dev/null
		[ "$(get log run.refused argv0)" = "$name" ]
	done
	grep -q '"argv0":"\\u007f"' log
}

@test "a record is never longer than 4096 bytes; what was cut says so" {
	long=$(printf '/%0200d' $(seq 19))
	mkdir -p x
	run -127 "$L" --audit log ci.llb -- "$long"
	check log >/dev/null
	grep -q '"event":"run.refused".*"truncated":true' log
	[ "$(grep -c truncated log)" = 1 ]
	bytes=$(printf '\377%.0s' $(seq 4000))
	run -126 "$L" --audit log ci.llb -- "./$bytes"
	check log >/dev/null
	[ "$(grep -c truncated log)" = 2 ]
}

# ---- where it goes ----

@test "a descriptor, a stream socket, a seqpacket socket" {
	"$L" --audit fd:9 ci.llb -- true 9>log
	check log >expected
	for kind in stream seqpacket; do
		mkfifo "said.$kind"
		python3 "$PY" listen "$kind" "$D/$kind.sock" "$kind.log" >"said.$kind" &
		server=$!
		exec 4<"said.$kind"
		read -r word <&4
		[ "$word" = ready ]
		"$L" --audit "unix:$D/$kind.sock" ci.llb -- sh -c 'echo $PPID' >supervisor
		wait "$server"
		check "$kind.log" >got
		diff expected got
		# the collector can tell who wrote
		read -r peer <&4
		[ "$peer" = "$(cat supervisor)" ]
		exec 4<&-
	done
}

@test "a record that was cut, as by a full disk, takes no part of the next run's with it" {
	run -125 bash -c 'ulimit -f 1 && exec "$@"' _ "$L" --audit log ci.llb -- true
	[ "$(wc -c <log)" -eq 1024 ]
	[ -n "$(tail -c 1 log)" ]
	whole=$(wc -l <log)
	for i in 1 2; do "$L" --audit log ci.llb -- true; done
	tail -n "+$((whole + 2))" log >rest
	check rest >/dev/null
	[ "$(head -n 1 rest | grep -c '"seq":1,')" -eq 1 ]
	[ "$(get rest run.exit status)" = $'0\n0' ]
	# where the command may not be told what is in it
	if [ "$(id -u)" -ne 0 ]; then
		chmod 200 log
		"$L" --audit log ci.llb -- true
	fi
}

@test "destinations that are refused" {
	refused 'connect("unix:' "$L" --audit "unix:$D/none.sock" ci.llb -- true
	refused 'connect("unix:' "$L" --audit "unix:$(printf '%0120d' 1)" ci.llb -- true
	mkfifo said
	python3 "$PY" listen dgram "$D/dgram.sock" none >said &
	server=$!
	exec 4<said
	read -r word <&4
	[ "$word" = ready ]
	refused 'EPROTOTYPE' "$L" --audit "unix:$D/dgram.sock" ci.llb -- true
	kill "$server"
	exec 4<&-
	refused 'fcntl("fd:77"): EBADF' "$L" --audit fd:77 ci.llb -- true
	refused 'EINVAL' "$L" --audit fd:x ci.llb -- true
	refused 'EINVAL' "$L" --audit fd: ci.llb -- true
	refused 'EISDIR' "$L" --audit "$D" ci.llb -- true
	refused 'ENOENT' "$L" --audit "$D/no/such/log" ci.llb -- true
	mkfifo fifo
	refused 'has no reader' "$L" --audit fifo ci.llb -- true
	refused 'wants an argument' "$L" --audit
	exec 9</etc/passwd
	refused 'cannot be written' "$L" --audit fd:9 ci.llb -- true
}

# ---- out of reach ----

@test "a log that the command could write to is refused" {
	printf 'version = 1\n[fs]\nrox = ["/"]\nrw = ["%s"]\n' "$D/rw" >rw.toml
	mkdir rw elsewhere
	"$B/llc-policy" compile rw.toml 2>/dev/null
	refused 'lets the command write or replace the audit log' "$L" --audit rw/log rw.llb -- true
	"$L" --audit elsewhere/log rw.llb -- true
	check elsewhere/log >/dev/null
	# a rule that only lets it be removed
	printf 'version = 1\n[fs]\nrox = ["/"]\n[[fs.rule]]\npath = "%s"\naccess = ["remove_file", "make_reg"]\n' "$D/rw" >rm.toml
	"$B/llc-policy" compile rm.toml 2>/dev/null
	refused 'lets the command write or replace the audit log' "$L" --audit rw/log2 rm.llb -- true
	# one that only lets it be cut, and a kernel that knows no such right: nothing holds the call back but a filter
	printf 'version = 1\n[fs]\nrox = ["/"]\n[[fs.rule]]\npath = "%s"\naccess = ["truncate"]\n' "$D/rw" >cut.toml
	printf 'version = 1\n[[fs_layer]]\nhandled_access_fs = ["write_file", "remove_file", "make_reg"]\n' >old.toml
	sed '$a[[seccomp.rule]]\nsyscall = ["truncate", "ftruncate"]\naction = "kill_process"' old.toml >kill.toml
	sed '$a[seccomp]\ndeny = ["truncate", "ftruncate"]' old.toml >deny.toml
	local p
	for p in cut old kill deny; do "$B/llc-policy" compile -q "$p.toml" -o "$p.llb"; done
	echo '{}' >rw/log5
	refused 'lets the command write or replace the audit log' "$L" --audit rw/log5 cut.llb -- true
	"$L" --audit elsewhere/log5 cut.llb -- true
	refused 'lets the command write or replace the audit log' "$L" --as-abi 2 --audit rw/log5 old.llb -- true
	[ "$(head -1 rw/log5)" = '{}' ]
	for p in kill deny; do "$L" --as-abi 2 --audit rw/log5 $p.llb -- true; done
	# what the broker lets it do
	for grants in 'scratch = ["%s/rw"]' 'allow_write = ["%s/rw/log3"]' 'export = [{ path = "%s/rw", overwrite = true }]'; do
		: >rw/log3
		# shellcheck disable=SC2059 # the format is the point
		{ printf 'version = 1\n[fs]\nrox = ["/"]\n[broker]\n'; printf "$grants\n" "$D"; } >br.toml
		"$B/llc-policy" compile -q br.toml -o br.llb
		refused 'lets the command write or replace the audit log' "$L" --audit rw/log3 br.llb -- true
		"$L" --audit elsewhere/log3 br.llb -- true
	done
	# nothing restricts the file system
	refused 'lets the command write or replace the audit log' "$L" --audit elsewhere/log open.llb -- true
	# another name
	ln elsewhere/log rw/other
	refused 'other names (hard links)' "$L" --audit elsewhere/log rw.llb -- true
}

@test "a log that the command could write to in its view, or through what it may mount, is refused" {
	unshare -Urm true 2>/dev/null || { : >"$T/skipped"; skip "no user namespaces"; }
	local p
	mkdir rw elsewhere
	# what it sees elsewhere, and what hides its name
	mkdir hidden
	printf 'version = 1\n[fs]\nrox = ["/usr", "/lib", "/lib64", "/bin"]\nrw = ["%s"]\n[mount]\ntmpfs = ["%s"]\n[[mount.bind]]\nsource = "%s"\ntarget = "%s"\n' \
		"$D/hidden" "$D/elsewhere" "$D/rw" "$D/hidden" >view.toml
	"$B/llc-policy" compile -q view.toml -o view.llb
	# in a PID namespace another process goes on with the view; here it may only write what is there
	sed "s|^rw = .*|[[fs.rule]]\npath = \"$D/hidden\"\naccess = [\"write_file\"]|" view.toml >pid.toml
	printf '[runtime]\nisolate = ["pid"]\n' >>pid.toml
	"$B/llc-policy" compile -q pid.toml -o pid.llb
	for p in view pid; do
		echo '{}' >rw/log4
		refused 'lets the command write or replace the audit log' "$L" --audit rw/log4 $p.llb -- true
		"$L" --audit hidden/log4 $p.llb -- true
		"$L" --audit elsewhere/log4 $p.llb -- true
	done
	# what it may let be bound
	mkdir target
	for source in "$D/rw" "$D/rw/log3"; do
		: >rw/log3
		printf 'version = 1\n[fs]\nrox = ["/"]\n[[broker.mount_bind]]\nsource = "%s"\ntarget = "%s"\nread_only = false\n' "$source" "$D/target" >br.toml
		"$B/llc-policy" compile -q br.toml -o br.llb
		refused 'lets the command write or replace the audit log' "$L" --audit rw/log3 br.llb -- true
		"$L" --audit elsewhere/log3 br.llb -- true
		sed -i /^read_only/d br.toml
		"$B/llc-policy" compile -q br.toml -o br.llb
		"$L" --audit rw/log3 br.llb -- true
	done
	# in a root of its own the directory has another name
	mkdir -p root/bin root/logs
	cp "$B/tests/probe" root/bin
	printf 'version = 1\n[fs]\nrox = ["%s"]\n[runtime]\nroot = "%s"\n[broker]\nscratch = ["%s"]\n' "$D/root/bin" "$D/root" "$D/root/logs" >br.toml
	"$B/llc-policy" compile -q br.toml -o br.llb
	refused 'lets the command write or replace the audit log' "$L" --audit root/logs/log br.llb -- /bin/probe true
	"$L" --audit root/log br.llb -- /bin/probe creat /logs/x
	[ -e root/logs/x ]
}

@test "a FIFO that the command could read from is refused as a log: the records would be its own" {
	mkdir ro elsewhere
	mkfifo ro/log elsewhere/log
	printf 'version = 1\n[fs]\nrox = ["/usr", "/lib", "/lib64", "/bin"]\nro = ["/etc/ld.so.cache", "%s"]\n' "$D/ro" >fifo.toml
	"$B/llc-policy" compile -q fifo.toml -o fifo.llb
	exec 7<>ro/log
	refused 'read from it as a FIFO' "$L" --audit ro/log fifo.llb -- cat ro/log
	exec 7<&-
	exec 7<>elsewhere/log 8<elsewhere/log 7<&-
	"$L" --audit elsewhere/log fifo.llb -- true
	cat <&8 >out
	exec 8<&-
	check out >/dev/null
	# a file may be read
	"$L" --audit ro/file fifo.llb -- cat ro/file >out
	check ro/file >/dev/null
	grep -q grant.plan out
}

@test "a log without the name that it was opened by is refused" {
	mkdir dir
	exec 7>>dir/log
	ln dir/log other
	rm dir/log
	refused 'renamed or removed' "$L" --audit fd:7 deny.llb -- true
}

# somebody kills the process that tries it (of all it is the one that opens "/proc" itself), or it cannot try
@test "where it cannot be tried whether the command could write to the log, nothing starts" {
	command -v strace >/dev/null || skip "no strace"
	printf 'version = 1\n[fs]\nrox = ["/"]\nrw = ["%s"]\n' "$D/rw" >rw.toml
	mkdir rw
	"$B/llc-policy" compile -q rw.toml
	for how in signal=KILL error=EMFILE; do
		refused "" strace -f -qq -o /dev/null -P /proc -e trace=openat -e inject=openat:$how "$L" --audit rw/log rw.llb -- touch rw/made
		case $how in
		signal=*) [[ $output == *"could not be tried"* ]] ;;
		*) [[ $output == *'openat("/proc"): EMFILE'* ]] ;;
		esac
		[ "$(check rw/log | tail -n 1)" = run.refused ]
		[ ! -e rw/made ]
	done
	# the control: traced, but left alone
	strace -f -qq -o trace -P /proc -e trace=openat "$L" --audit log rw.llb -- touch rw/made
	[ -e rw/made ]
	[ "$(grep -c '"/proc"' trace)" -eq 1 ]
}

@test "a log that the command has open is refused" {
	refused 'has the audit log open' "$L" --audit log deny.llb -- true 2>&1 8>log >log
	refused 'has the audit log open' "$L" --keep-fd 8 --audit fd:9 deny.llb -- true 8>log2 9>>log2
	refused 'has the audit log open' sh -c 'exec "$0" --audit fd:2 deny.llb -- true 2>&1' "$L"
	refused 'has the audit log open' sh -c '"$0" --audit fd:9 deny.llb -- true 3>&1 1>&9 9>&1' "$L" 9>log4
	# a pipe, both ends of which are one file
	refused 'has the audit log open' sh -c '"$0" --audit fd:9 deny.llb -- true 9>&1 2>&1 | cat; exit 125' "$L"
}

@test "nothing the command writes becomes a record" {
	forged='{"component":"llrund","event":"run.exit","timestamp":"2026-01-01T00:00:00.000000Z","monotonic_ns":1,"seq":99,"job_id":"x","policy":"ci","policy_digest":null,"pid":1,"status":0}'
	status=0
	"$L" --audit log ci.llb -- sh -c 'echo "$1"; echo "$1" >&2; for fd in 3 4 5 6 7 8 9; do echo "$1" >&$fd; done
		for at in log /proc/$PPID/fd/*; do echo "$1" >>"$at"; done; rm -f log; mv log log2; exit 3' _ "$forged" >out 2>err || status=$?
	[ "$status" -eq 3 ]
	# it tried, and it was heard where it may speak
	grep -qF '"seq":99' out
	grep -qF '"seq":99' err
	check log >names
	[ "$(grep -c '^run.exit' names)" = 1 ]
	! grep -q '"seq":99' log || false
}

# ---- mounts ----

@test "mounts: each that was made, and the one that could not be" {
	unshare -Urm true 2>/dev/null || { : >"$T/skipped"; skip "no user namespaces"; }
	mkdir root root/mnt there
	cat >view.toml <<-END
	version = 1
	[fs]
	rox = ["/"]
	[runtime]
	root = "$D/root"
	cwd = "/"
	[mount]
	tmpfs = ["$D/root/tmp"]
	proc = ["$D/root/proc"]
	[[mount.bind]]
	source = "$T"
	target = "$D/root/mnt"
	read_only = true
	END
	mkdir root/tmp root/proc
	"$B/llc-policy" compile view.toml 2>/dev/null
	run -0 "$L" --audit log view.llb -- /mnt/probe argv x
	check log >names
	[ "$(get log mount.root path)" = "$D/root" ]
	[ "$(get log mount.root decision)" = allow ]
	[ "$(get log mount.tmpfs path)" = "$D/root/tmp" ]
	[ "$(get log mount.proc path)" = "$D/root/proc" ]
	[ "$(get log mount.bind source)" = "$T" ]
	[ "$(get log mount.bind target)" = "$D/root/mnt" ]
	[ "$(get log mount.bind read_only)" = true ]
	rm -f log
	sed -i "s,^source = .*,source = \"$D/none\"," view.toml
	"$B/llc-policy" compile view.toml 2>/dev/null
	run -125 "$L" --audit log view.llb -- /mnt/probe argv x
	check log >names
	[ "$(get log mount.bind decision)" = error ]
	[ "$(get log mount.bind errno)" = 2 ]
	# each of the others, where there is nothing to mount on
	cp log all
	sed -i "s,^source = .*,source = \"$T\"," view.toml
	"$B/llc-policy" compile -q view.toml
	for gone in root/tmp root/proc root; do
		rm -rf log "$gone"
		run -125 "$L" --audit log view.llb -- /mnt/probe argv x
		check log >names
		cat log >>all
		mkdir -p root/tmp root/proc root/mnt
	done
	for event in tmpfs proc root; do [[ $(get all mount.$event errno) == *2* ]]; done
	cp all log
	check log >names
	# behind it, at most the end of the namespace's first process
	grep -qx run.refused names
}

# ---- the broker ----

# what each call's record says is tests/broker.bats's; here each has one, and they are valid
@test "the broker: files, names, publications, calls that a rule reports" {
	mkdir scratch export tree
	echo readable >tree/file
	cat >b.toml <<-END
	version = 1
	[fs]
	rox = ["/usr", "/lib", "/lib64", "/bin", "$T"]
	ro = ["/etc/ld.so.cache"]
	[[seccomp.rule]]
	syscall = "getpgid"
	action = "notify"
	[broker]
	allow_read = [{ path = "$D/tree", tree = true }]
	scratch = ["$D/scratch"]
	export = ["$D/export"]
	END
	"$B/llc-policy" compile -q b.toml -o b.llb
	run -0 "$L" --audit "$D/log" b.llb -- sh -c 'cat tree/file; cd scratch; echo 1 >a; mkdir d; mkdir d; mkfifo f; mv a b; ln b c
		ln -s b s; ln b ../export/l; mv b ../export/b; rm c s; mkfifo f; ln f l; ln f l; ln -s f m; ln -s f m; rmdir d; rmdir d; rm -r l m
		unlink none; mv none f2; exec "$0" syscall "$1" 0' "$T/probe" \
		"$([ "$(uname -m)" = x86_64 ] && echo 121 || echo 155)"
	check log >names
	for event in start open mkdir mknod rename link symlink unlink rmdir call end; do grep -qx "broker.$event" names || { echo "$event"; return 1; }; done
	[ "$(get log broker.mkdir decision)" = $'allow\nerror' ]
	[ "$(get log broker.mkdir errno)" = $'absent\n17' ]
	[[ $(get log broker.open scope) == *exception*scratch* ]]
	[ "$(get log broker.link operation | sort -u)" = $'link\npublish' ]
	[ "$(get log broker.symlink target | head -n 1)" = b ]
	[ "$(get log broker.end count)" -gt 10 ]
}

@test "the broker: mounts of every kind; what is not declared is left to the kernel" {
	unshare -Urm true 2>/dev/null || { : >"$T/skipped"; skip "no user namespaces"; }
	mkdir -p tmpfs bind object tree outside
	echo beneath >tree/file
	cat >m.toml <<-END
	version = 1
	[fs]
	rox = ["/usr", "/lib", "/lib64", "/bin", "$T"]
	[broker]
	allow_read = [{ path = "$D/tree", tree = true }]
	mount_tmpfs = ["$D/tmpfs"]
	[[broker.mount_bind]]
	source = "$D/tree"
	target = "$D/bind"
	[[broker.mount_object]]
	name = "cache"
	fs_type = "tmpfs"
	attach = ["$D/object"]
	attrs = ["readonly", "noexec"]
	END
	"$B/llc-policy" compile -q m.toml -o m.llb
	for what in "mounts $D/tmpfs $D/outside" "mount-fd $D/tree $D/bind $D/outside" "mount-object cache $D/object $D/outside"; do
		# shellcheck disable=SC2086
		run -0 "$L" --audit log m.llb -- "$T/brokered" $what
	done
	run -0 "$L" --audit log m.llb -- sh -c 'mount -n --bind "$1" "$2" && umount -n "$2"' sh "$D/tree" "$D/bind"
	check log >names
	grep -o '"event":"broker.*' log
	says() { grep '"event":"broker.'"$1"'"' log | grep -q "$2"; }
	says mount '"path":"'"$D"'/tmpfs","decision":"allow"'
	says mount '"path":"'"$D"'/tmpfs","decision":"error","errno":16' # twice
	says mount '"path":"'"$D"'/bind","source":"'"$D"'/tree","read_only":true,"decision":"allow"'
	says umount '"path":"'"$D"'/tmpfs","decision":"error","errno":16' # in use
	for event in umount open_tree move_mount; do says $event '"path":"'"$D"'/bind".*"decision":"allow"'; done
	for event in open_tree move_mount; do says $event '"source":"'"$D"'/tree","read_only":true'; done
	for event in fsopen fsconfig fsmount move_mount umount; do says $event '"path":"'"$D"'/object".*"object":"cache","decision":"allow"'; done
	says mount_setattr '"path":"'"$D"'/object".*"decision":"deny","errno":13'
	says fsconfig '"path":"'"$D"'/object".*"decision":"deny","errno":13'
	says move_mount '"object":"cache","decision":"deny","errno":13' # elsewhere
	# path to path it is the same call; what is declared, and done otherwise than declared, is refused and told
	says move_mount '"source":"'"$D"'/tree","read_only":true,"decision":"allow"'
	run -0 env PATH=/usr/bin:/bin "$L" --audit log2 m.llb -- python3 -c '
import ctypes, sys
libc, d = ctypes.CDLL(None, use_errno=True), sys.argv[1]
def mount(source, target, kind, flags, data, wanted):
    result = libc.mount(source.encode(), (d + target).encode(), kind, ctypes.c_ulong(flags), data)
    assert (ctypes.get_errno() if result else 0) == wanted, (target, kind, flags, data, result, ctypes.get_errno())
mount("none", "/tmpfs", b"tmpfs", 0, b"size=1m", 13)  # parameters
mount("none", "/tmpfs", b"ramfs", 0, None, 13)  # type
mount("none", "/tmpfs", b"tmpfs", 1 << 18, None, 13)  # MS_PRIVATE
mount("none", "/object", b"tmpfs", 0, None, 13)  # by its name only
mount(d + "/tmpfs", "/bind", None, 4096, None, 13)  # from elsewhere
mount("none", "/outside", b"tmpfs", 0, None, 1)  # not declared
mount("none", "/tmpfs", b"tmpfs", 0, None, 0)
assert libc.umount2((d + "/tmpfs").encode(), 1) < 0 and ctypes.get_errno() == 13  # MNT_FORCE
assert libc.umount2((d + "/tmpfs").encode(), 0) == 0
' "$D"
	check log2 >names2
	[ "$(grep -c '"event":"broker.mount".*/tmpfs","decision":"deny","errno":13' log2)" -eq 3 ]
	[ "$(grep -c '"event":"broker.mount".*"decision":"deny","errno":13' log2)" -eq 5 ]
	grep -q '"event":"broker.mount".*/object","object":"cache","decision":"deny"' log2
	[ "$(grep -c '"event":"broker.umount".*/tmpfs","decision":"deny","errno":13' log2)" -eq 1 ]
	run grep '"event":"broker.*'"$D"'/outside' log2
	[ "$status" -eq 1 ]
	# what is not declared is the kernel's to deny
	run grep '"event":"broker.*'"$D"'/outside' log
	[ "$status" -eq 1 ]
}

# ---- the daemon ----

@test "the daemon: its own events, its clients, their jobs; each job has an id" {
	"$T/llrund" serve --socket "$D/sock" --audit "$D/log" </dev/null >/dev/null 2>err &
	daemon=$!
	for _ in $(seq 600); do [ ! -s log ] || break; sleep 0.05; done
	for _ in $(seq 600); do "$T/llrund" status --socket "$D/sock" >/dev/null 2>&1 && break; sleep 0.05; done
	run -6 "$L" --socket "$D/sock" ci.llb -- sh -c 'exit 6'
	LLRUND_JOB_ID=mine run -127 "$L" --socket "$D/sock" ci.llb -- no-such-command
	# a policy that would let its command write the daemon's log is refused; so is a client that is sandboxed
	run -125 "$L" --socket "$D/sock" open.llb -- true
	[[ $output == *"audit log"* ]]
	python3 -B "$BATS_TEST_DIRNAME/daemon.py" sparse "$D/sock" ci.llb
	[[ $(get log daemon.request decision) == *deny* && $(get log daemon.request reason) == *payload* ]]
	run -125 "$L" deny.llb -- "$L" --socket "$D/sock" ci.llb -- true
	"$T/llrund" stop --socket "$D/sock"
	wait "$daemon"
	check log >names
	[ "$(head -n 1 names)" = daemon.listen ]
	[ "$(tail -n 1 names)" = daemon.exit ]
	[ "$(get log daemon.listen socket)" = "$D/sock" ]
	[ "$(get log daemon.listen mode)" = socket ]
	[ "$(get log run.exit status)" = $'6\n0' ]
	[[ $(get log run.exit job_id | head -n 1) != $(get log daemon.listen job_id) ]]
	[ "$(get log run.refused job_id | head -n 1)" = mine ]
	[[ $(get log daemon.peer uid) == *"$(id -u)"* ]]
	[[ $(get log daemon.peer decision) == *deny* ]] || [ "$(grep -c daemon.peer names)" -ge 3 ]
	[[ $(get log daemon.request command) == *run*stop* ]]
	[[ $(get log daemon.request decision) == *allow* ]]
}

# ---- when it cannot be written ----

@test "a reader that does not read: the run is refused before anything has started" {
	run -125 python3 "$PY" stingy "$L" --audit fd:@ deny.llb -- sh -c 'echo started >&2'
	[[ $output == *"cannot be written"* ]]
	[[ $output != *started* ]]
}

@test "a reader that goes away: the run is ended" {
	# the command waits for the end of its input, which comes after the reader has left, and then writes nothing more
	run -125 python3 "$PY" leaver "$L" --audit fd:@ ci.llb -- sh -c 'cat; exit 0'
	[[ $output == *"EPIPE"*"the run was ended"* ]]
}

@test "a full disk: nothing starts" {
	run -125 "$L" --audit /dev/full deny.llb -- sh -c 'echo started'
	[[ $output == *ENOSPC* ]]
	[[ $output != *started* ]]
}

# ---- the kernel's denials ----

# auditing NAME: on for this test, if that is permitted, and then as it was
auditing() {
	: >"$T/skipped"
	[ "$(id -u)" -eq 0 ] || skip "not permitted to switch the kernel's auditing on"
	# one at a time on this machine, or the state would be restored to another test's
	exec {turn}</
	flock "$turn"
	was=$(python3 "$PY" kernel 1) || skip "the kernel does not let its auditing be switched on"
	[ "$("$L" --check ci.llb | sed -n 's/^kernel Landlock ABI \([0-9]*\),.*/\1/p')" -ge 7 ] || skip "Landlock logs since ABI 7"
	rm "$T/skipped"
}

teardown() {
	[ -z "${was:-}" ] || python3 "$PY" kernel "$was" >/dev/null
	[ -z "${turn:-}" ] || exec {turn}<&-
}

@test "without permission, or with auditing off, the log says that denials are not in it" {
	"$L" --audit log ci.llb -- true
	[ "$(get log kernel.log available)" = false ] || [ "$(id -u)" -eq 0 ]
	if [ "$(id -u)" -eq 0 ]; then
		mkfifo -m 622 pipe # the command must not be able to read it
		cat pipe >other &
		setpriv --reuid 65534 --regid 65534 --clear-groups "$L" --trust-blob --audit fd:9 ci.llb -- true 9>pipe
		wait $!
		check other >/dev/null
		[ "$(get other kernel.log available)" = false ]
		[[ $(get other kernel.log reason) == *CAP_AUDIT_READ* ]]
	fi
}

@test "denials: what, where, by whom, which rule comes nearest; and no one else's" {
	auditing
	mkdir other
	# somebody else's denial at the same time is not in the log
	"$L" ci.llb -- sh -c ': >/dev/zero' 2>/dev/null || true
	"$L" --audit log ci.llb -- sh -c 'true >new; echo >/dev/zero; cat /etc/hostname >/dev/null; kill -0 1' 2>/dev/null || true
	"$L" --audit log ci.llb -- python3 -c 'import socket; socket.socket().connect(("127.0.0.1", 80))' 2>/dev/null || true
	check log >names
	grep -q kernel.denial names
	[ "$(get log kernel.log available | sort -u)" = true ]
	get log kernel.denial path >paths
	get log kernel.denial needs >needs
	paste paths needs | sort -u | tee both
	grep -qF "$D"$'\t["make_reg"]' both
	grep -qF $'/dev/zero\t["write_file"' both
	! grep -q hostname both || false
	[[ $(get log kernel.denial comm) == *sh* ]]
	[[ $(get log kernel.denial port) == *80* ]]
	[[ $(get log kernel.denial blockers) == *scope.signal* ]]
	[ "$(get log kernel.denial layer | sort -u)" = 0 ]
	# nearest to both is the rule for "/", line 6
	grep '"event":"kernel.denial".*"path":"/dev/zero"' log | grep -q '"nearest":"/","file":"ci.toml","line":6'
	! grep -q kernel.lost names || false
}

@test "the recipe of audit-schema.md: denials become a fragment that compiles" {
	command -v jq >/dev/null || skip "no jq"
	{
		echo '{"event":"run.start","pid":1}'
		for needs in '["read_file"]' '["write_file","read_file"]'; do
			echo '{"event":"kernel.denial","layer":0,"path":"/srv/a \"b\"","needs":'"$needs"'}'
		done
		echo '{"event":"kernel.denial","layer":1,"path":"/srv/other","needs":["read_file"]}'
		echo '{"event":"kernel.denial","layer":0,"port":80,"needs":["connect_tcp"]}'
	} >run.jsonl
	sed -n '/^```sh$/,/^```$/p' "$BATS_TEST_DIRNAME/../docs/audit-schema.md" | sed '/^```/d' >recipe
	grep -q jq recipe
	bash -e recipe
	[ "$(grep -c fs.rule denied.toml)" -eq 1 ]
	grep -qx 'access = \["read_file","write_file"\]' denied.toml
	printf 'version = 1\ninclude = ["denied.toml"]\n[fs]\nro = ["/usr"]\n' >policy.toml
	"$B/llc-policy" compile -q policy.toml
	"$B/llc-policy" dump policy.llb >dump
	grep -q 'srv/a.*write_file read_file' dump
}

@test "denials: the layer is named where there are several" {
	auditing
	printf 'layers 2\nhandled 0 all none none\nhandled 1 all none none\npath 0 rwx /\npath 1 rox /\npath 1 rw /dev\n' | "$B/tests/mkblob" two.llb
	mkdir sub
	"$L" --audit fd:9 two.llb -- sh -c ': >sub/new; : >/dev/null' 9>log 2>/dev/null || true
	check log >/dev/null
	[ "$(get log kernel.denial layer | sort -u)" = 1 ]
	[[ $(get log kernel.denial path) == *"$D/sub"* ]]
	[ "$(get log kernel.denial nearest | sort -u)" = / ]
}

@test "denials: a domain that the command makes for itself is not the run's" {
	auditing
	"$L" --audit log ci.llb -- "$L" deny.llb -- sh -c 'exec 3<>/dev/zero' 2>/dev/null || true
	check log >/dev/null
	"$L" --audit log2 ci.llb -- sh -c 'exec 3<>/dev/zero' 2>/dev/null || true
	# the nested one denies first, being asked last; what is left in the log is what the run's own domain denied
	[ "$(get log2 kernel.denial path | grep -c /dev/zero)" -ge 1 ]
}

@test "denials: supervised runs within the run are not the run's, nor do they take its place in the log" {
	auditing
	printf 'version = 1\n[fs]\nrox = ["/"]\n' >in.toml
	"$B/llc-policy" compile -q in.toml -o in.llb
	# more of them than there can be layers; each denies before the run's own domain has denied anything
	"$L" --audit log ci.llb -- sh -c 'for i in $(seq 17); do
		echo | "$0" --audit /dev/null in.llb -- sh -c "echo denies; exec 3<>/dev/zero" 2>&1 | cat; done; exec 3<>/dev/zero' "$L" >out 2>/dev/null || true
	[ "$(grep -c denies out)" -eq 17 ]
	check log >/dev/null
	[ "$(get log kernel.denial path | grep -c /dev/zero)" -eq 1 ]
	[ "$(get log kernel.denial domain | sort -u | wc -l)" -eq 1 ]
}

@test "denials: in a PID namespace, where the command is another process's child" {
	auditing
	unshare -U true 2>/dev/null || skip "no user namespaces"
	sed '$a[runtime]\nisolate = ["pid"]' "$T/ci.toml" >pid.toml
	"$B/llc-policy" compile -q pid.toml -o pid.llb
	"$L" --audit log pid.llb -- sh -c '(exec 3<>/dev/zero)
		for i in $(seq 600); do grep -q kernel.denial log && exit; sleep 0.05; done' 2>/dev/null || true
	[ "$(get log kernel.denial path | grep -c /dev/zero)" -eq 1 ]
}

# many DENIALS: while nobody reads them; in the file names what the log says, in denials and lost how many of them
many() {
	local run
	rm -f log pid
	"$L" --audit log ci.llb -- python3 -c '
import os
print(os.getppid(), flush=True)
open("go").read()
for i in range(int(os.sys.argv[1])):
    try: os.open("/dev/zero", os.O_WRONLY)
    except PermissionError: pass
' "$1" >pid 2>/dev/null &
	run=$!
	until [ -s pid ]; do sleep 0.05; done
	kill -STOP "$(cat pid)"
	echo >go
	for _ in $(seq 600); do
		[ "$(pgrep -P "$(cat pid)" | xargs -r -I{} sed 's/.*) \(.\).*/\1/' /proc/{}/stat)" != Z ] || break
		sleep 0.05
	done
	kill -CONT "$(cat pid)"
	wait "$run"
	check log >names
	denials=$(grep -c '^kernel.denial' names)
	lost=$(get log kernel.lost count | awk '{ n += $1 } END { print n + 0 }')
	echo "$denials in the log, $lost lost"
}

@test "denials: auditing that is switched off in the middle of a run: that some may be missing is said" {
	auditing
	mkfifo go
	"$L" --audit log ci.llb -- sh -c 'exec 4<go; (: >/dev/zero); read -r line <&4; (: >/dev/zero)' 2>/dev/null &
	exec 5>go
	for _ in $(seq 600); do ! grep -q kernel.denial log || break; sleep 0.05; done
	python3 "$PY" kernel 0 >/dev/null
	echo >&5
	exec 5>&-
	wait $! || true
	check log >names
	cat names
	[ "$(grep -c kernel.denial names)" -eq 1 ]
	[[ $(get log kernel.lost reason) == *"may be missing"* ]]
	# left on, none is
	python3 "$PY" kernel 1 >/dev/null
	"$L" --audit log2 ci.llb -- sh -c '(: >/dev/zero); (: >/dev/zero)' 2>/dev/null || true
	check log2 >names
	[ "$(grep -c kernel.denial names)" -eq 2 ]
	! grep -q kernel.lost names || false
}

# the kernel hands them over when it comes to it, maybe when they are read again
@test "denials: more at once than can be read are not silently missing" {
	auditing
	mkfifo go
	for count in 400 800 1600 3200; do
		many $count
		[ "$((denials + lost))" -ge $count ] || get log kernel.lost reason | grep 'may be missing'
		[ "$lost" -eq 0 ] || break
	done
	grep -q kernel.lost names
}

# ---- all of it ----

# broker.saturated takes its time: tests/broker.bats
@test "every event of the schema was written by one of these tests, with every member it may have" {
	[ "$BATS_TEST_NUMBER" -eq "$(grep -c '^@test' "$BATS_TEST_FILENAME")" ] || skip "only with all tests of this file"
	[ ! -e "$T/skipped" ] || skip "without the kernel's denials"
	run python3 "$PY" every "$T/valid" broker.saturated
	echo "$output"
	[ "$status" -eq 0 ]
}
