#!/usr/bin/env bats
# What llc-policy does with input that is no policy and with output that cannot be written: one clear message, the
# documented exit status (0 ok, 1 errors, 2 usage, 3 cannot be enforced), never a signal, nothing half-written.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	cp "$ROOT/tests/checks/always-fail/good.toml" good.toml
}

# refused STATUS PATTERN ARGS...: exactly that status, the pattern in what is said, no blob left behind
refused() {
	local want=$1 pattern=$2 status=0
	shift 2
	timeout 60 "$LLC" "$@" >out 2>err || status=$?
	if [ "$status" -ne "$want" ] || ! grep -q -- "$pattern" err; then
		echo "$*: exit status $status, said:"
		head -c 2000 err
		return 1
	fi
}

lint_and_compile() { # lint_and_compile PATTERN FILE
	refused 1 "$1" lint "$2"
	refused 1 "$1" compile -o x.llb "$2"
	[ ! -e x.llb ]
}

skip_or_fail() {
	[ "${LL_MUST_WORK:-0}" != 1 ] || { echo "$1"; return 1; }
	skip "$1"
}

@test "wrong type: every key of the language, every TOML type, as value and as element, with its position" {
	run python3 "$ROOT/tests/lint_cases.py" "$LLC" types
	echo "$output" | tail -20
	[ "$status" -eq 0 ]
	[ "${output%% *}" -ge 800 ]
}

@test "unknown key: in every table, with the nearest key as a hint" {
	run python3 "$ROOT/tests/lint_cases.py" "$LLC" keys
	echo "$output" | tail -20
	[ "$status" -eq 0 ]
	[ "${output%% *}" -ge 150 ]
}

@test "documents that must be refused: all errors of each, with their positions" {
	run python3 "$ROOT/tests/lint_cases.py" "$LLC" cases
	echo "$output" | tail -20
	[ "$status" -eq 0 ]
}

@test "empty file, blank file, a lone byte order mark" {
	: >empty.toml
	lint_and_compile '\[missing-key\]' empty.toml
	printf '\n\n# nothing\n' >blank.toml
	lint_and_compile '\[missing-key\]' blank.toml
	printf '\xef\xbb\xbf' >bom.toml
	lint_and_compile '\[missing-key\]' bom.toml
}

@test "ten megabytes of nonsense" {
	head -c 10485760 /dev/zero | tr '\0' 'x' >x.toml
	lint_and_compile '\[toml-syntax\]' x.toml
	[ "$(wc -c <err)" -lt 10000 ]
	yes '= [' | head -c 10485760 >brackets.toml
	lint_and_compile '\[toml-syntax\]' brackets.toml
	[ "$(wc -c <err)" -lt 100000 ]
	head -c 10485760 /dev/urandom >random.toml
	lint_and_compile '\[toml-syntax\]' random.toml
	[ "$(wc -c <err)" -lt 200000 ]
}

@test "a file beyond the size limit" {
	head -c 17825792 /dev/zero | tr '\0' '#' >big.toml
	lint_and_compile '\[source-unreadable\]' big.toml
}

@test "ten thousand levels of nesting: arrays, tables, dotted keys, headers" {
	open=$(head -c 10000 /dev/zero | tr '\0' '[')
	close=$(head -c 10000 /dev/zero | tr '\0' ']')
	printf 'version = 1\nx = %s%s\n' "$open" "$close" >arrays.toml
	lint_and_compile ':2:[0-9]*: error: ' arrays.toml
	printf 'version = 1\nx = %s' "$open" >unclosed.toml
	lint_and_compile ':2:[0-9]*: error: ' unclosed.toml
	printf 'version = 1\nx = %s\n' "$(head -c 10000 /dev/zero | sed 's/\x0/{a=/g')" >tables.toml
	lint_and_compile ':2:[0-9]*: error: ' tables.toml
	printf 'version = 1\nx%s = 1\n' "$(head -c 10000 /dev/zero | sed 's/\x0/.a/g')" >dotted.toml
	lint_and_compile ':2:[0-9]*: error: ' dotted.toml
	printf 'version = 1\n[x%s]\n' "$(head -c 10000 /dev/zero | sed 's/\x0/.a/g')" >header.toml
	lint_and_compile ':2:[0-9]*: error: ' header.toml
}

@test "NUL bytes and other control characters" {
	printf 'version = 1\n[fs]\nro = ["/usr\0"]\n' >nul.toml
	lint_and_compile '^nul.toml:3:.*\[toml-syntax\]' nul.toml
	printf 'version = 1\0\n[fs]\nro = ["/usr"]\n' >nul2.toml
	lint_and_compile '^nul2.toml:1:.*\[toml-syntax\]' nul2.toml
	printf 'version = 1\n# bell \a\n' >bell.toml
	lint_and_compile '^bell.toml:2:.*\[toml-syntax\]' bell.toml
	# what a terminal would obey is not repeated to it
	printf 'version = 1\n[fs]\nro = ["/usr\x1b[2J"]\n' >escape.toml
	lint_and_compile '^escape.toml:3:' escape.toml
	grep -q $'\x1b' err && return 1
	true
}

@test "nor is it in an argument: names of files, options, commands" {
	name=$'x\x1b[2J'
	printf 'version = 1\n[fs]\nro = ["/usr"]\n' >"$name.toml"
	for words in "lint $name" "lint --$name" "lint -W $name" "$name" "dump $name.toml" "compile -D $name $name.toml" \
		"compile --arch $name $name.toml" "compile $name.toml" "compile -o nowhere/$name $name.toml"; do
		# shellcheck disable=SC2086
		run "$B/llc-policy" $words
		[[ $output == *'x\x'* ]]
		[[ $output != *$'\x1b'* ]]
	done
}

@test "invalid UTF-8: lone bytes, overlong forms, surrogates, beyond U+10FFFF" {
	for bytes in '\xff' '\xc3' '\xc0\xaf' '\xed\xa0\x80' '\xf4\x90\x80\x80' '\xe2\x82'; do
		printf "version = 1\n[policy]\nname = \"a${bytes}b\"\n" >utf8.toml
		lint_and_compile '^utf8.toml:3:.*\[toml-syntax\]' utf8.toml
		printf "version = 1\n# ${bytes}\n[fs]\nro = []\n" >comment.toml
		lint_and_compile '^comment.toml:2:.*\[toml-syntax\]' comment.toml
	done
}

@test "a directory, a missing file, a name in a missing directory, a file in a file" {
	mkdir dir
	lint_and_compile 'dir: Is a directory \[source-unreadable\]' dir
	lint_and_compile 'missing.toml: No such file or directory' missing.toml
	lint_and_compile 'no/such.toml: No such file or directory' no/such.toml
	lint_and_compile 'Not a directory' good.toml/x.toml
	lint_and_compile '\[source-unreadable\]' ''
}

@test "a pipe or a device as the policy does not hang" {
	mkfifo fifo
	lint_and_compile '\[source-unreadable\]' fifo
	lint_and_compile '\[source-unreadable\]' /dev/zero
}

@test "a policy on standard input" {
	status=0
	"$LLC" lint - <good.toml >out 2>&1 || status=$?
	[ "$status" -eq 0 ]
	status=0
	echo 'version = 2' | "$LLC" lint - >out 2>&1 || status=$?
	[ "$status" -eq 1 ]
	grep -q ':1:11: error: ' out
}

@test "an unreadable file" {
	chmod 000 good.toml
	if [ "$(id -u)" -ne 0 ]; then
		lint_and_compile 'good.toml: Permission denied \[source-unreadable\]' good.toml
		return
	fi
	command -v setpriv >/dev/null || skip_or_fail "root can read everything, and setpriv is not installed"
	# root's powers are dropped, not root's uid: the way to the file and to llc-policy stays open
	status=0
	chown 12345 good.toml
	setpriv --bounding-set -all --inh-caps -all "$LLC" lint good.toml >out 2>err || status=$?
	[ "$status" -eq 1 ]
	grep -q 'good.toml: Permission denied \[source-unreadable\]' err
}

@test "exit 2: usage" {
	refused 2 'usage' </dev/null
	refused 2 'unknown command' frobnicate
	refused 2 'one policy' compile
	refused 2 'one policy' compile good.toml good.toml
	refused 2 'needs an argument' compile good.toml -o
	refused 2 'not an option' compile --frobnicate good.toml
	refused 2 'takes no argument' compile --check=yes good.toml
	refused 2 'target-abi' compile --target-abi eleven good.toml
	refused 2 'target-abi' compile --target-abi -1 good.toml
	refused 2 'arch' compile --arch vax good.toml
	refused 2 'arch' compile --arch x86_64,x86_64 good.toml
	refused 2 'arch' compile --arch '' good.toml
	refused 2 'NAME=VALUE' compile -D nothing good.toml
	[ ! -e good.llb ]
}

@test "exit 1: -D of an unknown slot, of a relative path" {
	refused 1 'no such slot' compile -D work=/srv -o x.llb good.toml
	[ ! -e x.llb ]
	sed 's|^rox|ro = ["${work}"]\nrox|' good.toml >slot.toml
	printf '[slots.work]\ntype = "dir"\nfrom = "arg"\n' >>slot.toml
	refused 1 'absolute' compile -D work=srv -o x.llb slot.toml
	refused 1 '\.\.' compile -D work=/srv/../etc -o x.llb slot.toml
	[ ! -e x.llb ]
	"$LLC" compile -q -D work=/srv -o x.llb slot.toml
	[ -s x.llb ]
}

@test "exit 3: a target that cannot enforce it, and no blob" {
	refused 3 'ABI 2 cannot run this policy' compile --target-abi 2 -o x.llb good.toml
	[ ! -e x.llb ]
	"$LLC" compile -q --target-abi 7 -o x.llb good.toml
	[ -s x.llb ]
}

@test "compile --check: 0 up to date, 1 missing, different, truncated, longer; it writes nothing" {
	refused 1 'good.llb' compile --check good.toml
	[ ! -e good.llb ]
	"$LLC" compile -q good.toml
	"$LLC" compile --check good.toml
	for damage in 'truncate -s -8' 'truncate -s +8' 'truncate -s 0' "sed -i s/LPB/LPX/"; do
		cp good.llb other.llb
		$damage other.llb
		cp other.llb before.llb
		refused 1 'other.llb' compile --check -o other.llb good.toml
		cmp other.llb before.llb
	done
	refused 1 'good.toml' compile --check -o good.toml good.toml
	cmp good.toml "$ROOT/tests/checks/always-fail/good.toml"
}

@test "output: a missing directory, a directory, a read-only place; nothing is left behind" {
	refused 1 'No such file or directory' compile -q -o no/such/x.llb good.toml
	mkdir dir
	refused 1 'Is a directory' compile -q -o dir good.toml
	[ -z "$(ls -A dir)" ]
	refused 1 '/proc/x.llb' compile -q -o /proc/x.llb good.toml
}

@test "output: never the policy itself, under any name; standard input has no name to derive one from" {
	cp good.toml own.toml
	ln -s own.toml link.toml
	refused 2 'is the policy itself' compile -q own.toml -o own.toml
	refused 2 'is the policy itself' compile -q own.toml -o ./link.toml
	refused 2 'is the policy itself' compile -q own.toml -o own.llb --MD own.toml
	cmp good.toml own.toml
	refused 2 'standard input' compile -q - <good.toml
	[ ! -e own.llb ]
	[ ! -e ./-.llb ]
	"$LLC" compile -q - -o own.llb <good.toml
	[ -s own.llb ]
}

@test "output: a full disk leaves the old blob whole and no rest" {
	status=0
	"$LLC" compile -q -o /dev/full good.toml 2>err || status=$?
	[ "$status" -eq 1 ]
	grep -q 'No space left on device' err
	status=0
	"$LLC" compile -q -o - good.toml >/dev/full 2>err || status=$?
	[ "$status" -eq 1 ]
	mkdir small
	# in a namespace of its own: a mount of the machine's ends what tests/daemon.bats waits for
	local own="unshare -m"
	[ "$(id -u)" -eq 0 ] || own="unshare -Urm"
	$own true 2>/dev/null || skip_or_fail "cannot mount a small tmpfs; /dev/full was tested"
	cat >full.sh <<-'EOT'
		set -e
		mount -t tmpfs -o size=64k tmpfs small
		"$LLC" compile -q -o small/p.llb good.toml
		cp small/p.llb old.llb
		# fill it to the last page, with less left than the new blob needs
		dd if=/dev/zero of=small/fill bs=4096 2>/dev/null || true
		sed 's/"bpf"/"bpf", "swapon", "swapoff"/' good.toml >new.toml
		status=0
		"$LLC" compile -q -o small/p.llb new.toml 2>err || status=$?
		[ "$status" -eq 1 ]
		grep -q 'No space left on device' err
		cmp old.llb small/p.llb
		[ "$(ls small | sort | paste -sd' ')" = "fill p.llb" ]
		rm small/fill
		"$LLC" compile -q -o small/p.llb new.toml
		if cmp -s old.llb small/p.llb; then exit 1; fi
	EOT
	LLC=$LLC $own sh full.sh
}

@test "output: mode 0644 whatever the umask; a link is written through, not replaced" {
	for mask in 000 022 077 777; do
		rm -f x.llb
		(umask "$mask" && "$LLC" compile -q -o x.llb good.toml)
		[ "$(stat -c %a x.llb)" = 644 ]
	done
	mkdir real
	"$LLC" compile -q -o real/p.llb good.toml
	ln -s real/p.llb link.llb
	sed -i 's/"bpf"/"swapon"/' good.toml
	"$LLC" compile -q -o link.llb good.toml
	[ -L link.llb ]
	"$LLC" compile --check -o real/p.llb good.toml
}

@test "lint's report on a full disk is exit 2, not success" {
	for format in json sarif; do
		status=0
		"$LLC" lint --format "$format" good.toml >/dev/full 2>err || status=$?
		[ "$status" -eq 2 ]
	done
	status=0
	"$LLC" lint --list-checks >/dev/full 2>err || status=$?
	[ "$status" -eq 2 ]
	status=0
	"$LLC" lint "$ROOT/tests/checks/deny-duplicate/bad.toml" 2>/dev/full || status=$?
	[ "$status" -eq 2 ]
}

@test "compile -q prints errors alone, and counts the rest" {
	printf 'version = 1\n[seccomp]\ndefault = "errno EPERM"\nallow = ["read"]\n' >p.toml
	run "$LLC" compile p.toml
	[ "$status" -eq 1 ]
	[[ $output == *": warning: "*"1 error, "*" warnings; "*" not shown: llc-policy lint prints them" ]]
	run "$LLC" compile -q p.toml
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output != *": warning: "* ]]
	[[ $output == *": error: "*"1 error; "*" warnings, "*" not shown: llc-policy lint prints them" ]]
	printf 'version = 1\n[seccomp]\ndeny = ["mount"]\n' >p.toml
	run "$LLC" compile -q p.toml
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "an action that is none: what there is" {
	printf 'version = 1\n[[seccomp.rule]]\nsyscall = "socket"\naction = "refuse"\n' >p.toml
	run "$LLC" compile -q p.toml
	[ "$status" -eq 1 ]
	[[ $output == *'unknown action "refuse"'*"known here: allow, log, errno, "* ]]
}

@test "misspelled commands and options: what was meant" {
	says_near() { # says_near WORDS COMMAND...
		local words=$1 status=0
		shift
		"$LLC" "$@" >out 2>err </dev/null || status=$?
		cat out err
		[ "$status" -eq 2 ] && [ ! -s out ] && grep -qF -- "$words" err
	}
	says_near 'did you mean "compile"?' complie
	says_near 'did you mean "doctor"?' docter
	says_near 'see llc-policy --help' frobnicate
	says_near 'did you mean --coverage?' lint --covrage p.toml
	says_near 'did you mean --target-abi?' compile --target_abi=3 p.toml
	# one dash, another tool's habit
	says_near 'did you mean --coverage?' lint -coverage p.toml
	says_near 'see llc-policy dump --help' dump --nothing-like-it p.llb
	says_near 'see llc-policy dump --help' dump -Z p.llb
	says_near 'needs an argument' compile --output
}

@test "a reader that leaves: the signal's end, and nothing said" {
	printf 'version = 1\n[fs]\nro = ["/usr"]\n[net]\n[scope]\n' >p.toml
	"$LLC" compile -q p.toml
	# a fifo without reader: every write fails
	mkfifo pipe
	exec 7<>pipe 8>pipe
	exec 7<&-
	got=0
	"$LLC" dump p.llb 2>err >&8 || got=$?
	exec 8>&-
	[ "$got" -eq 141 ]
	[ ! -s err ]
	# whoever ignores the signal is told, as of every failed write
	exec 7<>pipe 8>pipe
	exec 7<&-
	got=0
	env --ignore-signal=PIPE "$LLC" dump p.llb 2>err >&8 || got=$?
	exec 8>&-
	[ "$got" -eq 2 ]
	[ -s err ]
}

@test "notify on the call that hands a run over: refused by number, too, on the architecture where it is that" {
	printf 'version = 1\n[fs]\nro = ["/usr"]\n[broker]\n[[seccomp.rule]]\nsyscall = "nr:%s"\naction = "notify"\n' 211 >p.toml
	run "$LLC" compile -q p.toml
	[ "$status" -eq 1 ]
	[[ $output == *"p.toml:6:11: error: on aarch64 this is sendmsg"*"[unsupported]"* ]]
	run "$LLC" compile -q --arch x86_64 p.toml
	[ "$status" -eq 0 ]
}
