"""A small tree for scenarios: the root, `land.`, and `city.land.` in it, each with a server of its own; signed or not."""

from authority import DAY_S, Key, Zone
from driver import START_S

ROOT, ROOT6, LAND, CITY = '60.0.0.1', '2a00:60::1', '60.0.1.1', '60.0.2.1'
HINTS = '. 3600000 NS ns.root.\nns.root. 3600000 A %s\n' % ROOT
ROOT_TEXT = '''
@ 86400 SOA ns.root. hostmaster.root. 1 1800 900 604800 3600
@ 86400 NS ns.root.
ns.root. 86400 A 60.0.0.1
land. 86400 NS ns.land.
ns.land. 86400 A 60.0.1.1
'''
LAND_TEXT = '''
@ 7200 SOA ns hostmaster 1 1800 900 604800 900
@ 7200 NS ns
ns 7200 A 60.0.1.1
www 600 A 192.0.2.10
city 7200 NS ns.city
ns.city 7200 A 60.0.2.1
'''
CITY_TEXT = '''
@ 3600 SOA ns hostmaster 1 1800 900 604800 300
@ 3600 NS ns
@ 3600 MX 10 mail
ns 3600 A 60.0.2.1
www 60 A 192.0.2.1
long 604800 A 192.0.2.2
zero 0 A 192.0.2.3
alias 120 CNAME www
mail 3600 A 192.0.2.25
*.wild 300 A 192.0.2.4
a.ent 300 A 192.0.2.5
'''


class World:
    """The zones, and the keys of those that are signed. signed: names of zones; the parent of a signed one has its DS."""

    def __init__(self, signed=(), until_s=30 * DAY_S):
        self.keys = {name: Key(name) for name in signed}
        self.zones = {name: Zone(name, text, self.keys.get(name), START_S - DAY_S, START_S + until_s)
                      for name, text in (('.', ROOT_TEXT), ('land.', LAND_TEXT), ('city.land.', CITY_TEXT))}
        for name, parent, owner in (('land.', '.', 'land.'), ('city.land.', 'land.', 'city')):
            if name in self.keys and parent in self.keys:
                self.zones[parent].add(owner, 86400, 'DS', self.keys[name].ds.to_text())

    def serve(self, stage, **scripts):
        """scripts: parts in front of the zones of `root`, `land`, `city`."""
        for label, name, address in (('root', '.', ROOT), ('land', 'land.', LAND), ('city', 'city.land.', CITY)):
            stage.server(label, [address], *scripts.get(label, ()), self.zones[name])
        return self

    def anchor(self):
        return '["%s"]' % self.keys['.'].ds_text()


SIGNED = ('.', 'land.', 'city.land.')
