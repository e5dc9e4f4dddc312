"""Runs Portolan and the judges with the same zones, asks all of them the same questions and gathers what differs."""

from collections import defaultdict, namedtuple

import comparison
import differences
import peers
import questions
import wire

UDP_LIMIT = 4096
EXTRA = {
    'nsd': ' ipv4-edns-size: %d' % UDP_LIMIT,
    'knot': '  udp-max-payload: %d' % UDP_LIMIT,
    'bind': 'max-udp-size %d; edns-udp-size %d; minimal-responses yes;' % (UDP_LIMIT, UDP_LIMIT),
}
SETTINGS = 'udp-size: %d\nminimal-responses: %s\nresolver: no'
EXAMPLES = 3

# unexplained: {signature: [(question, ours, theirs)]}; justified: {row of the table: count}; faults: {text: [question]}
Verdict = namedtuple('Verdict', 'asked unexplained justified faults unanswered')


class Tribunal:
    """with Tribunal(zones, judges) as tribunal: tribunal.judge(questions)"""

    def __init__(self, zones, judges=('nsd', 'knot', 'bind'), minimal=True):
        self.zones = zones
        self.judges = [kind for kind in judges if peers.available(kind)]
        transfer = [zone._replace(options={**zone.options, 'allow-transfer': '[127.0.0.1]'}) for zone in zones]
        self.servers = {'portolan': peers.Portolan(transfer, settings=SETTINGS % (UDP_LIMIT, 'yes' if minimal else 'no'))}
        for kind in self.judges:
            how = {'minimal': True} if kind == 'nsd' else {}
            self.servers[kind] = peers.JUDGES[kind](zones, extra=EXTRA[kind], **how)
        self.askers = {}
        self.started = []

    def __enter__(self):
        try:
            for kind, server in self.servers.items():
                self.started.append(server)
                server.start()
                self.askers[kind] = wire.Asker(server.address, server.port)
            reference = self.judges[0] if self.judges else 'portolan'
            self.records = {wire.name_from_text(zone.name): self.transfer(reference, zone.name)[:-1] for zone in self.zones}
            self.served = comparison.Served(self.records)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exception):
        portolan = self.servers['portolan']
        alive, log = portolan.is_alive(), portolan.log()
        status = self.stop()
        if exception[0] is None:
            assert alive and status == 0, 'portoland ended with %s:\n%s' % (status, log[-4000:])

    def stop(self):
        for asker in self.askers.values():
            asker.close()
        status = None
        for server in self.started:
            ended = server.stop()
            status = ended if server.kind == 'portolan' else status
            server.remove()
        return status

    def transfer(self, kind, zone):
        """All records of an AXFR, the SOA at both ends."""
        messages = self.askers[kind].transfer(wire.name_from_text(zone))
        assert all(message.rcode == 0 for message in messages), '%s refuses the transfer of %s' % (kind, zone)
        return [record for message in messages for record in message.answer]

    def about(self, zone, count, seed=1):
        name = wire.name_from_text(zone)
        return questions.questions_about(name, self.records[name], count, seed)

    def ask(self, kind, asked):
        """(messages as sent, the same whole): truncated answers are asked for again over TCP."""
        wires = [questions.encode(question) for question in asked]
        first = [None] * len(asked)
        for transport, how in (('udp', self.askers[kind].ask_udp), ('tcp', self.askers[kind].ask_tcp)):
            index = [i for i, question in enumerate(asked) if question.transport == transport]
            for i, reply in zip(index, how([wires[i] for i in index])):
                first[i] = self.parse(kind, asked[i], reply)
        whole = list(first)
        index = [i for i, message in enumerate(first) if message is not None and message.flags & wire.TC]
        for i, reply in zip(index, self.askers[kind].ask_tcp([wires[i] for i in index])):
            whole[i] = self.parse(kind, asked[i], reply)
        return first, whole

    def parse(self, kind, question, reply):
        """The message, or None when there is none. One that breaks the format ends the test with its bytes."""
        try:
            return wire.parse(reply) if reply is not None else None
        except wire.Malformed as error:
            raise AssertionError('%s answers %s with a malformed message: %s: %s' % (kind, questions.text(question), error, reply.hex())) from error

    def judge(self, asked):
        """Asks everybody, compares, sorts."""
        first, whole = self.ask('portolan', asked)
        unexplained, justified, faults, unanswered = defaultdict(list), defaultdict(int), defaultdict(list), []
        for i, question in enumerate(asked):
            if first[i] is None or whole[i] is None:
                unanswered.append(question)
                continue
            for fault in comparison.faults(question, first[i], whole[i], limit_of(question), self.served):
                faults[fault].append((question, first[i], None))
        said = {kind: self.ask(kind, asked)[1] for kind in self.judges}
        for i, question in enumerate(asked):
            if first[i] is None or whole[i] is None:
                continue
            others = {kind: said[kind][i] for kind in self.judges}
            for kind, theirs in others.items():
                if theirs is None:
                    continue
                case = comparison.Case(question, kind, whole[i], theirs, self.served, others)
                left = []
                for difference in comparison.differences(case):
                    name = differences.justification(case, difference)
                    if name is None:
                        left.append(difference)
                    else:
                        justified[name] += 1
                if left:
                    unexplained[comparison.signature(case, left)].append((question, whole[i], theirs))
        return Verdict(len(asked), unexplained, justified, faults, unanswered)


def limit_of(question):
    """Bytes that the answer may have over UDP."""
    return 512 if question.edns is None else min(UDP_LIMIT, max(512, question.edns[0]))


def show(message):
    if message is None:
        return '          nothing'
    lines = ['          %s flags %04x, %d bytes' % (wire.RCODE_NAMES.get(message.rcode, message.rcode), message.flags, message.size)]
    for name in ('answer', 'authority', 'additional'):
        for record in sorted(getattr(message, name)):
            kind = wire.type_name(record.type)
            kind += '(%s)' % wire.type_name(int.from_bytes(record.rdata[:2], 'big')) if record.type == 46 else ''
            lines.append('          %-10s %s %d %s %s' % (name, wire.name_text(record.owner), record.ttl, kind, record.rdata[:40].hex()))
    return '\n'.join(lines)


def report(groups, examples=EXAMPLES, with_messages=True):
    """Groups of {what: [(question, ours, theirs)]} as text, the most frequent first."""
    lines = []
    for what, cases in sorted(groups.items(), key=lambda item: -len(item[1])):
        lines.append('%d times: %s' % (len(cases), what))
        for question, ours, theirs in cases[:examples]:
            lines.append('    ' + questions.text(question))
            if with_messages:
                lines += ['        we:', show(ours)] + (['        they:', show(theirs)] if theirs is not None else [])
    return '\n'.join(lines)
