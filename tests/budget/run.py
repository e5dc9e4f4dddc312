#!/usr/bin/python3
"""Holds answers to their instruction budget: tests/budget/run.py BINARY [MIX...]

BINARY is tests/budget/budget of a release build with link-time optimisation. Each mix runs twice: plainly, counting allocations and locks
(none are allowed), and under callgrind, counting instructions in user space from the first byte of a request to the last byte of its
answer. Prints a table; status 1 when a mix is over its budget, 77 (skipped) without valgrind.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TIMEOUT_S = 300

# Instructions an answer may cost: unsigned, and signed with DO (docs/architecture.md).
BUDGETS = {'tld': 1000, 'hosting': 1000, 'root': 1500, 'signed-hosting': 1500, 'nsec3': 1500}


def counted(binary, mix):
    """What the program says of itself: answers, allocations, locks."""
    run = subprocess.run([binary, mix], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if not run.stdout:
        sys.exit('%s %s: %s' % (binary, mix, run.stderr.strip() or 'no output'))
    return json.loads(run.stdout)


def instructions(binary, mix):
    """Instructions of all answers of one run."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / 'callgrind.out'
        subprocess.run(['valgrind', '--tool=callgrind', '--collect-atstart=no', '--toggle-collect=budget_feed', '--callgrind-out-file=%s' % out,
                        binary, mix], capture_output=True, timeout=TIMEOUT_S, check=False)
        match = re.search(r'^(?:totals|summary): (\d+)', out.read_text() if out.exists() else '', flags=re.M)
    if not match or int(match.group(1)) == 0:
        sys.exit('%s: callgrind counted nothing; is budget_feed in the binary?' % mix)
    return int(match.group(1))


def main(words):
    if not words or not Path(words[0]).exists():
        sys.exit('usage: run.py BINARY [MIX...]')
    if not shutil.which('valgrind'):
        print('skipped: no valgrind')
        return 77
    unknown = [mix for mix in words[1:] if mix not in BUDGETS]
    if unknown:
        sys.exit('no mix named %s; there are %s' % (unknown[0], ', '.join(BUDGETS)))
    failed = 0
    print('%-16s %12s %8s %12s %6s %12s' % ('mix', 'instructions', 'budget', 'allocations', 'locks', 'bytes/answer'))
    for mix in words[1:] or BUDGETS:
        said = counted(words[0], mix)
        each = instructions(words[0], mix) / said['asked']
        good = each <= BUDGETS[mix] and said['allocations'] == 0 and said['locks'] == 0 and said['answered'] == said['asked']
        failed += not good
        print('%-16s %12.0f %8d %12d %6d %12.0f%s' % (mix, each, BUDGETS[mix], said['allocations'], said['locks'],
                                                     said['bytes'] / said['asked'], '' if good else '   OVER'))
    print('%d passed, %d failed' % (len(words[1:] or BUDGETS) - failed, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
