"""Starts DNS servers on free loopback ports for tests: Portolan itself, and NSD, Knot DNS, BIND and gdnsd as judges.

    with peers.Portolan([peers.Zone('example.com.', '/path/example.com.zone')]) as server:
        ... server.address, server.port, server.pid, server.tool('status') ...

Every server runs in the foreground in a directory of its own below $TMPDIR, is waited for until it answers for its zones,
and is ended when the block ends. The judges come from build/peers (scripts/peers unpacks them); `available(kind)` tells
whether one can be had.

PORTOLAN_BIN names the directory of portoland and portolan (default: build/ of this tree).
PORTOLAN_PEERS names the directory of the peers' programs (default: build/peers/bin).
"""

import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections import namedtuple
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get('PORTOLAN_BIN', TREE / 'build')).resolve()
PEERS = Path(os.environ.get('PORTOLAN_PEERS', TREE / 'build' / 'peers' / 'bin')).resolve()

# name: as in the master file, with its final dot; file: path of the zone file;
# options: further keys of Portolan's zone settings, such as {'allow-transfer': '[127.0.0.1]'}
Zone = namedtuple('Zone', 'name file options', defaults=({},))


def free_port(address='127.0.0.1'):
    """A port that is free for UDP and TCP on the address at this moment."""
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    for _ in range(200):
        with socket.socket(family, socket.SOCK_STREAM) as tcp:
            tcp.bind((address, 0))
            port = tcp.getsockname()[1]
            with socket.socket(family, socket.SOCK_DGRAM) as udp:
                try:
                    udp.bind((address, port))
                    return port
                except OSError:
                    continue
    raise RuntimeError('no free port on ' + address)


def peer_program(name):
    """Path of a program unpacked by scripts/peers, or None."""
    path = PEERS / name
    return str(path) if path.exists() else None


def wire_name(text):
    """A name without escapes, as in a message."""
    labels = [label for label in text.rstrip('.').split('.') if label]
    return b''.join(bytes([len(label)]) + label.encode() for label in labels) + b'\0'


def is_instrumented(pid):
    """A sanitizer's build: slower, and the parts of its work have other shares."""
    with open('/proc/%d/maps' % pid) as maps:
        text = maps.read()
    return 'libasan' in text or 'libtsan' in text


def soa_rcode(address, port, zone, timeout_s=0.5):
    """The RCODE of the answer to `zone SOA` over UDP, or None without an answer."""
    query = struct.pack('!6H', 0x5052, 0, 1, 0, 0, 0) + wire_name(zone) + struct.pack('!2H', 6, 1)
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.settimeout(timeout_s)
        try:
            udp.connect((address, port))
            udp.send(query)
            reply = udp.recv(4096)
        except OSError:
            return None
    return reply[3] & 15 if len(reply) >= 12 else None


class Server:
    """One running server. Subclasses say how it is configured and started."""

    kind = ''
    program = ''

    def __init__(self, zones, address='127.0.0.1', port=0, extra='', ready_s=60, answers_all=True, prefix=()):
        self.zones = [zone if isinstance(zone, Zone) else Zone(*zone) for zone in zones]
        self.address = address
        self.port = port or free_port(address)
        self.extra = extra
        self.ready_s = ready_s
        self.answers_all = answers_all  # False: ready as soon as it answers anything, a zone may be broken
        self.prefix = list(prefix)      # words put before the command, such as taskset -c 0
        self.directory = Path(tempfile.mkdtemp(prefix='portolan-%s-' % self.kind))
        self.directory.chmod(0o755)
        self.process = None
        self.start_s = None

    # ---- what subclasses give -------------------------------------------------------------------------------------
    def configuration(self):
        raise NotImplementedError

    def command(self, configuration_path):
        raise NotImplementedError

    def executable(self):
        return peer_program(self.program)

    # ---- life -----------------------------------------------------------------------------------------------------
    @property
    def pid(self):
        return self.process.pid

    def configuration_path(self):
        return self.directory / 'server.conf'

    def start(self):
        self.configuration_path().write_text(self.configuration())
        with open(self.directory / 'output', 'wb') as output:
            began = time.monotonic()
            self.process = subprocess.Popen(self.prefix + self.command(str(self.configuration_path())), stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=subprocess.STDOUT, cwd=self.directory, env=self.environment())
        while time.monotonic() - began < self.ready_s:
            if self.process.poll() is not None:
                raise RuntimeError('%s ended with %s:\n%s' % (self.kind, self.process.returncode, self.log()))
            if self.is_ready():
                self.start_s = time.monotonic() - began
                return self
            time.sleep(0.003)
        self.stop()
        raise RuntimeError('%s does not answer after %d s:\n%s' % (self.kind, self.ready_s, self.log()))

    def environment(self):
        return None

    def is_ready(self):
        zones = {self.zones[0].name, self.zones[-1].name} if self.zones else {'.'}
        for zone in zones:
            rcode = soa_rcode(self.address, self.port, zone)
            if rcode is None or (self.answers_all and self.zones and rcode != 0):
                return False
        return True

    def log(self):
        """What the server has printed."""
        text = ''
        for name in ('output', 'log'):
            path = self.directory / name
            if path.exists():
                text += path.read_text(errors='replace')
        return text

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """Ends the server with SIGTERM; returns its exit status (negative: the signal that ended it)."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            self.remove()
            raise

    def __exit__(self, *exception):
        self.stop()
        self.remove()


class Portolan(Server):
    """`settings`: further lines of YAML at the top level. `listen`: the list of listen URLs instead of the one port."""

    kind = 'portolan'
    program = 'portoland'

    def __init__(self, zones, settings='', listen=None, workers=None, **others):
        super().__init__(zones, **others)
        self.settings = settings
        self.workers = workers
        host = '[%s]' % self.address if ':' in self.address else self.address
        self.listen = listen or ['dns://%s:%d' % (host, self.port)]

    def executable(self):
        path = PROGRAMS / self.program
        return str(path) if path.exists() else None

    def configuration_path(self):
        return self.directory / 'portolan.yaml'

    def socket_path(self):
        return self.directory / 'control.sock'

    def configuration(self):
        lines = ['listen:'] + ['  - "%s"' % url for url in self.listen]
        lines += ['zones:'] if self.zones else []
        for zone in self.zones:
            entries = ['file: "%s"' % zone.file] + ['%s: %s' % item for item in zone.options.items()]
            lines.append('  "%s": { %s }' % (zone.name, ', '.join(entries)))
        if self.workers:
            lines.append('workers: %d' % self.workers)
        if os.geteuid() == 0:
            lines.append('user: root')  # the zone files of a test may stand where nobody else reads
        lines += ['state: "%s/state"' % self.directory, 'control: "%s"' % self.socket_path(), self.settings, self.extra]
        return '\n'.join(lines) + '\n'

    def command(self, configuration_path):
        return [self.executable(), '--config', configuration_path]

    def environment(self):
        # a sanitizer's finding must end the server, and a leak must show in its exit status
        return dict(os.environ, ASAN_OPTIONS='abort_on_error=0:detect_leaks=1:exitcode=99',
                    UBSAN_OPTIONS='halt_on_error=1:print_stacktrace=1', TSAN_OPTIONS='halt_on_error=1:exitcode=98')

    def tool(self, *words, timeout_s=30):
        """Runs `portolan --socket ... WORDS`; returns the finished process with its output as text."""
        return subprocess.run([str(PROGRAMS / 'portolan'), '--socket', str(self.socket_path()), *words], capture_output=True, text=True,
                              timeout=timeout_s, check=False, stdin=subprocess.DEVNULL)

    def __exit__(self, *exception):
        alive = self.is_alive()
        status = self.stop()
        log = self.log()
        self.remove()
        if exception[0] is None and (not alive or status != 0):
            raise AssertionError('portoland %s with status %s:\n%s' % ('ended' if alive else 'had ended by itself', status, log[-6000:]))


class Nsd(Server):
    kind = 'nsd'
    program = 'nsd'

    def __init__(self, zones, minimal=False, **others):
        super().__init__(zones, **others)
        self.minimal = minimal  # no optional authority and additional data

    def configuration(self):
        lines = ['server:', ' ip-address: %s@%d' % (self.address, self.port), ' username: ""', ' chroot: ""', ' database: ""',
                 ' zonesdir: "%s"' % self.directory, ' pidfile: "%s/pid"' % self.directory, ' xfrdfile: "%s/xfrd"' % self.directory,
                 ' xfrdir: "%s"' % self.directory, ' zonelistfile: "%s/zonelist"' % self.directory, ' server-count: 1',
                 ' logfile: "%s/log"' % self.directory, ' rrl-ratelimit: 0', ' tcp-count: 200', ' minimal-responses: %s' % ('yes' if self.minimal else 'no'),
                 ' refuse-any: no', self.extra, 'remote-control:', ' control-enable: no']
        for zone in self.zones:
            lines += ['zone:', ' name: "%s"' % zone.name, ' zonefile: "%s"' % zone.file, ' provide-xfr: 127.0.0.1 NOKEY']
        return '\n'.join(lines) + '\n'

    def command(self, configuration_path):
        return [self.executable(), '-d', '-c', configuration_path]


class Knot(Server):
    kind = 'knot'
    program = 'knotd'

    def configuration(self):
        (self.directory / 'db').mkdir(exist_ok=True)
        lines = ['server:', '  listen: %s@%d' % (self.address, self.port), '  rundir: "%s"' % self.directory, '  udp-workers: 1',
                 '  tcp-workers: 1', '  background-workers: 1', self.extra, 'log:', '  - target: "%s/log"' % self.directory,
                 '    any: warning', 'database:', '  storage: "%s/db"' % self.directory, 'acl:', '  - id: transfer',
                 '    address: 127.0.0.1', '    action: transfer', 'template:', '  - id: default', '    storage: "%s"' % self.directory,
                 '    zonefile-sync: -1', '    journal-content: none', '    semantic-checks: off', '    acl: transfer', 'zone:']
        for zone in self.zones:
            lines += ['  - domain: "%s"' % zone.name, '    file: "%s"' % zone.file]
        return '\n'.join(lines) + '\n'

    def command(self, configuration_path):
        return [self.executable(), '-c', configuration_path]


class Bind(Server):
    kind = 'bind'
    program = 'named'

    def configuration(self):
        on, off = ('listen-on-v6', 'listen-on') if ':' in self.address else ('listen-on', 'listen-on-v6')
        lines = ['options { directory "%s"; %s port %d { %s; }; %s { none; };' % (self.directory, on, self.port, self.address, off),
                 ' recursion no; dnssec-validation no; pid-file "%s/pid"; session-keyfile "%s/key";' % (self.directory, self.directory),
                 ' notify no; empty-zones-enable no; allow-transfer { 127.0.0.1; };', self.extra, '};',
                 'controls { };',
                 'logging { channel file { file "%s/log"; severity info; }; category default { file; }; };' % self.directory]
        for zone in self.zones:
            lines.append('zone "%s" { type primary; file "%s"; check-names ignore; check-integrity no; };' % (zone.name, zone.file))
        return '\n'.join(lines) + '\n'

    def command(self, configuration_path):
        return [self.executable(), '-g', '-n', '1', '-c', configuration_path]


class Gdnsd(Server):
    """No DNSSEC. Reads every file of its zones directory; a file's name is the zone's."""

    kind = 'gdnsd'
    program = 'gdnsd'

    def configuration_path(self):
        return self.directory / 'config'

    def configuration(self):
        zones = self.directory / 'zones'
        zones.mkdir(exist_ok=True)
        for zone in self.zones:
            os.symlink(zone.file, zones / (zone.name.rstrip('.') or 'ROOT_ZONE'))
        return '\n'.join(['options => {', ' listen => %s:%d' % (self.address, self.port), ' udp_threads => 1', ' tcp_threads => 1',
                          ' run_dir => %s/run' % self.directory, ' state_dir => %s/state' % self.directory,
                          ' max_edns_response => 1232', ' acme_challenge_ttl => 3600', self.extra, '}']) + '\n'

    def command(self, configuration_path):
        return [self.executable(), '-c', str(self.directory), 'start']


JUDGES = {'nsd': Nsd, 'knot': Knot, 'bind': Bind, 'gdnsd': Gdnsd}


def available(kind):
    """Whether the server can be started here."""
    if kind == 'portolan':
        return (PROGRAMS / 'portoland').exists()
    return peer_program(JUDGES[kind].program) is not None
