"""Signs zones with other people's tools: ldns-signzone, dnssec-signzone, kzonesign.

ldns and BIND share one pair of keys per algorithm (`Keys`), so that tens of thousands of zones can be signed in a minute; kzonesign makes its
own. Signed files have one record a line.
"""

import base64
import hashlib
import re
import shutil
import struct
import subprocess
from collections import namedtuple
from pathlib import Path

import wire
import zones

ALGORITHMS = {5: 'RSASHA1', 7: 'RSASHA1-NSEC3-SHA1', 8: 'RSASHA256', 10: 'RSASHA512', 13: 'ECDSAP256SHA256', 14: 'ECDSAP384SHA384', 15: 'ED25519', 16: 'ED448'}
RSA_BITS = {5: '1024', 7: '1024', 8: '2048', 10: '2048'}
DIGESTS = {1: hashlib.sha1, 2: hashlib.sha256, 4: hashlib.sha384}

# signer: 'ldns', 'bind' or 'knot'; denial: 'nsec', 'nsec3' or 'optout'; single: one key signs everything; iterations: of NSEC3, None: the
# signer's choice; inception, expiration: Unix times or None, only ldns and bind
How = namedtuple('How', 'signer algorithm denial single iterations inception expiration', defaults=('ldns', 13, 'nsec', False, None, None, None))


class Keys:
    """The material of a key-signing and a zone-signing key of each algorithm, made once in the directory."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.tags = {}
        for algorithm in ALGORITHMS:
            for role, flags in (('ksk', ['-k']), ('zsk', [])):
                bits = ['-b', RSA_BITS[algorithm]] if algorithm in RSA_BITS else []
                name = zones._run([zones._program('ldns-keygen'), '-a', ALGORITHMS[algorithm], *bits, *flags, 'shared.'], self.directory).strip()
                for suffix in ('.key', '.private'):
                    (self.directory / (name + suffix)).rename(self.directory / ('%d.%s%s' % (algorithm, role, suffix)))
                self.tags[algorithm, role] = int(name.rsplit('+', 1)[1])

    def place(self, origin, algorithm, role, work):
        """Files of the key under the zone's name; returns the base name."""
        base = 'K%s+%03d+%05d' % (origin, algorithm, self.tags[algorithm, role])
        text = (self.directory / ('%d.%s.key' % (algorithm, role))).read_text()
        (work / (base + '.key')).write_text(re.sub(r'^\S+', origin, text.split(';')[0]).rstrip() + '\n')
        shutil.copy(self.directory / ('%d.%s.private' % (algorithm, role)), work / (base + '.private'))
        return base


def sign(keys, path, origin, how):
    """Signs the zone file; returns the path of the signed one. It has RRSIG and one record a line."""
    work = Path(str(path) + '.d')
    signed = Path(str(path) + '.signed')
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    {'ldns': _ldns, 'bind': _bind, 'knot': _knot}[how.signer](keys, path, origin, how, work, signed)
    shutil.rmtree(work)
    return signed


def _stamp(seconds):
    run = subprocess.run(['date', '-u', '-d', '@%d' % seconds, '+%Y%m%d%H%M%S'], capture_output=True, text=True, check=True)
    return run.stdout.strip()


def _ldns(keys, path, origin, how, work, signed):
    names = [keys.place(origin, how.algorithm, role, work) for role in (('ksk',) if how.single else ('ksk', 'zsk'))]
    options = {'nsec': [], 'nsec3': ['-n', '-s', 'beef'], 'optout': ['-n', '-p']}[how.denial]
    options += [] if how.denial == 'nsec' else ['-t', str(how.iterations or 0)]
    options += ['-i', _stamp(how.inception)] if how.inception is not None else []
    options += ['-e', _stamp(how.expiration)] if how.expiration is not None else []
    zones._run([zones._program('ldns-signzone'), '-o', origin, *options, '-f', str(signed), str(path), *names], work)


def _bind(keys, path, origin, how, work, signed):
    names = [keys.place(origin, how.algorithm, role, work) for role in (('ksk',) if how.single else ('ksk', 'zsk'))]
    (work / 'zone').write_text(path.read_text() + ''.join((work / (name + '.key')).read_text() for name in names))
    options = {'nsec': [], 'nsec3': ['-3', 'ABCDEF'], 'optout': ['-3', '-', '-A']}[how.denial]
    options += [] if how.denial == 'nsec' else ['-H', str(how.iterations or 0)]
    options += ['-s', _stamp(how.inception)] if how.inception is not None else []
    options += ['-e', _stamp(how.expiration)] if how.expiration is not None else []
    options += ['-z'] if how.single else []
    zones._run([zones._program('dnssec-signzone'), '-q', '-P', '-u', '-n', '1', '-O', 'full', '-o', origin, *options, '-f', str(signed), 'zone', *names], work)


def _knot(keys, path, origin, how, work, signed):
    policy = {'nsec': [], 'nsec3': ['    nsec3: on', '    nsec3-salt-length: 4', '    nsec3-iterations: %d' % (how.iterations or 0)],
              'optout': ['    nsec3: on', '    nsec3-iterations: 0', '    nsec3-salt-length: 0', '    nsec3-opt-out: on']}[how.denial]
    policy += ['    single-type-signing: on'] if how.single else []
    policy += ['    ksk-size: %s' % RSA_BITS[how.algorithm], '    zsk-size: %s' % RSA_BITS[how.algorithm]] if how.algorithm in RSA_BITS else []
    shutil.copy(path, work / 'zone')
    (work / 'db').mkdir()
    (work / 'out').mkdir()
    (work / 'knot.conf').write_text('\n'.join(
        ['server:', '  rundir: "%s"' % work, 'database:', '  storage: "%s/db"' % work, 'policy:', '  - id: lab',
         '    algorithm: ' + ALGORITHMS[how.algorithm].lower(), *policy, 'template:', '  - id: default', '    storage: "%s"' % work,
         '    semantic-checks: off', 'zone:', '  - domain: "%s"' % origin, '    file: zone', '    dnssec-signing: on',
         '    dnssec-policy: lab']) + '\n')
    zones._run([zones._program('kzonesign'), '-c', str(work / 'knot.conf'), '-o', str(work / 'out'), origin], work)
    shutil.move(next((work / 'out').iterdir()), signed)
    signed.chmod(0o644)


DNSKEY_LINE = re.compile(r'^(\S+)\s+(?:\d+\s+)?(?:IN\s+)?DNSKEY\s+(\d+)\s+3\s+(\d+)\s+([^;\n]+)', re.MULTILINE)


def secure_entry_points(signed):
    """The rdata of the zone's DNSKEY records with the SEP flag."""
    return [struct.pack('!HBB', int(flags), 3, int(algorithm)) + base64.b64decode(re.sub(r'[\s()]', '', key))
            for _, flags, algorithm, key in DNSKEY_LINE.findall(signed.read_text()) if int(flags) & 1]


def key_tag(rdata):
    """RFC 4034 appendix B."""
    total = sum(byte << 8 if i % 2 == 0 else byte for i, byte in enumerate(rdata))
    return (total + (total >> 16)) & 0xffff


def ds_text(origin, rdata, digest=2):
    """The DS rdata in text for a DNSKEY (RFC 4034 5.1.4)."""
    return '%d %d %d %s' % (key_tag(rdata), rdata[3], digest, DIGESTS[digest](wire.name_from_text(origin.lower()) + rdata).hexdigest())
