#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# landrun's acceptance table through the link of that name (tests/landrun.cases), what proves that its rows prove
# something, and the hardened forms of its weak rows. Every denial stands beside the same call permitted.

setup_file() {
	cd "$BATS_TEST_DIRNAME/.."
	export ROOT=$PWD
	B=$(realpath "${B:-build}")
	T=$(mktemp -d /tmp/landrun-test.XXXXXX)
	mkdir "$T/bin" "$T/off" "$T/damaged"
	cp "$B/llc-policy" "$B/llrun" "$T/bin"
	cp "$B/llc-policy" "$T/off"
	cp "$B/llc-policy" "$T/damaged"
	for d in bin off damaged; do ln -s llc-policy "$T/$d/landrun"; done
	# enforcement switched off: all the same, but for the launcher
	cat >"$T/off/llrun" <<-'EOF2'
		#!/bin/bash
		while [ "$1" != -- ]; do shift; done
		shift
		exec "$@"
	EOF2
	# a policy of which a byte is wrong
	cat >"$T/damaged/llrun" <<-EOF2
		#!/bin/bash
		while [ "\$1" != -- ]; do [ "\$1" = --blob-fd ] && fd=\$2; shift; done
		cp "/proc/self/fd/\$fd" "$T/damaged/blob"
		printf '\377' | dd of="$T/damaged/blob" bs=1 seek=200 conv=notrunc status=none
		exec "$T/bin/llrun" --trust-blob "$T/damaged/blob" "\$@"
	EOF2
	chmod 755 "$T/off/llrun" "$T/damaged/llrun"
	cat >"$T/net.py" <<-'EOF2'
		import socket, sys, errno
		what, ports = sys.argv[1], sys.argv[2:]
		try:
		    for port in ports:
		        s = socket.socket()
		        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		        getattr(s, what)(("127.0.0.1", int(port)))
		except OSError as e:
		    print(errno.errorcode[e.errno], file=sys.stderr)
		    sys.exit(1)
	EOF2
	export B T
	export SYS="--rox /usr --ro /lib --ro /lib64" PY="--add-exec --ldd --rox /usr --ro /etc --ro $T/net.py"
	export TREE=$T/tree RO=$T/tree/ro RW=$T/tree/rw EXEC=$T/tree/exec NESTED=$T/tree/nested/path/deep
	TRUE=$(type -P true) LS=$(type -P ls) ID=$(type -P id) PYTHON=/usr/bin/python3
	export TRUE LS ID PYTHON TEST_ENV_VAR=test_value_123
	# two listeners, two free ports
	cat >"$T/listen.py" <<-'EOF2'
		import socket, time
		free, used = [socket.socket() for _ in range(2)], [socket.socket() for _ in range(2)]
		for s in free + used:
		    s.bind(("127.0.0.1", 0))
		for s in used:
		    s.listen(64)
		print(*[s.getsockname()[1] for s in free + used], flush=True)
		for s in free:
		    s.close()
		time.sleep(1500)
	EOF2
	python3 "$T/listen.py" >"$T/ports" 3>&- &
	echo $! >"$T/listener"
	for _ in $(seq 600); do [ -s "$T/ports" ] && break; sleep 0.1; done
	read -r OK1 OK2 OPEN SHUT <"$T/ports"
	export OK1 OK2 OPEN SHUT
}

teardown_file() {
	kill "$(cat "$T/listener")"
	rm -rf "$T"
}

script() { printf '#!/bin/bash\necho ran\n' >"$1"; chmod 755 "$1"; }

setup() {
	rm -rf "$TREE"
	mkdir -p "$EXEC" "$NESTED" "$RO"/{nro,nrw,nex} "$RW"/{nro,nrw,nex}
	for d in "$RO" "$RO"/n* "$RW" "$RW"/n* "$NESTED"; do echo content >"$d/test.txt"; done
	for f in "$EXEC"/test.sh "$EXEC"/test2.sh "$RO/nex/test.sh" "$RW/nex/test.sh" "$RW/rw_script.sh" "$RW/rwx_file.sh"; do
		script "$f"
	done
	cd "$T"
}

# a test that fails leaves nobody behind who would keep bats waiting
teardown() {
	[ -z "${server:-}" ] || kill "$server" 2>/dev/null || :
}

landrun() { "$T/${TOOLS:-bin}/landrun" "$@"; }

# rows KINDS: runs those rows; `judge` says what is right
rows() {
	local n kind status words got ran=0 bad=0
	while IFS=$'\t' read -r n kind status words; do
		[[ $n = [0-9]* && " $1 " = *" $kind "* ]] || continue
		setup
		[ "$kind" = strict ] || words="--best-effort $words"
		got=0
		[ "$n" != 45 ] || export LANDRUN_LOG_LEVEL=debug
		eval "landrun $words" >out 2>err </dev/null || got=$?
		unset LANDRUN_LOG_LEVEL
		ran=$((ran + 1))
		judge "$status" "$got" && continue
		bad=$((bad + 1))
		echo "row $n ($kind): exit $got, table $status: $words"
		head -5 err
	done <"$ROOT/tests/landrun.cases"
	echo "$ran rows, $bad wrong"
	[ "$bad" -eq 0 ] && [ "$ran" -ge "$2" ]
}

same() { [ "$1" -eq "$2" ]; }

@test "landrun's table: every offline row gives its status" {
	judge() { same "$@"; }
	rows "allow deny own parse strict" 64
}

@test "with enforcement switched off every denying row fails, and no other does" {
	export TOOLS=off
	judge() { ! same "$@" && [ "$2" -lt 128 ]; }
	rows deny 14
	judge() { same "$@"; }
	rows "parse strict" 9
}

@test "with a damaged policy every allowing row refuses" {
	export TOOLS=damaged
	judge() { [ "$2" -eq 125 ]; }
	rows "allow parse strict" 40
}

# says STATUS PATTERN COMMAND...: exact status, and stderr contains the pattern
says() {
	local want=$1 pattern=$2 got=0
	shift 2
	"$@" >out 2>err </dev/null || got=$?
	echo "$*: exit $got, want $want"
	cat out err
	[ "$got" -eq "$want" ] && { [ -z "$pattern" ] || grep -qF -- "$pattern" err; }
}

@test "the environment is empty but for what is named" {
	landrun --rox / -- bash -c '[[ -z ${TEST_ENV_VAR+x} ]]'
	landrun --rox / -- cat /proc/self/environ >out
	[ ! -s out ]
	landrun --rox / --env TEST_ENV_VAR -- bash -c '[[ $TEST_ENV_VAR = test_value_123 ]]'
	landrun --rox / --env TEST_ENV_VAR,B=2 -- cat /proc/self/environ | tr '\0' '\n' | sort >out
	diff out <(printf 'B=2\nTEST_ENV_VAR=test_value_123\n')
}

@test "a connection that is denied is EACCES although somebody listens" {
	says 1 EACCES landrun --rox / --connect-tcp "$OPEN" -- "$PYTHON" net.py connect "$SHUT"
	landrun --rox / --connect-tcp "$OPEN" -- "$PYTHON" net.py connect "$OPEN"
	landrun --rox / --unrestricted-network -- "$PYTHON" net.py connect "$SHUT"
	says 1 EACCES landrun --rox / --bind-tcp "$OK1" -- "$PYTHON" net.py bind "$OK2"
	landrun --rox / --bind-tcp "$OK1" -- "$PYTHON" net.py bind "$OK1"
}

@test "what was denied did not happen, and happens where it is granted" {
	before=$(find "$RO" -printf '%p %s %T@\n' | sort; cat "$RO/test.txt")
	if landrun $SYS --ro "$RO" -- touch "$RO/new.txt" 2>/dev/null; then return 1; fi
	if landrun $SYS --ro "$RO" -- bash -c "echo overwrite > $RO/test.txt" 2>/dev/null; then return 1; fi
	if landrun $SYS --ro "$RO" -- bash -c ": > $RO/test.txt" 2>/dev/null; then return 1; fi
	if landrun $SYS --ro "$RO" -- truncate -s 0 "$RO/test.txt" 2>/dev/null; then return 1; fi
	if landrun $SYS --ro "$RO" -- rm "$RO/test.txt" 2>/dev/null; then return 1; fi
	[ "$before" = "$(find "$RO" -printf '%p %s %T@\n' | sort; cat "$RO/test.txt")" ]
	landrun $SYS --rw "$RO" -- touch "$RO/new.txt"
	landrun $SYS --rw "$RO" -- bash -c "echo overwrite > $RO/test.txt"
	[ "$(cat "$RO/test.txt")" = overwrite ]
	landrun $SYS --rw "$RO" -- truncate -s 0 "$RO/test.txt"
	[ ! -s "$RO/test.txt" ]
	landrun $SYS --rw "$RO" -- rm "$RO/test.txt"
	[ ! -e "$RO/test.txt" ]
}

@test "scopes: signals and abstract sockets of the outside, and the opt-out" {
	sleep 600 3>&- &
	outside=$!
	says 1 'not permitted' landrun --rox / -- bash -c "kill -0 $outside"
	landrun --rox / --unrestricted-scoped -- bash -c "kill -0 $outside"
	kill "$outside"
	python3 -c "import socket, time; s = socket.socket(socket.AF_UNIX); s.bind('\\0landrun-test-$OPEN'); s.listen(); \
print('ready', flush=True); time.sleep(600)" >ready 3>&- &
	server=$!
	for _ in $(seq 600); do [ -s ready ] && break; sleep 0.1; done
	connect="import socket; socket.socket(socket.AF_UNIX).connect('\\0landrun-test-$OPEN')"
	# runlock leaves UNIX sockets open, so that it is the scope that denies
	ln -sf llc-policy bin/runlock
	says 1 PermissionError bin/runlock --rox / -- "$PYTHON" -c "$connect"
	landrun --rox / --unrestricted-scoped --unrestricted-filesystem -- "$PYTHON" -c "$connect"
	kill "$server"
}

@test "rename: between writable directories, not out of a read-only one" {
	mkdir "$RW/one" "$RW/two"
	echo x >"$RW/one/f"
	landrun $SYS --rw "$RW/one" --rw "$RW/two" -- mv "$RW/one/f" "$RW/two/f"
	[ -e "$RW/two/f" ]
	if landrun $SYS --rw "$RW/two" --ro "$RO" -- "$PYTHON" -c "import os; os.rename('$RW/two/f', '$RO/f')" 2>err; then return 1; fi
	[ -e "$RW/two/f" ]
	[ ! -e "$RO/f" ]
	grep -qE 'PermissionError|cross-device' err
}

@test "llc-policy run: own failures are 125, 126 and 127, all else is the command's" {
	run_() { "$T/bin/llc-policy" run "$@"; }
	says 125 'no command' run_
	says 125 'not a port' run_ --bind-tcp 65536 -- true
	says 125 '/nonexistent' run_ --ro /nonexistent -- true
	printf 'x\n' >"$RW/plain"
	says 126 'plain' run_ --rox / -- "$RW/plain"
	says 127 'no-such-command-xyz' run_ --rox / -- no-such-command-xyz
	says 127 'no-such-command-xyz' run_ -d --rox / -- no-such-command-xyz
	says 126 "$TRUE" run_ -d --ro / -- "$TRUE"
	for n in 0 1 2 77; do says "$n" '' run_ --rox / -- bash -c "exit $n"; done
	says 143 '' run_ --rox / -- bash -c 'kill -TERM $$'
	says 1 'not a port' landrun --bind-tcp 65536 -- true
	says 1 "$TRUE" landrun --ro / -- "$TRUE"
	says 2 '' landrun --rox / -- bash -c 'exit 2'
}

@test "strict: a policy that needs ABI 1 runs on ABI 1" {
	PATH=$T/bin:$PATH
	llc-policy run --unrestricted-network --unrestricted-scoped --rox / --save one.toml
	llc-policy compile -q one.toml
	llrun --as-abi 1 one.llb -- true
	llc-policy run --unrestricted-scoped --connect-tcp 1 --rox / --save four.toml
	llc-policy compile -q four.toml
	says 125 'connect_tcp' llrun --as-abi 1 four.llb -- true
}

@test "program and loader need execute, libraries read only" {
	loader=$(readelf -l "$TRUE" | sed -n 's/.*interpreter: \(.*\)]/\1/p')
	libc=$(ldd "$TRUE" | sed -n 's/.*libc.so.6 => \(.*\) (.*/\1/p')
	run_() { "$T/bin/llc-policy" run -d "$@" -- "$TRUE"; }
	run_ --rox "$TRUE" --rox "$loader" --ro "$libc"
	says 126 "$TRUE" run_ --rox "$TRUE" --ro "$loader" --ro "$libc"
	says 126 "$TRUE" run_ --ro "$TRUE" --rox "$loader" --ro "$libc"
	says 127 'libc.so.6' run_ --rox "$TRUE" --rox "$loader"
}
