"""The resolver part of the benchmark: Portolan beside Unbound and Knot Resolver in the closed internet of tests/internet, validation on.

Cold: one name of each leaf zone, asked once of a resolver just started, first those of signed zones, then of unsigned ones. Cached: names that are all
in the cache, at random. All resolvers run on the first processor, everything else on another."""

import struct
import sys
from pathlib import Path
from random import Random

from measure import PINNED, TREE, UDP_OUTSTANDING, Failed, client_processor, median, memory_mib, process_tree, run_client, spread, turned

sys.path[:0] = [str(TREE / 'tests' / 'internet'), str(TREE / 'tests' / 'lib')]

import asking  # noqa: E402
import network  # noqa: E402
import peers  # noqa: E402
import servers  # noqa: E402
import wire  # noqa: E402
import world as worlds  # noqa: E402

NAMES = {'portolan': 'Portolan', 'unbound': 'Unbound', 'kresd': 'Knot Resolver'}
LOADS = ('udp', 'tcp', 'single')
LABELS = ('', 'www.', 'mail.', 'one.wild.')  # of each leaf zone, with an address
COLD_LIMIT_S = 120
CACHED_QUERIES = 200_000
# Room for everything, many connections, many questions of one client; each cache has its default size, or more where that does not suffice
TUNING = {
    'portolan': {'settings': 'limits:\n  waiting-per-client: 1000', 'workers': 1},
    'unbound': {'extra': ' msg-cache-size: 256m\n rrset-cache-size: 512m\n key-cache-size: 64m\n incoming-num-tcp: 200\n outgoing-range: 4096\n num-queries-per-thread: 2048'},
    'kresd': {'extra': 'cache.size = 512 * MB'},
}


def available(kind):
    return peers.available('portolan') if kind == 'portolan' else peers.peer_program(kind) is not None


def write_queries(path, names, edns):
    with open(path, 'wb') as out:
        for name in names:
            message = wire.query(wire.name_from_text(name), wire.TYPES['A'], flags=wire.RD, edns=edns)
            out.write(struct.pack('!H', len(message)) + message)
    return path


def cold_names(world):
    """(names in signed zones, names in unsigned ones): algorithms other than those of today's internet are left out."""
    usual = [leaf for leaf in world.leaves if not leaf['name'].split('.')[1].startswith('alg')]
    return (['www.' + leaf['name'] for leaf in usual if leaf['signed']],
            ['www.' + leaf['name'] for leaf in usual if leaf['how'] is None])


class Files:
    """The query files of a world."""

    def __init__(self, directory, world):
        pick = Random(3)
        signed, unsigned = cold_names(world)
        self.cold = {'signed': (write_queries(directory / 'signed', signed, (1232, wire.DO)), len(signed)),
                     'unsigned': (write_queries(directory / 'unsigned', unsigned, (1232, wire.DO)), len(unsigned))}
        self.names = [label + leaf['name'] for leaf in world.leaves for label in LABELS]
        pick.shuffle(self.names)
        self.priming = write_queries(directory / 'priming', self.names, (1232, 0))
        self.cached = write_queries(directory / 'cached', [pick.choice(self.names) for _ in range(CACHED_QUERIES)], (1232, 0))


def start(kind, world):
    server = servers.RESOLVERS[kind](world, prefix=PINNED, **TUNING[kind])
    server.start()
    if not servers.wait_for(server, 'com.'):
        raise Failed('%s resolves nothing' % NAMES[kind])
    secure, bogus = asking.ask_all(server.address, [asking.ask('www.%s.broken.' % label, flags=wire.RD | wire.AD) for label in ('sound', 'expired')])
    if not (secure and secure.flags & wire.AD and bogus and bogus.rcode == wire.SERVFAIL):
        raise Failed('%s does not validate' % NAMES[kind])
    return server


def ask_once(server, queries, load='udp'):
    """Every query of the file once; answers per processor second."""
    return run_client(load, server, queries, COLD_LIMIT_S, 'once')


def measure_cold(world, kinds, files, rounds):
    figures = {kind: {'signed': [], 'unsigned': []} for kind in kinds}
    for number in range(rounds):
        print('  cold, round %d of %d' % (number + 1, rounds), flush=True)
        for kind in turned(list(kinds), number):
            server = start(kind, world)
            try:
                for what, (queries, _) in files.cold.items():
                    figures[kind][what].append(ask_once(server, queries))
            finally:
                server.stop()
                server.remove()
    return figures


def measure_cached(world, kinds, files, options, figures):
    running = {}
    try:
        for kind in kinds:
            running[kind] = server = start(kind, world)
            before = memory_mib(process_tree(server.pid))
            print('  filling the cache of', NAMES[kind], flush=True)
            ask_once(server, files.priming)
            ask_once(server, files.priming)  # what was lost, and the answers as they are in service
            after = memory_mib(process_tree(server.pid))
            figures[kind].update({'memory': after, 'bytes': (after - before) * 2 ** 20 / len(files.names), **{load: [] for load in LOADS}})
        for number in range(options.rounds):
            print('  cached, round %d of %d' % (number + 1, options.rounds), flush=True)
            for load in LOADS:
                for kind in turned(list(running), number):
                    figures[kind][load].append(run_client(load, running[kind], files.cached, options.seconds))
    finally:
        for server in running.values():
            server.stop()
            server.remove()


def table(figures):
    lines = ['| resolver | cached, UDP | cached, TCP, 16 at once | cached, TCP, one by one | UDP, k answers/s | bytes an answer | cold, signed | cold, unsigned '
             '| bytes a name | memory, MiB |', '|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|']
    for kind, figure in figures.items():
        lines.append('| %s | %s | %s | %s | %.0f | %.0f | %s | %s | %.0f | %.1f |' % (
            NAMES[kind], *(spread(figure[load]) for load in LOADS), median(figure['udp'], 'rate') / 1000, median(figure['udp'], 'size'),
            spread(figure['signed'], 1), spread(figure['unsigned'], 1), figure['bytes'], figure['memory']))
    return lines


def ratios(figures):
    ours = figures.get('portolan')
    if ours is None or len(figures) < 2:
        return []
    lines = ['| Portolan against | cached, UDP | cached, TCP, 16 at once | cached, TCP, one by one | cold, signed | cold, unsigned | bytes a name |',
             '|---|---:|---:|---:|---:|---:|---:|']
    for kind, figure in figures.items():
        if kind != 'portolan':
            rates = [median(ours[what], 'per_cpu') / median(figure[what], 'per_cpu') for what in (*LOADS, 'signed', 'unsigned')]
            lines.append('| %s | %s | %.2f x |' % (NAMES[kind], ' | '.join('%.2f x' % rate for rate in rates), figure['bytes'] / max(1, ours['bytes'])))
    return lines


def section(directory, options):
    """The lines of the page about resolvers; one that says why when they cannot be measured here."""
    kinds = [kind for kind in NAMES if available(kind) and (not options.server or kind in options.server)]
    heading = ['## Resolving', '']
    try:
        network.enter()
    except network.Unavailable as error:
        return heading + ['Not measured: %s.' % error, '']
    leaves = 4000 if options.quick else 20000
    print('  making the internet of %d leaf zones' % leaves, flush=True)
    kept = TREE / 'build' / 'internet'
    kept.mkdir(parents=True, exist_ok=True)
    world = worlds.make(kept / str(leaves), leaves)
    files = Files(Path(directory), world)
    with servers.Internet(world, prefix=['taskset', '-c', client_processor()]):
        figures = measure_cold(world, kinds, files, options.rounds)
        measure_cached(world, kinds, files, options, figures)
    about = ('A closed internet of %d leaf zones (`tests/internet`), a good half of them in signed domains and half of those signed; root and top-level '
             'domains signed with RSA and ECDSA P-256, NSEC, NSEC3 and opt-out; NSD, Knot DNS and BIND on the client\'s processor. Validation is on. *Cold*: %d names '
             'in signed and then %d in unsigned zones, one of each, asked once of a resolver just started, %d under way; answers per CPU-second. *Cached*: %d names, '
             'four of each zone, at random, thousand answers per CPU-second, as above. *Bytes a name*: growth of the proportional set size while these names were '
             'resolved; everything that was learned on the way counts.' % (
                 leaves, files.cold['signed'][1], files.cold['unsigned'][1], UDP_OUTSTANDING, len(files.names)))
    return heading + [about, '', *table(figures), '', *ratios(figures), '']
