# SPDX-License-Identifier: MIT
# judge.awk REPORT CASES...: what a machine reported (tests/probe/vminit.c) against what the cases (abi2.cases)
# expect. One line per case: "ok NAME", or "not ok NAME", what was expected and what came, and the output. A case the
# machine did not run is not ok.
BEGIN { FS = "[ \t]*[|][ \t]*" }
{ sub(/\r$/, "") }
FNR == 1 { file++ }

file == 1 && /^vm begin / { name = substr($0, 10); output[name] = "" }
file == 1 && /^[|] / { output[name] = output[name] substr($0, 3) "\n" }
file == 1 && /^vm end / { split($0, word, " "); got[word[3]] = word[4] " " word[5] }
file == 1 || /^[ \t]*(#|$)/ { next }

# expected: "STATUS CHANGED"; STATUS may be alternatives, e.g. 10/11
function matches(actual, expected,    a, e, statuses, i, n) {
	split(actual, a, " ")
	split(expected, e, " ")
	n = split(e[1], statuses, "/")
	for (i = 1; i <= n; i++)
		if (a[1] == statuses[i])
			return a[2] == e[2]
	return 0
}

# wanted: texts separated by ";". "!text" must be absent, "N* text" must occur N times. Returns the one that fails.
function says(text, wanted,    words, i, n, word, times) {
	n = split(wanted, words, / *; */)
	for (i = 1; i <= n; i++) {
		word = words[i]
		times = -1
		if (sub(/^!/, "", word))
			times = 0
		else if (match(word, /^[0-9]+[*] /)) {
			times = word + 0
			word = substr(word, RLENGTH + 1)
		}
		if (times < 0 ? !occurrences(text, word) : occurrences(text, word) != times)
			return words[i]
	}
	return ""
}

function occurrences(text, word,    n, at) {
	while ((at = index(text, word)) > 0) {
		n++
		text = substr(text, at + length(word))
	}
	return n + 0
}

function verdict(name, expected, wanted,    missing) {
	if (!(name in got))
		printf "not ok %s: the machine did not run it\n", name
	else if (!matches(got[name], expected))
		printf "not ok %s: expected %s, got %s\n%s", name, expected, got[name], output[name]
	else if ((missing = says(output[name], wanted)) != "")
		printf "not ok %s: the output does not fit: %s\n%s", name, missing, output[name]
	else
		printf "ok %s\n", name
}

{
	verdict($1, $2, $4)
	if ($3 != ".")
		verdict($1 "/bare", $3, "")
}
