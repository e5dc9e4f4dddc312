"""Rdata in text, both ways, beside BIND, NSD, Knot DNS, ldns and dnspython: what is taken, what it is on the wire, and whether each
understands the other's canonical text. rdata_records.py holds the records; tests/lib/rdata_tool.c is our side."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import peers
import pytest
import wire

import rdata_records

GOOD = rdata_records.lines(rdata_records.GOOD)
BAD = rdata_records.lines(rdata_records.BAD)
HEAD = '$ORIGIN example.\n$TTL 3600\n@ IN SOA ns1.other. mail.other. 1 2h 1H30m 4w 1d\n@ IN NS ns1.other.\n'

# One run of a checker over one zone file; {file} and {out} are filled in.
CHECKERS = {
    'bind': ['named-compilezone', '-i', 'none', '-k', 'ignore', '-n', 'ignore', '-s', 'full', '-o', '{out}', 'example', '{file}'],
    'nsd': ['nsd-checkzone', '-p', 'example', '{file}'],
    'knot': ['kzonecheck', '-o', 'example.', '{file}'],
    'ldns': ['ldns-read-zone', '{file}'],
}
SERVERS = {'bind': peers.Bind, 'nsd': peers.Nsd, 'knot': peers.Knot}

# Types that a peer's version in Debian 12 does not know, or only in \# form.
UNKNOWN_TYPES = {
    'bind': {'CLA', 'IPN', 'MD', 'MF'},
    'nsd': {'TA', 'HIP', 'DSYNC', 'DOA', 'AMTRELAY', 'RESINFO', 'WALLET', 'CLA', 'IPN', 'HHIT', 'BRID', 'NSAP-PTR', 'GPOS', 'EID', 'NIMLOC',
            'ATMA', 'SINK', 'TALINK', 'NINFO', 'RKEY', 'A6'},
    'knot': {'DLV', 'TA', 'SIG', 'HIP', 'DSYNC', 'AVC', 'DOA', 'AMTRELAY', 'RESINFO', 'WALLET', 'CLA', 'IPN', 'HHIT', 'BRID', 'NSAP', 'NSAP-PTR',
             'PX', 'GPOS', 'EID', 'NIMLOC', 'ATMA', 'SINK', 'TALINK', 'NINFO', 'RKEY', 'X25', 'ISDN', 'NXT', 'A6', 'WKS', 'MD', 'MF', 'MB',
             'MG', 'MR', 'NULL'},
    'ldns': {'TA', 'DSYNC', 'AVC', 'DOA', 'AMTRELAY', 'RESINFO', 'WALLET', 'CLA', 'IPN', 'HHIT', 'BRID', 'SINK', 'NINFO', 'RKEY', 'NXT', 'A6'},
}

# Good records that a peer refuses though it knows the type; {(peer, type, start of the rdata): why we take it}.
REFUSED_BY_PEER = {
    ('bind', 'SVCB', '1 . ohttp'): 'key 8 is RFC 9540, newer than this BIND',
    ('nsd', 'SVCB', '1 . ohttp'): 'key 8 is RFC 9540, newer than this NSD',
    ('ldns', 'SVCB', '1 . ohttp'): 'key 8 is RFC 9540, newer than this ldns',
    ('knot', 'SVCB', '1 . ohttp'): 'key 8 is RFC 9540, newer than this Knot',
    ('knot', 'SVCB', '1 . dohpath'): 'key 7 is RFC 9461, newer than this Knot',
    ('knot', 'SVCB', '1 . alpn=h2 dohpath'): 'key 7 is RFC 9461, newer than this Knot',
    ('nsd', 'TXT', '"$ORIGIN"'): 'RFC 1035 5.1 gives $ no meaning but at the start of a line',
    ('nsd', 'RRSIG', 'A ED25519 3 3600 1000000000'): 'RFC 4034 3.2 allows seconds',
    ('nsd', 'RRSIG', 'A ED448 3 3600 0'): 'RFC 4034 3.2 allows seconds',
    ('nsd', 'NSEC', 'a A NS'): 'TA is a type',
    ('knot', 'NSEC', 'a A NS'): 'TA is a type',
    ('ldns', 'CSYNC', '4294967295'): 'RFC 7477 2.1.1.2.1 allows an empty bitmap',
    ('ldns', 'CAA', '0 issuewild ca1'): 'RFC 8659 4.1.1 allows a value without quotes',
    ('ldns', 'ATMA', '+'): 'E.164 addresses begin with +',
    ('knot', 'A', r'\# 4 C00 002'): 'RFC 3597 5 allows white space anywhere in the data',
    ('knot', 'DHCID', '( AAEBOSD'): 'RFC 4701 3.2 allows white space anywhere in the data',
    ('knot', 'DS', '10771 12'): 'kzonecheck judges the algorithm, not the syntax',
    ('knot', 'DS', '1 200'): 'kzonecheck judges the algorithm, not the syntax',
    ('knot', 'NS', 'ns1'): 'kzonecheck misses glue, not syntax',
}

# Where a peer puts something else on the wire; {(peer, type, start of the rdata): why we do what we do}.
OTHER_WIRE = {
    ('nsd', 'RRSIG', 'SOA ECDSAP256SHA256 0 4294967295'): 'the original TTL is any 32-bit number (RFC 4034 3.1.4); NSD puts its default TTL',
    ('ldns', 'IPSECKEY', '10 3 2 mygateway '): 'relative names end in the origin (RFC 1035 5.1), also as gateways',
    ('ldns', 'NSEC', 'a A NS'): 'AMTRELAY, TA and the like are types, not type 0',
    ('ldns', 'SVCB', '16 foo.example.org. alpn=\"f'): 'RFC 9460 appendix D.2 gives this very record',
    ('ldns', 'SVCB', '16 foo.example.org. alpn=f'): 'RFC 9460 appendix D.2 gives this very record',
    ('ldns', 'NSAP-PTR', ''): 'RFC 1706 6: a domain name, not a string',
    ('ldns', 'ATMA', '39'): 'the format octet comes first (AF-DANS-0152 2.1)',
    ('dnspython', 'URI', '65535 0'): 'escapes stand for octets, not for characters to be put in UTF-8',
}

# Records whose text in a peer's output we do not read, or read as something else; the reason is the peer's.
OTHER_TEXT = {
    ('nsd', 'SPF', 'v=spf1 -all'): 'NSD prints the first string only',
}


def known(table, peer, row):
    rtype, rdata = row
    return any(key[0] == peer and key[1] == rtype and rdata.startswith(key[2]) for key in table)


def rdata_tool():
    path = Path(os.environ.get('PORTOLAN_RDATA_TOOL', peers.PROGRAMS.parent / 'tests' / 'rdata_tool'))
    assert path.exists(), 'no %s: build it, or set PORTOLAN_RDATA_TOOL' % path
    return path


def ours(rows):
    """For each row (text, wire in hexadecimal), or None when it is refused."""
    lines = ''.join('%s %s\n' % tuple(row) for row in rows)
    result = subprocess.run([rdata_tool()], input=lines, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    answers = [line.split('\t') for line in result.stdout.splitlines()]
    assert len(answers) == len(rows)
    return [tuple(answer[1:]) if answer[0] == 'ok' else None for answer in answers]


@pytest.fixture(scope='module')
def canonical():
    """Our canonical text and wire for each good record."""
    answers = ours(GOOD)
    refused = [row for row, answer in zip(GOOD, answers) if answer is None]
    assert not refused
    return answers


def write_zone(path, rows):
    """Every row at an owner of its own: r0, r1 ..."""
    path.write_text(HEAD + ''.join('r%d IN %s %s\n' % (number, *row) for number, row in rows))


def check(peer, path):
    """Runs the peer's checker: (is good, what it printed of the zone)."""
    command = CHECKERS[peer]
    program = peers.peer_program(command[0])
    out = path.with_suffix('.out')
    words = [program] + [word.format(file=path, out=out) for word in command[1:]]
    result = subprocess.run(words, capture_output=True, text=True, errors='replace', timeout=60)
    printed = out.read_text(errors='replace') if out.exists() else result.stdout
    return result.returncode == 0, printed


def need(peer):
    program = CHECKERS[peer][0]
    if not peers.peer_program(program):
        pytest.skip('%s cannot be had: run scripts/peers' % program)


def taken_by(peer, rows, directory):
    """Numbers of the rows that the peer's checker takes, each asked about alone."""
    def ask(item):
        number, row = item
        path = directory / ('%s-%d.zone' % (peer, number))
        write_zone(path, [item])
        return check(peer, path)[0]
    with ThreadPoolExecutor(2) as pool:
        return {number for (number, _), good in zip(enumerate(rows), pool.map(ask, list(enumerate(rows)))) if good}


@pytest.fixture(scope='module')
def taken(tmp_path_factory):
    """A function: numbers of the good records that a peer takes."""
    memory = {}

    def of(peer):
        if peer not in memory:
            memory[peer] = taken_by(peer, GOOD, tmp_path_factory.mktemp(peer))
        return memory[peer]
    return of


def test_bad_records_are_refused():
    taken_anyway = [row for row, answer in zip(BAD, ours(BAD)) if answer is not None]
    assert not taken_anyway


def test_canonical_text_is_stable(canonical):
    again = ours([(rtype, answer[0]) for (rtype, _), answer in zip(GOOD, canonical)])
    assert again == canonical


def test_wire_leads_to_the_same_text(canonical):
    assert ours([(rtype, '=' + answer[1]) for (rtype, _), answer in zip(GOOD, canonical)]) == canonical


@pytest.mark.parametrize('peer', sorted(CHECKERS))
def test_peer_takes_what_we_take(peer, taken):
    need(peer)
    refused = [row for number, row in enumerate(GOOD) if number not in taken(peer)]
    unexplained = [row for row in refused if row[0] not in UNKNOWN_TYPES[peer] and not known(REFUSED_BY_PEER, peer, row)]
    assert not unexplained


def test_bind_refuses_what_we_refuse(tmp_path):
    need('bind')
    assert [BAD[number] for number in sorted(taken_by('bind', BAD, tmp_path))] == []


def transferred(peer, rows, directory):
    """{number: rdata in hexadecimal} of a zone of these rows, as the peer's server transfers it."""
    path = directory / 'transferred.zone'
    write_zone(path, rows)
    with SERVERS[peer]([peers.Zone('example.', str(path))]) as server, wire.Asker(server.address, server.port) as asker:
        found = {}
        for message in asker.transfer(wire.name_from_text('example.')):
            assert message.rcode == 0, server.log()
            for record in message.answer:
                match = re.fullmatch(rb'\x01?.r([0-9]+)\x07example\x00', record.owner)
                if match:
                    found[int(match.group(1))] = record.rdata.hex().upper()
    return found


def differing(peer, rows, found, canonical):
    """Rows whose wire form is another one at the peer."""
    return ['%s %s: %s, ours %s' % (*row, found.get(number), canonical[number][1]) for number, row in rows
            if found.get(number) != canonical[number][1] and not known(OTHER_WIRE, peer, GOOD[number])]


@pytest.mark.parametrize('spelling', ['as written', 'canonical'])
@pytest.mark.parametrize('peer', sorted(SERVERS))
def test_server_sends_the_same_wire(peer, spelling, taken, canonical, tmp_path):
    need(peer)
    rows = [(number, GOOD[number] if spelling == 'as written' else (GOOD[number][0], canonical[number][0])) for number in sorted(taken(peer))]
    found = transferred(peer, rows, tmp_path)
    assert len(found) > 150
    different = differing(peer, rows, found, canonical)
    assert not different, '\n'.join(different)


@pytest.mark.parametrize('spelling', ['as written', 'canonical'])
def test_ldns_makes_the_same_wire(spelling, taken, canonical, tmp_path):
    need('ldns')
    rows = [(number, GOOD[number] if spelling == 'as written' else (GOOD[number][0], canonical[number][0])) for number in sorted(taken('ldns'))]
    path = tmp_path / 'ldns.zone'
    write_zone(path, rows)
    result = subprocess.run([peers.peer_program('ldns-read-zone'), '-U', 'NULL', path], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    found = {}
    for line in result.stdout.splitlines():
        match = re.fullmatch(r'r([0-9]+)\.example\.\t.*\\#\s+[0-9]+\s*([0-9a-fA-F ]*)', line)
        if match:
            found[int(match.group(1))] = match.group(2).replace(' ', '').upper()
    assert len(found) > 150
    different = differing('ldns', rows, found, canonical)
    assert not different, '\n'.join(different)


@pytest.mark.parametrize('spelling', ['as written', 'canonical'])
def test_dnspython_makes_the_same_wire(spelling, canonical):
    dns = pytest.importorskip('dns')
    import dns.exception
    import dns.name
    import dns.rdata
    origin = dns.name.from_text('example.')
    compared, different = 0, []
    for number, (rtype, rdata) in enumerate(GOOD):
        text = rdata if spelling == 'as written' else canonical[number][0]
        try:
            record = dns.rdata.from_text('IN', rtype, text, origin=origin, relativize=False)
            found = record.to_wire(origin=origin).hex().upper()
        except (dns.exception.DNSException, ValueError):
            continue  # it refuses much that is good; the other peers judge that
        compared += 1
        if found != canonical[number][1] and not known(OTHER_WIRE, 'dnspython', (rtype, rdata)):
            different.append('%s %s: %s, ours %s' % (rtype, text, found, canonical[number][1]))
    assert not different, '\n'.join(different)
    assert compared > 150


@pytest.mark.parametrize('peer', ['bind', 'ldns', 'nsd'])
def test_we_read_the_text_of_a_peer(peer, taken, canonical, tmp_path):
    need(peer)
    path = tmp_path / 'printed.zone'
    numbers = sorted(taken(peer))
    write_zone(path, [(number, GOOD[number]) for number in numbers])
    good, printed = check(peer, path)
    assert good
    found = {}
    for line in printed.splitlines():
        match = re.fullmatch(r'r([0-9]+)(?:\.example\.)?\s+(?:[0-9]+\s+)?IN\s+(\S+)\s*(.*)', line)
        if match:
            found[int(match.group(1))] = match.groups()[1:]
    assert len(found) > 150
    rows = [(number, found[number]) for number in numbers if number in found]
    answers = ours([row for _, row in rows])
    different = ['%s %s: %s, was %s' % (*row, answer and answer[1], canonical[number][1]) for (number, row), answer in zip(rows, answers)
                 if (answer is None or answer[1] != canonical[number][1]) and not known(OTHER_TEXT, peer, GOOD[number])
                 and not known(OTHER_WIRE, peer, GOOD[number])]
    assert not different, '\n'.join(different)
    assert len(rows) == len(numbers)
