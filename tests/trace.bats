#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# llc-policy trace: what a policy refuses a command, by both ways to observe. The programs are those of trace.cases; what
# strace(1) shows of them is the truth that both lists are held against.

load lib/common

setup_file() {
	cd "$BATS_TEST_DIRNAME/.."
	B=$(realpath "${B:-build}")
	T=$(mktemp -d /tmp/trace-test.XXXXXX)
	chmod 755 "$T"
	# readable for any user, wherever the work tree is
	mkdir "$T/bin"
	cp "$B/llc-policy" "$B/llrun" "$B/llrund" tests/trace_programs.py tests/trace.cases "$T/bin"
	[ ! -e "$B/llc-trace" ] || cp "$B/llc-trace" "$T/bin"
	chmod -R a+rX "$T/bin"
	WAYS=ptrace
	if "$T/bin/llc-trace" --probe >/dev/null 2>&1; then WAYS="ebpf ptrace"; fi
	export T WAYS
	unset MAKEFLAGS
}

teardown_file() { rm -rf "$T"; }

setup() {
	LLC=$T/bin/llc-policy
	D=$T/$BATS_TEST_NUMBER
	mkdir "$D"
	chmod 777 "$D"
	cd "$D"
	echo content >closed
	cat >p.toml <<-END
		version = 1
		[fs]
		with = ["dev"]
		rox = ["/usr", "/lib", "/lib64", "/bin", "/sbin"]
		ro = ["/etc", "/proc"]
		[net]
		[scope]
	END
	"$LLC" compile -q p.toml 2>err || { cat err; return 1; }
	chmod 644 p.llb
}

need_ebpf() {
	case $WAYS in *ebpf*) ;; *) skip "eBPF is not possible here: $("$T/bin/llc-trace" --probe 2>&1)" ;; esac
}

unprivileged() {
	if [ "$(id -u)" = 0 ]; then setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all "$@"; else "$@"; fi
}

# interrupted OPTION...: a trace that is ended while its command runs; the reports are in the files report and err
interrupted() {
	local pid
	[ -p f ] || mkfifo f
	"$LLC" trace -o report "$@" p.llb -- sh -c 'cat closed; echo ready; exec sleep 1000' >f 2>err &
	pid=$!
	read -r _ <f
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	[ $status -eq 143 ]
}

# lists WAY FILTER COMMAND...: jq's filter holds of the JSON
lists() {
	local way=$1 filter=$2
	shift 2
	rm -f r.json
	"$LLC" trace --json -o r.json --backend "$way" p.llb -- "$@" >out 2>err </dev/null || :
	jq -e "$filter" r.json >/dev/null || { echo "$way: $filter"; cat r.json err; return 1; }
}

@test "ordinary programs: all that strace shows, nothing else, the same by each way" {
	for p in strace gcc git perl curl gzip; do command -v $p >/dev/null || skip "$p is not here"; done
	/usr/bin/python3 "$T/bin/trace_programs.py" "$T/bin" "$T/bin/trace.cases" $WAYS >tap || { grep -A 8 '^not' tap; return 1; }
	[ "$(grep -c '^ok' tap)" -ge 30 ]
}

@test "ordinary programs, as a user without privileges" {
	[ "$(id -u)" = 0 ] || skip "the test before is this one"
	for p in strace gcc git perl curl gzip; do command -v $p >/dev/null || skip "$p is not here"; done
	unprivileged /usr/bin/python3 "$T/bin/trace_programs.py" "$T/bin" "$T/bin/trace.cases" ptrace >tap ||
		{ grep -A 8 '^not' tap; return 1; }
	[ "$(grep -c '^ok' tap)" -ge 30 ]
}

@test "suggestions: applied and compiled, each program runs after two rounds at most; each grant is needed" {
	for p in strace gcc git perl curl gzip; do command -v $p >/dev/null || skip "$p is not here"; done
	/usr/bin/python3 "$T/bin/trace_programs.py" --rounds "$T/bin" "$T/bin/trace.cases" "${WAYS%% *}" >tap ||
		{ grep -A 8 '^not' tap; return 1; }
	[ "$(grep -c '^ok' tap)" -ge 30 ]
}

@test "a suggestion: one rule for a path, one list for a group, what a directory covers once" {
	mkdir d
	touch d/x
	gives 0 "$LLC" trace --suggest --backend ptrace p.llb -- sh -c "cat closed d/x; cat closed; ls d; touch d/y; mkdir d/z; :"
	sed -n '/^version/,$p' err >more.toml
	cat >want <<-END
		version = 1

		[fs]
		ro = [
			"$D/closed",
			"$D/d/x",
		]

		[[fs.rule]]
		path = "$D/d"
		access = ["write_file", "read_dir", "make_dir", "make_reg"]
	END
	diff want <(tr -d '\t' <more.toml)
	sed -i '1s/.*/version = 1\ninclude = ["more.toml"]/' p.toml
	"$LLC" compile -q p.toml 2>err
	gives 0 "$LLC" trace --suggest --backend ptrace p.llb -- sh -c "cat closed d/x; ls d; touch d/y; mkdir d/z"
	grep -qx 'version = 1' err
}

@test "a suggestion names the bundle that has a path, and is optional about what the command has removed" {
	echo x >gone
	sed -i "/^ro = /d; s|^with.*|&\nro = [\"/etc/ld.so.cache\"]|" p.toml
	printf '[[fs.rule]]\npath = "%s"\naccess = ["remove_file"]\n' "$D" >>p.toml
	"$LLC" compile -q p.toml 2>err
	gives 0 "$LLC" trace --suggest -o more.toml --backend ptrace p.llb -- sh -c 'cat /etc/passwd /etc/group gone 2>/dev/null; rm gone'
	grep -q '^# \[fs\] with = \["nss"\] would grant 2 of these paths, and more: ' more.toml
	grep -qF "{ path = \"$D/gone\", optional = true }," more.toml
	sed "1s/.*/version = 1\ninclude = [\"more.toml\"]/" p.toml >q.toml
	"$LLC" compile -q q.toml 2>err
	gives 0 "$T/bin/llrun" q.llb -- cat /etc/passwd
	echo x >gone
	gives 0 "$T/bin/llrun" q.llb -- cat gone
}

@test "a suggestion for a filter that tests arguments names them, where the source is beside the blob" {
	printf '[[seccomp.rule]]\nsyscall = "getpriority"\naction = "errno EXDEV"\nwhen = "which == 1 || who == 7"\n' >>p.toml
	"$LLC" compile -q p.toml
	ask='import ctypes; libc = ctypes.CDLL(None); libc.getpriority(0, 7); libc.getpriority(0, 8)'
	gives 0 "$LLC" trace --suggest --backend ptrace p.llb -- /usr/bin/python3 -c "$ask"
	[ "$(grep -c '^when = ' err)" -eq 1 ]
	grep -qx 'when = "which == PRIO_PROCESS and who == 0x7"' err || { cat err; return 1; }
}

@test "--rounds: run again under what was suggested, until nothing new is refused" {
	mkdir d
	# ends at the first refusal; what it has done before is done again
	cat >build.sh <<-'END'
		echo run >>runs
		read -r line
		echo "$line" >>lines
		mkdir -p $1/made || exit 3
		echo x >$1/made/x || exit 4
		mv $1/made/x $1/made/y || exit 5
		rm $1/made/y
	END
	touch runs lines
	sed -i "s|^ro = \[|&\"$D/build.sh\", |; s|^rox = |rw = [\"$D/runs\", \"$D/lines\"]\n&|" p.toml
	"$LLC" compile -q p.toml 2>err
	echo first >input
	for way in $WAYS; do
		rm -rf d/made
		: >runs
		: >lines
		status=0
		"$LLC" trace --suggest --rounds 9 -o more.toml --backend $way p.llb -- sh build.sh "$D/d" <input >out 2>err || status=$?
		[ $status -eq 0 ] || { cat err more.toml; return 1; }
		# made, created, moved; then all of it, over what the third run has left
		[ "$(wc -l <runs)" -eq 4 ]
		[ "$(grep -c 'refused; again, with what was suggested so far' err)" -eq 3 ]
		grep -q 'run 1: exit status 3, 1 refused' err
		# its input is there each time
		[ "$(sort -u lines)" = first ]
		sed "1s/.*/version = 1\ninclude = [\"more.toml\"]/" p.toml >q.toml
		"$LLC" compile -q q.toml 2>err
		gives 0 "$T/bin/llrun" q.llb -- sh build.sh "$D/d"
		# no more than asked for
		: >runs
		rm -rf d/made
		gives 4 "$LLC" trace --suggest --rounds 2 --backend $way p.llb -- sh build.sh "$D/d"
		[ "$(wc -l <runs)" -eq 2 ]
		: >runs
		rm -rf d/made
		gives 3 "$LLC" trace --suggest --backend $way p.llb -- sh build.sh "$D/d"
		[ "$(wc -l <runs)" -eq 1 ]
	done
}

@test "--rounds: what is suggested may need a newer kernel than the policy did" {
	mkdir d
	for way in $WAYS; do
		# no [scope], and nothing writable but devices: runs from ABI 1 on, which has no truncate to hold beside write_file
		cat >old.toml <<-'END'
			version = 1
			[fs]
			with = ["dev", "loader"]
			rox = ["/usr", "/bin"]
			[net]
			connect_tcp = []
		END
		rm -f d/x
		"$LLC" compile old.toml >out 2>err
		grep -q 'min_abi 1:' out
		gives 0 "$LLC" trace --suggest --rounds 9 -o more.toml --backend $way old.llb -- sh -c "echo x >'$D/d/x'"
		grep -q 'run 1: exit status' err
		[ "$(cat d/x)" = x ]
	done
}

@test "--rounds: not after a signal, not by a policy that cannot be changed in memory" {
	touch runs
	sed -i "s|^rox = |rw = [\"$D/runs\"]\n&|" p.toml
	"$LLC" compile -q p.toml 2>err
	interrupted --suggest --rounds 9
	grep -q closed report
	run grep again err
	[ "$status" -eq 1 ]
	printf '[[seccomp.rule]]\nsyscall = "setpriority"\naction = "errno EPERM"\nwhen = "which == 0"\n' >>p.toml
	"$LLC" compile -q p.toml 2>err
	# changed by its source, which is beside it; and then not
	gives 1 "$LLC" trace --suggest --rounds 9 p.llb -- sh -c 'echo run >>runs; cat closed; exit 1'
	[ "$(wc -l <runs)" -eq 2 ]
	mv p.toml other.toml
	: >runs
	gives 1 "$LLC" trace --suggest --rounds 9 p.llb -- sh -c 'echo run >>runs; cat closed; exit 1'
	[ "$(wc -l <runs)" -eq 1 ]
	grep -q 'not run again: the filter of this policy tests arguments' err
	grep -q closed err
}

@test "what permission bits refuse is not the policy's" {
	echo secret >mine
	chmod 000 mine
	rm -f r.json
	touch r.json && chmod 666 r.json
	gives 1 unprivileged "$LLC" trace --json -o r.json --backend ptrace p.llb -- cat "$D/mine" /etc/hostname
	[ "$(id -u)" != 0 ] || chown 0 mine
	jq -e '.refusals == [] and .by_permissions >= 1' r.json
	# the control: the same file, readable, is the policy's
	chmod 644 mine
	gives 1 unprivileged "$LLC" trace --json -o r.json --backend ptrace p.llb -- cat "$D/mine"
	jq -e --arg op "read $D/mine" 'any(.refusals[]; .operation == $op) and .by_permissions == 0' r.json
	# created where neither lets it be: not listed
	gives 1 unprivileged "$LLC" trace --json -o r.json --backend ptrace p.llb -- touch /etc/trace-test
	jq -e '.refusals == [] and .by_permissions >= 1' r.json
}

@test "names that a terminal would act on, and names that TOML cannot spell" {
	mkdir d
	for name in $'d/a\033[31m\nb' $'d/c\302\233m' $'d/\377'; do echo x >"$name"; done
	for way in $WAYS; do
		gives 1 "$LLC" trace --backend $way p.llb -- sh -c 'for f in "$@"; do cat "$f" 2>/dev/null; done; exit 1' sh \
			$'d/a\033[31m\nb' $'d/c\302\233m' $'d/\377'
		[ "$(grep -c '^refused 1x: cat: read ' err)" -eq 3 ]
		[ "$(LC_ALL=C tr -d '[:print:]\n\t' <err | wc -c)" -eq 0 ] || grep -q '→' err
		! LC_ALL=C grep -q $'\033\|\302\233' err || { cat -v err; return 1; }
		gives 1 "$LLC" trace --suggest -o more.toml --backend $way p.llb -- sh -c 'cat "$@" 2>/dev/null; exit 1' sh \
			$'d/a\033[31m\nb' $'d/c\302\233m' closed
		[ "$(grep -c '^# no policy can name this path: ' more.toml)" -eq 2 ]
		grep -qF "\"$D/closed\"" more.toml
		"$LLC" compile -q -o more.llb more.toml 2>err
	done
}

@test "exit status and signal of the command pass through" {
	for way in $WAYS; do
		gives 0 "$LLC" trace --backend $way p.llb -- true
		gives 7 "$LLC" trace --backend $way p.llb -- sh -c 'exit 7'
		gives 143 "$LLC" trace --backend $way p.llb -- sh -c 'kill -TERM $$'
		gives 137 "$LLC" trace --backend $way p.llb -- sh -c 'kill -KILL $$'
		gives 127 "$LLC" trace --backend $way p.llb -- no-such-command
		grep -q 'command not found' err
		gives 126 "$LLC" trace --backend $way p.llb -- /etc/passwd
	done
}

@test "text: each once, with count, program, path, answer, addition; which way it was" {
	for way in $WAYS; do
		gives 1 "$LLC" trace --backend $way p.llb -- sh -c "cat closed; cat $D/./closed; exit 1"
		grep -qx "refused 2x: cat: read $D/closed: EACCES" err
		grep -q 'landlock, layer 0 (p.toml:2): no rule grants read_file' err
		grep -qx "  add: ro = \[\"$D/closed\"\]" err
		grep -q '^refused: 1 operation in 2 calls; observed by' err
		grep -qx 'exit status 1' err
	done
	grep -q 'observed by ptrace$' err
}

@test "a command that cannot be executed, and one that swallows its errors" {
	cp /bin/true ./program
	for way in $WAYS; do
		lists $way '.exit == 126 and (.refusals | length == 1) and .refusals[0].process == "llrun"
			and (.refusals[0].operation | startswith("exec "))' ./program
		lists $way '.exit == 0 and .refusals[0].operation == "read '"$D/closed"'"' sh -c 'cat closed 2>/dev/null || :'
		jq -re '.refusals[0].additions[0].toml' r.json >toml
		diff toml <(printf '[fs]\nro = ["%s"]\n\n' "$D/closed")
		jq -e '.refusals[0].additions[0].opens | startswith("read_file on ")' r.json
	done
}

@test "signals of a filter, threads that it ends" {
	cat >>p.toml <<-END
		[seccomp]
		[[seccomp.rule]]
		syscall = "setpriority"
		action = "kill_process"
		[[seccomp.rule]]
		syscall = "setsid"
		action = "trap"
	END
	"$LLC" compile -q p.toml 2>err
	for way in $WAYS; do
		lists $way '.signal == 31 and [.refusals[] | .operation + " " + .error + " " + .process] == ["syscall setpriority SIGSYS nice"]' \
			nice -n 5 true
		lists $way 'any(.refusals[]; .operation == "syscall setsid" and .error == "SIGSYS" and .by == "seccomp")' setsid true
	done
}

@test "ten thousand processes" {
	for way in $WAYS; do
		lists $way '.exit == 0 and .lost == 0 and .unfollowed == 0 and .refusals[0].count == 10000' \
			perl -e 'for (1..10000) { my $p = fork // die; if (!$p) { open(F, "closed"); exit 0 } waitpid($p, 0) } exit 0'
	done
}

@test "what the ring buffer loses is counted and said" {
	need_ebpf
	sed -i 's/^\[scope\]/&\nsignal = false/' p.toml
	"$LLC" compile -q p.toml 2>err
	# the command stops who empties the buffer, fills it, and lets it go on: its parent is llc-policy
	cat >fill.pl <<-'END'
		my $helper = shift or exit 3;
		kill 'STOP', $helper;
		for (1 .. 100000) { open(F, 'closed') and exit 4 }
		kill 'CONT', $helper;
	END
	sed -i "s|^ro = \[|&\"$D/fill.pl\", |" p.toml
	"$LLC" compile -q p.toml 2>err
	fill='for p in $(cat /proc/$PPID/task/$PPID/children); do [ $p = $$ ] || exec perl fill.pl $p; done'
	lists ebpf '.exit == 0 and .lost > 0 and .lost + ([.refusals[] | select(.process == "perl").count] | add) == 100000' \
		sh -c "$fill"
	gives 0 "$LLC" trace --backend ebpf p.llb -- sh -c "$fill"
	grep -q '^LOST: [0-9]* failed calls were not looked into: the buffer was full$' err
	# the same without the stop: nothing is lost by ptrace
	sed -i 's/^kill.*//; s/^my.*//; s/100000/10000/' fill.pl
	lists ptrace '.exit == 0 and .lost == 0 and .refusals[0].count == 10000' perl fill.pl
}

@test "a file that is gone when its refusal is looked into was there" {
	sed -i "s/^\[scope\]/&\nsignal = false/; s|^ro = \[|&\"$D/gone.pl\", |" p.toml
	printf '[[fs.rule]]\npath = "%s/d"\naccess = ["make_reg", "write_file", "remove_file"]\n' "$D" >>p.toml
	mkdir d
	"$LLC" compile -q p.toml 2>err
	# the command stops who would look at once: its parent is llc-policy
	cat >gone.pl <<-'END'
		use Fcntl;
		my $helper = shift;
		kill 'STOP', $helper if $helper;
		sysopen(F, 'd/x', O_WRONLY | O_CREAT) or exit 3;
		sysopen(G, 'd/x', O_WRONLY | O_CREAT | O_TRUNC) and exit 4;
		sysopen(G, 'd/x', O_RDONLY) and exit 5;
		unlink 'd/x' or exit 6;
		kill 'CONT', $helper if $helper;
	END
	for way in $WAYS; do
		fill='exec perl gone.pl'
		[ $way = ptrace ] || fill='for p in $(cat /proc/$PPID/task/$PPID/children); do [ $p = $$ ] || exec perl gone.pl $p; done'
		lists $way '.exit == 0 and ([.refusals[] | select(.process == "perl") | .operation] | sort) ==
			["read '"$D/d/x"'", "truncate '"$D/d/x"'"]' sh -c "$fill"
	done
}

@test "an observer that ends early is not silent" {
	need_ebpf
	sed -i 's/^\[scope\]/&\nsignal = false/' p.toml
	"$LLC" compile -q p.toml 2>err
	gives 6 "$LLC" trace p.llb -- sh -c 'for p in $(cat /proc/$PPID/task/$PPID/children); do [ $p = $$ ] || kill -KILL $p; done; cat closed; exit 6'
	grep -q '^LOST: the observer ended' err
}

# A kernel before 5.17, as llc-trace sees it: BPF_PROG_TYPE_SYSCALL programs cannot be run.
older_kernel() {
	command -v gcc >/dev/null || skip "gcc is not here"
	gcc -shared -fPIC -D_GNU_SOURCE -x c -o "$D/older.so" - <<-'END'
		#include <dlfcn.h>
		#include <errno.h>
		#include <stdarg.h>
		#include <sys/syscall.h>
		long syscall(long nr, ...)
		{
			long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
			va_list list;
			va_start(list, nr);
			long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
			long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
			va_end(list);
			if (nr == SYS_bpf && a == 10 /* BPF_PROG_TEST_RUN */) {
				errno = EINVAL;
				return -1;
			}
			return next(nr, a, b, c, d, e, f);
		}
	END
	export LD_PRELOAD=$D/older.so
}

@test "a kernel that cannot load by itself: libbpf does" {
	need_ebpf
	command -v strace >/dev/null || skip "strace is not here"
	older_kernel
	"$T/bin/llc-trace" --probe
	lists ebpf '.exit == 1 and .backend == "eBPF" and any(.refusals[]; .operation == "read '"$D/closed"'")' cat closed
	# the control: it was libbpf that did it
	strace -f -o calls "$T/bin/llc-trace" --probe
	grep -q /sys/kernel/btf/vmlinux calls
	unset LD_PRELOAD
	strace -f -o calls "$T/bin/llc-trace" --probe
	run grep /sys/kernel/btf/vmlinux calls
	[ "$status" -eq 1 ]
}

@test "no BTF: it says so, and observes by ptrace" {
	need_ebpf
	unshare -m true 2>/dev/null || skip "mount namespaces are closed here"
	older_kernel
	gives 0 unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh "$LLC" trace p.llb -- true
	grep -q 'not by eBPF: /sys/kernel/btf/vmlinux: .*CONFIG_DEBUG_INFO_BTF' err
	gives 0 unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh "$LLC" doctor
	grep -q 'by ptrace, not by eBPF: /sys/kernel/btf/vmlinux' out
}

@test "brokered and mounted policies" {
	echo content >readable
	{ cat p.toml; printf '[broker]\nallow_read = ["%s"]\n' "$D/readable"; } >b.toml
	"$LLC" compile -q -o p.llb b.toml 2>err
	for way in $WAYS; do
		lists $way '.exit == 1 and [.refusals[].operation] == ["read '"$D/closed"'"]' cat readable closed
		grep -q content out
	done
	unshare -Um true 2>/dev/null || unshare -m true 2>/dev/null || skip "namespaces are closed here"
	{ cat p.toml; printf '[mount]\ntmpfs = ["/mnt"]\n'; } >m.toml
	"$LLC" compile -q -o p.llb m.toml 2>err
	for way in $WAYS; do
		lists $way '.exit == 1 and [.refusals[].operation] == ["create /mnt/x", "read '"$D/closed"'"]' \
			sh -c 'touch /mnt/x; cat closed'
	done
}

@test "processes that outlive the command are waited for, and nothing is left" {
	mkfifo f
	sed "s|^rox = |rw = [\"$D/f\"]\n&|" p.toml >q.toml
	"$LLC" compile -q q.toml 2>err
	for way in $WAYS; do
		"$LLC" trace --json -o r.json --backend $way q.llb -- sh -c "(read x <$D/f; cat closed) & exit 5" >out 2>err &
		pid=$!
		# opened when the one that was left behind reads
		exec 7>f
		pgrep -f "$T/" # the control
		echo go >&7
		exec 7>&-
		status=0
		wait $pid || status=$?
		[ $status -eq 5 ]
		jq -e 'any(.refusals[]; .operation | startswith("read "))' r.json
		run pgrep -f "$T/"
		[ "$status" -eq 1 ]
	done
}

@test "an interrupt ends the command; the report still comes" {
	for way in $WAYS; do
		interrupted --backend $way
		grep -q "read $D/closed" report
		grep -q 'ended by signal 15' report
	done
}

@test "tables: every call is a system call; the kernel programs compile for both architectures, and name no path of the build" {
	cd "$BATS_TEST_DIRNAME/.."
	for call in $(sed -n 's/^TRACED(\([a-z0-9_]*\),.*/\1/p' compiler/tools/trace_calls.def); do
		grep -q "^SYSCALL($call," schema/syscalls.def || { echo "$call"; return 1; }
	done
	command -v clang >/dev/null || skip "clang is not here"
	for arch in x86 arm64; do
		clang -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$arch -Wall -Werror -Wno-unused-parameter -Wno-sign-compare \
			-fdebug-compilation-dir=. -Icompiler/trace -c -o "$D/$arch.o" compiler/trace/calls.bpf.c
		! grep -qaF "$PWD" "$D/$arch.o" || { echo "$arch: $PWD"; return 1; }
	done
}

@test "a run that llrun refused is not called one that was refused nothing; a suggestion says where it goes" {
	printf 'version = 1\n[fs]\nwith = ["dev", "loader"]\nrox = ["/usr", "/bin"]\nro = ["%s"]\n' "$D/gone" >s.toml
	touch gone
	"$LLC" compile -q s.toml
	gives 0 "$LLC" trace --backend ptrace s.llb -- true
	run grep 'did not start' err
	[ "$status" -eq 1 ]
	rm gone
	gives 125 "$LLC" trace --backend ptrace s.llb -- true
	grep -q 'exit status 125: .*llrun did not start it' err
	gives 125 "$LLC" trace --suggest --backend ptrace -o more.toml s.llb -- true
	grep -q 'exit status 125: .*llrun did not start it' err
	run grep 'include' err
	[ "$status" -eq 1 ]
	touch gone
	echo text >closed
	gives 1 "$LLC" trace --suggest --backend ptrace -o more.toml s.llb -- cat "$D/closed"
	grep -q 'write include = \["more.toml"\] above the tables' err
	# as it says
	{ echo 'include = ["more.toml"]'; cat s.toml; } >t.toml
	"$LLC" compile -q t.toml
	gives 0 "$T/bin/llrun" t.llb -- cat "$D/closed"
	gives 0 "$LLC" trace --suggest --backend ptrace -o less.toml t.llb -- cat "$D/closed"
	run grep 'include' err
	[ "$status" -eq 1 ]
}

@test "bad input: options, policies" {
	gives 125 "$LLC" trace
	grep -q 'no policy given' err
	gives 125 "$LLC" trace p.llb
	grep -q 'no command given' err
	gives 125 "$LLC" trace --bogus p.llb -- true
	gives 125 "$LLC" trace --backend magic p.llb -- true
	grep -q 'auto, ebpf or ptrace' err
	gives 125 "$LLC" trace --as-abi x p.llb -- true
	gives 125 "$LLC" trace --set x p.llb -- true
	for n in 0 -1 x 1001 99999999999999999999 1x ''; do
		gives 125 "$LLC" trace --suggest --rounds "$n" p.llb -- true
		grep -q 'from 1 to 1000' err
	done
	gives 125 "$LLC" trace --rounds 2 p.llb -- true
	grep -q 'for --suggest only' err
	gives 125 "$LLC" trace none.llb -- true
	head -c 500 p.llb >short.llb
	gives 125 "$LLC" trace short.llb -- true
	grep -q 'short.llb' err
	gives 125 "$LLC" trace -o /no/such/file p.llb -- true
	gives 125 "$LLC" trace -o /dev/full p.llb -- true
	grep -q 'report' err
	# llrun's own refusal is the command's end
	chmod 666 p.llb
	gives 125 "$LLC" trace p.llb -- true
	grep -q 'writable by group or others' err
	gives 0 "$LLC" trace --trust-blob p.llb -- true
	gives 0 "$LLC" trace --help
}

@test "without privileges: ptrace, and it says why" {
	[ "$(id -u)" = 0 ] || [ "$WAYS" = ptrace ] || skip "this user may load programs"
	gives 0 unprivileged "$LLC" trace p.llb -- true
	grep -q 'observed by ptrace (not by eBPF: .*\(CAP_BPF\|llc-trace\|CONFIG\)' err
	gives 125 unprivileged "$LLC" trace --backend ebpf p.llb -- true
	grep -q 'cannot observe by eBPF' err
	# no such program beside llc-policy
	mkdir bin
	cp "$T/bin/llc-policy" "$T/bin/llrun" bin
	gives 0 bin/llc-policy trace p.llb -- true
	grep -q 'observed by' err
}

@test "follow: each as it happens, in text and as lines of JSON" {
	for way in $WAYS; do
		gives 1 "$LLC" trace -f -o text --backend $way p.llb -- cat closed
		grep -qx "refused: cat: read $D/closed: EACCES" text
		gives 1 "$LLC" trace -f --json -o lines --backend $way p.llb -- cat closed
		head -n 1 lines | jq -e '.operation | startswith("read ")'
	done
}

@test "--suggest: a file that is made with O_TRUNC can be made again" {
	for way in $WAYS; do
		rm -f made
		gives 2 "$LLC" trace --suggest --backend "$way" -o more.toml p.llb -- sh -c 'echo x >made'
		sed 's/^version = 1/&\ninclude = ["more.toml"]/' p.toml >q.toml
		gives 0 "$LLC" compile -q q.toml
		for _ in 1 2; do gives 0 "${LLC%/*}/llrun" --trust-blob q.llb -- sh -c 'echo x >made'; done
		# with O_EXCL there is nothing to cut
		gives 1 "$LLC" trace --suggest --backend "$way" -o more.toml p.llb -- mktemp "$D/XXXXXX"
		run grep truncate more.toml
		[ "$status" -eq 1 ]
	done
}
