#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The benchmark runs and prints its table. No figure is judged here: a busy machine may measure what it likes.

setup_file() {
	[ "$(uname -m)" = x86_64 ] || skip "the floor is written for x86_64"
	cd "$BATS_TEST_DIRNAME/.."
	export TABLE="$BATS_FILE_TMPDIR/table"
	make -s bench BENCH_N=3 BENCH_RUNS=1 ${B:+B="$B"} >"$TABLE" 2>"$TABLE.err" || {
		cat "$TABLE" "$TABLE.err" >&2
		return 1
	}
}

@test "every row of the table is there, none failed" {
	for what in 'static-true` / floor' 'embedded: `llrun_enter()`' 'parsed and compiled at exec time' \
		'`sh -c true`: llrun' '`llc-policy run` adds' 'a program with 200 libraries' 'none of the libraries in the page cache' '`llc-policy why`, denied' '`llc-policy why --all-abis`' 'one more path rule' '40-name deny list' '300-name allow list' 'system calls from execve' \
		'300-name allow list instead' 'proof of constant time agrees with the clock' 'all seven architectures' \
		"Docker's default profile" 'CPUID' 'size of llrun' 'PT_INTERP' 'blob of 50 path rules' 'compile 100 rules' 'compile 10,000 rules: 9000 path rules (10000 written)' \
		'peak memory'; do
		grep -F "$what" "$TABLE" || { echo "no row: $what"; return 1; }
	done
	! grep -F 'failed:' "$TABLE"
}

@test "peers are measured where they are installed, and said to be missing elsewhere" {
	for peer in bubblewrap:bwrap firejail:firejail; do
		row="^\\| .*${peer#*:}.* / llrun, static target.*\\| (ok|short) \\|\$"
		# where a peer is missing the table says so, and claims nothing
		if grep -E "^${peer%:*}: (not installed|installed, but)" "$TABLE"; then
			if grep -E "$row" "$TABLE"; then return 1; fi
		else
			grep -E "$row" "$TABLE"
		fi
	done
}

@test "the floor and the blob were proven to be one policy" {
	grep -E '^P\.llb: the floor.s policy, plan [0-9]+, 8 paths$' "$TABLE"
}

@test "Docker's default profile is measured beside libseccomp, after the proof that the policy means the same" {
	[ -f ../shared/oci/default.json ] || skip "../shared/oci/default.json is not there"
	[ "$(grep -c "^| Docker's default profile.*| \(ok\|short\) |$" "$TABLE")" -eq 9 ]
	sed 's/AF_ALG, //' bench/policies/docker-default.toml >"$BATS_TEST_TMPDIR/other.toml"
	run "${B:-build}/bench/docker" ../shared/oci/default.json "$BATS_TEST_TMPDIR/other.toml" bench/policies/usual.counts \
		"$BATS_TEST_TMPDIR" 1 1
	[ "$status" -eq 1 ]
	[[ "$output" == *"call 41(0x26, 0)"* ]]
}

@test "compare tells a different policy" {
	sed 's/"bpf", //' bench/policies/P.toml >"$BATS_TEST_TMPDIR/other.toml"
	"${B:-build}/llc-policy" compile "$BATS_TEST_TMPDIR/other.toml" -o "$BATS_TEST_TMPDIR/other.llb"
	run "${B:-build}/bench/compare" "$BATS_TEST_TMPDIR/other.llb"
	[ "$status" -eq 1 ]
	[[ "$output" == *"system call 321"* ]]
}

@test "a command that fails is reported, never averaged" {
	printf 'cmd good /bin/true\ncmd bad /bin/false\nratio it | bad / good | <= 1\n' >"$BATS_TEST_TMPDIR/plan"
	run "${B:-build}/bench/spawn" -n 3 -r 1 "$BATS_TEST_TMPDIR/plan"
	[ "$status" -eq 1 ]
	[[ "$output" == *"| it | <= 1 | - | failed: bad | - | not measured |"* ]]
}
