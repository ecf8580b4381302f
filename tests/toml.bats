#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The TOML reader against toml-test (every case of the copy beside the checkout, in one pass), and as a program: exit
# statuses, positions, bad input. What a document means in detail is in unit/toml_test.c.

ROOT=$BATS_TEST_DIRNAME/..
BUILD=${B:-build}
[[ $BUILD == /* ]] || BUILD=$ROOT/$BUILD
DECODER=$BUILD/tests/toml-decoder
SUITE=$ROOT/../shared/toml-test

setup_file() {
	[ -d "$SUITE" ] || return 0
	"$BATS_TEST_DIRNAME/toml_suite.py" "$DECODER" "$SUITE" >"$BATS_FILE_TMPDIR/results"
}

# group NAME...: all cases of these groups pass, and there are some
group() {
	[ -d "$SUITE" ] || skip "toml-test is not beside the checkout"
	local passed=0 failed=0 g
	for g; do
		passed=$((passed + $(grep -c "^$g pass " "$BATS_FILE_TMPDIR/results"))) || true
		failed=$((failed + $(grep -c "^$g fail " "$BATS_FILE_TMPDIR/results"))) || true
		grep "^$g fail " "$BATS_FILE_TMPDIR/results" || true
	done
	echo "$passed passed, $failed failed"
	[ "$passed" -gt 0 ] && [ "$failed" -eq 0 ]
}

# refuse TEXT PATTERN: exit 1, nothing on standard output, the first message begins with PATTERN
refuse() {
	local status=0 message
	printf "$1" | "$DECODER" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	message=$(head -n 1 "$BATS_TEST_TMPDIR/err")
	echo "exit $status: $message"
	[ "$status" -eq 1 ] && [ ! -s "$BATS_TEST_TMPDIR/out" ] && [[ $message == "$2"* ]]
}

@test "toml-test: valid documents at the top" { group valid; }
@test "toml-test: valid arrays" { group valid/array; }
@test "toml-test: valid booleans" { group valid/bool; }
@test "toml-test: valid comments" { group valid/comment; }
@test "toml-test: valid date-times" { group valid/datetime; }
@test "toml-test: valid floats" { group valid/float; }
@test "toml-test: valid inline tables" { group valid/inline-table; }
@test "toml-test: valid integers" { group valid/integer; }
@test "toml-test: valid keys" { group valid/key; }
@test "toml-test: valid examples of the specification" { group valid/spec-1.0.0; }
@test "toml-test: valid strings" { group valid/string; }
@test "toml-test: valid tables" { group valid/table; }
@test "toml-test: invalid arrays" { group invalid/array; }
@test "toml-test: invalid booleans" { group invalid/bool; }
@test "toml-test: invalid control characters" { group invalid/control; }
@test "toml-test: invalid date-times" { group invalid/datetime; }
@test "toml-test: invalid encodings" { group invalid/encoding; }
@test "toml-test: invalid floats" { group invalid/float; }
@test "toml-test: invalid inline tables" { group invalid/inline-table; }
@test "toml-test: invalid integers" { group invalid/integer; }
@test "toml-test: invalid keys" { group invalid/key; }
@test "toml-test: invalid local dates and times" { group invalid/local-date invalid/local-datetime invalid/local-time; }
@test "toml-test: invalid examples of the specification" { group invalid/spec-1.0.0; }
@test "toml-test: invalid strings" { group invalid/string; }
@test "toml-test: invalid tables" { group invalid/table; }

@test "toml-test: no case is in a group that nobody judged, and none was lost" {
	[ -d "$SUITE" ] || skip "toml-test is not beside the checkout"
	local cases results
	cases=$(find "$SUITE/valid" "$SUITE/invalid" -name '*.toml' | wc -l)
	results=$(wc -l <"$BATS_FILE_TMPDIR/results")
	echo "$cases cases, $results results"
	[ "$cases" -gt 400 ]
	[ "$results" -eq "$cases" ]
	diff <(sed -n 's/^@test.*{ group \(.*\); }$/\1/p' "$BATS_TEST_FILENAME" | tr ' ' '\n' | sort) \
		<(cut -d' ' -f1 "$BATS_FILE_TMPDIR/results" | sort -u)
}

@test "the comparison itself sees a wrong value, a wrong type and a missing key" {
	run python3 - "$BATS_TEST_DIRNAME" <<-'PY'
		import sys
		sys.path.insert(0, sys.argv[1])
		sys.dont_write_bytecode = True
		from toml_suite import same
		one = {"type": "integer", "value": "1"}
		assert same({"a": [one]}, {"a": [one]})
		assert not same({"a": [one]}, {"a": [dict(one, value="2")]})
		assert not same({"a": one}, {"a": dict(one, type="float")})
		assert not same({}, {"a": one}) and not same({"a": one}, {}) and not same([one], [one, one])
		at = {"type": "datetime", "value": "1987-07-05T17:45:56.6Z"}
		assert same(at, dict(at, value="1987-07-05T17:45:56.600+00:00"))
		assert not same(at, dict(at, value="1987-07-05T17:45:56.06Z"))
	PY
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "a document is decoded: exit 0 and tagged JSON" {
	run bash -c 'printf "a = 1\nb.c = [true]\n" | "$1" | jq -c -S .' _ "$DECODER"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = '{"a":{"type":"integer","value":"1"},"b":{"c":[{"type":"bool","value":"true"}]}}' ]
}

@test "the decoder refuses what is not TOML with exit 1 and a position" {
	refuse 'a = 1\nb = \n' '<stdin>:2:5: error: expected a value, found the end of the line [toml-syntax]'
	refuse 'a = 1\na = 2\n' '<stdin>:2:1: error: a is defined twice [toml-duplicate]'
	refuse 'a = "\000"' '<stdin>:1:6: error: a NUL byte'
	refuse '\377\376a\000' '<stdin>:1:1: error: the file is UTF-16'
}

@test "10,000 brackets, 10,000 inline tables, 10,000 dots: one error each" {
	local unit
	for unit in '[' '{a=' '[{a=' '[\n'; do
		refuse "a = $(printf "$unit%.0s" $(seq 10000) | sed 's/\\/\\\\/g')" '<stdin>:'
		[ "$(grep -c ': error: ' "$BATS_TEST_TMPDIR/err")" -eq 1 ]
		grep -q 'nested deeper than 128 levels' "$BATS_TEST_TMPDIR/err"
	done
	refuse "a$(printf '.a%.0s' $(seq 10000)) = 1" '<stdin>:1:'
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/err")" = "1 error" ]
}

@test "10 MB of random bytes: exit 1, a bounded report, no signal" {
	local status=0
	head -c 10M /dev/urandom | "$DECODER" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	tail -n 2 "$BATS_TEST_TMPDIR/err"
	[ "$status" -eq 1 ]
	[ ! -s "$BATS_TEST_TMPDIR/out" ]
	[ "$(grep -c ': error: ' "$BATS_TEST_TMPDIR/err")" -eq 100 ]
	grep -qx '… and [0-9]* more' "$BATS_TEST_TMPDIR/err"
	[ "$(wc -c <"$BATS_TEST_TMPDIR/err")" -lt 200000 ]
	# nothing of it reaches a terminal as it is
	! LC_ALL=C grep -q -a -P '[\x00-\x08\x0b-\x1f\x7f]' "$BATS_TEST_TMPDIR/err"
}

@test "input larger than 16 MiB is refused, not read in part" {
	run bash -c 'head -c 17M /dev/zero | tr "\\0" "#" | "$1" 2>&1' _ "$DECODER"
	echo "$output"
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "llc-policy: error: <stdin>: larger than 16 MiB [source-unreadable]" ]
}

@test "a directory as standard input is one clear error" {
	run bash -c '"$1" 2>&1 </' _ "$DECODER"
	echo "$output"
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "llc-policy: error: <stdin>: Is a directory [source-unreadable]" ]
}
