#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Mounts, roots and namespaces, live: as root (when the tests run as root) and as an unprivileged user. What is refused
# stands beside the same thing permitted; what a run leaves behind is looked for on the host.

bats_require_minimum_version 1.5.0

load lib/common

setup_file() {
	stage mounts
	export PATH=/usr/bin:/bin:/usr/sbin:/sbin
	if ! unshare -Ur true 2>/dev/null; then
		export SKIP="this machine permits no user namespaces"
	fi
}

teardown_file() {
	rm -rf "$T"
}

setup() {
	[ -z "${SKIP:-}" ] || skip "$SKIP"
	own_directory
}

# a test that fails leaves nobody behind who would keep bats waiting
teardown() {
	[ -z "${server:-}" ] || kill "$server" 2>/dev/null || :
}

become() { # become USER COMMAND...: in place of a background job's shell, so that $! is the command
	if [ "$1" = "$(id -u)" ]; then exec "${@:2}"; else exec setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"; fi
}
fresh() { # fresh USER: an empty directory of the user, $W, with a file and a directory in it; the current one
	W=$D/$1
	mkdir "$W" "$W/src" "$W/dst" "$W/empty"
	echo content >"$W/src/file"
	[ "$1" = "$(id -u)" ] || chown -R "$1:$1" "$W"
	cd "$W"
}

# pol [NAME]: standard input, after a policy that lets everything but the host's /etc/shadow-like things happen
BASE='version = 1
[fs]
rox = ["/"]
rw = ["/tmp", "/dev"]
[net]
unrestricted = true
[scope]
unrestricted = true
'
pol() {
	{ printf '%s' "$BASE"; cat; } | sed "s|@W@|$W|g" >"$W/${1:-p}.toml"
	"$B/llc-policy" compile -q "$W/${1:-p}.toml" -o "$W/${1:-p}.llb"
}
# run, as bats has it, under $W/p.llb
under() { # under USER COMMAND...
	run --separate-stderr as "$1" "$L" ${OPTIONS:-} "$W/p.llb" -- "${@:2}"
}
works() {
	under "$@"
	[ "$status" -eq 0 ] || { echo "exit $status: $output $stderr"; return 1; }
}
# fails, not by a signal, and not because llrun refused
denied() {
	under "$@"
	[ "$status" -gt 0 ] && [ "$status" -lt 125 ] || { echo "exit $status: $output $stderr"; return 1; }
}
# refused USER PATTERN COMMAND...: 125, one line with the pattern, nothing of the command
refused() {
	under "$1" "${@:3}"
	[ "$status" -eq 125 ] && [ -z "$output" ] && [[ "$stderr" == *"$2"* ]] || { echo "exit $status: $output $stderr"; return 1; }
}
snapshot() { # what a run could leave behind: mounts of this namespace in our directory, files, processes
	grep -F "$T" /proc/self/mountinfo || true
	find "$W" -printf '%P %y %m %U\n' | sort
	pgrep -f "^$L " || true
}

@test "tmpfs: empty, writable, gone with the run; without it the file persists" {
	for u in $(users); do
		fresh "$u"
		pol <<<''
		works "$u" sh -c 'echo x >dst/made'
		[ -s dst/made ] # the control
		pol <<<'[mount]
tmpfs = ["@W@/dst"]'
		before=$(snapshot)
		works "$u" sh -c '[ -z "$(ls dst)" ] && echo y >dst/other && cat dst/other'
		[ "$output" = y ]
		[ "$(snapshot)" = "$before" ]
		works "$u" findmnt -no FSTYPE,OPTIONS "$W/dst"
		[[ "$output" == tmpfs*nosuid,nodev*mode=700* ]]
	done
}

@test "tmpfs options: size, inodes, mode, noexec, readonly" {
	for u in $(users); do
		fresh "$u"
		pol <<<'[mount]
tmpfs = [{ path = "@W@/dst", size = "64K", inodes = 5, mode = "1777", options = ["noexec"] },
	{ path = "@W@/empty", options = ["readonly"] }]'
		works "$u" sh -c 'stat -c %a dst; head -c 60000 /dev/zero >dst/a'
		[ "$output" = 1777 ]
		denied "$u" sh -c 'head -c 70000 /dev/zero >dst/a'
		works "$u" sh -c 'for i in 1 2 3 4; do : >dst/$i || exit 9; done'
		denied "$u" sh -c 'for i in 1 2 3 4 5; do : >dst/$i || exit 9; done'
		denied "$u" sh -c 'cp /bin/true dst/ && dst/true || exit 9'
		works "$u" sh -c 'cp /bin/true /tmp/mounts-test-$$ && /tmp/mounts-test-$$; s=$?; rm /tmp/mounts-test-$$; exit $s'
		denied "$u" touch empty/x
	done
}

@test "bind: read-only unless told, writes go through to the source when told" {
	for u in $(users); do
		fresh "$u"
		pol <<<''
		denied "$u" cat dst/file # the control
		pol <<<'[[mount.bind]]
source = "@W@/src"
target = "@W@/dst"'
		works "$u" cat dst/file
		[ "$output" = content ]
		denied "$u" touch dst/new
		[[ "$stderr" == *"Read-only file system"* ]]
		pol <<<'[[mount.bind]]
source = "@W@/src"
target = "@W@/dst"
read_only = false
options = ["noexec"]'
		works "$u" touch dst/new
		[ -e src/new ]
		[ ! -e dst/new ]
		denied "$u" sh -c 'cp /bin/true dst/true && dst/true || exit 9'
		works "$u" src/true
	done
}

@test "a file is bound on a file; on a directory it is refused, with the way out" {
	for u in $(users); do
		fresh "$u"
		as "$u" touch target
		pol <<<'[[mount.bind]]
source = "@W@/src/file"
target = "@W@/target"'
		works "$u" cat target
		[ "$output" = content ]
		pol <<<'[[mount.bind]]
source = "@W@/src/file"
target = "@W@/dst"'
		refused "$u" 'a directory is mounted on a directory' true
	done
}

@test "binds are recursive, and a tree with mounts of its own can be bound read-only" {
	for u in $(users); do
		fresh "$u"
		pol <<<'[[mount.bind]]
source = "/sys"
target = "@W@/dst"
[[mount.bind]]
source = "/"
target = "@W@/empty"'
		works "$u" sh -c 'ls dst/kernel >/dev/null && ls empty/proc/self/status'
		denied "$u" sh -c 'touch empty/tmp/mounts-test-ro'
		[[ "$stderr" == *"Read-only file system"* ]]
	done
}

@test "flags that a source has are kept: a read-only bind of a nosuid,nodev,noexec mount works" {
	for u in $(users); do
		fresh "$u"
		pol <<<'[[mount.bind]]
source = "@W@/src"
target = "@W@/dst"
[[mount.bind]]
source = "@W@/src"
target = "@W@/empty"
read_only = false'
		# the flags of a mount are locked in a user namespace below the one that made it: user_namespaces(7)
		run as "$u" unshare -Urm sh -c "mount -t tmpfs -o nosuid,nodev none src && exec $L --trust-blob p.llb -- \
			grep -oE '$W/(dst|empty) [^ ]+' /proc/self/mountinfo"
		echo "$output"
		[ "$status" -eq 0 ]
		[ "$(grep -c nosuid,nodev <<<"$output")" -eq 2 ]
		[ "$(grep -c ' ro,' <<<"$output")" -eq 1 ]
	done
}

@test "a mount that is read-only on the host stays so, whatever the policy asks; what is mounted beneath a source comes along" {
	for u in $(users); do
		fresh "$u"
		pol <<<'[[mount.bind]]
source = "@W@/src"
target = "@W@/dst"
read_only = false
[[mount.bind]]
source = "@W@/src"
target = "@W@/empty"'
		host() { # host COMMAND: run under the policy where src is read-only, and something writable is mounted in it
			run --separate-stderr as "$u" unshare -Urm sh -c "mount -t tmpfs none src && mkdir src/sub && \
				mount -t tmpfs none src/sub && echo deep >src/sub/file && mount -o remount,bind,ro src || exit 99
				exec $L --trust-blob p.llb -- sh -c '$1'"
			echo "$1: $status $output $stderr"
		}
		host 'cat dst/sub/file empty/sub/file'
		[ "$status" -eq 0 ]
		[ "$output" = $'deep\ndeep' ]
		host 'touch dst/x'
		[ "$status" -eq 1 ]
		[[ "$stderr" == *"Read-only file system"* ]]
		host 'touch dst/sub/x' # the control: this one may be written
		[ "$status" -eq 0 ]
		host 'touch empty/sub/x'
		[ "$status" -eq 1 ]
		[[ "$stderr" == *"Read-only file system"* ]]
		works "$u" touch dst/x # the control: a source that is not read-only
		[ -e src/x ]
	done
}

@test "what is refused halfway leaves nothing: no mount, no file, no process" {
	for u in $(users); do
		fresh "$u"
		mkfifo pipe
		n=0
		while IFS='|' read -r what message; do
			BASE='version = 1
[fs]
rox = ["/"]
rw = ["/tmp", "/dev"]
[net]
isolate = true
[scope]
unrestricted = true
[runtime]
isolate = ["pid", "ipc", "uts"]
' pol <<<"[mount]
tmpfs = [\"@W@/dst\"]
[[mount.bind]]
source = \"@W@/src\"
target = \"@W@/empty\"
[[mount.bind]]
$(tr ';' '\n' <<<"$what")"
			before=$(snapshot)
			refused "$u" "$message" touch made
			[ "$(snapshot)" = "$before" ]
			n=$((n + 1))
		done <<-'END'
			source = "@W@/nowhere";target = "@W@/dst/x";create = true|/nowhere"): ENOENT
			source = "@W@/src/file/x";target = "@W@/dst/x";create = true|/src/file/x"): ENOTDIR
			source = "@W@/src";target = "@W@/empty/nowhere"|/empty/nowhere"): ENOENT
			source = "@W@/src";target = "@W@/src/file"|a directory is mounted on a directory
			source = "@W@/src/file";target = "@W@/src"|a directory is mounted on a directory
			source = "@W@/src";target = "@W@/src/file/x";create = true|ENOTDIR
		END
		[ "$n" -eq 6 ]
	done
}

@test "no target is created unless the policy says so; what is created stays, in a tmpfs it goes" {
	for u in $(users); do
		fresh "$u"
		pol <<<'[[mount.bind]]
source = "@W@/src"
target = "@W@/new/deep"'
		before=$(snapshot)
		refused "$u" 'ENOENT' true
		[ "$(snapshot)" = "$before" ]
		pol <<<'[mount]
tmpfs = ["@W@/dst"]
[[mount.bind]]
source = "@W@/src"
target = "@W@/new/deep"
create = true
[[mount.bind]]
source = "@W@/src/file"
target = "@W@/dst/a/file"
create = true'
		works "$u" cat new/deep/file dst/a/file
		[ "$output" = "content
content" ]
		[ -d new/deep ]
		[ ! -e dst/a ]
	done
}

@test "a target whose name no file can have is refused, never cut; the call that fails is named" {
	for u in $(users); do
		fresh "$u"
		long=$(printf '%0256d' 0)
		# the compiler knows it; here is a blob that another has written
		for made in "$long" "new/$long" "new/$long/deeper"; do
			printf '%s\n' 'layers 1' 'handled 0 all none none' 'path 0 rox /' 'view 0x20000' \
				"bind $W/src $W/dst/$made create" | "$B/tests/mkblob" p.llb
			refused "$u" 'ENAMETOOLONG' true
			rm -rf dst/new
			[ -z "$(ls dst)" ]
		done
		pol <<<"[[mount.bind]]
source = \"@W@/src\"
target = \"@W@/dst/${long:1}/${long:1}\"
create = true"
		works "$u" cat "dst/${long:1}/${long:1}/file" # the control
		rm -r "dst/${long:1}"
		# what it may not make, where it may not: root could
		for made in 'mkdirat src' 'mknodat src/file'; do
			pol <<<"[[mount.bind]]
source = \"@W@/${made#* }\"
target = \"/usr/mounts-test-none\"
create = true"
			[ "$u" = 0 ] || refused "$u" "${made% *}(\"/usr/mounts-test-none\"): EACCES" true
		done
	done
}

@test "a missing source is refused by name and line; optional leaves the mount out" {
	for u in $(users); do
		fresh "$u"
		pol <<<'[[mount.bind]]
source = "@W@/nowhere"
target = "@W@/dst"'
		refused "$u" "$W/nowhere" true
		[[ "$stderr" == *p.toml:11* ]]
		pol <<<'[[mount.bind]]
source = "@W@/nowhere"
target = "@W@/dst"
optional = true'
		works "$u" ls dst
	done
}

@test "mounts stand after those they lie beneath, whatever their order in the policy" {
	for u in $(users); do
		fresh "$u"
		pol <<<'[[mount.bind]]
source = "@W@/src"
target = "@W@/dst/in/here"
create = true
[mount]
tmpfs = ["@W@/dst", { path = "@W@/dst/in", create = true }]' || true
		{ printf '%s' "$BASE"; sed "s|@W@|$W|g" <<<'[mount]
tmpfs = [{ path = "@W@/dst/in", create = true }, "@W@/dst"]
[[mount.bind]]
source = "@W@/src"
target = "@W@/dst/in/here"
create = true'; } >p.toml
		"$B/llc-policy" compile -q p.toml -o p.llb
		works "$u" cat dst/in/here/file
		[ "$output" = content ]
	done
}

@test "slots name sources and targets; a link in a slot is refused unless followed" {
	for u in $(users); do
		fresh "$u"
		as "$u" ln -s /etc link
		pol <<<'[slots.from]
type = "dir"
from = "arg"
[[mount.bind]]
source = "${from}/file"
target = "${CWD}/dst/f"
create = true
[[mount.bind]]
source = "${CWD}/link"
target = "@W@/empty"'
		# named before the one that it leaves without a value
		OPTIONS="--set form=$W/src" refused "$u" 'no slot of this name takes --set: "form=' true
		OPTIONS="--set from=$W/src" refused "$u" 'ELOOP' true
		sed -i '$d' p.toml
		sed -i '$d' p.toml
		sed -i '$d' p.toml
		"$B/llc-policy" compile -q p.toml -o p.llb
		OPTIONS="--set from=$W/src" works "$u" cat dst/f
		[ "$output" = content ]
	done
}

@test "the working directory is found again in the mounts, not beneath them" {
	for u in $(users); do
		fresh "$u"
		as "$u" mkdir dst/inner
		echo hidden >dst/inner/secret
		pol <<<'[mount]
tmpfs = ["@W@/dst"]'
		cd dst/inner
		refused "$u" 'hides the working directory' cat secret
		cd "$W/dst"
		under "$u" ls
		[ "$status" -eq 0 ]
		[ -z "$output" ]
		cd "$W/dst/inner"
		pol <<<'[mount]
tmpfs = ["@W@/dst"]
[runtime]
cwd = "@W@/src"'
		works "$u" cat file
	done
}

@test "runtime.cwd alone needs no namespace" {
	for u in $(users); do
		fresh "$u"
		pol <<<'[runtime]
cwd = "@W@/src"'
		works "$u" sh -c 'cat file; readlink /proc/self/ns/user'
		[[ "$output" == *"$(readlink /proc/self/ns/user)" ]]
		pol <<<'[runtime]
cwd = "@W@/nowhere"'
		refused "$u" "nowhere" true
	done
}

@test "user and group are the caller's own, or 0 when asked; capabilities: none, unless the policy keeps them" {
	for u in $(users); do
		fresh "$u"
		pol <<<'[mount]
tmpfs = ["@W@/dst"]'
		works "$u" sh -c 'id -u; id -g; grep -E "Cap(Inh|Prm|Eff|Amb)|NoNewPrivs" /proc/self/status | tr -d "\t"; stat -c %u src'
		[ "$output" = "$u
$u
CapInh:0000000000000000
CapPrm:0000000000000000
CapEff:0000000000000000
CapAmb:0000000000000000
NoNewPrivs:1
$u" ]
		pol <<<'[runtime]
user = "root"
[process]
drop_caps = ["sys_admin"]'
		works "$u" sh -c 'id -u; id -g; grep CapEff /proc/self/status | tr -d "\t"; touch dst/x; chmod 4755 dst/x'
		[ "$output" = "0
0
CapEff:$(printf '%016x' $((0x$(sed -n 's/^CapBnd:\t//p' /proc/1/status) & ~(1 << 21))))" ] || {
			[[ "$output" == "0
0
CapEff:"*[1-9a-f]* ]]
		}
		[ "$(stat -c %u dst/x)" = "$u" ]
	done
}

@test "mount hardening: the command cannot mount, unmount, remount or pivot, not in a user namespace of its own either" {
	for u in $(users); do
		fresh "$u"
		for fs in yes no; do
			if [ $fs = yes ]; then
				pol <<<'[mount]
tmpfs = ["@W@/dst"]
[[mount.bind]]
source = "@W@/src"
target = "@W@/empty"'
			else
				BASE='version = 1
[fs]
unrestricted = true
[net]
unrestricted = true
[scope]
unrestricted = true
' pol <<<'[mount]
tmpfs = ["@W@/dst"]
[[mount.bind]]
source = "@W@/src"
target = "@W@/empty"'
			fi
			works "$u" cat empty/file
			for attempt in "mount -t tmpfs none $W/src" "umount $W/dst" "umount $W/empty" \
				"mount -o remount,rw,bind $W/empty" "mount --bind $W/src $W/dst" "pivot_root $W/dst $W/dst"; do
				# shellcheck disable=SC2086
				denied "$u" $attempt
				denied "$u" unshare -Ur $attempt
				denied "$u" unshare -Urm $attempt
			done
			denied "$u" touch empty/x
		done
		# the control: what unshare and mount can do without a policy
		as "$u" unshare -Urm mount -t tmpfs none "$W/src"
	done
}

@test "proc: a PID namespace with an init that reaps, holds nothing and cannot be traced" {
	for u in $(users); do
		fresh "$u"
		pol <<<'[mount]
proc = ["/proc"]'
		works "$u" sh -c 'echo $$; ls -d /proc/[0-9]* | wc -l; grep -c . /proc/1/status'
		[[ "$output" == "2
"* ]]
		[ "$(sed -n 2p <<<"$output")" -lt 8 ]
		works "$u" sh -c 'grep -E "CapPrm|CapEff|NoNewPrivs" /proc/1/status | tr -d "\t"'
		[ "$output" = "CapPrm:0000000000000000
CapEff:0000000000000000
NoNewPrivs:1" ]
		for path in root cwd exe fd/0 environ mem maps ns/mnt; do
			denied "$u" sh -c "head -c 1 /proc/1/$path || readlink /proc/1/$path"
		done
		works "$u" head -c 1 /proc/self/environ # the control
		denied "$u" nsenter -t 1 -m true
		denied "$u" nsenter -t 1 -U true
		denied "$u" sh -c 'kill -KILL 1 && kill -0 1 && sleep 0.1; kill -STOP 1; grep -q "State:.*T" /proc/1/status'
		if command -v strace >/dev/null; then denied "$u" timeout 10 strace -p 1 -o /dev/null; fi
		# orphans are reaped: nobody is left but init and the shell
		works "$u" sh -c 'for i in 1 2 3 4 5; do (sh -c "true &" &) ; done; i=0; while [ $i -lt 1000 ] && grep -l "State:.*Z" /proc/[0-9]*/status 2>/dev/null; do i=$((i+1)); done; [ $i -lt 1000 ]'
	done
}

@test "a PID namespace ends with the command: no survivor, whatever it ignores" {
	for u in $(users); do
		fresh "$u"
		pol <<<'[runtime]
isolate = ["pid"]'
		# sleep adds its arguments: by the second they are this test's
		works "$u" sh -c 'for i in 1 2 3; do setsid sh -c "trap \"\" TERM HUP; exec sleep 98765 $0" </dev/null >/dev/null 2>&1 & done; sleep 98765 $0 & true' "$$"
		run pgrep -u "$u" -f "^sleep 98765 $$\$"
		[ "$status" -eq 1 ]
	done
}

@test "status and signals pass through a PID namespace: exit codes, deaths, TERM, stop and continue" {
	for u in $(users); do
		fresh "$u"
		pol <<<'[runtime]
isolate = ["pid"]'
		under "$u" sh -c 'exit 7'
		[ "$status" -eq 7 ]
		run -127 as "$u" "$L" p.llb -- nonexistent-command
		under "$u" /etc/passwd
		[ "$status" -eq 126 ]
		for signal in KILL TERM SEGV; do
			run as "$u" python3 -c 'import subprocess, sys
print(subprocess.run(sys.argv[1:]).returncode)' "$L" p.llb -- sh -c "kill -$signal \$\$"
			[ "$output" = "-$(kill -l $signal)" ]
		done
		mkfifo fifo
		become "$u" "$L" p.llb -- sh -c 'trap "echo got TERM; exit 3" TERM; echo ready; while :; do sleep 0.01; done' >fifo &
		exec 4<fifo
		read -r line <&4
		[ "$line" = ready ]
		pid=$!
		kill -STOP "$pid" && kill -CONT "$pid"
		kill -TERM "$pid"
		read -r line <&4
		[ "$line" = "got TERM" ]
		status=0
		wait "$pid" || status=$?
		[ "$status" -eq 3 ]
		exec 4<&-
	done
}

@test "an init that cannot be what it must be refuses the run, and says why" {
	command -v strace >/dev/null || skip "no strace"
	fresh "$(id -u)"
	pol <<<'[process]
close_fds = false
drop_caps = []
[runtime]
isolate = ["pid"]'
	# the first such call of a process: of init, and of the process outside; the command makes none of them
	for call in close_range capset rt_sigaction; do
		run --separate-stderr strace -f -o trace -e inject=$call:error=EPERM "$L" p.llb -- sh -c 'echo ran; sleep 60'
		[ "$status" -eq 125 ] && [[ "$stderr" == *"llrun: $call"*EPERM* ]] || { echo "$call: $status $output $stderr"; return 1; }
	done
	run strace -f -o trace -e inject=chdir:error=EACCES:when=1 "$L" p.llb -- sleep 60
	[ "$status" -eq 125 ]
	[[ "$output" == *'llrun: chdir("/"): EACCES'* ]]
	run strace -f -o trace -e trace=close_range "$L" p.llb -- echo ran # the control
	[ "$status" -eq 0 ]
	[ "$output" = ran ]
	grep -q close_range trace
}

@test "the process outside and init hold none of the command's descriptors" {
	for u in $(users); do
		fresh "$u"
		pol <<<'[runtime]
isolate = ["pid"]'
		mkfifo pipe ready
		exec 5<>ready
		# closed standard input and output included: the descriptors that take their numbers are kept apart
		for closed in '' '<&-' '<&- >&-'; do
			eval 'become "$u" "$L" p.llb -- sh -c "echo started >&2; exec >&-; sleep 60" '"$closed"' 2>&5 '"$([[ $closed == *'>&-' ]] || echo '>pipe')"' 5>&- &'
			pid=$!
			if [[ $closed != *'>&-' ]]; then
				# the end of the pipe while the run goes on: the command has closed it, and nobody else holds it
				run timeout 20 cat pipe
				[ "$status" -eq 0 ]
			fi
			read -r -t 20 line <&5
			[ "$line" = started ]
			kill -0 "$pid"
			kill -KILL "$pid"
			wait "$pid" || [ $? -eq 137 ]
		done
		# without any
		status=0
		(become "$u" timeout 20 "$L" p.llb -- sh -c 'exit 7' <&- >&- 2>&-) || status=$?
		[ "$status" -eq 7 ]
		status=0
		(become "$u" timeout 20 "$L" p.llb -- sh -c 'exit 7' >&- 2>&-) || status=$?
		[ "$status" -eq 7 ]
		exec 5<&-
	done
}

@test "a broker for a view with a PID namespace" {
	for u in $(users); do
		fresh "$u"
		echo brokered >secret
		[ "$u" = "$(id -u)" ] || chown "$u" secret
		BASE='version = 1
[fs]
rox = ["/usr", "/bin", "/lib", "/lib64"]
rw = ["/proc", "/dev"]
[net]
unrestricted = true
[scope]
unrestricted = true
' pol <<<'[mount]
proc = ["/proc"]
[broker]
allow_read = ["@W@/secret"]
mount_tmpfs = ["@W@/empty"]'
		works "$u" sh -c 'echo $$; cat secret; grep -c " $PWD/empty " /proc/self/mountinfo; mount -t tmpfs none empty && grep -c " $PWD/empty " /proc/self/mountinfo'
		[ "$output" = "2
brokered
0
1" ]
		denied "$u" cat src/file
		denied "$u" mount -t tmpfs none dst
	done
}

@test "llrun killed: the namespace ends with it" {
	for u in $(users); do
		fresh "$u"
		pol <<<'[runtime]
isolate = ["pid"]'
		mkfifo fifo
		become "$u" "$L" p.llb -- sh -c 'trap "" TERM; echo ready; sleep 87654' >fifo &
		exec 4<fifo
		read -r line <&4
		kill -KILL $!
		# the end of the pipe: nobody of the run is left that could hold it
		run timeout 20 cat <&4
		[ "$status" -eq 0 ]
		exec 4<&-
	done
}

@test "net.isolate: a loopback of its own and nothing else" {
	python3 - >port 3>&- <<'PY' &
import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
a = socket.socket(socket.AF_UNIX); a.bind("\0mounts-test-%d" % s.getsockname()[1]); a.listen()
print(s.getsockname()[1], flush=True)
time.sleep(600)
PY
	server=$!
	for ((i = 0; i < 600; i++)); do [ -s port ] && break; sleep 0.05; done
	port=$(cat port)
	[ -n "$port" ]
	reach="import socket, sys
for family, address in (socket.AF_INET, ('127.0.0.1', $port)), (socket.AF_UNIX, '\\0mounts-test-$port'):
    try: socket.socket(family).connect(address); print('reached')
    except OSError as e: print(e.strerror)"
	for u in $(users); do
		fresh "$u"
		BASE='version = 1
[fs]
unrestricted = true
[scope]
unrestricted = true
[net]
'
		pol <<<'unrestricted = true'
		works "$u" python3 -c "$reach"
		[ "$output" = "reached
reached" ]
		pol <<<'isolate = true'
		works "$u" python3 -c "$reach"
		[ "$output" = "Connection refused
Connection refused" ]
		works "$u" python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); socket.create_connection(s.getsockname())
u = socket.socket(type=socket.SOCK_DGRAM); u.bind(("127.0.0.1", 0)); u.sendto(b"x", u.getsockname())
print(open("/proc/self/net/dev").read().count(":"))'
		[ "$output" = 1 ]
		denied "$u" python3 -c 'import socket; socket.socket(40, socket.SOCK_STREAM)' # AF_VSOCK
	done
	kill $server
}

# a small root: one static program under several names
make_root() {
	mkdir -p root/bin root/proc root/tmp root/build root/etc
	cp "$BUSYBOX" root/bin/busybox
	for name in sh cat ls touch mount umount id sleep readlink; do ln -s busybox "root/bin/$name"; done
	echo inside >root/etc/where
	[ "$1" = "$(id -u)" ] || chown -R "$1:$1" root
}
ROOT='version = 1
[fs]
rox = ["@W@/root"]
rw = ["@W@/root/tmp", "@W@/root/build"]
[net]
isolate = true
[scope]
unrestricted = true
[runtime]
root = "@W@/root"
'
need_busybox() {
	BUSYBOX=$(command -v busybox) || skip "no busybox"
	if ldd "$BUSYBOX" >/dev/null 2>&1; then skip "busybox is not static"; fi
}

@test "root: the command sees the root, its mounts and a proc, and nothing of the host; nothing is left behind" {
	need_busybox
	for u in $(users); do
		fresh "$u"
		make_root "$u"
		BASE=$ROOT pol <<<'cwd = "/build"
[mount]
tmpfs = ["@W@/root/tmp"]
proc = ["@W@/root/proc"]
[[mount.bind]]
source = "@W@/src"
target = "@W@/root/build"
read_only = false'
		before=$(snapshot | grep -v '^src/')
		works "$u" sh -c 'pwd; cat file /etc/where; echo made >made; touch /tmp/x; ls / /tmp; readlink /proc/self/exe; echo $$'
		[ "$output" = "/build
content
inside
/:
bin
build
etc
proc
tmp

/tmp:
x
/bin/busybox
2" ]
		[ "$(cat src/made)" = made ]
		rm src/made
		[ "$(snapshot | grep -v '^src/')" = "$before" ]
		works "$u" cat /proc/self/mountinfo
		[ "$(wc -l <<<"$output")" -eq 4 ]
		denied "$u" cat "$W/src/file"
		denied "$u" touch /etc/x
		[ "$(cat root/etc/where)" = inside ]
		# no way back: neither by the directory above the root nor by those of other processes
		works "$u" sh -c 'cd /../../..; ls'
		[ "$(head -1 <<<"$output")" = bin ]
		denied "$u" ls /proc/1/root/
	done
}

@test "root: a rule above it holds for all of it; root_read_only; a missing program is 127" {
	need_busybox
	for u in $(users); do
		fresh "$u"
		make_root "$u"
		BASE=${ROOT/'rox = ["@W@/root"]'/'rox = ["/"]'} pol <<<''
		works "$u" cat /etc/where
		works "$u" touch /build/x
		run -127 as "$u" "$L" p.llb -- python3
		[[ "$output" == *"command not found"* ]]
		BASE=$ROOT pol <<<'root_read_only = true
[mount]
tmpfs = ["@W@/root/tmp"]'
		denied "$u" touch /build/y
		[[ "$stderr" == *"Read-only file system"* ]]
		works "$u" touch /tmp/y
	done
}

@test "root: links in it stay in it" {
	need_busybox
	for u in $(users); do
		fresh "$u"
		make_root "$u"
		as "$u" ln -s /etc/passwd root/etc/link
		as "$u" ln -s ../../../../../../../../../../etc root/up
		BASE=${ROOT/'rw = ['/'ro = ["@W@/root/up"]
rw = ['} pol <<<''
		denied "$u" cat /etc/link
		works "$u" cat /up/where
		[ "$output" = inside ]
	done
}

@test "root: what it must be" {
	for u in $(users); do
		fresh "$u"
		BASE='version = 1
[fs]
unrestricted = true
[runtime]
'
		pol <<<'root = "@W@/src/file"'
		before=$(snapshot)
		refused "$u" 'ENOTDIR' true
		pol <<<'root = "@W@/nowhere"'
		refused "$u" 'ENOENT' true
		[ "$(snapshot | grep -v '^p\.')" = "$(grep -v '^p\.' <<<"$before")" ]
	done
}

@test "attack: a link planted by one run is not followed by the next, as source, target or root" {
	for u in $(users); do
		fresh "$u"
		as "$u" mkdir tree tree/in tree/out
		BASE='version = 1
[fs]
rox = ["/"]
rw = ["@W@/tree"]
[net]
unrestricted = true
[scope]
unrestricted = true
'
		for place in source target; do
			other=$([ $place = source ] && echo "target = \"$W/dst\"" || echo "source = \"$W/src\"")
			pol <<<"[[mount.bind]]
$place = \"@W@/tree/in\"
$other
read_only = false"
			works "$u" true # the control: a directory is what it should be
			mv p.toml q.toml
			mv p.llb q.llb
			pol <<<''
			works "$u" sh -c 'rmdir tree/in && ln -s /etc tree/in'
			mv q.llb p.llb
			refused "$u" ELOOP cat dst/passwd
			as "$u" sh -c 'rm tree/in && mkdir tree/in'
		done
		pol <<<'[runtime]
root = "@W@/tree/in"'
		as "$u" sh -c 'rmdir tree/in && ln -s / tree/in'
		refused "$u" ELOOP cat /etc/passwd
	done
}

@test "attack: a target swapped for a link while llrun mounts is never followed" {
	for u in $(users); do
		fresh "$u"
		as "$u" mkdir tree tree/in tree/other
		BASE='version = 1
[fs]
rox = ["/"]
rw = ["@W@/tree", "@W@/dst"]
[net]
unrestricted = true
[scope]
unrestricted = true
' pol <<<'[mount]
tmpfs = ["@W@/tree/in"]'
		# itself in the background, not a shell that waits for it: what is killed must be what swaps
		become "$u" sh -c \
			'while :; do mv -T tree/in tree/was; ln -s ../dst tree/in; rm tree/in; mv -T tree/was tree/in; done' 2>/dev/null 3>&- &
		swapper=$!
		for round in $(seq 50); do # not i: bats counts lines with it
			under "$u" sh -c 'grep " $PWD/dst " /proc/self/mountinfo'
			[ "$status" -eq 1 ] || [ "$status" -eq 125 ] || { kill $swapper; echo "$status $output $stderr"; return 1; }
		done
		kill $swapper
		wait $swapper || [ $? -eq 143 ]
	done
}

@test "user namespaces switched off: 125, the reason and the remedy; a policy without mounts still runs" {
	fresh "$(id -u)"
	pol <<<'[mount]
tmpfs = ["@W@/dst"]'
	pol plain <<<''
	# a namespace of our own in which there can be no further one
	run --separate-stderr unshare -Ur sh -c "echo 0 >/proc/sys/user/max_user_namespaces && exec $L --trust-blob p.llb -- true"
	[ "$status" -eq 125 ]
	[[ "$stderr" == *'unshare: ENOSPC'*'llc-policy doctor'* ]]
	run unshare -Ur sh -c "echo 0 >/proc/sys/user/max_user_namespaces && exec $L --trust-blob plain.llb -- true"
	[ "$status" -eq 0 ]
	run unshare -Ur "$L" --trust-blob p.llb -- true # the control
	[ "$status" -eq 0 ]
}

@test "a policy without mounts makes no namespace: no call of the kind, even where they are there" {
	command -v strace >/dev/null || skip "no strace"
	fresh "$(id -u)"
	pol <<<''
	strace -f -o trace "$L" p.llb -- true
	run grep -cE '^[0-9]+ +(unshare|setns|mount|move_mount|open_tree|fsopen|pivot_root|clone3?|v?fork)\(' trace
	[ "$output" = 0 ]
	pol <<<'[mount]
tmpfs = ["@W@/dst"]'
	strace -f -o trace "$L" p.llb -- true
	grep -qE '^[0-9]+ +unshare\(' trace
}

@test "--check makes the mounts, says what they are, and leaves nothing" {
	for u in $(users); do
		fresh "$u"
		pol <<<'[mount]
tmpfs = ["@W@/dst"]
proc = ["/proc"]'
		before=$(snapshot)
		OPTIONS=--check works "$u" true
		[[ "$output" == *"mount tmpfs on \"$W/dst\""* ]]
		[[ "$output" == *"namespaces: user mount pid"* ]]
		[ "$(snapshot)" = "$before" ]
	done
}

@test "landlockd's mounts: hermetic tmpfs with cwd, run as written there" {
	for u in $(users); do
		fresh "$u"
		cat >p.toml <<-EOF
			version = 1
			[[fs_layer]]
			handled_access_fs = ["write_file", "make_reg"]
			  [[fs_layer.rule]]
			  path = "$W/dst"
			  allowed_access = ["write_file", "make_reg"]
			[mount]
			tmpfs = ["$W/dst"]
			[runtime]
			cwd = "$W/dst"
			[seccomp]
			deny = ["mount", "umount2", "move_mount", "open_tree", "fsopen"]
		EOF
		"$B/llc-policy" compile -q p.toml -o p.llb
		works "$u" sh -c 'echo x >here && cat here'
		[ "$output" = x ]
		denied "$u" touch "$W/src/x"
		[ ! -e dst/here ]
	done
}

@test "doctor: namespaces for a policy that needs them, the remedy where there are none" {
	fresh "$(id -u)"
	pol <<<'[[mount.bind]]
source = "@W@/src"
target = "@W@/dst"'
	run "$B/llc-policy" doctor p.llb
	[ "$status" -eq 0 ]
	[[ "$output" == *"the policy's namespaces can be made"* ]]
	[[ "$output" == *"what is mounted exists"* ]]
	run unshare -Ur sh -c "echo 0 >/proc/sys/user/max_user_namespaces && exec $B/llc-policy doctor p.llb"
	[ "$status" -eq 3 ]
	[[ "$output" == *"a user namespace: the policy has mounts"* ]]
	[[ "$output" == *"sysctl user.max_user_namespaces"* ]]
	rm -r src
	run "$B/llc-policy" doctor p.llb
	[ "$status" -eq 3 ]
	[[ "$output" == *"$W/src"*"the source of a mount"* ]]
}

@test "a view inside another sandbox is refused, with the reason" {
	for u in $(users); do
		fresh "$u"
		pol outer <<<''
		pol <<<'[mount]
tmpfs = ["@W@/dst"]'
		works "$u" true
		run --separate-stderr as "$u" "$L" outer.llb -- "$L" --trust-blob p.llb -- true
		[ "$status" -eq 125 ]
		[[ "$stderr" == *"inside another sandbox"* ]]
	done
}
