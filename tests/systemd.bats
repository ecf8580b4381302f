#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The user units of contrib/systemd under a real user manager, in a mount namespace and a control group of their own.

load lib/common

setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to make a control group for the manager"
	[ -x /lib/systemd/systemd ] || skip "systemd is not installed"
	unshare -m sh -c 'umount -l /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup' 2>/dev/null || skip "no cgroup v2 to mount"
	# readable by the user, unlike bats' own directory
	T=$(mktemp -d /tmp/systemd-test.XXXXXX)
	mkdir -p "$T/bin" "$T/run/home/.config/systemd/user"
	cp "$B/llrun" "$B/llrund" "$T/bin"
	printf '' | "$B/tests/mkblob" "$T/run/open.llb"
	sed "s|@BINDIR@|$T/bin|" "$ROOT/contrib/systemd/llrund.service.in" >"$T/run/home/.config/systemd/user/llrund.service"
	cp "$ROOT/contrib/systemd/llrund.socket" "$T/run/home/.config/systemd/user"
	chmod -R a+rX "$T"
	chown -R 65534:65534 "$T/run"
	chmod 700 "$T/run"
}

teardown() {
	[ -z "${T:-}" ] || rm -rf "$T"
}

# managed: standard input, a script of the user's, with a manager beside it; $R is its runtime directory
managed() {
	cat - >"$T/script"
	cat >"$T/user" <<-'END'
		export XDG_RUNTIME_DIR=$R HOME=$R/home
		unset DBUS_SESSION_BUS_ADDRESS
		until_() { for _ in $(seq 400); do "$@" && return; sleep 0.05; done; echo "in vain: $*"; return 1; }
		/lib/systemd/systemd --user --unit=basic.target >"$R/log" 2>&1 &
		manager=$!
		until_ test -S "$R/systemd/private" || { cat "$R/log"; exit 99; }
		set -e
		. "$T/script"
		kill "$manager"
		wait "$manager" || :
	END
	# a manager wants a system that was booted with systemd, and control groups of version 2 alone
	cat >"$T/root" <<-'END'
		set -e
		mount -t tmpfs none /run
		mkdir -p /run/systemd/system
		umount -l /sys/fs/cgroup
		mount -t cgroup2 none /sys/fs/cgroup
		group=/sys/fs/cgroup/llrund-systemd-test.$$
		mkdir "$group"
		chown -R 65534:65534 "$group"
		echo $$ >"$group/cgroup.procs"
		status=0
		timeout -k 5 100 setpriv --reuid 65534 --regid 65534 --clear-groups bash "$T/user" || status=$?
		echo $$ >/sys/fs/cgroup/cgroup.procs
		echo 1 >"$group/cgroup.kill"
		for _ in $(seq 200); do find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null && break; sleep 0.05; done
		exit $status
	END
	run env T="$T" R="$T/run" unshare -m --propagation private bash "$T/root"
	echo "$output"
}

@test "user units: the socket starts the daemon; what is stopped ends its commands at once, and is gone" {
	managed <<-'END'
		systemctl --user start llrund.socket
		[ "$(systemctl --user is-active llrund.socket)" = active ]
		[ "$(systemctl --user is-active llrund.service || :)" = inactive ]
		through() { "$T/bin/llrun" --socket "$R/llrund.sock" "$R/open.llb" -- "$@"; }
		for _ in 1 2; do
			status=0
			through sh -c 'id -u; exit 7' >"$R/out" || status=$?
			[ "$status" -eq 7 ]
			[ "$(cat "$R/out")" = 65534 ]
			[ "$(systemctl --user is-active llrund.service)" = active ]
		done
		# the daemon alone: its socket starts another
		first=$(systemctl --user show -P MainPID llrund.service)
		systemctl --user stop llrund.service 2>/dev/null
		[ "$(systemctl --user is-active llrund.service || :)" = inactive ]
		through true
		[ "$(systemctl --user show -P MainPID llrund.service)" != "$first" ]
		# with a command that goes on
		mkfifo "$R/started"
		through sh -c "echo \$\$ >$R/started; exec sleep 1000" &
		client=$!
		read -r command <"$R/started"
		systemctl --user stop llrund.socket llrund.service
		status=0
		wait "$client" || status=$?
		[ "$status" -eq 137 ]
		! kill -0 "$command" 2>/dev/null || exit 98
		[ "$(systemctl --user show -P Result llrund.service)" = success ]
		# nothing is left but the lock, which a name that is free again could not do without
		[ ! -e "$R/llrund.sock" ]
		[ "$(ls -A "$R/llrund.sock.d")" = lock ]
		echo all of it
	END
	[ "$status" -eq 0 ]
	[[ $output == *"all of it" ]]
}
