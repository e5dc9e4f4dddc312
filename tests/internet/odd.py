#!/usr/bin/python3
"""Servers that answer oddly: odd.py WORLD.JSON. Each address has one zone and one behaviour; port 53, UDP and TCP.

Prints `ready` when all sockets are open. The zones are read from the file world.json names."""

import json
import selectors
import socket
import struct
import sys
import threading
import time

READY = 'ready'
# what www.ZONE A and nothing.ZONE A must come to
BEHAVIOURS = {
    'formerr-to-edns': ('insecure', 'insecure'), 'notimp-to-edns': ('insecure', 'insecure'), 'badvers-to-edns': ('open', 'open'),
    'silent-to-edns': ('open', 'open'), 'no-opt': ('insecure', 'insecure'), 'lower-case': ('insecure', 'insecure'), 'wrong-id': ('servfail', 'servfail'),
    'wrong-question': ('servfail', 'servfail'), 'no-question': ('open', 'open'), 'wrong-source': ('servfail', 'servfail'),
    'not-a-response': ('servfail', 'servfail'), 'garbage': ('servfail', 'servfail'), 'truncates': ('insecure', 'insecure'),
    'truncates-without-tcp': ('servfail', 'servfail'), 'refuses': ('servfail', 'servfail'), 'fails': ('servfail', 'servfail'),
    'formerr': ('servfail', 'servfail'), 'notimp': ('servfail', 'servfail'), 'nxdomain-at-ent': ('insecure', 'insecure'),
    'refuses-ns': ('insecure', 'insecure'), 'no-soa': ('insecure', 'open'), 'not-authoritative': ('open', 'open'), 'refers-up': ('servfail', 'servfail'),
    'refers-to-itself': ('servfail', 'servfail'), 'poisons': ('insecure', 'insecure'), 'loses-the-first': ('insecure', 'insecure'),
    'slow': ('insecure', 'insecure'), 'nxdomain-to-aaaa': ('open', 'open'), 'silent-to-aaaa': ('insecure', 'insecure'), 'empty': ('open', 'open'),
    'bad-extra-byte': ('open', 'open'), 'ns-in-nxdomain': ('insecure', 'insecure'), 'answers-other-name': ('open', 'open'),
}
QR, AA, TC, RD = 0x8000, 0x0400, 0x0200, 0x0100
FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 1, 2, 3, 4, 5
A, NS, CNAME, SOA, AAAA, OPT = 1, 2, 5, 6, 28, 41
VICTIM = b'\x03www\x06victim\x03com\x00'


def wire_name(text):
    return b''.join(bytes([len(label)]) + label.encode() for label in text.rstrip('.').split('.') if label) + b'\0'


class Zone:
    """A small unsigned zone; wildcards and cuts are not looked for."""

    def __init__(self, name, file):
        import dns.zone
        self.origin = wire_name(name)
        self.records = {}
        for owner, ttl, rdata in dns.zone.from_file(file, origin=name, relativize=False).iterate_rdatas():
            self.records.setdefault(owner.to_wire().lower(), {}).setdefault(int(rdata.rdtype), []).append((ttl, rdata.to_wire()))

    def exists(self, name):
        return any(owner == name or owner.endswith(name) for owner in self.records)

    def record(self, owner, rtype, ttl, rdata):
        return owner + struct.pack('!HHIH', rtype, 1, ttl, len(rdata)) + rdata

    def rrset(self, owner, rtype):
        return [self.record(owner, rtype, ttl, rdata) for ttl, rdata in self.records.get(owner, {}).get(rtype, [])]


class Query:
    def __init__(self, message):
        self.id, self.flags, _, _, _, additional = struct.unpack_from('!6H', message)
        at = 12
        while message[at]:
            at += 1 + message[at]
        self.raw_name = message[12:at + 1]
        self.name = self.raw_name.lower()
        self.type, = struct.unpack_from('!H', message, at + 1)
        self.question = message[12:at + 5]
        self.edns = additional > 0


def response(query, rcode, answer=(), authority=(), additional=(), flags=AA, question=None, opt=True, identifier=None):
    extra = list(additional) + ([b'\0' + struct.pack('!HHIH', OPT, 1232, (rcode >> 4) << 24, 0)] if opt and query.edns else [])
    question = query.question if question is None else question
    head = struct.pack('!6H', query.id if identifier is None else identifier, QR | flags | (query.flags & RD) | (rcode & 15), 1 if question else 0,
                       len(answer), len(authority), len(extra))
    return head + question + b''.join(answer) + b''.join(authority) + b''.join(extra)


def right(zone, query, **how):
    """What a good server says."""
    name, answer = query.name, []
    for _ in range(8):
        alias = zone.rrset(name, CNAME)
        if not alias or query.type == CNAME:
            break
        answer += alias
        name = zone.records[name][CNAME][0][1].lower()
    found = zone.rrset(name, query.type) if name.endswith(zone.origin) else []
    soa = zone.rrset(zone.origin, SOA)
    if found or (answer and not name.endswith(zone.origin)):
        return response(query, 0, answer + found, **how)
    return response(query, 0 if zone.exists(name) else NXDOMAIN, answer, soa, **how)


class Server:
    """One address."""

    def __init__(self, behaviour, zone):
        self.behaviour, self.zone, self.seen = behaviour, zone, set()

    def reply(self, query, is_tcp):
        """The reply's bytes, or None for silence."""
        zone, how = self.zone, self.behaviour
        if how.endswith('-to-edns') and query.edns:
            return {'formerr-to-edns': response(query, FORMERR, opt=False, flags=0), 'notimp-to-edns': response(query, NOTIMP, opt=False, flags=0),
                    'badvers-to-edns': response(query, 16, flags=0), 'silent-to-edns': None}[how]
        simple = {'refuses': REFUSED, 'fails': SERVFAIL, 'formerr': FORMERR, 'notimp': NOTIMP}
        if how in simple:
            return response(query, simple[how], flags=0)
        if how.startswith('truncates') and not is_tcp:
            return response(query, 0, flags=AA | TC)
        if how == 'silent-to-aaaa' and query.type == AAAA:
            return None
        if how == 'loses-the-first' and not is_tcp and (query.name, query.type) not in self.seen:
            self.seen.add((query.name, query.type))
            return None
        if how == 'slow':
            time.sleep(0.7)
        method = getattr(self, how.replace('-', '_'), None)
        return method(zone, query) if method is not None else right(zone, query)

    # ---- behaviours that change what is said ---------------------------------------------------------------------------
    def no_opt(self, zone, query):
        return right(zone, query, opt=False)

    def lower_case(self, zone, query):
        return right(zone, query, question=query.question.lower()[:-4] + query.question[-4:])

    def wrong_id(self, zone, query):
        return right(zone, query, identifier=query.id ^ 0x5555)

    def wrong_question(self, zone, query):
        return right(zone, query, question=b'\x05other' + query.question)

    def no_question(self, zone, query):
        return right(zone, query, question=b'')

    def not_a_response(self, zone, query):
        reply = bytearray(right(zone, query))
        reply[2] &= 0x7f
        return bytes(reply)

    def garbage(self, zone, query):
        return right(zone, query)[:12] + b'\xc0\x0c' * 20

    def bad_extra_byte(self, zone, query):
        return right(zone, query) + b'\0'

    def nxdomain_at_ent(self, zone, query):
        if query.name not in zone.records:
            return response(query, NXDOMAIN, (), zone.rrset(zone.origin, SOA))
        return right(zone, query)

    def refuses_ns(self, zone, query):
        if query.type == NS or query.name not in zone.records and zone.exists(query.name):
            return response(query, REFUSED, flags=0)
        return right(zone, query)

    def no_soa(self, zone, query):
        found = zone.rrset(query.name, query.type)
        return response(query, 0 if zone.exists(query.name) else NXDOMAIN, found)

    def not_authoritative(self, zone, query):
        return right(zone, query, flags=0)

    def refers_up(self, zone, query):
        return response(query, 0, (), [zone.record(b'\0', NS, 3600, wire_name('a.root-servers.net.'))], flags=0)

    def refers_to_itself(self, zone, query):
        return response(query, 0, (), zone.rrset(zone.origin, NS), flags=0)

    def poisons(self, zone, query):
        found = zone.rrset(query.name, query.type)
        if not found:
            return right(zone, query)
        lie = zone.record(VICTIM, A, 86400, bytes([66, 66, 66, 66]))
        return response(query, 0, found + [lie], [zone.record(wire_name('com.'), NS, 86400, wire_name('ns1.poisons.broken.'))],
                        [lie, zone.record(wire_name('a.root-servers.net.'), A, 86400, bytes([66, 66, 66, 66]))])

    def nxdomain_to_aaaa(self, zone, query):
        return response(query, NXDOMAIN, (), zone.rrset(zone.origin, SOA)) if query.type == AAAA else right(zone, query)

    def empty(self, zone, query):
        return response(query, 0, flags=0)

    def ns_in_nxdomain(self, zone, query):
        if zone.exists(query.name):
            return right(zone, query)
        return response(query, NXDOMAIN, (), zone.rrset(zone.origin, SOA) + zone.rrset(zone.origin, NS))

    def answers_other_name(self, zone, query):
        return response(query, 0, [zone.record(b'\x05other' + zone.origin, query.type, 60, rdata) for _, rdata in zone.records[zone.origin].get(query.type, [])])


def serve_connection(server, connection):
    try:
        connection.settimeout(5)
        stream = connection.makefile('rwb')
        while True:
            head = stream.read(2)
            if len(head) < 2:
                return
            reply = server.reply(Query(stream.read(struct.unpack('!H', head)[0])), True)
            if reply is not None:
                stream.write(struct.pack('!H', len(reply)) + reply)
                stream.flush()
    except (OSError, struct.error, IndexError):
        return
    finally:
        connection.close()


def answer_datagram(server, udp, other, message, client):
    try:
        reply = server.reply(Query(message), False)
    except (struct.error, IndexError):
        return
    if reply is not None:
        (other if server.behaviour == 'wrong-source' else udp).sendto(reply, client)


def main(path):
    with open(path) as file:
        world = json.load(file)
    files = dict(map(tuple, world['served']['odd']))
    selector = selectors.DefaultSelector()
    for address, (behaviour, name) in world['odd'].items():
        server = Server(behaviour, Zone(name, files[name]))
        udp, other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((address, 53))
        other.bind((address, 0))
        selector.register(udp, selectors.EVENT_READ, (server, other))
        if behaviour != 'truncates-without-tcp':
            tcp = socket.create_server((address, 53), backlog=64)
            selector.register(tcp, selectors.EVENT_READ, (server, None))
    print(READY, flush=True)
    while True:
        for key, _ in selector.select():
            server, other = key.data
            if other is None:
                connection, _ = key.fileobj.accept()
                threading.Thread(target=serve_connection, args=(server, connection), daemon=True).start()
                continue
            message, client = key.fileobj.recvfrom(4096)
            if server.behaviour == 'slow':
                threading.Thread(target=answer_datagram, args=(server, key.fileobj, other, message, client), daemon=True).start()
            else:
                answer_datagram(server, key.fileobj, other, message, client)


if __name__ == '__main__':
    main(sys.argv[1])
