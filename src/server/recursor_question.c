/* Questions and those who wait for them: clients of this worker, and other workers by mail. */
#include "server/recursor_internal.h"

#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

/* ---- the table ---- */

static uint64_t hash_of(const recursor_t *recursor, const question_key_t *key)
{
    uint64_t hash = siphash(&recursor->hash_key, key->name->wire, key->name->length);
    return hash ^ ((uint64_t)key->type << 8 | key->flags) * UINT64_C(0x9e3779b97f4a7c15);
}

static question_t **slot_of(recursor_t *recursor, uint64_t hash)
{
    return &recursor->questions[hash % QUESTION_SLOTS];
}

static question_t *find(recursor_t *recursor, const question_key_t *key, uint64_t hash)
{
    question_t *question = *slot_of(recursor, hash);
    while (question && !(question->hash == hash && question->type == key->type && question->flags == key->flags &&
                         question->length == key->name->length && memcmp(question->name, key->name->wire, question->length) == 0)) {
        question = question->next;
    }
    return question;
}

static question_t *add(recursor_t *recursor, const question_key_t *key, uint64_t hash)
{
    question_t *question = malloc(sizeof *question + key->name->length + NAME_PADDING);
    if (!question) {
        return NULL;
    }
    *question = (question_t){.hash = hash, .type = key->type, .flags = key->flags, .length = key->name->length};
    question->end = &question->first;
    memcpy(question->name, key->name->wire, key->name->length);
    memset(question->name + key->name->length, 0, NAME_PADDING);
    question_t **slot = slot_of(recursor, hash);
    question->next = *slot;
    *slot = question;
    recursor->refreshes += (key->flags & QUESTION_REFRESH) != 0;
    return question;
}

static void unlink_question(recursor_t *recursor, question_t *question)
{
    question_t **place = slot_of(recursor, question->hash);
    while (*place != question) {
        REQUIRE(*place);
        place = &(*place)->next;
    }
    *place = question->next;
    recursor->refreshes -= (question->flags & QUESTION_REFRESH) != 0;
}

/* ---- beginning ---- */

static status_t ask_resolver(recursor_t *recursor, question_t *question, const question_key_t *key)
{
    /* Who has waited too long is known here, and not to the resolver, for which a question has one client: so it is always patient. */
    resolver_question_t asked = {
        .client = (uintptr_t)question, .name = key->name, .type = key->type, .rrclass = CLASS_IN, .flags = RESOLVER_FLAG_PATIENT};
    asked.flags |= key->flags & QUESTION_CHECKING_DISABLED ? RESOLVER_FLAG_CHECKING_DISABLED : 0;
    asked.flags |= key->flags & QUESTION_CACHED_ONLY ? RESOLVER_FLAG_CACHED_ONLY : 0;
    asked.flags |= key->flags & (QUESTION_REFRESH | QUESTION_INQUIRY) ? RESOLVER_FLAG_REFRESH : 0;
    recursor->is_touched = true;
    return resolver_ask(recursor->resolver, &asked, recursor_now(recursor));
}

static status_t ask_owner(recursor_t *recursor, question_t *question, unsigned owner)
{
    mail_t *mail = malloc(sizeof *mail);
    if (!mail) {
        return STATUS_NO_MEMORY;
    }
    *mail = (mail_t){
        .from = recursor->index, .flags = question->flags, .type = question->type, .question = question, .length = question->length};
    memcpy(mail->name, question->name, question->length);
    status_t status = group_mail(recursor->group, owner, mail);
    if (status != STATUS_OK) {
        mail_free(mail);
        return status;
    }
    recursor_add(recursor, RECURSOR_COUNT_MAILED, 1);
    return STATUS_OK;
}

/* What is only looked up in the cache needs no owner: the cache is everybody's. Nor does what another worker found to be ours, nor what the
 * server asks itself, once in a while. */
static bool is_own(const recursor_t *recursor, const question_key_t *key, const waiter_t *waiter, unsigned *owner)
{
    *owner = group_owner(recursor->group, key->name->wire, key->name->length, key->type);
    return *owner == recursor->index || (key->flags & (QUESTION_CACHED_ONLY | QUESTION_INQUIRY)) || (waiter && waiter->mail);
}

static status_t begin(recursor_t *recursor, const question_key_t *key, const waiter_t *waiter, question_t **out)
{
    question_t *question = add(recursor, key, hash_of(recursor, key));
    if (!question) {
        return STATUS_NO_MEMORY;
    }
    unsigned owner;
    bool own = is_own(recursor, key, waiter, &owner);
    status_t status = own ? ask_resolver(recursor, question, key) : ask_owner(recursor, question, owner);
    if (status != STATUS_OK) {
        unlink_question(recursor, question);
        free(question);
        return status;
    }
    *out = question;
    return STATUS_OK;
}

/* waiter may be NULL: for nobody. It is the question's on success. */
static status_t join(recursor_t *recursor, const question_key_t *key, waiter_t *waiter)
{
    question_t *question = find(recursor, key, hash_of(recursor, key));
    if (question) {
        if (question->waiter_count >= group_settings(recursor->group)->resolver.clients_a_request_max) {
            return STATUS_LIMIT;
        }
        recursor_add(recursor, RECURSOR_COUNT_JOINED, waiter != NULL);
    } else {
        status_t status = begin(recursor, key, waiter, &question);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (waiter) {
        *question->end = waiter;
        question->end = &waiter->next;
        question->waiter_count++;
    }
    return STATUS_OK;
}

/* ---- clients ---- */

static uint8_t flags_of(const query_t *query)
{
    unsigned flags = query->edns.present && query->edns.dnssec_ok ? QUESTION_DNSSEC_OK : 0;
    flags |= query->flags & FLAG_CD ? QUESTION_CHECKING_DISABLED : 0;
    flags |= query->flags & FLAG_RD ? 0 : QUESTION_CACHED_ONLY;
    return (uint8_t)flags;
}

static waiter_t *waiter_new(recursor_t *recursor, const recursor_request_t *request)
{
    waiter_t *waiter = malloc(sizeof *waiter + request->size);
    if (waiter) {
        *waiter = (waiter_t){.arrived_ms = recursor_now(recursor).monotonic_ms, .size = request->size};
        memcpy(waiter->request, request->bytes, request->size);
    }
    return waiter;
}

static status_t take_request(recursor_t *recursor, const recursor_request_t *request)
{
    const net_client_t *client = request->client;
    waiter_t *waiter = waiter_new(recursor, request);
    if (!waiter) {
        return STATUS_NO_MEMORY;
    }
    question_key_t key = {&request->query->name, request->query->type, flags_of(request->query)};
    status_t status = join(recursor, &key, waiter);
    if (status != STATUS_OK) {
        free(waiter);
        return status;
    }
    client->later->keep(client->later, client, &waiter->route);
    return STATUS_OK;
}

status_t recursor_ask(recursor_t *recursor, const recursor_request_t *request)
{
    const net_client_t *client = request->client;
    status_t status = STATUS_LIMIT;
    bool takes = !recursor->is_retired && request->size <= REQUEST_SIZE_MAX && client->later &&
                 recursor->waiting < group_settings(recursor->group)->resolver.clients_max;
    if (takes && !group_client_enter(recursor->group, client->address)) {
        recursor_add(recursor, RECURSOR_COUNT_DENIED, 1);
        return STATUS_DENIED;
    }
    if (takes) {
        status = take_request(recursor, request);
        if (status != STATUS_OK) {
            group_client_leave(recursor->group, client->address);
        }
    }
    if (status != STATUS_OK) {
        recursor_add(recursor, RECURSOR_COUNT_LIMITED, 1);
        return status;
    }
    recursor->waiting++;
    recursor_add(recursor, RECURSOR_COUNT_WAITING, 1);
    recursor_add(recursor, RECURSOR_COUNT_REQUESTS, 1);
    return STATUS_OK;
}

void recursor_refresh(recursor_t *recursor, const name_key_t *name, uint16_t type, bool checking_disabled)
{
    question_key_t key = {name, type, QUESTION_REFRESH};
    key.flags |= checking_disabled ? QUESTION_CHECKING_DISABLED : 0;
    if (recursor->is_retired || recursor->refreshes >= REFRESHES_MAX || find(recursor, &key, hash_of(recursor, &key))) {
        return;
    }
    recursor_add(recursor, RECURSOR_COUNT_REFRESHES, join(recursor, &key, NULL) == STATUS_OK);
}

void recursor_inquire(recursor_t *recursor, recursor_inquiry_t *inquiry)
{
    name_key_t name;
    question_t *question = NULL;
    name_key_init(&name, inquiry->name.wire, inquiry->name.length);
    question_key_t key = {&name, inquiry->type, QUESTION_INQUIRY | QUESTION_CHECKING_DISABLED};
    if (recursor->is_retired || begin(recursor, &key, NULL, &question) != STATUS_OK) {
        inquiry->answered(inquiry, NULL);
        return;
    }
    question->inquiry = inquiry; /* the resolver's answer is an action, and those are carried out later */
}

/* ---- answers ---- */

/* An answer to a burst of questions that comes late adds to somebody's flood (DNSBomb): datagrams only, as streams cannot be forged. */
static bool is_late(const recursor_t *recursor, const waiter_t *waiter, uint64_t took_ms)
{
    unsigned limit_ms = group_settings(recursor->group)->resolver.discard_waiter_ms;
    return limit_ms > 0 && waiter->route.protocol == NET_UDP && took_ms > limit_ms;
}

static void count_time(recursor_t *recursor, uint64_t took_ms)
{
    static const uint16_t within_ms[RECURSOR_TOOK_BUCKETS - 1] = {1, 10, 50, 100, 250, 500, 1000, 2000, 5000};
    unsigned bucket = 0;
    while (bucket < RECURSOR_TOOK_BUCKETS - 1 && took_ms > within_ms[bucket]) {
        bucket++;
    }
    recursor_add(recursor, RECURSOR_COUNT_TOOK + bucket, 1);
}

/* body NULL: nothing is sent. */
static void answer_client(recursor_t *recursor, const waiter_t *waiter, const recursion_body_t *body)
{
    enum { UDP_CAPACITY = 4096 };
    net_client_t client = {.address = &waiter->route.client, .protocol = waiter->route.protocol};
    net_reply_t reply = {.size = 0};
    uint64_t took_ms = recursor_now(recursor).monotonic_ms - waiter->arrived_ms;
    if (body) {
        count_time(recursor, took_ms);
    }
    if (body && !body->is_stale && is_late(recursor, waiter, took_ms)) { /* what is stale is given because the client has waited */
        recursor_add(recursor, RECURSOR_COUNT_LATE, 1);
    } else if (body) {
        size_t capacity = client.protocol == NET_UDP ? UDP_CAPACITY : sizeof recursor->out;
        recursor->environment.resume(recursor->environment.resume_context, &client, waiter->request, waiter->size, body, recursor->out,
                                     capacity, &reply);
    }
    waiter->route.later->answer(&waiter->route, recursor->out, reply.size, reply.idle_timeout_ds);
    group_client_leave(recursor->group, &waiter->route.client);
    recursor->waiting--;
    recursor_add(recursor, RECURSOR_COUNT_WAITING, UINT64_MAX);
}

static bool copy_body(mail_t *mail, const recursion_body_t *body)
{
    size_t text_size = body->extended_text ? strlen(body->extended_text) + 1 : 0;
    uint8_t *memory = malloc(body->size + text_size);
    if (!memory) {
        return false;
    }
    memcpy(memory, body->message, body->size);
    mail->memory = memory;
    mail->body = *body;
    mail->body.message = memory;
    if (body->extended_text) {
        memcpy(memory + body->size, body->extended_text, text_size);
        mail->body.extended_text = (const char *)memory + body->size;
    }
    return true;
}

static void send_back(recursor_t *recursor, mail_t *mail, const recursion_body_t *body)
{
    mail->has_body = body && copy_body(mail, body);
    mail->is_answer = true;
    if (group_mail(recursor->group, mail->from, mail) != STATUS_OK) { /* it has ended meanwhile */
        mail_free(mail);
    }
}

static void answer_waiters(recursor_t *recursor, question_t *question, const recursion_body_t *body)
{
    waiter_t *waiter = question->first;
    question->first = NULL;
    question->end = &question->first;
    question->waiter_count = 0;
    while (waiter) {
        waiter_t *next = waiter->next;
        if (waiter->mail) {
            send_back(recursor, waiter->mail, body);
        } else {
            answer_client(recursor, waiter, body);
        }
        free(waiter);
        waiter = next;
    }
}

/* ---- bodies ---- */

static recursion_want_t want_of(const question_t *question, bool dnssec_ok, name_key_t *name)
{
    name_key_init(name, question->name, question->length);
    return (recursion_want_t){.name = name,
                              .type = question->type,
                              .dnssec_ok = dnssec_ok,
                              .checking_disabled = (question->flags & QUESTION_CHECKING_DISABLED) != 0};
}

/* The body of an answer, also put into the cache. */
static void make_body(recursor_t *recursor, const question_t *question, bool dnssec_ok, const resolver_answer_t *answer,
                      recursion_body_t *body)
{
    name_key_t name;
    recursion_want_t want = want_of(question, dnssec_ok, &name);
    recursion_body_make(&want, answer, recursor->body, body);
    if (recursor->environment.cache && !(question->flags & QUESTION_CACHED_ONLY)) {
        recursion_body_put(recursor->environment.cache, &want, body, (uint32_t)recursor_now(recursor).unix_s);
    }
}

static void make_failure(recursor_t *recursor, const question_t *question, const char *text, recursion_body_t *body)
{
    const resolver_answer_t failure = {.rcode = RCODE_SERVFAIL, .extended_error = EDE_OTHER, .extended_text = text};
    name_key_t name;
    recursion_want_t want = want_of(question, false, &name);
    recursion_body_make(&want, &failure, recursor->body, body);
}

/* What nobody waits for only renews good answers: a failure must not take the place of one that is still good. */
static void renew(recursor_t *recursor, question_t *question, const resolver_answer_t *answer)
{
    bool is_good = answer && (answer->rcode == RCODE_NOERROR || answer->rcode == RCODE_NXDOMAIN) && !answer->is_stale;
    for (unsigned dnssec_ok = 0; is_good && dnssec_ok < 2; dnssec_ok++) {
        recursion_body_t body;
        make_body(recursor, question, dnssec_ok != 0, answer, &body);
    }
    answer_waiters(recursor, question, NULL); /* the worker that mailed it */
}

/* That servers cannot be reached is for the operator to know, yet not once for each name that somebody makes up. */
static void tell_of_unreachable(recursor_t *recursor, const question_t *question, const resolver_answer_t *answer)
{
    enum { PAUSE_MS = 60000 };
    bool is_unreachable = answer->extended_error == EDE_NO_REACHABLE_AUTHORITY || answer->extended_error == EDE_NETWORK_ERROR;
    if (!is_unreachable || answer->is_cached_failure) {
        return;
    }
    recursor->is_cut_off |= recursor->heard == recursor->heard_before;
    recursor->heard_before = recursor->heard;
    uint64_t now_ms = recursor_now(recursor).monotonic_ms;
    if (recursor->told_ms != 0 && now_ms - recursor->told_ms < PAUSE_MS) {
        recursor->untold++;
        return;
    }
    char name[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
    (void)name_to_text(question->name, name);
    (void)rrtype_to_text(question->type, type);
    log_event(recursor->environment.log, LOG_WARNING, "resolution.unreachable", LOG_TEXT("name", name), LOG_TEXT("type", type),
              LOG_TEXT("reason", answer->extended_text), LOG_NUMBER("others", recursor->untold));
    recursor->told_ms = now_ms;
    recursor->is_told = true;
    recursor->untold = 0;
}

void question_answer(recursor_t *recursor, question_t *question, const resolver_answer_t *answer)
{
    unlink_question(recursor, question);
    if (answer) {
        tell_of_unreachable(recursor, question, answer);
    }
    if (question->inquiry) {
        question->inquiry->answered(question->inquiry, answer);
    } else if (question->flags & QUESTION_REFRESH) {
        renew(recursor, question, answer);
    } else if (answer) {
        recursion_body_t body;
        make_body(recursor, question, (question->flags & QUESTION_DNSSEC_OK) != 0, answer, &body);
        answer_waiters(recursor, question, &body);
    } else {
        answer_waiters(recursor, question, NULL);
    }
    free(question);
}

/* ---- mail ---- */

static void take_question(recursor_t *recursor, mail_t *mail)
{
    name_key_t name;
    name_key_init(&name, mail->name, mail->length);
    question_key_t key = {&name, mail->type, mail->flags};
    waiter_t *waiter = malloc(sizeof *waiter);
    if (waiter) {
        *waiter = (waiter_t){.mail = mail};
    }
    if (!waiter || join(recursor, &key, waiter) != STATUS_OK) {
        recursor_add(recursor, RECURSOR_COUNT_LIMITED, 1);
        free(waiter);
        send_back(recursor, mail, NULL);
    }
}

static void take_answer(recursor_t *recursor, mail_t *mail)
{
    question_t *question = mail->question;
    recursion_body_t failure;
    unlink_question(recursor, question);
    if (!mail->has_body && question->first) {
        make_failure(recursor, question, "too many questions are being resolved", &failure);
    }
    answer_waiters(recursor, question, mail->has_body ? &mail->body : &failure);
    free(question);
    mail_free(mail);
}

void question_take_mail(recursor_t *recursor, mail_t *mail)
{
    while (mail) {
        mail_t *next = mail->next;
        if (mail->is_answer) {
            take_answer(recursor, mail);
        } else {
            take_question(recursor, mail);
        }
        mail = next;
    }
}

void question_return_mail(recursor_t *recursor, mail_t *mail)
{
    while (mail) {
        mail_t *next = mail->next;
        if (mail->is_answer) {
            mail_free(mail);
        } else {
            send_back(recursor, mail, NULL);
        }
        mail = next;
    }
}

/* ---- ending ---- */

/* The questions stay: the resolver, or another worker, still knows them. */
void question_abandon_all(recursor_t *recursor)
{
    for (unsigned i = 0; i < QUESTION_SLOTS; i++) {
        for (question_t *question = recursor->questions[i]; question; question = question->next) {
            recursion_body_t failure;
            if (question->first) {
                make_failure(recursor, question, "the server ends", &failure);
                answer_waiters(recursor, question, &failure);
            }
        }
    }
}

static void forget_waiters(recursor_t *recursor, question_t *question)
{
    while (question->first) {
        waiter_t *waiter = question->first;
        question->first = waiter->next;
        if (waiter->mail) {
            send_back(recursor, waiter->mail, NULL);
        } else {
            group_client_leave(recursor->group, &waiter->route.client);
            recursor->waiting--;
            recursor_add(recursor, RECURSOR_COUNT_WAITING, UINT64_MAX);
        }
        free(waiter);
    }
}

void question_free_all(recursor_t *recursor)
{
    for (unsigned i = 0; i < QUESTION_SLOTS; i++) {
        while (recursor->questions[i]) {
            question_t *question = recursor->questions[i];
            recursor->questions[i] = question->next;
            if (question->inquiry) {
                question->inquiry->answered(question->inquiry, NULL);
            }
            forget_waiters(recursor, question);
            free(question);
        }
    }
}
