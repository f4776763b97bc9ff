"""What the fuzzing client is to do (spec), and whether what it found will do (judge). Python 2.7, as the suite."""
from __future__ import print_function

import collections
import json
import sys

# Each of these is a series of the same case with longer and longer messages: short takes what comes before.
LONG = ["9.1.4", "9.1.5", "9.1.6", "9.2.4", "9.2.5", "9.2.6", "9.3.*", "9.4.*", "9.5.*", "9.6.*"]
LONG += ["12.%d.%d" % (kind, case) for kind in range(1, 6) for case in range(3, 19)]
LONG += ["13.%d.%d" % (kind, case) for kind in range(1, 8) for case in range(2, 19)]
# Here the client offers nothing but a window smaller than the one this server has; it may decline.
SMALL_WINDOW = ("13.3.", "13.5.")
NON_STRICT_AT_MOST = 2


def spec(scope, url, outdir):
    return {
        "outdir": outdir,
        "servers": [{"agent": "scoreline", "url": url}],
        "cases": ["*"],
        "exclude-cases": [] if scope == "full" else LONG,
        "exclude-agent-cases": {},
    }


def is_good(case, result):
    allowed = ["OK", "INFORMATIONAL", "NON-STRICT"]
    if case.startswith(SMALL_WINDOW):
        allowed.append("UNIMPLEMENTED")
    return result["behavior"] in allowed and result["behaviorClose"] in ("OK", "INFORMATIONAL")


def judge(path):
    with open(path) as file:
        results = json.load(file)["scoreline"]
    table = collections.defaultdict(collections.Counter)
    for case, result in results.items():
        table[int(case.split(".")[0])][result["behavior"]] += 1
    for group in sorted(table):
        print("%3d  %s" % (group, "  ".join("%s %d" % pair for pair in sorted(table[group].items()))))
    in_order = sorted(results, key=lambda case: [int(part) for part in case.split(".")])
    for case in in_order:
        if results[case]["behavior"] != "OK":
            print("%-8s %s, close %s" % (case, results[case]["behavior"], results[case]["behaviorClose"]))
    bad = [case for case in in_order if not is_good(case, results[case])]
    lax = [case for case in in_order if results[case]["behavior"] == "NON-STRICT"]
    failed = len(bad) + max(0, len(lax) - NON_STRICT_AT_MOST)
    for case in bad:
        print("failed: case %s" % case)
    well = not failed and len(results) > 200
    print("test result: %s. %d passed; %d failed" % ("ok" if well else "FAILED", len(results) - failed, failed))
    return well


if __name__ == "__main__":
    if sys.argv[1] == "spec":
        json.dump(spec(*sys.argv[2:]), sys.stdout)
    else:
        sys.exit(0 if judge(sys.argv[2]) else 1)
