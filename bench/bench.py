#!/usr/bin/python3
"""Sets Portolan beside NSD, Knot DNS and gdnsd, and as a resolver beside Unbound and Knot Resolver, and writes docs/benchmarks.md.

    bench/bench.py [--quick] [--output FILE] [--zone root|tld|hosting|resolver]... [--server NAME]...

Each server has one worker, pinned to the first processor; the client is pinned to another. All servers of a zone run at once, and are
asked in turn, round after round, so that whatever else the machine does hits them alike; the figures are medians over the rounds of
answers per second of processor time of the server (user and system), which another program's load disturbs least. Everything happens in a
network namespace of its own where that can be had, else on the loopback interface. --quick takes fewer and shorter rounds."""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TREE / 'tests' / 'lib'))

import peers  # noqa: E402
import resolvers  # noqa: E402
import worlds  # noqa: E402
from measure import (LOADS, PINNED, TICKS, UDP_OUTSTANDING, build_clients, cpu_s, median, memory_mib, process_tree, run_client, spread,  # noqa: E402
                     turned)

NAMES = {'portolan': 'Portolan', 'nsd': 'NSD', 'knot': 'Knot DNS', 'gdnsd': 'gdnsd'}
PARTS = ['root', 'tld', 'hosting', 'resolver']


def enter_namespace():
    """Runs this script again where no other program's packets are; stays here when that cannot be had."""
    if os.environ.get('PORTOLAN_BENCH_NAMESPACE'):
        up = subprocess.run(['ip', 'link', 'set', 'lo', 'up'], capture_output=True, check=False)
        return up.returncode == 0
    for flags in (['-n'], ['-rn']):
        if subprocess.run(['unshare', *flags, 'ip', 'link', 'set', 'lo', 'up'], capture_output=True, check=False).returncode == 0:
            os.environ['PORTOLAN_BENCH_NAMESPACE'] = '1'
            os.execvp('unshare', ['unshare', *flags, sys.executable, str(Path(__file__).resolve()), *sys.argv[1:]])
    return False


def make_server(kind, world):
    """One worker, minimal answers, 1232 bytes of UDP at most, no recursion."""
    zone_file = world.plain if kind == 'gdnsd' else world.file
    zone = [peers.Zone(world.origin, zone_file)]
    common = {'ready_s': 180, 'prefix': PINNED}
    if kind == 'portolan':
        return peers.Portolan(zone, workers=1, settings='resolver: no', **common)
    if kind == 'nsd':
        return peers.Nsd(zone, extra=' ipv4-edns-size: 1232', minimal=True, **common)
    if kind == 'knot':
        return peers.Knot(zone, extra='  udp-max-payload: 1232', **common)
    return peers.Gdnsd(zone, **common)


def start(kind, world, starts):
    """A running server, its time to the first answer and the processor time it took noted; None when it cannot serve the zone."""
    server = make_server(kind, world)
    try:
        server.start()
    except RuntimeError as error:
        print('  %s cannot serve this zone: %s' % (NAMES[kind], str(error).splitlines()[0]))
        server.remove()
        return None
    time.sleep(1)
    starts[kind].append((server.start_s, cpu_s(process_tree(server.pid))))
    return server


def measure(world, kinds, options):
    """{kind: {'load_s', 'load_cpu_s', 'memory', 'udp': [...], 'tcp': [...]}}"""
    figures, servers = {}, {}
    try:
        starts = {kind: [] for kind in kinds}
        for left in reversed(range(options.starts)):
            for kind in kinds:
                print('  starting', NAMES[kind], flush=True)
                server = start(kind, world, starts)
                if server is not None and left == 0:
                    servers[kind] = server
                elif server is not None:
                    server.stop()
                    server.remove()
        for kind, server in servers.items():
            load_s, load_cpu_s = (statistics.median(column) for column in zip(*starts[kind]))
            figures[kind] = {'load_s': load_s, 'load_cpu_s': load_cpu_s, 'memory': memory_mib(process_tree(server.pid)),
                             **{load: [] for load in LOADS}}
        for kind, server in servers.items():  # caches and tables as they are in service
            run_client('udp', server, world.queries, 1)
        for number in range(options.rounds):
            print('  round %d of %d' % (number + 1, options.rounds), flush=True)
            for load in LOADS:
                for kind in turned(list(servers), number):
                    figures[kind][load].append(run_client(load, servers[kind], world.queries, options.seconds))
        for kind, server in servers.items():
            figures[kind]['memory'] = max(figures[kind]['memory'], memory_mib(process_tree(server.pid)))
    finally:
        for server in servers.values():
            server.stop()
            server.remove()
    return figures


def table(figures):
    """Thousand answers per CPU-second, and the rest."""
    lines = ['| server | UDP | TCP, 16 at once | TCP, one by one | UDP, k answers/s | bytes an answer | load, s | load, CPU-s | memory, MiB |',
             '|---|---:|---:|---:|---:|---:|---:|---:|---:|']
    for kind, figure in figures.items():
        lines.append('| %s | %s | %s | %s | %.0f | %.0f | %.2f | %.2f | %.1f |' % (
            NAMES[kind], *(spread(figure[load]) for load in LOADS), median(figure['udp'], 'rate') / 1000, median(figure['udp'], 'size'),
            figure['load_s'], figure['load_cpu_s'], figure['memory']))
    return lines


def ratios(figures):
    """Portolan against each peer; over 1 is ahead."""
    ours = figures.get('portolan')
    if ours is None:
        return []
    lines = ['| Portolan against | UDP | TCP, 16 at once | TCP, one by one | load time | load, CPU time | memory |', '|---|---:|---:|---:|---:|---:|---:|']
    for kind, figure in figures.items():
        if kind != 'portolan':
            rates = [median(ours[load], 'per_cpu') / median(figure[load], 'per_cpu') for load in LOADS]
            tick = 1 / TICKS
            lines.append('| %s | %.2f x | %.2f x | %.2f x | %.2f x | %.2f x | %.2f x |' % (
                NAMES[kind], *rates, figure['load_s'] / ours['load_s'], max(figure['load_cpu_s'], tick) / max(ours['load_cpu_s'], tick),
                figure['memory'] / ours['memory']))
    return lines


def machine():
    model = next((line.split(':', 1)[1].strip() for line in Path('/proc/cpuinfo').read_text().splitlines() if line.startswith('model name')),
                 platform.machine())
    memory = next(int(line.split()[1]) for line in Path('/proc/meminfo').read_text().splitlines() if line.startswith('MemTotal'))
    system = next((line.split('=', 1)[1].strip('"') for line in Path('/etc/os-release').read_text().splitlines()
                   if line.startswith('PRETTY_NAME')), '')
    return '%s, %d processors, %.0f GiB, Linux %s, %s' % (model, os.cpu_count(), memory / 2 ** 20, platform.release(), system)


def versions(kinds):
    flags = {'nsd': '-v', 'knot': '-V', 'gdnsd': '-h'}
    found = []
    for kind in kinds:
        if kind == 'portolan':
            found.append('Portolan at ' + worlds.commit())
            continue
        run = subprocess.run([peers.peer_program(peers.JUDGES[kind].program), flags[kind]], capture_output=True, text=True, check=False)
        words = (run.stdout + run.stderr).replace(',', ' ').split()
        found.append('%s %s' % (NAMES[kind], next((word for word in words if word[:1].isdigit()), '')))
    return ', '.join(found)


def page(results, resolution, kinds, options, has_namespace):
    lines = ['# Benchmarks', '', 'Written by `make bench` on %s; do not edit. %s.' % (date.today().isoformat(), versions(kinds)), '',
             '**Machine.** %s.' % machine(), '',
             '**Method.** One worker per server, pinned to one processor; the client (`bench/udpload.c`, `bench/tcpload.c`) pinned to another and '
             'batching, so that it is not the limit; %s. All servers of a zone run at once and are asked in turn, %d rounds of %d s each; figures are '
             'medians, with the lowest and highest round in brackets. *Answers per CPU-second* counts the user and system time of all processes of '
             'the server: it is what may be compared, since other programs use the machine too; the first three columns are thousands of it. UDP: %d '
             'queries under way. TCP: %d long-lived connections with %d queries under way on each, sent together as answers come (RFC 7766 6.2.1.1), '
             'and %d connections with one query at a time. Load: from the start of the program to the first answer from the zone, the median of %d starts. Memory: proportional set size of '
             'all its processes, the highest seen. All give minimal answers of at most 1,232 bytes. Less than 1.15 x apart is no lead.'
             % ('in a network namespace of its own' if has_namespace else 'on the loopback interface', options.rounds, options.seconds,
                UDP_OUTSTANDING, *LOADS['tcp'][1], LOADS['tcp'][2], *LOADS['single'][1], options.starts), '']
    for world, figures in results:
        lines += ['## ' + world.title, '', world.about, '', *table(figures), '', *ratios(figures), '']
    return '\n'.join(lines + resolution).rstrip() + '\n'


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--quick', action='store_true', help='one start and 3 rounds of 1 s rather than 3 starts and 7 rounds of 3 s')
    parser.add_argument('--output', type=Path, default=TREE / 'docs' / 'benchmarks.md')
    parser.add_argument('--zone', action='append', choices=PARTS)
    parser.add_argument('--server', action='append', choices=sorted({*NAMES, *resolvers.NAMES}))
    options = parser.parse_args()
    options.rounds, options.seconds, options.starts = (3, 1, 1) if options.quick else (7, 3, 3)
    return options


def main():
    options = parse_options()
    if not os.environ.get('PORTOLAN_BENCH_NAMESPACE'):
        subprocess.run([TREE / 'scripts' / 'peers'], stdout=subprocess.DEVNULL, check=False)
        build_clients()
    has_namespace = enter_namespace()
    wanted = [kind for kind in options.server or NAMES if kind in NAMES]
    kinds = [kind for kind in wanted if peers.available(kind)]
    missing = [NAMES[kind] for kind in wanted if kind not in kinds]
    if missing:
        print('Not here, and left out: ' + ', '.join(missing))
    directory = Path(tempfile.mkdtemp(prefix='portolan-bench-'))
    directory.chmod(0o755)
    parts = options.zone or PARTS
    results, resolution = [], []
    try:
        for name in [part for part in parts if part != 'resolver']:
            print('zone', name, flush=True)
            world = getattr(worlds, name)(directory)
            able = [kind for kind in kinds if kind != 'gdnsd' or world.plain is not None]
            figures = measure(world, able, options)
            results.append((world, figures))
            print('\n'.join(table(figures) + [''] + ratios(figures)), flush=True)
        if 'resolver' in parts:
            print('resolver', flush=True)
            resolution = resolvers.section(directory, options)
            print('\n'.join(resolution), flush=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    options.output.write_text(page(results, resolution, kinds, options, has_namespace))
    print('Written:', options.output)


if __name__ == '__main__':
    main()
