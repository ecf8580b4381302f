#!/usr/bin/env bats
# llc-policy lint: formats, severities, exit statuses, the hooks of .pre-commit-hooks.yaml.

bats_require_minimum_version 1.5.0

load lib/common

setup() {
	CHECKS=$ROOT/tests/checks
	cd "$BATS_TEST_TMPDIR" || exit 1
	cp "$CHECKS/deny-duplicate/bad.toml" warns.toml
	cp "$CHECKS/deny-duplicate/good.toml" clean.toml
	cp "$CHECKS/exec-blocked/bad.toml" errs.toml
	cp "$CHECKS/git-hooks/bad.toml" notes.toml
}

@test "exit status: 0 clean, notes, warnings; 1 errors; 2 usage" {
	gives 0 "$LLC" lint clean.toml
	[ ! -s out ]
	[ ! -s err ]
	gives 0 "$LLC" lint notes.toml
	grep -q ': note: ' err
	gives 0 "$LLC" lint warns.toml
	grep -q ': warning: ' err
	gives 1 "$LLC" lint errs.toml
	gives 1 "$LLC" lint clean.toml errs.toml warns.toml
	gives 1 "$LLC" lint missing.toml
	grep -q 'missing.toml: No such file' err
	gives 2 "$LLC" lint
	gives 2 "$LLC" lint --no-such-option clean.toml
	gives 2 "$LLC" lint --format xml clean.toml
	gives 2 "$LLC" lint -W
	gives 0 "$LLC" lint --help
	gives 0 "$LLC" lint --version
}

@test "text goes to standard error, every file is named as given, in order" {
	gives 1 "$LLC" lint ./warns.toml errs.toml
	[ ! -s out ]
	[ "$(sed -n '1s/:.*//p' err)" = ./warns.toml ]
	[ "$(tail -1 err)" = "1 error, 1 warning" ]
	grep -q '^errs.toml:13:16: error: ' err
}

@test "-W, -E, -Wno-: with and without a blank, the last one wins" {
	gives 0 "$LLC" lint -Wno-deny-duplicate warns.toml
	[ ! -s err ]
	gives 0 "$LLC" lint -W no-deny-duplicate warns.toml
	[ ! -s err ]
	gives 1 "$LLC" lint -E deny-duplicate warns.toml
	grep -q 'error: .*\[deny-duplicate\]$' err
	gives 1 "$LLC" lint -Edeny-duplicate warns.toml
	gives 1 "$LLC" lint --error=deny-duplicate warns.toml
	gives 0 "$LLC" lint -Edeny-duplicate -Wdeny-duplicate warns.toml
	gives 0 "$LLC" lint -Wdeny-duplicate -Wno-deny-duplicate warns.toml
	[ ! -s err ]
	gives 0 "$LLC" lint warns.toml -W git-hooks notes.toml
	grep -q 'warning: .*\[git-hooks\]$' err
	gives 1 "$LLC" lint -Wgit-hooks -Eall notes.toml
	gives 1 "$LLC" lint -Eall warns.toml
	gives 0 "$LLC" lint -Eall notes.toml
}

@test "always-fail: off by default and with -Wall, an error on request" {
	gives 0 "$LLC" lint clean.toml
	gives 0 "$LLC" lint -Wall clean.toml
	grep -q 'always-fail' err && return 1
	gives 0 "$LLC" lint -Walways-fail clean.toml
	grep -q 'warning: .*\[always-fail\]$' err
	gives 1 "$LLC" lint -E always-fail clean.toml
	grep -q 'error: .*\[always-fail\]$' err
}

@test "-Wall switches on what is off by default" {
	gives 0 "$LLC" lint -Wall clean.toml
	grep -q 'warning: .*\[ro-metadata\]$' err
}

@test "an unknown check is a usage error with a suggestion; so is a fixed one" {
	gives 2 "$LLC" lint -W deny-duplicat warns.toml
	grep -q 'did you mean "deny-duplicate"' err
	gives 2 "$LLC" lint -Wno-unknown-key warns.toml
	gives 2 "$LLC" lint -Wno-exec-blocked errs.toml
}

@test "compile takes the same options and refuses what they make an error" {
	gives 1 "$LLC" compile -Edeny-duplicate -o x.llb warns.toml
	[ ! -e x.llb ]
	gives 0 "$LLC" compile -Wno-deny-duplicate -o x.llb warns.toml
	[ ! -s err ]
	[ -s x.llb ]
}

@test "--list-checks: one row per check, the same as in the documentation" {
	gives 0 "$LLC" lint --list-checks
	[ "$(wc -l <out)" -ge 60 ]
	awk '{ print $1 }' out | sort >listed
	[ -z "$(uniq -d listed)" ]
	grep -oE '^\| `[a-z0-9-]+` \|' "$ROOT/docs/checks.md" | tr -d '`| ' | sort | diff - listed
}

@test "JSON: complete, valid, and valid when there is nothing to say" {
	gives 0 "$LLC" lint --format json clean.toml
	[ "$(jq -c .diagnostics out)" = "[]" ]
	gives 1 "$LLC" lint --format=json warns.toml errs.toml
	[ ! -s err ]
	[ "$(jq -r '.diagnostics[] | "\(.file):\(.line):\(.column) \(.severity) \(.check) \(.notes | length)"' out)" = \
		"warns.toml:13:26 warning deny-duplicate 1
errs.toml:13:16 error exec-blocked 1" ]
	[ "$(jq -r '.diagnostics[0].notes[0] | "\(.file):\(.line):\(.column) \(.message)"' out)" = "warns.toml:13:9 first denied here" ]
}

@test "SARIF 2.1.0: rules, results and regions hang together; valid when empty" {
	gives 0 "$LLC" lint --format sarif clean.toml
	[ "$(jq -c '[.version, (.runs | length), .runs[0].results, .runs[0].tool.driver.name]' out)" = '["2.1.0",1,[],"llc-policy"]' ]
	gives 1 "$LLC" lint --format sarif warns.toml errs.toml notes.toml
	jq -e '.runs[0] as $run | $run.results | length == 4 and all(
		(.ruleId == $run.tool.driver.rules[.ruleIndex].id) and
		(.level | IN("error", "warning", "note")) and
		(.message.text | length > 0) and
		(.locations[0].physicalLocation | (.artifactLocation.uri | endswith(".toml")) and
			(.region | .startLine >= 1 and .startColumn >= 1 and .endColumn > .startColumn)))' out
	jq -e '.runs[0].tool.driver.rules | (map(.id) | unique | length) == length and
		all(.shortDescription.text | length > 0)' out
	python3 "$ROOT/tests/sarif.py" <out
	# rule ids are the names of the checks
	diff <(jq -r '.runs[0].tool.driver.rules[].id' out | sort) <("$LLC" lint --list-checks | awk '{ print $1 }' | sort)
}

@test "odd file names and bytes come out escaped in every format" {
	name=$'a b"\n\\.toml'
	printf 'version = 1\n[fs]\nro = ["\xc3\xa9"]\n' >"$name"
	gives 1 "$LLC" lint "$name"
	gives 1 "$LLC" lint --format json "$name"
	jq -e --arg n "$name" '.diagnostics[0].file | contains("toml")' out
	gives 1 "$LLC" lint --format sarif "$name"
	jq -e '.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri | test("^[!-~]+$")' out
}

@test "at most a hundred diagnostics as text, then a count; all of them as JSON" {
	{ cat clean.toml; echo '[process]'; echo 'keep_fds = ['; for _ in $(seq 150); do echo '  1,'; done; echo ']'; } >many.toml
	gives 1 "$LLC" lint many.toml
	[ "$(grep -c '^many.toml:.*: error: ' err)" -eq 100 ]
	tail -2 err | grep -q '50'
	gives 1 "$LLC" lint --format json many.toml
	[ "$(jq '.diagnostics | length' out)" -eq 150 ]
}

@test "the policy's own file and its blob beneath a writable path are named" {
	mkdir -p project elsewhere
	sed "s|^rox|rw = [\"$PWD/project\"]\nrox|" clean.toml >project/p.toml
	gives 0 "$LLC" lint "$PWD/project/p.toml"
	grep -q "warning: the command may write \"$PWD/project\" and with it the policy $PWD/project/p.toml \[writable-policy\]" err
	gives 0 "$LLC" lint project/../project/./p.toml
	grep -q '\[writable-policy\]' err
	cp project/p.toml p.toml
	gives 0 "$LLC" lint p.toml
	grep -q '\[writable-policy' err && return 1
	gives 0 "$LLC" compile -o project/p.llb p.toml
	grep -q 'and with it the blob project/p.llb \[writable-policy\]' err
	gives 0 "$LLC" compile -o elsewhere/p.llb p.toml
	grep -q '\[writable-policy' err && return 1
	true
}

# view RULE MOUNT...: clean.toml with a rule and mounts, linted; what the checks of places say of it is kept in `said`
view() {
	local rule=$1
	shift
	{ sed "s|^rox|$rule\nrox|" clean.toml; printf '[mount]\n'; printf '%s\n' "$@"; } >project/v.toml
	gives 0 "$LLC" lint "$PWD/project/v.toml"
	said=$(grep -oE '\[(writable-policy|tmp-shared|home-write|secret-read|system-write)\]' err | sort | tr -d '\n')
}

@test "places are looked at in the policy's view: a tmpfs is private, a bind is its source" {
	mkdir -p project
	view 'rw = ["/tmp"]' 'proc = ["/proc"]'
	[ "$said" = "[tmp-shared]" ] || [ "$said" = "[tmp-shared][writable-policy]" ] || { cat err; return 1; }
	view 'rw = ["/tmp"]' 'tmpfs = ["/tmp"]'
	[ -z "$said" ] || { cat err; return 1; }
	# the directory with the policy, beneath the tmpfs again: read-only, writable
	view "rw = [\"$PWD/project\"]" 'proc = ["/proc"]'
	[ "$said" = "[writable-policy]" ]
	view "rw = [\"$PWD/project\"]" "tmpfs = [\"$PWD/project\"]"
	[ -z "$said" ] || { cat err; return 1; }
	view 'rw = ["/mnt"]' 'tmpfs = ["/mnt"]' "bind = [{ source = \"$PWD/project\", target = \"/mnt/w\", create = true }]"
	[ -z "$said" ] || { cat err; return 1; }
	view 'rw = ["/mnt"]' 'tmpfs = ["/mnt"]' \
		"bind = [{ source = \"$PWD/project\", target = \"/mnt/w\", create = true, read_only = false }]"
	[ "$said" = "[writable-policy]" ] || { cat err; return 1; }
	# a rule on what is bound holds under the new name
	view "rw = [\"$PWD/project\"]" "bind = [{ source = \"$PWD\", target = \"/mnt\" }]"
	[ "$said" = "[writable-policy]" ] || { cat err; return 1; }
	# what a place is: covered by a tmpfs, bound to another name, bound read-only
	view 'rw = ["/root"]' 'proc = ["/proc"]'
	[ "$said" = "[home-write]" ] || { cat err; return 1; }
	view 'rw = ["/root"]' 'tmpfs = ["/root/.ssh"]'
	[ -z "$said" ] || { cat err; return 1; }
	view 'ro = ["/mnt"]' 'tmpfs = ["/mnt"]' 'bind = [{ source = "/root/.ssh", target = "/mnt/keys", create = true }]'
	[ "$said" = "[secret-read]" ] || { cat err; return 1; }
	grep -q '"/mnt/keys", bound from "/root/.ssh", can be read: private keys' err
	view 'rw = ["/mnt/etc"]' 'bind = [{ source = "/etc", target = "/mnt/etc", read_only = false }]'
	[ "$said" = "[system-write]" ] || { cat err; return 1; }
	view 'rw = ["/mnt/etc"]' 'bind = [{ source = "/etc", target = "/mnt/etc" }]'
	[ -z "$said" ] || { cat err; return 1; }
}

@test "landlockd's sample policy: the layers that take everything away are named" {
	sed '/^\[broker\]/,/^cwd/d' "$ROOT/tests/landlockd.toml" >sample.toml
	gives 0 "$LLC" lint sample.toml
	grep -q '^sample.toml:5:8: warning: .*"/usr".*\[\[fs_layer\]\] 2 \[layer-conflict\]' err
	grep -q '^sample.toml:13:8: warning: .*"/etc/ssl".*\[\[fs_layer\]\] 1 \[layer-conflict\]' err
	grep -q '\[exec-not-granted\]' err
	grep -q '\[udp-open\]' err
	grep -q '\[right-unhandled\]' err
	gives 0 "$LLC" compile -q -o sample.llb sample.toml
}

@test "a right that each two layers leave, and three together take away" {
	{
		sed '0,/"make_char", /s///' "$CHECKS/right-not-handled/good.toml"
		for path in /a /a/x /a/y; do
			printf '[[fs_layer]]\nhandled_access_fs = ["make_char"]\n'
			printf '[[fs_layer.rule]]\npath = "%s"\nallowed_access = ["make_char"]\n' "$path"
		done
	} >three.toml
	gives 0 "$LLC" lint three.toml
	grep -q '"/a", but taken away everywhere by the other layers together \[layer-conflict\]' err
	grep -q '"/a/x", but taken away everywhere by \[\[fs_layer\]\] 4 \[layer-conflict\]' err
	grep -q '"/a/y", but taken away everywhere by \[\[fs_layer\]\] 3 \[layer-conflict\]' err
	[ "$(grep -c '\[layer-conflict\]' err)" -eq 3 ]
	sed -i 's|"/a/y"|"/a/x"|' three.toml
	gives 0 "$LLC" lint three.toml
	grep '\[layer-conflict\]' err && return 1
	true
}

@test "every member of a family that deny-gap knows is a system call" {
	sed -n '/^} families\[\]/,/^};/p' "$ROOT/compiler/front/checks.c" | grep -oE '"[a-z0-9_]+"' | sort -u | paste -sd, >members
	sed "s|^deny = .*|deny = [$(cat members)]\nerrno = \"ENOSYS\"|" clean.toml >all.toml
	gives 0 "$LLC" lint all.toml
	grep -q 'clone3' all.toml
	grep -qE '\[(deny-gap|unknown-syscall)\]' err && return 1
	true
}

@test "deny-gap: the newest of a family alone, and a debugger's calls, are no gap" {
	for deny in '"clone3"' '"openat2"' '"process_vm_readv", "process_vm_writev"'; do
		sed "s|^deny = .*|deny = [$deny]\nerrno = \"ENOSYS\"|" clean.toml >p.toml
		gives 0 "$LLC" lint p.toml
		grep '\[deny-gap\]' err && return 1
	done
	for deny in '"clone"' '"openat"' '"ptrace"' '"rename"' '"renameat2"'; do
		sed "s|^deny = .*|deny = [$deny]\nerrno = \"ENOSYS\"|" clean.toml >p.toml
		gives 0 "$LLC" lint p.toml
		grep -q '\[deny-gap\]' err
	done
}

@test "starter policies: notes at most" {
	for policy in "$ROOT"/policies/*.toml; do
		gives 0 "$LLC" lint "$policy"
		grep -E ': (warning|error): ' err && return 1
	done
	true
}

# hook ID FILES...: run the entry as pre-commit does: split like a shell word list, file names appended
hook() {
	local id=$1
	shift
	PATH=$B:$PATH python3 - "$ROOT/.pre-commit-hooks.yaml" "$id" "$@" <<-'PY'
		import shlex, subprocess, sys
		import yaml
		hooks = {h["id"]: h for h in yaml.safe_load(open(sys.argv[1]))}
		h = hooks[sys.argv[2]]
		sys.exit(subprocess.run(shlex.split(h["entry"]) + sys.argv[3:]).returncode & 0xff)
	PY
}

need_yaml() {
	python3 -c 'import yaml' 2>/dev/null && return
	[ "${LL_MUST_WORK:-0}" != 1 ] || { echo "python3-yaml is needed"; return 1; }
	skip "python3-yaml is not installed"
}

@test ".pre-commit-hooks.yaml: the two hooks and their fields" {
	need_yaml
	python3 - "$ROOT/.pre-commit-hooks.yaml" <<-'PY'
		import re, sys
		import yaml
		hooks = yaml.safe_load(open(sys.argv[1]))
		assert [h["id"] for h in hooks] == ["llc-policy-lint", "llc-policy-up-to-date"], hooks
		for h in hooks:
		    assert h["language"] == "system" and h["name"] and h["entry"], h
		    assert h["files"] == r"^policies/.*\.toml$", h
		    assert re.search(h["files"], "policies/a/b.toml") and not re.search(h["files"], "x/policies/b.toml")
	PY
}

@test "hook llc-policy-lint: passes clean policies, fails on an error" {
	need_yaml
	mkdir policies
	cp clean.toml policies/a.toml
	cp warns.toml "policies/b c.toml"
	gives 0 hook llc-policy-lint policies/a.toml "policies/b c.toml"
	cp errs.toml policies/e.toml
	gives 1 hook llc-policy-lint policies/a.toml policies/e.toml
	grep -q 'policies/e.toml:13:16: error' err
}

@test "hook llc-policy-up-to-date: fails on a missing, an old and a foreign blob, whichever policy it belongs to" {
	need_yaml
	mkdir policies
	cp clean.toml policies/a.toml
	cp warns.toml "policies/b c.toml"
	gives 1 hook llc-policy-up-to-date policies/a.toml
	"$LLC" compile -q policies/a.toml
	"$LLC" compile -q "policies/b c.toml"
	gives 0 hook llc-policy-up-to-date policies/a.toml "policies/b c.toml"
	sed -i 's/"swapon"/"swapoff"/' policies/a.toml
	gives 1 hook llc-policy-up-to-date policies/a.toml "policies/b c.toml"
	grep -q 'policies/a.llb' err
	"$LLC" compile -q policies/a.toml
	gives 0 hook llc-policy-up-to-date policies/a.toml
	cp policies/a.llb "policies/b c.llb"
	gives 1 hook llc-policy-up-to-date "policies/b c.toml" policies/a.toml
	ls policies | diff - <(printf '%s\n' a.llb a.toml "b c.llb" "b c.toml")
}

@test "--coverage prints the matrix of the blob: text only" {
	cd "$BATS_TEST_TMPDIR"
	printf 'version = 1\n[fs]\nro = ["/usr"]\n[scope]\n' >p.toml
	run --separate-stderr "$LLC" lint --coverage p.toml
	[ "$status" -eq 0 ]
	[[ $output == *"scope.signal (firm)"*"abi 0-5: NOT COVERED"*"abi 6-11: landlock"* ]]
	run "$LLC" lint --coverage --format json p.toml
	[ "$status" -eq 2 ]
	printf 'version = 1\n[fs]\nrx = ["/usr"]\n' >p.toml
	run --separate-stderr "$LLC" lint --coverage p.toml
	[ "$status" -eq 1 ]
	[ -z "$output" ]
}

# speaks CHECK COUNT <body of [seccomp]: how often lint says it
speaks() {
	{ printf 'version = 1\n[seccomp]\n'; cat; } >p.toml
	"$LLC" lint --arch x86_64 p.toml >out 2>err || { cat err; return 1; }
	[ "$(grep -c "\[$1\]\$" err)" -eq "$2" ] || { cat p.toml err; return 1; }
}

rule() { # rule CALLS ACTION [CONDITION]
	printf '[[seccomp.rule]]\nsyscall = [%s]\naction = "%s"\n' "$1" "$2"
	[ $# -lt 3 ] || printf 'when = "%s"\n' "$3"
}

@test "deny-gap: rules deny as lists do, and what a rule names was not forgotten" {
	printf 'deny = ["ptrace"]\n' | speaks deny-gap 1
	rule '"ptrace"' 'errno EPERM' | speaks deny-gap 1
	rule '"ptrace"' 'kill_process' | speaks deny-gap 1
	rule '"ptrace"' 'log' | speaks deny-gap 0
	rule '"ptrace"' 'errno EPERM' 'request == PTRACE_ATTACH' | speaks deny-gap 0
	{ printf 'deny = ["ptrace"]\n' && rule '"process_vm_readv", "process_vm_writev"' 'errno EACCES'; } | speaks deny-gap 0
	{ printf 'deny = ["ptrace"]\n' && rule '"process_vm_readv", "process_vm_writev"' 'allow'; } | speaks deny-gap 0
	# the rule comes first: the list decides about nothing
	{ printf 'deny = ["ptrace"]\n' && rule '"ptrace"' 'log' 'request == PTRACE_ATTACH'; } | speaks deny-gap 0
}

@test "clone3-errno and fallback-errno: rules count, and only where there is something to fall back to" {
	printf 'deny = ["clone3"]\n' | speaks clone3-errno 1
	printf 'deny = ["clone3"]\nerrno = "ENOSYS"\n' | speaks clone3-errno 0
	printf 'deny = ["clone3", "clone", "fork", "vfork"]\n' | speaks clone3-errno 0
	rule '"clone3"' 'errno EPERM' | speaks clone3-errno 1
	rule '"clone3"' 'kill_process' | speaks clone3-errno 1
	rule '"clone3"' 'errno ENOSYS' | speaks clone3-errno 0
	{ printf 'default = "errno"\nallow = ["@default", "@basic-io", "@file-system", "execve", "mmap", "clone"]\n'; } | speaks clone3-errno 1
	{ printf 'default = "errno"\nallow = ["@default", "@basic-io", "@file-system", "execve", "mmap"]\n'; } | speaks clone3-errno 0
	{ printf 'default = "errno ENOSYS"\nallow = ["@default", "@basic-io", "@file-system", "execve", "mmap", "clone"]\n'; } | speaks clone3-errno 0
	printf 'deny = ["fchmodat2"]\n' | speaks fallback-errno 1
	printf 'deny = ["chmod", "fchmod", "fchmodat", "fchmodat2"]\n' | speaks fallback-errno 0
}

# tells_nothing ARGS...: exit 1 or 2, and nothing of the secret in what is said
tells_nothing() {
	local status=0
	"$LLC" "$@" >out 2>&1 || status=$?
	[ "$status" -ge 1 ] && [ "$status" -le 2 ] && ! grep -q "S3CRET\|login\|_authToken" out && return
	echo "$*: exit status $status"
	cat out
	return 1
}

@test "no text of a file that is no policy is told: includes, links, lists of calls; in no command and no format" {
	cd "$BATS_TEST_TMPDIR"
	printf 'machine example.org login me password S3CRET\n' >netrc
	printf '[registry]\nlogin_token = "S3CRET"\n' >credentials.toml
	printf '"S3CRET" = 1\nlogin = [\n' >broken.toml
	printf 'version = 2\nlogin = "S3CRET"\n' >containerd.toml
	printf 'version = 12\nlogin = "S3CRET"\n' >twelve.toml
	printf 'S3CRET login\n' >words
	printf 'login = S3CRET\nversion = 1\n' >later.toml
	for file in netrc credentials.toml broken.toml containerd.toml twelve.toml words later.toml; do
		printf 'version = 1\ninclude = ["%s"]\n[fs]\nro = ["/usr"]\n' "$file" >including.toml
		ln -sf "$file" link.toml
		for policy in including.toml link.toml; do
			for format in text json sarif; do
				tells_nothing lint --format $format $policy
			done
			tells_nothing compile -o x.llb $policy
			tells_nothing why $policy read /etc/passwd
			tells_nothing test $policy
			"$LLC" lint $policy >out 2>&1 || true
			grep -q ': error: ' out
			grep -q ':[0-9]*:[0-9]*: note: no excerpt: this does not begin like a policy' out
		done
		printf 'version = 1\n[seccomp]\ndeny = ["ptrace"]\nhot_file = "%s"\n' "$file" >hot.toml
		tells_nothing lint hot.toml
	done
	# a policy with a later mistake: told, as ever, in itself and in what it includes
	printf '# a fragment\n\nversion = 1 # the language\nlogin = "S3CRET"\n' >fragment.toml
	printf 'version = 1\ninclude = ["fragment.toml"]\n[fs]\nro = ["/usr"]\n' >including.toml
	for policy in fragment.toml including.toml; do
		run "$LLC" lint $policy
		[ "$status" -eq 1 ]
		[[ $output == *'fragment.toml:4:1: error: '*'  login = "S3CRET"'* ]]
		[[ $output != *"no excerpt"* ]]
	done
}

@test "files of procfs are no policies, however they are named" {
	cd "$BATS_TEST_TMPDIR"
	printf 'version = 1\ninclude = ["/proc/self/environ"]\n' >including.toml
	ln -s /proc/self/environ link.toml
	for policy in including.toml link.toml; do
		run env S3CRET=login "$LLC" lint $policy
		[ "$status" -eq 1 ]
		[[ $output == *"a file of procfs"* ]]
		[[ $output != *S3CRET* ]]
	done
	# control: the same by a descriptor's name, which is the file's own
	printf 'version = 1\n[fs]\nro = ["/usr"]\n' >fine.toml
	run bash -c '"$0" lint /proc/self/fd/9 9<fine.toml' "$LLC"
	[[ $output != *procfs* ]]
	[ "$status" -eq 0 ]
}
