#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The file broker, live: as whoever runs the tests, and as root also as another user. Policies are compiled; what a
# command does beneath them is tests/probe/brokered.c and ordinary, dynamically linked programs.

setup_file() {
	cd "$BATS_TEST_DIRNAME/.."
	T=$(mktemp -d /tmp/broker-test.XXXXXX)
	chmod 755 "$T"
	B=$(realpath "${B:-build}")
	cp "$B/llrun" "$B/llrund" "$B/tests/brokered" "$B/tests/probe" "$T"
	echo readable >"$T/readable"
	echo SECRET >"$T/secret"
	echo private >"$T/private"
	chmod 600 "$T/private"
	export T B L="$T/llrun" P="$T/brokered" LLC="$B/llc-policy"
}

teardown_file() {
	rm -rf "$T"
}

# scratch, export, outside and a policy for them, in a directory of the test's own
setup() {
	umask 022
	D=$T/$BATS_TEST_NUMBER
	mkdir "$D" "$D/scratch" "$D/export" "$D/outside" "$D/tree"
	echo beneath >"$D/tree/file"
	echo writable >"$D/writable"
	cd "$D"
	policy p ''
}

# policy NAME EXTRA: NAME.llb; EXTRA are further lines of [broker]
policy() {
	cat >"$1.toml" <<-END
	version = 1
	[fs]
	rox = ["/usr", "/lib", "/lib64", "/bin", "$P", "$T/probe"]
	ro = ["/etc/ld.so.cache", "/proc", "/dev/urandom"]
	rw = ["/dev/null"]
	[broker]
	allow_read = ["$T/readable", "$T/private", { path = "$D/tree", tree = true }]
	allow_write = ["$D/writable", { path = "$D/new", create = true }]
	scratch = ["$D/scratch"]
	export = ["$D/export"]
	$2
	END
	"$LLC" compile -q "$1.toml" -o "$1.llb"
}

broker_of() { # broker_of PID: its parent
	awk '/^PPid:/ { print $2 }' "/proc/$1/status"
}

run_in() { # run_in COMMAND...: under p.llb, not longer than a minute
	timeout 60 "$L" --trust-blob "$D/p.llb" -- "$@"
}

checked() { # checked STATUS TEXT: --check says so of p.llb
	run timeout 60 "$L" --trust-blob --check "$D/p.llb"
	echo "$output"
	[ "$status" -eq "$1" ] && [[ $output == *$2* ]]
}

# as another user, too, where we are root; its directories are its own then
both() { # both COMMAND...
	[ "$(id -u)" -ne 0 ] || chown -R 0:0 "$D"
	run run_in "$@"
	echo "$output"
	[ "$status" -eq 0 ] || return 1
	[ "$(id -u)" -eq 0 ] || return 0
	rm -rf "$D/scratch" "$D/export" "$D/outside"
	mkdir "$D/scratch" "$D/export" "$D/outside"
	chown -R 65534:65534 "$D" "$T/private"
	run setpriv --reuid 65534 --regid 65534 --clear-groups timeout 60 "$L" --trust-blob "$D/p.llb" -- "$@"
	chown 0:0 "$T/private"
	echo "as 65534: $output"
	[ "$status" -eq 0 ]
}

@test "a dynamically linked program runs as ever; what is declared can be read, what is not cannot" {
	both cat "$T/readable"
	[ "$output" = readable ]
	both cat "$D/tree/file"
	both ls "$D/tree"
	both sh -c 'echo more >>"$1" && cat "$1"' sh "$D/writable"
	run run_in cat "$T/secret"
	[ "$status" -eq 1 ]
	[[ $output == *"Permission denied"* ]]
	# the same without a broker: it is the broker that permits
	sed '/^\[broker\]/,$d' p.toml >plain.toml
	"$LLC" compile -q plain.toml -o plain.llb
	run "$L" plain.llb -- cat "$T/readable"
	[ "$status" -eq 1 ]
}

@test "what is declared, by its other names: links, dots, slashes, hard links; what turns into it later" {
	local o=$D/outside
	cp "$T/readable" here
	sed -i "s|\$T/readable|$D/here|; s|\"$T/readable\"|\"$D/here\"|" p.toml
	"$LLC" compile -q p.toml -o p.llb
	ln -s "$D/tree" "$o/dir"
	ln -s "$o/dir/file" "$o/chain"
	ln -s ../here "$o/one"
	ln "$D/here" "$o/hard"
	ln "$D/tree/file" "$o/copy"
	ln -s "$T/secret" "$o/later"
	mkdir "$o/swap" && echo SECRET >"$o/swap/file"
	for name in here ./here outside//one outside/./one outside/hard tree/file tree//file tree/../tree/file \
		outside/../tree/file outside/dir/file outside/chain outside/dir/../tree/file; do
		run run_in cat "$D/$name"
		[ "$status" -eq 0 ] || { echo "$name: $output" && return 1; }
	done
	run run_in ls "$o/dir/" "$o/dir" "$D/tree"
	[ "$status" -eq 0 ]
	# a hard link into a tree that lies outside is not in the tree, nor is what lies beside
	for name in outside/copy outside/later outside/swap/file outside outside/ tree/../secret; do
		run run_in cat "$D/$name"
		[ "$status" -eq 1 ] || { echo "$name: $output" && return 1; }
	done
	# nothing is remembered of a path that led elsewhere a moment ago
	mkfifo to from
	run_in sh -c 'while read -r path; do cat "$path" 2>/dev/null || echo refused; done' <to >from &
	local pid=$! word
	exec 8>to 9<from
	ask() { echo "$1" >&8 && read -r -u 9 word && [ "$word" = "$2" ]; }
	ask "$o/later" refused
	ask "$o/swap/file" refused
	ln -sfn "$D/tree/file" "$o/later"
	mv "$o/swap" "$o/was" && ln -s "$D/tree" "$o/swap"
	ask "$o/later" beneath
	ask "$o/swap/file" beneath
	ask "$o/was/file" refused
	exec 8>&- 9<&-
	wait "$pid"
}

@test "a read exception cannot be written, nor a tree created in; the file keeps its content" {
	run run_in sh -c 'echo x >>"$1"' sh "$T/readable"
	[ "$status" -ne 0 ]
	run run_in sh -c 'echo x >"$1/new"' sh "$D/tree"
	[ "$status" -ne 0 ]
	[ "$(cat "$T/readable")" = readable ]
	[ ! -e "$D/tree/new" ]
}

@test "allow_write with create makes its one file, and nothing beside it" {
	run run_in sh -c 'echo x >"$1" && echo y >>"$1" && cat "$1"' sh "$D/new"
	[ "$status" -eq 0 ]
	[ "$(cat "$D/new")" = "x
y" ]
	run run_in sh -c 'echo x >"$1"' sh "$D/newer"
	[ "$status" -ne 0 ]
	[ ! -e "$D/newer" ]
}

@test "scratch: create, mkdir, rename, link, symlink, remove, with ordinary tools" {
	both sh -ec 'cd "$1"; mkdir -p a/b; echo 1 >a/b/f; mv a/b/f a/g; ln a/g a/h; ln -s g a/s; cat a/s; cp a/g a/i; touch a/j
		ls a; rm -r a; tar cf t.tar -C /usr/share/doc/bash .; rm t.tar' sh "$D/scratch"
	[ -z "$(ls -A "$D/scratch")" ]
}

@test "legacy calls: open, creat, mkdir, rmdir, rename, link, symlink, unlink, mknod, truncate" {
	both "$P" legacy "$D/scratch"
}

@test "every open flag, umask, cwd, descriptors, O_TMPFILE" {
	both "$P" flags "$D/scratch" "$T/readable"
}

@test "open_how's size and fields, and the kernel's error numbers" {
	both "$P" how "$T/readable" "$D/scratch"
}

@test "publication copies: mode, no replacing, regular files only; by rename and by link" {
	both "$P" publish "$D/scratch" "$D/export"
	[ "$(cat "$D/export/art")" = one ]
}

@test "publication replaces only when the policy says so" {
	policy p ''
	sed -i "s|^export = .*|export = [{ path = \"$D/export\", overwrite = true }]|" p.toml
	"$LLC" compile -q p.toml -o p.llb
	run run_in sh -ec 'cd "$1"; echo 1 >a; mv a ../export/a; echo 2 >a; mv -f a ../export/a' sh "$D/scratch"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(cat "$D/export/a")" = 2 ]
	[ "$(ls -A "$D/export")" = a ]
}

@test "publication across file systems, where blocks cannot be shared: the same bytes" {
	local shm
	shm=$(mktemp -d /dev/shm/broker-test.XXXXXX)
	sed -i "s|^scratch = .*|scratch = [\"$shm\"]|" p.toml
	"$LLC" compile -q p.toml -o p.llb
	run run_in sh -c 'head -c 9000000 /dev/urandom >"$1/big" && cp "$1/big" "$1/moved" && : >"$1/empty" &&
		ln "$1/big" "$2/big" && mv "$1/moved" "$2/moved" && ln "$1/empty" "$2/empty"' sh "$shm" "$D/export"
	cp "$shm/big" . || :
	[ ! -e "$shm/moved" ] || status=1
	rm -rf "$shm"
	echo "$output"
	[ "$status" -eq 0 ]
	cmp big export/big
	cmp big export/moved
	[ -e export/empty ]
	[ ! -s export/empty ]
}

@test "signals do not repeat what was carried out" {
	both "$P" signals "$D/scratch"
}

@test "addfd: without a rule nothing is handed over; a rule for reading is not one for writing" {
	echo >new # a file that may only be read must be there
	policy p "addfd = [{ action = \"open\", target = \"$T\", mode = \"read\" }]"
	run run_in cat "$T/readable"
	[ "$status" -eq 0 ]
	run run_in sh -c 'echo x >>"$1"' sh "$D/writable"
	[ "$status" -ne 0 ]
	run run_in sh -c 'echo x >"$1/f"' sh "$D/scratch"
	[ "$status" -ne 0 ]
	run run_in mkdir "$D/scratch/d"
	[ "$status" -eq 0 ]
	policy p "addfd = [{ action = \"scratch_open\", target = \"$D/scratch\" }]"
	run run_in sh -c 'echo x >"$1/f"' sh "$D/scratch"
	[ "$status" -eq 0 ]
	run run_in cat "$T/readable"
	[ "$status" -ne 0 ]
}

@test "addfd: a rule for writing is none for reading, not with O_RDWR either" {
	policy p "addfd = [{ action = \"open\", target = \"$D\", mode = \"write\" }, { action = \"scratch_open\", target = \"$D/scratch\", mode = \"write\" }]"
	echo kept >scratch/file
	run run_in sh -c 'echo more >>"$1" && echo x >"$2/new"' sh "$D/writable" "$D/scratch"
	[ "$status" -eq 0 ]
	for f in "$D/writable" "$D/scratch/file" "$D/scratch/another"; do
		run run_in sh -c 'exec 3<>"$1" && cat <&3' sh "$f"
		[ "$status" -ne 0 ]
		[[ $output != *kept* && $output != *more* ]]
	done
	[ ! -e scratch/another ]
}

@test "attack: rename and link between scratch trees of different rights" {
	mkdir other scratch/part
	for mode in read write; do
		policy p "addfd = [{ action = \"scratch_open\", target = \"$D/scratch\", mode = \"$mode\" }, { action = \"scratch_open\", target = \"$D/other\" }]"
		sed -i "s|^scratch = .*|scratch = [\"$D/scratch\", \"$D/other\"]|" p.toml
		"$LLC" compile -q p.toml -o p.llb
		for make in rename link; do
			rm -rf other/* scratch/file
			echo kept >scratch/file
			run run_in sh -c '"$3" "$4" "$1/file" "$2/file"; s=$?; cat "$2/file"; [ ! -e "$2/file" ] || echo evil >>"$2/file"; exit $s' \
				sh "$D/scratch" "$D/other" "$T/probe" "$make"
			echo "$mode, $make: $output"
			[ "$status" -eq 12 ] # EXDEV
			[[ $output != *kept* ]]
			[ "$(cat scratch/file)" = kept ]
		done
		run run_in "$P" exchange "$D/scratch/file" "$D/other/file"
		[ "$status" -eq 0 ]
		# what loses rights, or keeps them, may go
		echo mine >other/mine
		run run_in sh -c 'mv "$2/mine" "$1/mine" && mv "$1/mine" "$1/part/mine" && ln "$1/part/mine" "$1/again"' sh "$D/scratch" "$D/other"
		echo "$output"
		[ "$status" -eq 0 ]
		[ "$(cat scratch/part/mine)" = mine ]
		rm -f scratch/again scratch/part/mine
	done
	# a part of a tree that may be opened, of one that may not
	policy p "addfd = [{ action = \"scratch_open\", target = \"$D/scratch/part\" }]"
	echo kept >scratch/file
	echo own >scratch/part/own
	run run_in sh -c 'cat "$1/part/own" && echo x >"$1/part/new" && ! cat "$1/file" && ! mv -n "$1/file" "$1/part/file"' sh "$D/scratch"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == own* && $output != *kept* ]]
}

@test "attack: a tree within another of fewer rights is moved away, filled, and moved back" {
	mkdir -p scratch/part scratch/mid/part scratch/other
	policy p "addfd = [{ action = \"scratch_open\", target = \"$D/scratch\", mode = \"write\" }, { action = \"scratch_open\", target = \"$D/scratch/part\" }, { action = \"scratch_open\", target = \"$D/scratch/mid/part\" }]"
	sed -i "s|^scratch = .*|scratch = [\"$D/scratch\", \"$D/scratch/part\", \"$D/scratch/mid/part\"]|" p.toml
	"$LLC" compile -q p.toml -o p.llb
	echo kept >scratch/file
	for part in part mid; do
		run run_in sh -c 'cd "$1" && mv "$2" away; ln file away/file; ln file away/part/file; mv away "$2"; cat */file */part/file' sh "$D/scratch" "$part"
		echo "$output"
		[[ $output != *kept* ]]
		[[ $output == *"busy"* ]]
		run run_in "$P" exchange-places "$D/scratch/other" "$D/scratch/$part"
		echo "$output"
		[ "$status" -eq 0 ]
	done
	# what holds no tree may go, into one as well; and what lies in the tree can be read
	run run_in sh -c 'cd "$1" && mv other another && mv another moved && echo x >part/own && cat part/own && mkdir part/d && mv part/d part/e' sh "$D/scratch"
	echo "$output"
	[ "$status" -eq 0 ]
	[ -d scratch/moved ] && [ -d scratch/part/e ]
}

@test "attack: a FIFO in the place of an exception: nobody waits for it" {
	mkdir box
	ln -s box alias
	echo beneath >box/file
	policy p ''
	# by another name than the exception's, so that the compiler does not see that the command can replace it
	sed -i "s|^allow_read = .*|allow_read = [\"$D/box/file\"]|
		s|^\[broker\]|[[fs.rule]]\npath = \"$D/alias\"\naccess = [\"make_fifo\", \"make_reg\", \"remove_file\", \"refer\"]\n&|" p.toml
	"$LLC" compile -q p.toml -o p.llb
	run run_in sh -c 'cat "$1/file" && mv "$1/file" "$1/was" && mkfifo "$1/file" && cat "$1/was" || exit
		for i in $(seq 40); do timeout 20 cat "$1/file"; [ $? -eq 1 ] || exit 9; done; cat "$1/was"' sh "$D/box"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[0]} ${lines[1]} ${lines[-1]}" = "beneath beneath beneath" ]
}

@test "static exceptions need no supervisor" {
	cat >p.toml <<-END
	version = 1
	[fs]
	rox = ["/usr", "/lib", "/lib64", "/bin", "$P"]
	ro = ["/etc/ld.so.cache"]
	[broker]
	mode = "static"
	allow_read = ["$T/readable"]
	allow_write = ["$D/writable"]
	END
	"$LLC" compile -q p.toml -o p.llb
	run "$LLC" dump p.llb
	[[ $output != *"broker, what"* ]]
	mv "$T/llrund" "$T/away"
	run run_in sh -c 'cat "$1" && echo x >>"$2"' sh "$T/readable" "$D/writable"
	mv "$T/away" "$T/llrund"
	echo "$output"
	[ "$status" -eq 0 ]
	# but there is nothing to publish from
	printf 'scratch = ["%s"]\nexport = ["%s"]\n' "$D/scratch" "$D/export" >>p.toml
	run "$LLC" lint p.toml
	[[ $output == *"nothing can be published"*'one with mode = "static" is a rule'* ]]
}

@test "exit status, signals and standard streams are the command's" {
	run run_in sh -c 'exit 7'
	[ "$status" -eq 7 ]
	run run_in sh -c 'kill -TERM $$'
	[ "$status" -eq 143 ]
	[ "$(echo in | run_in cat)" = in ]
}

@test "bad input: a missing path, a tree that is a file, all of /proc: 125, with file and line" {
	refused() { # refused EDIT TEXT: the policy, edited, is refused at the start, with this
		sed "$1" p.toml >q.toml
		"$LLC" compile -q q.toml -o p.llb
		run run_in true
		echo "$output"
		[ "$status" -eq 125 ]
		[[ $output == *$2* ]]
		checked 125 "$2"
	}
	checked 0 "broker read \"$D/tree\" and beneath"
	checked 0 "broker write \"$D/writable\""
	[ ! -e new ]
	ln -s "$D/export" alias
	ln -s / everything
	refused "s|$T/readable|$T/missing|" "$T/missing*q.toml:7"
	refused "s|scratch = .*|scratch = [\"$T/readable\"]|" "no directory; scratch and export take directories"
	refused "s|scratch = .*|scratch = [\"$D/alias\"]|" "into an export"
	refused "s|scratch = .*|scratch = [\"$D/everything\"]|" "around one"
	sed "s|scratch = .*|scratch = [\"/proc\"]|" p.toml >q.toml
	run "$LLC" compile -q q.toml -o p.llb
	[ "$status" -eq 1 ]
	[[ $output == *bad-path* ]]
}

@test "bad input: a bind by which scratch is the export: 125; beside it, fine" {
	unshare --user --mount true 2>/dev/null || skip "user namespaces are closed here"
	for source in "$D/export" "$D/tree"; do
		policy p "[[mount.bind]]
		source = \"$source\"
		target = \"$D/scratch\"
		read_only = false"
		run "$LLC" why p.toml list "$D/scratch"
		echo "$output"
		[[ $output == *"refuse to run here"*"into an export"* ]] || [ "$source" = "$D/tree" ]
		run run_in true
		echo "$output"
		[ "$source" = "$D/tree" ] || { [ "$status" -eq 125 ] && [[ $output == *"into an export"*"p.toml:"* ]]; }
		expected=$status
		checked "$expected" ""
	done
	[ "$status" -eq 0 ]
}

@test "a brokered run in a brokered run: refused, and said to be" {
	sed -i "s|^rox = \[|rox = [\"$L\", \"$T/llrund\", |; s|^ro = \[|ro = [\"$D\", |" p.toml
	"$LLC" compile -q p.toml -o p.llb
	run run_in "$L" "$D/p.llb" -- true
	echo "$output"
	[ "$status" -eq 125 ]
	[[ $output == *"cannot be nested"* ]]
}

@test "a sandbox in a brokered run: refused, as the broker would hand it what it has given up" {
	cat >inner.toml <<-END
	version = 1
	[fs]
	rox = ["/usr", "/lib", "/lib64", "/bin"]
	ro = ["/etc/ld.so.cache"]
	END
	"$LLC" compile -q inner.toml -o inner.llb
	sed -i "s|^rox = \[|rox = [\"$L\", |; s|^ro = \[|ro = [\"$D\", |" p.toml
	"$LLC" compile -q p.toml -o p.llb
	run run_in cat "$T/readable"
	[ "$status" -eq 0 ]
	run run_in "$L" --trust-blob "$D/inner.llb" -- cat "$T/readable"
	echo "$output"
	[ "$status" -eq 125 ]
	[[ $output == *"cannot be nested"* ]]
	# without a broker it may be nested, and denies
	sed '/^\[broker\]/,$d' p.toml >p2.toml
	"$LLC" compile -q p2.toml -o p.llb
	run run_in "$L" --trust-blob "$D/inner.llb" -- cat "$T/readable"
	[ "$status" -eq 1 ]
	run run_in "$L" --trust-blob "$D/inner.llb" -- cat /etc/ld.so.cache
	[ "$status" -eq 0 ]
}

@test "calls that a start needs may be notified: the broker answers them" {
	sed -i 's/^\[broker\]/[[seccomp.rule]]\nsyscall = ["@known", "!sendmsg"]\naction = "notify"\n&/' p.toml
	"$LLC" compile -q p.toml -o p.llb
	run run_in sh -c 'cat "$1"; exit 7' sh "$T/readable"
	echo "$output"
	[ "$status" -eq 7 ]
	[ "$output" = readable ]
	# and where it never serves: what the child calls on its way out is not waited for
	rmdir export
	run timeout 60 "$L" --audit "$D/log" --trust-blob p.llb -- true
	echo "$output"
	[ "$status" -eq 125 ]
	[[ $output == *"$D/export"*"p.toml:"* ]]
	cat log
	grep -q '"event":"run.refused".*"status":125' log
	run grep -c run.start log
	[ "$output" = 0 ]
}

# ---- mounts ----

mount_policy() { # mount_policy EXTRA: p.llb with declared mounts
	mkdir -p tmpfs bind object
	policy p "mount_tmpfs = [\"$D/tmpfs\"]
	$1
	[[broker.mount_bind]]
	source = \"$D/tree\"
	target = \"$D/bind\"
	[[broker.mount_object]]
	name = \"cache\"
	fs_type = \"tmpfs\"
	attach = [\"$D/object\"]
	attrs = [\"readonly\", \"noexec\"]"
	echo beneath >tree/file
	unshare --user --mount true 2>/dev/null || skip "user namespaces are closed here"
}

@test "brokered tmpfs: mounted, used, unmounted; nothing elsewhere, nothing left on the host" {
	mount_policy ''
	both "$P" mounts "$D/tmpfs" "$D/outside"
	[ -z "$(ls -A "$D/tmpfs")" ]
	run grep -F "$D" /proc/mounts
	[ "$status" -eq 1 ]
}

@test "brokered bind: by mount(8), read-only, writes refused" {
	mount_policy ''
	run run_in sh -c 'mount -n --bind "$1" "$2" && cat "$2/file" && ! echo x 2>/dev/null >"$2/file" && umount -n "$2"' sh "$D/tree" "$D/bind"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = beneath ]
	mount_policy ''
	sed -i 's|^\ttarget = \(.*bind"\)|\ttarget = \1\n\tread_only = false|' p.toml
	"$LLC" compile -q p.toml -o p.llb
	run run_in sh -c 'mount -n --bind "$1" "$2" && echo through >"$2/file"' sh "$D/tree" "$D/bind"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(cat tree/file)" = through ]
}

@test "brokered open_tree and move_mount, by descriptor and by path" {
	mount_policy ''
	both "$P" mount-fd "$D/tree" "$D/bind" "$D/outside"
}

@test "brokered fsopen, fsconfig, fsmount, move_mount, mount_setattr, umount" {
	mount_policy ''
	both "$P" mount-object cache "$D/object" "$D/outside"
}

@test "attack: /proc bound at run time: what the broker opens there would be its own" {
	mount_policy ''
	sed -i 's|, "/proc"||' p.toml
	sed -i "s|^\(\s*source = \).*|\1\"/proc\"\n\tread_only = false|" p.toml
	"$LLC" compile -q p.toml -o p.llb
	for f in self/mem self/maps self/environ thread-self/mem; do
		run run_in sh -c 'mount -n --bind /proc "$1" && exec 3<"$1/$2"' sh "$D/bind" "$f"
		echo "$output"
		[ "$status" -eq 2 ]
		[[ $output == *"Permission denied"* ]]
	done
	run run_in sh -c 'mount -n --bind /proc "$1" && exec 3<>"$1/self/mem"' sh "$D/bind"
	[ "$status" -eq 2 ]
	# where [fs] grants it, the kernel says what it says to the command
	sed -i "s|^ro = \[|&\"/proc\", |" p.toml
	"$LLC" compile -q p.toml -o p.llb
	run run_in sh -c 'mount -n --bind /proc "$1" && cat "$1/self/comm"' sh "$D/bind"
	echo "$output"
	[ "$output" = cat ]
}

@test "attack: what was bound, by its source's path: neither unmounted nor changed" {
	mount_policy ''
	both "$P" other-name "$D/tree" "$D/bind"
}

@test "addfd: mount objects need rules of their own" {
	mount_policy "addfd = [{ action = \"open\", target = \"/\" }]"
	run run_in "$P" mount-object cache "$D/object" "$D/outside"
	[ "$status" -eq 1 ]
	[[ $output == *fsopen* ]]
	run run_in "$P" mount-fd "$D/tree" "$D/bind" "$D/outside"
	[ "$status" -eq 1 ]
	[[ $output == *open_tree* ]]
	# mount(2) hands nothing over
	both "$P" mounts "$D/tmpfs" "$D/outside"
}

@test "in a root of its own: paths are the policy's beneath it, nothing else of the host" {
	unshare --user --mount true 2>/dev/null || skip "user namespaces are closed here"
	mkdir -p root/bin root/etc root/tmp
	cp "$T/probe" root/bin
	echo motd >root/etc/motd
	cat >p.toml <<-END
	version = 1
	[fs]
	rox = ["$D/root/bin"]
	[runtime]
	root = "$D/root"
	[broker]
	allow_read = ["$D/root/etc/motd"]
	scratch = ["$D/root/tmp"]
	END
	"$LLC" compile -q p.toml -o p.llb
	checked 0 "broker read \"$D/root/etc/motd\""
	both /bin/probe cat /etc/../etc/motd
	[ "$output" = motd ]
	both /bin/probe creat /tmp/x
	[ -e root/tmp/x ]
	run run_in /bin/probe cat "$T/readable"
	[ "$status" -eq 14 ]
	sed -i 's|^scratch = .*|scratch = ["/srv"]|' p.toml
	run "$LLC" compile -q p.toml -o p.llb
	[ "$status" -eq 1 ]
	[[ $output == *"not in the root"* ]]
}

@test "in a root with mounts: what is mounted there counts, not what it covers; publication goes through the view" {
	unshare --user --mount true 2>/dev/null || skip "user namespaces are closed here"
	mkdir -p root/bin root/tmp root/in root/out data
	cp "$P" "$T/probe" root/bin
	echo bound >data/file
	echo covered >root/in/file
	echo covered >root/tmp/file
	cat >p.toml <<-END
	version = 1
	[fs]
	rox = ["$D/root/bin"]
	[mount]
	tmpfs = ["$D/root/tmp"]
	[[mount.bind]]
	source = "$D/data"
	target = "$D/root/in"
	[[mount.bind]]
	source = "$D/export"
	target = "$D/root/out"
	read_only = false
	[runtime]
	root = "$D/root"
	[broker]
	allow_read = ["$D/root/in/file"]
	scratch = ["$D/root/tmp"]
	export = ["$D/root/out"]
	END
	"$LLC" compile -q p.toml -o p.llb
	checked 0 "broker export \"$D/root/out\""
	both /bin/probe cat /in/file
	[ "$output" = bound ]
	both /bin/probe creat /tmp/new
	both /bin/brokered publish /tmp /out
	[ "$(cat "$D/export/art")" = one ]
	[ "$(ls root/tmp)" = file ]
	[ "$(cat root/in/file root/tmp/file)" = $'covered\ncovered' ]
	[ -z "$(ls root/out)" ]
	# the host's names are nobody's there, nor is what lies beside
	for path in "$D/root/in/file" "$D/data/file" /in/../out/art /tmp/../bin/none; do
		run run_in /bin/probe cat "$path"
		[ "$status" -ne 0 ]
	done
	# what a bind shows is named by where it is shown
	sed -i "s|^allow_read = .*|allow_read = [\"$D/data/file\"]|" p.toml
	run "$LLC" compile -q p.toml -o p.llb
	[ "$status" -eq 1 ]
	[[ $output == *"not in the root"* ]]
}

@test "where the caller's directory is hidden, \${CWD} does not become the root" {
	unshare --user --mount true 2>/dev/null || skip "user namespaces are closed here"
	mkdir -p hidden/here
	cat >p.toml <<-END
	version = 1
	[fs]
	rox = ["/usr", "/lib", "/lib64", "/bin"]
	ro = ["/etc/ld.so.cache"]
	[mount]
	tmpfs = ["$D/hidden"]
	[runtime]
	cwd = "/usr"
	[slots.here]
	type = "dir"
	from = "cwd"
	allow_root = true
	[broker]
	scratch = ["\${here}"]
	END
	run "$LLC" compile -q p.toml -o p.llb
	echo "$output"
	[ "$status" -eq 0 ]
	run run_in true
	[ "$status" -eq 0 ]
	cd hidden/here
	run run_in true
	echo "$output"
	[ "$status" -eq 125 ]
	[[ $output == *'chdir("${CWD}")'* ]]
	checked 125 'chdir("${CWD}")'
	cd "$D"
	checked 0 'broker scratch "${here}"'
}

# ---- attacks ----

@test "attack: path swap by a second thread" {
	both "$P" path-swap "$T/readable" "$T/secret"
}

@test "attack: symlink race on scratch" {
	both "$P" link-race "$D/scratch" "$T/secret"
}

@test "attack: a directory that turns into a link and back" {
	both "$P" dir-race "$D/scratch" "$D/outside"
	[ -z "$(ls -A "$D/outside")" ]
}

@test "attack: symlink race on export" {
	both "$P" publish-race "$D/scratch" "$D/export" "$T/secret"
	run grep -rl SECRET "$D/export"
	[ "$status" -eq 1 ]
	[ -n "$(ls "$D/export")" ]
}

@test "attack: rename race on export" {
	both "$P" rename-race "$D/scratch" "$D/export" "$T/secret"
	[ -z "$(find "$D/export" -mindepth 1 ! -type f)" ]
	[ -n "$(ls "$D/export")" ]
	# as it was when it was published, whoever has it open
	[ -z "$(find "$D/export" -type f ! -size 4c)" ]
	[ "$(cat "$D/export"/* | sed 's/fine//g')" = "" ]
}

@test "attack: a descriptor that changes under a call" {
	both "$P" fd-swap "$D/scratch" "$D/outside"
	[ -z "$(ls -A "$D/outside")" ]
}

# few process ids, and a broker that takes long between a look at a caller and the next
@test "attack: pid reuse" {
	unshare -Urpf --mount-proc true 2>/dev/null || skip "user namespaces are closed here"
	command -v strace >/dev/null || skip "no strace"
	few() { unshare -Urpf --mount-proc sh -c 'echo 380 >/proc/sys/kernel/pid_max && exec "$@"' sh "$@"; }
	run few true
	[ "$status" -eq 0 ] || skip "before Linux 6.14 all namespaces have one pid_max"
	for call in process_vm_readv openat; do
		rm -rf scratch/*
		run few strace -f -qq -o /dev/null -e trace=$call -e inject=$call:delay_exit=60000 \
			timeout 100 "$L" --trust-blob "$D/p.llb" -- "$P" pid-reuse "$D/scratch" 1500
		echo "$call: $output"
		[ "$status" -eq 0 ]
	done
}

@test "attack: hard-link alias, smuggled descriptors, /proc/self" {
	both "$P" smuggle "$D/scratch" "$D/tree/file"
}

@test "attack: another file gets the inode number of one that had no name" {
	mkfifo to from
	run_in "$P" reuse "$D/scratch" "$D/outside/secret" <to >from &
	local pid=$! word number other i
	exec 8>to 9<from
	read -r -u 9 word number
	[ "$word" = made ]
	for i in $(seq 200); do # whether it happens is the file system's affair; the answer must be the same
		echo SECRET >"outside/$i"
		other=$(stat -c %i "outside/$i")
		mv "outside/$i" outside/secret
		[ "$other" != "$number" ] || break
	done
	echo >&8
	wait "$pid"
	run grep -rl SECRET "$D/scratch"
	[ "$status" -eq 1 ]
	exec 8>&- 9<&-
}

@test "attack: ptrace, /proc/PID/mem, descriptors and memory of the broker" {
	both "$P" broker-attack
}

@test "attack: io_uring, file handles" {
	both "$P" closed "$T/readable"
}

@test "attack: entry by i386 and x32" {
	[ "$(uname -m)" = x86_64 ] || skip "x86_64 only"
	run run_in "$T/probe" syscall32 20
	[ "$status" -eq 159 ]
	run run_in "$T/probe" syscall $((0x40000000 + 39))
	[ "$status" -eq 159 ]
	run run_in "$T/probe" syscall 39
	[ "$status" -eq 0 ]
}

@test "attack: ioctls on what was handed over, past Landlock: subvolumes, typing into a terminal" {
	local ioctl
	ioctl=$([ "$(uname -m)" = x86_64 ] && echo 16 || echo 29)
	for request in $((0x50009401)) $((0x5000940f)) $((0x5412)); do # snapshot, its removal; TIOCSTI
		run run_in sh -c 'exec "$0" syscall "$@" <tree' "$T/probe" "$ioctl" 0 "$request" 0
		echo "$request: $output"
		[ "$status" -eq 10 ]
	done
	# it is the filter that answers: without a broker, another does
	sed '/^\[broker\]/,$d; s|^ro = \[|&"'"$D/tree"'", |' p.toml >plain.toml
	"$LLC" compile -q plain.toml -o p.llb
	run run_in sh -c 'exec "$0" syscall "$@" <tree' "$T/probe" "$ioctl" 0 $((0x5412)) 0
	[ "$status" -eq 14 ]
}

@test "attack: exhausting the broker; FIFOs hold nobody up" {
	both "$P" exhaust "$D/scratch" "$T/readable"
}

@test "a long publication holds nobody up" {
	both "$P" hold-up "$D/scratch" "$D/export" "$T/readable"
	[ "$(stat -c %s "$D/export/big")" -eq $((256 << 20)) ]
}

@test "attack: callers that die, and whose ids others get" {
	both "$P" churn "$T/readable"
}

@test "attack: a root of its own by chroot" {
	unshare --user true 2>/dev/null || skip "user namespaces are closed here"
	both "$P" chroot "$D/scratch" "$T/readable"
}

@test "attack: another user's files after setresuid" {
	[ "$(id -u)" -eq 0 ] || skip "root only"
	# by default nothing is done for a process that is another user's than the broker
	run run_in "$P" drop "$T/readable" "$T/private" 65534
	[ "$status" -eq 1 ]
	[[ $output == *"what all may read"* ]]
	sed -i 's/^\[broker\]/[process]\ndrop_caps = []\n&/' p.toml
	"$LLC" compile -q p.toml -o p.llb
	run run_in "$P" drop "$T/readable" "$T/private" 65534
	echo "$output"
	[ "$status" -eq 0 ]
}

# in one of mode 600, and in a directory of mode 700, of another user
give_up() { # give_up HOW...
	local how file
	for how in "$@"; do
		for file in "$D/theirs" "$D/dir/theirs"; do
			run run_in "$P" give-up "$how" "$file"
			echo "$how: $output"
			[ "$status" -eq 0 ] || return 1
		done
	done
}

@test "attack: capabilities that a program gives up for the next one, by prctl(2) or a user namespace" {
	[ "$(id -u)" -eq 0 ] || skip "root only"
	local spaces=
	unshare --user true 2>/dev/null && spaces="unshare clone clone3"
	mkdir dir
	echo theirs | tee theirs >dir/theirs
	chown 1:1 theirs dir
	chmod 600 theirs
	chmod 700 dir
	sed -i "s|^allow_read = .*|allow_read = [\"$D/theirs\", \"$D/dir/theirs\"]|" p.toml
	"$LLC" compile -q p.toml -o p.llb
	give_up none noroot bounding $spaces
	# what else of that call a policy wants reported is, and these are looked at all the same
	printf '[seccomp]\n[[seccomp.rule]]\nsyscall = "prctl"\naction = "notify"\nwhen = "option == 15"\n' >>p.toml
	"$LLC" compile -q p.toml -o p.llb
	give_up none noroot bounding
	run timeout 60 "$L" --audit log p.llb -- "$P" give-up name "$D/theirs"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '"event":"broker.call"' log)" -eq 1 ]
	[ -n "$spaces" ] || skip "user namespaces are closed here: without them"
}

@test "attack: a directory that another user may not search, after setresuid" {
	[ "$(id -u)" -eq 0 ] || skip "root only"
	mkdir shut
	echo within >shut/file
	chmod 700 shut
	sed -i "s|^allow_read = .*|allow_read = [\"$T/readable\", \"$D/shut/file\"]|; s/^\[broker\]/[process]\ndrop_caps = []\n&/" p.toml
	"$LLC" compile -q p.toml -o p.llb
	run run_in "$P" drop "$T/readable" "$D/shut/file" 65534
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "attack: the broker is killed: the run ends" {
	mkfifo out
	"$L" p.llb -- "$P" wait >out &
	local run=$!
	read -r child <out
	[ -e "/proc/$child" ]
	kill -KILL "$(broker_of "$child")"
	wait "$run" || :
	for _ in $(seq 1 600); do
		[ -e "/proc/$child" ] || return 0
		sleep 0.1
	done
	return 1
}

@test "the broker is confined: no_new_privs, a filter, not dumpable" {
	mkfifo out
	"$L" p.llb -- "$P" wait >out &
	local run=$! broker
	read -r child <out
	broker=$(broker_of "$child")
	grep -q '^NoNewPrivs:.1' "/proc/$broker/status"
	grep -q '^Seccomp:.2' "/proc/$broker/status"
	[ "$(stat -c %u "/proc/$broker/environ")" -eq 0 ]
	kill -KILL "$broker"
	wait "$run" || :
}

@test "every answer is in the audit log: allow, deny, error; calls that a rule reports" {
	sed -i 's/^\[broker\]/[[seccomp.rule]]\nsyscall = "getpgid"\naction = "notify"\n&/' p.toml
	"$LLC" compile -q p.toml -o p.llb
	run timeout 60 "$L" --audit "$D/log" --trust-blob p.llb -- sh -c 'cat "$1"; echo x >>"$1"; cd "$2"
		mkdir d; mkdir d; mkfifo f; mv f g; ln g h; ln -s g i; rm h i; rmdir d; echo 1 >a; "$3" truncate a; ln -s "$1" z; echo x >>z; mv a ../export/a
		"$3" syscall "$4" 0' sh "$T/readable" "$D/scratch" "$T/probe" "$([ "$(uname -m)" = x86_64 ] && echo 121 || echo 155)"
	cat "$D/log"
	says() { grep '"event":"broker.'"$1"'"' "$D/log" | grep -q "$2"; }
	says start '"rules":7'
	says open '"scope":"exception","operation":"read","path":"'"$T"'/readable","decision":"allow"'
	says open '"operation":"write","path":"'"$T"'/readable","decision":"deny","errno":13'
	[ "$(grep -c '"operation":"write","path":"'"$T"'/readable","decision":"deny"' log)" -eq 2 ] # by a link, too
	says open '"syscall":"truncate","scope":"scratch","operation":"write","path":"'"$D"'/scratch/a","decision":"allow"'
	says open '"scope":"scratch","operation":"create".*"decision":"allow"'
	says mkdir '/scratch/d","decision":"allow"'
	says mkdir '/scratch/d","decision":"error","errno":17'
	says mknod '/scratch/f"'
	says rename '/scratch/f","new_path":"[^"]*/scratch/g"'
	says link '/scratch/g","new_path":"[^"]*/scratch/h"'
	says symlink '/scratch/i"'
	says unlink '/scratch/h"'
	says rmdir '/scratch/d"'
	says rename '/scratch/a","new_path":"[^"]*/export/a"'
	says call '"syscall":"nr:'
	says end '"count":[1-9]'
}

# calls POLICY COMMAND...: how many calls of the command reached the broker
calls() {
	local policy=$1
	shift
	rm -f log
	timeout 60 "$L" --audit "$D/log" --trust-blob "$policy.llb" -- "$@" >/dev/null 2>&1 || :
	sed -n 's/.*"event":"broker.end".*"count":\([0-9]*\).*/\1/p' log
}

@test "an open that no exception could grant does not reach the broker, and ends as ever" {
	local head="version = 1
[fs]"
	# only reading is declared: what writes stays with the kernel
	printf '%s\nrox = ["/"]\nrw = ["/dev/null", "%s"]\n[broker]\nallow_read = ["%s"]\n' "$head" "$D/outside" "$T/readable" >r.toml
	"$LLC" compile -q r.toml -o r.llb
	[ "$(calls r "$P" opens "$T/readable" r)" -eq 1 ]
	for how in w rw rt wc wct rwx; do
		[ "$(calls r "$P" opens "$D/outside/new" "$how")" -eq 0 ] || { echo "$how" && return 1; }
	done
	# O_CREAT without writing finds what is there: that may be a declared file
	[ "$(calls r "$P" opens "$T/readable" rc)" -eq 1 ]
	run "$L" --trust-blob r.llb -- "$P" opens "$T/readable" w
	[ "$status" -eq 13 ]
	run "$L" --trust-blob r.llb -- "$P" opens "$D/outside/new" rw
	[ "$status" -eq 0 ]
	# only writing is declared
	printf '%s\nrox = ["/usr", "%s"]\n[broker]\nallow_write = ["%s/writable"]\naddfd = [{ action = "open", target = "%s", mode = "write" }]\n' \
		"$head" "$P" "$D" "$D" >w.toml
	"$LLC" compile -q w.toml -o w.llb
	[ "$(calls w "$P" opens "$D/writable" w)" -eq 1 ]
	[ "$(calls w "$P" opens "$D/writable" wc)" -eq 1 ]
	for how in r rw rc rwx; do
		[ "$(calls w "$P" opens "$D/writable" "$how")" -eq 0 ] || { echo "$how" && return 1; }
		run "$L" --trust-blob w.llb -- "$P" opens "$D/writable" "$how"
		[ "$status" -ne 0 ]
	done
	run "$L" --trust-blob w.llb -- "$P" opens "$D/writable" w
	[ "$status" -eq 0 ]
}

@test "where everything may be read, trees for writing see no opens for reading; a file that may be a device does" {
	local reads
	for reads in 'rox = ["/"]' 'unrestricted = ["execute", "read_file", "read_dir"]'; do
		printf 'version = 1\n[fs]\n%s\n[broker]\nscratch = ["%s/scratch"]\nexport = ["%s/export"]\n' "$reads" "$D" "$D" >s.toml
		"$LLC" compile -q s.toml -o s.llb
		echo kept >scratch/f
		[ "$(calls s cat "$D/scratch/f")" -eq 0 ]
		[ "$(calls s ls "$D/scratch")" -eq 0 ]
		for how in w rw rt wc rwx; do
			rm -f scratch/f && echo kept >scratch/f
			[ "$(calls s "$P" opens "$D/scratch/f" "$how")" -eq 1 ] || { echo "$how" && return 1; }
		done
		rm -f scratch/f
		# created by the broker, though opened for reading
		[ "$(calls s "$P" opens "$D/scratch/f" rc)" -eq 1 ]
		[ -e scratch/f ]
		run "$L" --trust-blob s.llb -- "$P" opens "$D/outside/f" wc
		[ "$status" -eq 13 ]
		# the same with a single file, which may be a device: what the broker opens is not bound by ioctl_dev
		sed "s|^scratch.*|allow_write = [\"$D/writable\"]|; /^export/d" s.toml >d.toml
		"$LLC" compile -q d.toml -o d.llb
		[ "$(calls d "$P" opens "$D/writable" r)" -eq 1 ]
		# and with one for reading, which is there to be recorded
		sed "s|^\[broker\]|&\nallow_read = [\"$T/readable\"]|" s.toml >d.toml
		"$LLC" compile -q d.toml -o d.llb
		[ "$(calls d "$P" opens "$T/readable" r)" -eq 1 ]
	done
	# one layer that does not let everything be read is enough
	printf 'version = 1\n[fs]\nrox = ["/"]\n[[fs_layer]]\nhandled_access_fs = ["read_file"]\n[[fs_layer.rule]]\npath = "/usr"\nallowed_access = ["read_file"]\n' >l.toml
	printf '[[fs_layer.rule]]\npath = "%s"\nallowed_access = ["read_file"]\n[broker]\nscratch = ["%s/scratch"]\n' "$P" "$D" >>l.toml
	"$LLC" compile -q l.toml -o l.llb
	[ "$(calls l "$P" opens "$D/scratch/f" r)" -eq 1 ]
	run "$L" --trust-blob l.llb -- "$P" opens "$D/scratch/f" r
	[ "$status" -eq 0 ]
}

@test "publications can be selected in the log; what may not be published is denied, with its errno" {
	run timeout 60 "$L" --audit "$D/log" --trust-blob p.llb -- sh -c 'cd "$1"; mkdir d; mkfifo f; echo 1 >a; echo 2 >b
		mv a ../export/a; ln b ../export/b; mv b ../export/b; mv -T d ../export/d; ln f ../export/f; mv no ../export/no
		ln b c' sh "$D/scratch"
	cat "$D/log"
	python3 "$BATS_TEST_DIRNAME/audit.py" check "$D/log" >/dev/null
	published() { grep '"scope":"export","operation":"publish"' "$D/log" | grep -c "export/$1\",\"decision\":\"$2\"$3[,}]"; }
	[ "$(published a allow)" -eq 1 ]
	[ "$(published b allow)" -eq 1 ]
	[ "$(published b deny ',"errno":17')" -ge 1 ]
	[ "$(published d deny ',"errno":13')" -ge 1 ]
	[ "$(published f deny ',"errno":13')" -eq 1 ]
	[ "$(grep -c '"operation":"publish".*"decision":"allow"' "$D/log")" -eq 2 ]
	# within scratch: as ever
	grep -q '"scope":"scratch","operation":"link".*/scratch/c","decision":"allow"' "$D/log"
	[ "$(ls "$D/export")" = $'a\nb' ]
}

@test "attack: a log that the command shuts by prlimit: what the log does not take does not happen" {
	state() { find scratch export -type f -printf '%p %s %n\n' -o -printf '%p %y\n' | sort; }
	# a companion keeps the command from it; without that one:
	run run_in "$P" mute mkdir "$D/scratch" "$D/export" shut
	[[ $output == *"prlimit (Operation not permitted)"* ]]
	policy p $'[companions]\nlimits = false'
	for what in publish-rename publish-link mkdir mknod symlink unlink rmdir rename link truncate open-trunc create; do
		rm -rf scratch export log
		mkdir scratch export scratch/dir
		echo evil >scratch/evil
		# the same with its record, where the log is not shut
		run timeout 60 "$L" --audit "$D/log" --trust-blob p.llb -- "$P" mute "$what" "$D/scratch" "$D/export" open
		echo "$what: $output"
		[ "$status" -eq 0 ]
		grep -q '"event":"broker.*"decision":"allow"' log
		rm -rf scratch export log
		mkdir scratch export scratch/dir
		echo evil >scratch/evil
		state >before
		run timeout 60 "$L" --audit "$D/log" --trust-blob p.llb -- "$P" mute "$what" "$D/scratch" "$D/export" shut
		echo "$what, shut: $output"
		[ "$status" -eq 125 ]
		[[ $output == *EFBIG*"limit on file sizes"* ]]
		state >after
		diff before after
	done
}

@test "attack: the same with mounts: none is made, changed or undone that the log does not take" {
	mount_policy $'[companions]\nlimits = false'
	for what in mount umount mount_setattr; do
		rm -f log
		run timeout 60 "$L" --audit "$D/log" --trust-blob p.llb -- "$P" mute "$what" "$D/tmpfs" "$D/export" open
		echo "$what: $output"
		[ "$status" -eq 0 ]
		grep -q "\"event\":\"broker.$what\".*\"decision\":\"allow\"" log
		rm -f log
		run timeout 60 "$L" --audit "$D/log" --trust-blob p.llb -- "$P" mute "$what" "$D/tmpfs" "$D/export" shut
		echo "$what, shut: $output"
		[ "$status" -eq 125 ]
		[[ $output == *EFBIG*"limit on file sizes"* && $output != *done* ]]
	done
}

@test "mounts are in the log once, when they are made; and again when that fails" {
	mount_policy ''
	run timeout 60 "$L" --audit "$D/log" --trust-blob p.llb -- "$P" mounts "$D/tmpfs" "$D/outside"
	[ "$status" -eq 0 ]
	says() { grep "\"event\":\"broker.$1\"" log | grep -c "\"decision\":\"$2\"" || :; }
	# made twice; a third time refused with EBUSY, and one record
	[ "$(says mount allow)" -eq 2 ]
	[ "$(says mount error)" -eq 1 ]
	# undone twice; once it was in use, which nobody knows before: two records
	[ "$(says umount allow)" -eq 3 ]
	[ "$(says umount error)" -eq 1 ]
	python3 "$BATS_TEST_DIRNAME/audit.py" check log >/dev/null
}

@test "attack: a path that is as long as to push the other out of the record" {
	local log long
	log() { timeout 60 "$L" --audit "$D/log" --trust-blob p.llb -- sh -c 'cd "$1"; n=$2
		while [ "$n" -gt 0 ]; do mkdir "$3" && cd -P "$3" || exit; n=$((n - 1)); done
		echo evil >x; mv x "$4/backdoor"; mkdir "$5"' sh "$D/scratch" "$1" "$long" "$D/export" last; }
	long=$(printf '\377%.0s' $(seq 200))
	run log 8
	echo "$output"
	[[ $output == *"File name too long"* ]]
	[ -z "$(ls -A export)" ]
	python3 "$BATS_TEST_DIRNAME/audit.py" check log >/dev/null
	cat log
	# it names what was to be, and what was decided
	grep -q '"new_path":"'"$D"'/export/backdoor","decision":"deny","errno":36,"truncated":true' log
	rm -rf scratch/* log
	run log 1
	[ "$status" -eq 0 ]
	grep -q '"new_path":"'"$D"'/export/backdoor","decision":"allow"}' log
	[ -e export/backdoor ]
}

# calls in the broker that take seconds, as strace makes them
@test "attack: all threads busy: calls that a rule reports are in the log, and that the broker was saturated" {
	command -v strace >/dev/null || skip "no strace"
	sed -i 's/^\[broker\]/[[seccomp.rule]]\nsyscall = "getpgid"\naction = "notify"\n&/' p.toml
	"$LLC" compile -q p.toml -o p.llb
	run timeout 150 strace -f -qq -o /dev/null -e trace=mkdirat,fsync -e inject=mkdirat:delay_exit=3000000 \
		timeout 140 "$L" --audit "$D/log" --trust-blob p.llb -- "$P" saturate "$D/scratch" "$T/readable"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '"event":"broker.call"' log)" -eq "${output##* }" ]
	grep -q '"event":"broker.saturated"' log
	[ "$(grep -c '"event":"broker.saturated".*"count":[1-9]' log)" -ge 1 ]
	python3 "$BATS_TEST_DIRNAME/audit.py" check log >/dev/null
}

@test "attack: more long publications than threads: others are answered, each is carried out in its turn" {
	command -v strace >/dev/null || skip "no strace"
	local refused
	for count in 60 140; do # 16 and 64 that wait; and more
		rm -rf log export/*
		run timeout 100 strace -f -qq -o /dev/null -e trace=fsync -e inject=fsync:delay_enter=1000000 timeout 90 \
			"$L" --audit "$D/log" --trust-blob p.llb -- "$P" publish-many "$count" "$D/scratch" "$D/export" "$T/readable"
		echo "$output"
		[ "$status" -eq 0 ]
		refused=${output##* }
		[ "$count" -ne 60 ] || [ "$refused" -eq 0 ]
		[ "$(ls export | wc -l)" -eq $((count - refused)) ]
		[ "$(grep -c '"operation":"publish".*"decision":"allow"' log)" -eq $((count - refused)) ]
		[ "$(grep -c '"operation":"publish".*"decision":"error","errno":11' log)" -eq "$refused" ]
		run grep -c saturated log
		[ "$output" -eq 0 ]
	done
}
