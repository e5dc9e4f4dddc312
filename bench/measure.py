"""What both parts of the benchmark measure with: processor time and memory of a server's processes, the load clients, medians."""

import json
import os
import statistics
import subprocess
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]
CLIENTS = TREE / 'build' / 'bench'
UDP_OUTSTANDING = 160
# name: (client, connections or none, queries under way in all or on each connection)
LOADS = {'udp': ('udpload', [], UDP_OUTSTANDING), 'tcp': ('tcpload', [10], 16), 'single': ('tcpload', [80], 1)}
PINNED = ['taskset', '-c', '0']


class Failed(Exception):
    pass


def build_clients():
    CLIENTS.mkdir(parents=True, exist_ok=True)
    for client in ('udpload', 'tcpload'):
        subprocess.run(['gcc', '-std=gnu17', '-D_GNU_SOURCE', '-O2', '-o', CLIENTS / client, TREE / 'bench' / (client + '.c'),
                        TREE / 'bench' / 'load.c'], check=True)


def client_processor():
    processors = sorted(os.sched_getaffinity(0))
    return str(processors[1] if len(processors) > 1 else processors[0])


def process_tree(pid):
    """The process and all below it."""
    pids = [pid]
    for process in pids:
        try:
            for task in Path('/proc/%d/task' % process).iterdir():
                pids += [int(child) for child in (task / 'children').read_text().split()]
        except OSError:
            continue
    return pids


TICKS = os.sysconf('SC_CLK_TCK')


def cpu_s(pids):
    """User and system time of the processes, threads that have ended included."""
    total = 0
    for pid in pids:
        try:
            fields = Path('/proc/%d/stat' % pid).read_text().rsplit(')', 1)[1].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_mib(pids):
    """Proportional set size: what is shared between processes counts once."""
    total = 0
    for pid in pids:
        try:
            for line in Path('/proc/%d/smaps_rollup' % pid).read_text().splitlines():
                if line.startswith('Pss:'):
                    total += int(line.split()[1])
        except OSError:
            continue
    return total / 1024


def run_client(load, server, queries, seconds, *more):
    """Has a load client ask the server; returns the figures of the run. More words go to the client as they are."""
    name, connections, outstanding = LOADS[load]
    command = ['taskset', '-c', client_processor(), CLIENTS / name, server.address, server.port, queries, seconds, *connections, outstanding, *more]
    pids = process_tree(server.pid)
    before = cpu_s(pids)
    run = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=seconds + 60)
    used = cpu_s(pids) - before
    if run.returncode != 0:
        raise Failed('%s against %s: %s' % (name, server.kind, run.stderr.strip()))
    result = json.loads(run.stdout)
    good = sum(count for rcode, count in result['rcodes'].items() if rcode in ('0', '3'))
    if good < 0.99 * result['answers'] or result['answers'] == 0:
        raise Failed('%s against %s: answers with an error: %s' % (name, server.kind, result['rcodes']))
    return {'rate': result['answers'] / result['seconds'], 'per_cpu': result['answers'] / max(used, 1 / TICKS), 'lost': result['lost'],
            'size': result['bytes'] / result['answers'], 'answers': result['answers']}


def turned(items, by):
    by %= max(1, len(items))
    return items[by:] + items[:by]


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def spread(runs, unit=1000):
    return '%.0f (%.0f to %.0f)' % tuple(x / unit for x in (median(runs, 'per_cpu'), min(r['per_cpu'] for r in runs), max(r['per_cpu'] for r in runs)))
