#!/usr/bin/env bats
# What a policy means where it says nothing, read from the blob (dump) and from lint. Each default beside its opposite,
# so that a default that has become the only behaviour fails too.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
}

FS='[fs]
with = ["dev", "loader"]
rox = ["/usr/bin"]
unix = []'

# policy LINES...: p.toml with these lines, one argument per line or block
policy() {
	printf 'version = 1\n' >p.toml
	printf '%s\n' "$@" >>p.toml
}

# is WANT FILTER [COMPILE-OPTIONS...]: the dump of p.toml, through jq
is() {
	local want=$1 filter=$2 got
	shift 2
	"$LLC" compile -q -o p.llb "$@" p.toml || return 1
	got=$("$LLC" dump --json p.llb | jq -c "$filter") || return 1
	[ "$got" = "$want" ] || { printf '%s is %s, not %s\n' "$filter" "$got" "$want"; return 1; }
}

# the coverage of one guarantee: null when the policy does not give it
guarantee() {
	echo "[.coverage[] | select(.name == \"$1\")] | length"
}

says() {
	"$LLC" lint p.toml 2>&1 | grep -q -- "$1"
}

silent() {
	local status=0
	"$LLC" lint p.toml >said 2>&1 || status=$?
	[ "$status" -eq 0 ] || { cat said; return 1; }
	if grep -- "$1" said; then return 1; fi
}

@test "an absent [fs] leaves files unrestricted, and lint says so" {
	policy '[net]' '[scope]'
	is 0 "$(guarantee fs)"
	is '[]' '[.plans[7].layers[].fs[]]'
	is '[]' .path_rules
	says 'no \[fs\]: the file system is unrestricted \[subject-unrestricted\]'
	policy "$FS" '[net]' '[scope]'
	is 1 "$(guarantee fs)"
	silent subject-unrestricted
	policy '[fs]' 'unrestricted = true' '[net]' '[scope]'
	is 0 "$(guarantee fs)"
	silent subject-unrestricted
}

@test "an absent [net] leaves the network unrestricted, and lint says so" {
	policy "$FS" '[scope]'
	is '[]' '[.plans[7].layers[].net[]]'
	is 0 "$(guarantee net.udp)"
	is 0 "$(guarantee net.families)"
	says 'no \[net\]: the network is unrestricted \[subject-unrestricted\]'
	policy "$FS" '[net]' '[scope]'
	is '["bind_tcp","connect_tcp"]' '.plans[7].layers[0].net'
	silent subject-unrestricted
	policy "$FS" '[net]' 'unrestricted = true' '[scope]'
	is '[]' '[.plans[7].layers[].net[]]'
	silent subject-unrestricted
}

@test "an absent [scope] leaves signals and abstract sockets unrestricted, and lint says so; a present one has both" {
	policy "$FS" '[net]'
	is '[]' '[.plans[7].layers[].scope[]]'
	says 'no \[scope\]: signals and abstract UNIX sockets are unrestricted \[subject-unrestricted\]'
	policy "$FS" '[net]' '[scope]'
	is '["abstract_unix_socket","signal"]' '.plans[7].layers[0].scope'
	policy "$FS" '[net]' '[scope]' 'signal = false'
	is '["abstract_unix_socket"]' '.plans[7].layers[0].scope'
	policy "$FS" '[net]' '[scope]' 'abstract_unix_socket = false'
	is '["signal"]' '.plans[7].layers[0].scope'
	policy "$FS" '[net]' '[scope]' 'unrestricted = true'
	is '[]' '[.plans[7].layers[].scope[]]'
	silent subject-unrestricted
}

@test "in a present table what is not listed is denied" {
	policy "$FS" '[net]' '[scope]'
	is 15 '.plans[7].layers[0].fs - ["refer"] | length'
	is '[]' .port_rules
	policy '[fs]' 'unrestricted = ["execute"]' '[net]' '[scope]'
	is 14 '.plans[7].layers[0].fs - ["refer"] | length'
}

@test "pathname sockets: unrestricted without the key, on every kernel, and lint says so" {
	policy '[fs]' 'rox = ["/usr/bin"]' '[net]' '[scope]'
	is 0 "$(guarantee fs.unix)"
	is false '.plans[11].layers[0].fs | contains(["resolve_unix"])'
	says '\[unix-unrestricted\]'
	policy "$FS" '[net]' '[scope]'
	is 1 "$(guarantee fs.unix)"
	is true '.plans[11].layers[0].fs | contains(["resolve_unix"])'
	silent unix-unrestricted
}

@test "udp is denied with the plain keys, allowed in landlockd's form" {
	policy "$FS" '[net]' 'connect_tcp = [443]' '[scope]'
	is 1 "$(guarantee net.udp)"
	is true '.plans[10].layers[0].net | contains(["bind_udp", "connect_send_udp"])'
	silent udp-open
	policy "$FS" '[net]' 'connect_tcp = [443]' 'udp = "allow"' '[scope]'
	is 0 "$(guarantee net.udp)"
	is false '.plans[10].layers[0].net | contains(["bind_udp"])'
	policy "$FS" '[net]' 'handled_access_net = ["connect_tcp"]' '[[net.rule]]' 'port = 443' 'allowed_access = ["connect_tcp"]' '[scope]'
	is 0 "$(guarantee net.udp)"
	is '["connect_tcp"]' '.plans[10].layers[0].net'
	says '\[udp-open\]'
	policy "$FS" '[net]' 'handled_access_net = ["connect_tcp"]' 'udp = "deny"' '[[net.rule]]' 'port = 443' 'allowed_access = ["connect_tcp"]' '[scope]'
	is 1 "$(guarantee net.udp)"
	silent udp-open
}

@test "compat is strict: below min_abi every plan refuses; best-effort runs" {
	policy "$FS" '[net]' 'connect_tcp = [443]' '[scope]'
	is '"strict"' .policy.compat
	is '[0,1,2,3,4,5]' '[.plans[] | select(.refuse) | .abi]'
	policy '[policy]' 'compat = "best-effort"' "$FS" '[net]' 'connect_tcp = [443]' '[scope]'
	is '"best-effort"' .policy.compat
	is '[0]' '[.plans[] | select(.refuse) | .abi]'
	says '\[best-effort\]'
}

@test "min_abi is the lowest ABI that covers every guarantee; stating less is exit 3" {
	policy "$FS"
	is 1 .policy.min_abi
	policy "$FS" '[net]'
	is 1 .policy.min_abi
	policy "$FS" '[net]' 'connect_tcp = [443]'
	is 4 .policy.min_abi
	is '"6.7"' .policy.min_kernel
	policy "$FS" '[scope]'
	is 6 .policy.min_abi
	policy '[fs]' 'rox = ["/usr/bin"]' 'unix = ["/run/app.sock"]'
	is 9 .policy.min_abi
	policy '[seccomp]' 'deny = ["bpf"]'
	is 0 .policy.min_abi
	policy '[policy]' 'min_abi = 7' "$FS" '[net]' 'connect_tcp = [443]'
	is 7 .policy.min_abi
	policy '[policy]' 'min_abi = 3' "$FS" '[net]' 'connect_tcp = [443]'
	run "$LLC" compile -o q.llb p.toml
	[ "$status" -eq 3 ]
	[[ $output == *'p.toml:3:11: error: '*'[min-abi]'* ]]
	[ ! -e q.llb ]
}

@test "process: @dangerous is dropped, descriptors are closed, no new session, umask inherited" {
	dangerous=$(sed -n 's/^CAP(\([a-z_]*\), [0-9]*, 1,.*/"\1"/p' "$ROOT/schema/caps.def" | paste -sd,)
	policy "$FS"
	is "[$dangerous]" .process.drop_caps
	is '[true,[],false,null]' '.process | [.close_fds, .keep_fds, .new_session, .umask]'
	policy "$FS" '[process]'
	is "[$dangerous]" .process.drop_caps
	is '[true,[],false,null]' '.process | [.close_fds, .keep_fds, .new_session, .umask]'
	policy "$FS" '[process]' 'drop_caps = []' 'close_fds = false' 'new_session = true' 'umask = "077"'
	is '[[],false,true]' '.process | [.drop_caps, .close_fds, .new_session]'
	is true '.process.umask != null'
	says '\[dangerous-caps-kept\]'
	says '\[fds-inherited\]'
}

@test "errno is EPERM" {
	policy '[seccomp]' 'deny = ["bpf"]'
	is '["errno EPERM"]' '.filters[0].calls[] | select(.name == "bpf") | .actions'
	policy '[seccomp]' 'deny = ["bpf"]' 'errno = "ENOSYS"'
	is '["errno ENOSYS"]' '.filters[0].calls[] | select(.name == "bpf") | .actions'
	policy '[seccomp]' 'deny = ["bpf"]' 'errno = 13'
	is '["errno EACCES"]' '.filters[0].calls[] | select(.name == "bpf") | .actions'
}

@test "--arch is x86_64,aarch64; foreign architectures and x32 are killed" {
	policy '[seccomp]' 'deny = ["bpf"]'
	is '["aarch64","x86_64"]' '[.filters[].arch] | unique'
	is '[["kill_process"]]' '[.filters[].other_architectures] | unique'
	is '["kill_process"]' '.filters[] | select(.arch == "x86_64") | .x32'
	is '["x86_64"]' '[.filters[].arch] | unique' --arch x86_64
	policy '[seccomp]' 'deny = ["bpf", "iopl"]'
	says 'note: aarch64 does not have the system call iopl \[syscall-other-arch\]'
	run "$LLC" lint --arch x86_64 p.toml
	[[ $output != *syscall-other-arch* ]]
}

@test "environment: inherited without [env], only what is listed with it" {
	policy "$FS"
	is null .environment
	says '\[env-inherited\]'
	policy "$FS" '[env]'
	is false '.environment == null'
	silent env-inherited
}

@test "audit: the kernel's own switches where the policy says nothing" {
	policy "$FS"
	is '[]' '.plans[7].log_flags'
	policy "$FS" '[audit]'
	is '[]' '.plans[7].log_flags'
	policy "$FS" '[audit]' 'log_same_exec = false' 'log_new_exec = true' 'log_subdomains = false'
	is '["log_same_exec_off","log_new_exec_on","log_subdomains_off"]' '.plans[7].log_flags'
	is '[]' '.plans[6].log_flags'
}

@test "paths are required, links beneath slots are not followed, a slot may not be /" {
	policy '[fs]' 'ro = ["/srv", "${work}/a"]' '[slots.work]' 'type = "dir"' 'from = "arg"'
	is '[[false,false],[false,false]]' '[.path_rules[] | select(.path | test("srv|work")) | [.optional, .follow]]'
	is '[[false,false]]' '[.slots[] | [.allow_root, .optional]]'
	policy '[fs]' 'ro = [{ path = "/srv", optional = true }, { path = "${work}/a", follow = true }]' '[slots.work]' 'type = "dir"' 'from = "arg"' 'allow_root = true'
	is '[[true,false],[false,true]]' '[.path_rules[] | select(.path | test("srv|work")) | [.optional, .follow]]'
	is '[[true,false]]' '[.slots[] | [.allow_root, .optional]]'
}

@test "\${TMPDIR} defaults to /tmp; \${HOME} and \${CWD} have no default" {
	policy '[fs]' 'ro = ["${TMPDIR}", "${HOME}", "${CWD}"]'
	is '[["CWD",null],["HOME",null],["TMPDIR","/tmp"]]' '[.slots[] | [.name, .default]] | sort'
}

@test "a document with nothing but version is an error with a hint" {
	policy
	run "$LLC" lint p.toml
	[ "$status" -eq 1 ]
	[[ $output == *'[empty-policy]'*'note: '* ]]
}
