"""The cache of a resolving server: portolan cache lookup, flush and stats, and its file over restarts."""

import json
import os
import signal

import dns.message
import dns.query
import dns.rcode
import peers
import pytest

ZONE = 'cached.example.'
TEXT = """$TTL 300
@ SOA ns hostmaster 1 3600 900 604800 120
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
www A 192.0.2.3
alias CNAME www
deep.er TXT "a \\"text\\""
"""


@pytest.fixture
def origin(tmp_path):
    path = tmp_path / 'cached.zone'
    path.write_text(TEXT)
    with peers.Portolan([peers.Zone(ZONE, path)], settings='resolver: no\n') as running:
        yield running


def resolving(origin, more=''):
    return peers.Portolan([], settings='resolver:\n  validate: no\n  stub: { %s: ["127.0.0.1:%d"] }\n%s' % (ZONE, origin.port, more))


@pytest.fixture
def server(origin, portolan):
    with resolving(origin) as running:
        running.origin_port = origin.port
        yield running


def ask(server, name, rtype='A', **options):
    query = dns.message.make_query(name + '.' + ZONE if name else ZONE, rtype, **options)
    return dns.query.udp(query, server.address, port=server.port, timeout=5)


def look_up(server, *words):
    run = server.tool('cache', 'lookup', *words, '--json')
    assert run.returncode in (0, 1), run.stderr
    return json.loads(run.stdout)


def kinds(server, name):
    return [(entry['kind'], entry['type']) for entry in look_up(server, name)['entries']]


# ---- lookup ----

def test_lookup_shows_every_entry_of_a_name(server):
    assert ask(server, 'www').rcode() == dns.rcode.NOERROR
    ask(server, 'www', want_dnssec=True)
    ask(server, 'www', 'TXT')
    result = look_up(server, 'WWW.cached.example')
    entries = {(entry['kind'], entry['type'], entry.get('dnssec')): entry for entry in result['entries']}
    assert set(entries) == {('rrset', 'A', None), ('nodata', 'TXT', None), ('answer', 'A', False), ('answer', 'A', True), ('answer', 'TXT', False)}
    rrset = entries['rrset', 'A', None]
    assert sorted(record['rdata'] for record in rrset['records']) == ['192.0.2.2', '192.0.2.3']
    assert {record['owner'] for record in rrset['records']} == {'www.' + ZONE}
    assert 290 <= rrset['ttl'] <= 300 and rrset['lifetime'] == 300 and not rrset['expired']
    assert (rrset['rank'], rrset['security'], rrset['zone']) == ('authoritative', 'indeterminate', ZONE)
    nodata = entries['nodata', 'TXT', None]
    assert nodata['lifetime'] == 120 and nodata['records'][0]['type'] == 'SOA'
    message = entries['answer', 'A', False]['message']
    assert (message['rcode'], message['answer'], message['authenticated']) == ('NOERROR', 2, False)


def test_lookup_of_one_type(server):
    ask(server, 'www')
    ask(server, 'www', 'TXT')
    assert [entry['kind'] for entry in look_up(server, 'www.' + ZONE, 'txt')['entries']] == ['nodata', 'answer']
    assert server.tool('cache', 'lookup', 'www.' + ZONE, 'nonsense').returncode == 1


def test_lookup_in_words(server):
    ask(server, 'www')
    ask(server, 'nowhere')
    ask(server, 'deep.er', 'TXT')
    run = server.tool('cache', 'lookup', 'www.' + ZONE)
    assert run.returncode == 0
    lines = run.stdout.splitlines()
    assert lines[0].startswith('records, A ') and 'an authoritative answer; zone ' + ZONE in lines[0] and ' left of 5 m' in lines[0]
    assert any(line.startswith('    www.%s ' % ZONE) and line.endswith(' A 192.0.2.2') for line in lines)
    assert any(line.startswith('prepared answer, A ') for line in lines)
    assert lines[-1] == 'questions go to the servers configured for %s: 127.0.0.1#%d' % (ZONE, server.origin_port)
    assert server.tool('cache', 'lookup', 'www.elsewhere.example').stdout.endswith('questions go to the root servers of the hints\n')
    assert 'no such name' in server.tool('cache', 'lookup', 'nowhere.' + ZONE).stdout
    assert 'TXT "a \\"text\\""' in server.tool('cache', 'lookup', 'deep.er.' + ZONE).stdout


def test_nothing_known_is_a_no(server):
    run = server.tool('cache', 'lookup', 'www.' + ZONE)
    assert run.returncode == 1
    assert run.stdout.startswith('nothing is known of www.' + ZONE)
    assert server.tool('cache', 'lookup', 'a..b').returncode == 1


def test_a_server_that_does_not_resolve_has_no_cache(origin):
    for words in (['lookup', 'a.'], ['flush', '--all'], ['stats']):
        run = origin.tool('cache', *words)
        assert run.returncode == 2 and 'no cache' in run.stderr


# ---- flush ----

def test_flush_takes_a_name_or_a_tree(server):
    for name in ('www', 'nowhere', 'x.nowhere', ''):
        ask(server, name)
    run = server.tool('cache', 'flush', 'nowhere.' + ZONE)
    assert (run.returncode, run.stdout) == (0, '2 entries forgotten\n')
    assert kinds(server, 'nowhere.' + ZONE) == []
    assert kinds(server, 'x.nowhere.' + ZONE) == [('name-error', None), ('answer', 'A')]
    assert server.tool('cache', 'flush', 'nowhere.' + ZONE, '--tree', '--json').stdout.split() == ['{', '"flushed":', '2', '}']
    assert kinds(server, 'x.nowhere.' + ZONE) == []
    assert kinds(server, 'www.' + ZONE) != []
    assert server.tool('cache', 'flush', '--all').returncode == 0
    assert kinds(server, 'www.' + ZONE) == []
    assert server.tool('cache', 'flush').returncode == 2
    assert server.tool('cache', 'flush', '--all', 'www.').returncode == 2
    assert 'command=cache-flush' in server.log()


def test_what_is_flushed_is_asked_again(origin, server):
    assert {str(record) for record in ask(server, 'www').answer[0]} == {'192.0.2.2', '192.0.2.3'}
    origin.zones[0].file.write_text(TEXT.replace('192.0.2.3', '192.0.2.4').replace('hostmaster 1', 'hostmaster 2'))
    assert origin.tool('zone', 'reload').returncode == 0
    assert {str(record) for record in ask(server, 'www').answer[0]} == {'192.0.2.2', '192.0.2.3'}
    server.tool('cache', 'flush', 'www.' + ZONE)
    assert {str(record) for record in ask(server, 'www').answer[0]} == {'192.0.2.2', '192.0.2.4'}


# ---- stats ----

def test_stats(server):
    ask(server, 'www')
    ask(server, 'www')
    stats = json.loads(server.tool('cache', 'stats', '--json').stdout)
    assert stats['file'] is None
    assert stats['entries']['rrset'] >= 1 and stats['bytes']['rrset'] > 0
    assert stats['entries']['answer'] == 1
    assert stats['answers-from-cache'] >= 1 and stats['answers-resolved'] >= 1
    assert stats['budget'] == 128 << 20
    text = server.tool('cache', 'stats').stdout
    assert 'kept in               memory' in text and 'prepared answers given' in text


# ---- the file ----

def test_the_file_outlives_the_server(origin, tmp_path):
    path = tmp_path / 'cache'
    more = '  cache: { size: 4MiB, file: "%s" }\n' % path
    with resolving(origin, more) as server:
        assert 'cache.empty' in server.log()
        ask(server, 'www')
        assert str(path) in server.tool('cache', 'stats').stdout
    assert path.stat().st_mode & 0o777 == 0o600
    origin.process.send_signal(signal.SIGSTOP)  # nobody is there to be asked
    try:
        with resolving(origin, more) as server:
            assert 'cache.restored' in server.log()
            assert {str(record) for record in ask(server, 'www').answer[0]} == {'192.0.2.2', '192.0.2.3'}
            assert ('rrset', 'A') in kinds(server, 'www.' + ZONE)
    finally:
        origin.process.send_signal(signal.SIGCONT)
    with resolving(origin, more + '  dns64: ["64:ff9b::/96"]\n') as server:
        assert 'cache.flushed' in server.log()
        assert kinds(server, 'www.' + ZONE) == []


def test_two_servers_do_not_share_a_file(origin, tmp_path):
    more = '  cache: { size: 4MiB, file: "%s" }\n' % (tmp_path / 'cache')
    with resolving(origin, more) as first, resolving(origin, more) as second:
        assert 'cache.file-unused' in second.log() and 'another process uses it' in second.log()
        assert ask(second, 'www').rcode() == ask(first, 'www').rcode() == dns.rcode.NOERROR
        assert 'kept in               memory' in second.tool('cache', 'stats').stdout


def test_a_server_killed_leaves_a_good_file(origin, tmp_path):
    path = tmp_path / 'cache'
    more = '  cache: { size: 4MiB, file: "%s" }\n' % path
    server = resolving(origin, more)
    server.start()
    try:
        ask(server, 'www')
        server.process.kill()
        server.process.wait()
    finally:
        server.stop()
        server.remove()
    with resolving(origin, more) as server:
        assert 'cache.restored' in server.log()
        assert ('rrset', 'A') in kinds(server, 'www.' + ZONE)


def test_damage_to_the_file_is_survived(origin, tmp_path):
    path = tmp_path / 'cache'
    more = '  cache: { size: 2MiB, file: "%s" }\n' % path
    with resolving(origin, more) as server:
        for number in range(200):
            ask(server, 'x%d' % number)
    size = path.stat().st_size
    for place in (1, 2, 3, 5, 8, 0):
        with open(path, 'r+b') as file:
            file.seek(size * place // 10 // 8 * 8)
            file.write(os.urandom(5000))
        with resolving(origin, more) as server:
            for number in range(0, 200, 7):
                assert ask(server, 'x%d' % number).rcode() == dns.rcode.NXDOMAIN
            assert place > 0 or 'something else than a cache' in server.log()  # whose file it is can no longer be told
