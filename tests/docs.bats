#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The papers agree with the programs: manual pages are clean and complete, links lead somewhere, examples run.

bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/.." || return
	case ${B:=build} in /*) ;; *) B=$PWD/$B ;; esac
	export TOP=$PWD B
	# the system's programs, not a user's shims in a home directory; readable by every user, unlike bats' own directory
	DIR=$(mktemp -d /tmp/docs-test.XXXXXX)
	export DIR PATH=$B:/usr/bin:/bin:/usr/sbin:/sbin
	chmod 755 "$DIR"
}

teardown_file() {
	rm -rf "$DIR" "${OUTSIDE:-/nonexistent}"
}

setup() {
	cd "$TOP" || return
	unset TMPDIR MAKEFLAGS MAKELEVEL MFLAGS
}

# fails, by exit status and not by a signal
denied() {
	run "$@"
	[ "$status" -gt 0 ] && [ "$status" -lt 124 ] || { echo "exit $status: $output"; return 1; }
}

# ---- manual pages ----

@test "manual pages: mandoc has no warning" {
	command -v mandoc >/dev/null || skip "no mandoc"
	mandoc -Tlint -W warning docs/*.[1-9]
}

@test "no file has the marks of a merge" {
	run grep -rnE '^(<<<<<<<|>>>>>>>) ' README.md Makefile mk schema grammar compiler runtime policies tests bench docs
	[ "$status" -eq 1 ]
}

# of "a && b" and of "! a" a shell that ends at the first failure sees only the last, and only in the last line of all
@test "the suite itself: no check stands where nobody sees that it fails" {
	printf '%s\n' '@test "x" {' $'\t[ 1 = 2 ] && [ 1 = 1 ]' $'\t! true' $'\ttrue' '}' >"$DIR/blind.bats"
	blind() {
		awk 'FNR == 1 { last = "" }
			last && !/^\t*(}|fi$)/ { print FILENAME ":" FNR - 1 ":" last }
			{ last = "" }
			/^\t+(\[|\[\[|grep|cmp|diff) .* && (\[|\[\[|grep|cmp|diff|!) / && !/ \|\| |(return|continue)( [0-9])?$/ { last = $0 }
			/^\t+! / && !/ \|\| / { last = $0 }' "$@"
	}
	[ "$(blind "$DIR/blind.bats" | wc -l)" -eq 2 ]
	run blind tests/*.bats
	echo "$output"
	[ -z "$output" ]
}

@test "manual pages: every option of the tables has its entry" {
	missing=
	while read -r letter name; do
		pattern="^\.It Fl ${name:+.*-}$name\b"
		[ "$letter" = 0 ] || pattern="^\.It Fl $letter\b.* Fl -$name\b"
		grep -qE "$pattern" docs/llc-policy.1 || missing="$missing --$name"
	done < <(sed -n "s/^OPTION([A-Z_]*, [^,]*, '\?\([^,']*\)'\?, \"\([^\"]*\)\".*/\1 \2/p" compiler/options.def)
	while read -r word; do
		grep -qE "^\.It Fl ${word#-}\b" docs/llrun.1 || missing="$missing llrun:$word"
	done < <(sed -n 's/^OPTION([A-Z_]*, "\([^"]*\)".*/\1/p' runtime/options.def)
	while read -r word; do
		grep -qE "^\.It Fl ${word#-}\b" docs/llrund.1 || missing="$missing llrund:$word"
	done < <(sed -n 's/^OPTION([A-Z_]*, "\([^"]*\)".*/\1/p' runtime/llrund/options.def)
	[ -z "$missing" ] || { echo "no entry: $missing"; return 1; }
	# the patterns above have found something
	[ "$(grep -c '^OPTION(' compiler/options.def)" -eq "$(sed -n "s/^OPTION([A-Z_]*, [^,]*, '\?\([^,']*\)'\?, \"\([^\"]*\)\".*/\1/p" compiler/options.def | wc -l)" ]
}

@test "manual pages: every option that has an entry is in the tables" {
	extra=
	for word in $(sed -n 's/^\.It \(Fl .*\)/\1/p' docs/llc-policy.1 | grep -oE 'Fl -[a-z-]+' | cut -c5-); do
		grep -q "\"$word\"" compiler/options.def || extra="$extra $word"
	done
	for word in $(grep -oE '^\.It Fl -[a-z-]+' docs/llrun.1 | cut -c9-); do
		grep -q "\"--$word\"" runtime/options.def || extra="$extra $word"
	done
	for word in $(grep -oE '^\.It Fl -[a-z-]+' docs/llrund.1 | cut -c9-); do
		grep -q "\"--$word\"" runtime/llrund/options.def || extra="$extra llrund:$word"
	done
	[ -z "$extra" ] || { echo "not an option: $extra"; return 1; }
}

@test "manual pages: every command has its entry" {
	for name in $(sed -n 's/^COMMAND([A-Z_]*, "\([^"]*\)".*/\1/p' compiler/options.def); do
		grep -q "^\.It Cm $name\b" docs/llc-policy.1 || { echo "$name"; return 1; }
	done
	for name in $(sed -n 's/^COMMAND([A-Z_]*, \([a-z]*\),.*/\1/p' runtime/llrund/options.def); do
		grep -q "^\.Ss llrund $name\b" docs/llrund.1 || { echo "llrund $name"; return 1; }
	done
}

@test "manual pages: every command and its options stand in the synopsis" {
	local command option synopsis
	for command in $("$B/llc-policy" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
		case $command in runlock | landrun) continue ;; esac
		synopsis=$(sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/p' docs/llc-policy.1 | awk -v c="$command" '/^\.Nm/ { on = 0 } $0 ~ "^\\.Cm " c "( |$)" { on = 1 } on')
		[ -n "$synopsis" ] || { echo "$command"; return 1; }
		grep -q 'Ar options' <<<"$synopsis" && continue
		for option in $("$B/llc-policy" "$command" --help | sed -n 's/^ .*--\([a-z-]*\).*/\1/p'); do
			case $option in help | version | define | warn | error | quiet | output | follow) continue ;; esac
			grep -qE -- "(Fl|\|) -$option( |\$)" <<<"$synopsis" || { echo "$command --$option"; return 1; }
		done
	done
}

@test "the exit statuses of the programs are those of the papers" {
	run llrun
	[ "$status" -eq 125 ]
	printf 'version = 1\n[seccomp]\ndeny = ["bpf"]\n' >"$DIR/s.toml"
	llc-policy compile -q "$DIR/s.toml"
	run -127 llrun "$DIR/s.llb" -- /nonexistent
	run llrun "$DIR/s.llb" -- /etc/passwd
	[ "$status" -eq 126 ]
	run llrun "$DIR/s.llb" -- sh -c 'exit 7'
	[ "$status" -eq 7 ]
	run llc-policy compile
	[ "$status" -eq 2 ]
	run llc-policy lint /nonexistent.toml
	[ "$status" -eq 1 ]
	printf 'version = 1\n[scope]\n' >"$DIR/t.toml"
	run llc-policy compile -q --target-abi 5 "$DIR/t.toml"
	[ "$status" -eq 3 ]
}

# ---- links and names ----

@test "every relative link leads to a file, and to a heading of it" {
	bad=
	for page in *.md docs/*.md; do
		for link in $(grep -oE '\]\([^)]+\)' "$page" | tr -d '()' | cut -c2-); do
			case $link in http*) continue ;; esac
			file=$(dirname "$page")/${link%%#*}
			[ "${link%%#*}" ] || file=$page
			[ -e "$file" ] || bad="$bad $page:$link"
			case $link in
			*#*)
				sed -n 's/^#\+ //p' "$file" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9\n_-' | grep -qx "${link#*#}" ||
					bad="$bad $page:$link"
				;;
			esac
		done
	done
	[ -z "$bad" ] || { echo "$bad"; return 1; }
}

@test "paths of the tree that the papers name exist" {
	bad=
	for page in *.md docs/*.md; do
		for path in $(grep -oE '`(bench|compiler|docs|grammar|mk|policies|runtime|schema|tests)/[A-Za-z0-9_./-]*[A-Za-z0-9_/]`' "$page" |
			tr -d '`'); do
			[ -e "$path" ] || [ -e "$path.c" ] || [[ $path == *NAME* ]] || bad="$bad $page:$path"
		done
	done
	[ -z "$bad" ] || { echo "$bad"; return 1; }
}

@test "make targets that the papers name exist" {
	for target in $(grep -ohE '\bmake (deps |[a-z-]+)*[a-z-]+' README.md docs/CONTRIBUTING.md | grep -oE '\b(deps|deps-bench|demo|check|check-asan|fuzz|bench|analyze|format|format-check|generate|check-generated|install|uninstall|clean|metrics)\b' | sort -u) deps demo check; do
		make -n -q "$target" B="$DIR/b" >/dev/null 2>"$DIR/err" || ! grep 'No rule to make' "$DIR/err"
		run grep -c 'No rule to make' "$DIR/err"
		[ "$output" = 0 ] || { echo "$target"; return 1; }
	done
	grep -q 'make deps demo' README.md
	grep -q 'make deps check' README.md
}

@test "the security model names every guarantee" {
	for name in $(sed -n 's/^LL_GUARANTEE([A-Z_]*, "\([^"]*\)".*/\1/p' schema/guarantees.def); do
		grep -qF "\`$name\`" docs/security-model.md || { echo "$name"; return 1; }
	done
}

@test "the checks that the papers name exist" {
	for name in $(grep -ohE '(-[WE] |`)[a-z]+(-[a-z]+)+`' docs/security-model.md | tr -d '`' | sed 's/^-[WE] //' |
		grep -vxE 'llc-policy|best-effort|check-[a-z]+'); do
		llc-policy lint --list-checks | grep -q "^ *$name\b" || { echo "$name"; return 1; }
	done
}

@test "the format's page and header agree on limits and sizes" {
	grep -q "^| paths | \`llpb_path\`, 40 | to 65,536 " docs/blob-format.md
	sections=$(awk '/^enum llpb_section \{/ { on = 1; next } /LLPB_SECTIONS/ { on = 0 } on && /LLPB_S_/ { n++ } END { print n }' schema/llpb.h)
	[ "$sections" -eq 16 ]
	llc-policy compile -q "$DIR/s.toml" -o "$DIR/h.llb"
	[ "$(head -c 8 "$DIR/h.llb" | od -An -tx1 | tr -d ' \n')" = 894c50420d0a1a0a ]
	[ "$(od -An -tu4 -j12 -N4 "$DIR/h.llb" | tr -d ' ')" -eq $((40 + 8 * sections)) ]
	[ "$(od -An -tu4 -j16 -N4 "$DIR/h.llb" | tr -d ' ')" -eq "$(stat -c %s "$DIR/h.llb")" ]
}

# ---- examples ----

# block FILE N: the Nth fenced block
block() {
	awk -v n="$2" '/^ *```/ { if (on) { on = 0 } else { on = ++k == n }; next } on' "$1"
}

@test "README: the example policy has ten lines, compiles, and runs" {
	mkdir -p "$DIR/readme" && cd "$DIR/readme"
	block "$TOP/README.md" 1 >build.toml
	[ "$(wc -l <build.toml)" -eq 10 ]
	llc-policy compile --target-abi host build.toml >out 2>&1
	# the linter knows what it leaves open, and nothing else
	run grep -oE '(warning|error): .*' out
	[ "$output" = "$(grep -oE '(warning|error): .*subject-unrestricted.*' out)" ]
	printf 'all:\n\techo made >file\n' >Makefile
	llrun build.llb -- make
	grep -x made file
	denied llrun build.llb -- cat /etc/passwd
	cat /etc/passwd >/dev/null
}

# What the blocks of the section are for, in their order: the daemon and namespaces may be missing.
@test "README: every command of the five minutes has the exit status that is written there" {
	mkdir -p "$DIR/five/home/llc-try" && cd "$DIR/five"
	ln -s "$B" build && ln -s "$TOP/policies" policies
	block "$TOP/README.md" 1 >home/llc-try/build.toml
	awk '/^## Five minutes/ { f = 1; next } /^## / { f = 0 } f && /^```toml/ { on = 1; next } /^```/ { on = 0 } on' \
		"$TOP/README.md" >home/llc-try/broker.toml
	awk '/^## Five minutes/ { f = 1; next } /^## / { f = 0 } f && /^```sh/ { on = 1; next } /^```/ { on = 0 } on' \
		"$TOP/README.md" >lines
	[ "$(wc -l <lines)" -gt 20 ]
	namespaces=true
	unshare -Urm true 2>/dev/null || namespaces=false
	{
		echo 'said() { [ "$1" -eq "$2" ] || { echo "exit $1, not $2: $3"; exit 99; }; }'
		while IFS= read -r line; do
			case $line in
			*hermetic.llb*--*) $namespaces || continue ;;
			esac
			expected=$(sed -n 's/.*# exit \([0-9]*\).*/\1/p' <<<"$line")
			printf '%s\nsaid $? %s %q\n' "$line" "${expected:-0}" "$line"
		done <lines
	} >script
	export HOME=$DIR/five/home
	run timeout 60 bash script 3>&-
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
	cd home/llc-try
	[ "$(cat file)" = made ]
	[ "$(cat out/a)" = built ]
	grep -q '"/etc/passwd"' more.toml
	llc-policy lint cat.toml
	grep '"event":"broker.open"' run.jsonl | grep -q '"decision":"allow"'
	[[ $output == *"Permission denied"* && $output == *"add: connect_tcp = [443]"* && $output == *'"started":1'* ]]
}

@test "the example policy of llpolicy(5) compiles without a warning" {
	awk '/^\.Sh EXAMPLES/ { e = 1 } e && /^\.Ed/ { exit } on { print } e && /^\.Bd/ { on = 1 }' docs/llpolicy.5 >"$DIR/example.toml"
	[ -s "$DIR/example.toml" ]
	llc-policy compile "$DIR/example.toml" -o "$DIR/example.llb" >"$DIR/out" 2>&1
	run grep -E 'warning|error' "$DIR/out"
	[ "$status" -eq 1 ] || { echo "$output"; return 1; }
}

@test "example policies compile without a warning" {
	for p in docs/examples/*.toml; do
		llc-policy lint -Eall "$p" || { echo "$p"; return 1; }
	done
}

@test "the files of docs/examples say what docs/ci.md says" {
	for file in docs/examples/*; do
		case $file in *.c) continue ;; esac	# embed.c is the library's
		grep -q "(examples/$(basename "$file"))" docs/ci.md || { echo "$file is not mentioned"; return 1; }
	done
	line='shell: llrun -p ci -- bash -e {0}'
	grep -qF "$line" docs/ci.md
	grep -qF "$line" docs/examples/github-step.yml
	for line in 'blobs=$(mktemp -d -p /var/tmp)' 'llrun "$blobs/ci.llb" -- make test'; do
		grep -qF -- "- $line" docs/ci.md
		grep -qF -- "- $line" docs/examples/gitlab-ci.yml
	done
	for line in 'ENTRYPOINT ["llrun", "/policy.llb", "--"]' 'COPY image.llb /policy.llb'; do
		grep -qxF "$line" docs/ci.md
		grep -qxF "$line" docs/examples/Dockerfile
	done
	for line in '.SHELLFLAGS := make.llb -- sh -ec' 'make.llb out: SHELL := /bin/sh'; do
		grep -qxF "$line" docs/ci.md
		grep -qxF "$line" docs/examples/Makefile
	done
	line=$(grep '^ExecStart=' docs/examples/app.service)
	grep -qxF "$line" docs/ci.md
}

@test "GitHub step: the runner's script runs confined, later steps are out of its reach" {
	mkdir -p "$DIR/gh/project/build" "$DIR/gh/temp/_runner_file_commands" "$DIR/gh/policies" "$DIR/gh/tmp"
	cd "$DIR/gh/project"
	git init -q .
	llc-policy compile -q "$TOP/docs/examples/github.toml" -o "$DIR/gh/policies/ci.llb"
	export RUNNER_TEMP=$DIR/gh/temp GITHUB_ENV=$DIR/gh/temp/_runner_file_commands/env LLRUN_POLICY_PATH=$DIR/gh/policies
	export TMPDIR=$DIR/gh/tmp SECRET_TOKEN=12345
	: >"$GITHUB_ENV"
	# what the runner makes of "shell:": words, {0} the script
	command=$(sed -n 's/^ *shell: //p' "$TOP/docs/examples/github-step.yml")
	step() { # step LINE...: as a step of the job
		printf '%s\n' "$@" >"$RUNNER_TEMP/step.sh"
		# shellcheck disable=SC2086
		${command//\{0\}/$RUNNER_TEMP/step.sh}
	}
	step 'echo made >build/out' 'cat build/out'
	[ "$(cat build/out)" = made ]
	[ "$(step 'echo "${SECRET_TOKEN:-unset}"')" = unset ]
	run step 'exit 3'
	[ "$status" -eq 3 ]
	run step 'false' 'exit 0'
	[ "$status" -eq 1 ]
	denied step "echo LD_PRELOAD=x >>$GITHUB_ENV"
	[ ! -s "$GITHUB_ENV" ]
	denied step 'echo "[core] fsmonitor = x" >>.git/config'
	denied step "echo x >$DIR/gh/policies/ci.llb"
	denied step "cat $DIR/s.toml"
	denied step '/usr/bin/python3 -c "import socket; socket.socket()"'
	# and each of them works without the policy
	echo x >>"$GITHUB_ENV"
	cat "$DIR/s.toml" >/dev/null
	/usr/bin/python3 -c "import socket; socket.socket()"
}

@test "GitLab job: the script's lines run in one shell" {
	mkdir -p "$DIR/gl/ci" && cd "$DIR/gl"
	cp "$TOP/policies/ci-default.toml" ci/policy.toml
	printf 'test:\n\techo tested >result\n\t! touch %s/gl-outside 2>/dev/null\n' /var/tmp >Makefile
	sed -n '/^  script:/,$ s/^    - //p' "$TOP/docs/examples/gitlab-ci.yml" >script
	[ "$(wc -l <script)" -eq 3 ]
	echo 'echo "$blobs" >blobs' >>script
	sh -e script
	rm -rf "$(cat blobs)"
	[ "$(cat result)" = tested ]
	[ ! -e /var/tmp/gl-outside ]
}

@test "Dockerfile: the entry point in exec form in a root that holds three files" {
	[ "$(id -u)" -eq 0 ] || skip "chroot needs root"
	root=$DIR/image
	mkdir -p "$root/bin" "$root/data"
	cp "$B/llrun" "$root/bin/llrun"
	cp "$B/tests/probe" "$root/app"
	llc-policy compile -q docs/examples/image.toml -o "$root/policy.llb"
	chown 0:0 "$root/policy.llb"
	chown 65534:65534 "$root/data"
	words=$(sed -n 's/^ENTRYPOINT \[\(.*\)\]/\1/p' docs/examples/Dockerfile | tr -d '",')
	[ "$words" = "llrun /policy.llb --" ]
	inside() {
		# shellcheck disable=SC2086
		env -i PATH=/bin /usr/sbin/chroot --userspec=65534:65534 "$root" $words "$@"
	}
	run inside /app help
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
	# "sh" is not there: 127, from llrun itself
	run -127 inside sh
	# readable by its mode, granted by nothing
	echo closed >"$root/other"
	chmod 644 "$root/other"
	run inside /app read /other
	[ "$output" = EACCES ]
	env -i /usr/sbin/chroot --userspec=65534:65534 "$root" /app read /other
	inside /app create /data/made
}

@test "make SHELL: recipes are confined, make is not" {
	mkdir -p "$DIR/mk" "$DIR/mktmp" && cd "$DIR/mk"
	export TMPDIR=$DIR/mktmp
	cp "$TOP/docs/examples/Makefile" "$TOP/docs/examples/make.toml" .
	printf 'int main(void) { return 0; }\n' >hello.c
	printf 'outside:\n\techo x >beside\nquoted:\n\techo "a  b" '"'c  d'"' $$HOME >out/quoted\n' >>Makefile
	make
	./out/program
	HOME=/h make quoted
	[ "$(cat out/quoted)" = "a  b c  d /h" ]
	run make outside
	[ "$status" -eq 2 ]
	[[ $output == *"Permission denied"* ]]
	[ ! -e beside ]
}

@test "systemd: the service's process is the program, socket activation's descriptor arrives" {
	[[ $(grep '^ExecStart=' docs/examples/app.service) == "ExecStart=/usr/local/bin/llrun /etc/llc-policy/app.llb -- /usr/local/bin/app" ]]
	printf 'version = 1\n[process]\nkeep_fds = [3]\n[seccomp]\ndeny = ["bpf"]\n' >"$DIR/app.toml"
	llc-policy compile -q "$DIR/app.toml"
	out=$(sh -c 'echo $$; exec llrun "$1" -- sh -c "echo \$\$; cat <&3"' _ "$DIR/app.llb" 3<<<activated)
	[ "$(sed -n 1p <<<"$out")" = "$(sed -n 2p <<<"$out")" ]
	[ "$(sed -n 3p <<<"$out")" = activated ]
}

@test "pre-commit: the hooks that the example names exist, and their entries work" {
	for id in $(sed -n 's/^ *- id: //p' docs/examples/pre-commit-config.yaml); do
		grep -qx -- "- id: $id" .pre-commit-hooks.yaml || { echo "$id"; return 1; }
	done
	mkdir -p "$DIR/pc/policies" && cp policies/ci-default.toml policies/net-fetch.toml "$DIR/pc/policies" && cd "$DIR/pc"
	entries=$(sed -n 's/^  entry: //p' "$TOP/.pre-commit-hooks.yaml")
	check() { while read -r entry; do eval "$entry policies/ci-default.toml policies/net-fetch.toml" || return; done <<<"$entries"; }
	run check
	[ "$status" -eq 1 ]	# no blobs yet
	for p in policies/*.toml; do llc-policy compile -q "$p"; done
	check
	echo '# changed' >>policies/net-fetch.toml
	run check
	[ "$status" -eq 1 ]
}

@test "help COMMAND is COMMAND --help, help is --help" {
	[ "$("$B/llc-policy" help)" = "$("$B/llc-policy" --help)" ]
	for command in $("$B/llc-policy" --help | sed -nE 's/^  ([a-z]+) .*/\1/p'); do
		[ "$("$B/llc-policy" help "$command")" = "$("$B/llc-policy" "$command" --help)" ]
	done
	run "$B/llc-policy" help lnit
	[ "$status" -eq 2 ]
	[[ $output == *'did you mean "lint"?'* ]]
	run "$B/llc-policy" help lint dump
	[ "$status" -eq 2 ]
}
