"""The servers of the closed internet: three programs as root servers, three for top-level domains, three for leaf zones, and the odd ones
(odd.py). The resolvers under comparison: Portolan, Unbound, Knot Resolver."""

import subprocess
import sys
import time
from pathlib import Path

import network
import odd
import peers
import wire

HERE = Path(__file__).resolve().parent


class Addresses:
    """For a peers.Server: all its addresses instead of the one, port 53."""

    def __init__(self, zones, addresses, **others):
        super().__init__(zones, address=addresses[0], port=53, answers_all=False, ready_s=120, **others)
        self.addresses = addresses


class Nsd(Addresses, peers.Nsd):
    def configuration(self):
        one = ' ip-address: %s@53' % self.address
        return super().configuration().replace(one, '\n'.join(' ip-address: %s@53' % address for address in self.addresses))


class Knot(Addresses, peers.Knot):
    def configuration(self):
        one = '  listen: %s@53' % self.address
        return super().configuration().replace(one, '  listen: [ %s ]' % ', '.join(address + '@53' for address in self.addresses))


class Bind(Addresses, peers.Bind):
    def configuration(self):
        lists = ['%s port 53 { %s };' % (what, ''.join(address + '; ' for address in self.addresses if (':' in address) == six))
                 for what, six in (('listen-on', False), ('listen-on-v6', True))]
        start = super().configuration()
        one = 'listen-on port 53 { %s; }; listen-on-v6 { none; };' % self.address
        assert one in start
        return start.replace(one, ' '.join(lists))


KINDS = {'nsd': Nsd, 'knot': Knot, 'bind': Bind}


class Internet:
    """All servers of a world: with Internet(world) as internet. prefix: words before each command, such as taskset."""

    def __init__(self, world, prefix=()):
        self.world = world
        self.servers = []
        self.odd = None
        for group, zones in world.served.items():
            if group in world.addresses and group != 'odd':
                kind = KINDS[group.partition('-')[0]]
                self.servers.append(kind([tuple(zone) for zone in zones], world.addresses[group], prefix=prefix))
        self.prefix = list(prefix)

    def __enter__(self):
        try:
            for addresses in self.world.addresses.values():
                network.add(addresses)
            for server in self.servers:
                server.start()
            if self.world.odd:
                self._start_odd()
        except BaseException:
            self.stop()
            raise
        return self

    def _start_odd(self):
        self.odd = subprocess.Popen([*self.prefix, sys.executable, str(HERE / 'odd.py'), str(self.world.directory / 'world.json')],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self.odd.stdout.readline().strip() == odd.READY

    def __exit__(self, *exception):
        self.stop()

    def stop(self):
        if self.odd is not None:
            self.odd.kill()
            self.odd.wait()
            self.odd.stdout.close()
        for server in self.servers:
            server.stop()
            server.remove()


class Resolver(peers.Server):
    """One resolver at addresses of its own. A private IPv4 address, and an IPv6 one to ask from."""

    number = 0

    def __init__(self, world, extra='', ready_s=60, prefix=()):
        super().__init__([], address='10.53.0.%d' % self.number, port=53, extra=extra, ready_s=ready_s, answers_all=False, prefix=prefix)
        self.world = world
        self.address6 = 'fd53::%d' % self.number

    def start(self):
        network.add([self.address, self.address6])
        return super().start()


class Unbound(Resolver):
    kind, program, number = 'unbound', 'unbound', 2

    def configuration(self):
        return '\n'.join([
            'server:', ' interface: %s' % self.address, ' interface: %s' % self.address6, ' port: 53', ' access-control: 10.0.0.0/8 allow',
            ' access-control: fd00::/8 allow', ' chroot: ""', ' username: ""', ' directory: "%s"' % self.directory, ' pidfile: "%s/pid"' % self.directory,
            ' do-daemonize: no', ' use-syslog: no', ' logfile: "%s/log"' % self.directory, ' root-hints: "%s"' % self.world.hints,
            ' trust-anchor-file: "%s"' % self.world.anchor, ' outgoing-interface: %s' % self.address, ' outgoing-interface: %s' % self.address6,
            ' module-config: "validator iterator"', ' num-threads: 1', ' qname-minimisation: yes', ' ede: yes', ' minimal-responses: yes',
            ' rrset-roundrobin: no', ' trust-anchor-signaling: no', ' do-not-query-localhost: yes', ' val-log-level: 0', ' edns-buffer-size: 1232',
            self.extra, 'remote-control:', ' control-enable: no']) + '\n'

    def command(self, configuration_path):
        return [self.executable(), '-d', '-p', '-c', configuration_path]


class Kresd(Resolver):
    kind, program, number = 'kresd', 'kresd', 3

    def configuration(self):
        return '\n'.join([
            "net.listen({'%s', '%s'}, 53, { kind = 'dns' })" % (self.address, self.address6), "net.outgoing_v4('%s')" % self.address,
            "net.outgoing_v6('%s')" % self.address6, "modules.unload('ta_signal_query')", "modules.unload('detect_time_skew')",
            "modules.unload('detect_time_jump')", "modules = { 'hints > iterate' }", "hints.root_file('%s')" % self.world.hints,
            "trust_anchors.add_file('%s', true)" % self.world.anchor, 'cache.size = 200 * MB', "log_level('err')", self.extra]) + '\n'

    def command(self, configuration_path):
        return [self.executable(), '-n', '-q', '-c', configuration_path, str(self.directory)]


class Portolan(Resolver, peers.Portolan):
    """Portolan as a resolver in the lab. settings: lines of YAML below `resolver:`; top: lines at the top level."""

    kind, program, number = 'portolan', 'portoland', 1

    def __init__(self, world, settings='', top='', workers=1, also=(), **others):
        Resolver.__init__(self, world, **others)
        self.settings, self.inner, self.workers, self.top = '', settings, workers, top
        self.listen = ['dns://%s:53' % self.address, 'dns://[%s]:53' % self.address6, *('dns://%s:53' % address for address in also)]

    def configuration(self):
        lines = ['resolver:', '  root-hints: "%s"' % self.world.hints, '  trust-anchors: ["%s"]' % self.world.anchor,
                 '  follow-rollovers: no', '  key-tag-signalling: no', '  sources: [%s, "%s"]' % (self.address, self.address6)]
        lines += ['  ' + line for line in self.inner.splitlines()]
        return peers.Portolan.configuration(self) + '\n'.join(lines) + '\n' + self.top + '\n'

    def command(self, configuration_path):
        return peers.Portolan.command(self, configuration_path)


RESOLVERS = {'portolan': Portolan, 'unbound': Unbound, 'kresd': Kresd}


def wait_for(server, name, rtype='SOA', timeout_s=20):
    """Waits until the resolver resolves the name; False when it does not in that time."""
    began = time.monotonic()
    with wire.Asker(server.address, server.port, timeout_s=2) as asker:
        while time.monotonic() - began < timeout_s:
            reply = asker.ask_udp([wire.query(wire.name_from_text(name), wire.TYPES[rtype], flags=wire.RD)])[0]
            if reply is not None and reply[3] & 15 == 0:
                return True
            time.sleep(0.2)
    return False
