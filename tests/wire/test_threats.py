"""Attacks on an authoritative server, each by the name it is known by, and messages at the very edge of every limit.

The limits meant are those of docs/operations.md, "Limits". Elsewhere: slow and greedy TCP clients and slow transfers in test_tcp.py,
fragmentation in test_udp.py (DF), the control socket in test_control.py, NSEC3 iterations and names made to collide in the unit tests of
the zone builder."""

import itertools
import os
import socket
import struct
import time

import peers
import pytest
import wire
from streams import Stream

ORIGIN = 'threats.test.'
NAME = wire.name_from_text(ORIGIN)
OTHER = 'other.test.'
A, NS, CNAME, SOA, TXT, SRV, DNAME, ANY, AXFR = (wire.TYPES[name] for name in ('A', 'NS', 'CNAME', 'SOA', 'TXT', 'SRV', 'DNAME', 'ANY', 'AXFR'))
HEAD = ['@ 300 SOA ns hostmaster 7 3600 600 86400 300', '@ 300 NS ns', 'ns 300 A 192.0.2.1']
HOPS_MAX = 16
ADDITIONAL_MAX = 13
LIMITS = [512, 1232, 4096, 65535]


def longest_of_single_octets():
    """The name of 255 octets, or 254, with as many labels as fit below the origin."""
    return wire.name_of([b'x'] * ((255 - len(NAME)) // 2))[:-1] + NAME


def strings(size):
    """Rdata of TXT, `size` octets long, as text."""
    parts = []
    while size > 0:
        part = min(size, 256)
        part -= size - part == 1  # a lone length octet cannot stand
        parts.append('"%s"' % ('t' * (part - 1)))
        size -= part
    return ' '.join(parts)


def sized_name(limit, difference, edns):
    return wire.name_from_text('s%d-%d-%d.%s' % (limit, difference + 1, edns, ORIGIN))


def sized_records():
    """TXT records whose answer is one octet less than a limit, just as large, and one more."""
    for limit, difference, edns in itertools.product(LIMITS, (-1, 0, 1), (0, 1)):
        name = sized_name(limit, difference, edns)
        size = limit + difference - 12 - (len(name) + 4) - 12 - 11 * edns
        yield '%s 300 TXT %s' % (wire.name_text(name), strings(size))


def lines():
    yield '$ORIGIN ' + ORIGIN
    yield from HEAD
    yield from sized_records()
    yield from ('a4000 300 A 10.0.%d.%d' % divmod(i, 250) for i in range(4000))
    yield from ('a5000 300 A 10.1.%d.%d' % divmod(i, 250) for i in range(5000))
    yield from ('t60k 300 TXT "%03d" %s' % (i, strings(1000)) for i in range(58))
    yield from ('ns900 300 NS %s%d.%s.far.example.' % ('n' * 40, i, 'm' * 10) for i in range(900))
    yield from ('srv 300 SRV 1 1 53 host%d' % i for i in range(500))
    yield from ('host%d 300 A 192.0.2.%d' % (i, i % 250) for i in range(500))
    yield wire.name_text(longest_of_single_octets()) + ' 300 TXT deep'
    yield '%s 300 DNAME %s' % ('d', '.'.join(['z' * 60] * 3) + '.' + ORIGIN)
    yield '*.w 300 TXT wild'
    yield from ('loop%d 300 CNAME loop%d' % (i, (i + 1) % 3) for i in range(3))
    yield 'self 300 CNAME self'
    yield 'ping 300 CNAME pong.' + OTHER
    yield from ('chain%d 300 CNAME chain%d' % (i, i + 1) for i in range(100))
    yield 'dloop 300 DNAME x.dloop2'
    yield 'dloop2 300 DNAME x.dloop'


@pytest.fixture(scope='module')
def zones(tmp_path_factory):
    directory = tmp_path_factory.mktemp('threats')
    (directory / 'zone').write_text('\n'.join(lines()) + '\n')
    (directory / 'other').write_text('\n'.join(['$ORIGIN ' + OTHER, *HEAD, 'pong 300 CNAME ping.' + ORIGIN]) + '\n')
    return [peers.Zone(ORIGIN, directory / 'zone', {'allow-transfer': 'loopback'}), peers.Zone(OTHER, directory / 'other')]


@pytest.fixture(scope='module')
def server(zones, portoland):
    with peers.Portolan(zones, settings='udp-size: 4096\nresolver: no', workers=1) as running:
        yield running


def name(text):
    return wire.name_from_text(text + '.' + ORIGIN if text else ORIGIN)


def udp(server, message, wait_s=3.0):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(wait_s)
        sock.connect((server.address, server.port))
        sock.send(message)
        try:
            return wire.parse(sock.recv(65535))
        except socket.timeout:
            return None


def tcp(server, message):
    with Stream(server) as stream:
        stream.ask(message)
        return stream.answer()


# ---- the edges of every limit -----------------------------------------------------------------------------------------


@pytest.mark.parametrize('edns', [0, 1])
@pytest.mark.parametrize('limit', LIMITS)
def test_answers_at_the_very_limit(server, limit, edns):
    """Whole up to the last octet; one more, and it is truncated to nothing, with the OPT."""
    over_tcp = limit == 65535
    if limit in (1232, 4096) and not edns:
        pytest.skip('without EDNS there is one limit, 512')
    for difference in (-1, 0, 1):
        message = wire.query(sized_name(limit, difference, edns), TXT, edns=(min(limit, 65535), 0) if edns else None)
        reply = (tcp if over_tcp else udp)(server, message)
        assert reply.rcode == 0 and (reply.opt is not None) == bool(edns)
        if difference <= 0:
            assert reply.size == limit + difference and len(reply.answer) == 1 and not reply.flags & wire.TC
        else:
            assert reply.flags & wire.TC and not reply.answer and reply.size < 512


@pytest.mark.parametrize('text,rtype,count', [('a4000', A, 4000), ('a5000', A, None), ('t60k', TXT, 58), ('ns900', NS, 900)])
def test_giant_rrsets(server, text, rtype, count):
    """Over UDP truncated and empty, over TCP whole; what no message can hold (80 KB) is truncated there, too, and never a part."""
    for edns in (None, (512, 0), (4096, 0), (65535, 0)):
        reply = udp(server, wire.query(name(text), rtype, edns=edns))
        assert reply.flags & wire.TC and not reply.answer and reply.rcode == 0 and reply.size < 512
    reply = tcp(server, wire.query(name(text), rtype, edns=(1232, 0)))
    if count:
        assert not reply.flags & wire.TC and len(reply.answer + reply.authority) == count
        assert all(record.type == rtype for record in reply.answer + reply.authority)
    else:
        assert reply.flags & wire.TC and not reply.answer and reply.rcode == 0


def test_giant_rrsets_are_transferred(server):
    messages = wire.Asker(server.address, server.port).transfer(NAME)
    records = [record for message in messages for record in message.answer]
    assert sum(record.owner == name('a5000') for record in records) == 5000
    assert sum(record.owner == name('t60k') for record in records) == 58
    largest = [record for record in records if record.owner == sized_name(65535, 1, 0)]
    assert len(largest) == 1 and len(largest[0].rdata) > 65400
    assert [record.type for record in records].count(SOA) == 2  # first and last, none between


def test_names_of_255_octets_and_127_labels(server):
    deepest = longest_of_single_octets()
    assert len(deepest) in (254, 255)
    reply = udp(server, wire.query(deepest, TXT))
    assert reply.rcode == 0 and [record.owner for record in reply.answer] == [deepest]
    for labels in range(1, (len(deepest) - len(NAME)) // 2):  # every empty non-terminal on the way
        suffix = wire.name_of([b'x'] * labels)[:-1] + NAME
        reply = udp(server, wire.query(suffix, A))
        assert reply.rcode == 0 and not reply.answer and [record.type for record in reply.authority] == [SOA]
    foreign = wire.name_of([b'y'] * 127)
    assert len(foreign) == 255 and udp(server, wire.query(foreign, A)).rcode == wire.REFUSED
    assert udp(server, wire.query(wire.name_of([b'y'] * 128), A)).rcode == wire.FORMERR
    wild = wire.name_of([b'y'] * ((255 - len(name('w'))) // 2))[:-1] + name('w')
    reply = udp(server, wire.query(wild, TXT))
    assert [record.owner for record in reply.answer] == [wild]


def test_dname_makes_a_name_too_long(server):
    """RFC 6672 2.2: YXDOMAIN, with the DNAME that says why; one label less still fits."""
    for label, rcode in ((b'q' * 30, wire.NXDOMAIN), (b'q' * 63, wire.YXDOMAIN)):
        reply = udp(server, wire.query(wire.name_of([label])[:-1] + name('d'), A, edns=(4096, 0)))
        assert reply.rcode == rcode and reply.answer[0].type == DNAME
        assert len(reply.answer) == (2 if rcode == wire.NXDOMAIN else 1)


def test_every_opcode_and_flag(server):
    """All 4096 header words of a request that is no response, and all RCODE bits: one well-formed answer each, with nothing claimed; by one
    that resolves, RA alone."""
    check_every_opcode_and_flag(server, 0)
    with peers.Portolan(server.zones[1:], workers=1) as resolver:
        check_every_opcode_and_flag(resolver, wire.RA)


def check_every_opcode_and_flag(server, claimed):
    name = wire.name_from_text(server.zones[0].name)
    words = [opcode << 11 | flags << 4 | rcode for opcode in range(16) for flags in range(128) for rcode in (0, 15)]
    messages = [wire.query(name, SOA)[:2] + struct.pack('!H', word) + wire.query(name, SOA)[4:] for word in words]
    with wire.Asker(server.address, server.port) as asker:
        replies = asker.ask_udp(messages)
    for word, raw in zip(words, replies):
        reply = wire.parse(raw)
        opcode = word >> 11
        assert reply.flags & wire.QR and reply.flags >> 11 & 15 == opcode
        assert reply.flags & (wire.RA | wire.Z | wire.AD | wire.CD | wire.TC) == claimed
        assert reply.flags & wire.RD == word & wire.RD
        assert reply.rcode == {0: wire.NOERROR, 4: wire.REFUSED, 5: wire.NOTIMP}.get(opcode, wire.NOTIMP)
        assert len(reply.answer) == (opcode == 0)
    assert [reply for reply in (udp(server, struct.pack('!6H', 1, wire.QR | opcode << 11, 1, 0, 0, 0) + name + b'\0\6\0\1', 0.05)
                                for opcode in range(16)) if reply] == []


def test_every_section_count(server):
    """Counts that promise records which are not there, in every section."""
    base = wire.query(NAME, SOA)
    for section, count in itertools.product((6, 8, 10), (1, 2, 255, 65535)):
        message = base[:section] + struct.pack('!H', count) + base[section + 2:]
        reply = udp(server, message)
        assert reply.rcode == wire.FORMERR and not reply.answer


# ---- attacks by name --------------------------------------------------------------------------------------------------


def test_tsuname(server):
    """CNAME and DNAME loops, inside a zone and across zones, and a chain without end: each name once, at most HOPS_MAX of them."""
    for start, most in (('self', 1), ('loop0', 3), ('ping', 2), ('chain0', HOPS_MAX + 1), ('a.dloop', 2 * (HOPS_MAX + 1))):
        reply = udp(server, wire.query(name(start), A, edns=(4096, 0)))
        assert reply.rcode in (wire.NOERROR, wire.YXDOMAIN) and 1 <= len(reply.answer) <= most
        assert len({(record.owner, record.type) for record in reply.answer}) == len(reply.answer)


def test_additional_section_load(server):
    """CVE-2024-11187: of 500 targets with addresses ADDITIONAL_MAX are looked up, also over TCP."""
    with peers.Portolan(server.zones, settings='minimal-responses: no', workers=1) as talkative:
        reply = tcp(talkative, wire.query(name('srv'), SRV, edns=(1232, 0)))
    assert len(reply.answer) == 500
    assert len({record.owner for record in reply.additional}) <= ADDITIONAL_MAX


def test_reflection(server):
    """What a spoofed source gets: nothing for a response, nothing above the limit, one RRset for ANY, no more than was sent where we
    refuse."""
    assert udp(server, wire.query(NAME, SOA, flags=wire.QR), wait_s=0.2) is None
    for message in (wire.query(wire.name_from_text('example.org.'), ANY), wire.query(wire.name_from_text('example.org.'), A, edns=(65535, wire.DO)),
                    wire.query(NAME, AXFR), wire.query(NAME, SOA, opcode=2), wire.query(NAME, SOA, opcode=4), wire.query(NAME, SOA, qclass=3)):
        reply = udp(server, message)
        assert reply.rcode != 0 and reply.size <= len(message) + 6  # an extended error's six octets
    reply = udp(server, wire.query(NAME, ANY, edns=(4096, wire.DO)))
    assert len({record.type for record in reply.answer}) == 1
    many = udp(server, wire.query(NAME, SOA, edns=(65535, 0, [(3, b''), (10, b'12345678'), (12, b'\0' * 400)] * 8)))
    assert many.size <= 200  # options said often are answered once, and padding is never reflected over UDP


def test_maintenance_is_refused(server):
    """Forged NOTIFY and UPDATE, of zones that are here and that are not."""
    for opcode, rcode in ((4, wire.REFUSED), (5, wire.NOTIMP)):
        assert udp(server, wire.query(NAME, SOA, opcode=opcode)).rcode == rcode
        assert udp(server, wire.query(wire.name_from_text('nowhere.example.'), SOA, opcode=opcode)).rcode == wire.NOTAUTH
    assert udp(server, wire.query(NAME, SOA)).answer[0].rdata[-20:-16] == struct.pack('!I', 7)


def cpu_s(server):
    """Processor time of the server so far, in kernel and user space."""
    with open('/proc/%d/schedstat' % server.pid) as main:
        total = int(main.read().split()[0])
    for task in os.listdir('/proc/%d/task' % server.pid):
        with open('/proc/%d/task/%s/schedstat' % (server.pid, task)) as thread:
            total += int(thread.read().split()[0])
    return total / 1e9


def cost_us(server, message, count=1500):
    """Processor time of the server for one such datagram: the least of three rounds."""
    costs = []
    with wire.Asker(server.address, server.port) as asker:
        for _ in range(3):
            before = cpu_s(server)
            for _ in range(count // 50):
                for _ in range(50):
                    asker.udp.send(message)
                asker.ask_udp([wire.query(NAME, SOA)])  # the batch has been worked off
                asker.udp.setblocking(False)
                try:
                    while asker.udp.recv(65535):
                        pass
                except BlockingIOError:
                    asker.udp.setblocking(True)
            costs.append((cpu_s(server) - before) / count * 1e6)
    return min(costs)


def stuffed(count, owner=b'\0', opcode=0):
    """A query with so many records behind the question."""
    base = wire.query(NAME, SOA, opcode=opcode)
    return base[:6] + struct.pack('!H', count) + base[8:] + (owner + struct.pack('!HHIH', A, 1, 0, 0)) * count


def test_malformed_input_costs_no_more_than_a_query(server):
    """Whatever is sent, of up to 4 KB: a valid query costs as much, within what can be told by a clock."""
    if peers.is_instrumented(server.pid):
        pytest.skip('measured on the release build')
    valid = cost_us(server, wire.query(NAME, SOA, edns=(1232, 0)))
    options = wire.query(NAME, SOA, edns=(1232, 0, [(100, b'')] * 950))
    for message in (b'\0' * 11, wire.query(NAME, SOA, flags=wire.QR), wire.query(NAME, SOA) + b'x' * 4000, options, options[:-2] + b'\xff\xff',
                    struct.pack('!6H', 1, 0, 1, 0, 0, 0) + b'\1x' * 2000, struct.pack('!6H', 1, 0, 1, 0, 0, 0) + b'\xc0\x0c' * 2000,
                    stuffed(360), stuffed(15, wire.name_of([b'y'] * 127)), stuffed(360, opcode=4), stuffed(360, opcode=2),
                    wire.query(name('a5000'), A, edns=(4096, 0)), wire.query(name('ns900'), NS, edns=(4096, 0))):
        # 4 KB are copied whatever is in them; another program may disturb a measurement, but not five of them
        assert any(cost_us(server, message) < 2 * valid + 1 for _ in range(5)), (len(message), message[:40])


def test_name_compression_cost(server):
    """CVE-2024-8508: an answer of 64 KB full of names of three labels to compress costs as one without, but for a factor."""
    costs = {}
    for text, rtype in (('a4000', A), ('ns900', NS)):
        with Stream(server) as stream:
            before = cpu_s(server)
            for _ in range(100):
                stream.ask(wire.query(name(text), rtype))
                assert len(stream.receive()) > 40000
            costs[text] = (cpu_s(server) - before) / 100
    assert costs['ns900'] < 5 * costs['a4000'] + 1e-4


@pytest.mark.parametrize('kind', ['pipe', 'device', 'included pipe'])
def test_what_is_no_file_holds_up_nothing(tmp_path, portoland, kind):
    """A pipe that nobody writes to, a device without end: an error; the old version serves on, and the server can be stopped."""
    path = tmp_path / 'zone'
    path.write_text('\n'.join(['$ORIGIN ' + ORIGIN, *HEAD]) + '\n')
    with peers.Portolan([peers.Zone(ORIGIN, path)], workers=1) as server:
        os.mkfifo(tmp_path / 'pipe')
        replacement = tmp_path / 'new'
        if kind == 'included pipe':
            replacement.write_text(path.read_text() + '$INCLUDE pipe\n')
        else:
            replacement.symlink_to('/dev/zero' if kind == 'device' else tmp_path / 'pipe')
        replacement.rename(path)
        run = server.tool('zone', 'reload', timeout_s=20)
        assert run.returncode == 1
        assert 'a pipe or device, not a file' in server.log()
        assert udp(server, wire.query(NAME, SOA)).answer
