"""The sets of zones that are served together in the differential tests."""

import peers
import zones

SIGNERS = ('bind', 'ldns', 'knot')
DENIALS = ('nsec', 'nsec3', 'optout')


def _write(directory, name, text):
    path = directory / (name + 'zone')
    path.write_text(text)
    return path


def unsigned(directory):
    """A rich zone with a child and a zone that its aliases lead to, one with a wildcard at its apex, and the smallest there is."""
    texts = {'rich.test.': zones.rich('rich.test.'), 'other.test.': zones.other('other.test.', 'rich.test.'),
             'child.rich.test.': zones.child('child.rich.test.'), 'wild.test.': zones.apex_wildcard('wild.test.'),
             'tiny.test.': zones.tiny('tiny.test.')}
    return [peers.Zone(name, _write(directory, name, text)) for name, text in texts.items()]


def signed(directory):
    """Rich zones signed by each signer with each kind of denial of existence, as far as the signers are there."""
    made = []
    for number, (signer, denial) in enumerate((signer, denial) for signer in SIGNERS for denial in DENIALS):
        name = '%s-%s.test.' % (denial, signer)
        path = _write(directory, name, zones.rich(name, seed=number + 2))
        try:
            made.append(peers.Zone(name, zones.sign(path, name, signer, denial)))
        except zones.SigningFailed:
            continue
    for denial in DENIALS:
        name = 'wild-%s.test.' % denial
        path = _write(directory, name, zones.apex_wildcard(name))
        try:
            made.append(peers.Zone(name, zones.sign(path, name, 'ldns', denial)))
        except zones.SigningFailed:
            continue
    return made


def everything(directory):
    return unsigned(directory) + signed(directory)


def names():
    """The names of all zones of everything(), whether their signers are there or not."""
    return ['rich.test.', 'other.test.', 'child.rich.test.', 'wild.test.', 'tiny.test.'] + [
        '%s-%s.test.' % (denial, signer) for signer in SIGNERS for denial in DENIALS] + ['wild-%s.test.' % denial for denial in DENIALS]
