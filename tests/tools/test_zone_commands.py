"""portolan zone check, format and diff: exit statuses, messages with their caret, JSON, standard input, unreadable files."""

import json
import os
import subprocess

import pytest

GOOD = '$TTL 60\n@ SOA ns h 7 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n'


@pytest.fixture
def zone(portolan, tmp_path):
    """Runs a zone command in a directory of its own; words that are (name, text) pairs become files."""
    def run(*words, stdin=None):
        arguments = []
        for word in words:
            if isinstance(word, tuple):
                (tmp_path / word[0]).write_bytes(word[1] if isinstance(word[1], bytes) else word[1].encode())
                word = word[0]
            arguments.append(word)
        return subprocess.run([portolan, 'zone', *arguments], input=stdin, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    return run


# ---- check ----------------------------------------------------------------------------------------------------------
def test_good_zone(zone):
    run = zone('check', 'x.example', ('a.zone', GOOD))
    assert (run.returncode, run.stderr) == (0, '')
    assert run.stdout == 'zone x.example. is fine: serial 7, 3 records, 2 names\n'


def test_warnings_leave_it_good(zone):
    run = zone('check', 'x.example', ('a.zone', GOOD + 'a_b A 192.0.2.2\n'))
    assert run.returncode == 0
    assert run.stdout == 'zone x.example. is fine: serial 7, 4 records, 3 names, 1 warning\n'
    assert run.stderr == ('a.zone:5:1: warning: a_b.x.example.: an address at a name that is not the name of a host [bad-host-name]\n'
                          '    a_b A 192.0.2.2\n'
                          '    ^~~\n')
    quiet = zone('check', '--quiet', '--policy', 'bad-host-name=ignore', 'x.example', 'a.zone')
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, '', '')
    assert zone('check', '--policy=bad-host-name=error', 'x.example', 'a.zone').returncode == 1


def test_all_errors_with_place_and_caret(zone):
    run = zone('check', 'x.example', ('a.zone', GOOD + 'www\tCNAEM ns\nwww A 192.0.2.256\nwww CNAME ns\nwww TXT x\n'))
    assert run.returncode == 1
    assert run.stdout == 'zone x.example. cannot be loaded: 3 errors\n'
    assert run.stderr == ('a.zone:5:5: error: unknown record type "CNAEM"\n'
                          '    www\tCNAEM ns\n'
                          '       \t^~~~~\n'
                          '  hint: did you mean CNAME?\n'
                          'a.zone:6:7: error: A: IPv4 address expected, got "192.0.2.256"\n'
                          '    www A 192.0.2.256\n'
                          '          ^~~~~~~~~~~\n'
                          'a.zone:8:1: error: www.x.example.: TXT beside a CNAME [cname-and-other-data]\n'
                          '    www TXT x\n'
                          '    ^~~\n'
                          '  hint: a name with a CNAME is an alias: all its data stand at the target\n')


def test_json(zone):
    run = zone('check', '--json', 'x.example', ('a.zone', (GOOD + 'm\xfcller A 192.0.2.2\n').encode('latin1')))
    report = json.loads(run.stdout)
    assert run.returncode == 0 and run.stderr == ''
    assert (report['zone'], report['file'], report['loadable'], report['serial']) == ('x.example.', 'a.zone', True, 7)
    assert (report['records'], report['names'], report['errors'], report['warnings']) == (4, 3, 0, 1)
    assert [(f['severity'], f['code'], f['line'], f['column']) for f in report['findings']] == [('warning', 'bad-host-name', 5, 1)]
    run = zone('check', '--json', 'x.example', ('b.zone', GOOD + 'a A\n'))
    report = json.loads(run.stdout)
    assert run.returncode == 1
    assert (report['loadable'], report['errors'], report['findings'][0]['code']) == (False, 1, 'bad-rdata')


def test_standard_input(zone):
    assert zone('check', 'x.example', '-', stdin=GOOD).returncode == 0
    run = zone('check', 'x.example', '-', stdin=GOOD + 'a A\n')
    assert run.returncode == 1 and '/dev/stdin:5:4: error: ' in run.stderr
    # findings about data have no second look at a pipe, and do not wait for one
    assert zone('check', 'x.example', '-', stdin=GOOD + 'a_b A 192.0.2.2\n').returncode == 0


@pytest.mark.parametrize('words', [
    ['check'], ['check', 'x.example'], ['check', 'x.example', 'none.zone'], ['check', 'x.example', '.'], ['check', 'a..b', 'a.zone'],
    ['check', '--no-such', 'x.example', 'a.zone'], ['check', '--policy', 'x.example', 'a.zone'], ['check', 'x.example', 'a.zone', '--policy'],
    ['check', '--policy', 'no-soa=fatal', 'x.example', 'a.zone'], ['check', '--policy', 'no-sao=error', 'x.example', 'a.zone'],
    ['check', '--class', 'XX', 'x.example', 'a.zone'], ['check', '--time', 'now', 'x.example', 'a.zone'],
    ['check', 'x.example', 'a.zone', 'b.zone'], ['format'], ['format', 'x.example', 'none.zone'], ['format', '--json', 'x.example', 'a.zone'],
    ['diff', 'a.zone'], ['diff', 'x.example', 'a.zone', 'none.zone'], ['diff', 'none.zone', 'a.zone'],
])
def test_trouble_is_status_2(zone, tmp_path, words):
    (tmp_path / 'a.zone').write_text(GOOD)
    run = zone(*words)
    assert run.returncode == 2
    assert run.stdout == '' or 'cannot be loaded' in run.stdout
    assert run.stderr != ''


def test_mistyped_check_is_suggested(zone):
    assert 'did you mean no-soa?' in zone('check', '--policy', 'no-sao=error', 'x.example', ('a.zone', GOOD)).stderr


def test_list_of_checks(zone):
    """Every code that the policy takes, with what it counts as now."""
    run = zone('check', '--list')
    assert (run.returncode, run.stderr) == (0, '')
    actions = {line.split()[0]: line.split()[1] for line in run.stdout.splitlines()}
    assert (actions['no-soa'], actions['missing-glue'], actions['orphan-glue']) == ('error', 'warning', 'ignore')
    checks = json.loads(zone('check', '--json', '--list', '--policy', 'orphan-glue=error').stdout)
    assert {check['code'] for check in checks} == set(actions)
    assert [check['action'] for check in checks if check['code'] == 'orphan-glue'] == ['error']
    for code in actions:
        assert zone('check', '--policy', code + '=ignore', '--list').returncode == 0


@pytest.mark.skipif(os.geteuid() == 0, reason='root reads everything')
def test_unreadable_file(zone, tmp_path):
    (tmp_path / 'a.zone').write_text(GOOD)
    (tmp_path / 'a.zone').chmod(0)
    run = zone('check', 'x.example', 'a.zone')
    assert run.returncode == 2 and 'a.zone: error: cannot be read: Permission denied' in run.stderr


# ---- format ---------------------------------------------------------------------------------------------------------
def test_format(zone):
    run = zone('format', 'X.example', ('a.zone', GOOD + '$ORIGIN SUB.x.example.\nB TYPE65400 \\# 2 AB cd\n  TXT "a b" c\na MX 5 MAIL\n'))
    assert (run.returncode, run.stderr) == (0, '')
    assert run.stdout == ('x.example.\t60\tIN\tSOA\tns.x.example. h.x.example. 7 2 3 4 5\n'
                          'x.example.\t60\tIN\tNS\tns.x.example.\n'
                          'ns.x.example.\t60\tIN\tA\t192.0.2.1\n'
                          'a.sub.x.example.\t60\tIN\tMX\t5 mail.sub.x.example.\n'
                          'b.sub.x.example.\t60\tIN\tTXT\t"a b" "c"\n'
                          'b.sub.x.example.\t60\tIN\tTYPE65400\t\\# 2 ABCD\n')
    assert zone('format', '.', ('b.zone', run.stdout)).returncode == 1  # no SOA at the root
    assert zone('format', 'x.example', 'b.zone').stdout == run.stdout


def test_format_of_a_bad_zone_writes_nothing(zone):
    run = zone('format', 'x.example', ('a.zone', GOOD + 'a A\n'))
    assert run.returncode == 1 and run.stdout == '' and 'a.zone:5:4: error' in run.stderr


def test_full_disk_is_told(portolan, tmp_path):
    (tmp_path / 'a.zone').write_text(GOOD)
    with open('/dev/full', 'w', encoding='ascii') as full:
        run = subprocess.run([portolan, 'zone', 'format', 'x.example', tmp_path / 'a.zone'], stdout=full, stderr=subprocess.PIPE, text=True,
                             check=False, timeout=60)
    assert run.returncode == 2 and 'No space left on device' in run.stderr


# ---- diff -----------------------------------------------------------------------------------------------------------
def test_diff(zone):
    same = zone('diff', 'x.example', ('a.zone', GOOD), ('b.zone', '$ORIGIN x.example.\n' + GOOD.replace('\nns A', '\nNS 60 IN A')))
    assert (same.returncode, same.stdout) == (0, '')
    assert same.stderr == 'serial 7 -> 7: 0 removed, 0 added\n'
    changed = GOOD.replace(' 7 2', ' 8 2').replace('192.0.2.1', '192.0.2.2') + 'a 5 TXT x\n'
    run = zone('diff', 'x.example', 'a.zone', ('c.zone', changed))
    assert run.returncode == 1
    assert run.stdout == ('- x.example.\t60\tIN\tSOA\tns.x.example. h.x.example. 7 2 3 4 5\n'
                          '+ x.example.\t60\tIN\tSOA\tns.x.example. h.x.example. 8 2 3 4 5\n'
                          '+ a.x.example.\t5\tIN\tTXT\t"x"\n'
                          '- ns.x.example.\t60\tIN\tA\t192.0.2.1\n'
                          '+ ns.x.example.\t60\tIN\tA\t192.0.2.2\n')
    assert run.stderr == 'serial 7 -> 8: 2 removed, 3 added\n'
    ttl = zone('diff', '--quiet', 'x.example', 'c.zone', ('d.zone', changed.replace('a 5', 'a 6')))
    assert ttl.returncode == 1
    assert ttl.stdout == '- a.x.example.\t5\tIN\tTXT\t"x"\n+ a.x.example.\t6\tIN\tTXT\t"x"\n'
    assert ttl.stderr == ''


def test_diff_finds_the_apex(zone):
    text = '$ORIGIN x.example.\n' + GOOD
    assert zone('diff', ('a.zone', text), ('b.zone', text)).returncode == 0
    assert zone('diff', 'a.zone', ('c.zone', text + 'a A 192.0.2.1\n')).stdout == '+ a.x.example.\t60\tIN\tA\t192.0.2.1\n'
    run = zone('diff', ('d.zone', 'a. 1 A 192.0.2.1\n'), 'a.zone')
    assert run.returncode == 2 and 'no SOA' in run.stderr


def test_diff_of_a_bad_zone(zone):
    run = zone('diff', 'x.example', ('a.zone', GOOD), ('b.zone', GOOD + 'a A\n'))
    assert run.returncode == 2 and run.stdout == '' and 'b.zone:5:4: error' in run.stderr
