#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Policies of landlockd's version 1, as their authors wrote them: each is accepted, means what the kernel makes of it
# (layers intersect), and does what it was written for once the layers are merged. The command lines beside them are those
# of docs/migrating.md. As root also as another user.

bats_require_minimum_version 1.5.0

load lib/common

setup_file() {
	stage landlockd "$B/tests/probe"
	export PATH=/usr/bin:/bin:/usr/sbin:/sbin
}

teardown_file() {
	rm -rf "$T"
}

setup() {
	own_directory
}

own() { # own USER: everything here is the user's
	[ "$1" = "$(id -u)" ] || chown -R "$1:$1" "$D"
}
under() { # under USER POLICY COMMAND...
	run --separate-stderr as "$1" timeout 60 "$L" --trust-blob "$D/$2.llb" -- "${@:3}"
	echo "$*: $status $output $stderr"
}
merge() { # merge NAME: NAME.toml as it is, and as m.toml, both compiled
	"$LLC" compile -q "$1.toml"
	"$LLC" import landlockd --merge "$1.toml" -o m.toml 2>/dev/null
	"$LLC" compile -q m.toml
}
layer() { # layer RIGHTS PATH...: a layer with a rule of all its rights for each path
	printf '[[fs_layer]]\nhandled_access_fs = [%s]\n' "$1"
	printf "[[fs_layer.rule]]\npath = \"%s\"\nallowed_access = [$1]\n" "${@:2}"
}

READ='"execute", "read_file", "read_dir"'

# ---- the example of its README: landlockd.toml ----

rootfs() { # what its author has in /srv/landlockd/rootfs, here in root
	unshare -Urm true 2>/dev/null || skip "user namespaces are closed here"
	command -v busybox >/dev/null || skip "no busybox"
	mkdir -p root/{usr/bin,lib,etc/ssl,tmp/ci-scratch,tmp/ci-export,tmp/ci-work,proc,workspace,dev}
	cp "$(command -v busybox)" root/usr/bin/busybox
	cp "$T/probe" root/usr/bin/probe
	for name in sh cat ls mv touch mkdir rm grep; do ln -s busybox "root/usr/bin/$name"; done
	ln -s usr/bin root/bin
	echo 'nameserver of the root' >root/etc/resolv.conf
	echo secret >root/etc/secret
	: >root/tmp/ci-artifact.log
}

@test "the README's example: accepted as it stands; its layers deny every exec, as there" {
	cp "$ROOT/tests/landlockd.toml" sample.toml
	run "$LLC" compile sample.toml
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'[exec-not-granted]'* && $output == *'[layer-conflict]'* && $output == *'"/proc" lies outside the root'*'[root-outside]'* ]]
	rootfs
	sed -i "s|/srv/landlockd/rootfs|$D/root|" sample.toml
	"$LLC" compile -q sample.toml
	for u in $(users); do
		own "$u"
		under "$u" sample /bin/cat /etc/resolv.conf
		[ "$status" -eq 126 ]
		[[ $stderr == *execve*EACCES* ]]
	done
}

@test "the README's example with its layers put right: every line of it does what its author meant" {
	rootfs
	{
		echo 'version = 1'
		# "every fs_layer.rule.path is still a host path"; what is mounted and what the shell needs have to be granted
		layer "$READ, \"write_file\", \"make_reg\"" "$D/root/tmp/ci-work"
		printf '[[fs_layer.rule]]\npath = "%s"\nallowed_access = [%s]\n' "$D/root/usr" "$READ" "$D/root/proc" '"read_file", "read_dir"'
		sed "1,/^\[net\]/{/^\[net\]/!d}; s|/srv/landlockd/rootfs|$D/root|" "$ROOT/tests/landlockd.toml"
	} >p.toml
	"$LLC" compile -q p.toml
	for u in $(users); do
		own "$u"
		# a command path is evaluated in the root; cwd, too
		under "$u" p /usr/bin/sh -c pwd
		[ "$status" -eq 0 ]
		[ "$output" = /workspace ]
		# proc: of its own processes
		under "$u" p /usr/bin/grep -c '^Pid:' /proc/self/status
		[ "$output" = 1 ]
		under "$u" p /usr/bin/ls -d /proc/1
		[ "$status" -eq 0 ]
		# tmpfs: writable, gone with the run
		under "$u" p /usr/bin/sh -c 'echo x >/tmp/ci-work/made && cat /tmp/ci-work/made'
		[ "$output" = x ]
		[ -z "$(ls -A root/tmp/ci-work)" ]
		# allow_read: of the command's root, not the host's; the rest is not
		under "$u" p /usr/bin/cat /etc/resolv.conf
		[ "$output" = 'nameserver of the root' ]
		under "$u" p /usr/bin/cat /etc/secret
		[ "$status" -eq 1 ]
		[[ $stderr == *"Permission denied"* ]]
		# allow_write: appended to; nothing beside it
		: >root/tmp/ci-artifact.log
		under "$u" p /usr/bin/sh -c 'echo log >>/tmp/ci-artifact.log'
		[ "$(cat root/tmp/ci-artifact.log)" = log ]
		under "$u" p /usr/bin/sh -c 'echo log >>/tmp/other'
		[ "$status" -ne 0 ]
		[ ! -e root/tmp/other ]
		# scratch and export
		rm -rf root/tmp/ci-export/* root/tmp/ci-scratch/*
		under "$u" p /usr/bin/sh -c 'cd /tmp/ci-scratch && mkdir d && echo made >d/a && mv d/a a && mv a ../ci-export/a && rm -r d'
		[ "$status" -eq 0 ]
		[ "$(cat root/tmp/ci-export/a)" = made ]
		[ -z "$(ls -A root/tmp/ci-scratch)" ]
		under "$u" p /usr/bin/sh -c 'echo new >/tmp/ci-export/b'
		[ "$status" -ne 0 ]
		[ ! -e root/tmp/ci-export/b ]
		# seccomp: errno 13; ptrace(PTRACE_TRACEME)
		under "$u" p /usr/bin/probe syscall "$([ "$(uname -m)" = x86_64 ] && echo 101 || echo 117)" 0
		[ "$output" = EACCES ]
		[ "$status" -ne 0 ]
	done
	# the same by way of --merge, which writes paths of the host
	merge p
	grep -q "\"$D/root/proc\"" m.toml
	under "$(id -u)" m /usr/bin/cat /etc/resolv.conf
	[ "$output" = 'nameserver of the root' ]
}

# ---- its starter policies, as described: layers that were meant as a union ----

base() { # exec and read of the system, read of /etc, read and write of a directory, the deny list
	echo 'version = 1'
	layer "$READ" /bin /usr /lib /lib64
	layer '"read_file", "read_dir"' /etc
	layer '"read_file", "write_file", "make_reg", "truncate"' "$D/tmp"
	printf '[seccomp]\ndeny = ["ptrace", "bpf", "perf_event_open", "kexec_load", "init_module", "finit_module", "delete_module"]\n'
}

@test "ci-default: accepted; as written nothing can be executed; merged, tools read the system and write their directory" {
	mkdir tmp
	base >ci.toml
	merge ci
	for u in $(users); do
		own "$u"
		under "$u" ci cat /etc/passwd
		[ "$status" -eq 126 ]
		under "$u" m sh -c 'cat /etc/passwd >tmp/copy && cat tmp/copy'
		[ "$status" -eq 0 ]
		[[ $output == root:* ]]
		under "$u" m sh -c 'echo x >outside'
		[ "$status" -ne 0 ]
		[ ! -e outside ]
		under "$u" m "$T/probe" syscall 39
		[ "$status" -eq 126 ] # not in /bin, /usr
		rm -f tmp/copy
	done
}

@test "net-fetch: ports and brokered files with addfd; dynamic programs run under the broker" {
	mkdir tmp
	echo hosts >hosts
	echo other >other
	base >net.toml
	cat >>net.toml <<-END
	[net]
	handled_access_net = ["connect_tcp"]
	[[net.rule]]
	port = 80
	allowed_access = ["connect_tcp"]
	[[net.rule]]
	port = 443
	allowed_access = ["connect_tcp"]
	[broker]
	allow_read = ["$D/hosts", "$D/other"]
	addfd = [{ action = "open", target = "$D/hosts", mode = "read" }]
	END
	merge net
	for u in $(users); do
		own "$u"
		under "$u" m cat hosts
		[ "$status" -eq 0 ]
		[ "$output" = hosts ]
		under "$u" m cat other # no addfd rule
		[ "$status" -eq 1 ]
		[[ $stderr == *"Permission denied"* ]]
		under "$u" m bash -c 'exec 3<>/dev/tcp/127.0.0.1/443'
		[[ $stderr == *refused* ]]
		under "$u" m bash -c 'exec 3<>/dev/tcp/127.0.0.1/8443'
		[[ $stderr == *"Permission denied"* ]]
	done
}

@test "hermetic-build: a tmpfs to work in, and no mount calls" {
	unshare -Urm true 2>/dev/null || skip "user namespaces are closed here"
	mkdir work
	{
		echo 'version = 1'
		layer "$READ" /usr /bin /lib /lib64
		layer '"read_file", "read_dir"' /etc
		cat <<-END
		[mount]
		tmpfs = ["$D/work"]
		[runtime]
		cwd = "$D/work"
		[seccomp]
		deny = ["mount", "umount2", "pivot_root", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "mount_setattr"]
		END
	} >h.toml
	merge h
	for u in $(users); do
		own "$u"
		under "$u" h true
		[ "$status" -eq 126 ]
		under "$u" m sh -c 'pwd; echo x >made; umount . || echo refused'
		[ "$status" -eq 0 ]
		[ "${lines[0]}" = "$D/work" ]
		[ "${lines[1]}" = refused ]
		[ -z "$(ls -A work)" ]
	done
}

@test "prepared-root: rules, proc and cwd are paths of the host beneath the root, the command is one in it" {
	rootfs
	{
		echo 'version = 1'
		layer "$READ" "$D/root/usr" "$D/root/lib"
		layer '"read_file", "read_dir"' "$D/root/etc" "$D/root/proc"
		printf '[mount]\nproc = ["%s"]\n[runtime]\nroot = "%s"\ncwd = "/workspace"\n' "$D/root/proc" "$D/root"
	} >r.toml
	merge r
	for u in $(users); do
		own "$u"
		under "$u" r /usr/bin/cat /etc/secret
		[ "$status" -eq 126 ]
		under "$u" m /usr/bin/sh -c 'pwd; cat /etc/secret; grep -c ^Pid: /proc/self/status; cat /tmp/ci-artifact.log || echo refused'
		[ "$output" = $'/workspace\nsecret\n1\nrefused' ]
		run -127 as "$u" "$L" --trust-blob m.llb -- /usr/bin/none
		[ ! -e root/.landlockd-oldroot ]
	done
}
