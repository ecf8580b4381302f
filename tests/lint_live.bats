#!/usr/bin/env bats
# What lint says about a policy, seen to be true: the policy of tests/checks/NAME/bad.toml (or one like it) run by
# llrun, and beside it the policy put right. Each denial has a control that works.

load lib/common

setup() {
	CHECKS=$ROOT/tests/checks
	cd "$BATS_TEST_TMPDIR" || exit 1
	printf 'version = 1\n[seccomp]\ndeny = ["bpf"]\n[fs]\nrox = ["/usr"]\nwith = ["dev", "loader"]\n' >probe.toml
	"$LLC" compile -q -o probe.llb probe.toml 2>/dev/null
	"$LLRUN" probe.llb -- /usr/bin/env true >/dev/null 2>err && return
	[ "${LL_MUST_WORK:-0}" != 1 ] || { cat err; return 1; }
	skip "no Landlock here: $(head -1 err)"
}

# run_under STATUS POLICY COMMAND...: that exit status; `fails` stands for any failure but a signal
run_under() {
	local want=$1 policy=$2 status=0
	shift 2
	"$LLC" compile -q -o run.llb "$policy" 2>diagnostics || { cat diagnostics; return 1; }
	"$LLRUN" run.llb -- "$@" >out 2>err || status=$?
	[ "$want" = fails ] && [ "$status" -gt 0 ] && [ "$status" -lt 125 ] && return
	[ "$status" = "$want" ] || { echo "$policy: $*: exit status $status, not $want"; cat out err; return 1; }
}

# policy FILE LINES...
policy() {
	local file=$1
	shift
	printf '%s\n' 'version = 1' "$@" >"$file"
}

says() { # says CHECK FILE
	"$LLC" lint -W "$1" "$2" 2>&1 | grep -q "\[$1\]$"
}

@test "exec-not-granted: the program is found and not executable" {
	run_under 126 "$CHECKS/exec-not-granted/bad.toml" /usr/bin/env true
	run_under 0 "$CHECKS/exec-not-granted/good.toml" /usr/bin/env true
}

@test "loader-not-granted: a dynamically linked program does not start" {
	run_under 126 "$CHECKS/loader-not-granted/bad.toml" /usr/bin/env true
	run_under 0 "$CHECKS/loader-not-granted/good.toml" /usr/bin/env true
}

@test "no-dev-null: redirections fail" {
	run_under fails "$CHECKS/no-dev-null/bad.toml" /usr/bin/env sh -c ': >/dev/null'
	run_under 0 "$CHECKS/no-dev-null/good.toml" /usr/bin/env sh -c ': >/dev/null'
}

@test "layer-conflict: the path that the first layer grants cannot be read" {
	[ -r /etc/ssl/openssl.cnf ] || skip "no /etc/ssl/openssl.cnf"
	run_under fails "$CHECKS/layer-conflict/bad.toml" /usr/bin/env cat /etc/ssl/openssl.cnf
	run_under 0 "$CHECKS/layer-conflict/good.toml" /usr/bin/env cat /etc/ssl/openssl.cnf
}

@test "right-unhandled: what no layer handles is done" {
	run_under 0 "$CHECKS/right-unhandled/bad.toml" /usr/bin/env mkdir "$PWD/made"
	[ -d made ] && rmdir made
	run_under fails "$CHECKS/right-unhandled/good.toml" /usr/bin/env mkdir "$PWD/made"
	[ ! -e made ]
}

@test "path-shadowed: without the rule nothing changes" {
	mkdir -p tree/sub
	echo text >tree/sub/file
	policy bad.toml '[fs]' 'with = ["dev", "loader"]' 'rox = ["/usr"]' "ro = [\"$PWD/tree\", \"$PWD/tree/sub\"]"
	policy good.toml '[fs]' 'with = ["dev", "loader"]' 'rox = ["/usr"]' "ro = [\"$PWD/tree\"]"
	policy none.toml '[fs]' 'with = ["dev", "loader"]' 'rox = ["/usr"]'
	says path-shadowed bad.toml
	run_under 0 bad.toml cat tree/sub/file
	run_under 0 good.toml cat tree/sub/file
	run_under fails none.toml cat tree/sub/file
}

@test "path-shadowed: a link that leads elsewhere is not shadowed when follow = true says so" {
	mkdir tree elsewhere
	echo text >elsewhere/file
	ln -s "$PWD/elsewhere" tree/link
	policy without.toml '[fs]' 'with = ["dev", "loader"]' 'rox = ["/usr"]' "ro = [\"$PWD/tree\"]"
	policy with.toml '[fs]' 'with = ["dev", "loader"]' 'rox = ["/usr"]' \
		"ro = [\"$PWD/tree\", { path = \"$PWD/tree/link\", follow = true }]"
	run_under fails without.toml cat tree/link/file
	run_under 0 with.toml cat tree/link/file
	says path-shadowed with.toml && return 1
	true
}

@test "write-and-execute: what is written is run; with rw alone it is not, except through the loader (loader-exec)" {
	mkdir work
	policy bad.toml '[fs]' 'with = ["dev", "loader"]' 'rox = ["/usr"]' "rwx = [\"$PWD/work\"]"
	policy good.toml '[fs]' 'with = ["dev", "loader"]' 'rox = ["/usr"]' "rw = [\"$PWD/work\"]"
	says write-and-execute bad.toml
	run_under 0 bad.toml sh -c 'cp /usr/bin/true work/t && work/t'
	run_under fails good.toml sh -c 'cp /usr/bin/true work/t && work/t; [ $? -eq 126 ] && exit 1'
	says loader-exec good.toml
	loader=$(readelf -l /usr/bin/true | sed -n 's/.*program interpreter: \(.*\)\]/\1/p')
	run_under 0 good.toml sh -c "cp /usr/bin/true work/t && $loader work/t"
}

@test "write-execute-nested: two rules that meet do the same" {
	mkdir -p tools/plugins
	policy bad.toml '[fs]' 'with = ["dev", "loader"]' "rox = [\"/usr\", \"$PWD/tools\"]" "rw = [\"$PWD/tools/plugins\"]"
	says write-execute-nested bad.toml
	run_under 0 bad.toml sh -c 'cp /usr/bin/true tools/plugins/t && tools/plugins/t'
	run_under fails bad.toml sh -c 'cp /usr/bin/true tools/t'
}

@test "proc-self: the rule holds for the command and not for its child" {
	policy bad.toml '[fs]' 'with = ["dev", "loader"]' 'rox = ["/usr"]' 'ro = ["/proc/self"]'
	policy good.toml '[fs]' 'with = ["dev", "loader"]' 'rox = ["/usr"]' 'ro = ["/proc"]'
	says proc-self bad.toml
	run_under 0 bad.toml cat /proc/self/status
	run_under fails bad.toml sh -c 'cat /proc/self/status; exit $?'
	run_under 0 good.toml sh -c 'cat /proc/self/status; exit $?'
}

@test "clone3-errno: with EPERM no thread starts, with ENOSYS it does" {
	[ -x /usr/bin/python3 ] || skip "no /usr/bin/python3"
	policy bad.toml '[seccomp]' 'deny = ["clone3"]'
	policy good.toml '[seccomp]' 'deny = ["clone3"]' 'errno = "ENOSYS"'
	says clone3-errno bad.toml
	thread='import threading; t = threading.Thread(target=print); t.start(); t.join()'
	# a libc that does not know clone3 starts threads under both
	strace -f -o trace /usr/bin/python3 -c "$thread" && grep -q 'clone3(' trace || skip "this libc does not use clone3"
	run_under fails bad.toml /usr/bin/python3 -c "$thread"
	run_under 0 good.toml /usr/bin/python3 -c "$thread"
}

@test "start-blocked: a dynamically linked program fails at once" {
	policy bad.toml '[seccomp]' 'deny = ["mprotect"]'
	policy good.toml '[seccomp]' 'deny = ["bpf"]'
	says start-blocked bad.toml
	run_under 127 bad.toml /usr/bin/env true
	run_under 0 good.toml /usr/bin/env true
}

@test "deny-gap: the call that was left open does what was denied" {
	echo text >file
	chmod 600 file
	policy bad.toml '[seccomp]' 'deny = ["chmod"]'
	says deny-gap bad.toml
	run_under 0 bad.toml chmod 640 "$PWD/file"
	[ "$(stat -c %a file)" = 640 ]
	policy good.toml '[seccomp]' 'deny = ["chmod", "fchmod", "fchmodat", "fchmodat2"]'
	run_under fails good.toml chmod 600 "$PWD/file"
	[ "$(stat -c %a file)" = 640 ]
}

@test "ro-metadata: without a deny list the mode of a file outside the grants changes" {
	echo text >file
	chmod 600 file
	policy bad.toml '[fs]' 'with = ["dev", "loader"]' 'rox = ["/usr"]'
	says ro-metadata bad.toml
	run_under 0 bad.toml chmod 640 "$PWD/file"
	[ "$(stat -c %a file)" = 640 ]
	run_under fails bad.toml sh -c 'echo >>file'
}

@test "fds-inherited: an open descriptor reads what no rule grants" {
	echo secret >file
	policy bad.toml '[fs]' 'with = ["dev", "loader"]' 'rox = ["/usr"]' '[process]' 'close_fds = false'
	policy good.toml '[fs]' 'with = ["dev", "loader"]' 'rox = ["/usr"]'
	says fds-inherited bad.toml
	run_under 0 bad.toml sh -c 'cat <&9' 9<file
	[ "$(cat out)" = secret ]
	run_under fails good.toml sh -c 'cat <&9' 9<file
	run_under fails bad.toml cat file
}

@test "writable-policy: the command rewrites the policy" {
	mkdir work
	cp "$CHECKS/always-fail/good.toml" work/p.toml
	sed -i "s|^rox = .*|rox = [\"/usr\"]\nrw = [\"$PWD/work\"]|" work/p.toml
	says writable-policy work/p.toml
	run_under 0 work/p.toml sh -c 'echo "[net]" >work/p.toml'
	[ "$(cat work/p.toml)" = "[net]" ]
}

@test "git-hooks: a hook can be planted; a directory beneath cannot" {
	mkdir -p .git/hooks build
	policy bad.toml '[fs]' 'with = ["dev", "loader"]' 'rox = ["/usr"]' 'rw = ["${CWD}"]'
	policy good.toml '[fs]' 'with = ["dev", "loader"]' 'rox = ["/usr"]' 'rw = ["${CWD}/build"]'
	says git-hooks bad.toml
	run_under fails good.toml sh -c 'echo x >.git/hooks/post-checkout'
	run_under 0 good.toml sh -c 'echo x >build/file'
	run_under 0 bad.toml sh -c 'echo x >.git/hooks/post-checkout'
	[ -e .git/hooks/post-checkout ]
}

@test "env-preload: a passed LD_PRELOAD reaches the loader" {
	[ -x /usr/bin/env ] || skip "no env"
	policy bad.toml '[seccomp]' 'deny = ["bpf"]' '[env]' 'pass = ["PATH", "LD_*"]'
	policy good.toml '[seccomp]' 'deny = ["bpf"]' '[env]' 'pass = ["PATH"]'
	says env-preload bad.toml
	"$LLC" compile -q -o bad.llb bad.toml 2>/dev/null
	"$LLC" compile -q -o good.llb good.toml 2>/dev/null
	LD_PRELOAD=/no/such.so "$LLRUN" bad.llb -- /usr/bin/env >out 2>&1
	grep -q '/no/such.so' out
	LD_PRELOAD=/no/such.so "$LLRUN" good.llb -- /usr/bin/env >out 2>&1
	grep -q '^PATH=' out
	grep '/no/such.so' out && return 1
	true
}
