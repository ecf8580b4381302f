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
