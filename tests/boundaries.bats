#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The boundary cases of filters, by name, from policy to kernel. tests/unit/bpf_test.c has those of the assembler alone
# (exactly 255 and 256 instructions of distance, exactly 4,096 and 4,097 instructions).

bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/.." || return
	export ROOT=$PWD
	case ${B:=build} in /*) ;; *) B=$PWD/$B ;; esac
	DIR=$(mktemp -d /tmp/boundaries-test.XXXXXX)
	cp "$B/tests/probe" "$DIR"
	export B DIR P="$DIR/probe" LLC="$B/llc-policy"
	case $(uname -m) in
	x86_64) UMASK=95 PRIORITY=140 ;;
	aarch64) UMASK=166 PRIORITY=141 ;;
	esac
	export UMASK PRIORITY
}

teardown_file() {
	rm -rf "$DIR"
}

setup() {
	cd "$DIR"
	[ -n "$UMASK" ] || skip "no numbers for $(uname -m)"
}

# policy: standard input, compiled for this machine to p.llb
policy() {
	{ printf 'version = 1\n'; cat; } >p.toml
	"$LLC" compile -q --arch "$(uname -m)" p.toml -o p.llb
}

# says ERRNO|- NR ARGS...: what the call answers under p.llb; - is success
says() {
	local want=$1
	shift
	run --separate-stderr "$B/llrun" p.llb -- "$P" syscall "$@"
	echo "$*: exit $status: $output $stderr"
	if [ "$want" = - ]; then
		[ "$status" -eq 0 ]
	else
		[ "$status" -ge 10 ] && [ "$status" -le 14 ] && [ "$output" = "$want" ]
	fi
}

# chain N: a rule per value from 1 to N of umask's argument, each with an errno that its neighbours do not have
chain() {
	echo '[seccomp]'
	echo 'default = "allow"'
	awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++)
		printf "[[seccomp.rule]]\nsyscall = \"umask\"\nwhen = \"mask == %d\"\naction = \"errno %d\"\n", i, 1 + i % 3 }'
}

@test "jumps over 254, 255, 256, 257 and 511 to 513 tests: the first, the last and the value behind it" {
	names=(EPERM ENOENT ESRCH)
	for n in 253 254 255 256 257 258 510 511 512 513 1000; do
		chain $n | policy
		says "${names[1]}" "$UMASK" 1
		says "${names[$((n % 3))]}" "$UMASK" $n
		says "${names[$(((n - 1) % 3))]}" "$UMASK" $((n - 1))
		says - "$UMASK" $((n + 1))
		says - "$UMASK" 0
	done
}

@test "4,096 instructions are compiled and loaded, one test more is refused with the place" {
	low=1000 high=4096
	while [ $((high - low)) -gt 1 ]; do
		middle=$(((low + high) / 2))
		if chain $middle | policy 2>/dev/null; then low=$middle; else high=$middle; fi
	done
	chain "$low" | policy
	size=$("$LLC" dump p.llb | sed -n 's/^filter .*: \([0-9]*\) instructions.*/\1/p')
	echo "$low rules, $size instructions"
	[ "$size" -ge 4090 ]
	[ "$size" -le 4096 ]
	# what is left goes to tests of another call
	for more in 0 1 2 3 4 5 6; do
		{ chain "$low" && printf '[[seccomp.rule]]\nsyscall = "getpriority"\nwhen = "which in {%s}"\naction = "errno 1"\n' \
			"$(seq -s, 100 2 $((100 + 2 * more)))"; } >q.body
		if policy <q.body 2>said; then
			size=$("$LLC" dump p.llb | sed -n 's/^filter .*: \([0-9]*\) instructions.*/\1/p')
		fi
	done
	echo "the longest: $size"
	[ "$size" -ge 4094 ]
	[ "$size" -le 4096 ]
	chain "$low" | policy
	says - "$UMASK" 0
	rm p.llb
	{ echo 'version = 1'; chain "$high"; } >r.toml
	run "$LLC" compile r.toml -o p.llb
	[ "$status" -eq 1 ]
	[[ $output == *'r.toml:2:1: error: the filter for '*'filter too long'* ]]
	[ ! -e p.llb ]
}

@test "an empty policy is an error with a hint; a filter that denies nothing lets everything pass" {
	echo 'version = 1' >none.toml
	run "$LLC" compile none.toml -o none.llb
	[ "$status" -eq 1 ]
	[[ $output == *empty-policy* ]]
	[ ! -e none.llb ]
	printf '[seccomp]\ndefault = "allow"\n' | policy
	says - "$UMASK" 1
	says - "$PRIORITY" 0 0
}

@test "one system call: denied alone, and the only one denied" {
	printf '[seccomp]\ndeny = ["umask"]\nerrno = "ENOTTY"\n' | policy
	says ENOTTY "$UMASK" 1
	says - "$PRIORITY" 0 0
}

@test "deep and/or: 60 levels to the left, to the right, alternating" {
	left="mask == 1" right="mask == 120" mixed="mask == 7"
	for i in $(seq 2 60); do
		left="($left or mask == $i)"
		right="(mask == $((60 + i)) or $right)"
		if [ $((i % 2)) -eq 0 ]; then mixed="($mixed and mask != $((200 + i)))"; else mixed="($mixed or mask == $((300 + i)))"; fi
	done
	printf '[seccomp]\ndefault = "allow"\n[[seccomp.rule]]\nsyscall = "umask"\naction = "errno ENOTTY"\nwhen = "%s"\n' "$left" | policy
	for value in 1 2 59 60; do says ENOTTY "$UMASK" $value; done
	for value in 0 61; do says - "$UMASK" $value; done
	printf '[seccomp]\ndefault = "allow"\n[[seccomp.rule]]\nsyscall = "umask"\naction = "errno ENOTTY"\nwhen = "%s"\n' "$right" | policy
	for value in 62 63 119 120; do says ENOTTY "$UMASK" $value; done
	for value in 0 61 121; do says - "$UMASK" $value; done
	printf '[seccomp]\ndefault = "allow"\n[[seccomp.rule]]\nsyscall = "umask"\naction = "errno ENOTTY"\nwhen = "%s"\n' "$mixed" | policy
	for value in 7 303 359; do says ENOTTY "$UMASK" $value; done
	for value in 6 302 304 361; do says - "$UMASK" $value; done
}

@test "deeper than the language reads: an error with a place" {
	deep="mask == 1"
	deep="$(printf '%*s' 20000 '' | tr ' ' '(')$deep$(printf '%*s' 20000 '' | tr ' ' ')')"
	printf 'version = 1\n[seccomp]\ndefault = "allow"\n[[seccomp.rule]]\nsyscall = "umask"\naction = "errno ENOTTY"\nwhen = "%s"\n' "$deep" >deep.toml
	run "$LLC" compile deep.toml -o deep.llb
	[ "$status" -eq 1 ]
	[[ $output == *'deep.toml:7:'*'error: nested too deeply'* ]]
	[ ! -e deep.llb ]
}

@test "duplicates across includes: each fragment says what it needs, and it counts once" {
	for name in a b; do
		cat >$name.toml <<-'END'
			version = 1
			[seccomp]
			deny = ["ptrace", "process_vm_readv", "process_vm_writev"]
			[[seccomp.rule]]
			syscall = "umask"
			when = "mask == 1"
			action = "errno ENOTTY"
			[[seccomp.rule]]
			syscall = ["vhangup", "acct"]
			action = "errno EPERM"
		END
	done
	cat >both.toml <<-'END'
		version = 1
		include = ["a.toml", "b.toml"]
		[seccomp]
		deny = ["ptrace", "process_vm_readv", "process_vm_writev"]
		[[seccomp.rule]]
		syscall = "acct"
		action = "errno EPERM"
	END
	run "$LLC" lint -Wno-subject-unrestricted both.toml
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *warning* ]]
	{ sed 1d a.toml; } | policy
	"$LLC" dump p.llb | sed -n '/^filter/,$p' >one
	"$LLC" compile -q --arch "$(uname -m)" both.toml -o p.llb
	"$LLC" dump p.llb | sed -n '/^filter/,$p' >two
	cmp one two
	says ENOTTY "$UMASK" 1
}

@test "duplicates across includes that differ: an error that names both places" {
	printf 'version = 1\n[seccomp]\n[[seccomp.rule]]\nsyscall = "umask"\naction = "errno EPERM"\n' >c.toml
	printf 'version = 1\ninclude = ["c.toml"]\n[seccomp]\n[[seccomp.rule]]\nsyscall = "umask"\naction = "errno ENOTTY"\n' >d.toml
	run "$LLC" compile d.toml -o d.llb
	[ "$status" -eq 1 ]
	[[ $output == *'c.toml:4:11: error: nothing is left to decide about umask here'* ]]
	[[ $output == *'d.toml:4:1: note: this rule decides first'* ]]
	[ ! -e d.llb ]
}

@test "negative constants: the low word of a signed argument, whatever stands above it" {
	printf '[seccomp]\ndefault = "allow"\n[[seccomp.rule]]\nsyscall = "getpriority"\naction = "errno ENOTTY"\nwhen = "who == -100 or who < -1000"\n' |
		policy
	says ENOTTY "$PRIORITY" 0 -100
	says ENOTTY "$PRIORITY" 0 0xffffff9c
	says ENOTTY "$PRIORITY" 0 0x123456789abcff9c
	says ENOTTY "$PRIORITY" 0 -1001
	says ESRCH "$PRIORITY" 0 -1000
	says ESRCH "$PRIORITY" 0 -101
	says ESRCH "$PRIORITY" 0 -99
	says - "$PRIORITY" 0 0
	printf 'version = 1\n[seccomp]\ndefault = "allow"\n[[seccomp.rule]]\nsyscall = "umask"\naction = "errno ENOTTY"\nwhen = "arg0 == -4294967297"\n' >wide.toml
	run "$LLC" compile wide.toml -o wide.llb
	[ "$status" -eq 1 ]
	[[ $output == *constant-range* ]]
}

@test "a permissive default with x32: its numbers get their own action, up to the last one" {
	[ "$(uname -m)" = x86_64 ] || skip "x86_64 only"
	printf '[seccomp]\ndefault = "allow"\nx32 = "errno ENOTTY"\ndeny = ["acct"]\n' | policy
	says ENOTTY $((0x40000000 + UMASK)) 1
	says ENOTTY 0x40000000 0
	says ENOTTY 0x7fffffff 0
	says - "$UMASK" 1
	# the kernel itself knows no such number
	says ENOSYS 0x3fffffff 0
}
