"""Questions to resolvers: many at once, each with the patience that a cold resolution takes."""

import selectors
import socket
import struct
import time
from collections import namedtuple

import wire

PATIENCE_S, AGAIN_S = 25.0, 5.0
SOCKETS = 4

# name: wire format, the case as it is asked; edns: None or (size, flags); transport: 'udp' or 'tcp'
Question = namedtuple('Question', 'name type flags edns transport', defaults=(wire.RD, (1232, 0), 'udp'))


def ask(name, rtype='A', flags=wire.RD, edns=(1232, 0), transport='udp'):
    return Question(wire.name_from_text(name), wire.TYPES[rtype], flags, edns, transport)


def text(question):
    words = [wire.name_text(question.name), wire.type_name(question.type)]
    words += [name for name, bit in (('RD', wire.RD), ('CD', wire.CD), ('AD', wire.AD)) if question.flags & bit]
    if question.edns is None:
        words.append('no EDNS')
    elif question.edns[1] & wire.DO:
        words.append('DO')
    return ' '.join(words + ([question.transport] if question.transport == 'tcp' else []))


def encode(question):
    return wire.query(question.name, question.type, flags=question.flags, edns=question.edns)


class _Flow:
    """At most `window` questions under way to one server over UDP; each is sent again every five seconds, as stub resolvers do."""

    def __init__(self, address, queries, window, patience_s):
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        self.sockets = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(SOCKETS)]
        self.selector = selectors.DefaultSelector()
        for udp in self.sockets:
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            udp.connect((address, 53))
            udp.setblocking(False)
            self.selector.register(udp, selectors.EVENT_READ)
        self.queries, self.window, self.patience_s = queries, window, patience_s
        self.replies = [None] * len(queries)
        self.waiting = {}  # id: (index, until, when it is sent again)

    def run(self):
        following = 0
        while following < len(self.queries) or self.waiting:
            while following < len(self.queries) and len(self.waiting) < self.window:
                self._send(following & 0xffff, following, time.monotonic() + self.patience_s)
                following += 1
            for key, _ in self.selector.select(0.05):
                self._receive(key.fileobj)
            self._give_up()
        for udp in self.sockets:
            udp.close()
        self.selector.close()
        return self.replies

    def _send(self, identifier, index, until):
        self.waiting[identifier] = (index, until, time.monotonic() + AGAIN_S)
        try:
            self.sockets[index % SOCKETS].send(struct.pack('!H', identifier) + self.queries[index][2:])
        except OSError:
            pass  # is sent again later

    def _receive(self, udp):
        while True:
            try:
                reply = udp.recv(65535)
            except OSError:
                return
            index, _, _ = self.waiting.pop(struct.unpack_from('!H', reply)[0], (None, 0, 0)) if len(reply) >= 12 else (None, 0, 0)
            if index is not None:
                self.replies[index] = reply

    def _give_up(self):
        now = time.monotonic()
        for identifier, (index, until, again) in [item for item in self.waiting.items() if item[1][2] < now or item[1][1] < now]:
            if until < now:
                del self.waiting[identifier]
            else:
                self._send(identifier, index, until)


def ask_all(address, questions, window=64, patience_s=PATIENCE_S):
    """What the server at the address says to each: a wire.Message, whole over TCP where it was truncated, or None."""
    queries = [encode(question) for question in questions]
    said = [None] * len(questions)
    plain = [i for i, question in enumerate(questions) if question.transport == 'udp']
    for i, reply in zip(plain, _Flow(address, [queries[i] for i in plain], window, patience_s).run()):
        said[i] = wire.parse(reply) if reply is not None else None
    again = [i for i, question in enumerate(questions) if question.transport == 'tcp' or (said[i] is not None and said[i].flags & wire.TC)]
    with wire.Asker(address, 53, timeout_s=patience_s) as asker:
        for start in range(0, len(again), 50):
            part = again[start:start + 50]
            for i, reply in zip(part, asker.ask_tcp([queries[i] for i in part], window=20)):
                said[i] = wire.parse(reply) if reply is not None else None
    return said


def describe(message):
    """For people: the status, the flags and the records of the answer section."""
    if message is None:
        return 'no answer'
    flags = ' '.join(name for name, bit in (('AA', wire.AA), ('TC', wire.TC), ('RD', wire.RD), ('RA', wire.RA), ('AD', wire.AD), ('CD', wire.CD)) if message.flags & bit)
    records = ['%s %s' % (wire.name_text(record.owner), wire.type_name(record.type)) for record in message.answer]
    errors = ['EDE %d %s' % (struct.unpack('!H', value[:2])[0], value[2:].decode(errors='replace')) for code, value in (message.opt[4] if message.opt else []) if code == 15]
    return '%s [%s] %s %s' % (wire.RCODE_NAMES.get(message.rcode, message.rcode), flags, ', '.join(records) or '-', '; '.join(errors))
