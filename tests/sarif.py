# SPDX-License-Identifier: MIT
# Is standard input a SARIF 2.1.0 log? What the standard's schema (OASIS, sarif-schema-2.1.0.json) says of the objects that
# this project writes: which properties they must and may have, of which kind, and the formats of strings.
import json
import re
import sys

URI = re.compile(r"^[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]*(%[0-9A-F]{2}[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]*)*$")
text = lambda v: isinstance(v, str)
number = lambda low: lambda v: isinstance(v, int) and v >= low
level = lambda v: v in ("none", "note", "warning", "error")
uri = lambda v: text(v) and URI.match(v)


def of(kind):
    return lambda v: check(kind, v) or True


def list_of(kind, least=0):
    return lambda v: isinstance(v, list) and len(v) >= least and all(check(kind, i) or True for i in v)


# kind: (required, {property: test})
KINDS = {
    "log": ("version runs", {"$schema": uri, "version": lambda v: v == "2.1.0", "runs": list_of("run")}),
    "run": ("tool", {"tool": of("tool"), "results": list_of("result"),
                     "columnKind": lambda v: v in ("utf16CodeUnits", "unicodeCodePoints")}),
    "tool": ("driver", {"driver": of("component")}),
    "component": ("name", {"name": text, "version": text, "semanticVersion": text, "informationUri": uri,
                           "rules": list_of("rule")}),
    "rule": ("id", {"id": text, "name": text, "shortDescription": of("words"), "fullDescription": of("words"),
                    "help": of("words"), "helpUri": uri, "defaultConfiguration": of("configuration")}),
    "configuration": ("", {"level": level, "enabled": lambda v: isinstance(v, bool)}),
    "words": ("text", {"text": text, "markdown": text}),
    "message": ("text", {"text": text, "markdown": text}),
    "result": ("message", {"ruleId": text, "ruleIndex": number(-1), "level": level, "message": of("message"),
                           "locations": list_of("location"), "relatedLocations": list_of("location")}),
    "location": ("", {"physicalLocation": of("place"), "message": of("message")}),
    "place": ("artifactLocation", {"artifactLocation": of("artifact"), "region": of("region")}),
    "artifact": ("uri", {"uri": uri}),
    "region": ("startLine", {name: number(1) for name in ("startLine", "startColumn", "endLine", "endColumn")}),
}


def check(kind, value):
    required, properties = KINDS[kind]
    assert isinstance(value, dict), (kind, value)
    for name in required.split():
        assert name in value, f"{kind} without {name}: {value}"
    for name, v in value.items():
        assert name in properties, f"{kind} has no {name}"
        assert properties[name](v), f"{name} of {kind}: {v!r}"


log = json.load(sys.stdin)
check("log", log)
for run in log["runs"]:
    rules = [rule["id"] for rule in run["tool"]["driver"].get("rules", [])]
    assert len(set(rules)) == len(rules)
    for result in run["results"]:
        assert result["ruleId"] in rules
        assert rules[result.get("ruleIndex", rules.index(result["ruleId"]))] == result["ruleId"]
