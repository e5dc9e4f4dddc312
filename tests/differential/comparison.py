"""Compares answers section by section, and sorts what differs into classes.

A difference is either *justified*, because a row of differences.TABLE says so and names the RFC that backs us, or it is reported with its
signature and examples. What may differ without a word, since no RFC orders it, is taken away before the comparison: the order of records, the
compression of names and so the case of names, and, of records that are optional, whether they are there (that they are right is checked by itself).
"""

from collections import namedtuple

import wire

SOA, NS, CNAME, DNAME, RRSIG, NSEC, NSEC3, DS, ANY, A, AAAA = (wire.TYPES[name] for name in (
    'SOA', 'NS', 'CNAME', 'DNAME', 'RRSIG', 'NSEC', 'NSEC3', 'DS', 'ANY', 'A', 'AAAA'))
FLAG_NAMES = [('AA', wire.AA), ('RD', wire.RD), ('RA', wire.RA), ('Z', wire.Z), ('AD', wire.AD), ('CD', wire.CD)]

# section: rcode, a flag, opt, answer, soa, authority, glue; ours, theirs: frozensets of records only we or only they have, or the two values
Difference = namedtuple('Difference', 'section ours theirs')


class Served:
    """All records of all zones served, by zone, owner and type: what the answers must be made of."""

    def __init__(self, zones):
        """zones: {zone in wire format: list of records}"""
        self.zones = {zone: {} for zone in zones}
        self.names = {zone: set() for zone in zones}
        for zone, records in zones.items():
            for record in records:
                self.zones[zone].setdefault(record.owner, {}).setdefault(record.type, set()).add((record.ttl, record.rdata))
            for owner, types in self.zones[zone].items():
                if not types.keys() - {NSEC3, RRSIG}:
                    continue  # the owner of an NSEC3 record is no name (RFC 5155 7.2.8)
                while owner is not None and owner not in self.names[zone] and wire.is_below(owner, zone):
                    self.names[zone].add(owner)
                    owner = wire.parent_of(owner)

    def zone_of(self, name, at_cut_parent=False):
        """The deepest zone that holds the name; for DS at a zone's apex the one above, when it is served."""
        name = name.lower()
        at = wire.parent_of(name) if at_cut_parent and name in self.zones else name
        while at is not None:
            if at in self.zones:
                return at
            at = wire.parent_of(at)
        return name if name in self.zones else None

    def holds(self, record):
        """Whether the record is one of ours, or one that a wildcard of ours makes (RFC 4592 3.3.1)."""
        zone = self.zone_of(record.owner)
        sources = [(zone, record.owner)] + [(zone, self.wildcard(zone, record.owner))] if zone is not None else []
        sources += [(other, record.owner) for other in self.zones]  # glue of a zone whose child is served as well
        return any((record.ttl, record.rdata) in self.zones[origin].get(owner, {}).get(record.type, ()) for origin, owner in sources)

    def wildcard(self, zone, name):
        """The wildcard that a name which does not exist falls under, whether there is one or not."""
        at = name
        while at not in self.names[zone] and wire.parent_of(at) is not None:
            at = wire.parent_of(at)
        return b'\1*' + at if at != name else name

    def exists(self, zone, name):
        return name in self.names[zone]

    def cut_above(self, zone, name):
        """The topmost zone cut at or above the name, below the zone's apex; None without one."""
        found, at = None, name
        while at is not None and at != zone:
            if NS in self.zones[zone].get(at, {}):
                found = at
            at = wire.parent_of(at)
        return found


# One question with all that came back, over TCP where it was truncated over UDP; others: what every judge said, by kind
Case = namedtuple('Case', 'question judge our_whole their_whole served others')


def referral(message, served):
    """(cut, names of its name servers) of a referral, be it at the end of a chain of aliases; (None, none) in other answers."""
    servers = [record for record in message.authority if record.type == NS and record.owner not in served.zones]
    if message.rcode != 0 or not servers:
        return None, set()
    return servers[0].owner, {record.rdata for record in servers}


def covered_type(record):
    """The type of the record, or of those that it signs."""
    return int.from_bytes(record.rdata[:2], 'big') if record.type == RRSIG else record.type


def negative_soa(message, served):
    """The SOA of a negative answer, with its signatures."""
    return frozenset(record for record in message.authority if covered_type(record) == SOA)


def required_authority(message, served):
    """The rest of the authority section, without the NS RRset of a zone's apex, which answers may carry or not (RFC 1034 4.3.2)."""
    return frozenset(record for record in message.authority if covered_type(record) != SOA and (
        record.owner not in served.zones or covered_type(record) != NS))


def glue(message, served):
    """The addresses of the referral's name servers that are at or below the cut (RFC 9471 2.1): those that must be there."""
    cut, servers = referral(message, served)
    if cut is None:
        return frozenset()
    return frozenset(record for record in message.additional if record.type in (A, AAAA) and record.owner in servers and wire.is_below(record.owner, cut))


def differences(case):
    """All differences of one case, before any is justified."""
    ours, theirs = case.our_whole, case.their_whole
    found = []
    if ours.rcode != theirs.rcode:
        found.append(Difference('rcode', ours.rcode, theirs.rcode))
    for name, bit in FLAG_NAMES:
        if (ours.flags ^ theirs.flags) & bit:
            found.append(Difference(name, bool(ours.flags & bit), bool(theirs.flags & bit)))
    if (ours.opt is None) != (theirs.opt is None) or ours.opt and ours.opt[2:4] != theirs.opt[2:4]:
        found.append(Difference('opt', ours.opt, theirs.opt))
    for section, of in (('answer', lambda message, served: frozenset(message.answer)), ('soa', negative_soa), ('authority', required_authority),
                        ('glue', glue)):
        mine, other = of(ours, case.served), of(theirs, case.served)
        if mine != other:
            found.append(Difference(section, mine - other, other - mine))
    return found


def record_types(records):
    names = set()
    for record in records:
        name = wire.type_name(record.type)
        if record.type == RRSIG:
            name += '(%s)' % wire.type_name(covered_type(record))
        names.add(name)
    return ' '.join(sorted(names)) or '-'


def signature(case, found):
    """What examples are gathered under."""
    parts = []
    for difference in found:
        if isinstance(difference.ours, frozenset):
            parts.append('%s: only we %s, only they %s' % (difference.section, record_types(difference.ours), record_types(difference.theirs)))
        elif difference.section == 'rcode':
            parts.append('rcode: we %s, they %s' % tuple(wire.RCODE_NAMES.get(rcode, rcode) for rcode in difference[1:]))
        else:
            parts.append('%s: we %s, they %s' % difference)
    rtype = wire.type_name(case.question.type)
    return '%s | %s | %s' % (case.judge, rtype if rtype in ('ANY', 'RRSIG', 'DS', 'NSEC', 'NSEC3', 'NS', 'DNAME', 'CNAME') else '*', '; '.join(parts))


def faults(question, ours, our_whole, limit, served):
    """What is wrong with our answer whatever others say."""
    found = []
    if not ours.flags & wire.QR or ours.flags & (wire.RA | wire.Z | wire.AD):
        found.append('flags %04x' % ours.flags)
    if ours.question != [(question.name, question.type, 1)]:
        found.append('the question does not come back as it was asked')
    if question.transport == 'udp' and ours.size > limit:
        found.append('%d bytes where %d are allowed' % (ours.size, limit))
    if ours.flags & wire.TC and question.transport == 'tcp':
        found.append('TC over TCP')
    if ours.flags & wire.TC and our_whole.size <= limit:
        found.append('TC although the whole answer has %d of %d bytes' % (our_whole.size, limit))
    if question.edns is None and ours.opt is not None:
        found.append('OPT to one who sent none')
    for name, section in (('answer', ours.answer), ('authority', ours.authority), ('additional', ours.additional)):
        if len(set(section)) != len(section):
            found.append('a record twice in the %s section' % name)
    found += _partial_rrsets(ours, served)
    dnssec = question.edns is not None and question.edns[1] & wire.DO
    if not dnssec and question.type not in (ANY, RRSIG, NSEC, NSEC3):
        extra = [record for record in ours.answer + ours.authority + ours.additional if record.type in (RRSIG, NSEC, NSEC3)]
        if extra:
            found.append('DNSSEC records to one who did not ask: ' + record_types(extra))
    for record in ours.additional:
        if not served.holds(record):
            found.append('additional record that no zone holds: %s %s' % (wire.name_text(record.owner), wire.type_name(record.type)))
    return found


def _partial_rrsets(message, served):
    """An RRset is there as a whole or not at all (RFC 2181 5, 9). Checked where its owner has it in a zone: not for what is synthesised."""
    found = []
    for section in (message.answer, message.authority, message.additional):
        groups = {}
        for record in section:
            if record.type != RRSIG:
                groups.setdefault((record.owner, record.type), set()).add(record.rdata)
        for (owner, rtype), rdatas in groups.items():
            sets = [{rdata for _, rdata in zone[owner][rtype]} for zone in served.zones.values() if rtype in zone.get(owner, {})]
            if sets and all(rdatas != whole for whole in sets):
                found.append('a part of %s %s' % (wire.name_text(owner), wire.type_name(rtype)))
    return found
