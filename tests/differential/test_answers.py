"""Portolan beside NSD, Knot DNS and BIND: the same zones, the same questions, every section of every answer compared.

Where answers differ, either differences.TABLE says why we are right, with the RFC that says so, or the test fails and shows what was asked and
what everybody said."""

import lzma
import re

import pytest

import comparison
import differences
import peers
import questions
import tribunal
import wire
import worlds

JUDGES = ('nsd', 'knot', 'bind')
PER_ZONE = 3000


def require_judges():
    missing = [kind for kind in JUDGES if not peers.available(kind)]
    if missing:
        pytest.skip('not here: %s (scripts/peers unpacks them)' % ', '.join(missing))


@pytest.fixture(scope='module')
def generated(tmp_path_factory, portoland):
    require_judges()
    with tribunal.Tribunal(worlds.everything(tmp_path_factory.mktemp('zones')), JUDGES) as running:
        yield running


def assert_good(verdict):
    assert not verdict.unanswered, 'no answer to %d questions, such as %s' % (len(verdict.unanswered), questions.text(verdict.unanswered[0]))
    assert not verdict.faults, 'wrong whatever others say:\n' + tribunal.report(verdict.faults)
    total = sum(len(cases) for cases in verdict.unexplained.values())
    assert not verdict.unexplained, '%d of %d answers differ:\n%s' % (total, verdict.asked, tribunal.report(verdict.unexplained))


class TestGeneratedZones:
    @pytest.mark.parametrize('zone', worlds.names())
    def test_answers(self, generated, zone):
        if wire.name_from_text(zone) not in generated.records:
            pytest.skip('the signer of %s does not take it' % zone)
        asked = generated.about(zone, PER_ZONE)
        assert len(asked) > 30
        assert_good(generated.judge(asked))

    def test_transfers(self, generated):
        """RFC 5936: the same records as from everybody else, the SOA first and last and nowhere else."""
        for zone in generated.zones:
            ours = generated.transfer('portolan', zone.name)
            assert ours[0].type == ours[-1].type == wire.TYPES['SOA'] and ours[0] == ours[-1]
            assert sum(record.type == wire.TYPES['SOA'] for record in ours) == 2
            assert len(set(ours)) == len(ours) - 1, 'a record twice in %s' % zone.name
            for kind in generated.judges:
                theirs = generated.transfer(kind, zone.name)
                assert set(ours) == set(theirs), '%s: %s' % (zone.name, kind)

    def test_optional_data_is_right(self, tmp_path_factory, portoland):
        """With minimal-responses off, what is added must stand in the zones, and the rest must not change."""
        require_judges()
        with tribunal.Tribunal(worlds.everything(tmp_path_factory.mktemp('full')), JUDGES, minimal=False) as running:
            asked = [question for zone in running.zones for question in running.about(zone.name, 300, seed=2)]
            assert_good(running.judge(asked))
            replies, _ = running.ask('portolan', [question for question in asked if question.type == wire.TYPES['MX']])
            assert any(message.additional for message in replies), 'nothing was ever added'


def root_zones():
    return [('root-2017-signed.zone.xz', 6000), ('root-2026082201.zone.xz', 4000)]


@pytest.mark.parametrize('file,count', root_zones())
def test_real_root(tmp_path, portoland, data_directory, file, count):
    require_judges()
    packed = data_directory / 'root' / file
    if not packed.exists():
        pytest.skip('no ' + str(file))
    path = tmp_path / 'root.zone'
    path.write_bytes(lzma.decompress(packed.read_bytes()))
    with tribunal.Tribunal([peers.Zone('.', path)], JUDGES) as running:
        assert_good(running.judge(running.about('.', count)))
        ours = running.transfer('portolan', '.')
        for kind in running.judges:
            assert set(ours) == set(running.transfer(kind, '.')), kind


class TestTheTableItself:
    def test_every_row_names_what_backs_us(self):
        text = open(differences.__file__, encoding='utf-8').read()
        for row in differences.TABLE:
            assert row.holds.__doc__ and re.search(r'RFC \d{4}', row.holds.__doc__), row.name
            assert set(row.judges) <= set(JUDGES), row.name
        assert len({row.name for row in differences.TABLE}) == len(differences.TABLE)
        assert 'return True\n' not in text, 'a row that covers everything judges nothing'

    def test_a_wrong_answer_is_seen(self):
        """The comparison must be able to fail: each spoilt answer differs, and no row justifies it."""
        zone = wire.name_from_text('example.')
        soa = wire.Record(zone, 6, 1, 60, b'\0\0' + bytes(20))
        name = wire.name_from_text('www.example.')
        record = wire.Record(name, 1, 1, 60, b'\xc0\0\2\1')
        served = comparison.Served({zone: [soa, record]})
        question = questions.Question(name, 1, 'udp', None, 0)
        right = wire.Message(1, wire.QR | wire.AA, 0, [(name, 1, 1)], [record], [], [], None, 45)
        spoilt = [right._replace(rcode=3), right._replace(answer=[]), right._replace(answer=[record._replace(ttl=61)]),
                  right._replace(answer=[record._replace(rdata=b'\xc0\0\2\2')]), right._replace(authority=[soa]), right._replace(flags=wire.QR)]
        for wrong in spoilt:
            for kind in JUDGES:
                case = comparison.Case(question, kind, wrong, right, served, {other: right for other in JUDGES})
                found = comparison.differences(case)
                assert any(differences.justification(case, difference) is None for difference in found), wrong
