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
