# SPDX-License-Identifier: MIT
# Where things are, and what several bats files ask: `load lib/common` at the beginning of a file.

ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
B=$(cd "$ROOT" && realpath "${B:-build}")
LLC=$B/llc-policy
LLRUN=$B/llrun

# gives STATUS COMMAND...: that exit status, and no other, without input; output and errors are in the files out and err of
# OUT (else here)
gives() {
	local want=$1
	shift
	status=0
	"$@" >"${OUT:-.}/out" 2>"${OUT:-.}/err" </dev/null || status=$?
	[ "$status" -eq "$want" ] || { echo "$*: exit status $status, not $want"; head -c 2000 "${OUT:-.}"/{out,err}; return 1; }
}

# blob NAME DESCRIPTION: NAME.llb, which mkblob makes of the words
blob() {
	printf '%s\n' "$2" | tr -d '\t' | "$B/tests/mkblob" "$1.llb"
}

# stage NAME [PROGRAM...]: for setup_file: a directory $T that every user may read, unlike bats' own, with the launcher ($L), its
# supervisor and these programs; teardown_file removes it
stage() {
	T=$(mktemp -d "/tmp/$1-test.XXXXXX")
	chmod 755 "$T"
	cp "$LLRUN" "$B/llrund" "${@:2}" "$T"
	export T B L=$T/llrun
}

# own_directory: for setup: $D is the test's own below $T, and the current one
own_directory() {
	umask 022
	D=$T/$BATS_TEST_NUMBER
	mkdir "$D"
	cd "$D"
}

# users: who the runs are made as
users() {
	if [ "$(id -u)" -eq 0 ]; then echo 0 65534; else id -u; fi
}

# as USER COMMAND...
as() {
	if [ "$1" = "$(id -u)" ]; then "${@:2}"; else setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"; fi
}
