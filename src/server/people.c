#include "server/people.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS       4096 /* a power of two */
#define SEEN_US     ((int64_t)60 * 1000000)
#define SWEEP_MS    2000
#define CLEAN_EVERY ((int64_t)3600 * 1000000)
#define TRY_BUCKETS 4096

const rate_class people_rates[] = {
    {"address", 6000, 1200},
    {"login", 20, 10},
};
const size_t people_rate_count = sizeof people_rates / sizeof *people_rates;
/* Of one account, from wherever it is tried. */
static const rate_class tries = {"account", 5, 10};

/* What a cookie or token stands for. */
typedef struct kept {
    char digest[65];
    uint64_t version;
    int64_t user, session, token, repository, ends_us;
    int64_t seen_us;
    access_set scopes;
    arena *a; /* of what follows */
    str name;
    store_grant *grants;
    size_t count;
} kept;

struct people {
    server *s;
    pthread_mutex_t lock; /* of the slots and of the tries */
    kept *slots[SLOTS];
    rate_table *tries;
    atomic_uint_fast64_t version;
    loop_timer *timer;
    int64_t cleaned_us;
};

people *people_new(server *s) {
    people *p = mem_alloc(sizeof *p);
    memset(p, 0, sizeof *p);
    p->s = s;
    p->tries = rate_new(TRY_BUCKETS);
    atomic_init(&p->version, 1);
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

static void free_kept(kept *k) {
    if (k) arena_free(k->a);
}

void people_free(people *p) {
    if (!p) return;
    if (p->timer) loop_timer_stop(p->timer);
    for (size_t i = 0; i < SLOTS; i++)
        free_kept(p->slots[i]);
    rate_free(p->tries);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static void make_void(void *state, void *context) {
    server *s = state;
    (void)context;
    atomic_fetch_add(&s->people->version, 1);
}

void people_changed(core_tx *tx) {
    core_after(tx, make_void, NULL);
}

unsigned people_try(people *p, str name) {
    char lower[64];
    size_t size = name.len < sizeof lower ? name.len : sizeof lower;
    for (size_t i = 0; i < size; i++) {
        char ch = name.ptr[i];
        lower[i] = (char)(ch >= 'A' && ch <= 'Z' ? ch | 0x20 : ch);
    }
    pthread_mutex_lock(&p->lock);
    unsigned seconds = rate_take(p->tries, &tries, (str){lower, size}, server_now(p->s));
    pthread_mutex_unlock(&p->lock);
    return seconds;
}

/* ---- what was shown ------------------------------------------------------------------------- */

str people_digest(arena *a, str shown) {
    char hex[65];
    sha256_hex(shown, hex);
    return arena_str(a, str_from(hex));
}

str people_csrf(arena *a, str shown) {
    uint8_t mac[32];
    char hex[65];
    hmac_sha256(shown, STR("slipway csrf"), mac);
    hex_encode(mac, sizeof mac, hex);
    return arena_str(a, str_from(hex));
}

/* Behind a proxy that encrypts, the URL says so. */
static bool is_secure(const api_call *c) {
    return c->secure || str_starts(str_from(server_url(call_server(c))), STR("https://"));
}

/* With "__Host-" a browser takes it only from this host, over TLS, for all paths. */
const char *people_cookie(const api_call *c) {
    return is_secure(c) ? "__Host-slipway" : "slipway";
}

void people_set_cookie(api_call *c, str shown) {
    str text = arena_printf(c->a, "%s=%.*s; Path=/; HttpOnly; SameSite=Lax%s; Max-Age=%lld",
                            people_cookie(c), STR_ARG(shown), is_secure(c) ? "; Secure" : "",
                            shown.len ? (long long)(PEOPLE_SESSION_US / 1000000) : 0LL);
    httpd_add_header(c->r, "Set-Cookie", text);
}

/* ---- from the database ---------------------------------------------------------------------- */

static int read_session(store *s, kept *k, err *e) {
    store_session row;
    int r = store_session_find(s, k->a, str_from(k->digest), &row, e);
    if (r < 0) return r;
    k->session = row.id;
    k->user = row.user_id;
    k->seen_us = row.seen_us;
    k->ends_us = row.expires_us;
    k->scopes = ~(access_set)0;
    return 0;
}

static int read_token(store *s, kept *k, err *e) {
    store_token row;
    int r = store_token_find(s, k->a, str_from(k->digest), &row, e);
    if (r < 0) return r;
    k->token = row.id;
    k->user = row.user_id;
    k->repository = row.repository;
    k->seen_us = row.used_us;
    k->ends_us = row.expires_us;
    return access_set_parse(row.scopes, &k->scopes, e);
}

static int read_kept(people *p, str digest, bool is_token, kept **ret, err *e) {
    arena *a = arena_new();
    kept *k = ARENA_NEW(a, kept);
    store *s;
    store_user user = {0};
    k->a = a;
    k->version = atomic_load(&p->version); /* before it is read: a change meanwhile makes it void */
    memcpy(k->digest, digest.ptr, sizeof k->digest - 1);
    int r = server_reader(p->s, &s, e);
    if (r == 0) r = is_token ? read_token(s, k, e) : read_session(s, k, e);
    if (r == 0) r = store_user_by_id(s, a, k->user, &user, e);
    if (r == 0) r = store_grants(s, a, k->user, &k->grants, &k->count, e);
    if (r == 0 && user.state != USER_ACTIVE)
        r = err_set(e, ERR_INVALID, "the account '%.*s' is disabled", STR_ARG(user.name));
    k->name = user.name;
    if (r < 0)
        arena_free(a);
    else
        *ret = k;
    return r == ERR_NOT_FOUND ? err_set(e, ERR_INVALID, "there is no such session or token") : r;
}

static kept **slot_of(people *p, str digest) {
    uint64_t n = 0;
    str_to_bits(str_sub(digest, 0, 8), 16, &n);
    return &p->slots[n & (SLOTS - 1)];
}

/* ---- what they may -------------------------------------------------------------------------- */

static void add_part(identity *id, api_project project, access_set rights) {
    for (size_t i = 0; i < id->count; i++) {
        if (id->parts[i].project != project) continue;
        id->parts[i].rights |= rights;
        return;
    }
    id->parts[id->count++] = (people_part){project, rights};
}

/* A token of one repository has nothing elsewhere. */
static void judge_grants(arena *a, const kept *k, int64_t now_us, identity *id) {
    id->parts = ARENA_ARRAY(a, people_part, k->count + 1);
    add_part(id, k->repository, ACCESS_BIT(RIGHT_PROFILE) & k->scopes);
    for (size_t i = 0; i < k->count; i++) {
        const store_grant *g = &k->grants[i];
        access_set rights = access_role_rights(access_role_from(g->role)) & k->scopes;
        if (g->expires_us && g->expires_us <= now_us) continue;
        if (k->repository && g->repository && g->repository != k->repository) continue;
        add_part(id, k->repository ? k->repository : g->repository, rights);
    }
}

/* The same text for all who may do the same. */
static str sees_of(arena *a, const identity *id) {
    strbuf text = STRBUF_INIT;
    for (size_t i = 0; i < id->count; i++)
        strbuf_addf(&text, "%lld:%x ", (long long)id->parts[i].project,
                    (unsigned)id->parts[i].rights);
    str s = arena_str(a, strbuf_str(&text));
    strbuf_done(&text);
    return s;
}

typedef struct sighting {
    int64_t session, token;
} sighting;

static int do_seen(core_tx *tx, void *context, err *e) {
    const sighting *x = context;
    if (x->session) return store_session_seen(tx->store, x->session, tx->now_us, e);
    return store_token_used(tx->store, x->token, tx->now_us, e);
}

static void free_sighting(void *context, const err *e) {
    (void)e;
    free(context);
}

/* Under the lock. Once a minute the database is told that it is in use. */
static void see(people *p, kept *k, int64_t now_us) {
    if (now_us - k->seen_us < SEEN_US) return;
    sighting *x = mem_alloc(sizeof *x);
    *x = (sighting){k->session, k->token};
    k->seen_us = now_us;
    core_post(p->s->core, do_seen, free_sighting, x);
}

static int judge(people *p, kept *k, api_call *c, identity *id, err *e) {
    int64_t now_us = server_now(p->s);
    if (k->ends_us <= now_us) return err_set(e, ERR_INVALID, "its time is over");
    if (k->session && now_us - k->seen_us >= PEOPLE_IDLE_US)
        return err_set(e, ERR_INVALID, "the session was not used for too long");
    *id = (identity){.user = k->user,
                     .session = k->session,
                     .token = k->token,
                     .ends_us = k->ends_us,
                     .digest = arena_str(c->a, str_from(k->digest))};
    judge_grants(c->a, k, now_us, id);
    c->caller = (api_caller){.kind = k->token ? API_TOKEN : API_SESSION,
                             .id = k->user,
                             .name = arena_str(c->a, k->name),
                             .sees = sees_of(c->a, id),
                             .data = id};
    see(p, k, now_us);
    return 0;
}

static int find(people *p, api_call *c, str shown, bool is_token, identity *id, err *e) {
    str digest = people_digest(c->a, shown);
    kept **slot = slot_of(p, digest), *fresh = NULL;
    pthread_mutex_lock(&p->lock);
    kept *k = *slot;
    bool holds = k && str_is(digest, k->digest) && !k->token == !is_token &&
                 k->version == atomic_load(&p->version);
    int r = holds ? judge(p, k, c, id, e) : 0;
    pthread_mutex_unlock(&p->lock);
    if (holds) return r;
    r = read_kept(p, digest, is_token, &fresh, e);
    if (r < 0) return r;
    pthread_mutex_lock(&p->lock);
    r = judge(p, fresh, c, id, e);
    free_kept(*slot);
    *slot = fresh;
    pthread_mutex_unlock(&p->lock);
    return r;
}

int people_authenticate(people *p, api_call *c, err *e) {
    identity *id = ARENA_NEW(c->a, identity);
    if (httpd_local(c->r)) {
        id->owner = true;
        c->caller =
            (api_caller){.kind = API_TOKEN, .name = STR("owner"), .sees = STR("all"), .data = id};
        return 0;
    }
    bool is_token = httpd_header(c->r, "Authorization").len > 0;
    str shown = is_token ? httpd_bearer(c->r) : api_cookie(c, people_cookie(c));
    if (!shown.len && !is_token) return err_set(e, ERR_NOT_FOUND, "nothing was shown");
    if (!access_token_fits(shown)) return err_set(e, ERR_INVALID, "it is no token of ours");
    int r = find(p, c, shown, is_token, id, e);
    if (r == 0 && !is_token) c->caller.csrf = people_csrf(c->a, shown);
    return r;
}

const identity *people_identity(const api_call *c) {
    return c->caller.data;
}

bool people_may(const api_call *c, access_right right, api_project project) {
    const identity *id = c->caller.data;
    bool is_person = c->caller.kind == API_SESSION || c->caller.kind == API_TOKEN;
    if (!is_person || !id || project < 0) return false;
    if (id->owner) return true;
    for (size_t i = 0; i < id->count; i++) {
        const people_part *part = &id->parts[i];
        bool here = !part->project || part->project == project || right == RIGHT_PROFILE;
        if (here && part->rights & ACCESS_BIT(right)) return true;
    }
    return false;
}

/* ---- what ends by time ---------------------------------------------------------------------- */

static int end_elevation(core_tx *tx, store_elevation *x, err *e) {
    store_user user;
    int r = store_user_by_id(tx->store, tx->a, x->user_id, &user, e);
    x->state = ELEVATION_ENDED;
    if (r == 0) r = store_elevation_put(tx->store, x, e);
    if (r == 0) r = store_grants_remove_of_elevation(tx->store, x->id, e);
    if (r < 0) return r;
    change k = {.action = "elevation.end",
                .kind = "elevation",
                .id = x->id,
                .name = user.name,
                .reason = STR("its time is over")};
    return change_record(tx, &k, e);
}

int people_sweep(core_tx *tx, void *context, err *e) {
    store_elevation *rows;
    size_t count;
    (void)context;
    int r = store_elevations_over(tx->store, tx->a, tx->now_us, &rows, &count, e);
    for (size_t i = 0; i < count && r == 0; i++)
        r = end_elevation(tx, &rows[i], e);
    if (count) people_changed(tx);
    if (r < 0) return r;
    return store_sessions_expire(tx->store, tx->now_us, tx->now_us - PEOPLE_IDLE_US, e);
}

/* Asked without a command, because a command makes what is kept for pages void. */
static void on_timer(void *context) {
    people *p = context;
    _cleanup_arena_ arena *a = arena_new();
    store_elevation *rows;
    size_t count = 0;
    err ignored = {0};
    int64_t now_us = server_now(p->s);
    if (store_elevations_over(p->s->store, a, now_us, &rows, &count, &ignored) < 0) return;
    if (!count && now_us - p->cleaned_us < CLEAN_EVERY) return;
    p->cleaned_us = now_us;
    core_post(p->s->core, people_sweep, NULL, NULL);
}

void people_start(people *p) {
    p->timer = loop_every(p->s->loop, SWEEP_MS, on_timer, p);
}

/* ---- links ---------------------------------------------------------------------------------- */

static int add_link(store *s, arena *a, int64_t now_us, link_kind kind, int64_t user, str *ret,
                    const char *url, err *e) {
    char shown[ACCESS_TOKEN_SIZE + 1];
    access_token_new(shown);
    store_link row = {.hash = people_digest(a, str_from(shown)),
                      .kind = kind,
                      .user_id = user,
                      .created_us = now_us,
                      .expires_us = now_us + PEOPLE_LINK_US};
    *ret = arena_printf(a, "%s/setup#%s", url, shown);
    int r = store_links_remove_of(s, user, e);
    return r < 0 ? r : store_link_add(s, &row, e);
}

int people_add_link(core_tx *tx, link_kind kind, int64_t user, str *ret, err *e) {
    server *s = tx->state;
    return add_link(tx->store, tx->a, tx->now_us, kind, user, ret, server_url(s), e);
}

int people_first_link(server *s, const char **ret, err *e) {
    int64_t count = 0;
    str url;
    *ret = NULL;
    int r = store_user_count(s->store, &count, e);
    if (r < 0 || count) return r;
    r = add_link(s->store, s->a, server_now(s), LINK_FIRST, 0, &url, server_url(s), e);
    if (r == 0) *ret = url.ptr;
    return r;
}

/* ---- shared --------------------------------------------------------------------------------- */

bool people_reader(api_call *c, store **ret) {
    err e = {0};
    if (server_reader(call_server(c), ret, &e) == 0) return true;
    api_fail(c, &e);
    return false;
}

bool people_name_fits(str name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-') return false;
    }
    return name.len > 0 && name.len <= 64;
}

int people_keep_administrator(core_tx *tx, err *e) {
    int64_t count = 0;
    str role = str_from(access_role_words[ROLE_ADMINISTRATOR]);
    int r = store_grant_holders(tx->store, role, &count, e);
    if (r < 0 || count) return r;
    return err_set(e, ERR_INVALID, "nobody would be left who is administrator of the server");
}

int people_begin_session(core_tx *tx, const store_user *user, str shown, str before, err *e) {
    store_user seen = *user;
    store_session row = {
        .hash = people_digest(tx->a, shown),
        .user_id = user->id,
        .address = tx->by.address,
        .agent = str_sub(tx->by.user_agent, 0, 256),
        .created_us = tx->now_us,
        .seen_us = tx->now_us,
        .expires_us = tx->now_us + PEOPLE_SESSION_US,
    };
    seen.seen_us = tx->now_us;
    int r = 0;
    if (before.len) r = store_session_remove(tx->store, before, e);
    if (r == 0) r = store_session_add(tx->store, &row, e);
    if (r == 0) r = store_user_put(tx->store, &seen, e);
    change x = {.action = "session.begin", .kind = "user", .id = user->id, .name = user->name};
    if (before.len) people_changed(tx);
    return r < 0 ? r : change_record(tx, &x, e);
}
