"""The differences between our answers and other servers' that are justified, each with what backs us. Nothing else may differ.

A row covers a difference in the sections it names when its function, given the case and the difference, says so. A row that a judge's own
opinion is behind asks, where it can, that another judge says what we say: `backed(case, difference)`.
"""

from collections import namedtuple

import comparison
import wire
from comparison import AAAA, ANY, A, CNAME, DNAME, DS, NS, NSEC, NSEC3, RRSIG, SOA  # noqa: F401

TABLE = []
EVERYWHERE = ('rcode', 'AA', 'answer', 'soa', 'authority', 'glue')
HOPS_MAX = 16  # names of a chain that we follow; documented in docs/operations.md

# judges: those whose answers differ; sections: where; holds: whether it is this class, given the case and the difference
Row = namedtuple('Row', 'name judges sections holds')


def row(name, judges, sections):
    def add(holds):
        TABLE.append(Row(name, judges.split(), sections, holds))
        return holds
    return add


def justification(case, difference):
    """The name of the first row that covers the difference, or None."""
    for candidate in TABLE:
        if case.judge in candidate.judges and difference.section in candidate.sections and candidate.holds(case, difference):
            return candidate.name
    return None


def backed(case, difference):
    """Whether another judge says exactly what we say in the section that differs."""
    return any(difference.section not in [other.section for other in comparison.differences(case._replace(judge=kind, their_whole=message))]
               for kind, message in case.others.items() if kind != case.judge and message is not None)


def chain(message, name):
    """The names that the answer's aliases lead through, from the name asked for on."""
    targets = {record.owner: record.rdata for record in message.answer if record.type == CNAME}
    names = [name.lower()]
    while names[-1] in targets and len(names) <= len(targets):
        names.append(targets[names[-1]])
    return names


def our_chain(case):
    return chain(case.our_whole, case.question.name)


def is_signed(case, zone):
    return any(DNSKEY in types for types in [case.served.zones[zone].get(zone, {})])


DNSKEY = wire.TYPES['DNSKEY']


@row('CD is cleared', 'bind', ('CD',))
def _(case, difference):
    """RFC 4035 3.1.6: an authoritative server SHOULD clear CD. BIND copies it."""
    return not difference.ours and case.question.flags & wire.CD


@row('DS of unsigned zones', 'nsd knot bind', ('authority',))
def _(case, difference):
    """RFC 4035 3.1.4: a DS RRset that is at the delegation goes with the referral when DO is set. The others leave it out where the parent is
    not signed."""
    zone = case.served.zone_of(our_chain(case)[-1])
    return not difference.theirs and {record.type for record in difference.ours} == {DS} and not is_signed(case, zone)


@row('chains across zones', 'knot bind', EVERYWHERE)
def _(case, difference):
    """RFC 1034 4.3.2 step 3a: after a CNAME go back to step 1, which looks for the nearest zone among all that are served; RFC 6604 3: the RCODE
    is that of the last name. Knot and BIND stop where the first zone ends, and what they say until then we say too."""
    names, theirs = our_chain(case), chain(case.their_whole, case.question.name)
    first = case.served.zone_of(case.question.name, case.question.type == DS)
    return (names[:len(theirs)] == theirs and len(theirs) > 1 and case.served.zone_of(theirs[-1]) not in (first, None)
            and frozenset(case.their_whole.answer) <= frozenset(case.our_whole.answer) and case.their_whole.rcode == 0)


@row('loops and long chains', 'nsd knot bind', ('rcode', 'answer', 'soa', 'authority'))
def _(case, difference):
    """RFC 1034 3.6.2: software should not fail at chains and loops. How much of one that never ends is shown no RFC says: we follow 16 names and
    stop at one already seen. BIND says SERVFAIL at the end of it, others show more or less."""
    names = our_chain(case)
    endless = len(set(names)) < len(names) or len(names) > HOPS_MAX
    ours, theirs = frozenset(case.our_whole.answer), frozenset(case.their_whole.answer)
    return endless and (ours <= theirs or theirs <= ours) and all(record.type in (CNAME, DNAME, RRSIG) for record in ours | theirs)


@row('chains of more than five names', 'knot', EVERYWHERE)
def _(case, difference):
    """RFC 1034 4.3.2 step 3a sets no bound; RFC 6604 3: the RCODE is that of the last name. Knot gives up after five aliases."""
    ours, theirs = our_chain(case), chain(case.their_whole, case.question.name)
    return len(theirs) == 6 and len(ours) > 6 and ours[:6] == theirs and case.their_whole.rcode == 0 and backed(case, difference)


@row('YXDOMAIN', 'knot', ('rcode', 'soa', 'authority'))
def _(case, difference):
    """RFC 6672 2.2, 3.2: a substitution that overflows is YXDOMAIN, and the server is done. Knot says NXDOMAIN, with SOA."""
    return case.our_whole.rcode == wire.YXDOMAIN and case.their_whole.rcode == wire.NXDOMAIN and backed(case, difference)


@row('minimal ANY', 'nsd knot bind', ('answer',))
def _(case, difference):
    """RFC 8482 4.1: one of the RRsets at the name, with its signatures where DO is set, answers ANY. Which one the server chooses."""
    ours = [record for record in case.our_whole.answer if record.type not in (RRSIG, CNAME, DNAME)]
    held = all(case.served.holds(record) for record in ours)
    return case.question.type == ANY and case.their_whole.answer and held and (
        len({record.type for record in ours}) == 1 or not ours and not difference.ours)


@row('minimal RRSIG', 'nsd bind', ('answer',))
def _(case, difference):
    """RFC 8482 7: questions for RRSIG are like those for ANY; the signatures of one RRset answer."""
    return case.question.type == RRSIG and not difference.ours and any(record.type == RRSIG for record in case.our_whole.answer)


@row('NSEC3 owners are not names', 'nsd', EVERYWHERE)
def _(case, difference):
    """RFC 5155 7.2.8: NSEC3 owner names do not exist as far as answers go. NSD takes them for empty names, and wildcards do not match there."""
    zone = case.served.zone_of(our_chain(case)[-1])
    owners = {owner for owner, types in case.served.zones[zone].items() if NSEC3 in types} if zone is not None else ()
    return any(wire.is_below(name, owner) for name in our_chain(case) for owner in owners) and backed(case, difference)


@row('TTL of the SOA', 'bind', ('soa',))
def _(case, difference):
    """RFC 2308 3: the SOA of a negative answer has the lesser of its TTL and its MINIMUM, whatever was asked. BIND sets it to 0 when SOA was."""
    def rest(records):
        return {record._replace(ttl=0) for record in records}
    return case.question.type == SOA and rest(difference.ours) == rest(difference.theirs) and {record.ttl for record in difference.theirs} == {0}


@row('NSEC at a zone cut', 'bind', EVERYWHERE)
def _(case, difference):
    """RFC 1034 4.3.2 step 3b: at a cut the answer is a referral; RFC 4035 3.1.4.1 excepts DS and nothing else. BIND gives the NSEC of the cut."""
    zone = case.served.zone_of(our_chain(case)[-1])
    return case.question.type == NSEC and case.served.cut_above(zone, our_chain(case)[-1]) is not None and backed(case, difference)


@row('all the glue', 'nsd bind', ('glue',))
def _(case, difference):
    """RFC 9471 2.1: a referral carries the addresses of all name servers below the cut, or TC. NSD and BIND leave some out without TC."""
    return not difference.theirs


@row('wildcard that is an empty non-terminal', 'nsd knot bind', ('authority',))
def _(case, difference):
    """RFC 4035 3.1.3.4: where a wildcard has not the type, its NSEC or the one that covers it is needed to say so, also when the wildcard is
    there only because of names below it (RFC 4592 2.2.2). The others leave it out."""
    name = our_chain(case)[-1]
    zone = case.served.zone_of(name)
    wildcard = case.served.wildcard(zone, name)
    return (not difference.theirs and case.our_whole.rcode == 0 and wildcard != name and case.served.exists(zone, wildcard)
            and wildcard not in case.served.zones[zone] and {record.type for record in difference.ours} == {NSEC, RRSIG})


@row('wildcard answers to names with an asterisk', 'knot', ('authority',))
def _(case, difference):
    """RFC 5155 7.2.6: an answer from a wildcard proves that the next closer name does not exist, also when the name itself begins with an
    asterisk. Knot takes that one for the wildcard."""
    name = our_chain(case)[-1]
    zone = case.served.zone_of(name)
    return not difference.theirs and wire.labels_of(name)[0] == b'*' and not case.served.exists(zone, name) and backed(case, difference)


@row('aliases where there is no NSEC', 'nsd knot bind', EVERYWHERE)
def _(case, difference):
    """RFC 1034 4.3.2 step 3a: an alias is followed unless the node has the type asked for; that NSEC may stand beside a CNAME (RFC 4035 2.5) matters
    only where one does, and NSEC3 never does (RFC 5155 7.2.8). Knot and BIND follow no alias when NSEC is asked for, NSD none for NSEC3."""
    asked = {'nsd': NSEC3, 'knot': NSEC, 'bind': NSEC}[case.judge]
    ours, theirs = our_chain(case), chain(case.their_whole, case.question.name)
    return case.question.type == asked and len(ours) > len(theirs) and ours[:len(theirs)] == theirs


@row('signatures at an alias', 'nsd', ('rcode', 'answer', 'soa', 'authority'))
def _(case, difference):
    """RFC 4035 2.5: RRSIG stands beside CNAME, so an alias answers a question for RRSIG itself, be it with none. NSD follows it where none is."""
    ours, theirs = our_chain(case), chain(case.their_whole, case.question.name)
    return case.question.type == RRSIG and len(theirs) > len(ours) and theirs[:len(ours)] == ours


@row('aliases asked for below a DNAME', 'nsd knot bind', EVERYWHERE)
def _(case, difference):
    """RFC 6672 3.2 step 3C: the CNAME that a DNAME makes is put into the answer, and the search goes back to step 1, whatever was asked. The others
    stop when CNAME or ANY was."""
    ours, theirs = our_chain(case), chain(case.their_whole, case.question.name)
    return (case.question.type in (CNAME, ANY) and any(record.type == DNAME for record in case.our_whole.answer) and len(theirs) > 1
            and ours[:len(theirs)] == theirs and frozenset(case.their_whole.answer) <= frozenset(case.our_whole.answer))


@row('proofs at the end of a chain', 'nsd', ('authority',))
def _(case, difference):
    """RFC 4035 3.1.3: the proofs that the last name of a chain needs are the same as if it had been asked for. NSD leaves some out."""
    return len(our_chain(case)) > 1 and {record.type for record in difference.ours | difference.theirs} <= {NSEC, NSEC3, RRSIG} and backed(case, difference)


@row('no proof but the one that matches', 'nsd', ('authority',))
def _(case, difference):
    """RFC 5155 7.2.3, RFC 4035 3.1.3.1: where the name exists, and be it a wildcard, the record at its name or hash says all. NSD adds another."""
    name = our_chain(case)[-1]
    zone = case.served.zone_of(name)
    return not difference.ours and name.startswith(b'\x01*') and case.served.exists(zone, name) and backed(case, difference)


@row('closest provable encloser', 'knot', ('AA', 'soa', 'authority'))
def _(case, difference):
    """RFC 5155 7.2.1, 7.2.2: below an empty non-terminal that only insecure delegations make, the closest encloser that can be proven is further up.
    Knot finds none and sends an empty NXDOMAIN."""
    theirs = case.their_whole
    return case.our_whole.rcode == theirs.rcode == wire.NXDOMAIN and not theirs.answer + theirs.authority and backed(case, difference)


@row('proofs for a name below a provable encloser', 'nsd', ('authority',))
def _(case, difference):
    """RFC 5155 7.2.1: as above. NSD takes the empty non-terminal, which has no NSEC3, for the closest encloser."""
    zone = case.served.zone_of(our_chain(case)[-1])
    opted_out = any(rdata[1] & 1 for types in case.served.zones[zone].values() for _, rdata in types.get(NSEC3, ()))
    return opted_out and {record.type for record in difference.ours | difference.theirs} == {NSEC3, RRSIG} and backed(case, difference)


@row('negative answers have the SOA', 'knot', ('soa', 'authority'))
def _(case, difference):
    """RFC 2308 2.1, 2.2, 3: the SOA goes with NXDOMAIN and NODATA, at the end of a chain too, with the proofs (RFC 4035 3.1.3). Knot sends none
    where a DNAME leads to a name of many bytes."""
    return (not case.their_whole.authority and SOA in {record.type for record in case.our_whole.authority} and len(our_chain(case)) > 1
            and our_chain(case) == chain(case.their_whole, case.question.name) and backed(case, difference))


@row('answers that a wildcard makes are proven', 'knot', ('authority',))
def _(case, difference):
    """RFC 4035 3.1.3.3: an answer that a wildcard made goes with the proof that there is no closer name, whatever type was asked. Knot sends none with
    NSEC and RRSIG."""
    return case.question.type in (NSEC, RRSIG) and not difference.theirs and case.their_whole.answer and backed(case, difference)


@row('zones without their signatures', 'bind', ('answer', 'soa', 'authority'))
def _(case, difference):
    """RFC 4035 3.1.3, 3.1.4: NSEC and DS, and what RRSIGs are there, go with the answer when DO is set. The published 2026 root has NSEC records, and of
    the signatures only those of SOA and ZONEMD; BIND then answers as if the zone had never been signed."""
    zone = case.served.zone_of(our_chain(case)[-1])
    apex = case.served.zones[zone].get(zone, {})
    has_signed_nsec = any(rdata[:2] == b'\0\x2f' for _, rdata in apex.get(RRSIG, ()))
    return (NSEC in apex and not has_signed_nsec and {record.type for record in difference.ours} <= {DS, NSEC, RRSIG, SOA}
            and {record.type for record in difference.theirs} <= {SOA} and backed(case, difference))
