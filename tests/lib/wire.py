"""Messages as bytes, made and read fast: for tests that ask tens of thousands of questions and must not trust the code under
test, nor a library's opinion of what a message may hold. Names are wire format throughout, lower case once read."""

import random
import select
import socket
import struct
import time
from collections import namedtuple

TYPES = {name: number for number, name in {
    1: 'A', 2: 'NS', 5: 'CNAME', 6: 'SOA', 12: 'PTR', 13: 'HINFO', 14: 'MINFO', 15: 'MX', 16: 'TXT', 17: 'RP', 18: 'AFSDB', 21: 'RT', 24: 'SIG',
    26: 'PX', 28: 'AAAA', 29: 'LOC', 33: 'SRV', 35: 'NAPTR', 36: 'KX', 39: 'DNAME', 41: 'OPT', 43: 'DS', 44: 'SSHFP', 46: 'RRSIG', 47: 'NSEC',
    48: 'DNSKEY', 50: 'NSEC3', 51: 'NSEC3PARAM', 52: 'TLSA', 59: 'CDS', 60: 'CDNSKEY', 63: 'ZONEMD', 64: 'SVCB', 65: 'HTTPS', 251: 'IXFR', 252: 'AXFR',
    253: 'MAILB', 254: 'MAILA', 255: 'ANY', 257: 'CAA', 731: 'TYPE731', 65280: 'TYPE65280'}.items()}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, YXDOMAIN, NOTAUTH, BADVERS = 0, 1, 2, 3, 4, 5, 6, 9, 16
RCODE_NAMES = {0: 'NOERROR', 1: 'FORMERR', 2: 'SERVFAIL', 3: 'NXDOMAIN', 4: 'NOTIMP', 5: 'REFUSED', 6: 'YXDOMAIN', 9: 'NOTAUTH', 16: 'BADVERS'}
QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010
DO = 0x8000

# Where names are in rdata: bytes before the first name, then how many names follow it.
RDATA_NAMES = {2: (0, 1), 3: (0, 1), 4: (0, 1), 5: (0, 1), 6: (0, 2), 7: (0, 1), 8: (0, 1), 9: (0, 1), 12: (0, 1), 14: (0, 2), 15: (2, 1), 17: (0, 2),
               18: (2, 1), 21: (2, 1), 26: (2, 2), 33: (6, 1), 36: (2, 1), 39: (0, 1), 46: (18, 1), 47: (0, 1), 24: (18, 1)}

# type is a number; rdata has its names expanded and in lower case
Record = namedtuple('Record', 'owner type rclass ttl rdata')
# opt: None or (udp_size, extended_rcode, version, flags, options) with options a list of (code, bytes)
Message = namedtuple('Message', 'id flags rcode question answer authority additional opt size')


class Malformed(Exception):
    pass


def type_name(number):
    return TYPE_NAMES.get(number, 'TYPE%d' % number)


def name_from_text(text):
    """Wire format of a name in master-file form, escapes included."""
    labels, label, i = [], bytearray(), 0
    text = text.rstrip('.') if not text.endswith('\\.') else text
    while i < len(text):
        c = text[i]
        if c == '\\' and text[i + 1:i + 4].isdigit():
            label.append(int(text[i + 1:i + 4]))
            i += 4
            continue
        if c == '\\':
            i += 1
            label += text[i].encode()
        elif c == '.':
            labels.append(bytes(label))
            label = bytearray()
        else:
            label += c.encode()
        i += 1
    if label:
        labels.append(bytes(label))
    return name_of(labels)


def name_of(labels):
    return b''.join(bytes([len(label)]) + label for label in labels) + b'\0'


def labels_of(name):
    """The labels of a name, the root's left out."""
    labels, i = [], 0
    while name[i]:
        labels.append(name[i + 1:i + 1 + name[i]])
        i += 1 + name[i]
    return labels


def parent_of(name):
    return name[1 + name[0]:] if name[0] else None


def is_below(name, ancestor):
    """Whether the name is the ancestor or below it; both in lower case."""
    if not name.endswith(ancestor):
        return False
    while len(name) > len(ancestor):
        name = parent_of(name)
    return name == ancestor


def name_text(name):
    labels = labels_of(name)
    if not labels:
        return '.'
    return ''.join(''.join(chr(c) if 33 <= c < 127 and c not in b'.\\"()@;$' else '\\%03d' % c for c in label) + '.' for label in labels)


def query(qname, qtype, identifier=0, flags=0, edns=None, qclass=1, opcode=0):
    """A query. edns: None, or (udp_size, flags) or (udp_size, flags, options) or (udp_size, flags, options, version)."""
    wire = struct.pack('!6H', identifier, flags | opcode << 11, 1, 0, 0, 1 if edns else 0) + qname + struct.pack('!2H', qtype, qclass)
    if edns:
        options = b''.join(struct.pack('!2H', code, len(value)) + value for code, value in (edns[2] if len(edns) > 2 else ()))
        version = edns[3] if len(edns) > 3 else 0
        wire += b'\0' + struct.pack('!2HBBHH', 41, edns[0], 0, version, edns[1], len(options)) + options
    return wire


def read_name(wire, at):
    """(name in lower case, offset behind it)"""
    parts, behind, jumps = [], None, 0
    while True:
        try:
            length = wire[at]
        except IndexError:
            raise Malformed('name past the end') from None
        if length < 64:
            if length == 0:
                break
            parts.append(wire[at:at + 1 + length])
            at += 1 + length
        elif length >= 192:
            if behind is None:
                behind = at + 2
            target = (length & 63) << 8 | wire[at + 1]
            jumps += 1
            if target >= at or jumps > 127:
                raise Malformed('compression pointer does not point back')
            at = target
        else:
            raise Malformed('label type %d' % (length >> 6))
    name = b''.join(parts).lower() + b'\0'
    if len(name) > 255:
        raise Malformed('name of %d bytes' % len(name))
    return name, at + 1 if behind is None else behind


def _read_rdata(wire, at, end, rtype):
    layout = RDATA_NAMES.get(rtype)
    if layout is None or at == end:
        return wire[at:end]
    prefix, names = layout
    parts = [wire[at:at + prefix]]
    at += prefix
    for _ in range(names):
        name, at = read_name(wire, at)
        parts.append(name)
    if at > end:
        raise Malformed('rdata of type %d runs over its end' % rtype)
    parts.append(wire[at:end])
    return b''.join(parts)


def _read_section(wire, at, count):
    records = []
    for _ in range(count):
        owner, at = read_name(wire, at)
        if at + 10 > len(wire):
            raise Malformed('record past the end')
        rtype, rclass, ttl, length = struct.unpack_from('!HHIH', wire, at)
        at += 10
        if at + length > len(wire):
            raise Malformed('rdata past the end')
        records.append(Record(owner, rtype, rclass, ttl, _read_rdata(wire, at, at + length, rtype)))
        at += length
    return records, at


def _read_opt(record):
    options, at, rdata = [], 0, record.rdata
    while at + 4 <= len(rdata):
        code, length = struct.unpack_from('!2H', rdata, at)
        options.append((code, rdata[at + 4:at + 4 + length]))
        at += 4 + length
    if at != len(rdata):
        raise Malformed('options of OPT')
    return record.rclass, record.ttl >> 24, record.ttl >> 16 & 255, record.ttl & 0xffff, options


def parse(wire):
    """The whole message; Malformed when anything is wrong with it."""
    if len(wire) < 12:
        raise Malformed('%d bytes' % len(wire))
    identifier, flags, questions, *counts = struct.unpack_from('!6H', wire)
    at, question = 12, []
    for _ in range(questions):
        _, end = read_name(wire, at)
        question.append((wire[at:end], *struct.unpack_from('!2H', wire, end)))
        at = end + 4
    sections = []
    for count in counts:
        records, at = _read_section(wire, at, count)
        sections.append(records)
    if at != len(wire):
        raise Malformed('%d bytes behind the message' % (len(wire) - at))
    opts = [record for record in sections[2] if record.type == 41]
    if len(opts) > 1 or any(record.type == 41 for record in sections[0] + sections[1]):
        raise Malformed('more than one OPT, or one out of place')
    opt = _read_opt(opts[0]) if opts else None
    additional = [record for record in sections[2] if record.type != 41]
    rcode = flags & 15 | (opt[1] << 4 if opt else 0)
    return Message(identifier, flags, rcode, question, sections[0], sections[1], additional, opt, len(wire))


class Asker:
    """Sends many queries to one server, many at once, and gathers the answers. Ids are set here."""

    def __init__(self, address, port, timeout_s=3.0):
        self.where = (address, port)
        self.family = socket.AF_INET6 if ':' in address else socket.AF_INET
        self.timeout_s = timeout_s
        self.udp = socket.socket(self.family, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.udp.connect(self.where)

    def close(self):
        self.udp.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def ask_udp(self, queries, window=100, tries=(0.1, 0.3, 1.0)):
        """The replies as bytes, None where all tries brought none. tries: parts of the timeout that each takes."""
        replies = [None] * len(queries)
        for start in range(0, len(queries), window):
            waiting = set(range(start, min(start + window, len(queries))))
            for patience in tries:
                self._round(queries, waiting, replies, self.timeout_s * patience)
                if not waiting:
                    break
        return replies

    def _round(self, queries, waiting, replies, timeout_s):
        ids = {}
        base = random.randrange(65536)
        for offset, index in enumerate(sorted(waiting)):
            identifier = (base + offset) & 0xffff
            ids[identifier] = index
            self.udp.send(struct.pack('!H', identifier) + queries[index][2:])
        until = time.monotonic() + timeout_s
        while waiting:
            ready, _, _ = select.select([self.udp], [], [], max(0, until - time.monotonic()))
            if not ready:
                return
            try:
                reply = self.udp.recv(65535)
            except ConnectionRefusedError:
                return
            index = ids.get(struct.unpack_from('!H', reply)[0]) if len(reply) >= 2 else None
            if index in waiting:
                replies[index] = reply
                waiting.discard(index)

    def ask_tcp(self, queries, window=100):
        """The replies as bytes over one connection, queries pipelined; None where none came. Replies may come in any order."""
        replies = [None] * len(queries)
        with socket.create_connection(self.where, timeout=self.timeout_s) as tcp:
            buffer = b''
            for start in range(0, len(queries), window):
                end = min(start + window, len(queries))
                tcp.sendall(b''.join(struct.pack('!HH', len(queries[i]), i & 0xffff) + queries[i][2:] for i in range(start, end)))
                for _ in range(start, end):
                    try:
                        reply, buffer = read_frame(tcp, buffer)
                    except (OSError, EOFError):
                        return replies
                    index = start + ((struct.unpack_from('!H', reply)[0] - start) & 0xffff)
                    if index < end:
                        replies[index] = reply
        return replies

    def transfer(self, zone, timeout_s=60):
        """The messages of an AXFR of the zone (wire format), parsed."""
        with socket.create_connection(self.where, timeout=timeout_s) as tcp:
            message = query(zone, TYPES['AXFR'], identifier=random.randrange(65536))
            tcp.sendall(struct.pack('!H', len(message)) + message)
            messages, buffer, soas = [], b'', 0
            while soas < 2:
                reply, buffer = read_frame(tcp, buffer)
                messages.append(parse(reply))
                if messages[-1].rcode != 0 or not messages[-1].answer:
                    break
                soas += sum(record.type == 6 for record in messages[-1].answer)
        return messages


def read_frame(tcp, buffer):
    while len(buffer) < 2 or len(buffer) < 2 + struct.unpack_from('!H', buffer)[0]:
        data = tcp.recv(65536)
        if not data:
            raise EOFError('connection closed')
        buffer += data
    length = struct.unpack_from('!H', buffer)[0]
    return buffer[2:2 + length], buffer[2 + length:]
