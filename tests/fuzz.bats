#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The fuzzers build and take what they begin with; what they find beyond that is for `make fuzz`.

load lib/common

@test "every fuzzer builds, and runs over its seeds under the sanitizers" {
	command -v clang >/dev/null || skip "no clang"
	cd "$ROOT"
	run make -s B="$B" fuzz FUZZ_SECONDS=0
	echo "$output" | tail -30
	[ "$status" -eq 0 ]
	for file in tests/fuzz/*_fuzz.c; do
		name=$(basename "$file" _fuzz.c)
		echo "$output" | grep -q "^== $name: [0-9]* seeds, 0 seconds"
	done
	[ "${lines[-1]}" = "no fuzzer found anything" ]
}
