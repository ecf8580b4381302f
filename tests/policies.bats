#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The starter policies, executed: what must work works, what must be refused is refused, each refusal beside the same
# command without the sandbox.

bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/.." || return
	export TOP=$PWD
	case ${B:=build} in /*) ;; *) B=$PWD/$B ;; esac
	export B
	# readable by every user, unlike bats' own directory; and the system's programs, not a user's shims in a home directory
	DIR=$(mktemp -d /tmp/policies-test.XXXXXX)
	export DIR PATH=/usr/bin:/bin:/usr/sbin:/sbin
	mkdir -p "$DIR/llb" "$DIR/mine" "$DIR/other" "$DIR/scratch" "$DIR/home"
	for p in policies/*.toml; do
		"$B/llc-policy" compile -q "$p" -o "$DIR/llb/$(basename "$p" .toml).llb" || return
	done
	chmod 755 "$DIR" "$DIR/llb"
	echo secret >"$DIR/other/secret"
	echo token >"$DIR/home/.npmrc"
	printf '#include <stdio.h>\nint main(void) { puts("made"); return 7; }\n' >"$DIR/mine/hello.c"
}

teardown_file() {
	rm -rf "$DIR"
}

setup() {
	cd "$DIR/mine" || return
	export TMPDIR=$DIR/scratch HOME=$DIR/home
}

# a test that fails leaves nobody behind who would keep bats waiting
teardown() {
	[ -z "${server:-}" ] || kill "$server" 2>/dev/null || :
}

under() { # under POLICY CMD...: exit status and output as bats's run has them
	local blob=$DIR/llb/$1.llb
	shift
	run "$B/llrun" ${SETS:-} "$blob" -- "$@"
}
works() {
	under "$@"
	[ "$status" -eq 0 ] || { echo "exit $status: $output"; return 1; }
}
# refused POLICY CMD...: works outside, fails inside, not by a signal, not because llrun refused
refused() {
	run "${@:2}"
	[ "$status" -eq 0 ] || { echo "control failed, exit $status: $output"; return 1; }
	under "$@"
	[ "$status" -gt 0 ] && [ "$status" -lt 125 ] || { echo "exit $status: $output"; return 1; }
}
abi() { "$B/tests/probe" landlock-abi; }
needs_abi() {
	[ "$(abi)" -ge "$1" ] || skip "needs Landlock ABI $1"
}

@test "every starter policy lints without errors or warnings" {
	cd "$TOP"
	run "$B/llc-policy" lint policies/*.toml
	[ "$status" -eq 0 ]
	[[ $output != *" warning: "* ]]
}

@test "ci-default: shell, coreutils and python work" {
	works ci-default sh -c 'ls /usr >/dev/null && date >d && cp d e && mv e f && mkdir -p g/h && rm -r d f g && id >/dev/null'
	works ci-default python3 -c 'import json, ssl, pathlib, subprocess, tempfile; tempfile.TemporaryFile().write(b"x"); subprocess.run(["true"], check=True)'
	works ci-default python3 -c 'import multiprocessing as m; p = m.Process(target=print, args=("x",)); p.start(); p.join(); assert p.exitcode == 0'
}

@test "ci-default: a program is compiled, linked and run" {
	works ci-default cc -O2 -o hello hello.c
	under ci-default ./hello
	[ "$status" -eq 7 ]
	[ "$output" = made ]
	works ci-default sh -c 'ar rcs x.a /dev/null; printf "all:\n\t@echo made\n" >Makefile && make -s'
}

@test "ci-default: files outside are neither read nor written" {
	refused ci-default cat "$DIR/other/secret"
	refused ci-default sh -c "echo x >$DIR/other/written"
	refused ci-default sh -c "mkdir $DIR/other/d && rmdir $DIR/other/d"
	refused ci-default sh -c "cp hello.c $DIR/other/hello.c && rm $DIR/other/hello.c"
	[ "$(cat "$DIR/other/secret")" = secret ]
}

@test "ci-default: what TMPDIR holds may be written but not executed" {
	cp /bin/true "$DIR/scratch/true"
	refused ci-default "$DIR/scratch/true" || [ "$status" -eq 126 ]
	works ci-default sh -c 'echo x >"$TMPDIR/x" && rm "$TMPDIR/x"'
}

@test "ci-default: no sockets but pairs" {
	for family in AF_INET AF_INET6 AF_UNIX AF_NETLINK; do
		type=SOCK_STREAM
		[ $family != AF_NETLINK ] || type=SOCK_RAW
		cmd="import socket; socket.socket(socket.$family, socket.$type)"
		if [ $family = AF_NETLINK ]; then
			works ci-default python3 -c "$cmd"
		else
			refused ci-default python3 -c "$cmd"
		fi
	done
	works ci-default python3 -c 'import socket; a, b = socket.socketpair(); a.send(b"x"); assert b.recv(1) == b"x"'
}

@test "ci-default: no kernel administration" {
	[ "$(id -u)" -eq 0 ] || skip "mount(2) works for root only"
	refused ci-default unshare -m true
	under ci-default mount -t tmpfs none "$DIR/mine"
	[ "$status" -gt 0 ]
	[ "$status" -lt 125 ]
}

@test "ci-default works for an unprivileged user" {
	[ "$(id -u)" -eq 0 ] || skip "already unprivileged"
	mkdir -p "$DIR/nobody" && chown 65534:65534 "$DIR/nobody"
	mkdir -p "$DIR/bin" && cp "$B/llrun" "$DIR/bin/llrun" && chmod 755 "$DIR/bin" "$DIR/bin/llrun"
	cd "$DIR/nobody"
	TMPDIR=$DIR/nobody run setpriv --reuid 65534 --regid 65534 --clear-groups "$DIR/bin/llrun" "$DIR/llb/ci-default.llb" -- \
		sh -c 'echo "int main(void) { return 3; }" >t.c && cc -o t t.c && ./t'
	[ "$status" -eq 3 ]
	TMPDIR=$DIR/nobody run setpriv --reuid 65534 --regid 65534 --clear-groups "$DIR/bin/llrun" "$DIR/llb/ci-default.llb" -- \
		cat "$DIR/other/secret"
	[ "$status" -eq 1 ]
	run setpriv --reuid 65534 --regid 65534 --clear-groups cat "$DIR/other/secret"
	[ "$status" -eq 0 ]
}

# In a network and mount namespace of its own: ports 53 and 80 are free there, and resolv.conf can be replaced.
in_network() {
	unshare -mn true 2>/dev/null || unshare -Urmn true 2>/dev/null || skip "no namespaces here"
	local flags=-mn
	unshare -mn true 2>/dev/null || flags=-Urmn
	printf 'nameserver 127.0.0.1\n' >"$DIR/resolv.conf"
	rm -f "$DIR"/ready*
	cat >"$DIR/inside" <<-INSIDE
		set -e
		ip link set lo up 2>/dev/null || python3 -c 'import fcntl, socket, struct
		s = socket.socket(); fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 1 | 64))'
		mount --make-rprivate /
		mount --bind "$DIR/resolv.conf" "\$(realpath /etc/resolv.conf)"
		exec python3 "$TOP/tests/net/servers.py" "$DIR/ready" "\$@"
	INSIDE
	run unshare $flags sh "$DIR/inside" "$@"
}

@test "net-fetch: a download by name, DNS over TCP only" {
	needs_abi 4
	in_network "$B/llrun" "$DIR/llb/net-fetch.llb" -- curl -sS --max-time 20 -o fetched http://fetch.test/
	[ "$status" -eq 0 ] || { echo "exit $status: $output"; false; }
	[ "$(cat fetched)" = fetched ]
	[ -s "$DIR/ready.tcp" ]
	[ ! -e "$DIR/ready.udp" ]
	# without the sandbox the same resolver asks by UDP: the counter works
	in_network curl -sS --max-time 20 -o fetched http://fetch.test/
	[ "$status" -eq 0 ]
	[ -s "$DIR/ready.udp" ]
}

@test "net-fetch: python fetches too" {
	needs_abi 4
	in_network "$B/llrun" "$DIR/llb/net-fetch.llb" -- \
		python3 -c 'import urllib.request as r; assert r.urlopen("http://fetch.test/").read() == b"fetched\n"'
	[ "$status" -eq 0 ] || { echo "exit $status: $output"; false; }
}

@test "net-fetch: other ports, UDP and listening are refused" {
	needs_abi 4
	in_network curl -sS --max-time 20 -o fetched http://fetch.test:8080/
	[ "$status" -eq 0 ]
	in_network "$B/llrun" "$DIR/llb/net-fetch.llb" -- curl -sS --max-time 20 -o fetched http://fetch.test:8080/
	[ "$status" -eq 7 ]	# curl: failed to connect
	refused net-fetch python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)'
	refused net-fetch python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0))'
	refused net-fetch python3 -c 'import socket; socket.socket().listen()'
}

@test "net-fetch: writes the working directory only, sees listed variables only" {
	needs_abi 4
	refused net-fetch cat "$DIR/other/secret"
	refused net-fetch sh -c "echo x >$DIR/scratch/x"
	works net-fetch sh -c 'echo x >x && rm x'
	SECRET_TOKEN=1 under net-fetch env
	[[ $output != *SECRET_TOKEN* ]]
	[[ $output == *RES_OPTIONS=use-vc* ]]
	[[ $output == *PATH=* ]]
}

@test "build-script: a tree is built, nothing else is touched" {
	needs_abi 6
	mkdir -p "$DIR/tree"
	printf 'all: prog\n\t./prog\nprog: prog.c\n\tcc -o $@ $<\n' >"$DIR/tree/Makefile"
	printf '#include <stdio.h>\nint main(void) { puts("built"); return 0; }\n' >"$DIR/tree/prog.c"
	SETS="--set tree=$DIR/tree" works build-script make -C "$DIR/tree"
	[[ $output == *built* ]]
	SETS="--set tree=$DIR/tree" refused build-script cat "$DIR/other/secret"
	SETS="--set tree=$DIR/tree" refused build-script cat "$DIR/home/.npmrc"
	SETS="--set tree=$DIR/tree" refused build-script sh -c "echo x >$DIR/mine/planted"
	SETS="--set tree=$DIR/tree" refused build-script python3 -c 'import socket; socket.socket()'
}

@test "build-script: no signal leaves it, no terminal, no token" {
	needs_abi 6
	mkdir -p "$DIR/tree"
	sleep 1000 &
	victim=$!
	SETS="--set tree=$DIR/tree" under build-script kill -0 $victim
	result=$status
	kill -0 $victim
	kill $victim
	[ "$result" -gt 0 ]
	[ "$result" -lt 125 ]
	NPM_TOKEN=1 SETS="--set tree=$DIR/tree" under build-script sh -c 'echo "${NPM_TOKEN-none} $HOME"; : </dev/tty'
	[[ $output == *"none /nonexistent"* ]]
	[ "$status" -ne 0 ]
}

@test "build-script: the tree must be named, and may not be the root" {
	needs_abi 6
	under build-script true
	[ "$status" -eq 125 ]
	[[ $output == *tree* ]]
	SETS="--set tree=/" under build-script true
	[ "$status" -eq 125 ]
	[[ $output == *root* ]]
	SETS="--set tree=$DIR/tree" works build-script true
}

@test "install-hooks: a hook compiles in place and reaches nothing else" {
	needs_abi 6
	mkdir -p node_modules/addon
	cat >node_modules/addon/install.sh <<-'HOOK'
		set -e
		cc -o addon ../../hello.c
		./addon || [ $? -eq 7 ]
		mktemp >/dev/null
	HOOK
	works install-hooks sh -c 'cd node_modules/addon && sh install.sh'
	refused install-hooks cat "$DIR/home/.npmrc"
	refused install-hooks sh -c "echo x >>$DIR/home/.npmrc"
	refused install-hooks python3 -c 'import socket; socket.socket()'
	NPM_TOKEN=1 under install-hooks sh -c 'test -z "$NPM_TOKEN"'
	[ "$status" -eq 0 ]
	if command -v node >/dev/null; then
		works install-hooks node -e 'require("fs").writeFileSync("from-node", "x")'
	fi
}

@test "a link planted by one run does not widen the next" {
	cat >"$DIR/slots.toml" <<-EOT
		version = 1
		[fs]
		rox = ["/usr", { path = "/bin", optional = true }, { path = "/lib", optional = true }, { path = "/lib64", optional = true }]
		rw = ["\${CWD}/out"]
		ro = ["\${CWD}/out/cache", "$DIR/mine/tree/sub"]
		rwx = ["$DIR/mine/tree"]
	EOT
	"$B/llc-policy" compile -q "$DIR/slots.toml" -o "$DIR/llb/slots.llb" 2>/dev/null
	mkdir -p out/cache tree/sub
	works slots sh -c 'echo x >out/x && rmdir out/cache && ln -s "$1" out/cache' sh "$DIR/other"
	[ -L out/cache ]
	under slots cat "$DIR/other/secret"
	[ "$status" -eq 125 ]
	[[ $output == *out/cache* ]]
	rm out/cache && mkdir out/cache
	works slots sh -c 'rmdir tree/sub && ln -s "$1" tree/sub' sh "$DIR/other"
	under slots cat "$DIR/other/secret"
	[ "$status" -eq 125 ]
	[[ $output == *tree/sub* ]]
	rm tree/sub && mkdir tree/sub
	works slots true
}

@test "nor does one beneath a number of the user" {
	cat >"$DIR/uid.toml" <<-EOT
		version = 1
		[fs]
		rox = ["/usr", { path = "/bin", optional = true }, { path = "/lib", optional = true }, { path = "/lib64", optional = true }]
		rw = ["$DIR/mine/all", "$DIR/mine/own/\${UID}"]
		rwx = ["$DIR/mine/all/\${UID}/x", "$DIR/mine/own/\${UID}/x"]
	EOT
	"$B/llc-policy" compile -q "$DIR/uid.toml" -o "$DIR/llb/uid.llb" 2>/dev/null
	for at in all own; do
		mkdir -p {all,own}/"$(id -u)"/x
		works uid sh -c 'rmdir "$1" && ln -s "$2" "$1"' sh "$at/$(id -u)/x" "$DIR/other"
		under uid cat "$DIR/other/secret"
		[ "$status" -eq 125 ]
		[[ $output == *"$at/\${UID}/x"*ELOOP* ]]
		rm "$at/$(id -u)/x"
	done
	mkdir -p {all,own}/"$(id -u)"/x
	works uid sh -c 'echo x >"all/$1/x/new" && echo x >"own/$1/x/new"' sh "$(id -u)"
}

@test "a link planted in the place of a slot does not widen the next run" {
	cat >"$DIR/slot.toml" <<-'EOT'
		version = 1
		[fs]
		rox = ["/usr", { path = "/bin", optional = true }, { path = "/lib", optional = true }, { path = "/lib64", optional = true }]
		rwx = ["${CWD}"]
		rw = ["${TMPDIR}"]
	EOT
	"$B/llc-policy" compile -q "$DIR/slot.toml" -o "$DIR/llb/slot.llb"
	mkdir -p tmp
	TMPDIR=$PWD/tmp works slot sh -c 'echo x >tmp/x && rm -r tmp && ln -s "$1" tmp' sh "$DIR/other"
	TMPDIR=$PWD/tmp under slot sh -c 'echo planted >tmp/planted'
	[ "$status" -eq 125 ]
	[[ $output == *"$PWD/tmp"* ]]
	[[ $output == *link* ]]
	[ ! -e "$DIR/other/planted" ]
	# a slot alone is as trustworthy as whoever sets it: links work
	printf 'version = 1\n[fs]\nrox = ["/usr", "/bin", "/lib", "/lib64"]\nrw = ["${TMPDIR}"]\n' >"$DIR/slot.toml"
	"$B/llc-policy" compile -q "$DIR/slot.toml" -o "$DIR/llb/slot.llb"
	TMPDIR=$PWD/tmp works slot sh -c 'echo x >"$TMPDIR/x" && rm "$TMPDIR/x"'
}

@test "follow = true on a slot is the author's word" {
	cat >"$DIR/follow.toml" <<-'EOT'
		version = 1
		[fs]
		rox = ["/usr", "/bin", "/lib", "/lib64"]
		rwx = ["${CWD}"]
		rw = ["${tmp}"]
		[slots.tmp]
		type = "dir"
		from = "env:TMPDIR"
		follow = true
	EOT
	"$B/llc-policy" compile -q "$DIR/follow.toml" -o "$DIR/llb/follow.llb"
	ln -sfn "$DIR/scratch" link
	TMPDIR=$PWD/link works follow sh -c 'echo x >"$TMPDIR/x" && rm "$TMPDIR/x"'
}

@test "a server listens on the port that it may bind, and on no other that it asks for" {
	needs_abi 4
	# not among those that the kernel gives to whoever asks for any port; of two runs at once, each its own
	port=$((10000 + $$ % 10000 * 2))
	cat >"$DIR/server.toml" <<-EOT
		version = 1
		[fs]
		rox = ["/usr", "/bin", "/lib", "/lib64"]
		ro = ["/etc"]
		[net]
		bind_tcp = [$port]
	EOT
	"$B/llc-policy" compile -q "$DIR/server.toml" -o "$DIR/llb/server.llb"
	works server python3 -c "import socket; s = socket.create_server(('127.0.0.1', $port)); assert s.getsockname()[1] == $port"
	refused server python3 -c "import socket; socket.create_server(('127.0.0.1', $((port + 1))))"
	refused server python3 -c 'import socket; a = socket.create_server(("127.0.0.1", 0))'
}

# filters INPUT OUTPUT CMD...: under pure-filter, and CMD alone as the control
filters() {
	local input=$1 expected=$2
	shift 2
	[ "$(printf '%s\n' "$input" | "$@")" = "$expected" ] || { echo "the control failed: $*"; return 1; }
	run --separate-stderr "$B/llrun" "$DIR/llb/pure-filter.llb" -- "$@" <<<"$input"
	[ "$status" -eq 0 ] && [ "$output" = "$expected" ] && [ -z "$stderr" ] || { echo "exit $status: $output $stderr"; return 1; }
}

@test "pure-filter: text tools and python turn input into output" {
	filters abc axc sed s/b/x/
	filters abc ABC awk '{ print toupper($0) }'
	filters $'b\na' $'a\nb' sort
	filters abc ABC python3 -c 'import sys, json, re, decimal; print(sys.stdin.read().strip().upper())'
	filters abc abc sh -c 'read x; echo "$x" 2>/dev/null'
	! command -v jq || filters '{"a": [1, 2]}' '[1,2]' jq -c .a
	! command -v perl || filters abc aBc perl -pe s/b/B/
}

@test "pure-filter: no other file is read, none is written" {
	refused pure-filter cat "$DIR/other/secret"
	refused pure-filter ls "$DIR/other"
	refused pure-filter sh -c 'echo x >written'
	refused pure-filter python3 -c 'import os; os.close(os.memfd_create("x"))'
	refused pure-filter python3 -c 'import os; open("t", "w").close(); os.rename("t", "u"); os.unlink("u")'
	refused pure-filter chmod 644 hello.c
}

@test "pure-filter: no sockets, processes or threads; ioctl only what terminals are told by" {
	refused pure-filter python3 -c 'import socket; socket.socketpair()'
	refused pure-filter python3 -c 'import socket; socket.socket()'
	refused pure-filter sh -c '/bin/true; :'
	refused pure-filter sh -c 'kill -0 $$'
	refused pure-filter python3 -c 'import threading; t = threading.Thread(target=int); t.start(); t.join()'
	local ioctl='import fcntl, sys, termios; r, w = __import__("os").pipe(); fcntl.ioctl(r, getattr(termios, sys.argv[1]), b"\0" * 4)'
	refused pure-filter python3 -c "$ioctl" FIONREAD
	works pure-filter python3 -c "$ioctl" FIOCLEX
	# ptrace is not on the list; the other number is newer than the compiler
	works pure-filter python3 -c 'import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
for nr, want in ((101, errno.EPERM), (1023, errno.ENOSYS)) if __import__("os").uname().machine == "x86_64" else ():
	assert libc.syscall(nr, 0, 0, 0) == -1 and ctypes.get_errno() == want, nr'
}

# ---- publish-artifacts: under llrund ----

@test "publish-artifacts: what is built is run and published; nothing can be changed afterwards" {
	local out=$DIR/products
	export SETS="--set products=$out --audit $DIR/audit"
	mkdir "$out"
	works publish-artifacts sh -c 'cc -O2 -o hello hello.c && { ./hello; [ $? -eq 7 ]; } && mv hello "$1" && [ ! -e hello ]' sh "$out"
	run "$out/hello"
	[ "$status" -eq 7 ]
	[ "$output" = made ]
	grep -q '"event":"broker.rename".*"new_path":"'"$out"'/hello","decision":"allow"' "$DIR/audit"
	# a descriptor that was kept does not lead into it, nor does another name
	works publish-artifacts sh -c 'exec 3>kept && echo early >&3 && ln kept "$1" && echo late >&3 && echo late >>kept' sh "$out"
	[ "$(cat "$out/kept")" = early ]
	refused publish-artifacts sh -c "echo x >>$out/kept"
	refused publish-artifacts sh -c "echo x >new && mv -f new $out/kept"
	refused publish-artifacts sh -c "echo x >$out/new && rm $out/new"
	refused publish-artifacts sh -c "ln -s /etc/hostname link && mv link $out/link && rm $out/link"
	refused publish-artifacts sh -c "mv $out/kept . && mv kept $out"
	refused publish-artifacts cat "$DIR/other/secret"
	refused publish-artifacts python3 -c 'import socket; socket.socket()'
	# and where products would lie in the work tree, the build could change them: not started
	SETS="--set products=$DIR/mine" under publish-artifacts true
	[ "$status" -eq 125 ]
	[[ $output == *"into an export, or around one"* ]]
	rm -f kept link new
}

# ---- hermetic-build, prepared-root, prepared-root-net: user namespaces ----

needs_namespaces() {
	unshare -Ur true 2>/dev/null || skip "this machine permits no user namespaces"
}
# what a run could leave on the host
traces() {
	grep -F -e " $DIR" -e " /mnt" /proc/self/mountinfo || true
	(cd / && find mnt "$DIR" -printf '%p %y %m %U %s\n' | sort)
}
# as another user than root, when this is root: COMMAND...
also_as_user() {
	if [ "$(id -u)" -eq 0 ]; then setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; else "$@"; fi
}

@test "hermetic-build: gcc compiles in the tree, without network, and the host is neither seen nor changed" {
	needs_namespaces
	for as in env also_as_user; do
		rm -rf "$DIR/tree"
		mkdir "$DIR/tree" "$DIR/tree/sub"
		cp hello.c "$DIR/tree"
		[ $as = env ] || [ "$(id -u)" -ne 0 ] || chown -R 65534:65534 "$DIR/tree"
		cp "$B/llrun" "$DIR/llrun"
		before=$(traces)
		run $as "$DIR/llrun" --set "tree=$DIR/tree" "$DIR/llb/hermetic-build.llb" -- sh -c '
			set -e
			gcc -Wall -o /tmp/hello hello.c && cp /tmp/hello hello
			./hello || [ $? -eq 7 ]
			echo "$PWD"
			ls /
			cat /proc/net/dev | grep -c :
			ls -d /proc/[0-9]* | wc -l
			hostname >/dev/null'
		echo "$output"
		[ "$status" -eq 0 ]
		[ "$(head -2 <<<"$output")" = "made
/src" ]
		run grep -vxE 'made|/src|bin|dev|etc|lib|lib64|proc|sbin|src|tmp|usr|1|[2-9]' <<<"$output"
		[ "$status" -eq 1 ]
		run "$DIR/tree/hello"
		[ "$status" -eq 7 ]
		rm "$DIR/tree/hello"
		[ "$(traces)" = "$before" ] || { diff <(traces) - <<<"$before"; return 1; }
		for attempt in "cat $DIR/other/secret" "ls /home" "ls $DIR" "cat /etc/hostname" "touch /usr/x" "touch /etc/x" "touch /x" \
			"cp /bin/true /tmp/true && /tmp/true" "cat /proc/1/environ" "ls /proc/1/root/" "head -c 1 /dev/mem"; do
			run $as "$DIR/llrun" --set "tree=$DIR/tree" "$DIR/llb/hermetic-build.llb" -- sh -c "{ $attempt; } || exit 9"
			[ "$status" -eq 9 ] || { echo "$attempt: exit $status: $output"; return 1; }
		done
		[ "$(traces)" = "$before" ]
	done
	cat "$DIR/other/secret" # the control
}

# listen: somebody does, on a TCP port of 127.0.0.1, until the process $server is killed; the port is in `port`
listen() {
	rm -f "$DIR/scratch/port"
	python3 - >"$DIR/scratch/port" <<-'EOT' 3>&- &
	import socket, time
	s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(600)
	EOT
	server=$!
	for _ in $(seq 600); do [ -s "$DIR/scratch/port" ] && break; sleep 0.05; done
	port=$(cat "$DIR/scratch/port")
}

@test "hermetic-build: a server of the host cannot be reached, by address or by abstract name" {
	needs_namespaces
	mkdir -p "$DIR/tree"
	listen
	connect="import socket; socket.create_connection(('127.0.0.1', $port), 5)"
	python3 -c "$connect" # the control
	run "$B/llrun" --set "tree=$DIR/tree" "$DIR/llb/hermetic-build.llb" -- python3 -c "$connect"
	kill $server
	[ "$status" -eq 1 ]
	[[ $output == *"Connection refused"* ]]
}

# a root from installed packages: a static shell, the compiler and what it needs
prepare_root() { # prepare_root DIR
	mkdir -p "$1/bin" "$1/build" "$1/etc" "$1/usr"
	cp "$(command -v busybox)" "$1/bin/busybox"
	for name in sh cat ls touch id cp grep env; do ln -s busybox "$1/bin/$name"; done
	echo inside >"$1/etc/where"
	cc1=$(gcc -print-prog-name=cc1)
	for file in /usr/bin/gcc /usr/bin/as /usr/bin/ld "$cc1" "$(gcc -print-prog-name=collect2)" /bin/true; do
		place "$file" "$1"
		for library in $(ldd "$(realpath "$file")" 2>/dev/null | grep -oE '/[^ ]+'); do place "$library" "$1"; done
	done
	for file in crt1.o crti.o crtn.o crtbegin.o crtend.o libgcc.a libc.a libgcc_eh.a crtbeginT.o libgcc_s.so.1; do
		file=$(gcc -print-file-name=$file)
		[ "${file#/}" = "$file" ] || place "$(realpath -s "$file")" "$1"
	done
	mkdir -p "$1/usr/include"
	for file in $(gcc -M -xc /dev/null | grep -oE '/usr[^ ]+'); do place "$file" "$1"; done
	plugin=$(gcc -print-file-name=liblto_plugin.so)
	[ ! -e "$plugin" ] || place "$plugin" "$1"
}
place() { # place FILE ROOT: a copy under its own name and, where that is a link, under the real one
	mkdir -p "$2$(dirname "$1")"
	[ -e "$2$1" ] || cp -L "$1" "$2$1"
}

@test "prepared-root: a compile in a root of copied packages; the host is neither seen nor changed" {
	needs_namespaces
	command -v busybox >/dev/null || skip "no busybox"
	for as in env also_as_user; do
		rm -rf "$DIR/root"
		prepare_root "$DIR/root"
		printf 'int main(void) { return 7; }\n' >"$DIR/root/build/a.c"
		[ $as = env ] || [ "$(id -u)" -ne 0 ] || chown -R 65534:65534 "$DIR/root"
		cp "$B/llrun" "$DIR/llrun"
		# the first run makes the places to mount on, and no run anything else
		run $as "$DIR/llrun" --set "root=$DIR/root" "$DIR/llb/prepared-root.llb" -- cat /etc/where
		echo "$output"
		[ "$status" -eq 0 ]
		[ "$output" = inside ]
		before=$(traces)
		run $as "$DIR/llrun" --set "root=$DIR/root" "$DIR/llb/prepared-root.llb" -- sh -c '
			/usr/bin/gcc -static -o a a.c || exit 1
			./a
			[ $? -eq 7 ] && rm -f a && ls / && touch /tmp/x && ls -d /proc/[0-9]*' 2>&1
		echo "$output"
		[ "$status" -eq 0 ]
		[[ $output == *build* && $output != *home* && $output != *mnt* ]]
		rm -f "$DIR/root/build/a"
		[ "$(traces)" = "$before" ] || { diff <(traces) - <<<"$before"; return 1; }
		for attempt in "cat $DIR/other/secret" "ls $DIR" "touch /etc/x" "cat /etc/passwd" "ls /proc/1/root/"; do
			run $as "$DIR/llrun" --set "root=$DIR/root" "$DIR/llb/prepared-root.llb" -- sh -c "{ $attempt; } || exit 9"
			[ "$status" -eq 9 ] || { echo "$attempt: exit $status: $output"; return 1; }
		done
	done
}

@test "prepared-root-net: TCP to the listed ports of the host's network, and nothing else" {
	needs_namespaces
	needs_abi 4
	command -v busybox >/dev/null || skip "no busybox"
	rm -rf "$DIR/root"
	prepare_root "$DIR/root"
	cp "$B/tests/probe" "$DIR/root/bin"
	listen
	"$B/tests/probe" connect-tcp "$port" # the control
	# the host's network, but a port that is not listed: EACCES; and one that is, where nobody listens: not that
	SETS="--set root=$DIR/root" under prepared-root-net probe connect-tcp "$port"
	echo "$output"
	[ "$status" -gt 0 ]
	[ "$status" -lt 125 ]
	[[ $output == *EACCES* ]]
	SETS="--set root=$DIR/root" under prepared-root-net probe connect-tcp 80
	kill $server
	echo "$output"
	[[ $output != *EACCES* ]]
	SETS="--set root=$DIR/root" under prepared-root-net cat /etc/where /etc/resolv.conf
	[ "$status" -eq 0 ]
}
