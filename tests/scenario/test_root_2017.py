"""The real root zone of 21 August 2017, fully signed by its key of 2010, served by NSD: secure at its time, expired today. Needs PORTOLAN_DATA."""

import lzma
import time

import network
import peers
import pytest
from driver import Clock, Resolver

AUGUST_2017_S = 1_503_400_000  # 22 August, 11:06:40 UTC; the first signatures end on 3 September
ADDRESS = '198.41.0.4'
HINTS = '. 3600000 NS a.root-servers.net.\na.root-servers.net. 3600000 A %s\n' % ADDRESS
# KSK-2010, as IANA publishes it (root-anchors.xml)
ANCHOR = '". DS 19036 8 2 49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5"'


@pytest.fixture(scope='module')
def root(namespace, data_directory, tmp_path_factory):
    """NSD with the zone."""
    if not peers.available('nsd'):
        pytest.skip('no nsd here (scripts/peers unpacks it)')
    file = tmp_path_factory.mktemp('root') / 'root.zone'
    file.parent.chmod(0o755)
    file.write_bytes(lzma.decompress((data_directory / 'root' / 'root-2017-signed.zone.xz').read_bytes()))
    network.add([ADDRESS])
    with peers.Nsd([('.', file)], address=ADDRESS, port=53) as server:
        yield server


# what the root itself answers: the question, its RCODE, and a line of the answer or authority section
OWN = [('. SOA', 'NOERROR', '. 86400 SOA a.root-servers.net. nstld.verisign-grs.com. 2017082100 1800 900 604800 86400'), ('. NS', 'NOERROR', None),
       ('. DNSKEY', 'NOERROR', '. 86400 DNSKEY 257 3 8'), ('org. DS', 'NOERROR', None), ('nl. DS', 'NOERROR', None), ('xn--p1ai. DS', 'NOERROR', None),
       ('. NSEC', 'NOERROR', None), ('. MX', 'NOERROR', None), ('nothing-like-this. A', 'NXDOMAIN', None), ('zzzz. NS', 'NXDOMAIN', None),
       ('aaaa.nothing-like-this. TXT', 'NXDOMAIN', None)]


def test_secure_at_its_time(root, tmp_path):
    with Resolver(tmp_path, HINTS, 'trust-anchors: ' + ANCHOR, clock=Clock(tmp_path, AUGUST_2017_S)) as resolver:
        for what, rcode, line in OWN:
            reply = resolver.ask(what, 'rd do')
            assert reply.status == rcode + ' qr rd ra ad' and set(reply.errors) <= {29}, (what, reply)  # 29: made of what is known (RFC 8198)
            assert line is None or line in reply.answer, (what, reply)
        assert resolver.ask('. DNSKEY', 'rd do').answer.count('. 86400 DNSKEY 257 3 8') == 2, 'KSK-2010 and KSK-2017'


def test_insecure_delegation_is_proven(root, tmp_path):
    """A DS that is not there, at a top-level domain that was not signed then."""
    with Resolver(tmp_path, HINTS, 'trust-anchors: ' + ANCHOR, clock=Clock(tmp_path, AUGUST_2017_S)) as resolver:
        reply = resolver.ask('aero. DS', 'rd do')
        assert reply.status == 'NOERROR qr rd ra ad' and not [line for line in reply.answer if ' DS ' in line], reply


@pytest.mark.parametrize('what', ['. SOA', '. NS', '. DNSKEY', 'org. DS', 'nothing-like-this. A'])
def test_expired_today(root, tmp_path, what):
    """RFC 8914: Signature Expired, also for whoever started in time."""
    clock = Clock(tmp_path, time.time())
    with Resolver(tmp_path, HINTS, 'trust-anchors: ' + ANCHOR, clock=clock) as resolver:
        reply = resolver.ask(what, 'rd do')
        assert reply.status == 'SERVFAIL qr rd ra' and reply.errors[0] == 7 and not reply.answer + reply.authority, reply
        assert resolver.ask(what, 'rd cd do').rcode != 'SERVFAIL'


def test_expires_while_running(root, tmp_path):
    clock = Clock(tmp_path, AUGUST_2017_S)
    with Resolver(tmp_path, HINTS, 'trust-anchors: ' + ANCHOR, clock=clock) as resolver:
        assert resolver.ask('org. DS', 'rd do').has('ad')
        clock.set(1_504_420_000)  # 3 September, 06:26:40 UTC
        assert resolver.ask('org. DS', 'rd do').errors[:1] == [7]


def test_the_other_key_vouches_for_nothing_yet(root, tmp_path):
    """KSK-2017 is published then, and has signed nothing."""
    later = '". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"'
    with Resolver(tmp_path, HINTS, 'trust-anchors: ' + later, clock=Clock(tmp_path, AUGUST_2017_S)) as resolver:
        reply = resolver.ask('. SOA', 'rd do')
        assert reply.rcode == 'SERVFAIL' and reply.errors[0] in (6, 9, 10), reply
