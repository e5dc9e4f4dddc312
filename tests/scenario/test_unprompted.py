"""RFC 5011 probes and RFC 8145 signals, ten seconds after the start: each alone, both, none. Four resolvers that no other scenario has to wait for: they
start before all others (conftest.py)."""

import time

from driver import ask


def test_probes_and_signals(unprompted):
    signal = '_ta-%04x. NULL' % unprompted.key.ds.key_tag
    time.sleep(max(0, unprompted.began_s + 12 - time.monotonic()))
    seen = {}
    for query in unprompted.stage.queries_seen():
        seen.setdefault(query.source, []).append('%s %s' % (query.name.to_text(), query.type))
    assert {source: sorted(one) for source, one in seen.items()} == {
        '10.53.3.1': [signal], '10.53.3.2': ['. DNSKEY'], '10.53.3.3': ['. DNSKEY', signal]}


def test_which_keys_are_trusted_is_known_by_then(unprompted):
    """What was asked unprompted counts for questions, too."""
    unprompted.stage.seen()
    for number, asked in ((0, ['unprompted: . SOA', 'unprompted: . DNSKEY']), (2, ['unprompted: . SOA'])):
        assert ask('10.53.3.%d' % number, '. SOA', 'rd ad').status == 'NOERROR qr rd ra ad'
        assert unprompted.stage.seen() == asked


def test_they_end_cleanly(unprompted):
    assert [resolver.stop() for resolver in unprompted.resolvers] == [0, 0, 0, 0]
