"""TTLs, signatures, failures and expired data follow the wall clock that libc tells; timers do not stop, hang or spin when it jumps."""

import time

import pytest
from authority import DAY_S
from driver import START_S, Clock, Resolver
from stage import Rule, reply, silent
from world import HINTS, SIGNED, World

YEAR_S = 365 * DAY_S


def test_ttls_follow_the_clock(stage, tmp_path):
    """RFC 1035 3.2.1: in answers of data, of negative data (RFC 2308 5), and of signatures (RFC 4034 3)."""
    world = World(SIGNED).serve(stage)
    with Resolver(tmp_path, HINTS, 'trust-anchors: ' + world.anchor()) as resolver:
        assert resolver.ask('www.city.land. A', 'rd do').ttls() == [60]
        assert resolver.ask('nothing.city.land. A', 'rd do').ttls('authority') == [300]
        stage.seen()
        for passed in (1, 30, 28):
            resolver.clock.passes(passed)
            left = START_S + 60 - resolver.clock.now_s
            assert resolver.ask('www.city.land. A', 'rd do').ttls() == [left], 'signatures too'
            assert resolver.ask('nothing.city.land. A', 'rd do').ttls('authority') == [left + 240]
        assert stage.seen() == []
        resolver.clock.passes(1)
        assert resolver.ask('www.city.land. A').ttls() == [60] and stage.seen() == ['city: www.city.land. A']
        resolver.clock.passes(240)
        assert resolver.ask('nothing.city.land. A').ttls('authority') == [300] and stage.seen() == ['city: nothing.city.land. A']


def test_a_ttl_of_zero_is_for_this_answer_alone(stage, tmp_path):
    """RFC 1035 3.2.1."""
    World().serve(stage)
    with Resolver(tmp_path, HINTS) as resolver:
        for asked in (['root: land. A', 'land: city.land. A', 'city: zero.city.land. A'], ['city: zero.city.land. A']):
            assert resolver.ask('zero.city.land. A').answer == ['zero.city.land. 0 A 192.0.2.3']
            assert stage.seen() == asked


def test_ttls_end_with_the_signature(stage, tmp_path):
    """RFC 4035 5.3.3: not the whole hour, when the signature is good for ten minutes only."""
    world = World(SIGNED).serve(stage)
    world.zones['city.land.'].expiration = START_S + 600
    with Resolver(tmp_path, HINTS, 'trust-anchors: %s\nsignature-skew: 0s' % world.anchor()) as resolver:
        assert resolver.ask('mail.city.land. A', 'rd ad').ttls() == [600]
        resolver.clock.passes(599)
        assert resolver.ask('mail.city.land. A', 'rd ad').status == 'NOERROR qr rd ra ad'
        resolver.clock.passes(2)
        expired = resolver.ask('mail.city.land. A', 'rd edns')
        assert expired.rcode == 'SERVFAIL' and expired.errors[0] == 7, 'the server gives the same signature still'


@pytest.mark.parametrize('seconds, code', [(-2 * DAY_S, 8), (0, None), (29 * DAY_S, None), (31 * DAY_S, 7), (YEAR_S * 40, 7)])
def test_signature_times_follow_the_clock(stage, tmp_path, seconds, code):
    """RFC 4034 3.1.5: from a day before the start to thirty days behind it; EDE 8 before, 7 behind (RFC 8914). From the start of the program,
    and when the clock jumps while it runs."""
    world = World(SIGNED).serve(stage)
    for jumps in (False, True):
        with Resolver(tmp_path, HINTS, 'trust-anchors: ' + world.anchor()) as resolver:
            if jumps:
                assert resolver.ask('mail.city.land. A', 'rd ad').has('ad')
            else:
                resolver.stop()
            resolver.clock.passes(seconds)
            if not jumps:
                resolver.start()
            reply_ = resolver.ask('www.city.land. A', 'rd do')
            assert reply_.status == ('NOERROR qr rd ra ad' if code is None else 'SERVFAIL qr rd ra') and reply_.errors[:1] == [code][:code is not None]


def test_failures_are_remembered_by_the_clock(stage, tmp_path):
    """RFC 9520 3.2: five seconds, then ten, then twenty."""
    refuses = Rule('broken.city.land. A', reply('REFUSED', flags=''))
    World().serve(stage, city=[refuses])
    with Resolver(tmp_path, HINTS) as resolver:
        assert resolver.ask('www.city.land. A').rcode == 'NOERROR'
        stage.seen()
        for hold in (5, 10, 20):
            assert resolver.ask('broken.city.land. A').rcode == 'SERVFAIL'
            assert 'city: broken.city.land. A' in stage.seen()
            for passed in (0, hold - 1):
                resolver.clock.passes(passed)
                assert resolver.ask('broken.city.land. A', 'rd edns').errors[-1] == 13, 'Cached Error'
                assert stage.seen() == []
            resolver.clock.passes(1)
        refuses.times = 0
        resolver.clock.passes(60)
        assert resolver.ask('broken.city.land. A').rcode == 'NXDOMAIN'


def test_bogus_data_is_remembered_by_the_clock(stage, tmp_path):
    world = World(SIGNED)
    world.zones['city.land.'].expiration = START_S - 3600
    world.serve(stage)
    with Resolver(tmp_path, HINTS, 'trust-anchors: %s\nbogus-ttl: 30s' % world.anchor()) as resolver:
        assert resolver.ask('www.city.land. A', 'rd edns').errors[0] == 7
        stage.seen()
        world.zones['city.land.'].expiration = START_S + DAY_S
        resolver.clock.passes(29)
        assert resolver.ask('www.city.land. A').rcode == 'SERVFAIL' and stage.seen() == []
        resolver.clock.passes(2)
        assert resolver.ask('www.city.land. A', 'rd ad').status == 'NOERROR qr rd ra ad'


def test_expired_data_for_when_nobody_answers(stage, tmp_path):
    """RFC 8767: for a day after the end of the TTL, with EDE 3, as long as the servers are silent."""
    dead = Rule('* *', silent, times=0)
    World().serve(stage, city=[dead])
    with Resolver(tmp_path, HINTS, 'stale: { serve: yes, client-timeout: 50ms, max-age: 1d, answer-ttl: 30s }\nlimits: { request-time: 500ms }') as resolver:
        assert resolver.ask('www.city.land. A').ttls() == [60]
        dead.times = None
        resolver.clock.passes(61)
        stale = resolver.ask('www.city.land. A', 'rd edns')
        assert stale.answer == ['www.city.land. 30 A 192.0.2.1'] and stale.errors == [3]
        resolver.clock.passes(DAY_S - 10)
        assert resolver.ask('www.city.land. A', 'rd edns').errors[:1] == [3]
        dead.times = 0
        resolver.clock.passes(600)
        assert resolver.ask('www.city.land. A', 'rd edns').ttls() == [60]
        dead.times = None
        resolver.clock.passes(DAY_S + 61)
        assert resolver.ask('www.city.land. A', 'rd edns').rcode == 'SERVFAIL'


def test_no_expired_data_when_it_is_switched_off(stage, tmp_path):
    dead = Rule('* *', silent, times=0)
    World().serve(stage, city=[dead])
    with Resolver(tmp_path, HINTS, 'stale: { serve: no }\nlimits: { request-time: 500ms }') as resolver:
        assert resolver.ask('www.city.land. A').ttls() == [60]
        dead.times = None
        resolver.clock.passes(61)
        assert resolver.ask('www.city.land. A').rcode == 'SERVFAIL'


# ---- jumps ---------------------------------------------------------------------------------------------------------------------------
CLOCKS = {'stopped': (False, False), 'running': (True, False), 'monotonic too': (True, True)}
JUMPS = (0, DAY_S, -DAY_S, 10 * YEAR_S, -20 * YEAR_S, 3600, -61)
IMPATIENT = 'stale: { serve: no }\nlimits: { request-time: 500ms, discard-after: never }'


def is_alive(resolver, stage, number):
    """Answers over UDP and TCP what it knows and what it does not, with TTLs that make sense."""
    for what, words in (('www.city.land. A', 'rd'), ('x%d.wild.city.land. A' % number, 'rd'), ('www.city.land. A', 'rd tcp')):
        reply_ = resolver.ask(what, words)
        assert reply_.rcode == 'NOERROR' and reply_.ttls()[0] <= 300, reply_
    assert 'city: x%d.wild.city.land. A' % number in stage.seen()


def test_jumps(stage, tmp_path):
    """The clock stopped, running, and running with the monotonic clock tied to it: after each jump questions are answered, fresh ones are asked, silent
    servers are given up, and nothing spins. The three at once."""
    World().serve(stage, city=[Rule('dead.city.land. A', silent)])
    running = {}
    for number, (name, how) in enumerate(CLOCKS.items()):
        (tmp_path / name).mkdir()
        address = '10.53.2.%d' % number
        clock = Clock(tmp_path / name, START_S, *how)
        running[name] = Resolver(tmp_path, HINTS, IMPATIENT, clock=clock, address=address, sources=[address])
    try:
        for resolver in running.values():
            resolver.start()
        for number, seconds in enumerate(JUMPS):
            used, began = {name: resolver.cpu_s() for name, resolver in running.items()}, time.monotonic()
            for resolver in running.values():
                resolver.clock.passes(seconds)
                resolver.tool('cache', 'flush', 'dead.city.land.')
            waiting = {name: resolver.asks('dead.city.land. A') for name, resolver in running.items()}
            for name, resolver in running.items():
                is_alive(resolver, stage, number)
                assert waiting[name].reply(5).rcode == 'SERVFAIL', (name, seconds)
            for name, resolver in running.items():
                assert resolver.cpu_s() - used[name] < 0.3 * (time.monotonic() - began) + 0.1, (name, seconds)
    finally:
        assert [resolver.stop() for resolver in running.values()] == [0, 0, 0]
        for resolver in running.values():
            resolver.remove()


@pytest.mark.parametrize('seconds', [DAY_S, -DAY_S, 10 * YEAR_S, -20 * YEAR_S])
def test_a_jump_while_somebody_waits(stage, tmp_path, seconds):
    """With the monotonic clock tied to the other one: whoever waits for a silent server is answered, and so is whoever comes after."""
    World().serve(stage, city=[Rule('dead.city.land. A', silent)])
    clock = Clock(tmp_path, runs=True, monotonic=True)
    with Resolver(tmp_path, HINTS, IMPATIENT, clock=clock) as resolver:
        resolver.ask('www.city.land. A')
        waiting = resolver.asks('dead.city.land. A')
        stage.seen(least=1)
        clock.passes(seconds)
        assert resolver.ask('mail.city.land. A').rcode == 'NOERROR'
        assert waiting.reply(5).rcode == 'SERVFAIL'
        assert resolver.ask('dead.city.land. A').rcode == 'SERVFAIL'


@pytest.mark.parametrize('seconds', [YEAR_S, -YEAR_S])
def test_nothing_is_kept_over_a_year(stage, tmp_path, seconds):
    """max-ttl bounds how long data is kept, also when a clock that ran ahead by a year is set right."""
    World().serve(stage)
    with Resolver(tmp_path, HINTS) as resolver:
        assert resolver.ask('long.city.land. A').ttls() == [DAY_S]
        stage.seen()
        resolver.clock.passes(seconds)
        assert resolver.ask('long.city.land. A').ttls() == [DAY_S]
        assert 'city: long.city.land. A' in stage.seen()
