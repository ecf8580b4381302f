#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Companion filters (schema/companions.def), one by one, on the running kernel: without the filter the gap is there,
# with it it is closed, and ordinary programs still run. A policy asks for each by name and refuses each by name.

bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/.." || return
	export ROOT=$PWD
	case ${B:=build} in /*) ;; *) B=$PWD/$B ;; esac
	DIR=$(mktemp -d /tmp/companions-test.XXXXXX)
	cp "$B/tests/probe" "$DIR"
	NAMES=$(sed -n 's/^COMPANION([A-Z_]*, \([a-z_]*\),.*/\1/p' schema/companions.def)
	export B DIR NAMES P="$DIR/probe" LLC="$B/llc-policy" PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME="$DIR"
	ABI=$("$B/tests/probe" landlock-abi)
	export ABI
}

teardown_file() {
	rm -rf "$DIR"
}

setup() {
	W=$DIR/$BATS_TEST_NUMBER
	mkdir "$W"
	cd "$W"
	[ "$ABI" -ge 4 ] || skip "needs Landlock ABI 4"
}

# policy NAME: standard input, compiled to NAME.llb. Capabilities are kept: what the kernel itself would refuse shows nothing.
policy() {
	{ printf 'version = 1\n[process]\ndrop_caps = []\n'; cat; } >"$1.toml"
	"$LLC" compile -q "$1.toml" -o "$1.llb"
}

FILES='[fs]
rox = ["/usr", "/bin", "/sbin", "/lib", "/etc", "/proc", { path = "/lib64", optional = true }]
rw = ["/dev", "/tmp"]
rwx = ["/tmp"]
'

# gap NAME TABLES OP...: refused, the operation is answered otherwise than EACCES; by default, and asked for, EACCES
gap() {
	local name=$1 tables=$2 kind
	shift 2
	for kind in auto asked refused; do
		{
			printf '[policy]\ncompat = "best-effort"\n%s%s' "$FILES" "$tables"
			case $kind in
			asked) printf '[companions]\n%s = true\n' "$name" ;;
			refused) printf '[companions]\n%s = false\n' "$name" ;;
			esac
		} | policy "$kind"
	done
	ask auto "$@"
	[ "$output" = "${GAP_ANSWER:-EACCES}" ]
	ask asked "$@"
	[ "$output" = "${GAP_ANSWER:-EACCES}" ]
	ask refused "$@"
	[ "$output" != "${GAP_ANSWER:-EACCES}" ]
}

# ask BLOB OP...: output is what the probe printed; llrun's own failures and signals fail the test
ask() {
	local blob=$1
	shift
	run --separate-stderr "$B/llrun" ${AS_ABI:+--as-abi "$AS_ABI"} "$blob.llb" -- "$P" "$@" <"${STDIN:-/dev/null}"
	echo "$blob: $*: exit $status: $output $stderr"
	[ "$status" -lt 125 ]
	[ "$status" -ne 2 ] && [ "$status" -ne 3 ]
}

# number CALL: of the machine, or nothing
number() {
	local column
	case $(uname -m) in x86_64) column=2 ;; aarch64) column=3 ;; *) return 1 ;; esac
	sed -n "s/^SYSCALL($1, \(.*\))/\1/p" "$ROOT/schema/syscalls.def" | cut -d, -f$((column - 1)) | tr -d ' ' | grep -v -e -1
}

@test "truncate: a file opened for reading is emptied, below ABI 3" {
	mkdir ro
	echo content >ro/file
	FILES="[fs]
ro = [\"/tmp\"]
rox = [\"$P\"]
"
	for kind in auto refused; do
		{
			printf '[policy]\ncompat = "best-effort"\n%s' "$FILES"
			[ $kind = auto ] || printf '[companions]\ntruncate = false\n'
		} | policy $kind
	done
	AS_ABI=2 ask auto open rdonly,trunc ro/file
	[ "$output" = EACCES ]
	[ -s ro/file ]
	AS_ABI=2 ask refused open rdonly,trunc ro/file
	[ "$status" -eq 0 ]
	[ ! -s ro/file ]
}

@test "truncate = true: on every kernel, granted trees included" {
	echo content >file
	printf '[policy]\ncompat = "best-effort"\n%s[companions]\ntruncate = true\n' "$FILES" | policy asked
	printf '[policy]\ncompat = "best-effort"\n%s' "$FILES" | policy plain
	ask asked truncate file
	[ "$output" = EACCES ]
	ask asked open-trunc file
	[ "$status" -eq 0 ]
	ask plain truncate file
	[ "$status" -eq 0 ]
}

@test "unix_sockets: a service is reached by pathname, below ABI 9" {
	AS_ABI=4 gap unix_sockets 'unix = []
' socket unix stream
	[ "$status" -eq 0 ]
}

@test "families: generic netlink, packet, raw" {
	gap families '[net]
' socket netlink raw 16
	[ "$status" -eq 0 ]
	ask auto socket netlink raw 0
	[ "$status" -eq 0 ]
	for blob in auto asked; do
		for socket in "vsock stream" "alg seqpacket" "packet raw" "inet raw 1"; do
			ask $blob socket $socket
			[ "$output" = EACCES ]
		done
	done
	ask refused socket inet raw 1
	[ "$output" != EACCES ]
	# what families = false opens is not what protocols closes
	ask refused socket inet stream 262
	[ "$output" = EACCES ]
}

@test "protocols: MPTCP, SCTP, SMC, UDP-Lite" {
	for protocol in 262 132 256; do
		gap protocols '[net]
connect_tcp = [443]
' socket inet stream $protocol
	done
	gap protocols '[net]
udp = "allow"
' socket inet dgram 136
	ask auto socket inet dgram 17
	[ "$status" -eq 0 ]
	ask refused socket netlink raw 16
	[ "$output" = EACCES ]
}

@test "protocols: a TCP socket made another by TCP_ULP" {
	gap protocols '[net]
connect_tcp = [443]
' ulp-tcp none
}

@test "tcp: where no port is listed there is no socket; refused, Landlock keeps the ports" {
	gap tcp '[net]
' socket inet stream
	[ "$status" -eq 0 ]
	ask refused connect-tcp 9
	[ "$output" = EACCES ]
	# and the gaps beside Landlock's rights stay closed
	ask refused fastopen-tcp 9
	[ "$output" = EACCES ]
	ask refused listen-tcp
	[ "$output" = EACCES ]
}

@test "udp" {
	AS_ABI=4 gap udp '[net]
' socket inet dgram
	[ "$status" -eq 0 ]
}

@test "listen: an unbound socket takes a port" {
	gap listen '[net]
connect_tcp = [443]
' listen-tcp
	[ "$status" -eq 0 ]
}

@test "fast_open: a connection by sending" {
	gap fast_open '[net]
connect_tcp = [443]
' fastopen-tcp 9
}

@test "subvolumes" {
	for request in 0x50009401 0x5000940e 0x5000940f 0x50009417 0x50009418 0x5000943f 0x40186f04 0x4020bc10 0x4020bc11; do
		gap subvolumes '[net]
' ioctl $request /tmp
	done
	ask auto ioctl 0x50009402 /tmp
	[ "$output" = ENOTTY ]
}

@test "terminal: commands are typed into the controlling terminal" {
	gap terminal '[net]
' type-terminal hello 0x5412
	if [ "$(id -u)" -eq 0 ]; then
		# the kernel's own switch does not hold for CAP_SYS_ADMIN
		[ "$output" = hello ]
		[ "$status" -eq 0 ]
	fi
	# the low word is what the kernel looks at
	ask auto type-terminal hello 0xdeadbeef00005412
	[ "$output" = EACCES ]
	for blob in auto asked; do
		ask $blob type-terminal hello 0x541c
		[ "$output" = EACCES ]
	done
}

@test "terminal: a policy of [fs] alone has no filter until it asks" {
	printf '[policy]\ncompat = "best-effort"\n%s' "$FILES" | policy plain
	printf '[policy]\ncompat = "best-effort"\n%s[companions]\nterminal = true\n' "$FILES" | policy asked
	"$LLC" dump plain.llb | grep -A1 '^  terminal (extra)' | grep 'NOT COVERED\|abi 0'
	ask plain type-terminal hello 0x5412
	[ "$output" != EACCES ]
	ask asked type-terminal hello 0x5412
	[ "$output" = EACCES ]
	"$LLC" dump asked.llb | grep -A1 '^  terminal (extra)' | grep 'abi 0-11: seccomp'
}

@test "limits: of other processes, and priorities of all; the caller's own can be changed, and others' asked for" {
	GAP_ANSWER=EPERM gap limits '[net]
[scope]
' limit parent
	[ "$status" -eq 0 ]
	for op in self ask; do
		ask auto limit $op
		[ "$status" -eq 0 ]
	done
	"$LLC" dump auto.llb | grep -A1 '^  limits (extra)' | grep 'abi 0-11: seccomp'
	"$LLC" dump refused.llb | grep -A1 '^  limits (extra)' | grep 'abi 0-11: NOT COVERED'
	# what libraries and tools do to themselves
	"$B/llrun" auto.llb -- sh -c 'ulimit -S -n 50 && ulimit -c 0 && nice -n 1 true'
	"$B/llrun" auto.llb -- python3 -c 'import os, resource, threading
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 1)
os.sched_setaffinity(threading.get_native_id(), os.sched_getaffinity(0))
try:
    os.setpriority(os.PRIO_USER, 0, 1)
except PermissionError:
    print("refused")' >out
	[ "$(cat out)" = refused ]
	"$B/llrun" refused.llb -- python3 -c 'import os; os.setpriority(os.PRIO_USER, os.getuid() + 12345, 1)' 2>out || grep ProcessLookupError out
}

@test "limits: where [scope] has signals and something needs a filter, and always with a broker" {
	printf '[policy]\ncompat = "best-effort"\n%s[scope]\n' "$FILES" | policy alone
	"$LLC" dump alone.llb | grep -A3 '^  limits (extra)' | grep 'abi 3-11: NOT COVERED'
	ask alone limit parent
	[ "$status" -eq 0 ]
	printf '[policy]\ncompat = "best-effort"\n%s[net]\n' "$FILES" | policy without
	run ! grep -q 'limits (extra)' <("$LLC" dump without.llb)
	ask without limit parent
	[ "$status" -eq 0 ]
	printf '%s[broker]\nallow_read = ["/etc/passwd"]\n' "$FILES" | policy broker
	"$LLC" dump broker.llb | grep -A1 '^  limits (extra)' | grep 'abi 0-11: seccomp'
}

@test "io_uring" {
	GAP_ANSWER=ENOSYS gap io_uring '[net]
' io_uring_setup
}

@test "metadata: every call of the table, on a file that may be written" {
	local calls seen=0
	calls=$(sed -n 's/^CLOSES(METADATA, \([a-z0-9_]*\),.*/\1/p' "$ROOT/schema/companions.def")
	touch file
	printf '[policy]\ncompat = "best-effort"\n%s' "$FILES" | policy plain
	printf '[policy]\ncompat = "best-effort"\n%s[companions]\nmetadata = true\n' "$FILES" | policy asked
	declare -A arguments=(
		[chmod]="s:file 0640" [fchmod]="0 0640" [fchmodat]="-100 s:file 0640" [fchmodat2]="-100 s:file 0640 0"
		[chown]="s:file -1 -1" [fchown]="0 -1 -1" [lchown]="s:file -1 -1" [fchownat]="-100 s:file -1 -1 0"
		[utime]="s:file 0" [utimes]="s:file 0" [futimesat]="-100 s:file 0" [utimensat]="-100 s:file 0 0"
		[setxattr]="s:file s:user.a s:v 1 0" [lsetxattr]="s:file s:user.a s:v 1 0" [fsetxattr]="0 s:user.a s:v 1 0"
		[removexattr]="s:file s:user.a" [lremovexattr]="s:file s:user.a" [fremovexattr]="0 s:user.a"
		[setxattrat]="-100 s:file 0 s:user.a 0 0" [removexattrat]="-100 s:file 0 s:user.a" [file_setattr]="-100 s:file 0 0 0"
	)
	for call in $calls; do
		nr=$(number "$call") || continue
		seen=$((seen + 1))
		STDIN=file ask plain syscall "$nr" ${arguments[$call]}
		[ "$output" != EACCES ]
		STDIN=file ask asked syscall "$nr" ${arguments[$call]}
		[ "$output" = EACCES ]
	done
	[ "$seen" -ge 15 ]
	for request in 0x40086602 0x40046602 0x40087602 0x40047602 0x401c5820 0x40047211; do
		ask plain ioctl $request file
		[ "$output" != EACCES ]
		ask asked ioctl $request file
		[ "$output" = EACCES ]
	done
	# FS_IOC_GETFLAGS
	ask asked ioctl 0x80086601 file
	[ "$output" != EACCES ]
}

@test "metadata: a file outside the grants" {
	mkdir out
	touch out/file
	local tables='[fs]
rox = ["/usr", "/bin", "/lib", { path = "/lib64", optional = true }]
'
	tables+="rwx = [\"$P\"]
"
	{ printf '[policy]\ncompat = "best-effort"\n%s' "$tables"; } | policy plain
	{ printf '[policy]\ncompat = "best-effort"\n%s[companions]\nmetadata = true\n' "$tables"; } | policy asked
	ask plain chmod 600 out/file
	[ "$status" -eq 0 ]
	[ "$(stat -c %a out/file)" = 600 ]
	ask asked chmod 644 out/file
	[ "$output" = EACCES ]
	[ "$(stat -c %a out/file)" = 600 ]
}

@test "memory_files: a program that no path grants runs from memory" {
	printf '[policy]\ncompat = "best-effort"\n%s' "$FILES" | policy plain
	printf '[policy]\ncompat = "best-effort"\n%s[companions]\nmemory_files = true\n' "$FILES" | policy asked
	ask plain memfd-exec 0 exit 7
	[ "$status" -eq 7 ]
	ask asked memfd-exec 0 exit 7
	[ "$output" = EACCES ]
	ask plain fexec "$P" exit 5
	[ "$status" -eq 5 ]
	ask asked fexec "$P" exit 5
	[ "$output" = EACCES ]
	# sealed against execution: allowed, where the kernel knows the flag; executing it fails either way
	nr=$(number memfd_create)
	ask plain syscall "$nr" s:x 8
	local sealed=$status
	ask asked syscall "$nr" s:x 8
	[ "$status" -eq "$sealed" ]
	ask asked memfd-exec 8 exit 7
	[ "$status" -ne 7 ]
}

@test "every companion: asked for and refused by name; dump, lint and the coverage name it; the text recompiles" {
	for name in $NAMES; do
		for value in true false; do
			cat >"$name.toml" <<-END
				version = 1
				[policy]
				compat = "best-effort"
				[fs]
				rox = ["/usr"]
				unix = []
				[net]
				connect_tcp = [443]
				[scope]
				[seccomp]
				deny = ["ptrace", "process_vm_readv", "process_vm_writev"]
				[companions]
				$name = $value
			END
			"$LLC" compile -q --strip "$name.toml" -o one.llb
			word="abi 0-11, asked for"
			[ $value = true ] || word=refused
			"$LLC" dump one.llb | grep -x "  $name: $word"
			"$LLC" dump --json one.llb | grep -A1 "\"$name\": {" | grep "\"policy\": $value"
			"$LLC" lint --coverage "$name.toml" 2>said | grep -x "  $name: $word"
			"$LLC" dump --toml one.llb >again.toml
			grep -x "$name = $value" again.toml
			"$LLC" compile -q --strip again.toml -o two.llb
			cmp one.llb two.llb
			if [ $value = false ] && [ "$name" != metadata ] && [ "$name" != memory_files ]; then
				grep "$name = false leaves open: .*\[companion-refused\]" said
			fi
		done
	done
}

@test "beside allow and deny lists, in every form of [net] and [fs], the text recompiles" {
	local n=0
	for net in '' '[net]' $'[net]\nconnect_tcp = [443]' $'[net]\nhandled_access_net = ["connect_tcp"]\nudp = "deny"' \
		$'[net]\nhandled_access_net = ["connect_tcp"]'; do
		for calls in '' $'[seccomp]\ndeny = ["chmod", "listen"]\nerrno = "EACCES"' \
			$'[seccomp]\ndefault = "errno"\nallow = ["@system-service", "execve"]' \
			$'[seccomp]\ndeny = ["clone3", "fchmodat2"]\nerrno = "ENOSYS"'; do
			for asked in '' 'metadata = true' $'families = true\nudp = false' $'listen = true\nterminal = false' \
				$'truncate = true\nunix_sockets = true\ntcp = true'; do
				printf 'version = 1\n[policy]\ncompat = "best-effort"\n[fs]\nrox = ["/usr"]\n%s\n%s\n[companions]\n%s\n' \
					"$net" "$calls" "$asked" >one.toml
				"$LLC" compile -q --strip one.toml -o one.llb
				"$LLC" dump --toml one.llb >two.toml || { cat one.toml; return 1; }
				"$LLC" compile -q --strip two.toml -o two.llb
				cmp one.llb two.llb || { cat one.toml; return 1; }
				n=$((n + 1))
			done
		done
	done
	[ "$n" -eq 100 ]
}

@test "refusals: what only the companion keeps becomes extra; a guarantee of another table is lost, and strict refuses" {
	printf 'version = 1\n[net]\nconnect_tcp = [443]\n[companions]\nfamilies = false\n' >a.toml
	"$LLC" compile -q a.toml -o a.llb
	"$LLC" dump a.llb | grep -A1 '^  net.families (extra)' | grep 'abi 0-11: NOT COVERED'
	printf 'version = 1\n[net]\nconnect_tcp = [443]\n[companions]\nudp = false\n' >b.toml
	"$LLC" compile -q b.toml -o b.llb
	"$LLC" dump b.llb | grep '^min_abi: 10 '
	printf 'version = 1\n[policy]\nmin_abi = 4\n[net]\nconnect_tcp = [443]\n[companions]\nudp = false\n' >c.toml
	run "$LLC" compile -q c.toml -o c.llb
	[ "$status" -eq 3 ]
	[[ $output == *'min_abi = 4: nothing covers "net.udp" below ABI 10'* ]]
	[ ! -e c.llb ]
	# io_uring goes around every filter: nothing that rests on one is covered
	printf 'version = 1\n[policy]\ncompat = "best-effort"\nmin_abi = 4\n[net]\nconnect_tcp = [443]\n[companions]\nio_uring = false\n' >d.toml
	"$LLC" compile -q d.toml -o d.llb
	"$LLC" dump d.llb | grep -A1 '^  net.families (firm)' | grep 'abi 0-11: NOT COVERED'
}

@test "refusing what no table would add is said; unknown names have a suggestion; values are booleans" {
	printf 'version = 1\n[fs]\nrox = ["/usr"]\n[companions]\nlisten = false\n' >a.toml
	run "$LLC" compile a.toml -o a.llb
	[ "$status" -eq 0 ]
	[[ $output == *'listen = false changes nothing'*'[no-effect]'* ]]
	printf 'version = 1\n[fs]\nrox = ["/usr"]\n[companions]\nmetdata = true\n' >b.toml
	run "$LLC" compile b.toml -o b.llb
	[ "$status" -eq 1 ]
	[[ $output == *'did you mean "metadata"'* ]]
	printf 'version = 1\n[fs]\nrox = ["/usr"]\n[companions]\nmetadata = "yes"\n' >c.toml
	run "$LLC" compile c.toml -o c.llb
	[ "$status" -eq 1 ]
	[[ $output == *wrong-type* ]]
	[ ! -e b.llb ]
	[ ! -e c.llb ]
}

@test "io_uring cannot be opened beside a broker, nor others by a foreign architecture" {
	printf 'version = 1\n[fs]\nrox = ["/usr"]\n[broker]\nallow_read = ["/etc/passwd"]\n[companions]\nio_uring = false\n' >a.toml
	run "$LLC" compile a.toml -o a.llb
	[ "$status" -eq 1 ]
	[[ $output == *'a.toml:7:12: error: io_uring = false beside [broker]'* ]]
	printf 'version = 1\n[companions]\nmetadata = true\n[seccomp]\ndeny = ["acct"]\nforeign_arch = "allow"\n' >b.toml
	run "$LLC" compile b.toml -o b.llb
	[ "$status" -eq 1 ]
	[[ $output == *'b.toml:6:16: error: foreign_arch lets calls pass that'* ]]
	[ ! -e a.llb ]
	[ ! -e b.llb ]
}

@test "companions of two files together: the same is fine, opposites are an error" {
	printf 'version = 1\n[companions]\nterminal = true\n' >part.toml
	printf 'version = 1\ninclude = ["part.toml"]\n[fs]\nrox = ["/usr"]\n[companions]\nterminal = true\nmetadata = true\n' >a.toml
	"$LLC" compile -q a.toml -o a.llb
	printf 'version = 1\ninclude = ["part.toml"]\n[fs]\nrox = ["/usr"]\n[companions]\nterminal = false\n' >b.toml
	run "$LLC" compile b.toml -o b.llb
	[ "$status" -eq 1 ]
	[[ $output == *include-conflict* ]]
}

@test "ordinary programs run under every automatic companion" {
	{
		printf '[policy]\ncompat = "best-effort"\n%sunix = []\n[net]\nconnect_tcp = [443]\n[scope]\n[companions]\n' "$FILES"
		printf 'subvolumes = true\nterminal = true\nio_uring = true\nmemory_files = true\n'
	} | policy usual
	echo 'int main(void) { return 3; }' >a.c
	"$B/llrun" usual.llb -- sh -c 'echo a | cat >f && chmod 755 f && mkdir d && mv f d && ls -l d >/dev/null'
	"$B/llrun" usual.llb -- python3 -c 'import json, ssl, tempfile, subprocess; subprocess.run(["true"], check=True)'
	"$B/llrun" usual.llb -- cc -o a a.c
	run -3 ./a
	"$B/llrun" usual.llb -- tar -cf t.tar a a.c
	mkdir x
	"$B/llrun" usual.llb -- tar -xf t.tar -C x
	run -3 x/a
	if command -v git >/dev/null; then
		"$B/llrun" usual.llb -- sh -c 'git init -q r && cd r && echo a >a && git add a && git -c user.name=a -c user.email=a@b commit -qm a && git status --porcelain' >out
		[ ! -s out ]
	fi
}

@test "programs that change no metadata run with all of it closed" {
	printf '[policy]\ncompat = "best-effort"\n%s[net]\n[companions]\nmetadata = true\nmemory_files = true\ntruncate = true\n' "$FILES" |
		policy all
	echo 'int main(void) { return 3; }' >a.c
	"$B/llrun" all.llb -- sh -c 'echo a | cat >f && mkdir d && mv f d && ls -l d >/dev/null && rm -r d'
	"$B/llrun" all.llb -- python3 -c 'import json, ssl, subprocess; subprocess.run(["true"], check=True); open("p", "w").write("x")'
	"$B/llrun" all.llb -- cc -c -o a.o a.c
	[ -s a.o ]
	"$B/llrun" all.llb -- tar -cf t.tar a.c
	tar -tf t.tar | grep -x a.c
	run "$B/llrun" all.llb -- chmod 600 a.c
	[ "$status" -eq 1 ]
	[[ $output == *'Permission denied'* ]]
}
