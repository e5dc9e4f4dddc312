"""Zones made for tests: rich in everything that makes an answer hard, and signed by other people's tools.

rich(origin) gives the text of a zone; sign(...) has dnssec-signzone, ldns-signzone or kzonesign sign a file. The same
arguments always give the same zone (the signatures apart).
"""

import random
import shutil
import subprocess
from pathlib import Path

import peers

LABEL_63 = 'l' * 63


def _apex(other):
    return f'''
@           3600 SOA ns1 hostmaster 2026112301 7200 900 1209600 300
@           3600 NS  ns1
@           3600 NS  ns2
@           3600 NS  ns.glued
@           3600 NS  ns.{other}
@            600 A   192.0.2.80
@            600 AAAA 2001:db8::80
@            900 MX  10 mail
@            900 MX  20 mail.{other}
@            900 MX  30 mail.sub.wild
@            300 TXT "apex" "two strings"
@            300 CAA 0 issue "ca.example.net"
@            300 HTTPS 1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.80 key65000=abc
ns1          A   192.0.2.53
ns1          AAAA 2001:db8::53
ns2          A   192.0.2.54
mail         A   192.0.2.25
mail         AAAA 2001:db8::25
'''


def _ordinary():
    return '''
host         A   192.0.2.1
host         AAAA 2001:db8::1
host         TXT "a host"
MiXeD.CaSe   A   192.0.2.2
MiXeD        MX  10 HoSt
zero     0   A   192.0.2.3
long         TXT "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
space\\032in A   192.0.2.4
dot\\.in     A   192.0.2.5
null\\000in  TXT "a zero byte in the name"
high\\255\\200 A 192.0.2.6
under_score  TXT "x"
hyphen-      TXT "x"
_25._tcp.mail TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
_sip._udp    SRV 0 0 5060 sip
_sip._udp    SRV 0 0 5060 host
_sip._udp    SRV 1 0 5060 nothing.here
sip          A   192.0.2.60
sip          NAPTR 100 10 "S" "SIP+D2U" "" _sip._udp
svc          SVCB 1 host alpn=foo port=8443
svc          SVCB 0 sip
alias        HTTPS 0 host
kx           KX  10 host
afs          AFSDB 1 host
rp           RP  hostmaster host
rt           RT  10 host
minfo        MINFO hostmaster host
unknown      TYPE65280 \\# 6 0A0000010203
unknown      TYPE731 \\# 0
loc          LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
sshfp        SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789
multi        A   192.0.2.31
multi        A   192.0.2.32
multi        A   192.0.2.33
multi        TXT "one"
multi        TXT "two"
multi        MX  5 host
multi        SRV 0 0 1 host
'''


def _wildcards(other):
    return f'''
*.wild       A   192.0.2.100
*.wild       TXT "wildcard"
*.wild       MX  10 host
exact.wild   A   192.0.2.101
a.ent.wild   TXT "ent.wild is empty, and no wildcard matches below it"
*.sub.wild   A   192.0.2.102
*.sub.wild   AAAA 2001:db8::102
deep.er.sub.wild TXT "x"
*.wildcname  CNAME host
*.wildmiss   CNAME nothing.here
*.wildout    CNAME host.{other}
*.wildchain  CNAME x.wildcname
*.wildloop   CNAME y.wildloop
*.wildent    CNAME ent
*.wilddeleg  CNAME www.glued
x.*.inner    A   192.0.2.103
*.inner      TXT "wildcard with a child of its own"
*.*.stars    TXT "two stars"
*.nomatch.host TXT "below a host"
star*        A   192.0.2.104
*star        A   192.0.2.105
\\*.escaped  TXT "written with a backslash it is a wildcard all the same"
'''


def _empty_non_terminals():
    return '''
a.b.c.ent    TXT "b.c.ent, c.ent and ent are empty"
one.ent      A   192.0.2.110
x.y.z.deepent NS ns1
x.y.s.secent NS ns1
x.y.s.secent DS  12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
'''


def _delegations(other):
    lines = [f'''
glued        NS  ns.glued
glued        NS  ns2.glued
ns.glued     A   198.51.100.1
ns.glued     AAAA 2001:db8:1::1
ns2.glued    A   198.51.100.2
www.glued    A   198.51.100.3
sub.glued    NS  ns.sub.glued
ns.sub.glued A   198.51.100.4
mx.glued     MX  10 host
sibling      NS  ns.glued
sibling      NS  ns2.glued
outside      NS  ns.{other}
outside      NS  ns.not-served.example.
mixed        NS  ns1
mixed        NS  ns.mixed
mixed        NS  ns.{other}
mixed        NS  ns.glued
ns.mixed     AAAA 2001:db8:1::2
itself       NS  itself
itself       A   198.51.100.5
lame         NS  ns.lame
nowhere      NS  nothing.here
towild       NS  ns.sub.wild
toalias      NS  c1
secure       NS  ns1
secure       DS  12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
secure       DS  12345 13 4 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
secureglue   NS  ns.secureglue
secureglue   DS  54321 8 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns.secureglue A  198.51.100.6
a.b.deleg    NS  ns.a.b.deleg
ns.a.b.deleg A   198.51.100.7
child        NS  ns.child
child        NS  ns1
ns.child     A   198.51.100.8
mutual1      NS  ns.mutual2
mutual2      NS  ns.mutual1
ns.mutual1   A   198.51.100.9
ns.mutual2   A   198.51.100.10
''']
    for i in range(13):  # a referral that does not fit into 512 bytes with its glue
        lines.append(f'many         NS  ns{i}.with.a.rather.long.name.many')
        lines.append(f'ns{i}.with.a.rather.long.name.many A 198.51.100.{100 + i}')
        lines.append(f'ns{i}.with.a.rather.long.name.many AAAA 2001:db8:2::{i}')
    return '\n'.join(lines)


def _aliases(origin, other):
    lines = [f'c{i}          CNAME c{i + 1}' for i in range(1, 9)] + [f'''
c9           CNAME host
www          CNAME host
WWW2         CNAME HOST
tomiss       CNAME nothing.here
toent        CNAME ent
towildcard   CNAME x.wild
towildmiss   CNAME x.wildmiss
toexact      CNAME exact.wild
toentwild    CNAME x.ent.wild
toglued      CNAME www.glued
tocut        CNAME glued
tosecure     CNAME x.secure
toother      CNAME host.{other}
toothermiss  CNAME nothing.{other}
toothercname CNAME www.{other}
toback       CNAME back.{other}
tonone       CNAME host.not-served.example.
toapex       CNAME @
tochild      CNAME host.child
loop1        CNAME loop2
loop2        CNAME loop1
self         CNAME self
todname      CNAME x.dname
todnamemiss  CNAME nothing.dname
''']
    target = f'a-target.{origin}'
    room = 240 - len(target)  # x.yxdomain still fits, a longer name below it does not (RFC 6672, 2.2)
    filler = '.'.join(LABEL_63 if left >= 64 else 'f' * (left - 1) for left in _pieces(room))
    lines.append(f'''
dname        DNAME target
host.target  A   192.0.2.120
host.target  AAAA 2001:db8::120
a.b.target   TXT "deep"
*.w.target   TXT "a wildcard in the target"
alias.target CNAME host
cut.target   NS  ns.glued
dname        TXT "a DNAME's owner may have other data"
dname2       DNAME dname
dname3       DNAME nothing.here
dnameout     DNAME {other}
dnamenone    DNAME not-served.example.
dnameapex    DNAME @
dnamewild    DNAME wild
dnamecut     DNAME glued
dnameloop1   DNAME dnameloop2
dnameloop2   DNAME dnameloop1
dnamegrow    DNAME x.dnamegrow2
dnamegrow2   DNAME y.dnamegrow
dnamelong    DNAME {filler}.a-target
dnamechild   DNAME child
''')
    return '\n'.join(lines)


def _pieces(room):
    while room > 1:
        piece = min(64, room)
        if room - piece == 1:
            piece -= 1
        yield piece
        room -= piece


def _big():
    lines = [f'bigtxt       TXT "{i:03d} {"x" * 60}"' for i in range(30)]
    lines += [f'biga         A   203.0.113.{i}' for i in range(1, 90)]
    lines += [f'medium       AAAA 2001:db8:3::{i}' for i in range(1, 25)]
    lines += [f'bigmx        MX  {i} m{i}.bigmx' for i in range(12)]
    lines += [f'm{i}.bigmx    A   203.0.113.{i}' for i in range(12)]
    lines += [f'm{i}.bigmx    AAAA 2001:db8:4::{i}' for i in range(12)]
    return '\n'.join(lines)


def _random(seed, count):
    """Names drawn from few labels, so that they nest, collide and leave empty non-terminals."""
    pick = random.Random(seed)
    labels = ['a', 'b', 'c', 'aa', 'ab', '*', 'z', '0', 'a-b', '_x', 'A', LABEL_63]
    lines, kinds = [], {}
    for _ in range(count):
        name = '.'.join(pick.choice(labels) for _ in range(pick.randint(1, 4))).lower() + '.random'
        if name.startswith('*.'):
            kind = pick.choice(['data', 'data', 'cname'])
        else:
            kind = kinds.get(name) or pick.choice(['data', 'data', 'data', 'data', 'cut', 'secure', 'cname'])
        if kind != 'data' and name in kinds:
            continue
        if kinds.setdefault(name, kind) != 'data':
            kinds[name] = kind
        if kind == 'data' and kinds[name] == 'data':
            lines.append(f'{name} {pick.choice([60, 60])} ' + pick.choice([f'A 192.0.2.{pick.randint(1, 254)}', 'TXT "x"', 'MX 5 host']))
        elif kind == 'cname':
            lines.append(f'{name} CNAME {pick.choice(labels)}.{pick.choice(labels)}.random'.replace('*', 's'))
        elif kind in ('cut', 'secure'):
            lines.append(f'{name} NS {pick.choice(["ns1", "ns." + name, "ns.glued"])}')
            if kind == 'secure':
                lines.append(f'{name} DS 1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef')
    return '\n'.join(lines)


def rich(origin, other='other.test.', seed=1, random_names=150):
    """A zone with all of it. `other` is a zone that aliases and name servers point to."""
    return '\n'.join([f'$ORIGIN {origin}', '$TTL 1200', _apex(other), _ordinary(), _wildcards(other), _empty_non_terminals(),
                      _delegations(other), _aliases(origin, other), _big(), _random(seed, random_names)]) + '\n'


def other(origin, back):
    """The zone that the rich ones point to; back.ORIGIN points back into `back`. Its apex has a wildcard."""
    return f'''$ORIGIN {origin}
$TTL 1200
@     3600 SOA ns hostmaster 7 7200 900 1209600 60
@     NS  ns
@     NS  ns1.{back}
ns    A   203.0.113.53
mail  A   203.0.113.25
host  A   203.0.113.1
host  AAAA 2001:db8:5::1
www   CNAME host
back  CNAME host.{back}
back2 CNAME nothing.{back}
x.dname DNAME {back}
cut   NS  ns.cut
ns.cut A  203.0.113.54
a.b.c TXT "deep"
nothing TXT "not the A that is asked for"
'''


def apex_wildcard(origin):
    """A zone whose apex has a wildcard, and nearly nothing else."""
    return f'''$ORIGIN {origin}
$TTL 1200
@     SOA ns hostmaster 8 7200 900 1209600 900
@     NS  ns
*     A   203.0.113.99
*     MX  10 @
ns    A   203.0.113.53
a.b   TXT "b is empty"
'''


def child(origin):
    """A child of a zone that is served beside it: the cut's NS and glue differ from the parent's."""
    return f'''$ORIGIN {origin}
$TTL 1200
@     SOA ns hostmaster 9 7200 900 1209600 120
@     NS  ns
@     NS  ns3
ns    A   198.51.100.88
ns3   A   198.51.100.33
host  A   198.51.100.80
*.wild A  198.51.100.81
www   CNAME host
'''


def tiny(origin):
    """The smallest zone there is."""
    return f'{origin} 60 SOA {origin} {origin} 1 2 3 4 5\n{origin} 60 NS {origin}\n{origin} 60 A 192.0.2.9\n'


class SigningFailed(Exception):
    pass


def _run(command, directory):
    run = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=120)
    if run.returncode != 0:
        raise SigningFailed('%s: %s%s' % (' '.join(command), run.stdout, run.stderr))
    return run.stdout


def _program(name):
    path = peers.peer_program(name) or shutil.which(name)
    if path is None:
        raise SigningFailed('no ' + name)
    return path


def sign(path, origin, signer, denial='nsec', algorithm='ECDSAP256SHA256'):
    """Signs the zone file with 'bind', 'ldns' or 'knot'; returns the path of the signed file beside it.

    denial: 'nsec', 'nsec3' or 'optout'; algorithm: its mnemonic as in the IANA registry. Raises SigningFailed when the signer is not there or does not take the zone."""
    path = Path(path)
    name = '%s.%s.%s' % (path.name, signer, denial) + ('' if algorithm == 'ECDSAP256SHA256' else '.' + algorithm)
    work = path.parent / (name + '.d')
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    signed = path.parent / name
    {'bind': _sign_bind, 'ldns': _sign_ldns, 'knot': _sign_knot}[signer](path, origin, (denial, algorithm), work, signed)
    shutil.rmtree(work)
    return signed


BIND_NAMES = {'RSASHA1-NSEC3-SHA1': 'NSEC3RSASHA1'}


def _rsa_size(algorithm, option):
    return [option, '1024'] if algorithm.startswith('RSA') else []


def _sign_bind(path, origin, how, work, signed):
    denial, algorithm = how
    keygen = _program('dnssec-keygen')
    keys = [_run([keygen, '-q', '-a', BIND_NAMES.get(algorithm, algorithm), *_rsa_size(algorithm, '-b'), *flags, origin], work).strip() for flags in (['-f', 'KSK'], [])]
    text = path.read_text() + ''.join((work / (key + '.key')).read_text() for key in keys)
    (work / 'zone').write_text(text)
    options = {'nsec': [], 'nsec3': ['-3', 'ABCDEF', '-H', '3'], 'optout': ['-3', '-', '-H', '0', '-A']}[denial]
    _run([_program('dnssec-signzone'), '-q', '-P', '-u', '-n', '1', '-o', origin, *options, '-f', str(signed), 'zone', *keys], work)


def _sign_ldns(path, origin, how, work, signed):
    denial, algorithm = how
    keygen = _program('ldns-keygen')
    keys = [_run([keygen, '-a', algorithm, *_rsa_size(algorithm, '-b'), *flags, origin], work).strip() for flags in (['-k'], [])]
    options = {'nsec': [], 'nsec3': ['-n', '-t', '2', '-s', 'beef'], 'optout': ['-n', '-p', '-t', '0']}[denial]
    _run([_program('ldns-signzone'), '-o', origin, *options, '-f', str(signed), str(path), *keys], work)


def _sign_knot(path, origin, how, work, signed):
    denial, algorithm = how
    policy = {'nsec': [], 'nsec3': ['    nsec3: on', '    nsec3-iterations: 1', '    nsec3-salt-length: 4'],
              'optout': ['    nsec3: on', '    nsec3-iterations: 0', '    nsec3-salt-length: 0', '    nsec3-opt-out: on']}[denial]
    shutil.copy(path, work / 'zone')
    (work / 'knot.conf').write_text('\n'.join(
        ['server:', '  rundir: "%s"' % work, 'database:', '  storage: "%s/db"' % work, 'policy:', '  - id: test',
         '    algorithm: ' + algorithm.lower(), *policy, 'template:', '  - id: default', '    storage: "%s"' % work,
         '    semantic-checks: off', 'zone:', '  - domain: "%s"' % origin, '    file: zone', '    dnssec-signing: on',
         '    dnssec-policy: test']) + '\n')
    (work / 'db').mkdir()
    (work / 'out').mkdir()
    _run([_program('kzonesign'), '-c', str(work / 'knot.conf'), '-o', str(work / 'out'), origin], work)
    produced = list((work / 'out').iterdir())
    if len(produced) != 1:
        raise SigningFailed('kzonesign wrote %s' % produced)
    shutil.move(produced[0], signed)
    signed.chmod(0o644)
