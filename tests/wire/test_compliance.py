"""What RFC 8906 section 8 asks of every server, and the rules about EDNS and messages of the RFCs named below, seen through the wire."""

import socket
import struct
import time

import peers
import pytest
import wire
import zones

ZONE = 'compliance.test.'
NSID = 'test-server'
OPTION_NSID, OPTION_SUBNET, OPTION_EXPIRE, OPTION_COOKIE, OPTION_KEEPALIVE, OPTION_PADDING, OPTION_ZONEVERSION = 3, 8, 9, 10, 11, 12, 19
SOA = wire.TYPES['SOA']
NAME = wire.name_from_text(ZONE)


# A server that resolves, too, obeys the same rules. Nobody answers where it would ask.
ROLES = {'authoritative': 'resolver: no', 'resolver': 'resolver: { validate: no, forward: { ".": "127.0.0.1:%d" } }'}


@pytest.fixture(scope='module', params=ROLES)
def server(request, tmp_path_factory, portoland):
    path = tmp_path_factory.mktemp('compliance') / 'zone'
    path.write_text(zones.rich(ZONE, random_names=5))
    try:
        path = zones.sign(path, ZONE, 'ldns', 'nsec')
    except zones.SigningFailed as error:
        pytest.skip(str(error))
    role = ROLES[request.param]
    settings = 'nsid: %s\n%s' % (NSID, role % peers.free_port() if '%' in role else role)
    with peers.Portolan([peers.Zone(ZONE, path)], settings=settings) as running:
        running.resolves = request.param == 'resolver'
        yield running


def checked(server, raw):
    """Whatever is asked, RA says whether recursion can be had here (RFC 1035 4.1.1)."""
    reply = wire.parse(raw)
    assert bool(reply.flags & wire.RA) == server.resolves
    return reply


@pytest.fixture
def udp(server):
    """Sends bytes in a datagram; gives the message that comes back, or None after a while."""
    def ask(message, wait_s=2.0):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(wait_s)
            sock.connect((server.address, server.port))
            sock.send(message)
            try:
                return checked(server, sock.recv(65535))
            except socket.timeout:
                return None
    return ask


@pytest.fixture
def tcp(server):
    def ask(message):
        return checked(server, wire.Asker(server.address, server.port).ask_tcp([message])[0])
    return ask


def query(name=NAME, rtype=SOA, **how):
    return wire.query(name, rtype, identifier=0x4242, **how)


def has_soa(reply):
    return [record.type for record in reply.answer if record.type == SOA] == [SOA]


def assert_authoritative(reply, rcode=wire.NOERROR):
    assert reply is not None, 'no answer'
    assert reply.rcode == rcode
    assert reply.flags & wire.QR and reply.flags & wire.AA
    assert not reply.flags & (wire.Z | wire.TC | wire.AD)


class TestBasic:
    """RFC 8906 8.1"""

    def test_configured_zone(self, udp):
        reply = udp(query())
        assert_authoritative(reply)
        assert has_soa(reply) and reply.id == 0x4242 and reply.opt is None

    @pytest.mark.parametrize('rtype', [1000, 65279, 127, 65534, 0, 65535])
    def test_unknown_type(self, udp, rtype):
        reply = udp(query(rtype=rtype))
        assert_authoritative(reply)
        assert not reply.answer and [record.type for record in reply.authority] == [SOA]

    def test_type_that_is_no_question(self, udp):
        """RFC 9824 3.5: NXNAME (128) stands in NSEC bitmaps only; a question for it is FORMERR."""
        assert udp(query(rtype=128)).rcode == wire.FORMERR

    @pytest.mark.parametrize('flag', [wire.CD, wire.AD, wire.Z, wire.RD, wire.AA, wire.TC, wire.RA])
    def test_flag_bits(self, udp, flag):
        reply = udp(query(flags=flag))
        assert_authoritative(reply)
        assert has_soa(reply)
        assert bool(reply.flags & wire.RD) == (flag == wire.RD)

    @pytest.mark.parametrize('opcode', [1, 2, 3, 6, 7, 10, 15])
    def test_unknown_opcode(self, udp, opcode):
        for message in (query(opcode=opcode), struct.pack('!6H', 0x4242, opcode << 11, 0, 0, 0, 0)):
            reply = udp(message)
            assert reply.rcode == wire.NOTIMP and reply.flags >> 11 & 15 == opcode and not reply.flags & wire.AA
            assert not reply.answer and not reply.authority

    def test_tcp(self, tcp):
        reply = tcp(query())
        assert_authoritative(reply)
        assert has_soa(reply)


class TestEdns:
    """RFC 8906 8.2, RFC 6891"""

    def test_minimal(self, udp):
        reply = udp(query(edns=(1232, 0)))
        assert_authoritative(reply)
        assert has_soa(reply)
        size, _, version, flags, options = reply.opt
        assert size >= 512 and version == 0 and flags == 0 and options == []

    @pytest.mark.parametrize('version', [1, 100, 255])
    @pytest.mark.parametrize('flags', [0, 0x40, wire.DO])
    @pytest.mark.parametrize('options', [[], [(100, b'')], [(OPTION_NSID, b'')]])
    def test_version(self, udp, version, flags, options):
        reply = udp(query(edns=(1232, flags, options, version)))
        assert reply.rcode == wire.BADVERS and reply.opt[2] == 0
        assert not reply.answer and not reply.opt[3] & ~wire.DO
        assert all(code != 100 for code, _ in reply.opt[4])

    @pytest.mark.parametrize('option', [(100, b''), (100, b'x' * 20), (65001, b'local'), (0, b''), (65535, b'\0')])
    def test_unknown_option(self, udp, option):
        reply = udp(query(edns=(1232, 0, [option])))
        assert_authoritative(reply)
        assert has_soa(reply) and reply.opt[4] == []

    def test_unknown_flags(self, udp):
        reply = udp(query(edns=(1232, 0x7fff)))
        assert_authoritative(reply)
        assert has_soa(reply) and reply.opt[3] == 0

    def test_truncated_answer_has_opt(self, udp):
        reply = udp(query(wire.name_from_text('bigtxt.' + ZONE), 16, edns=(512, wire.DO)))
        assert reply.rcode == 0 and reply.flags & wire.TC and reply.opt is not None and reply.size <= 512

    def test_truncated_without_edns(self, udp, tcp):
        reply = udp(query(wire.name_from_text('bigtxt.' + ZONE), 16))
        assert reply.flags & wire.TC and reply.opt is None and reply.size <= 512
        whole = tcp(query(wire.name_from_text('bigtxt.' + ZONE), 16))
        assert not whole.flags & wire.TC and len(whole.answer) == 30

    def test_dnssec_ok(self, udp):
        reply = udp(query(edns=(1232, wire.DO)))
        assert_authoritative(reply)
        assert has_soa(reply) and reply.opt[3] == wire.DO and 46 in [record.type for record in reply.answer]
        plain = udp(query(edns=(1232, 0)))
        assert plain.opt[3] == 0 and 46 not in [record.type for record in plain.answer]

    def test_several_options(self, udp):
        options = [(OPTION_NSID, b''), (OPTION_COOKIE, b'12345678'), (OPTION_SUBNET, b'\0\1\0\0'), (OPTION_EXPIRE, b''), (100, b'?')]
        reply = udp(query(edns=(1232, 0, options)))
        assert_authoritative(reply)
        assert has_soa(reply)
        codes = [code for code, _ in reply.opt[4]]
        assert len(codes) == len(set(codes)) and 100 not in codes and OPTION_SUBNET not in codes

    @pytest.mark.parametrize('size', [0, 1, 100, 511])
    def test_sizes_below_512_are_512(self, udp, size):
        reply = udp(query(wire.name_from_text('medium.' + ZONE), 28, edns=(size, 0)))
        assert reply.size <= 512 and reply.rcode == 0
        assert udp(query(edns=(size, 0))).flags & wire.TC == 0

    def test_default_limit_is_1232(self, udp):
        """A client that takes more is not sent more unless the operator has said so."""
        reply = udp(query(wire.name_from_text('bigtxt.' + ZONE), 16, edns=(65535, 0)))
        assert reply.flags & wire.TC and reply.size <= 1232

    def test_two_opt_records(self, udp):
        """RFC 6891 6.1.1: more than one OPT is FORMERR."""
        message = query(edns=(1232, 0))
        opt = message[-11:]
        reply = udp(message[:10] + struct.pack('!H', 2) + message[12:] + opt)
        assert reply.rcode == wire.FORMERR and not reply.answer

    def test_opt_with_a_name(self, udp):
        """RFC 6891 6.1.2: an OPT's name must be the root."""
        message = query() + b'\1x\0' + struct.pack('!2HIH', 41, 1232, 0, 0)
        assert udp(message[:10] + struct.pack('!H', 1) + message[12:]).rcode == wire.FORMERR

    def test_option_past_the_end(self, udp):
        message = query()[:10] + struct.pack('!H', 1) + query()[12:] + b'\0' + struct.pack('!2HIH', 41, 1232, 0, 6) + struct.pack('!2H', 3, 9) + b'xx'
        assert udp(message).rcode == wire.FORMERR


class TestOptions:
    def option(self, reply, code):
        found = [value for number, value in reply.opt[4] if number == code]
        assert len(found) <= 1
        return found[0] if found else None

    def test_nsid(self, udp):
        """RFC 5001: given to who asks, and to nobody else."""
        assert self.option(udp(query(edns=(1232, 0, [(OPTION_NSID, b'')]))), OPTION_NSID) == NSID.encode()
        assert self.option(udp(query(edns=(1232, 0))), OPTION_NSID) is None
        twice = udp(query(edns=(1232, 0, [(OPTION_NSID, b'')] * 2)))
        assert self.option(twice, OPTION_NSID) == NSID.encode()

    @pytest.mark.parametrize('cookie', [b'', b'1234567', b'123456789', b'x' * 15, b'x' * 41])
    def test_malformed_cookie(self, udp, cookie):
        """RFC 7873 5.2.2: a COOKIE option of a wrong length is FORMERR."""
        assert udp(query(edns=(1232, 0, [(OPTION_COOKIE, cookie)]))).rcode == wire.FORMERR

    def test_client_cookie_is_no_obstacle(self, udp):
        reply = udp(query(edns=(1232, 0, [(OPTION_COOKIE, b'12345678')])))
        assert has_soa(reply)
        cookie = self.option(reply, OPTION_COOKIE)
        assert cookie is None or (cookie.startswith(b'12345678') and 16 <= len(cookie) <= 40)

    def test_keepalive(self, udp, tcp):
        """RFC 7828 3.2.1, 3.3.2: over TCP to those who ask; over UDP never."""
        assert self.option(udp(query(edns=(1232, 0, [(OPTION_KEEPALIVE, b'')]))), OPTION_KEEPALIVE) is None
        value = self.option(tcp(query(edns=(1232, 0, [(OPTION_KEEPALIVE, b'')]))), OPTION_KEEPALIVE)
        assert value is not None and len(value) == 2 and struct.unpack('!H', value)[0] > 0
        assert self.option(tcp(query(edns=(1232, 0))), OPTION_KEEPALIVE) is None

    def test_expire(self, udp):
        """RFC 7314: a primary answers with the expire field of its SOA."""
        value = self.option(udp(query(edns=(1232, 0, [(OPTION_EXPIRE, b'')]))), OPTION_EXPIRE)
        assert value is None or struct.unpack('!I', value) == (1209600,)

    def test_zone_version(self, udp):
        """RFC 9660: labels of the zone, type 0, the serial."""
        value = self.option(udp(query(edns=(1232, 0, [(OPTION_ZONEVERSION, b'')]))), OPTION_ZONEVERSION)
        soa = [record for record in udp(query()).answer if record.type == SOA][0]
        assert value == b'\2\0' + soa.rdata[-20:-16]


class TestMessages:
    @pytest.mark.parametrize('count', [0, 2, 3, 65535])
    def test_question_count(self, udp, count):
        """RFC 9619: a query has one question."""
        one = query()[12:]
        reply = udp(struct.pack('!6H', 0x4242, 0, count, 0, 0, 0) + one * min(count, 3))
        assert reply.rcode == wire.FORMERR and not reply.answer

    def test_responses_are_not_answered(self, udp):
        assert udp(query(flags=wire.QR), wait_s=0.4) is None

    @pytest.mark.parametrize('size', range(12))
    def test_no_whole_header(self, udp, size):
        assert udp(query()[:size], wait_s=0.1) is None

    def test_truncated_question(self, udp):
        for cut in range(12, len(query())):
            assert udp(query()[:cut]).rcode == wire.FORMERR

    @pytest.mark.parametrize('name', [b'\xc0\x0c', b'\1a\xc0\x0c', b'\xc0\xff', b'\x41a\0', b'\x81a\0', b'\x3f' + b'a' * 63 + b'\xc0\x0c',
                                      (b'\x3f' + b'a' * 63) * 4 + b'\0'])
    def test_malformed_name(self, udp, name):
        assert udp(struct.pack('!6H', 1, 0, 1, 0, 0, 0) + name + struct.pack('!2H', 1, 1)).rcode == wire.FORMERR

    def test_octets_behind_the_message(self, udp):
        reply = udp(query() + b'garbage')
        assert reply.rcode == wire.FORMERR

    @pytest.mark.parametrize('qclass,rcode', [(2, wire.REFUSED), (4, wire.REFUSED), (254, wire.REFUSED), (1234, wire.REFUSED)])
    def test_other_classes(self, udp, qclass, rcode):
        reply = udp(query(qclass=qclass))
        assert reply.rcode == rcode and not reply.flags & wire.AA and not reply.answer

    def test_not_our_zone(self, udp, server):
        """Without RD a server that resolves says no more than others do; but names of special use are always known to it (RFC 6761)."""
        for name in ('example.', 'test.', '.', 'xcompliance.test.', 'compliance.test.example.'):
            reply = udp(query(wire.name_from_text(name)))
            if server.resolves and name.endswith('test.'):
                assert reply.rcode == (wire.NOERROR if name == 'test.' else wire.NXDOMAIN) and not reply.flags & wire.AA
                continue
            assert reply.rcode == wire.REFUSED and not reply.flags & wire.AA
            assert not reply.answer and not reply.authority and not reply.additional

    @pytest.mark.parametrize('rtype', ['AXFR', 'IXFR', 'MAILA', 'MAILB'])
    def test_types_for_questions_only(self, udp, rtype):
        """AXFR over UDP is not defined (RFC 5936 4.2); IXFR over UDP may be answered with the SOA (RFC 1995 2)."""
        reply = udp(query(rtype=wire.TYPES[rtype]))
        assert reply.rcode in (wire.NOERROR, wire.FORMERR, wire.NOTIMP, wire.REFUSED)
        assert all(record.type == SOA for record in reply.answer)

    def test_opt_as_question(self, udp):
        """RFC 6891 6.1.1: OPT is no type to ask for."""
        reply = udp(query(rtype=41))
        assert reply.rcode in (wire.NOERROR, wire.FORMERR, wire.NOTIMP) and not reply.answer

    def test_case_of_the_question(self, udp):
        """RFC 4343: the question comes back as it was asked."""
        name = wire.name_from_text('HoSt.CoMpLiAnCe.TeSt.')
        reply = udp(query(name, 1))
        assert reply.question == [(name, 1, 1)] and len(reply.answer) == 1

    def test_notify_and_update(self, udp):
        for opcode in (4, 5):
            assert udp(query(opcode=opcode)).rcode in (wire.NOTIMP, wire.REFUSED, wire.NOTAUTH)

    def test_longest_name(self, udp):
        labels = [b'l' * 63] * 3 + [b'm' * (255 - 3 * 64 - len(NAME) - 1)]
        name = wire.name_of(labels)[:-1] + NAME
        assert len(name) == 255
        assert_authoritative(udp(query(name, 1)), wire.NXDOMAIN)


class TestChaos:
    def ask(self, udp, name, rtype=16):
        return udp(query(wire.name_from_text(name), rtype, qclass=3))

    def test_version(self, udp):
        reply = self.ask(udp, 'version.bind.')
        assert reply.rcode == 0 and [record.rdata[1:9] for record in reply.answer] == [b'Portolan']
        assert [record.rclass for record in reply.answer] == [3]
        assert self.ask(udp, 'version.server.').rcode in (0, wire.REFUSED)

    def test_hostname_is_hidden_by_default(self, udp):
        for name in ('hostname.bind.', 'id.server.'):
            assert self.ask(udp, name).rcode == wire.REFUSED

    def test_other_names(self, udp):
        assert self.ask(udp, ZONE).rcode == wire.REFUSED


class TestTcp:
    def test_pipelining(self, server):
        """RFC 7766 6.2.1.1: many queries without waiting, each answered once."""
        asker = wire.Asker(server.address, server.port)
        replies = asker.ask_tcp([query() for _ in range(300)], window=300)
        assert all(reply is not None and has_soa(wire.parse(reply)) for reply in replies)

    def test_query_in_pieces(self, server):
        """RFC 7766 8: the length and the message may come byte by byte."""
        message = query()
        with socket.create_connection((server.address, server.port), timeout=5) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in struct.pack('!H', len(message)) + message:
                sock.sendall(bytes([byte]))
                time.sleep(0.002)
            reply, _ = wire.read_frame(sock, b'')
        assert has_soa(wire.parse(reply))

    def test_malformed_message_is_answered_and_the_next_too(self, server):
        with socket.create_connection((server.address, server.port), timeout=5) as sock:
            bad, good = query()[:20], query()
            sock.sendall(struct.pack('!H', len(bad)) + bad + struct.pack('!H', len(good)) + good)
            first, rest = wire.read_frame(sock, b'')
            assert wire.parse(first).rcode == wire.FORMERR
            second, _ = wire.read_frame(sock, rest)
            assert has_soa(wire.parse(second))

    def test_connection_stays_open(self, server):
        """RFC 7766 6.2.3: several queries one after the other."""
        with socket.create_connection((server.address, server.port), timeout=5) as sock:
            rest = b''
            for _ in range(5):
                sock.sendall(struct.pack('!H', len(query())) + query())
                reply, rest = wire.read_frame(sock, rest)
                assert has_soa(wire.parse(reply))
                time.sleep(0.05)
