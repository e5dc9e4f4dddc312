#include "secure.h"

#include "base/require.h"
#include "served.h"
#include "sim_internal.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What all six leaf zones hold. An alias is named after what is at its end: which zone, and what of it. */
static const char leaf_text[] = "www A 198.51.100.1\n"
                                "www TXT \"text\"\n"
                                "mail MX 10 www\n"
                                "short 60 A 198.51.100.2\n"
                                "alias CNAME www\n"
                                "alias2 CNAME alias\n"
                                "dangling CNAME nowhere\n"
                                "*.wild A 198.51.100.9\n"
                                "*.walias CNAME www\n"
                                "a.b.ent A 198.51.100.3\n"
                                "d DNAME t\n"
                                "x.t A 198.51.100.4\n"
                                "to-nsec CNAME www.example.net.\n"
                                "to-nsec3 CNAME www.example.org.\n"
                                "to-optout CNAME www.example.com.\n"
                                "to-unsigned CNAME www.unsigned.net.\n"
                                "nowhere-nsec CNAME nowhere.example.net.\n"
                                "nowhere-nsec3 CNAME nowhere.example.org.\n"
                                "nowhere-unsigned CNAME nowhere.unsigned.net.\n"
                                "wild-nsec CNAME x.wild.example.net.\n"
                                "wild-nsec3 CNAME x.wild.example.org.\n"
                                "wild-unsigned CNAME x.wild.unsigned.net.\n";

/* ---- the plan ---- */

secure_zone_t *secure_zone(secure_t *secure, const char *apex)
{
    for (size_t i = 0; i < secure->zone_count; i++) {
        if (strcmp(secure->zones[i].apex, apex) == 0) {
            return &secure->zones[i];
        }
    }
    sim_give_up("no such zone in the plan", apex);
}

secure_zone_t *secure_add(secure_t *secure, const char *apex, const char *parent, const char *address, const char *text)
{
    REQUIRE(secure->zone_count < SECURE_ZONES_MAX);
    secure_zone_t *zone = &secure->zones[secure->zone_count++];
    *zone = (secure_zone_t){.apex = apex, .parent = parent, .address = address, .text = text};
    zone->algorithm = DNSSEC_ECDSAP256SHA256;
    zone->is_split = true;
    zone->ksk_flags = SIGNING_KSK;
    zone->zsk_flags = SIGNING_ZSK;
    zone->digest_type = DNSSEC_DIGEST_SHA256;
    zone->signing.inception_s = (uint32_t)(secure->sim->epoch_s - SECURE_DAY_S);
    zone->signing.expiration_s = (uint32_t)(secure->sim->epoch_s + 30 * SECURE_DAY_S);
    return zone;
}

secure_t *secure_new(void)
{
    enum { USUAL_S = 1800000000 };
    return secure_new_at(USUAL_S);
}

secure_t *secure_new_at(uint64_t epoch_s)
{
    secure_t *secure = calloc(1, sizeof *secure);
    REQUIRE(secure);
    secure->sim = sim_new(7);
    secure->sim->epoch_s = epoch_s;
    secure_add(secure, ".", NULL, "192.0.2.1", NULL);
    secure_add(secure, "com.", ".", "192.0.2.2", NULL)->signing.denial = ZONE_DENIAL_OPT_OUT;
    secure_add(secure, "net.", ".", "192.0.2.3", NULL);
    secure_add(secure, "org.", ".", "192.0.2.4", NULL)->signing.denial = ZONE_DENIAL_NSEC3;
    secure_add(secure, "example.com.", "com.", "192.0.2.10", leaf_text)->signing.denial = ZONE_DENIAL_OPT_OUT;
    secure_add(secure, "example.net.", "net.", "192.0.2.11", leaf_text);
    secure_add(secure, "example.org.", "org.", "192.0.2.12", leaf_text)->signing.denial = ZONE_DENIAL_NSEC3;
    secure_add(secure, "unsigned.com.", "com.", "192.0.2.20", leaf_text)->algorithm = 0;
    secure_add(secure, "unsigned.net.", "net.", "192.0.2.21", leaf_text)->algorithm = 0;
    secure_add(secure, "unsigned.org.", "org.", "192.0.2.22", leaf_text)->algorithm = 0;
    return secure;
}

void secure_free(secure_t *secure)
{
    sim_free(secure->sim);
    for (size_t i = 0; i < secure->zone_count; i++) {
        for (size_t j = 0; j < secure->zones[i].key_count; j++) {
            signing_key_free(secure->zones[i].keys[j]);
        }
    }
    free(secure);
}

void secure_fault(secure_t *secure, const char *apex, zone_fault_t fault)
{
    secure_zone_t *zone = secure_zone(secure, apex);
    REQUIRE(zone->fault_count < ZONE_SIGNER_FAULTS_MAX);
    zone->faults[zone->fault_count++] = fault;
}

/* ---- keys ---- */

static signing_key_t *add_key(secure_zone_t *zone, uint8_t algorithm, uint16_t flags)
{
    REQUIRE(zone->key_count < SECURE_KEYS_MAX);
    uint64_t seed = 1 + zone->key_count;
    for (const char *at = zone->apex; *at; at++) {
        seed = seed * 257 + (uint8_t)*at;
    }
    signing_key_t *key = signing_key_new(seed, algorithm, flags);
    zone->keys[zone->key_count++] = key;
    return key;
}

static void make_keys(secure_zone_t *zone)
{
    if (zone->key_count > 0 || zone->algorithm == 0) {
        return;
    }
    const uint8_t algorithms[] = {zone->algorithm, zone->second_algorithm};
    for (unsigned i = 0; i < 2 && algorithms[i] != 0; i++) {
        add_key(zone, algorithms[i], zone->ksk_flags);
        if (zone->is_split) {
            add_key(zone, algorithms[i], zone->zsk_flags);
        }
    }
}

signing_key_t *const *secure_keys(secure_t *secure, const char *apex)
{
    secure_zone_t *zone = secure_zone(secure, apex);
    make_keys(zone);
    return zone->keys;
}

signing_key_t *secure_add_key(secure_t *secure, const char *apex, uint8_t algorithm, uint16_t flags)
{
    secure_zone_t *zone = secure_zone(secure, apex);
    make_keys(zone);
    return add_key(zone, algorithm, flags);
}

void secure_ds_text(const secure_zone_t *zone, const signing_key_t *key, uint8_t digest_type, char out[static SECURE_DS_TEXT_MAX])
{
    uint8_t rdata[DNSSEC_DS_MAX];
    name_t apex = sim_name(zone->apex);
    size_t size = dnssec_ds_make(digest_type, apex.wire, key->rdata, key->rdata_size, rdata);
    buffer_t text;
    buffer_init(&text, SECURE_DS_TEXT_MAX);
    rdata_to_text(TYPE_DS, CLASS_IN, rdata, size, &text);
    snprintf(out, SECURE_DS_TEXT_MAX, "%s 3600 DS %s\n", zone->apex, buffer_text(&text));
    buffer_clear(&text);
}

/* ---- the zones ---- */

static void write_server(const secure_zone_t *zone, bool with_second, buffer_t *text)
{
    const char *dot = strcmp(zone->apex, ".") == 0 ? "" : ".";
    const char *addresses[] = {zone->address, with_second ? zone->second_address : NULL};
    for (unsigned i = 0; i < 2 && addresses[i]; i++) {
        char server[NAME_TEXT_MAX];
        snprintf(server, sizeof server, "ns%s%s%s", i == 0 ? "" : "2", dot, zone->apex);
        buffer_printf(text, "%s 3600 NS %s\n", zone->apex, server);
        buffer_printf(text, "%s 3600 A %s\n", server, addresses[i]);
    }
}

static void write_ds(const secure_zone_t *zone, buffer_t *text)
{
    if (zone->ds_text || zone->algorithm == 0) {
        buffer_append_text(text, zone->ds_text ? zone->ds_text : "");
        return;
    }
    for (size_t i = 0; i < zone->key_count; i++) {
        char ds[SECURE_DS_TEXT_MAX];
        if (zone->keys[i]->flags & DNSKEY_FLAG_SEP) {
            secure_ds_text(zone, zone->keys[i], zone->digest_type, ds);
            buffer_append_text(text, ds);
        }
    }
}

static const zone_contents_t *sign(secure_t *secure, secure_zone_t *zone)
{
    buffer_t text;
    buffer_init(&text, 1 << 20);
    buffer_printf(&text, "$TTL 3600\n@ SOA ns host %s\n", zone->soa_text ? zone->soa_text : "1 7200 900 1209600 300");
    write_server(zone, true, &text);
    buffer_append_text(&text, zone->text ? zone->text : "");
    for (size_t i = 0; i < secure->zone_count; i++) {
        const secure_zone_t *child = &secure->zones[i];
        if (child->parent && strcmp(child->parent, zone->apex) == 0) {
            write_server(child, true, &text);
            write_ds(child, &text);
        }
    }
    const zone_contents_t *contents = served_zone(zone->apex, buffer_text(&text), SERVED_UNSIGNED);
    buffer_clear(&text);
    if (zone->key_count > 0) {
        const zone_contents_t *plain = contents;
        zone->signing.keys = (const signing_key_t *const *)zone->keys;
        zone->signing.key_count = zone->key_count;
        zone->signing.faults = zone->faults;
        zone->signing.fault_count = zone->fault_count;
        contents = zone_sign(plain, &zone->signing);
        zone_contents_unref(plain);
    }
    return contents;
}

void secure_sign_again(secure_t *secure, const char *apex)
{
    sim_change_contents(secure->sim, apex, sign(secure, secure_zone(secure, apex)));
}

static void make_servers(secure_t *secure, const secure_zone_t *zone)
{
    char zones[SECURE_ZONES_MAX * 64];
    int length = snprintf(zones, sizeof zones, "%s", zone->apex);
    for (size_t i = 0; i < secure->zone_count; i++) {
        const secure_zone_t *guest = &secure->zones[i];
        if (guest->is_guest && strcmp(guest->address, zone->address) == 0) {
            length += snprintf(zones + length, sizeof zones - (size_t)length, " %s", guest->apex);
        }
    }
    sim_host(secure->sim, zone->address, zones);
    if (zone->second_address) {
        sim_host(secure->sim, zone->second_address, zone->apex);
    }
}

sim_t *secure_start(secure_t *secure)
{
    sim_t *sim = secure->sim;
    for (size_t i = 0; i < secure->zone_count; i++) {
        make_keys(&secure->zones[i]);
    }
    for (size_t i = 0; i < secure->zone_count; i++) {
        secure_zone_t *zone = &secure->zones[i];
        sim_zone_contents(sim, zone->apex, sign(secure, zone));
    }
    for (size_t i = 0; i < secure->zone_count; i++) {
        if (!secure->zones[i].is_guest) {
            make_servers(secure, &secure->zones[i]);
        }
    }
    secure_zone_t *root = secure_zone(secure, ".");
    char anchor[SECURE_DS_TEXT_MAX] = "";
    if (root->key_count > 0) {
        secure_ds_text(root, root->keys[0], DNSSEC_DIGEST_SHA256, anchor);
    }
    if (secure->anchor_text || anchor[0]) {
        sim_trust(sim, secure->anchor_text ? secure->anchor_text : anchor);
    }
    sim_hint(sim, "ns.", root->address);
    sim_start(sim);
    return sim;
}
