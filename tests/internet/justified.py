"""The differences between our answers and the judges' that are justified, each with what backs us. Nothing else may differ."""

from collections import namedtuple

import wire

TABLE = []

# fields: in which the difference may be; holds: whether a case is of this class
Row = namedtuple('Row', 'name fields holds')


def row(name, *fields):
    def add(holds):
        TABLE.append(Row(name, fields, holds))
        return holds
    return add


def justification(case, field):
    """The name of the first row that covers the difference, or None."""
    if case.ours is None:
        return None
    for candidate in TABLE:
        if field in candidate.fields and candidate.holds(case):
            return candidate.name
    return None


@row('a judge gave no answer or failed where we resolve', 'rcode', 'AD', 'answer')
def _(case):
    """RFC 9520 3: a failure is remembered for a while; a judge that timed out once repeats SERVFAIL. We are right where the other judge, if it has an
    answer, says what we say."""
    others = [message for kind, message in case.said.items() if kind != 'portolan']
    working = [message for message in others if message is not None and message.rcode != wire.SERVFAIL]
    return len(working) < len(others) and case.ours.rcode != wire.SERVFAIL and not working
