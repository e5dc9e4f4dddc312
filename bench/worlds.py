"""The three zones of the benchmark and the questions asked of them, always the same: a signed root, a TLD of a million delegations, a
hosting provider's zone of 100,000 names. Each function writes the zone file and the query file and returns their paths."""

import random
import struct
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tests' / 'lib'))

import wire  # noqa: E402
import zones  # noqa: E402

QUESTIONS = 200_000
A, NS, MX, TXT, AAAA, DS, SOA = (wire.TYPES[name] for name in ('A', 'NS', 'MX', 'TXT', 'AAAA', 'DS', 'SOA'))
CONSONANTS, VOWELS = 'bcdfghjklmnprstvwz', 'aeiou'

# origin: name of the zone; file, plain: zone file, and one without DNSSEC for servers that have none; queries: query file; about: one sentence
World = namedtuple('World', 'title origin file plain queries about')


def word(pick, syllables):
    return ''.join(pick.choice(CONSONANTS) + pick.choice(VOWELS) for _ in range(syllables))


def distinct_words(pick, count, shortest, longest):
    words = {}
    while len(words) < count:
        words[word(pick, pick.randint(shortest, longest)) + pick.choice(['', '', str(pick.randint(0, 99))])] = None
    return list(words)


def write_queries(path, pick, questions, edns_share, do_share):
    """questions: a function that draws (name, type)."""
    with open(path, 'wb') as out:
        for _ in range(QUESTIONS):
            name, rtype = questions()
            edns = None
            if pick.random() < edns_share:
                edns = (1232, wire.DO if pick.random() < do_share else 0)
            message = wire.query(wire.name_from_text(name), rtype, edns=edns)
            out.write(struct.pack('!H', len(message)) + message)
    return path


def root(directory):
    pick = random.Random(53)
    tlds = distinct_words(pick, 1500, 1, 6)
    lines = ['. 86400 SOA a.servers.example. hostmaster.example. 2026112300 1800 900 604800 86400']
    for i in range(13):
        server = '%s.servers.example.' % chr(97 + i)
        lines.append('. 518400 NS ' + server)
    lines += ['%s. 172800 NS ns%d.%s.' % ('example', i, 'example') for i in range(2)]
    lines += ['ns%d.example. 172800 A 192.0.2.%d' % (i, i + 1) for i in range(2)]
    for i in range(13):
        lines += ['%s.servers.example. 518400 A 198.51.100.%d' % (chr(97 + i), i + 1),
                  '%s.servers.example. 518400 AAAA 2001:db8::%x' % (chr(97 + i), i + 1)]
    for number, tld in enumerate(tlds):
        for i in range(pick.randint(4, 6)):
            server = '%s.nic.%s.' % (chr(97 + i), tld)
            lines += ['%s. 172800 NS %s' % (tld, server), '%s 172800 A 203.0.113.%d' % (server, (number + i) % 254 + 1),
                      '%s 172800 AAAA 2001:db8:%x::%x' % (server, number, i + 1)]
        if pick.random() < 0.92:
            lines.append('%s. 86400 DS %d 13 2 %064x' % (tld, pick.randint(1, 65535), pick.getrandbits(256)))
    unsigned = directory / 'root.zone'
    unsigned.write_text('\n'.join(lines) + '\n')
    signed = zones.sign(unsigned, '.', 'bind', 'nsec')

    def draw():
        if pick.random() < 0.3:
            return word(pick, 4) + 'x.', A
        return '%s.%s.' % (word(pick, 3), pick.choice(tlds)), pick.choice([A, A, A, AAAA, AAAA, NS, DS, MX])
    queries = write_queries(directory / 'root.queries', pick, draw, 0.95, 0.75)
    return World('Signed root', '.', signed, None, queries,
                 '1,500 TLDs with glue, 92% of them with DS, signed with ECDSA P-256 and NSEC; 30% of the questions are for names that do not '
                 'exist, 71% ask for DNSSEC.')


def tld(directory, count=1_000_000):
    pick = random.Random(54)
    path, plain = directory / 'tld.zone', directory / 'tld-plain.zone'
    hosters = ['ns%d.%s.net.' % (i, name) for name in distinct_words(pick, 2000, 2, 4) for i in (1, 2)]
    names = ['%s%s' % (word(pick, pick.randint(2, 5)), '%06d' % i if pick.random() < 0.5 else '-%x' % i) for i in range(count)]
    with open(path, 'w') as full, open(plain, 'w') as without:
        head = ('$ORIGIN example.\n$TTL 172800\n@ 900 SOA ns1.nic hostmaster.nic 1 1800 900 604800 900\n@ NS ns1.nic\n@ NS ns2.nic\n'
                'ns1.nic A 192.0.2.1\nns2.nic A 192.0.2.2\n')
        full.write(head)
        without.write(head)
        for i, name in enumerate(names):
            if i % 5 == 0:
                lines = '%s NS ns1.%s\n%s NS ns2.%s\nns1.%s A 198.51.%d.%d\n' % (name, name, name, name, name, i >> 8 & 255, i & 255)
                lines += 'ns2.%s A 203.0.%d.%d\n' % (name, i >> 8 & 255, i & 255)
                lines += 'ns1.%s AAAA 2001:db8::%x:%x\n' % (name, i >> 16, i & 0xffff) if i % 10 == 0 else ''
            else:
                server = pick.randrange(len(hosters) // 2) * 2
                lines = '%s NS %s\n%s NS %s\n' % (name, hosters[server], name, hosters[server + 1])
            without.write(lines)
            full.write(lines)
            if i % 2 == 1 and i % 3 != 0:
                full.write('%s 86400 DS %d 13 2 %064x\n' % (name, i & 0xffff, pick.getrandbits(256)))

    def draw():
        if pick.random() < 0.2:
            return 'www.%s-none.example.' % word(pick, 4), pick.choice([A, A, AAAA])
        return 'www.%s.example.' % pick.choice(names), pick.choice([A, A, A, AAAA, AAAA, MX, NS])
    queries = write_queries(directory / 'tld.queries', pick, draw, 0.8, 0.375)
    return World('TLD of 1,000,000 delegations', 'example.', path, plain, queries,
                 '1,000,000 delegations, a fifth of them with glue, a third with DS (but for gdnsd, which has none), unsigned; 20% of the questions '
                 'are for names that do not exist, 80% have EDNS, 30% ask for DNSSEC.')


def hosting(directory, count=100_000):
    pick = random.Random(55)
    path = directory / 'hosting.zone'
    names = ['%s%d' % (word(pick, pick.randint(2, 4)), i) for i in range(count)]
    with open(path, 'w') as out:
        out.write('$ORIGIN hosting.example.\n$TTL 3600\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\n@ NS ns2\n@ A 192.0.2.80\n@ MX 10 mail\n'
                  'ns1 A 192.0.2.1\nns2 A 192.0.2.2\nmail A 192.0.2.25\nmail AAAA 2001:db8::25\n*.any A 192.0.2.99\n')
        for i, name in enumerate(names):
            kind = i % 10
            if kind < 6:
                out.write('%s A 198.51.%d.%d\n' % (name, i >> 8 & 255, i & 255))
                out.write('%s AAAA 2001:db8::%x:%x\n' % (name, i >> 16, i & 0xffff) if kind < 3 else '')
                out.write('%s MX 10 mail\n%s TXT "v=spf1 mx -all"\n' % (name, name) if kind == 0 else '')
            elif kind < 9:
                out.write('%s CNAME %s\n' % (name, names[i - kind]))
            else:
                out.write('%s TXT "token=%064x"\n' % (name, pick.getrandbits(256)))

    def draw():
        chance = pick.random()
        if chance < 0.1:
            return '%s-none.hosting.example.' % word(pick, 4), A
        if chance < 0.15:
            return '%s.any.hosting.example.' % word(pick, 3), A
        return '%s.hosting.example.' % pick.choice(names), pick.choice([A, A, A, A, AAAA, AAAA, MX, TXT])
    queries = write_queries(directory / 'hosting.queries', pick, draw, 0.8, 0.0)
    return World('Hosting, 100,000 names', 'hosting.example.', path, path, queries,
                 '100,000 names with addresses, aliases, mail and text; 10% of the questions are for names that do not exist, 80% have EDNS.')


def commit():
    """What the tree is at, for the page."""
    run = subprocess.run(['git', 'describe', '--always', '--dirty'], capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return run.stdout.strip() or 'unknown'
