"""Zones as an authoritative server answers for them (RFC 1034 4.3.2, RFC 4035 3.1), signed on the fly: a script's part for stage.py.

A signed zone has one ECDSA P-256 key, NSEC, and signatures that are good from `inception` to `expiration`: Unix times that a scenario may move.
"""

import struct

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rdtypes.ANY.NSEC
import dns.rrset
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from dns.rdatatype import A, AAAA, CNAME, DNSKEY, DS, NS, NSEC, RRSIG, SOA
from stage import PASS

DAY_S = 86400


class Key:
    """A key that signs all of a zone."""

    def __init__(self, zone):
        self.zone = dns.name.from_text(zone)
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.dnskey = dns.dnssec.make_dnskey(self.private.public_key(), 'ECDSAP256SHA256', flags=257)
        self.ds = dns.dnssec.make_ds(self.zone, self.dnskey, 'SHA256')

    def ds_text(self):
        return '%s DS %s' % (self.zone, self.ds.to_text())

    def dnskey_text(self):
        return '%s DNSKEY %s' % (self.zone, self.dnskey.to_text())


class Zone:
    """text: lines `OWNER TTL TYPE RDATA`, owners below the zone's name without a final dot. key: None for a zone that is not signed."""

    def __init__(self, name, text, key=None, inception=0, expiration=0):
        self.name, self.key, self.inception, self.expiration = dns.name.from_text(name), key, inception, expiration
        self.rrsets = {}
        for line in text.strip().splitlines():
            owner, ttl, rtype, rdata = line.split(None, 3)
            self.add(owner, int(ttl), rtype, rdata)
        if key:
            self._add(self.name, 3600, key.dnskey)
        self.soa = self.rrsets[self.name, SOA]

    def add(self, owner, ttl, rtype, rdata):
        """One more record, or the first of an RRset."""
        self._add(dns.name.from_text(owner, self.name), ttl, dns.rdata.from_text('IN', rtype, rdata, origin=self.name, relativize=False))

    def _add(self, owner, ttl, rdata):
        rrset = self.rrsets.setdefault((owner, rdata.rdtype), dns.rrset.RRset(owner, dns.rdataclass.IN, rdata.rdtype))
        rrset.add(rdata, ttl)

    # ---- what is where -------------------------------------------------------------------------------------------------------------------
    def cut_of(self, name, rtype):
        """The zone cut at or above the name, None when the name is ours; a DS at the cut is ours (RFC 4035 3.1.4.1)."""
        found = None
        while name != self.name:
            if (name, NS) in self.rrsets and not (rtype == DS and found is None and name == self.asked):
                found = name
            name = name.parent()
        return found

    def owners(self):
        """Names with authoritative data or a delegation, in canonical order (RFC 4034 6.1)."""
        return sorted({owner for owner, _ in self.rrsets if self.below_no_cut(owner)})

    def below_no_cut(self, owner):
        while owner != self.name:
            owner = owner.parent()
            if owner != self.name and (owner, NS) in self.rrsets:
                return False
        return True

    def exists(self, name):
        return any(owner.is_subdomain(name) for owner, _ in self.rrsets)

    # ---- DNSSEC --------------------------------------------------------------------------------------------------------------------------
    def signed(self, rrset, do, owner=None):
        """The RRset and, for those who want them, its signatures. owner: whose name it is signed under, as a wildcard's is."""
        if not do or not self.key:
            return [rrset]
        return [rrset, dns.rrset.from_rdata(rrset.name, rrset.ttl, self.rrsig(rrset, owner or rrset.name))]

    def rrsig(self, rrset, owner):
        """RFC 4034 3.1.8.1; RFC 6605 4."""
        labels = len(owner) - (2 if owner.is_wild() else 1)
        head = struct.pack('!HBBIIIH', rrset.rdtype, self.key.dnskey.algorithm, labels, rrset.ttl, self.expiration & 0xffffffff, self.inception & 0xffffffff,
                           dns.dnssec.key_id(self.key.dnskey)) + self.name.canonicalize().to_wire()
        one = owner.canonicalize().to_wire() + struct.pack('!HHI', rrset.rdtype, 1, rrset.ttl)
        rdatas = sorted(rdata.to_digestable() for rdata in rrset)
        made = self.key.private.sign(head + b''.join(one + struct.pack('!H', len(rdata)) + rdata for rdata in rdatas), ec.ECDSA(hashes.SHA256()))
        numbers = b''.join(number.to_bytes(32, 'big') for number in utils.decode_dss_signature(made))
        return dns.rdata.from_wire('IN', 'RRSIG', head + numbers, 0, len(head) + len(numbers))

    def nsec(self, name, do):
        """The NSEC at the name or before it."""
        owners = self.owners()
        owner = max(one for one in owners if one <= name)
        following = owners[(owners.index(owner) + 1) % len(owners)]
        types = sorted({rtype for one, rtype in self.rrsets if one == owner} | {NSEC, RRSIG})
        if (owner, NS) in self.rrsets and owner != self.name:
            types = [rtype for rtype in types if rtype in (NS, DS, NSEC, RRSIG)]
        rdata = dns.rdata.from_text('IN', 'NSEC', ' '.join([following.to_text()] + [dns.rdatatype.to_text(rtype) for rtype in types]))
        return self.signed(dns.rrset.from_rdata(owner, self.soa[0].minimum, rdata), do)

    def denial(self, names, do):
        sections = self.signed(self.soa, do)
        if do and self.key:
            given = set()
            for name in names:
                proof = self.nsec(name, do)
                if proof[0].name not in given:
                    given.add(proof[0].name)
                    sections = sections + proof
        return sections

    # ---- answers -------------------------------------------------------------------------------------------------------------------------
    def __call__(self, query):
        if not query.name.is_subdomain(self.name):
            return PASS
        made = dns.message.make_response(query.message, our_payload=1232)
        self.asked = dns.name.from_text(query.name.to_text().lower())
        self.fill(made, self.asked, dns.rdatatype.from_text(query.type), query.do)
        return made

    def fill(self, made, name, rtype, do):
        cut = self.cut_of(name, rtype)
        if cut is not None:
            return self.refer(made, cut, do)
        made.flags |= dns.flags.AA
        rrset, wildcard = self.rrsets.get((name, rtype)), None
        alias = self.rrsets.get((name, CNAME))
        if not self.exists(name):
            encloser = name
            while not self.exists(encloser):
                encloser = encloser.parent()
            wildcard = dns.name.Name((b'*',) + encloser.labels)
            if not self.exists(wildcard):
                made.set_rcode(dns.rcode.NXDOMAIN)
                made.authority += self.denial([name, wildcard], do)
                return None
            rrset, alias = ((dns.rrset.from_rdata_list(name, found.ttl, list(found)) if found else None)
                            for found in (self.rrsets.get((wildcard, rtype)), self.rrsets.get((wildcard, CNAME))))
        if rrset or alias:
            made.answer += self.signed(rrset or alias, do, wildcard)
            if wildcard and do and self.key:
                made.authority += self.nsec(name, do)
            if not rrset and alias[0].target.is_subdomain(self.name) and alias[0].target != name:
                self.fill(made, alias[0].target, rtype, do)
            return None
        made.authority += self.denial([name] + ([wildcard] if wildcard else []), do)
        return None

    def refer(self, made, cut, do):
        made.authority.append(self.rrsets[cut, NS])
        if (cut, DS) in self.rrsets:
            made.authority += self.signed(self.rrsets[cut, DS], do)
        elif do and self.key:
            made.authority += self.nsec(cut, do)
        for server in self.rrsets[cut, NS]:
            made.additional += [self.rrsets[server.target, kind] for kind in (A, AAAA) if (server.target, kind) in self.rrsets]
