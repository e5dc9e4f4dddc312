"""Portolan beside Unbound and Knot Resolver in the closed internet: the same questions, the same RCODEs, AD bits and answers."""

import os

import asking
import judgement
import pytest
import topics
import wire

COUNT = int(os.environ.get('PORTOLAN_QUESTIONS', 10000))


@pytest.fixture(scope='module')
def resolvers(portolan_resolver, unbound, kresd):
    return {'portolan': portolan_resolver, 'unbound': unbound, 'kresd': kresd}


def check(verdict):
    print('%d questions; in %d of their fields at least one judge says what we say; justified: %s' % (verdict.asked, verdict.agreed, dict(verdict.justified)))
    text = judgement.report(verdict.faults) + '\n' + judgement.report(verdict.unexplained)
    assert not verdict.faults and not verdict.unexplained, text


def test_answers_to_many_questions_are_the_judges(world, resolvers):
    check(judgement.judge(resolvers, topics.about(world, COUNT)))


def test_answers_out_of_the_cache_are_the_same(world, resolvers):
    """Each question in four dresses, in an order that another seed has drawn: what one left in the cache answers the other."""
    base = topics.about(world, COUNT // 20, seed=5)
    dressed = [question._replace(flags=flags, edns=edns) for question in base
               for flags, edns in ((wire.RD, (1232, wire.DO)), (wire.RD, (1232, 0)), (wire.RD | wire.CD, (1232, wire.DO)), (wire.RD | wire.AD, None))]
    check(judgement.judge(resolvers, dressed))


def state(message):
    if message is None:
        return 'none'
    if message.rcode not in (wire.NOERROR, wire.NXDOMAIN):
        return 'servfail' if message.rcode == wire.SERVFAIL else wire.RCODE_NAMES.get(message.rcode, str(message.rcode))
    return 'secure' if message.flags & wire.AD else 'insecure'


def test_broken_zones_come_to_what_they_must(world, resolvers):
    """Every wound of wounds.py and every oddity of odd.py: secure, insecure or SERVFAIL, as they say there. The judges' opinions stand beside."""
    asked = [asking.ask(label + name, 'A', edns=(1232, wire.DO)) for name in world.broken for label in ('www.', 'nothing.')]
    expected = [answer for answers in world.broken.values() for answer in answers]
    said = asking.ask_all(resolvers['portolan'].address, asked, window=400)
    wrong = [i for i, message in enumerate(said) if message is None or expected[i] not in ('open', state(message))]
    judges = {kind: asking.ask_all(server.address, [asked[i] for i in wrong], window=400) for kind, server in resolvers.items() if wrong and kind != 'portolan'}
    lines = ['%s must be %s\n    portolan  %s\n%s' % (wire.name_text(asked[i].name), expected[i], asking.describe(said[i]), '\n'.join(
        '    %-9s %s' % (kind, asking.describe(messages[number])) for kind, messages in judges.items())) for number, i in enumerate(wrong)]
    assert not wrong, '\n'.join(lines)


def test_failures_explain_themselves(world, portolan_resolver):
    """Every SERVFAIL for a broken zone carries an extended error (RFC 8914) with a text."""
    asked = [asking.ask('www.' + name, 'A', edns=(1232, wire.DO)) for name, expected in world.broken.items() if expected[0] == 'servfail']
    mute = [wire.name_text(question.name) for question, message in zip(asked, asking.ask_all(portolan_resolver.address, asked, window=400))
            if message is None or not any(code == 15 and len(value) > 2 for code, value in message.opt[4])]
    assert not mute, 'no extended error with a text: ' + ', '.join(mute)


def test_what_cannot_be_validated_is_given_to_those_who_check_themselves(world, resolvers):
    """CD (RFC 4035 3.2.2): bogus data is data. All three must agree on the records."""
    labels = ('expired', 'not-yet', 'no-signatures', 'not-signed', 'www-unsigned', 'www-bad-signature', 'ds-wrong-digest', 'ds-wrong-tag', 'dnskey-unsigned')
    asked = [asking.ask('www.%s.broken.' % label, 'A', flags=wire.RD | wire.CD, edns=(1232, wire.DO)) for label in labels]
    for i, message in enumerate(asking.ask_all(resolvers['portolan'].address, asked)):
        assert message is not None and message.rcode == 0 and message.answer and not message.flags & wire.AD, '%s: %s' % (labels[i], asking.describe(message))


def test_nothing_that_was_slipped_in_is_believed(world, resolvers):
    """poisons.broken. adds records of other zones to all its answers (RFC 2181 5.4.1)."""
    asked = [asking.ask('www.poisons.broken.'), asking.ask('www.poisons.broken.', 'TXT'), asking.ask('www.victim.com.'), asking.ask('com.', 'NS'),
             asking.ask('a.root-servers.net.')]
    for question, message in [(question, asking.ask_all(resolvers['portolan'].address, [question])[0]) for question in asked]:
        assert message is not None
        records = message.answer + message.authority + message.additional
        assert not any(record.rdata == bytes([66, 66, 66, 66]) or b'\x07poisons' in record.rdata for record in records if b'\x07poisons' not in record.owner), asking.text(question)
