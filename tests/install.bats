#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# make install and uninstall, into a directory of the test's own.

setup_file() {
	cd "$BATS_TEST_DIRNAME/.." || return
	export B=${B:-build} ROOT=$BATS_FILE_TMPDIR/root
	# what is built is installed: -o all keeps make from building it anew with the directories below
	make --no-print-directory -o all B="$B" DESTDIR="$ROOT" PREFIX=/opt/ll install
}

setup() {
	cd "$BATS_TEST_DIRNAME/.." || return
}

@test "programs, library, header, manual pages, completions, policies and schema are installed" {
	cat >"$BATS_TEST_TMPDIR/expected" <<-EOF2
	755 bin/llc-policy
	755 bin/llrun
	755 bin/llrund
	644 include/llrun.h
	644 lib/libllrun.a
	755 libexec/llc-policy/llc-perform
	755 libexec/llc-policy/llc-trace
	644 lib/pkgconfig/libllrun.pc
	644 lib/systemd/user/llrund.service
	644 lib/systemd/user/llrund.socket
	644 share/bash-completion/completions/llc-policy
	644 share/bash-completion/completions/llrun
	644 share/bash-completion/completions/llrund
	644 share/fish/vendor_completions.d/llc-policy.fish
	644 share/fish/vendor_completions.d/llrun.fish
	644 share/fish/vendor_completions.d/llrund.fish
	$(for p in docs/*.md; do [ "$p" = docs/CONTRIBUTING.md ] || echo "644 share/doc/llc-policy/${p#docs/}"; done)
	$(for p in docs/examples/*; do echo "644 share/doc/llc-policy/${p#docs/}"; done)
	$(for p in policies/*.toml; do echo "644 share/llc-policy/$p"; done)
	644 share/llc-policy/audit.schema.json
	644 share/llc-policy/policy.schema.json
	644 share/man/man1/llc-policy.1
	644 share/man/man1/llrun.1
	644 share/man/man1/llrund.1
	644 share/man/man5/llpolicy.5
	644 share/zsh/site-functions/_llc-policy
	644 share/zsh/site-functions/_llrun
	644 share/zsh/site-functions/_llrund
	EOF2
	(cd "$ROOT/opt/ll" && find . -type f -printf '%m %P\n' | sort -k 2) >"$BATS_TEST_TMPDIR/found"
	diff <(sort -k 2 "$BATS_TEST_TMPDIR/expected") "$BATS_TEST_TMPDIR/found"
}

@test "the installed paper of the audit log leads to the installed schema" {
	cd "$ROOT/opt/ll/share/doc/llc-policy"
	schema=$(grep -o '\.\./\.\./llc-policy/[a-z.]*json' audit-schema.md)
	cmp "$schema" "$BATS_TEST_DIRNAME/../schema/audit.schema.json"
}

@test "the installed paper about CI leads to the installed examples" {
	cd "$ROOT/opt/ll/share/doc/llc-policy"
	grep -o '(examples/[^)]*)' ci.md | tr -d '()' >links
	[ "$(wc -l <links)" -ge 5 ]
	while read -r link; do [ -f "$link" ] || { echo "no $link"; return 1; }; done <links
	rm links
}

@test "runlock and landrun are links to llc-policy, and go by their names" {
	for name in runlock landrun; do
		[ "$(readlink "$ROOT/opt/ll/bin/$name")" = llc-policy ]
		[ "$("$ROOT/opt/ll/bin/$name" --unrestricted-filesystem -- echo run 2>/dev/null)" = run ]
		run "$ROOT/opt/ll/bin/$name" --no-such-option
		[ "$status" -eq 1 ]
		[[ $output = *"$name"* ]]
	done
}

@test "the installed programs are those that were built, and run" {
	cmp "$B/llc-policy" "$ROOT/opt/ll/bin/llc-policy"
	cmp "$B/llrun" "$ROOT/opt/ll/bin/llrun"
	cmp "$B/llrund" "$ROOT/opt/ll/bin/llrund"
	"$ROOT/opt/ll/bin/llc-policy" compile -q "$ROOT/opt/ll/share/llc-policy/policies/ci-default.toml" -o "$BATS_TEST_TMPDIR/ci.llb"
	cd "$BATS_TEST_TMPDIR"
	[ "$("$ROOT/opt/ll/bin/llrun" ci.llb -- echo run)" = run ]
}

@test "a program links with the installed library and header" {
	cat >"$BATS_TEST_TMPDIR/use.c" <<-'EOF2'
	#include <llrun.h>
	int main(void)
	{
		static struct llrun_policy policy;
		struct llrun_options options = { 0 };
		struct llrun_error error;
		return llrun_prepare(&policy, "no blob", 8, &options, &error) == -1 && error.code == LLRUN_E_BLOB ? 0 : 1;
	}
	EOF2
	cc -Wall -Werror -o "$BATS_TEST_TMPDIR/use" "$BATS_TEST_TMPDIR/use.c" -I"$ROOT/opt/ll/include" -L"$ROOT/opt/ll/lib" -lllrun
	"$BATS_TEST_TMPDIR/use"
	pc=$ROOT/opt/ll/lib/pkgconfig/libllrun.pc
	grep -qx 'prefix=/opt/ll' "$pc"
	grep -qx "Version: $("$B/llrun" --version | cut -d " " -f 2)" "$pc"
	if ! grep '@' "$pc"; then :; else return 1; fi
	if command -v pkg-config >/dev/null; then
		flags=$(PKG_CONFIG_PATH=${pc%/*} pkg-config --define-variable=prefix="$ROOT/opt/ll" --cflags --libs libllrun)
		[ "$flags" = '-I/opt/ll/include -L/opt/ll/lib -lllrun ' ] || [ "$flags" = '-I/opt/ll/include -L/opt/ll/lib -lllrun' ]
	fi
}

@test "papers that the manual pages name are installed" {
	for page in docs/*.[1-8]; do
		sed -n 's/^\.Pa \(.*\.md\)\( .*\)*$/\1/p' "$page"
	done | sort -u >"$BATS_TEST_TMPDIR/named"
	[ -s "$BATS_TEST_TMPDIR/named" ]
	while read -r name; do
		[ -e "$ROOT/opt/ll/share/doc/llc-policy/${name#share/doc/llc-policy/}" ] || { echo "$name"; return 1; }
	done <"$BATS_TEST_TMPDIR/named"
}

@test "PREFIX of the build is where llrun -p and the siblings are looked for" {
	[ -e "$B/flags" ] || skip "not built by make"
	prefix=$(sed -n 's/.* PREFIX=\([^ ]*\) .*/\1/p' "$B/flags")
	grep -qa "$prefix/share/llc-policy" "$B/llrun"
}

@test "every directory can be chosen" {
	make --no-print-directory -o all B="$B" DESTDIR="$BATS_TEST_TMPDIR/d" PREFIX=/p BINDIR=/b LIBDIR=/l LIBEXECDIR=/e INCLUDEDIR=/i MANDIR=/m \
		DATADIR=/s DOCDIR=/w PKGCONFIGDIR=/k SYSTEMDUSERDIR=/u BASHCOMPDIR=/c ZSHCOMPDIR=/z FISHCOMPDIR=/f install
	rm -rf "$BATS_TEST_TMPDIR/d/e"
	[ "$(cd "$BATS_TEST_TMPDIR/d" && echo *)" = "b c f i k l m s u w z" ]
}

@test "uninstall leaves no file, and what others have put there stays" {
	make --no-print-directory -o all B="$B" DESTDIR="$BATS_TEST_TMPDIR/d" PREFIX=/usr install
	touch "$BATS_TEST_TMPDIR/d/usr/bin/another"
	make --no-print-directory B="$B" DESTDIR="$BATS_TEST_TMPDIR/d" PREFIX=/usr uninstall
	[ "$(cd "$BATS_TEST_TMPDIR/d" && find . ! -type d)" = ./usr/bin/another ]
	[ ! -e "$BATS_TEST_TMPDIR/d/usr/share/llc-policy" ]
	# and once more does no harm
	make --no-print-directory B="$B" DESTDIR="$BATS_TEST_TMPDIR/d" PREFIX=/usr uninstall
}
