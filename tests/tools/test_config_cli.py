"""portolan config, help and usage: what people see, and the exit statuses that scripts rely on."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool(portolan):
    def run(*words, given='', timeout_s=60):
        return subprocess.run([portolan, *words], capture_output=True, text=True, timeout=timeout_s, check=False, input=given)
    return run


def write(path, text):
    path.write_text(text)
    return str(path)


# ---- check ----

def test_a_good_file_is_fine(tool, tmp_path):
    file = write(tmp_path / 'good.yaml', 'listen: ["dns://127.0.0.1:5300"]\nzones:\n  example.com: { file: a.zone }\n')
    run = tool('config', 'check', file)
    assert (run.returncode, run.stderr) == (0, '')
    assert '1 zone' in run.stdout


def test_every_error_has_its_place_and_a_caret(tool, tmp_path):
    file = write(tmp_path / 'bad.yaml', 'lisen: []\nzones:\n  example.com: { fil: a.zone }\ntcp:\n  idle-timeout: 10\n')
    run = tool('config', 'check', file)
    assert run.returncode == 1
    places = re.findall(r'^%s:(\d+):(\d+): error: ' % re.escape(file), run.stderr, flags=re.M)
    assert places == [('1', '1'), ('3', '16'), ('3', '18'), ('5', '17')]
    assert 'did you mean listen?' in run.stderr
    assert '    lisen: []\n    ^~~~~\n' in run.stderr
    assert '4 errors' in run.stdout


def test_check_as_json(tool, tmp_path):
    file = write(tmp_path / 'bad.yaml', 'workers: 0\n')
    run = tool('config', 'check', file, '--json')
    result = json.loads(run.stdout)
    assert run.returncode == 1
    assert (result['valid'], result['errors']) == (False, 1)
    finding = result['findings'][0]
    assert (finding['line'], finding['column'], finding['severity'], finding['code']) == (1, 10, 'error', 'bad-value')


def test_a_file_that_cannot_be_read_is_trouble(tool, tmp_path):
    run = tool('config', 'check', str(tmp_path / 'none.yaml'))
    assert run.returncode == 2
    assert 'No such file' in run.stderr
    assert tool('config', 'check', str(tmp_path)).returncode == 2


def test_standard_input(tool):
    assert tool('config', 'check', '-', given='workers: 2\n').returncode == 0
    assert tool('config', 'check', '-', given='workers: x\n').returncode == 1


def test_the_outside_template_is_accepted_as_it_is(tool, tmp_path):
    text = ('listen:\n  - dns://127.0.0.1:5300\nzones:\n  "example.com.": { file: "/z/example.com.zone" }\n  ".": { file: "/z/root" }\n'
            'state: %s/state\ncontrol: %s/control.sock\n' % (tmp_path, tmp_path))
    assert tool('config', 'check', write(tmp_path / 'template.yaml', text)).returncode == 0


@pytest.mark.parametrize('path', sorted(TREE.glob('examples/*.yaml')) + [TREE / 'packaging' / 'portolan.yaml'], ids=lambda path: path.name)
def test_shipped_files_are_good(tool, path):
    run = tool('config', 'check', str(path))
    assert run.returncode == 0, run.stderr


def test_a_hundred_thousand_zones(tool, tmp_path):
    lines = ['zones:'] + ['  d%d.example.com: { file: d%d.zone }' % (i * 7919 % 100000, i) for i in range(100000)]
    file = write(tmp_path / 'many.yaml', '\n'.join(lines) + '\n')
    before = os.times()
    run = tool('config', 'check', file)
    after = os.times()
    assert run.returncode == 0 and '100000 zones' in run.stdout
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    assert cpu_s < 1.5, 'takes %.2f s of CPU' % cpu_s  # 0.25 s in a release build; a document tree takes minutes


# ---- the resolver ----

ANCHOR = '. DS 12345 13 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D'

EVERYTHING = """
resolver:
  allow: [any, "!10.0.0.0/8"]
  root-hints: named.root
  trust-anchors: [builtin, root.key, "%s"]
  negative-trust-anchors: { broken.example: 7d, other.example: none }
  forward: { corp.example: [10.0.0.53, "[::1]:5353"], .: { addresses: [192.0.2.1], fallback: yes } }
  stub: { lab.example: "10.0.0.2:5353" }
  local-data: { p.home.arpa: { A: [10.0.0.7], TXT: '"a b" c', ttl: 5m }, "*.ads.example": nxdomain }
  hosts-files: hosts
  dns64: "64:ff9b::/96"
  deny: [198.51.100.0/24]
  sources: [192.0.2.1, "2001:db8::1"]
  ports: 16384-65535
  cache: { size: 1GiB, file: /var/cache/portolan }
  limits: { discard-after: never }
""" % ANCHOR


def write_everything(tmp_path):
    (tmp_path / 'named.root').write_text('. NS a.root.test.\na.root.test. A 192.0.2.1\n')
    (tmp_path / 'root.key').write_text(ANCHOR + '\n')
    (tmp_path / 'hosts').write_text('10.0.0.7 printer\n')
    return write(tmp_path / 'everything.yaml', EVERYTHING)


def test_errors_of_named_files_have_their_own_places(tool, tmp_path):
    (tmp_path / 'named.root').write_text('. 3600 NS a.root.test.\na.root.test. 3600 A 192.0.2.300\n')
    (tmp_path / 'root.key').write_text('. IN DS 1 2\n. IN A 192.0.2.1\n')
    (tmp_path / 'hosts').write_text('10.0.0.7 a\nb 10.0.0.8\n')
    file = write(tmp_path / 'bad.yaml', 'resolver:\n  root-hints: named.root\n  trust-anchors: root.key\n  hosts-files: [hosts, other]\n'
                 '  qname-minimization: no\n')
    run = tool('config', 'check', file)
    assert run.returncode == 1
    places = {Path(file).name + ':' + line for file, line in re.findall(r'^(\S+):(\d+):\d+: error: ', run.stderr, flags=re.M)}
    assert places == {'bad.yaml:4', 'bad.yaml:5', 'named.root:2', 'root.key:1', 'root.key:2', 'hosts:2'}
    assert 'did you mean qname-minimisation?' in run.stderr
    assert '    a.root.test. 3600 A 192.0.2.300\n                        ^~~~~~~~~~~\n' in run.stderr
    found = json.loads(tool('config', 'check', '--json', file).stdout)
    assert {Path(finding['file']).name for finding in found['findings']} == {'bad.yaml', 'named.root', 'root.key', 'hosts'}


def test_everything_of_the_resolver_loads_again(tool, tmp_path):
    file = write_everything(tmp_path)
    assert tool('config', 'check', file).returncode == 0
    shown = tool('config', 'show', '--effective', file)
    assert shown.returncode == 0, shown.stderr
    assert tool('config', 'show', '--effective', '-', given=shown.stdout).stdout == shown.stdout
    resolver = json.loads(tool('config', 'show', '--json', file).stdout)['resolver']
    assert resolver['root-hints'] == str(tmp_path / 'named.root')
    assert resolver['trust-anchors'] == ['builtin', str(tmp_path / 'root.key'), ANCHOR]
    assert resolver['forward'] == {'corp.example.': ['10.0.0.53', '[::1]:5353'], '.': {'addresses': ['192.0.2.1'], 'fallback': True}}
    assert 'validate' not in resolver


def test_the_schema_knows_the_resolver(tool, tmp_path):
    jsonschema = pytest.importorskip('jsonschema')
    schema = json.loads(tool('config', 'schema').stdout)
    for words in ((), ('--effective', )):
        jsonschema.validate(json.loads(tool('config', 'show', '--json', *words, write_everything(tmp_path)).stdout), schema)
    for good in (False, 'no', None, {'local-data': {'a': 'nodata'}}, {'negative-trust-anchors': ['a']}, {'trust-anchors': 'none'}):
        jsonschema.validate({'resolver': good}, schema)
    for bad in ('maybe', {'alow': []}, {'max-ttl': '500ms'}, {'limits': {'depth': 65}}, {'local-data': {'a': 'gone'}},
                {'forward': {'a': {'fallback': True}}}, {'stub': {'a': {'addresses': ['::1'], 'fallback': True}}}, {'ports': '53'}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({'resolver': bad}, schema)


def test_examples_of_the_manual_are_good(tool, tmp_path):
    for name in ('lab.root', 'hints'):
        (tmp_path / name).write_text('. NS a.root.test.\na.root.test. A 127.0.0.1\n')
    (tmp_path / 'lab.key').write_text(ANCHOR + '\n')
    (tmp_path / 'hosts').write_text('10.0.0.7 printer\n')
    examples = re.findall(r'^```yaml\n(.*?)^```$', (TREE / 'docs' / 'resolver.md').read_text(), flags=re.M | re.S)
    assert len(examples) > 10
    for example in examples:
        run = tool('config', 'check', write(tmp_path / 'example.yaml', example.replace('/etc/hosts', 'hosts')))
        assert (run.returncode, run.stderr) == (0, ''), example


def test_limits_of_the_manual_are_the_defaults(tool):
    """Each row of the table names its keys and their defaults, in the same order."""
    resolver = json.loads(tool('config', 'show', '--effective', '--json', '-').stdout)['resolver']
    flat = {**resolver, **resolver['limits']}
    told = set()
    page = (TREE / 'docs' / 'resolver.md').read_text().split('## Limits')[1]
    for keys, defaults in re.findall(r'^\| (`.*?) \| (.*?) \| .* \|$', page, flags=re.M):
        names = re.findall(r'`([^`]+)`', keys.split(' (of ')[0])
        for name, default in zip(names, defaults.split(', ')):
            assert name in flat
            told.add(name)
            value = {'reply-bytes': '1MiB', 'allow': 'local networks', 'ports': 'all'}.get(name, flat[name])
            assert default == ('on' if value is True else str(value)), name
    assert resolver['limits']['reply-bytes'] == 1 << 20
    assert told >= set(resolver['limits']) - {'bogus-retries'}


def test_the_effective_defaults_are_told(tool):
    resolver = json.loads(tool('config', 'show', '--effective', '--json', '-').stdout)['resolver']
    assert (resolver['enabled'], resolver['allow'], resolver['trust-anchors']) == (True, ['loopback', 'private', 'linklocal'], ['builtin'])
    assert resolver['limits']['upstream-queries'] == 100 and resolver['stale']['serve'] is True
    assert resolver['cache'] == {'size': 128 * 1024 * 1024, 'file': 'none'}


# ---- show, schema, reference ----

def test_effective_settings_are_complete_and_load_again(tool, tmp_path):
    file = write(tmp_path / 'a.yaml', 'zones:\n  example.com: { file: a.zone, allow-transfer: ["2001:db8::/32"] }\nnsid: "yes"\n')
    shown = tool('config', 'show', '--effective', file)
    assert shown.returncode == 0
    again = tool('config', 'show', '--effective', '-', given=shown.stdout)
    assert again.stdout == shown.stdout
    result = json.loads(tool('config', 'show', '--effective', '--json', file).stdout)
    assert result['udp-size'] == 1232
    assert result['tcp']['idle-timeout'] == '10s'
    assert result['zones'] == {'example.com.': {'file': str(tmp_path / 'a.zone'), 'allow-transfer': ['2001:db8::/32']}}


def test_show_prints_only_what_is_set(tool, tmp_path):
    file = write(tmp_path / 'a.yaml', 'workers: 3\n')
    assert json.loads(tool('config', 'show', '--json', file).stdout) == {'workers': 3}


def test_schema_accepts_what_the_server_accepts(tool):
    schema = json.loads(tool('config', 'schema').stdout)
    assert schema['properties']['udp-size']['default'] == 1232
    assert 'tls' not in schema['properties']
    jsonschema = pytest.importorskip('jsonschema')
    effective = json.loads(tool('config', 'show', '--effective', '--json', str(TREE / 'examples' / 'secondaries.yaml')).stdout)
    jsonschema.validate(effective, schema)
    for bad in ({'udp-size': 100}, {'lisen': []}, {'zones': {'a': {}}}, {'tcp': {'idle-timeout': '10'}}, {'listen': ['tls://1.2.3.4']}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)


def test_generated_pages_are_current(tool):
    assert tool('config', 'reference').stdout == (TREE / 'docs' / 'configuration.md').read_text()
    assert tool('config', 'reference', '--manual').stdout == (TREE / 'man' / 'portolan.yaml.5').read_text()


# ---- help and usage ----

COMMANDS = ['config check', 'config show', 'config schema', 'config reference', 'zone check', 'zone format', 'zone diff', 'zone list',
            'zone status', 'zone reload', 'status', 'stats', 'reload', 'query', 'check']


@pytest.mark.parametrize('command', COMMANDS)
def test_every_command_has_help_and_a_place_in_the_manual(tool, command):
    run = tool(*command.split(), '--help')
    assert run.returncode == 0 and run.stdout.startswith('usage: portolan ' + command)
    assert re.search(r'^\.(TP\n)?\.?(BR?I?|B) "?%s\b' % command, (TREE / 'man' / 'portolan.1').read_text(), flags=re.M)


def test_help_lists_every_command(tool):
    run = tool('--help')
    assert run.returncode == 0
    for command in COMMANDS:
        assert re.search(r'^  %s ' % command, run.stdout, flags=re.M)


@pytest.mark.parametrize('words, near', [(('statsu', ), None), (('zone', 'lst'), 'zone list'), (('confg', 'check'), 'config'),
                                         (('config', 'chek'), 'config check'), (('stat', ), None), (('queri', 'x'), 'query')])
def test_unknown_commands(tool, words, near):
    run = tool(*words)
    assert run.returncode == 2 and 'unknown command' in run.stderr and run.stdout == ''
    if near:
        assert 'did you mean "%s"?' % near in run.stderr


@pytest.mark.parametrize('words, message', [
    ((), 'usage'), (('zone', ), 'zone check'), (('config', 'check', 'a', 'b'), 'too many'), (('config', 'show', '--efective'), '--effective'),
    (('zone', 'status'), 'missing'), (('--socket', ), 'needs a path'), (('query', ), 'which name'), (('query', 'a', 'FOO'), 'not a type'),
    (('query', 'a..b'), 'not a domain name'), (('query', 'a', '--port', '0'), '--port'), (('query', 'a', '--port'), 'needs a value'),
    (('query', 'a', '--tcp=yes'), 'takes no value'), (('check', '127.0.0.1:99999'), 'PORT'), (('check', '--timeout', 'x'), '--timeout'),
])
def test_wrong_usage_is_status_2(tool, words, message):
    run = tool(*words)
    assert run.returncode == 2
    assert message in run.stderr


def test_version(tool):
    run = tool('--version')
    assert run.returncode == 0 and re.fullmatch(r'portolan \d+\.\d+\.\d+\n', run.stdout)


def test_no_server_is_trouble(tool, tmp_path):
    for command in (['status'], ['stats'], ['zone', 'list'], ['reload']):
        run = tool('--socket', str(tmp_path / 'none.sock'), *command)
        assert run.returncode == 2 and 'no server answers' in run.stderr
