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


@row('AD beside CD', 'AD')
def _(case):
    """RFC 4035 3.2.3: AD says that all of the answer is authentic, whether the client wanted it checked or not. The judges do not check for CD, and say
    AD when they have checked before; with CD clear they say so too."""
    return case.question.flags & wire.CD and case.checked is not None and bool(case.ours.flags & wire.AD) == bool(case.checked.flags & wire.AD)
