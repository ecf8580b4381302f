#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The generated JSON Schema, judged by an independent validator (python3-jsonschema) and an independent TOML reader
# (tomllib); the completions, by the shells that are installed.

load lib/common

setup() {
	T=$BATS_TEST_TMPDIR
	cd "$ROOT" || exit 1
	python3 -c 'import jsonschema, tomllib' 2>/dev/null || skip "python3 without jsonschema or tomllib"
}

# validate FILE...: "valid FILE" or "invalid FILE: why" for each
validate() {
	python3 - "$@" <<-'END'
		import json, sys, tomllib
		import jsonschema
		schema = json.load(open("schema/policy.schema.json"))
		jsonschema.Draft202012Validator.check_schema(schema)
		validator = jsonschema.Draft202012Validator(schema)
		for name in sys.argv[1:]:
		    try:
		        error = next(validator.iter_errors(tomllib.load(open(name, "rb"))), None)
		    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
		        error = fault
		    print(f"invalid {name}: {str(error).splitlines()[0]}" if error else f"valid {name}")
	END
}

@test "every policy in the tree that compiles is valid" {
	find policies tests/dump tests/checks tests/vm bench -name '*.toml' | sort >"$T/all"
	while read -r policy; do
		! "$LLC" compile -q -o "$T/x.llb" "$policy" 2>/dev/null || echo "$policy"
	done <"$T/all" >"$T/compiles"
	[ "$(wc -l <"$T/compiles")" -ge 130 ]
	# shellcheck disable=SC2046
	validate $(cat "$T/compiles") >"$T/said"
	! grep '^invalid' "$T/said" || return 1
	[ "$(grep -c '^valid' "$T/said")" -eq "$(wc -l <"$T/compiles")" ]
}

@test "policies that llc-policy refuses for their shape are invalid" {
	local dirs=(unknown-key wrong-type missing-key unknown-name unknown-syscall toml-syntax toml-duplicate)
	for name in "${dirs[@]}"; do
		validate "tests/checks/$name/bad.toml" "tests/checks/$name/good.toml" >"$T/said"
		grep -q "^invalid tests/checks/$name/bad.toml" "$T/said" || { cat "$T/said"; return 1; }
		grep -q "^valid tests/checks/$name/good.toml" "$T/said" || { cat "$T/said"; return 1; }
	done
}

# Each line is one fault in an otherwise good policy; the schema and the compiler must both see it.
@test "single faults are invalid, and refused by the compiler with a position" {
	local n=0
	while IFS= read -r fault; do
		[ -n "$fault" ] || continue
		n=$((n + 1))
		printf '%b\n' "$fault" >"$T/$n.toml"
		validate "$T/$n.toml" | grep -q '^invalid' || { echo "the schema accepts: $fault"; return 1; }
		status=0
		"$LLC" lint "$T/$n.toml" >/dev/null 2>"$T/err" || status=$?
		[ "$status" -eq 1 ] && grep -qE "/$n.toml:[0-9]+:[0-9]+: error: " "$T/err" || { echo "the compiler accepts: $fault"; return 1; }
	done <<-'END'
		[scope]
		version = 2\n[scope]
		version = "1"\n[scope]
		version = 1\n[scop]
		version = 1\n[fs]\nro = "/usr"
		version = 1\n[fs]\nro = ["usr"]
		version = 1\n[fs]\nro = [{ paht = "/usr" }]
		version = 1\n[fs]\nro = [{ path = "/usr", optional = 1 }]
		version = 1\n[fs]\nro = ["/"]\nunrestricted = "all"
		version = 1\n[fs]\nro = ["/"]\nunrestricted = ["red_file"]
		version = 1\n[fs]\nwith = ["devs"]
		version = 1\n[[fs.rule]]\npath = "/usr"
		version = 1\n[[fs.rule]]\npath = "/usr"\naccess = []
		version = 1\n[[fs_layer]]\nhandled_access_fs = []
		version = 1\n[[fs_layer]]\nhandled_access_fs = ["execute"]\n[[fs_layer.rule]]\npath = "usr"\nallowed_access = ["execute"]
		version = 1\n[net]\nconnect_tcp = [65536]
		version = 1\n[net]\nconnect_tcp = [-1]
		version = 1\n[net]\nconnect_tcp = ["443"]
		version = 1\n[net]\nudp = "denied"
		version = 1\n[net]\nhandled_access_net = ["tcp"]
		version = 1\n[scope]\nsignal = "yes"
		version = 1\n[seccomp]\nerrno = "EPERM"
		version = 1\n[seccomp]\ndeny = ["ptraze"]
		version = 1\n[seccomp]\ndeny = ["ptrace"]\nerrno = "EWHAT"
		version = 1\n[seccomp]\ndeny = ["ptrace"]\nerrno = 0
		version = 1\n[scope]\n[env]\nset = { A = 1 }
		version = 1\n[scope]\n[process]\ndrop_caps = "chowns"
		version = 1\n[scope]\n[process]\ndrop_caps = ["chowns"]
		version = 1\n[scope]\n[process]\nkeep_fds = [2]
		version = 1\n[scope]\n[process]\numask = "9"
		version = 1\n[scope]\n[policy]\ncompat = "lax"
		version = 1\n[scope]\n[policy]\nmin_abi = 12
		version = 1\n[scope]\n[slots.w]\ntype = "dir"
		version = 1\n[scope]\n[slots.w]\ntype = "link"\nfrom = "arg"
		version = 1\n[scope]\n[slots.w]\ntype = "dir"\nfrom = "stdin"
		version = 1\n[scope]\n[mount]\ntmpfs = ["tmp"]
		version = 1\n[scope]\n[broker]\naddfd = [{ action = "openn", target = "/x" }]
	END
	[ "$n" -ge 37 ]
}

@test "the controls of those faults are valid, and accepted" {
	local n=0
	while IFS= read -r policy; do
		[ -n "$policy" ] || continue
		n=$((n + 1))
		printf '%b\n' "$policy" >"$T/$n.toml"
		validate "$T/$n.toml" | grep -q '^valid' || { validate "$T/$n.toml"; echo "the schema refuses: $policy"; return 1; }
		"$LLC" lint "$T/$n.toml" 2>"$T/err" || { cat "$T/err"; return 1; }
	done <<-'END'
		version = 1\n[fs]\nro = ["/usr", { path = "${CWD}/x", optional = true, follow = true }]\nunrestricted = ["read_file"]\nrox = ["/"]
		version = 1\n[fs]\nunrestricted = true\n[scope]
		version = 1\n[seccomp]\ndeny = ["ptrace"]\nerrno = 4095
		version = 1\n[scope]\n[process]\ndrop_caps = "@all"\nkeep_fds = [3]\numask = "027"
		version = 1\n[scope]\n[process]\ndrop_caps = ["chown", "@dangerous"]
		version = 1\n[scope]\n[env]\nset = { A = "1", "B C" = "" }
		version = 1\n[net]\nconnect_tcp = [0, 65535]\nudp = "allow"
		version = 1\n[scope]\n[slots.w]\ntype = "file"\nfrom = "env:W"\ndefault = "/x"
	END
	[ "$n" -eq 8 ]
}

@test "the completions are valid for the shells that are installed" {
	for program in llc-policy llrun; do
		bash -n "docs/completions/$program.bash"
	done
	# shellcheck disable=SC2016
	run bash -c '. docs/completions/llc-policy.bash; COMP_WORDS=(llc-policy dump --j); COMP_CWORD=2; _llc_policy; echo "${COMPREPLY[*]}"'
	[ "$output" = --json ]
	# shellcheck disable=SC2016
	run bash -c '. docs/completions/llrun.bash; COMP_WORDS=(llrun --as); COMP_CWORD=1; _llrun; echo "${COMPREPLY[*]}"'
	[ "$output" = --as-abi ]
	# shellcheck disable=SC2016
	run bash -c '. docs/completions/llrun.bash; COMP_WORDS=(llrun p.llb -- tru); COMP_CWORD=3; _llrun; printf "%s\n" "${COMPREPLY[@]}"'
	grep -qx true <<<"$output"
	for shell in zsh fish; do
		command -v $shell >/dev/null || continue
		case $shell in
		zsh) zsh -n docs/completions/_llc-policy && zsh -n docs/completions/_llrun ;;
		fish) fish -n docs/completions/llc-policy.fish && fish -n docs/completions/llrun.fish ;;
		esac
	done
}

@test "generated files are those of the tables, and a stale one is told" {
	cp -r Makefile mk schema compiler runtime docs "$T/"
	mkdir -p "$T/grammar" "$T/tests"
	cd "$T"
	make -s B="$T/b" check-generated
	echo '/* */' >>"$T/docs/checks.md"
	status=0
	make -s B="$T/b" check-generated >"$T/out" 2>&1 || status=$?
	[ "$status" -ne 0 ]
	grep -q 'docs/checks.md is stale: make generate' "$T/out"
	make -s B="$T/b" generate
	cmp docs/checks.md "$ROOT/docs/checks.md"
}
