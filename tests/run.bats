#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# llc-policy run, sandbox.toml and its trust, the link runlock. (The link landrun: landrun.bats.)

setup_file() {
	cd "$BATS_TEST_DIRNAME/.."
	B=$(realpath "${B:-build}")
	T=$(mktemp -d /tmp/run-test.XXXXXX)
	mkdir "$T/bin"
	cp "$B/llc-policy" "$B/llrun" "$T/bin"
	ln -s llc-policy "$T/bin/runlock"
	ln -s llc-policy "$T/bin/landrun"
	export T PATH=$T/bin:$PATH XDG_STATE_HOME=$T/state
	unset SANDBOX_CONFIG LANDRUN_LOG_LEVEL
}

teardown_file() { rm -rf "$T"; }

setup() {
	D=$T/$BATS_TEST_NUMBER
	mkdir "$D"
	cd "$D"
	echo content >file
}

run_() { llc-policy run "$@"; }

# says STATUS PATTERN COMMAND...: exact status (so no signal), pattern on stderr, and the marker that commands make is absent
# unless the status is 0
says() {
	local want=$1 pattern=$2 got=0
	shift 2
	rm -f marker
	"$@" >out 2>err </dev/null || got=$?
	echo "$*: exit $got, want $want"
	head -c 3000 out err
	[ "$got" -eq "$want" ] && { [ -z "$pattern" ] || grep -qF -- "$pattern" err; } && { [ "$got" -eq 0 ] || [ ! -e marker ]; }
}

# bad PATTERN OPTIONS...: refused, and the command not run; the control is the first line of each test
bad() {
	local pattern=$1
	shift
	says 125 "$pattern" run_ --rw . "$@" -- touch marker
}

@test "control: the command of the refusals below runs" {
	says 0 '' run_ --rw . -- touch marker
	[ -e marker ]
}

# ---- bad input ----

@test "no command, unknown option, missing argument" {
	says 125 'no command' run_
	says 125 'no command' run_ --rw . --
	says 125 '--bogus' run_ --bogus -- touch marker
	says 125 'needs an argument' run_ --ro
	says 125 'takes no argument' run_ --print=x -- touch marker
	says 0 '' run_ --help
	says 0 '' run_ --version
}

@test "unknown command, with and without import" {
	says 127 'no-such-xyz' run_ -- no-such-xyz
	says 127 'no-such-xyz' run_ -d --rox / -- no-such-xyz
	says 127 './no-such-xyz' run_ -- ./no-such-xyz
	says 126 'file' run_ -- ./file
	says 125 'no-such-xyz' run_ --rw . --executable-dependency no-such-xyz -- touch marker
}

@test "ports" {
	for port in 65536 -1 http '' 0x50 '80 ' +80 080 99999999999999999999999; do
		bad 'not a port' --bind-tcp="$port"
		bad 'not a port' --connect-tcp="$port"
	done
	says 0 '' run_ --rw . --bind-tcp 0 --connect-tcp 65535 -- touch marker
}

@test "missing paths" {
	bad '--ignore-missing' --ro /no/such/path
	bad 'file/below' --rw file/below
	bad 'empty path' --ro ''
	bad 'No such file' --ro nodir/../x
	says 0 '' run_ --rw . --ignore-missing --ro /no/such/path --rw file/below -- touch marker
}

@test "duplicate and contradictory options" {
	bad 'given twice' --log-level info --log-level info
	bad 'given twice' --best-effort --best-effort
	bad 'given twice' --save a --save b
	bad 'given otherwise' --env A=1 --env A=2
	bad 'given otherwise' --env A=1 --env A
	bad 'pointless' --unrestricted-network --connect-tcp 80
	bad 'pointless' --unrestricted-network --allow-udp
	bad 'pointless' --unrestricted-filesystem
	bad 'pointless' -d --executable-dependency true
	says 0 '' run_ --rw . --rw . --env A=1 --env A=1 --connect-tcp 1 --connect-tcp 1 -- touch marker
}

@test "names and values that a policy cannot hold" {
	bad 'without name' --env =x
	bad 'without name' --env ''
	bad 'a slot' --ro '${HOME}'
	bad 'a slot' --env 'A=${HOME}'
	bad 'control character' --ro $'a\nb'
	bad 'not UTF-8' --ro $'\xff'
	bad '"*" stands' --env '*'
	bad '"*" stands' --env 'A*B'
	bad 'error, warn, info or debug' --log-level loud
	bad 'did you mean locale' --with lokale
	printf 'env\n' >'with "quotes" \and'
	says 0 '' run_ --rw . --ro 'with "quotes" \and' --env $'A=two\nlines' -- touch marker
}

@test "programs that are none, of another machine, and lines that are too long" {
	head -c 100 "$(type -P true)" >short
	head -c 5000 "$(type -P true)" >cut
	printf '\x7fELF' >magic
	cp "$(type -P true)" other
	printf '\x28\x00' | dd of=other bs=1 seek=18 conv=notrunc status=none	# EM_ARM
	{ printf '#!/'; head -c 10000 /dev/zero | tr '\0' x; echo; } >long
	printf '#!/no/such/interpreter\n' >gone
	ln -s loop-b loop-a
	ln -s loop-a loop-b
	chmod 755 short cut magic other long gone
	for f in short cut magic other long gone loop-a; do
		got=0
		run_ --rw . -- "./$f" >out 2>err || got=$?
		echo "$f: $got"; cat err
		[ "$got" -ge 125 ]
		[ "$got" -le 127 ]
		grep -q "$f" err
	done
	cp "$(type -P true)" fine
	says 0 '' run_ --rw . -- ./fine
}

@test "damaged programs: never a signal, never a hang" {
	cp "$(type -P true)" victim
	size=$(stat -c %s victim)
	for seed in $(seq 40); do
		cp victim x
		for k in 1 2 3 4; do
			printf "\\x$(printf %02x $((seed * 37 * k % 256)))" |
				dd of=x bs=1 seek=$(((seed * 7919 * k) % (k == 1 ? 64 : k == 2 ? 1024 : size))) conv=notrunc status=none
		done
		got=0
		timeout 20 llc-policy run --print -- ./x >/dev/null 2>err || got=$?
		[ "$got" -eq 0 ] || { [ "$got" -ge 125 ] && [ "$got" -le 127 ] && [ -s err ]; } || { echo "seed $seed: $got"; return 1; }
	done
}

# ---- what runs ----

@test "options end at the first word that is not one, or at --" {
	says 0 '' run_ --ro . cat file
	[ "$(cat out)" = content ]
	says 0 '' run_ --ro . -- echo --bogus -x -- y
	[ "$(cat out)" = '--bogus -x -- y' ]
	says 0 '' run_ printf %s --version
	[ "$(cat out)" = '--version' ]
}

@test "paths start at the caller's directory; .. is what it is now" {
	mkdir -p a/b
	ln -s a/b link
	echo up >a/up
	cd a
	[ "$(run_ --ro ../file -- cat ../file)" = content ]
	cd ..
	[ "$(run_ --ro link/../up -- cat a/up)" = up ]
	says 1 'Permission denied' run_ --ro a/b -- cat a/up
}

@test "the environment is what is named; ports are what is listed" {
	export KEEP=1 KEEP_TOO=2 DROP=3
	run_ --ro /proc --env 'KEEP*' --env SET=4 --env UNSET_XYZ -- env >out
	diff <(sort out) <(printf 'KEEP=1\nKEEP_TOO=2\nSET=4\n')
	run_ --ro /proc -- env >out
	[ ! -s out ]
}

@test "the caller's SIGPIPE, standard descriptors and nothing else reach the command" {
	inner='grep ^SigIgn /proc/self/status'
	[ "$(run_ --ro /proc -- $inner)" = "$(env --default-signal=PIPE $inner)" ]
	[ "$(env --ignore-signal=PIPE llc-policy run --ro /proc -- $inner)" = "$(env --ignore-signal=PIPE $inner)" ]
	# a closed standard input is not where the policy lies
	run_ --rox / -- bash -c '! [ -e /proc/self/fd/0 ]' <&-
	exec 7<file
	says 1 'Bad file descriptor' run_ --rox / -- bash -c 'cat <&7'
	exec 7<&-
}

@test "llrun is found beside llc-policy, not through PATH" {
	mkdir fake
	printf '#!/bin/sh\necho fake\n' >fake/llrun
	chmod 755 fake/llrun
	[ "$(PATH=$D/fake:$PATH run_ -- echo real)" = real ]
	mkdir alone
	cp "$T/bin/llc-policy" alone
	got=0
	PATH=$D/fake:$PATH alone/llc-policy run -- echo real >out 2>err || got=$?
	# the built-in path, if something is installed there
	[ "$(cat out)" = real ] || { [ "$got" -eq 125 ] && grep -q 'llrun' err; }
}

@test "auto-import: scripts, their interpreters and libraries; -d takes it away; dependencies are added" {
	printf '#!/usr/bin/env bash\necho "script $1"\n' >script
	chmod 755 script
	[ "$(run_ --env PATH -- ./script x)" = 'script x' ]
	says 126 'script' run_ -d --env PATH -- ./script x
	says 126 '' run_ --rox /usr/bin/env -d -- ./script x
	says 0 'granted rox' run_ --log-level info --env PATH -- ./script x
	says 126 'cat' run_ --ro . --env PATH -- bash -c 'cat file'
	says 0 '' run_ --ro . --env PATH --executable-dependency cat -- bash -c 'cat file'
	[ "$(cat out)" = content ]
}

@test "what cannot be known is said with the flag that adds it, until that is given" {
	says 0 '--with nss' run_ -- id -u
	says 0 '' run_ --with nss,tty -- id -u
	if grep -q -- --with err; then return 1; fi
	says 0 '' run_ --log-level error -- id -u
	[ ! -s err ]
}

@test "--save writes what runs: it compiles to the same rules, and says where each came from" {
	set -- --ro file --rw . --connect-tcp 443 --env PATH --env A=b --with dev --ignore-missing --ro /no/such --best-effort \
		--log-enable-subprocesses
	says 0 '' run_ "$@" --save saved.toml -- cat file
	[ "$(cat out)" = content ]
	for origin in '--ro' '--rw' '--env' 'program' 'library of' '--log-enable-subprocesses' '--best-effort'; do
		grep -q -- "# .*$origin" saved.toml || { echo "$origin"; cat saved.toml; return 1; }
	done
	run_ "$@" --print -- cat file | sed 's/<command line>/saved.toml/' >printed
	llc-policy compile -q --arch "$(uname -m)" saved.toml
	llc-policy dump saved.llb >dumped
	[ "$(wc -l <dumped)" -gt 30 ]
	diff <(tail -n +2 printed) <(tail -n +2 dumped)	# the first line has the size, with the names in it
	[ "$(llrun saved.llb -- cat file)" = content ]
	# without a command nothing is run
	says 0 '' run_ --ro . --save only.toml
	llc-policy compile -q only.toml
}

@test "--print prints, and runs nothing" {
	says 0 '' run_ --rw . --print -- touch marker
	[ ! -e marker ]
	grep -q "$D" out
}

@test "--policy: the options add to it, and cannot contradict it" {
	printf 'version = 1\n[fs]\nrox = ["/usr"]\n[net]\nconnect_tcp = [80]\n[env]\npass = ["PATH"]\n' >p.toml
	says 1 'Permission denied' run_ --policy p.toml -- cat file
	says 0 '' run_ --policy p.toml --ro file -- cat file
	[ "$(cat out)" = content ]
	says 125 'cannot be added' run_ --policy p.toml --unrestricted-network -- touch marker
	printf 'version = 1\n[net]\nconnect_tcp = [80]\n' >open.toml
	says 0 '' run_ --policy open.toml -- cat file
	says 125 'cannot be added' run_ --policy open.toml --ro file -- touch marker
	says 125 'cannot be added' run_ --policy open.toml --env A -- touch marker
	says 125 'no-such.toml' run_ --policy no-such.toml -- touch marker
	printf 'version = 1\n[fs]\nrwo = []\n' >bad.toml
	says 125 'rwo' run_ --policy bad.toml -- touch marker
}

@test "what this kernel lacks: strict refuses, best effort runs and says so" {
	run_ --unrestricted-network --rox / --unix /tmp --save strict.toml
	run_ --unrestricted-network --rox / --unix /tmp --best-effort --save effort.toml
	llc-policy compile -q strict.toml
	llc-policy compile -q effort.toml
	says 125 'ABI 2' llrun --as-abi 2 strict.llb -- true
	says 0 'not covered on Landlock ABI 2' llrun --as-abi 2 effort.llb -- true
	says 125 '' llrun --as-abi 0 effort.llb -- true
}

# ---- sandbox.toml ----

table() { printf '%s\n' "$@" >sandbox.toml; }

@test "sandbox.toml: not used until it is trusted, as it is" {
	table '[cat]' 'ro = ["file"]' 'env = ["A=5"]'
	says 125 'llc-policy trust sandbox.toml' run_ -- cat file
	grep -q "ro $D/file" err
	grep -q 'A=5' err
	says 0 '' run_ --trust-config -- cat file
	says 0 "ro $D/file" llc-policy trust
	says 0 '' run_ -- cat file
	[ "$(cat out)" = content ]
	# changed, moved, revoked
	table '[cat]' 'ro = ["file"]' 'env = ["A=6"]'
	says 125 'not trusted' run_ -- cat file
	table '[cat]' 'ro = ["file"]' 'env = ["A=5"]'
	says 0 '' run_ -- cat file
	mkdir sub
	cp sandbox.toml file sub
	(cd sub && says 125 'not trusted' run_ -- cat file)
	says 0 '' llc-policy trust --revoke
	says 125 'not trusted' run_ -- cat file
	says 1 'sub/none' llc-policy trust sub/none
	# a link to what was trusted elsewhere
	says 0 '' llc-policy trust
	mkdir foreign
	ln -s ../sandbox.toml ../file foreign
	(cd foreign && says 125 'symbolic link' run_ -- cat file)
	says 1 'symbolic link' llc-policy trust foreign/sandbox.toml
	says 2 '' llc-policy trust one two
}

@test "sandbox.toml: a record that another user could have made does not count" {
	[ "$(id -u)" -eq 0 ] || skip "needs root to change an owner"
	table '[cat]' 'ro = ["file"]'
	says 0 '' llc-policy trust
	says 0 '' run_ -- cat file
	chown 12345 "$XDG_STATE_HOME"/llc-policy/trust/*
	says 125 'not trusted' run_ -- cat file
	rm "$XDG_STATE_HOME"/llc-policy/trust/*
}

@test "SANDBOX_CONFIG: used unless others can write it" {
	mkdir elsewhere
	echo other >elsewhere/file
	printf '[cat]\nro = ["file"]\n' >elsewhere/my.toml
	export SANDBOX_CONFIG=$D/elsewhere/my.toml
	says 0 '' run_ -- cat elsewhere/file
	[ "$(cat out)" = other ]
	says 1 'Permission denied' run_ -- cat file
	chmod g+w elsewhere/my.toml
	says 125 'chmod go-w' run_ -- cat elsewhere/file
	chmod g-w elsewhere/my.toml
	if [ "$(id -u)" -eq 0 ]; then
		chown 12345 elsewhere/my.toml
		says 125 'chown' run_ -- cat elsewhere/file
	fi
	SANDBOX_CONFIG=$D/none says 125 "\$SANDBOX_CONFIG: $D/none: No such file" run_ -- cat elsewhere/file
	SANDBOX_CONFIG=$D says 125 "\$SANDBOX_CONFIG: $D: not a regular file" run_ -- cat elsewhere/file
}

@test "sandbox.toml: the table as typed, then by the last part; no table is a notice" {
	table '[cat]' 'ro = ["file"]' "[\"$(type -P cat)\"]" 'ro = []'
	says 0 '' run_ --trust-config -- cat file
	says 1 'Permission denied' run_ --trust-config -- "$(type -P cat)" file
	ln -s "$(type -P cat)" cat
	says 0 '' run_ --trust-config -- ./cat file
	says 0 'no table for "true"' run_ -- true
}

@test "sandbox.toml: every key of runlock; what else it says is an error" {
	table '[bash]' 'ro = ["file"]' 'rox = []' 'rw = ["out"]' 'rwx = []' 'bind_tcp = [8080]' 'connect_tcp = [443]' \
		'env = ["PATH", "A=1"]' 'executable_dependencies = ["cat"]' 'unrestricted_filesystem = false' \
		'unrestricted_network = false' 'auto_add_binary_dependencies = true'
	: >out
	says 0 '' run_ --trust-config -- bash -c 'cat file; echo $A'
	diff out <(printf 'content\n1\n')
	run_ --trust-config --print -- bash | grep -q 8080
	says 125 'rwo' run_toml 'rwo = []'
	says 125 'did you mean "bind_tcp"' run_toml 'bind_tpc = []'
	says 125 'array expected' run_toml 'ro = "file"'
	says 125 'string expected' run_toml 'ro = [1]'
	says 125 'integer expected' run_toml 'bind_tcp = ["80"]'
	says 125 'not a port' run_toml 'bind_tcp = [65536]'
	says 125 'not a port' run_toml 'bind_tcp = [-1]'
	says 125 'NUL' run_toml 'env = ["A\u0000B=1"]'
	says 125 'without name' run_toml 'env = ["=x"]'
	says 125 'No such file' run_toml 'ro = ["none"]'
	says 125 'toml-syntax' run_toml 'ro = ['
	ln -s /etc link
	says 125 'symbolic link' run_toml 'ro = ["link"]'
	says 125 'symbolic link' run_toml 'ro = ["link/passwd"]'
	says 0 '' run_toml 'rw = ["."]'
	[ -e marker ]
}
run_toml() { table '[touch]' "$1"; run_ --trust-config -- touch marker; }

@test "sandbox.toml: the command line adds to it, and has the last word" {
	echo two >second
	table '[cat]' 'ro = ["file"]' 'env = ["A=1"]'
	says 1 'second' run_ --trust-config -- cat file second
	says 0 '' run_ --trust-config --ro second -- cat file second
	table '[env]' 'env = ["A=1", "B=1"]'
	says 0 '' run_ --trust-config --env A=2 -- env
	diff <(sort out) <(printf 'A=2\nB=1\n')
}

# ---- runlock ----

@test "runlock: imports, lists at commas, best effort, own failures are 1, sandbox.toml" {
	echo two >second
	[ "$(runlock --ro "file,second" -- cat file second)" = "$(cat file second)" ]
	says 1 'Permission denied' runlock -- cat file
	says 1 '' runlock -d -- cat file
	says 1 'not-there' runlock --ro not-there -- touch marker
	says 1 'no-such-xyz' runlock no-such-xyz
	says 1 'no command' runlock
	says 1 'part of the value' runlock --env A=x,y -- touch marker
	says 0 '' runlock --env A=x,B=y -- env
	diff <(sort out) <(printf 'A=x\nB=y\n')
	says 1 '"*" stands' runlock --env 'A*' -- touch marker
	says 1 '--best-effort' runlock --best-effort -- touch marker
	table '[cat]' 'ro = ["file"]'
	says 1 'not trusted' runlock -- cat file
	says 0 '' runlock --trust-config -- cat file
	says 0 '' runlock --version
	LANDRUN_LOG_LEVEL=loud says 1 'LANDRUN_LOG_LEVEL' runlock -- touch marker
	LANDRUN_LOG_LEVEL=info says 0 'granted rox' runlock --trust-config -- cat file
	# what an unrestricted subject makes pointless is no error there
	says 0 '' runlock --unrestricted-network --connect-tcp 80 -- true
}

@test "the links need no llc-policy of that name: llc-policy runlock is the same" {
	says 1 'no command' llc-policy runlock
	says 1 'no command' llc-policy landrun
	says 0 '' llc-policy landrun --best-effort --add-exec --ldd -- true
}

@test "what this kernel lacks is said with the option that helps; paths are shown tidy" {
	if [ "$(llc-policy doctor --json | jq .landlock_abi)" -ge 9 ]; then
		says 0 '' run_ --rw . --unix /tmp -- touch marker
	else
		says 125 'cannot keep fs.unix' run_ --rw . --unix /tmp -- touch marker
		grep -q -- '--best-effort runs it here' err
		says 1 'cannot keep fs.unix' landrun --rox / --rw . --unix /tmp -- touch marker
		says 0 'not covered' run_ --best-effort --rw . --unix /tmp -- touch marker
	fi
	mkdir -p a/b
	run_ --ro ./a//./b/. --ro . --ro / --save s.toml
	grep -qF "\"$D/a/b\"," s.toml
	grep -qF "\"$D\"," s.toml
	grep -qF '"/",' s.toml
}
