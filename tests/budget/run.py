#!/usr/bin/python3
"""Holds answers to their instruction budget: tests/budget/run.py BINARY

BINARY is tests/budget/budget of a release build with link-time optimisation. Each mix runs twice: plainly, counting allocations and locks
(none are allowed), and under callgrind, counting instructions in user space from the first byte of a request to the last byte of its
answer. Prints a table; status 1 when a kind is over its budget on average over its mixes, 77 (skipped) without valgrind.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TIMEOUT_S = 900

# Instructions an answer may cost on average over the mixes of a kind: unsigned, signed with DO, out of the resolver's cache, and out of
# it below a zone of ours (docs/architecture.md); and unsigned, to strangers, by a server that resolves for its networks.
KINDS = {
    'unsigned': (1000, ['tld', 'hosting']),
    'signed': (1500, ['root', 'signed-hosting', 'nsec3']),
    'recursive': (1200, ['cached']),
    'below': (1400, ['cached-root']),
    'beside': (1250, ['beside-tld', 'beside-hosting']),
}


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


def row(name, cost, budget, said, good):
    print('%-16s %12.0f %8s %12d %6d %12.0f%s' % (name, cost, budget, said['allocations'], said['locks'], said['bytes'] / said['asked'],
                                                 '' if good else '   OVER'))


def measure(binary, mix):
    """One mix: its figures, and whether every request was answered without an allocation or a lock."""
    said = counted(binary, mix)
    cost = instructions(binary, mix) / said['asked']
    return cost, said, said['allocations'] == 0 and said['locks'] == 0 and said['answered'] == said['asked']


def main(words):
    if len(words) != 1 or not Path(words[0]).exists():
        sys.exit('usage: run.py BINARY')
    if not shutil.which('valgrind'):
        print('skipped: no valgrind')
        return 77
    failed = 0
    print('%-16s %12s %8s %12s %6s %12s' % ('mix', 'instructions', 'budget', 'allocations', 'locks', 'bytes/answer'))
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # instructions are the same whatever runs beside
        figures = {mix: pool.submit(measure, words[0], mix) for _, mixes in KINDS.values() for mix in mixes}
    for kind, (budget, mixes) in KINDS.items():
        results = [figures[mix].result() for mix in mixes]
        for mix, (cost, said, good) in zip(mixes, results):
            row('  ' + mix, cost, '', said, good)
        cost = sum(result[0] for result in results) / len(results)
        said = {key: sum(result[1][key] for result in results) for key in ('asked', 'bytes', 'allocations', 'locks')}
        good = cost <= budget and all(result[2] for result in results)
        failed += not good
        row(kind, cost, budget, said, good)
    print('%d passed, %d failed' % (len(KINDS) - failed, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
