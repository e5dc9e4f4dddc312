"""The root rolls its key in the closed internet, from the first sight of the new key to the revocation of the old one, with hold-down times of
seconds (RFC 5011). Portolan and Unbound follow it; what they say of their trust (RFC 8509) must be true at every step."""

import shutil
import signal
import time
from types import SimpleNamespace

import asking
import network
import peers
import pytest
import rolling
import servers
import wire

ADDRESS = '60.11.0.53'
HOLD_S = 3
TEXT = """$TTL 1
. SOA ns.root. hostmaster.root. %d 3600 900 604800 1
. NS ns.root.
ns.root. A %s
www.root. A 60.11.0.80
*.sentinel. A 60.11.0.81
"""


class Root:
    def __init__(self, directory):
        self.directory = directory
        self.old, self.new = rolling.Key(directory, '.', '-k'), rolling.Key(directory, '.', '-k')
        self.signer = rolling.Key(directory, '.')
        self.file, self.serial, self.server = directory / 'root.zone', 0, None
        (directory / 'hints').write_text('. 3600000 NS ns.root.\nns.root. 3600000 A %s\n' % ADDRESS)
        (directory / 'anchor').write_text(self.old.ds() + '\n')
        self.world = SimpleNamespace(hints=directory / 'hints', anchor=directory / 'anchor')

    def show(self, signed_by, also=()):
        self.serial += 1
        rolling.sign(self.file, '.', TEXT % (self.serial, ADDRESS), [*signed_by, self.signer], also)
        if self.server:
            self.server.process.send_signal(signal.SIGHUP)
            self.wait_for_serial()

    def wait_for_serial(self):
        with wire.Asker(ADDRESS, 53) as asker:
            for _ in range(200):
                reply = asker.ask_udp([wire.query(wire.name_from_text('.'), wire.TYPES['SOA'])])[0]
                if reply and wire.parse(reply).answer[0].rdata[-20:-16] == self.serial.to_bytes(4, 'big'):
                    return
                time.sleep(0.05)
        raise AssertionError('the root server does not take the new zone:\n' + self.server.log()[-2000:])


class Portolan(servers.Portolan):
    number = 41

    def configuration(self):
        return super().configuration().replace('  follow-rollovers: no\n', '').replace('  key-tag-signalling: no\n', '')


class Unbound(servers.Unbound):
    number = 42

    def configuration(self):
        kept = self.directory / 'root.anchor'
        if not kept.exists():
            shutil.copy(self.world.anchor, kept)
        text = super().configuration().replace(' trust-anchor-file: "%s"' % self.world.anchor, ' auto-trust-anchor-file: "%s"' % kept)
        return text.replace('remote-control:', ' add-holddown: %d\n del-holddown: 3600\n permit-small-holddown: yes\n root-key-sentinel: yes\n'
                            ' cache-max-ttl: 1\nremote-control:' % HOLD_S)


@pytest.fixture
def root(namespace, tmp_path, portoland):
    if not rolling.is_possible():
        pytest.skip('no ldns-signzone')
    tmp_path.chmod(0o755)
    made = Root(tmp_path)
    made.show([made.old])
    network.add([ADDRESS])
    with servers.Nsd([peers.Zone('.', made.file)], [ADDRESS]) as made.server:
        yield made


def trusts(server, key):
    """What the server itself says (RFC 8509); None: its two answers do not fit, as when its trust changes between them."""
    is_ta, not_ta = asking.ask_all(server.address, [asking.ask('root-key-sentinel-%s-ta-%05d.sentinel.' % (which, key.tag), 'A') for which in ('is', 'not')])
    return {(0, wire.SERVFAIL): True, (wire.SERVFAIL, 0): False}.get((is_ta.rcode, not_ta.rcode))


def is_secure(server):
    message = asking.ask_all(server.address, [asking.ask('www.root.', 'A', flags=wire.RD | wire.AD)])[0]
    return message.rcode == 0 and bool(message.flags & wire.AD)


def wait_until(what, condition, timeout_s=40):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.25)


def look(portolan):
    assert portolan.tool('trust', 'refresh').returncode == 0


def test_the_root_rolls_its_key(root):
    old, new = root.old, root.new
    with Portolan(root.world, settings='add-hold-down: %ds\nremove-hold-down: 1h\nmax-ttl: 1s\nbogus-ttl: 1s\nstale: { serve: no }' % HOLD_S) as portolan, \
            Unbound(root.world) as unbound:
        both = (portolan, unbound)

        def all_say(old_is, new_is):
            look(portolan)
            return all(is_secure(server) and trusts(server, old) == old_is and trusts(server, new) == new_is for server in both)

        wait_until('the root is secure by its old key', lambda: all_say(True, False))

        root.show([old], also=[new])
        seen = time.monotonic()
        look(portolan)
        wait_until('Portolan waits', lambda: 'trust.key-pending zone=. tag=%d' % new.tag in portolan.log())
        assert not trusts(portolan, new) or time.monotonic() - seen > HOLD_S
        assert portolan.stop() == 0
        portolan.start()
        wait_until('both trust the new key', lambda: all_say(True, True))
        assert time.monotonic() - seen >= HOLD_S

        root.show([old, new])
        wait_until('both signatures are fine', lambda: all_say(True, True))
        old.revoke()
        root.show([old, new])
        wait_until('nobody trusts the old key any more', lambda: all_say(False, True))
        assert 'trust.key-revoked zone=. ' in portolan.log()
        root.show([new])
        time.sleep(1.5)
        assert all(is_secure(server) for server in both)
        assert portolan.stop() == 0
        portolan.start()
        assert is_secure(portolan), 'by a key that nobody has configured'

