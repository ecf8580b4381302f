#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the decoder over every case of toml-test: toml_suite.py DECODER SUITE

One line per case: "GROUP pass NAME" or "GROUP fail NAME: why"; GROUP is valid/array, invalid/string, … Values are
compared by the suite's rules: floats as numbers, date-times as moments, everything else as text.
"""
import json
import pathlib
import re
import subprocess
import sys


def moment(text):
    """A date-time in one spelling: no trailing zeros in the fraction, UTC as Z."""
    text = re.sub(r"[+-]00:00$", "Z", text.upper().replace(" ", "T"))
    return re.sub(r"\.(\d*?)0*(?=[Z+-]|$)", lambda m: "." + m[1] if m[1] else "", text)


def same_scalar(got, want):
    kind = want["type"]
    if got["type"] != kind:
        return False
    if kind == "float":
        a, b = float(got["value"]), float(want["value"])
        return a == b or (a != a and b != b)
    if "date" in kind or "time" in kind:
        return moment(got["value"]) == moment(want["value"])
    return got["value"] == want["value"]


def is_scalar(node):
    return isinstance(node, dict) and set(node) == {"type", "value"} and isinstance(node["value"], str)


def same(got, want):
    if is_scalar(want):
        return is_scalar(got) and same_scalar(got, want)
    if isinstance(want, dict):
        return isinstance(got, dict) and got.keys() == want.keys() and all(same(got[k], want[k]) for k in want)
    return isinstance(got, list) and len(got) == len(want) and all(map(same, got, want))


def judge_valid(case, run):
    if run.returncode != 0:
        return f"exit {run.returncode}: {run.stderr.decode(errors='replace').splitlines()[:1]}"
    want = json.loads(case.with_suffix(".json").read_bytes())
    return None if same(json.loads(run.stdout), want) else "another value"


def judge_invalid(_, run):
    if run.returncode != 1:
        return f"exit {run.returncode}, not 1"
    if run.stdout:
        return "refused, but with output"
    if not re.match(rb"<stdin>:[1-9][0-9]*:[1-9][0-9]*: error: .+\n", run.stderr):
        return "no message with a position"
    return None


def main(decoder, suite):
    for side, judge in (("valid", judge_valid), ("invalid", judge_invalid)):
        for case in sorted((pathlib.Path(suite) / side).rglob("*.toml")):
            with case.open("rb") as text:
                run = subprocess.run([decoder], stdin=text, capture_output=True, timeout=30)
            why = judge(case, run)
            parts = case.relative_to(suite).parts
            group = "/".join(parts[:2]) if len(parts) > 2 else side
            print(f"{group} {'fail' if why else 'pass'} {case.relative_to(suite)}{': ' + why if why else ''}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
