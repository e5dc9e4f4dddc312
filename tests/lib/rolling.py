"""Zones whose keys change, signed with ldns: for tests of rollovers (RFC 5011)."""

import re
import shutil
import subprocess

TTL_S = 1  # of keys: a new one is trusted no earlier than that, however short the hold-down time


def run(words, directory):
    done = subprocess.run(words, cwd=directory, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout.strip()


def is_possible():
    return shutil.which('ldns-signzone') is not None


class Key:
    """A key of the zone in files of the directory; options: -k for one that signs keys."""

    def __init__(self, directory, zone, *options):
        self.directory, self.zone = directory, zone
        self.base = run(['ldns-keygen', '-a', 'ECDSAP256SHA256', *options, zone], directory)
        self.path = directory / (self.base + '.key')
        self.tag = int(self.base.rsplit('+', 1)[1])
        self._set_ttl()

    def _set_ttl(self):
        self.path.write_text(re.sub(r'^\S+\s+(\d+\s+)?IN', '%s %d IN' % (self.zone, TTL_S), self.path.read_text()))

    def record(self):
        return self.path.read_text()

    def ds(self):
        return run(['ldns-key2ds', '-n', '-2', self.path.name], self.directory).replace('\t', ' ')

    def revoke(self):
        """From now on it is published and signs with the REVOKE bit."""
        run(['ldns-revoke', self.path.name], self.directory)
        self._set_ttl()


def sign(path, zone, text, keys, also=()):
    """Writes the zone, signed by `keys`, with those of `also` in it besides."""
    unsigned = path.with_suffix('.unsigned')
    unsigned.write_text(text + ''.join(key.record() for key in also))
    run(['ldns-signzone', '-o', zone, '-f', str(path), str(unsigned), *[key.base for key in keys]], keys[0].directory)
