"""Servers of a scenario: each listens at addresses of its own, port 53, UDP and TCP, answers by its script, and every query it sees is written down.

    stage = Stage()
    stage.server('root', ['60.0.0.1'], Zone(...))
    stage.server('odd', ['60.0.9.1'], Rule('www.odd.land. A', raw(b'...'), tcp=False), Zone(...))
    with stage: ...
    stage.seen()    ['root: land. A', 'odd: www.odd.land. A tcp', ...]

A script is a list of callables that take a Query; the first that does not return PASS answers: with a dns.message.Message, with bytes, or with None,
which is silence.
"""

import selectors
import socket
import struct
import threading
import time
from collections import namedtuple

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset
import network

PASS = object()
SIZE_MAX, PATIENCE_S = 65535, 5

# server: its label; address: where it was asked; source: who asked; name: dns.name.Name as it was written; type: text; size: bytes offered by EDNS, None
# without EDNS; do, cd, ad, rd: bits; options: codes of the EDNS options, sorted; message: all of it
Query = namedtuple('Query', 'server address source name type tcp size do cd ad rd options message')


def query_of(server, address, source, tcp, data):
    message = dns.message.from_wire(data)
    question = message.question[0]
    return Query(server, address, source[0], question.name, dns.rdatatype.to_text(question.rdtype), tcp, message.payload if message.edns >= 0 else None,
                 bool(message.ednsflags & dns.flags.DO), bool(message.flags & dns.flags.CD), bool(message.flags & dns.flags.AD),
                 bool(message.flags & dns.flags.RD), sorted(int(option.otype) for option in message.options), message)


def text_of(query):
    """`root: www.land. A`, behind it `tcp` if it came that way."""
    return '%s: %s %s%s' % (query.server, query.name.to_text().lower(), query.type, ' tcp' if query.tcp else '')


# ---- replies ---------------------------------------------------------------------------------------------------------------------------
def records(lines):
    """RRsets of lines `OWNER TTL TYPE RDATA`, in their order."""
    found = {}
    for line in lines:
        owner, ttl, rtype, rdata = line.split(None, 3)
        key = owner, rtype
        if key in found:
            found[key].add(dns.rdata.from_text('IN', rtype, rdata), int(ttl))
        else:
            found[key] = dns.rrset.from_text(owner, int(ttl), 'IN', rtype, rdata)
    return list(found.values())


def reply(rcode='NOERROR', flags='aa', answer=(), authority=(), additional=(), edns=True):
    """A script's answer in words: sections are lists of `OWNER TTL TYPE RDATA`."""
    def make(query):
        made = dns.message.make_response(query.message, our_payload=1232)
        if not edns:
            made.use_edns(False)
        for word in flags.split():
            made.flags |= dns.flags.from_text(word.upper())
        made.answer, made.authority, made.additional = records(answer), records(authority), records(additional)
        made.set_rcode(dns.rcode.from_text(rcode))
        return made
    return make


def raw_reply(answer):
    """Records of one RRset with TTLs of their own."""
    def make(query):
        made = bytearray(dns.message.make_response(query.message).to_wire())
        made[2] |= 4  # AA
        made[6:8] = struct.pack('!H', len(answer))
        end = 12 + len(query.name.to_wire()) + 4
        parts = b''
        for line in answer:
            owner, ttl, rtype, rdata = line.split(None, 3)
            wire = dns.rdata.from_text('IN', rtype, rdata).to_wire()
            parts += dns.name.from_text(owner).to_wire() + struct.pack('!HHIH', dns.rdatatype.from_text(rtype), 1, int(ttl), len(wire)) + wire
        return bytes(made[:end]) + parts + bytes(made[end:])
    return make


def silent(_):
    return None


def truncated(query):
    """Nothing over UDP; over TCP the next of the script answers."""
    return PASS if query.tcp else reply(flags='aa tc')(query)


class Rule:
    """`NAME TYPE` (`*` for any) and whether EDNS, DO and TCP are there (None: no matter) say when; then `answer` answers, at most `times` times."""

    def __init__(self, what, answer, edns=None, do=None, tcp=None, times=None):
        name, rtype = what.split()
        self.name, self.type = None if name == '*' else dns.name.from_text(name), None if rtype == '*' else rtype
        self.edns, self.do, self.tcp, self.times, self.answer = edns, do, tcp, times, answer

    def fits(self, query):
        wanted = [(self.name, query.name), (self.type, query.type), (self.edns, query.size is not None), (self.do, query.do), (self.tcp, query.tcp)]
        return self.times != 0 and all(wish is None or wish == is_so for wish, is_so in wanted)

    def __call__(self, query):
        if not self.fits(query):
            return PASS
        if self.times is not None:
            self.times -= 1
        return self.answer(query)


# ---- sockets ---------------------------------------------------------------------------------------------------------------------------
def to_wire(query, answer):
    """UDP answers that are too long are cut, as servers do (RFC 2181 9)."""
    if answer is None or isinstance(answer, bytes):
        return answer
    limit = SIZE_MAX if query.tcp else max(512, query.size or 512)
    try:
        return answer.to_wire(max_size=limit)
    except dns.exception.TooBig:
        return reply(flags='aa tc')(query).to_wire()


class Server:
    def __init__(self, label, addresses, script):
        self.label, self.addresses, self.script = label, addresses, list(script)

    def answer(self, query):
        for part in self.script:
            answer = part(query)
            if answer is not PASS:
                return to_wire(query, answer)
        return reply('REFUSED', flags='')(query).to_wire()


class Stage:
    """All servers of a scenario, on one thread."""

    def __init__(self):
        self.servers, self.queries, self.faults = {}, [], []
        self.selector, self.sockets, self.thread, self.is_over = selectors.DefaultSelector(), [], None, False
        self.lock = threading.Lock()

    def server(self, label, addresses, *script):
        """One more, before or after the start."""
        server = self.servers[label] = Server(label, addresses, script)
        network.add([address for address in addresses if not address.startswith('127.') and address != '::1'])
        for address in addresses:
            self._open(server, address)
        return server

    def _open(self, server, address):
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.bind((address, 53))
        tcp = socket.create_server((address, 53), family=family, backlog=16)
        for one, ready in ((udp, self._datagram), (tcp, self._connection)):
            self.sockets.append(one)
            self.selector.register(one, selectors.EVENT_READ, (ready, server, address))

    def __enter__(self):
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.is_over = True
        self.thread.join()
        for one in self.sockets:
            one.close()
        self.selector.close()
        assert exception[0] is not None or not self.faults, self.faults

    def _run(self):
        while not self.is_over:
            for key, _ in self.selector.select(0.02):
                ready, server, address = key.data
                try:
                    ready(key.fileobj, server, address)
                except OSError:
                    pass  # who asked is gone
                except Exception as error:  # pylint: disable=broad-except
                    self.faults.append('%s: %r' % (server.label, error))

    def _answer(self, server, address, source, is_tcp, data):
        query = query_of(server.label, address, source, is_tcp, data)
        with self.lock:
            self.queries.append(query)
        return server.answer(query)

    def _datagram(self, udp, server, address):
        data, source = udp.recvfrom(SIZE_MAX)
        answer = self._answer(server, address, source, False, data)
        if answer is not None:
            udp.sendto(answer, source)

    def _connection(self, listener, server, address):
        connection, source = listener.accept()
        self.sockets.append(connection)
        self.selector.register(connection, selectors.EVENT_READ, (lambda stream, *_: self._stream(stream, server, address, source), server, address))

    def _stream(self, stream, server, address, source):
        stream.settimeout(2)
        head = stream.recv(2, socket.MSG_WAITALL)
        if len(head) < 2:
            self.selector.unregister(stream)
            stream.close()
            return
        answer = self._answer(server, address, source, True, stream.recv(struct.unpack('!H', head)[0], socket.MSG_WAITALL))
        if answer is not None:
            stream.sendall(struct.pack('!H', len(answer)) + answer)

    # ---- what was seen -------------------------------------------------------------------------------------------------------------------
    def queries_seen(self, quiet_s=0.06, least=0):
        """All queries since the last look, once none has come for that long and there are at least so many (or time has run out)."""
        end, count = time.monotonic() + PATIENCE_S, -1
        while count != len(self.queries) or (count < least and time.monotonic() < end):
            count = len(self.queries)
            time.sleep(quiet_s)
        with self.lock:
            seen, self.queries = self.queries, []
        return seen

    def seen(self, quiet_s=0.06, least=0):
        """The same as text. What a question causes has come before its answer; for what is sent besides, say how much that is at least."""
        return [text_of(query) for query in self.queries_seen(quiet_s, least)]
