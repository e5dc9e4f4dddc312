"""What three resolvers say to the same questions, compared: Portolan judged by Unbound and Knot Resolver.

Where both judges agree and we do not, or where all three differ, it is a difference; justified.py names those that an RFC is behind.
"""

import threading
from collections import defaultdict, namedtuple

import asking
import justified
import wire

FIELDS = ('rcode', 'AD', 'CD', 'answer')
NSEC_TYPES = {wire.TYPES['NSEC'], wire.TYPES['NSEC3']}
RRSIG, SOA = wire.TYPES['RRSIG'], wire.TYPES['SOA']

# said: {'portolan', 'unbound', 'kresd': message}; checked: what Unbound says with CD clear to a question that had it set
Case = namedtuple('Case', 'question ours said checked')
# unexplained: {what: [case]}; justified: {row: count}; faults: {what: [case]}; agreed: fields in which we are with both
Verdict = namedtuple('Verdict', 'asked agreed unexplained justified faults')


def field(message, name):
    if message is None:
        return None
    if name == 'rcode':
        return message.rcode
    if name == 'answer':
        return frozenset((record.owner, record.type, record.rdata) for record in message.answer)
    return bool(message.flags & getattr(wire, name))


def ask_everybody(resolvers, questions, **how):
    """{kind: [message or None]}, all asked at once."""
    said = {}

    def ask(kind, server):
        said[kind] = asking.ask_all(server.address, questions, **how)
    threads = [threading.Thread(target=ask, args=item) for item in resolvers.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


def differs(ours, judges, name):
    """Whether our field is against both judges."""
    theirs = [field(message, name) for message in judges]
    return all(field(ours, name) != their for their in theirs if their is not None) and any(their is not None for their in theirs)


def faults(question, message):
    """What is wrong with an answer of ours whatever others say."""
    if message is None:
        return ['no answer']
    found = []
    dnssec = question.edns is not None and question.edns[1] & wire.DO
    if not message.flags & wire.QR or not message.flags & wire.RA or message.flags & (wire.AA | wire.Z) or message.flags & wire.TC and question.transport == 'tcp':
        found.append('flags %04x' % message.flags)
    if message.question != [(question.name, question.type, 1)]:
        found.append('the question does not come back as it was asked')
    if message.flags & wire.AD and not dnssec and not question.flags & wire.AD:
        found.append('AD to one who did not ask (RFC 6840 5.8)')
    if (question.edns is None) != (message.opt is None):
        found.append('OPT that was not asked for, or none where one was')
    if dnssec and not message.opt[3] & wire.DO:
        found.append('DO is not copied (RFC 3225 3)')
    extra = {record.type for record in message.answer + message.authority + message.additional} & (NSEC_TYPES | {RRSIG}) - {question.type}
    if extra and not dnssec:
        found.append('DNSSEC records to one who did not ask (RFC 4035 3.2.1)')
    for section in (message.answer, message.authority, message.additional):
        twice = {wire.type_name(record.type) for record in section if section.count(record) > 1}
        if twice:
            found.append('a record twice: ' + ' '.join(sorted(twice)))
    return found + _negative_faults(question, message, dnssec)


def _negative_faults(question, message, dnssec):
    """A negative answer has a SOA (RFC 2308 5), one that is proven the proof (RFC 4035 3.2.1, 3.1.3)."""
    kinds = {record.type for record in message.authority}
    last = any(record.type == question.type for record in message.answer)
    if message.rcode not in (wire.NOERROR, wire.NXDOMAIN) or last or question.type in (wire.TYPES['CNAME'], wire.TYPES['ANY']):
        return []
    found = []
    if SOA not in kinds:
        found.append('no SOA in a negative answer (RFC 2308 3)')
    if dnssec and message.flags & wire.AD and not (NSEC_TYPES & kinds and RRSIG in kinds):
        found.append('AD on a negative answer without its proof (RFC 4035 3.1.3)')
    return found


def signature(case, names):
    parts = []
    for name in names:
        values = [field(case.said[kind], name) for kind in ('portolan', *[kind for kind in case.said if kind != 'portolan'])]
        if name == 'answer':
            values = ['-' if value is None else '+'.join(sorted({wire.type_name(rtype) for _, rtype, _ in value})) or 'empty' for value in values]
        elif name == 'rcode':
            values = [wire.RCODE_NAMES.get(value, value) for value in values]
        parts.append('%s %s' % (name, '/'.join(map(str, values))))
    return '%s | %s' % (wire.type_name(case.question.type), '; '.join(parts))


def judge(resolvers, questions, **how):
    said = ask_everybody(resolvers, questions, **how)
    unchecked = [i for i, question in enumerate(questions) if question.flags & wire.CD]
    cleared = [questions[i]._replace(flags=questions[i].flags & ~wire.CD) for i in unchecked]
    checked = dict(zip(unchecked, asking.ask_all(resolvers['unbound'].address, cleared, **how)))
    unexplained, found_faults, excused, agreed = defaultdict(list), defaultdict(list), defaultdict(int), 0
    for i, question in enumerate(questions):
        case = Case(question, said['portolan'][i], {kind: messages[i] for kind, messages in said.items()}, checked.get(i))
        for fault in faults(question, case.ours):
            found_faults[fault].append(case)
        judges = [message for kind, message in case.said.items() if kind != 'portolan']
        left = []
        for name in FIELDS:
            if not differs(case.ours, judges, name):
                agreed += 1
                continue
            row = justified.justification(case, name)
            if row is None:
                left.append(name)
            else:
                excused[row] += 1
        if left:
            unexplained[signature(case, left)].append(case)
    return Verdict(len(questions), agreed, unexplained, excused, found_faults)


def report(groups, examples=3):
    lines = []
    for what, cases in sorted(groups.items(), key=lambda item: -len(item[1])):
        lines.append('%d times: %s' % (len(cases), what))
        for case in cases[:examples]:
            lines.append('    ' + asking.text(case.question))
            lines += ['        %-9s %s' % (kind, asking.describe(message)) for kind, message in case.said.items()]
    return '\n'.join(lines)
