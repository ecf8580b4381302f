#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# llc-policy doctor. Hosts that lack something are made with llrun: a filter that answers for Landlock as a container's
# filter, an old kernel or a boot without it would; a domain around the doctor.

load lib/common

setup() {
	T=$BATS_TEST_TMPDIR
	cd "$T" || exit 1
	case $(uname -m) in x86_64) OTHER=aarch64 ;; *) OTHER=x86_64 ;; esac
	"$LLC" doctor --json >host.json || true
	ABI=$(jq .landlock_abi host.json)
}

need_landlock() {
	[ "$ABI" -ge "${1:-1}" ] || skip "Landlock ABI ${1:-1} is not here"
}

# policy NAME: standard input compiled to NAME.llb
policy() {
	cat >"$1.toml"
	"$LLC" compile -q -o "$1.llb" "$1.toml" 2>err || { cat err; return 1; }
}

# inside NAME COMMAND...: run under NAME.llb
inside() {
	"$LLRUN" --quiet "$1.llb" -- "${@:2}"
}

# has CODE STATUS [FILE]: the JSON has such a finding
has() {
	jq -e --arg code "$1" --arg status "$2" 'any(.findings[]; .code == $code and .status == $status)' "${3:-out}" >/dev/null ||
		{ echo "no $2 $1"; jq -c '.findings[]' "${3:-out}"; return 1; }
}

hasnt() {
	! has "$@" >/dev/null
}

@test "the host: every subject has its code, in text and JSON" {
	for code in seccomp seccomp-nesting no-new-privs user-namespaces openat2 close-range yama audit trace; do
		jq -e --arg code "$code" 'any(.findings[]; .code == $code)' host.json
	done
	jq -e '.kernel | length > 0' host.json
	jq -e 'all(.findings[]; (.code | test("^[a-z0-9-]+$")) and (.status | IN("ok", "note", "missing")))' host.json
	need_landlock
	jq -e 'any(.findings[]; .code == "landlock" and .status == "ok")' host.json
	gives 0 "$LLC" doctor
	grep -q "^ok       Landlock ABI $ABI" out
	[ "$(tail -n 1 out)" = "this host enforces policies" ]
}

@test "it changes nothing for the caller: neither domain nor no_new_privs, nor a filter" {
	need_landlock
	gives 0 sh -c '"$0" doctor >/dev/null; grep -E "^(NoNewPrivs|Seccomp):" /proc/self/status' "$LLC"
	cp out after
	gives 0 grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status
	cmp out after
	"$LLC" doctor --json >again.json
	cmp host.json again.json
}

@test "a policy that fits: exit 0" {
	need_landlock
	policy fits <<-'END'
		version = 1
		[fs]
		ro = ["/", { path = "/no/such/path", optional = true }]
	END
	gives 0 "$LLC" doctor fits.llb
	[ "$(tail -n 1 out)" = "this host enforces the policy" ]
	gives 0 "$LLC" doctor --json fits.llb
	jq -e '.enforceable' out
	has blob-plan ok
	has blob-path ok
	has blob-owner ok
}

@test "a broker needs llrund, beside llc-policy or installed" {
	need_landlock 2
	policy brokered <<-'END'
		version = 1
		[fs]
		ro = ["/usr"]
		[broker]
		allow_read = ["/etc/passwd"]
	END
	"$LLC" doctor --json brokered.llb >out || true
	has blob-supervisor ok
	mkdir bin
	cp "$LLC" bin
	bin/llc-policy doctor --json brokered.llb >out || true
	if has blob-supervisor ok; then skip "an installed llrund is found"; fi
	has blob-supervisor missing
	[ "$(jq .enforceable out)" = false ]
}

@test "a plan that refuses, with the ABI and kernel that would do: exit 3" {
	need_landlock
	[ "$ABI" -lt 11 ] || skip "this kernel has every ABI"
	policy newer <<-'END'
		version = 1
		[policy]
		min_abi = 11
		[fs]
		ro = ["/"]
	END
	gives 3 "$LLC" doctor newer.llb
	grep -q "^missing  the policy refuses to run on ABI $ABI" out
	grep -q '^  needed ABI 11 (Linux 7.3)' out
	# llrun agrees
	gives 125 inside newer true
}

@test "best effort: a lost guarantee is named, and the policy runs" {
	need_landlock
	[ "$ABI" -lt 9 ] || skip "this kernel covers pathname sockets"
	policy best <<-'END'
		version = 1
		[policy]
		compat = "best-effort"
		[fs]
		rox = ["/"]
		unix = ["/run"]
	END
	gives 0 "$LLC" doctor --json best.llb
	has blob-plan ok
	jq -e 'any(.findings[]; .code == "blob-guarantee" and .status == "missing" and (.found | test("fs.unix")))' out
	gives 0 inside best true
}

@test "a required path that is missing: exit 3, with its line; an unset slot is said" {
	need_landlock
	policy paths <<-'END'
		version = 1
		[fs]
		ro = ["/"]
		rw = ["${gone}/x", "${CWD}/here", "/no/such/path"]
		rox = ["${later}"]
		[slots.gone]
		type = "dir"
		from = "env:DOCTOR_TEST"
		[slots.later]
		type = "dir"
		from = "arg"
	END
	mkdir here dir dir/x
	gives 3 "$LLC" doctor --json paths.llb
	has blob-slot note
	jq -e '[.findings[] | select(.code == "blob-path")] | length == 1' out
	jq -e 'any(.findings[]; .found == "/no/such/path: No such file or directory (paths.toml:4)")' out
	jq -e 'any(.findings[]; .fix == "llrun --set later=PATH")' out
	jq -e 'any(.findings[]; .fix == "set DOCTOR_TEST where llrun is started")' out
	# with the variable set its rule is looked up too
	DOCTOR_TEST=$T/other gives 3 "$LLC" doctor --json paths.llb
	jq -e '[.findings[] | select(.code == "blob-path")] | length == 2' out
	DOCTOR_TEST=$T/dir gives 3 "$LLC" doctor --json paths.llb
	jq -e '[.findings[] | select(.code == "blob-path")] | length == 1' out
	cd /
	"$LLC" doctor "$T/paths.llb" | grep -q 'slot CWD would be the root directory here'
}

@test "no filter for this architecture: exit 3" {
	printf 'version = 1\n[policy]\ncompat = "best-effort"\nmin_abi = 0\n[seccomp]\ndeny = ["ptrace"]\n' >arch.toml
	"$LLC" compile -q --arch "$OTHER" -o arch.llb arch.toml 2>err
	gives 3 "$LLC" doctor --json arch.llb
	has blob-arch missing
	"$LLC" compile -q -o arch.llb arch.toml 2>err
	gives 0 "$LLC" doctor --json arch.llb
	hasnt blob-arch missing
	has blob-filter ok
}

@test "owner and mode of the blob, as llrun sees them" {
	policy owner <<-'END'
		version = 1
		[seccomp]
		deny = ["ptrace"]
	END
	gives 0 "$LLC" doctor owner.llb
	chmod g+w owner.llb
	gives 3 "$LLC" doctor owner.llb
	grep -q 'fix .*chmod go-w' out
	gives 125 inside owner true
}

# its files say that they are empty
securityfs() { grep -q . /sys/kernel/security/lsm 2>/dev/null; }

@test "Landlock: blocked by a filter, switched off at boot, not built" {
	need_landlock
	for errno in EPERM ENOSYS EOPNOTSUPP EINVAL; do
		policy $errno <<-END
			version = 1
			[seccomp]
			deny = ["landlock_create_ruleset"]
			errno = "$errno"
		END
		gives 3 inside $errno "$LLC" doctor --json
		jq -e '.landlock_abi == 0 and (.enforceable | not)' out
		cp out $errno.json
	done
	# with securityfs at hand, the filter is certain; without it, likely
	if securityfs; then
		has landlock-filtered missing EPERM.json
		has landlock-filtered missing ENOSYS.json
	else
		has landlock-ambiguous missing EPERM.json
		has landlock-ambiguous missing ENOSYS.json
	fi
	has landlock-disabled missing EOPNOTSUPP.json
	jq -e 'any(.findings[]; .fix != null and (.fix | test("lsm=")))' EOPNOTSUPP.json
	securityfs || has landlock-broken missing EINVAL.json
	# "not built" cannot be made here: the filter that answers ENOSYS shows
}

@test "the lsm= line is built from securityfs where it is mounted" {
	need_landlock
	unshare -m true 2>/dev/null || skip "no private mounts"
	policy off <<-'END'
		version = 1
		[seccomp]
		deny = ["landlock_create_ruleset"]
		errno = "EPERM"
	END
	# shellcheck disable=SC2016
	status=0
	unshare -m sh -c 'grep -q . /sys/kernel/security/lsm 2>/dev/null || mount -t securityfs none /sys/kernel/security || exit 99
		"$0" --quiet off.llb -- "$1" doctor --json >out' "$LLRUN" "$LLC" || status=$?
	[ "$status" -ne 99 ] || skip "no securityfs"
	[ "$status" -eq 3 ]
	has landlock-filtered missing
}

@test "inside a domain and a filter: layers left, filters in force" {
	need_landlock 6
	policy around <<-'END'
		version = 1
		[scope]
		[seccomp]
		deny = ["ptrace"]
	END
	has landlock-layers ok host.json
	has seccomp-nesting ok host.json
	gives 0 inside around "$LLC" doctor --json
	has landlock-layers note
	has seccomp-nesting note
	jq -e 'any(.findings[]; .found | test("15 of 16 layers"))' out
	gives 0 inside around "$LLRUN" --quiet around.llb -- "$LLC" doctor --json
	jq -e 'any(.findings[]; .found | test("14 of 16 layers"))' out
}

@test "a policy with more layers than are left: exit 3" {
	need_landlock 6
	policy one <<-'END'
		version = 1
		[scope]
	END
	{
		printf 'version = 1\n'
		for ((i = 0; i < 16; i++)); do
			printf '[[fs_layer]]\nhandled_access_fs = ["make_block"]\n'
		done
	} | policy sixteen
	gives 0 "$LLC" doctor --json sixteen.llb
	gives 3 inside one "$LLC" doctor --json sixteen.llb
	has blob-layers missing
	gives 125 inside one "$LLRUN" --quiet sixteen.llb -- true
}

@test "system calls that are missing matter where the policy needs them" {
	need_landlock
	policy old <<-'END'
		version = 1
		[seccomp]
		deny = ["openat2", "close_range"]
		errno = "ENOSYS"
	END
	policy needs <<-'END'
		version = 1
		[fs]
		rox = ["/"]
		rw = ["${CWD}/x"]
	END
	policy needs-not <<-'END'
		version = 1
		[fs]
		rox = ["/"]
		[process]
		close_fds = false
	END
	mkdir x
	gives 0 "$LLC" doctor --json needs.llb
	gives 3 inside old "$LLC" doctor --json needs.llb
	has openat2 missing
	has blob-openat2 missing
	has blob-close-range missing
	gives 0 inside old "$LLC" doctor --json needs-not.llb
	has openat2 missing
	hasnt blob-openat2 missing
	hasnt blob-close-range missing
}

@test "what is no blob: exit 1; usage: exit 2" {
	echo nonsense >bad.llb
	gives 1 "$LLC" doctor bad.llb
	grep -q '^llc-policy doctor: bad.llb: not a policy blob' err
	gives 1 "$LLC" doctor missing.llb
	gives 2 "$LLC" doctor --toml
	gives 2 "$LLC" doctor a.llb b.llb
	status=0
	"$LLC" doctor >/dev/full 2>err || status=$?
	[ "$status" -eq 2 ]
}
