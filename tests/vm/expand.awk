# SPDX-License-Identifier: MIT
# Cases (see abi2.cases) to the machine's own form, one command per line: "NAME COMMAND" under the policy and
# "NAME/bare COMMAND" without, which is the control.
BEGIN { FS = "[ \t]*[|][ \t]*" }
/^[ \t]*(#|$)/ { next }
NF != 6 { printf "%s:%d: six fields wanted\n", FILENAME, FNR >"/dev/stderr"; exit 1 }
{
	# "SERVER : OPERATION": the server stays outside the sandbox
	around = ""
	operation = "/bin/probe " $6
	if (split($6, part, / : /) == 2) {
		around = "/bin/probe " part[1] " "
		operation = "/bin/probe " part[2]
	}
	options = policy = $5
	sub(/ *[^ ]+$/, "", options)
	sub(/.* /, "", policy)
	sub(/[ \t]+$/, "", operation)
	print $1, around "/bin/llrun " options " /p/" policy ".llb -- " operation
	if ($3 != ".")
		print $1 "/bare", around operation
}
