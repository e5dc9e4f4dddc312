"""Messages made by dnspython, whole and mutated: message_parse() must read in them what dnspython reads, and what message_writer_t
builds of it must be the same message to dnspython."""

import random
import struct
import subprocess
from pathlib import Path

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rdata
import dns.rdataclass
import dns.rrset
import pytest

import peers

SEED = 20260801
RDATA = [
    ('A', '192.0.2.1'), ('AAAA', '2001:db8::1'), ('NS', '{n}'), ('CNAME', '{n}'), ('PTR', '{n}'), ('DNAME', '{n}'), ('MX', '10 {n}'),
    ('SOA', '{n} {m} 1 2 3 4 5'), ('TXT', '"a b" "c"'), ('SRV', '1 2 3 {n}'), ('RP', '{n} {m}'), ('NAPTR', '1 2 "S" "SIP+D2U" "" {n}'),
    ('AFSDB', '1 {n}'), ('KX', '1 {n}'), ('PX', '1 {n} {m}'), ('RT', '1 {n}'), ('HINFO', '"x" "y"'), ('CAA', '0 issue "ca.example"'),
    ('DS', '1 13 2 ' + 'ab' * 32), ('NSEC', '{n} A MX RRSIG NSEC TYPE1234'), ('NSEC3', '1 0 0 - ' + 'b' * 32 + ' A RRSIG'),
    ('RRSIG', 'A 13 2 300 20300101000000 20200101000000 1 {n} c2lnbmF0dXJl'), ('DNSKEY', '256 3 13 c2lnbmF0dXJl'),
    ('HTTPS', '1 {n} alpn=h2,h3 ipv4hint=192.0.2.1'), ('SVCB', '0 {n}'), ('TLSA', '3 1 1 ' + 'cd' * 32), ('SSHFP', '1 1 ' + 'ef' * 20),
    ('LOC', '52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m'), ('URI', '1 2 "https://example/"'), ('TYPE65280', '\\# 3 abcdef'),
]


@pytest.fixture(scope='module')
def tool():
    """message_tool, from the variant under test or from the one with sanitizers."""
    for directory in (peers.PROGRAMS.parent, peers.TREE / 'build' / 'sanitized', *sorted((peers.TREE / 'build').glob('*'))):
        path = directory / 'tests' / 'message_tool'
        if path.exists():
            return str(path)
    pytest.fail('no tests/message_tool in any build directory: run `make build`')


def ask(tool, messages):
    """What message_tool says of each message: None, or the fields in order of their appearance."""
    lines = ''.join(message.hex() + '\n' for message in messages)
    done = subprocess.run([tool], input=lines, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = done.stdout.splitlines()
    assert len(answers) == len(messages)
    assert all(line == 'malformed' or line.startswith('ok\t') for line in answers)
    return [None if line == 'malformed' else [tuple(field.split('=', 1)) for field in line.split('\t')[1:]] for line in answers]


def fields_of(message):
    """The same fields out of a dnspython message that was read one record an RRset."""
    fields = [('HEADER', '%d,%d,%d' % (message.id, message.flags, message.rcode()))]
    if message.question:
        question = message.question[0]
        fields.append(('QUESTION', '%s,%d,%d' % (question.name.to_wire().hex().upper(), question.rdtype, question.rdclass)))
    for number, section in enumerate((message.answer, message.authority, message.additional)):
        for rrset in section:
            for rdata in rrset:
                fields.append((str(number), '%s,%d,%d,%d,%s' % (rrset.name.to_wire().hex().upper(), rrset.rdtype, rrset.rdclass, rrset.ttl,
                                                                rdata.to_wire().hex().upper())))
    if message.edns >= 0:
        options = b''.join(struct.pack('!HH', option.otype, len(option.to_wire())) + option.to_wire() for option in message.options)
        fields.append(('OPT', '%d,%d,%d,%s' % (max(512, message.payload), message.edns, message.ednsflags & 0xffff, options.hex().upper())))
    return fields


def folded(fields):
    """For messages that were compressed without regard to case."""
    def fold(text):
        return bytes(octet | 0x20 if 0x41 <= octet <= 0x5a else octet for octet in bytes.fromhex(text)).hex()
    return [(kind, ','.join(fold(part) if len(part) > 10 else part for part in value.split(','))) for kind, value in fields]


def comparable(message):
    """What dnspython takes for opaque, names and all, cannot be compared: types that it does not know (MB, MINFO, NXT ...), and SRV and
    others outside class IN, where we know a type by its number alone."""
    if message is None or message.opcode() == dns.opcode.UPDATE:  # dnspython rewrites the classes of an UPDATE
        return False
    rrsets = message.answer + message.authority + message.additional
    return all(rrset.rdclass == dns.rdataclass.IN and not (rrset.rdtype < 256 and isinstance(rrset[0], dns.rdata.GenericRdata))
               for rrset in rrsets)


def random_name(pick, pool):
    labels = [bytes(pick.choices(b'abcXYZ019-_\\."\0\xff', k=pick.randrange(1, 12))) for _ in range(pick.randrange(3))]
    return dns.name.Name(labels + list(pick.choice(pool).labels))


def random_message(pick):
    """Wire of a random answer, compressed by dnspython."""
    pool = [dns.name.root, dns.name.from_text('example.'), dns.name.from_text('Sub.Example.'), dns.name.from_text('a-long-label.other.test.')]
    query = dns.message.make_query(random_name(pick, pool), pick.choice(['A', 'ANY', 'MX', 'TYPE65280']))
    message = dns.message.make_response(query)
    message.flags |= pick.choice([0, dns.flags.AA, dns.flags.TC, dns.flags.AD | dns.flags.RA])
    message.set_rcode(pick.choice([0, 0, 3, 5]))
    for section in (message.answer, message.authority, message.additional):
        for _ in range(pick.randrange(5)):
            kind, text = pick.choice(RDATA)
            text = text.format(n=random_name(pick, pool), m=random_name(pick, pool))
            try:
                section.append(dns.rrset.from_text(random_name(pick, pool), pick.randrange(1 << 31), 'IN', kind, text))
            except dns.exception.DNSException:
                continue  # a name with characters that this type's text does not take
    if pick.random() < 0.6:
        options = [dns.edns.GenericOption(code, bytes(pick.choices(range(256), k=length)))
                   for code, length in ((3, 0), (10, 8), (12, 16), (65001, 5)) if pick.random() < 0.5]
        message.use_edns(0, pick.choice([0, dns.flags.DO]), payload=pick.choice([0, 512, 1232, 4096]), options=options)
        if pick.random() < 0.3:
            message.set_rcode(pick.choice([16, 23]))
    return message.to_wire(max_size=65535)


def mutated(pick, message):
    message = bytearray(message)
    for _ in range(pick.randrange(1, 4)):
        at = pick.randrange(len(message))
        kind = pick.randrange(4)
        if kind == 0:
            message[at] ^= 1 << pick.randrange(8)
        elif kind == 1:
            message[at] = pick.choice([0, 1, 0x3f, 0x40, 0xc0, 0xff])
        elif kind == 2 and len(message) > 20:
            del message[at:at + pick.randrange(1, 5)]
        else:
            message[at:at] = bytes(pick.choices(range(256), k=pick.randrange(1, 4)))
    return bytes(message)


def read(message):
    try:
        return dns.message.from_wire(message, one_rr_per_rrset=True)
    except Exception:  # dnspython raises many kinds of its own and of Python's
        return None


def test_messages_of_dnspython_read_the_same(tool):
    pick = random.Random(SEED)
    messages = [random_message(pick) for _ in range(4000)]
    rebuilt = []
    for message, said in zip(messages, ask(tool, messages)):
        assert said is not None, message.hex()
        expected = fields_of(read(message))
        assert [field for field in said if field[0] != 'WIRE'] == expected, message.hex()
        rebuilt.append((expected, bytes.fromhex(dict(said)['WIRE']), message))
    for expected, ours, message in rebuilt:
        assert folded(fields_of(read(ours))) == folded(expected), message.hex()
    # Hardly longer than theirs, taken together: dnspython also compresses in types where RFC 3597 4 does not let us.
    assert sum(len(ours) for _, ours, _ in rebuilt) <= 1.03 * sum(len(message) for _, _, message in rebuilt)


def test_mutated_messages_read_the_same_or_not_at_all(tool):
    pick = random.Random(SEED + 1)
    messages = [mutated(pick, random_message(pick)) for _ in range(12000)]
    both = only_theirs = only_ours = 0
    for message, said in zip(messages, ask(tool, messages)):
        theirs = read(message)
        if said is None or not comparable(theirs):
            only_theirs += theirs is not None
            only_ours += said is not None
            continue
        both += 1
        assert [field for field in said if field[0] != 'WIRE'] == fields_of(theirs), message.hex()
    print('both %d, only dnspython %d, only ours %d' % (both, only_theirs, only_ours))
    assert both > 2000


def test_packets_of_a_fuzzing_corpus(tool, data_directory, tmp_path):
    subprocess.run(['tar', '-xf', data_directory / 'fuzz' / 'packets.tar.xz', '-C', tmp_path], check=True, timeout=120)
    messages = [path.read_bytes()[:65535] for path in sorted(Path(tmp_path).rglob('*')) if path.is_file()]
    assert len(messages) > 1000
    both = 0
    for message, said in zip(messages, ask(tool, messages)):
        theirs = read(message) if said is not None else None
        if comparable(theirs):
            both += 1
            assert [field for field in said if field[0] != 'WIRE'] == fields_of(theirs), message.hex()
    assert both > 100
