"""Portolan as a scenario drives it: under a clock of the scenario's own, one address to listen at and to ask from, and nothing asked unprompted unless
the scenario says so."""

import os
import socket
import time

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import network
import peers

LIBRARY = 'usr/lib/*/faketime/libfaketimeMT.so.1'
START_S = 1_930_000_000  # some day of 2031: no scenario may depend on today
ADDRESS, ADDRESS6 = '10.53.0.7', 'fd53::7'

# The configuration for scenario suites (docs/resolver.md): each message that goes out belongs to a question that came in.
QUIET = {'priming': 'no', 'follow-rollovers': 'no', 'key-tag-signalling': 'no', 'prefetch': 'no', 'refresh-addresses': 'no', 'use-0x20': 'no'}


def fake_clock_library():
    found = sorted((peers.PEERS.parent / 'root').glob(LIBRARY))
    return str(found[0]) if found else None


class Clock:
    """What time a program believes it is. Stopped, it moves by passes() alone; running, it goes on by itself as well, and with it (faked=True) the
    monotonic clock, which libfaketime makes the same as the wall clock."""

    def __init__(self, directory, now_s=START_S, runs=False, monotonic=False):
        self.path, self.runs, self.monotonic = directory / 'clock', runs, monotonic
        self.set(now_s)

    def set(self, now_s):
        self.now_s = now_s
        new = self.path.with_suffix('.new')
        new.write_text('%+.3f' % (now_s - time.time()) if self.runs else '%d' % now_s)
        new.rename(self.path)  # never half written

    def passes(self, seconds):
        self.set(self.now_s + seconds)

    def environment(self):
        found = {'LD_PRELOAD': fake_clock_library(), 'FAKETIME_TIMESTAMP_FILE': str(self.path), 'FAKETIME_NO_CACHE': '1', 'NO_FAKE_STAT': '1', 'TZ': 'UTC'}
        if not self.runs:
            found['FAKETIME_FMT'] = '%s'
        if not self.monotonic:
            found['FAKETIME_DONT_FAKE_MONOTONIC'] = '1'
        return found


class Resolver(peers.Portolan):
    """settings: lines `KEY: VALUE` of the `resolver:` section, in front of QUIET's; top: lines at the top level."""

    def __init__(self, directory, hints, settings='', top='', clock=None, address=ADDRESS, sources=(ADDRESS, ADDRESS6), zones=()):
        if not address.startswith('127.'):
            network.add([address, *(source for source in sources if ':' in source)])
        super().__init__(zones, address=address, port=53, workers=1, ready_s=20)
        self.clock = clock or Clock(self.directory)
        (self.directory / 'hints').write_text(hints)
        wanted = {'root-hints': '"%s"' % (self.directory / 'hints'), 'trust-anchors': 'none', **QUIET}
        if sources:
            wanted['sources'] = '[%s]' % ', '.join('"%s"' % one for one in sources)
        wanted.update(line.split(': ', 1) for line in (line.strip() for line in settings.splitlines()) if line)
        self.inner = '\n'.join(['resolver:'] + ['  %s: %s' % item for item in wanted.items()]) + '\n' + top + '\n'

    def configuration(self):
        return super().configuration() + self.inner

    def environment(self):
        return dict(super().environment(), **self.clock.environment())

    def is_ready(self):
        """Without a word to the server, which would count as a question."""
        return 'server.running' in self.log()

    def ask(self, what, words='rd', timeout_s=6):
        """`NAME TYPE`; words: `rd ad cd do edns tcp`. A Reply."""
        return ask(self.address, what, words, timeout_s)

    def asks(self, what, words='rd'):
        """The question alone; its reply is awaited later."""
        return Pending(self.address, query_of(what, words))

    def cpu_s(self):
        with open('/proc/%d/stat' % self.pid) as stat:
            fields = stat.read().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


class Pending:
    def __init__(self, address, query):
        self.query, self.socket = query, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((address, 53))
        self.socket.send(query.to_wire())

    def reply(self, timeout_s):
        self.socket.settimeout(timeout_s)
        with self.socket:
            return Reply(dns.message.from_wire(self.socket.recv(65535)))


def query_of(what, words, size=1232):
    name, rtype = what.split()
    words = set(words.split())
    query = dns.message.make_query(name, rtype, use_edns=0 if words & {'edns', 'do'} else False, want_dnssec='do' in words, payload=size)
    query.flags = 0
    for word in words & {'rd', 'ad', 'cd'}:
        query.flags |= dns.flags.from_text(word.upper())
    return query


def ask(address, what, words='rd', timeout_s=6, size=1232):
    query = query_of(what, words, size)
    return Reply((dns.query.tcp if 'tcp' in words.split() else dns.query.udp)(query, address, timeout=timeout_s))


def lines(section):
    found = []
    for rrset in section:
        for rdata in rrset:
            text = rdata.to_text()
            shown = {'RRSIG': text.split()[0], 'DNSKEY': ' '.join(text.split()[:3])}.get(dns.rdatatype.to_text(rrset.rdtype), text)
            found.append('%s %d %s %s' % (rrset.name, rrset.ttl, dns.rdatatype.to_text(rrset.rdtype), shown))
    return sorted(found)


class Reply:
    """As people read it: status `NOERROR qr rd ra`, the sections' lines `OWNER TTL TYPE RDATA` sorted, codes of extended errors."""

    def __init__(self, message):
        self.message = message
        self.rcode = dns.rcode.to_text(message.rcode())
        self.flags = dns.flags.to_text(message.flags).lower()
        self.answer, self.authority, self.additional = lines(message.answer), lines(message.authority), lines(message.additional)
        self.errors = [option.code for option in message.options if option.otype == dns.edns.OptionType.EDE] if message.edns >= 0 else []

    @property
    def status(self):
        return '%s %s' % (self.rcode, self.flags)

    def has(self, flag):
        return flag in self.flags.split()

    def ttls(self, section='answer'):
        return sorted({rrset.ttl for rrset in getattr(self.message, section)})

    def __repr__(self):
        return '\n'.join([self.status, *('answer: ' + line for line in self.answer), *('authority: ' + line for line in self.authority),
                          *('additional: ' + line for line in self.additional), *('EDE %d' % code for code in self.errors)])
