#!/usr/bin/env bats
# Every row of compiler/front/checks.def has a directory tests/checks/NAME:
#   bad.toml    a policy that the check speaks about; expect: everything lint prints about it, byte for byte
#   good.toml   the same policy put right
#   args        how to lint bad.toml, and good.toml unless there is good-args (default: lint; @OUT@: a scratch file)
#   also        other checks of severity warning or error that bad.toml cannot avoid
# After an intended change of words: (cd tests/checks/NAME && llc-policy lint bad.toml 2>expect), and read the diff.

load lib/common

setup() {
	DIRS=$ROOT/tests/checks
}

names() {
	"$LLC" lint --list-checks | awk '{ print $1 }'
}

# lint_case NAME FILE ARGS-FILE: sets status; what is said goes to $BATS_TEST_TMPDIR/said
lint_case() {
	local args=(lint)
	[ -e "$DIRS/$1/args" ] && read -r -a args <"$DIRS/$1/args"
	[ -e "$DIRS/$1/$3" ] && read -r -a args <"$DIRS/$1/$3"
	args=("${args[@]/@OUT@/$BATS_TEST_TMPDIR/out.llb}")
	status=0
	(cd "$DIRS/$1" && "$LLC" "${args[@]}" "$2" 2>"$BATS_TEST_TMPDIR/said" >"$BATS_TEST_TMPDIR/out") || status=$?
}

# the checks that spoke with severity warning or error, one per line
loud() {
	sed -n 's/^[^ ]*\(bad\|good\)\.toml:.*: \(warning\|error\): .*\[\([a-z0-9-]*\)\]$/\3/p
		s/^llc-policy: \(warning\|error\): .*\[\([a-z0-9-]*\)\]$/\2/p' "$BATS_TEST_TMPDIR/said" | sort -u
}

@test "every check has its directory, and every directory its check" {
	diff <(names | sort) <(cd "$DIRS" && ls | sort)
	for name in $(names); do
		for file in bad.toml good.toml expect; do
			[ -e "$DIRS/$name/$file" ] || { echo "$name: no $file"; return 1; }
		done
	done
}

@test "bad.toml: lint says exactly what is expected, about its own check" {
	failed=0
	for name in $(names); do
		lint_case "$name" bad.toml args
		want=0
		grep -q ': error: ' "$DIRS/$name/expect" && want=1
		[ "$status" -eq "$want" ] || { echo "$name: exit status $status, not $want"; failed=1; }
		diff -u "$DIRS/$name/expect" "$BATS_TEST_TMPDIR/said" || { echo "$name: other words"; failed=1; }
		grep -q "\[$name\]$" "$BATS_TEST_TMPDIR/said" || { echo "$name: silent"; failed=1; }
	done
	[ "$failed" -eq 0 ]
}

@test "bad.toml: no other check speaks up" {
	failed=0
	for name in $(names); do
		lint_case "$name" bad.toml args
		for other in $(loud); do
			[ "$other" = "$name" ] && continue
			grep -qsw -- "$other" "$DIRS/$name/also" || { echo "$name: also $other"; failed=1; }
		done
		for other in $(cat "$DIRS/$name/also" 2>/dev/null); do
			loud | grep -qx -- "$other" || { echo "$name: $other is listed in also and silent"; failed=1; }
		done
	done
	[ "$failed" -eq 0 ]
}

@test "good.toml: the check is silent, no check warns" {
	failed=0
	for name in $(names); do
		lint_case "$name" good.toml good-args
		[ "$status" -eq 0 ] || { echo "$name: exit status $status"; failed=1; }
		! grep "\[$name\]$" "$BATS_TEST_TMPDIR/said" || { echo "$name: speaks about good.toml"; failed=1; }
		[ -z "$(loud)" ] || { echo "$name: good.toml triggers $(loud)"; failed=1; }
	done
	[ "$failed" -eq 0 ]
}

@test "every check that is off by default speaks when it is switched on, and is silent without" {
	for name in $("$LLC" lint --list-checks | awk '$2 == "off" { print $1 }'); do
		(cd "$DIRS/$name" && "$LLC" lint bad.toml) >"$BATS_TEST_TMPDIR/said" 2>&1
		grep "\[$name\]" "$BATS_TEST_TMPDIR/said" && return 1
		(cd "$DIRS/$name" && "$LLC" lint -W "$name" bad.toml) 2>&1 | grep -q "warning: .*\[$name\]$"
	done
}

@test "severities: every check that is not an error of the language can be switched off and made an error" {
	failed=0
	for name in $("$LLC" lint --list-checks | awk '$3 != "!" { print $1 }'); do
		[ -d "$DIRS/$name/bad.toml" ] && continue
		(cd "$DIRS/$name" && "$LLC" lint "-Wno-$name" bad.toml) >"$BATS_TEST_TMPDIR/said" 2>&1 || true
		! grep "\[$name\]" "$BATS_TEST_TMPDIR/said" || { echo "$name: -Wno-$name"; failed=1; }
		status=0
		(cd "$DIRS/$name" && "$LLC" lint "-E$name" bad.toml) >"$BATS_TEST_TMPDIR/said" 2>&1 || status=$?
		[ "$status" -eq 1 ] && grep -q "error: .*\[$name\]$" "$BATS_TEST_TMPDIR/said" || { echo "$name: -E$name: $status"; failed=1; }
	done
	[ "$failed" -eq 0 ]
}

@test "an error of the language stays one" {
	for name in $("$LLC" lint --list-checks | awk '$3 == "!" { print $1 }'); do
		for option in "-Wno-$name" "-W$name"; do
			run "$LLC" lint "$option" "$DIRS/always-fail/bad.toml"
			[ "$status" -eq 2 ]
			[[ $output == *"$name"* ]]
		done
	done
}

@test "places: each path of tests/places.cases is spoken of by its check and by no other of its kind" {
	kinds='home-write|secret-read|system-write|tmp-shared|proc-self|socket-dir-open|control-socket|grant-on-root'
	failed=0 count=0
	cd "$BATS_TEST_TMPDIR"
	while IFS=$'\t' read -r group path want; do
		case $group in '' | '#'*) continue ;; esac
		count=$((count + 1))
		printf 'version = 1\n[fs]\n%s = ["%s"]\n' "$group" "$path" >p.toml
		got=$("$LLC" lint p.toml 2>&1 | sed -n 's/^p\.toml:3:.*\[\([a-z-]*\)\]$/\1/p' | grep -Ex "$kinds" | paste -sd' ' -)
		[ "${got:--}" = "$want" ] || { echo "$group $path: ${got:--}, not $want"; failed=1; }
	done <"$ROOT/tests/places.cases"
	[ "$failed" -eq 0 ]
	[ "$count" -ge 60 ]
}

@test "tests/checks.cases: everything said about further policies, with positions" {
	run python3 "$ROOT/tests/lint_cases.py" "$LLC" checks
	echo "$output" | tail -20
	[ "$status" -eq 0 ]
	[ "${output%% *}" -ge 18 ]
}
