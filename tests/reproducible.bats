#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Same source, same bytes: whatever the directory, the locale, the umask, the time, the environment; and the same rules,
# whatever the order they are written in.

setup_file() {
	cd "$BATS_TEST_DIRNAME/.." || return
	case ${B:=build} in /*) ;; *) B=$PWD/$B ;; esac
	export B TOP=$PWD
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

compile() { "$B/llc-policy" compile -q "$@" 2>/dev/null; }

@test "two directories, two locales, two umasks, two times, two environments" {
	for p in "$TOP"/policies/*.toml; do
		name=$(basename "$p")
		mkdir -p a b/deep/er
		cp "$p" a/ && cp "$p" b/deep/er/
		touch -d '2001-01-01' "b/deep/er/$name"
		(cd a && umask 077 && LC_ALL=C TZ=UTC compile "$name" -o one.llb)
		(umask 000 && LC_ALL=C.UTF-8 LANG=tr_TR.UTF-8 TZ=Asia/Tokyo HOME=/nowhere compile "$PWD/b/deep/er/$name" -o two.llb)
		cmp a/one.llb two.llb
		[ "$(stat -c %a a/one.llb)" = 644 ]
		[ "$(stat -c %a two.llb)" = 644 ]
	done
}

@test "the blob that is compiled is the blob that --check wants" {
	for p in "$TOP"/policies/*.toml; do
		compile "$p" -o one.llb
		"$B/llc-policy" compile -q --check "$p" -o one.llb 2>/dev/null
		printf x >>one.llb
		run "$B/llc-policy" compile --check "$p" -o one.llb
		[ "$status" -eq 1 ]
		[[ $output == *one.llb* ]]
		rm one.llb
		run "$B/llc-policy" compile --check "$p" -o one.llb
		[ "$status" -eq 1 ]
		[ ! -e one.llb ]
	done
}

@test "the order of what is written does not matter to the stripped blob" {
	cat >one.toml <<-'EOT'
		version = 1
		[fs]
		ro = ["/usr", "/etc/ssl"]
		rw = ["/tmp/b", "${CWD}/x", "/tmp/a", "${HOME}/y"]
		with = ["dev", "tls"]
		[net]
		connect_tcp = [443, 80]
		bind_tcp = [8080, 443]
		[env]
		pass = ["PATH", "LANG"]
		set = { B = "2", A = "1" }
		[process]
		keep_fds = [9, 4]
		[seccomp]
		deny = ["ptrace", "bpf", "mount"]
	EOT
	cat >two.toml <<-'EOT'
		version = 1
		# the same, said otherwise
		[seccomp]
		deny = ["mount", "ptrace", "bpf", "bpf"]
		errno = "EPERM"
		[process]
		keep_fds = [4, 9, 4]
		close_fds = true
		[env.set]
		A = "1"
		B = "2"
		[net]
		bind_tcp = [443, 8080]
		connect_tcp = [80, 443, 80]
		udp = "deny"
		[env]
		pass = ["LANG", "PATH", "PATH"]
		[fs]
		with = ["tls", "dev"]
		rw = ["${HOME}/y", "/tmp/a", "/tmp//b/", "${CWD}/./x"]
		ro = ["/etc/ssl", "/usr", "/usr/"]
		[policy]
		compat = "strict"
	EOT
	compile --strip one.toml -o one.llb
	run "$B/llc-policy" compile -q --strip two.toml -o two.llb
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	diff <("$B/llc-policy" dump one.llb) <("$B/llc-policy" dump two.llb)
	cmp one.llb two.llb
}

@test "the architectures' order does not matter" {
	compile --arch x86_64,aarch64 "$TOP/policies/ci-default.toml" -o one.llb
	compile --arch aarch64,x86_64 "$TOP/policies/ci-default.toml" -o two.llb
	cmp one.llb two.llb
}

@test "one changed word changes the blob (the comparison can fail)" {
	printf 'version = 1\n[fs]\nro = ["/usr"]\n' >one.toml
	printf 'version = 1\n[fs]\nro = ["/usx"]\n' >two.toml
	compile --strip one.toml -o one.llb
	compile --strip two.toml -o two.llb
	run cmp one.llb two.llb
	[ "$status" -eq 1 ]
}
