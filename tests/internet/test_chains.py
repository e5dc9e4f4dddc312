"""Chains of trust through Portolan, checked by others from the lab's anchor down: `delv` and `drill -S`."""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import peers
import pytest

DELV_GOOD = {'positive': '; fully validated', 'negative': '; negative response, fully validated', 'unsigned': '; unsigned answer'}
DRILL_GOOD = ';; Chase successful'


def program(name):
    path = peers.peer_program(name) or shutil.which(name)
    if path is None:
        pytest.skip('no ' + name)
    return path


@pytest.fixture(scope='module')
def delv(world, portolan_resolver, tmp_path_factory):
    """Runs delv for a name and type; returns all that it says."""
    flags, protocol, algorithm, *key = world.anchor.read_text().split('DNSKEY')[1].split()
    anchor = tmp_path_factory.mktemp('delv') / 'anchor'
    anchor.write_text('trust-anchors { . static-key %s %s %s "%s"; };\n' % (flags, protocol, algorithm, ''.join(key)))

    def run(name, rtype):
        command = [program('delv'), '@' + portolan_resolver.address, '-a', str(anchor), '+root=.', name, rtype]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout + done.stderr
    return run


@pytest.fixture(scope='module')
def drill(world, portolan_resolver):
    def run(name, rtype):
        command = [program('drill'), '-S', '-k', str(world.anchor), '@' + portolan_resolver.address, name, rtype]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout + done.stderr
    return run


def signed_leaves(world):
    """One leaf zone for each algorithm and kind of denial that there is."""
    found = {}
    for leaf in world.leaves:
        if leaf['signed']:
            found.setdefault(tuple(leaf['how'][1:]), leaf)
    return found


def test_every_algorithm_is_there(world):
    assert {algorithm for algorithm, _ in signed_leaves(world)} == {5, 7, 8, 10, 13, 14, 15, 16}


QUESTIONS = [('www.', 'A', 'positive'), ('', 'DNSKEY', 'positive'), ('alias.', 'AAAA', 'positive'), ('x.wild.', 'A', 'positive'), ('nothing.', 'A', 'negative'),
             ('www.', 'TXT', 'negative'), ('x.wild.', 'AAAA', 'negative'), ('b.ent.', 'A', 'negative'), ('deep.down.nothing.', 'A', 'negative')]


def test_delv_accepts_the_chains(world, delv):
    """Answers, aliases, wildcards, NXDOMAIN, NODATA, wildcard NODATA, empty non-terminals; each algorithm, NSEC, NSEC3 and opt-out."""
    cases = [(how, label + leaf['name'], rtype, kind) for how, leaf in signed_leaves(world).items() for label, rtype, kind in QUESTIONS
             # opt-out leaves open whether there is a name: what rests on that is not secure (RFC 5155 9.2, 12.2)
             if how[1] != 'optout' or label not in ('nothing.', 'deep.down.nothing.', 'x.wild.')]
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda case: delv(*case[1:3]), cases))
    wrong = ['algorithm %d, %s: %s %s: %s' % (*how, name, rtype, text.strip()) for (how, name, rtype, kind), text in zip(cases, said) if DELV_GOOD[kind] not in text]
    assert not wrong, '\n'.join(wrong)


def test_drill_chases_to_the_anchor(world, drill):
    wrong = []
    for (algorithm, denial), leaf in signed_leaves(world).items():
        for label, rtype, kind in QUESTIONS:
            if kind == 'negative' and denial != 'nsec' or label in ('alias.', 'deep.down.nothing.'):
                continue  # drill follows no alias, and finds no closest encloser by hashes
            said = drill(label + leaf['name'], rtype)
            if DRILL_GOOD not in said:
                wrong.append('algorithm %d, %s: %s%s %s: %s' % (algorithm, denial, label, leaf['name'], rtype, said.strip()))
    assert not wrong, '\n'.join(wrong)


def test_delv_accepts_chains_across_zones(world, delv):
    """An alias into another zone: validated when both are signed, and it says so when the second is not."""
    kinds = set()
    for leaf in world.leaves:
        target = next(other for other in world.leaves if other['name'] == leaf['following'])
        if leaf['signed'] and (target['signed'], leaf['how'][2]) not in kinds:
            kinds.add((target['signed'], leaf['how'][2]))
            said = delv('external.' + leaf['name'], 'A')
            assert '; fully validated' in said and ('; unsigned answer' in said) == (not target['signed']), said
    assert len(kinds) >= 4


def test_what_is_not_signed_is_proven_to_be_so(world, delv):
    """Insecure delegations by NSEC and by opt-out."""
    tops = {}
    for leaf in world.leaves:
        if leaf['how'] is None:
            tops.setdefault(leaf['name'].split('.')[1], leaf)
    assert {'com', 'net', 'org', 'plain'} <= set(tops)
    for leaf in tops.values():
        said = delv('www.' + leaf['name'], 'A')
        assert DELV_GOOD['unsigned'] in said, said


def test_bogus_is_not_accepted(world, delv):
    """The judges of this file can say no."""
    for label in ('expired', 'www-bad-signature', 'ds-wrong-digest', 'dnskey-bad-signature'):
        said = delv('www.%s.broken.' % label, 'A')
        assert 'validated' not in said and 'resolution failed' in said, said
