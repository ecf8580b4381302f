#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# [command] and POLICY.lock: written by --update-lock, read by compile, compared by doctor. The rules by which files are
# found are those of tests/elfdeps.bats.

load lib/common

setup() {
	T=$BATS_TEST_TMPDIR
	cd "$T" || exit 1
	export LC_ALL=C
	policy '"true"' >p.toml
}

# policy PROGRAM [DEPENDENCIES [REST]]
policy() {
	printf 'version = 1\n[command]\nprogram = %s\n' "$1"
	[ -z "${2:-}" ] || printf 'dependencies = [%s]\n' "$2"
	printf '[fs]\nwith = ["dev"]\nunix = []\n[scope]\n%s\n' "${3:-}"
}

# says STATUS PATTERN COMMAND...: exact status, pattern in what was printed
says() {
	local want=$1 pattern=$2 got=0
	shift 2
	"$@" >out 2>&1 </dev/null || got=$?
	echo "$*: exit $got, want $want"
	tail -n 7 out | cut -c 1-200
	[ "$got" -eq "$want" ] && { [ -z "$pattern" ] || grep -qF -- "$pattern" out; }
}

update() { "$LLC" compile -q --update-lock "$@"; }

# refused PATTERN: neither compile nor lint takes the lock, and the blob is not written
refused() {
	rm -f p.llb
	says 1 "$1" "$LLC" compile p.toml && [ ! -e p.llb ] && says 1 "$1" "$LLC" lint p.toml
}

@test "the closure is granted, and nothing else" {
	policy '"cat"' '"sh"' >p.toml
	says 0 'added' "$LLC" compile --update-lock p.toml
	[ "$(echo text | "$LLRUN" p.llb -- cat)" = text ]
	[ "$("$LLRUN" p.llb -- sh -c 'echo word | cat')" = word ]
	says 126 'EACCES' "$LLRUN" p.llb -- ls
	says 1 'Permission denied' "$LLRUN" p.llb -- cat p.toml
}

@test "a lock is canonical, and written only when it changes" {
	update p.toml
	[ "$(stat -c %a p.lock)" = 644 ]
	touch -d '2001-01-01' p.lock
	says 0 'as it was' "$LLC" compile --update-lock p.toml
	[ "$(stat -c %y p.lock | cut -c 1-4)" = 2001 ]
	sed -n 's/.*{ path = "\([^"]*\)".*/\1/p' p.lock >paths
	[ -s paths ] && LC_ALL=C sort -cu paths
	while read -r path; do
		[ "$path" = "$(realpath "$path")" ]
		grep -q "path = \"$path\", access = \"[rox]*\", \(optional = true\|sha256 = \"$(sha256sum <"$path" | cut -d ' ' -f 1)\"\), for = \[\"true\"\]" p.lock
	done <paths
	grep -q 'path = "/etc/ld.so.cache".*optional = true' p.lock
}

@test "compile sees the lock and no host: same bytes where the programs are not" {
	update p.toml
	mkdir elsewhere
	cp p.toml p.lock elsewhere
	# a lock for programs that exist nowhere
	sed -e 's|/usr/|/no-such-usr/|g' p.lock >elsewhere/p.lock
	(cd elsewhere && "$LLC" compile -q p.toml)
	says 125 'true in p.lock:' "$LLRUN" elsewhere/p.llb -- true
	cp p.lock elsewhere
	(cd elsewhere && "$LLC" compile -q p.toml && "$LLC" compile --check p.toml)
	cmp p.llb elsewhere/p.llb
	says 0 '' "$LLRUN" p.llb -- true
	"$LLC" compile -q -MD p.d -o again.llb p.toml
	grep -q 'p.toml p.lock' p.d
}

@test "provenance: dump, JSON, messages say which program a rule is for" {
	policy '"true"' '"cat", "true", "cat"' >p.toml
	update p.toml
	grep -q '^dependencies = \["cat", "true"\]$' p.lock
	"$LLC" dump p.llb >text
	line=$(grep -n '"/usr/bin/cat"\|/bin/cat", acc' p.lock | cut -d : -f 1)
	grep -q "/bin/cat: execute read_file  # cat in p.lock:$line$" text
	grep -q '/libc.so.6: read_file  # cat, true in p.lock:' text
	"$LLC" dump --json p.llb | jq -e --argjson n "$line" '[.. | .source? | objects | select(.file == "cat in p.lock" and .line == $n)] | length == 1' >out
	"$LLC" dump --toml p.llb >round.toml
	"$LLC" compile -q --strip round.toml
	"$LLC" compile -q --strip p.toml -o stripped.llb
	diff <("$LLC" dump round.llb) <("$LLC" dump stripped.llb)
}

@test "a lock that is missing, or made for another command" {
	refused 'p.lock: No such file'
	refused '--update-lock p.toml'
	update p.toml
	policy '"false"' >p.toml
	refused 'program is "true" there'
	policy '"true"' '"cat"' >p.toml
	refused 'other dependencies'
	policy '"true"' '' '[env.set]
LD_LIBRARY_PATH = "/opt/lib"' >p.toml
	refused 'LD_LIBRARY_PATH is not set there'
	update p.toml
	grep -q '^library_path = "/opt/lib"$' p.lock
	policy '"true"' >p.toml
	refused 'LD_LIBRARY_PATH is /opt/lib there'
	update p.toml
	says 0 '' "$LLC" compile -q p.toml
}

# edited SED PATTERN: a lock that was edited is refused with these words
edited() {
	sed "$1" good.lock >p.lock
	cmp -s good.lock p.lock && { echo "$1: no edit"; return 1; }
	refused "$2" && refused 'update-lock'
}

@test "a lock that was edited" {
	update p.toml
	cp p.lock good.lock
	says 0 '' "$LLC" compile -q p.toml
	edited 's/version = 1/version = 2/' 'not a lock that this version reads'
	edited '/^version/d' 'not a lock that this version reads'
	edited 's|path = "/usr|path = "usr|' 'must be absolute'
	edited 's|path = "/usr|path = "/usr/../usr|' 'is not canonical'
	edited 's|path = "/usr/|path = "/usr//|' 'is not canonical'
	edited 's|path = "/usr/[^"]*|path = "/|' 'is not canonical'
	edited 's|path = "/usr|path = "${HOME}/usr|' 'must be absolute'
	edited 's|path = "/usr|path = "/usr${UID}|' 'begins a slot'
	edited 's|path = "/usr|path = "/usr\\u0007|' 'control character'
	edited '$!{/libc.so/{p}}' 'named twice'
	edited '/libc.so/{h;d};/^]/{x;s|/usr|/aaa|;p;x}' 'out of order'
	edited 's/access = "ro"/access = "rw"/' 'not as --update-lock writes it'
	edited 's/access = "ro"/access = "rox", access = "ro"/' 'toml-duplicate'
	edited 's/sha256 = "../sha256 = "/' 'not the digest'
	edited 's/sha256 = "../sha256 = "XY/' 'not the digest'
	edited 's/, for = /, odd = 1, for = /' 'not as --update-lock writes it'
	edited 's/optional = true/optional = false/' 'not as --update-lock writes it'
	edited 's/^machine/extra = 1\nmachine/' 'not as --update-lock writes it'
	edited '1d' 'not as --update-lock writes it'
	edited 's/ },$/ } ,/' 'not as --update-lock writes it'
	edited 's/for = \["true"\]/for = []/' 'needed by no program of this lock'
	edited 's/for = \["true"\]/for = ["cat"]/' 'needed by no program of this lock'
	edited 's/for = \["true"\]/for = ["true", "true"]/' 'named out of order'
	edited '$d' 'toml-syntax'
	head -c 300 good.lock >p.lock
	refused 'toml-syntax'
	printf '<<<<<<< HEAD\n' | cat - good.lock >p.lock
	refused 'toml-syntax'
	: >p.lock
	refused 'not a lock that this version reads'
	head -c 100000 /dev/urandom >p.lock
	refused 'p.lock'
}

@test "a lock that is no file" {
	mkdir p.lock
	refused 'p.lock'
	rmdir p.lock
	mkfifo p.lock
	refused 'not a regular file'
}

@test "[command] as it may not be" {
	for program in 'bin/true' './true' '' '/usr/bin/${HOME}' '/a\u0001b'; do
		policy "\"$program\"" >p.toml
		says 1 'error:' "$LLC" lint p.toml
		says 1 'error:' "$LLC" compile --update-lock p.toml
		[ ! -e p.lock ]
	done
	printf 'version = 1\n[command]\nprogram = "true"\n[net]\n' >p.toml
	says 1 'nothing restricts them' "$LLC" lint p.toml
	printf 'version = 1\n[command]\nprogram = "true"\n[fs]\nunrestricted = true\n[net]\n' >p.toml
	says 1 'nothing restricts them' "$LLC" compile --update-lock p.toml
	printf 'version = 1\n[command]\ndependencies = []\n[fs]\n' >p.toml
	says 1 'program' "$LLC" lint p.toml
	printf 'version = 1\n[command]\nprogram = "true"\npath = "/bin"\n[fs]\n' >p.toml
	says 1 'unknown key' "$LLC" lint p.toml
}

@test "what --update-lock cannot find, it says, and the old lock stays" {
	update p.toml
	cp p.lock before
	policy '"no-such-program-xyz"' >p.toml
	says 1 'no-such-program-xyz: not found' "$LLC" compile --update-lock p.toml
	policy '"true"' '"/etc/hostname"' >p.toml
	says 1 '/etc/hostname' "$LLC" compile --update-lock p.toml
	cmp before p.lock
	policy '"true"' | sed '/command/,/program/d' >q.toml
	says 1 'no [command]' "$LLC" compile --update-lock q.toml
	[ ! -e q.lock ]
	policy '"true"' >p.toml
	says 2 'standard input' sh -c '"$0" compile --update-lock - -o x.llb <p.toml' "$LLC"
	"$LLC" compile - -o x.llb <p.toml >out 2>&1 && return 1
	grep -q 'not a file' out
	says 2 'take one' "$LLC" compile --check --update-lock p.toml
	says 2 'looks nowhere' "$LLC" compile --sysroot / p.toml
	says 2 'overwritten' "$LLC" compile p.toml -o p.lock
	cmp before p.lock
	# root writes anywhere
	policy '"cat"' >p.toml
	chmod 555 .
	[ "$(id -u)" = 0 ] || says 1 'p.lock' "$LLC" compile --update-lock p.toml
	chmod 755 .
	[ "$(id -u)" = 0 ] || cmp before p.lock
}

# image: a root of its own with a program, its loader and its library, and what leads out of it
image() {
	mkdir -p image/bin image/lib64 image/etc
	cp "$(type -P true)" image/bin/true
	for f in $(ldd image/bin/true | sed -n 's/.*=> \([^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*\) .*/\1/p'); do
		mkdir -p "image$(dirname "$f")"
		cp -L "$f" "image$f"
	done
}

@test "--sysroot: an image, and never out of it" {
	image
	policy '"/bin/true"' '"tool"' >p.toml
	mkdir -p image/usr/bin
	# absolute links mean what they mean in the image
	ln -s /bin/true image/usr/bin/tool
	update --sysroot image p.toml
	grep -q 'path = "/bin/true", access = "rox"' p.lock
	hasnt 'image\|ld.so.cache' p.lock
	says 0 'those of the lock' "$LLC" doctor --sysroot image p.lock
	printf 'x' >>image/bin/true
	says 1 'another file' "$LLC" doctor --sysroot image p.lock
	ln -sf ../../../../../../../../../../../../etc/passwd image/usr/bin/tool
	says 1 'tool' "$LLC" compile --update-lock --sysroot image p.toml
	says 1 'no-such' "$LLC" compile --update-lock --sysroot no-such p.toml
	says 2 'for a POLICY.lock' "$LLC" doctor --sysroot image
}

hasnt() { ! grep -q "$@"; }

@test "--sysroot with programs of another architecture" {
	type -P aarch64-linux-gnu-gcc >/dev/null || skip 'no compiler for aarch64'
	mkdir -p image/bin
	echo 'int main(void) { return 0; }' | aarch64-linux-gnu-gcc -static -x c - -o image/bin/true
	policy '"/bin/true"' >p.toml
	[ "$(uname -m)" = aarch64 ] || says 1 'another architecture' "$LLC" compile --update-lock --sysroot image p.toml
	update --arch aarch64 --sysroot image p.toml
	grep -q '^machine = "aarch64"$' p.lock
	says 0 'those of the lock' "$LLC" doctor --sysroot image p.lock
	[ "$(uname -m)" = aarch64 ] || says 1 'was made for aarch64' "$LLC" doctor p.lock
}

@test "doctor: missing, changed, new, no longer needed; beside the blob, too" {
	image
	policy '"/bin/true"' >p.toml
	update --sysroot image p.toml
	says 0 'the lock is what is here' "$LLC" doctor --sysroot image p.lock
	libc=$(sed -n 's/.*path = "\([^"]*libc\.so[^"]*\)".*/\1/p' p.lock)
	mv "image$libc" aside
	says 1 'does not exist' "$LLC" doctor --sysroot image p.lock
	"$LLC" doctor --json --sysroot image p.lock >json || [ $? -eq 1 ]
	jq -e '[.findings[] | select(.code == "lock-missing")] | length == 1' json
	mv aside "image$libc"
	grep -v 'libc\.so' p.lock >less.lock
	says 1 'needed here, and not granted' "$LLC" doctor --sysroot image less.lock
	sed '/libc\.so/h;/^]/{x;s|path = "|path = "/zz|;p;x}' p.lock >more.lock
	says 1 'does not exist' "$LLC" doctor --sysroot image more.lock
	mkdir -p "image/zz$(dirname "$libc")"
	: >"image/zz$libc"
	says 1 'nothing needs it' "$LLC" doctor --sysroot image more.lock
	sed 's/\(true.*\)access = "rox"/\1access = "ro"/' p.lock >access.lock
	says 1 'granted for reading alone' "$LLC" doctor --sysroot image access.lock
	: >bad.lock
	says 1 'not a lock' "$LLC" doctor bad.lock
	policy '"true"' >q.toml
	update q.toml
	"$LLC" doctor q.llb >out || [ $? -eq 3 ]
	grep -q 'q.lock: the .* files that true needs are those' out
	rm q.lock
	"$LLC" doctor q.llb >out || [ $? -eq 3 ]
	grep -q 'q.lock.*is not beside the blob' out
}

@test "doctor: of many differences three of each kind and a count, each with --verbose, all as JSON" {
	policy '"true"' >p.toml
	update p.toml
	python3 - <<-'END'
	import re
	text = open("p.lock").read()
	row = [line for line in text.splitlines(True) if "path = " in line][-1]
	more = "".join(re.sub('path = "[^"]*"', f'path = "/zz/{n}"', row) for n in range(9))
	open("other.lock", "w").write(text.replace(row, row + more))
	END
	"$LLC" doctor other.lock >out && return 1
	[ "$(grep -c '/zz/[0-9]: \|/zz/[0-9] (.*does not exist' out)" -eq 3 ]
	grep -q '^ *6 more of this kind, 9 in all; --verbose prints each$' out
	[ "$(grep -c -- '--update-lock' out)" -eq 1 ]
	"$LLC" doctor --verbose other.lock >out && return 1
	[ "$(grep -c '/zz/[0-9]' out)" -eq 9 ]
	run grep 'of this kind' out
	[ "$status" -eq 1 ]
	"$LLC" doctor --json other.lock >json && return 1
	jq -e '[.findings[] | select(.code == "lock-missing")] | length == 9' json
}

@test "included: the lock is the policy's; run --policy finds it there" {
	mkdir -p parts
	policy '"true"' >parts/command.toml
	printf 'version = 1\ninclude = ["parts/command.toml"]\n' >p.toml
	update p.toml
	[ -e p.lock ]
	[ ! -e parts/command.lock ]
	says 0 '' "$LLRUN" p.llb -- true
	says 0 '' "$LLC" run --policy p.toml -d -- true
	rm p.lock
	says 125 'p.lock' "$LLC" run --policy p.toml -d -- true
}

@test "lint: a policy whose command may rewrite its lock" {
	policy '"true"' >p.toml
	update p.toml
	says 0 '' "$LLC" lint p.toml
	hasnt 'and with it the lock' out
	mkdir sub
	printf 'version = 1\n[command]\nprogram = "true"\n[fs]\nrw = ["%s"]\n' "$T/sub" >sub/p.toml
	update sub/p.toml
	says 0 'and with it the policy' "$LLC" lint sub/p.toml
}

@test "run --sysroot: the policy for an image, and nothing run" {
	image
	mkdir image/data
	run_() { "$LLC" run --sysroot image "$@"; }
	says 0 '' run_ --ro /data --save saved.toml -- /bin/true
	grep -q '"/bin/true",	# program' saved.toml
	grep -q '"/data",	# --ro' saved.toml
	hasnt '"/usr/bin\|/image' saved.toml
	says 0 '' "$LLC" compile -q saved.toml
	says 0 'layer 0 /bin/true: execute' run_ --print -- true
	says 125 'nothing can be run there' run_ -- true
	says 125 'No such file' run_ --ro "$T" --print -- true
	says 125 'paths are absolute' run_ --ro data --print -- true
	says 125 'paths are absolute' "$LLC" run --ro /etc/../etc --sysroot / --print -- true
	says 125 'no-such' "$LLC" run --sysroot no-such --print -- true
	says 127 'not found' run_ --print -- sh
}
