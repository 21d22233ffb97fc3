/* audit_event.c: an event as the JSON that is logged. */
#include "base/json.h"
#include "base/rfc3339.h"
#include "trust/audit_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VERSION  1
#define TIME_MIN (-62135596800 * 1000000) /* 0001-01-01 */
#define TIME_END (253402300800 * 1000000) /* 10000-01-01 */
#define MILLI_US 1000

/* ---- writing --------------------------------------------------------------------------------- */

static void put_some(json_out *o, const char *key, str text) {
    if (text.len) json_key_str(o, key, text);
}

static void put_party(json_out *o, const char *key, const audit_party *p) {
    json_key(o, key);
    json_open(o, '{');
    json_key_str(o, "kind", p->kind);
    put_some(o, "id", p->id);
    put_some(o, "name", p->name);
    json_close(o, '}');
}

static void put_time(json_out *o, int64_t time_us) {
    char text[96]; /* the compiler counts with years that judge() refuses */
    int64_t seconds = time_us / 1000000, micros = time_us % 1000000;
    if (micros < 0) micros += 1000000, seconds--;
    time_t t = (time_t)seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)micros);
    json_key_str(o, "time", str_from(text));
}

void audit_write_head(json_out *o, const audit_event *x) {
    json_open(o, '{');
    json_key_number(o, "version", VERSION);
    put_time(o, x->time_us);
    put_party(o, "actor", &x->actor);
    json_key_str(o, "action", x->action);
    put_party(o, "subject", &x->subject);
    put_some(o, "project", x->project);
    put_some(o, "reason", x->reason);
}

static void put_origin(json_out *o, const audit_event *x) {
    if (!x->origin.address.len && !x->origin.request_id.len && !x->origin.user_agent.len) return;
    json_key(o, "origin");
    json_open(o, '{');
    put_some(o, "address", x->origin.address);
    put_some(o, "request_id", x->origin.request_id);
    put_some(o, "user_agent", x->origin.user_agent);
    json_close(o, '}');
}

static int by_key(const void *a, const void *b) {
    const value_pair *const *x = a, *const *y = b;
    return str_cmp((*x)->key, (*y)->key);
}

static int put_sorted(json_out *o, const value *v, unsigned depth_left, err *e);

static int put_object(json_out *o, const value *v, unsigned depth_left, err *e) {
    size_t count = value_count(v);
    const value_pair **pairs = mem_alloc((count + 1) * sizeof *pairs);
    int r = 0;
    for (size_t i = 0; i < count; i++)
        pairs[i] = value_at(v, i);
    qsort(pairs, count, sizeof *pairs, by_key);
    json_open(o, '{');
    for (size_t i = 0; i < count && r == 0; i++) {
        /* json_key takes a C string, and a name may hold anything */
        json_put_str(o, pairs[i]->key);
        strbuf_addc(o->buf, ':');
        o->need_comma = false;
        r = put_sorted(o, &pairs[i]->item, depth_left, e);
    }
    json_close(o, '}');
    free(pairs);
    return r;
}

static int put_sorted(json_out *o, const value *v, unsigned depth_left, err *e) {
    int r = 0;
    if (v->kind != VALUE_ARRAY && v->kind != VALUE_OBJECT) {
        json_put_value(o, v);
        return 0;
    }
    if (depth_left == 0)
        return err_set(e, ERR_LIMIT,
                       "the details of an audit entry are nested deeper than %d levels",
                       AUDIT_DEPTH_MAX);
    if (v->kind == VALUE_OBJECT) return put_object(o, v, depth_left - 1, e);
    json_open(o, '[');
    for (size_t i = 0; i < v->array.count && r == 0; i++)
        r = put_sorted(o, &v->array.items[i], depth_left - 1, e);
    json_close(o, ']');
    return r;
}

static void put_inputs(json_out *o, const audit_event *x) {
    if (!x->input_count) return;
    json_key(o, "inputs");
    json_open(o, '[');
    for (size_t i = 0; i < x->input_count; i++) {
        json_open(o, '{');
        json_key_str(o, "name", x->inputs[i].name);
        json_key_str(o, "sha256", x->inputs[i].sha256);
        json_close(o, '}');
    }
    json_close(o, ']');
}

/* Letters, digits, '_' and '-', with dots between. */
static bool is_word(str word) {
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        bool inner = c == '.' && i && i + 1 < word.len && word.ptr[i - 1] != '.';
        if (!inner && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return word.len > 0;
}

static bool is_sha256(str hex) {
    for (size_t i = 0; i < hex.len; i++) {
        char c = hex.ptr[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return false;
    }
    return hex.len == 64;
}

static int judge(const audit_event *x, err *e) {
    if (!is_word(x->action) || !is_word(x->actor.kind) || !is_word(x->subject.kind))
        return err_set(e, ERR_INVALID,
                       "an audit entry lacks its action, or the kind of its actor or subject, in "
                       "small letters");
    if (x->time_us < TIME_MIN || x->time_us >= TIME_END)
        return err_set(e, ERR_INVALID, "an audit entry is of no year from 1 to 9999");
    if (x->details.kind != VALUE_NULL && x->details.kind != VALUE_OBJECT)
        return err_set(e, ERR_INVALID, "the details of an audit entry are no object");
    if (x->input_count > AUDIT_INPUTS_MAX)
        return err_set(e, ERR_LIMIT, "an audit entry has more than %d inputs", AUDIT_INPUTS_MAX);
    for (size_t i = 0; i < x->input_count; i++) {
        if (!x->inputs[i].name.len || !is_sha256(x->inputs[i].sha256))
            return err_set(e, ERR_INVALID,
                           "an input of an audit entry has no name, or no SHA-256 in hex");
    }
    return 0;
}

int audit_event_write(strbuf *out, const audit_event *x, err *e) {
    size_t before = out->len;
    json_out o = JSON_OUT(out);
    int r = judge(x, e);
    if (r < 0) return r;
    audit_write_head(&o, x);
    put_origin(&o, x);
    if (value_count(&x->details)) {
        json_key(&o, "details");
        r = put_sorted(&o, &x->details, AUDIT_DEPTH_MAX, e);
    }
    put_inputs(&o, x);
    json_close(&o, '}');
    size_t size = out->len - before;
    if (r == 0 && size > AUDIT_ENTRY_MAX)
        r = err_set(e, ERR_LIMIT,
                    "the audit entry of '%.*s' has %zu bytes, more than %d: what is large belongs "
                    "into evidence, of which the entry names the digest",
                    STR_ARG(x->action), size, AUDIT_ENTRY_MAX);
    if (r < 0) strbuf_truncate(out, before);
    return r;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void read_party(const value *root, const char *key, audit_party *ret) {
    const value *from = value_get(root, str_from(key));
    ret->kind = value_path_str(from, "kind");
    ret->id = value_path_str(from, "id");
    ret->name = value_path_str(from, "name");
}

/* "2026-11-28T10:00:00.123456Z", as put_time writes it. */
static bool read_time(str text, int64_t *ret) {
    int64_t ms;
    uint64_t micros;
    if (text.len != sizeof "2026-11-28T10:00:00.123456Z" - 1 || text.ptr[text.len - 1] != 'Z' ||
        !time_parse(text, &ms) || !str_to_uint(str_sub(text, 23, 26), 999, &micros))
        return false;
    *ret = ms * MILLI_US + (int64_t)micros;
    return true;
}

static void read_inputs(arena *a, const value *from, audit_event *ret) {
    size_t count = from && from->kind == VALUE_ARRAY ? from->array.count : 0;
    audit_input *inputs = ARENA_ARRAY(a, audit_input, count);
    for (size_t i = 0; i < count; i++) {
        inputs[i].name = value_path_str(&from->array.items[i], "name");
        inputs[i].sha256 = value_path_str(&from->array.items[i], "sha256");
    }
    ret->inputs = inputs;
    ret->input_count = count;
}

static int not_ours(err *e) {
    return err_set(e, ERR_INVALID, "this is no audit entry as Slipway writes them");
}

/* The part that says who did what is written again and compared: so nothing is passed over there.
 * Values of details find names without case, so they are taken as they are read. */
int audit_event_read(arena *a, str entry, audit_event *ret, err *e) {
    value root;
    audit_event x = {0};
    _cleanup_strbuf_ strbuf again = STRBUF_INIT;
    err inner = {0};
    if (entry.len > AUDIT_ENTRY_MAX)
        return err_set(e, ERR_LIMIT, "an audit entry has more than %d bytes", AUDIT_ENTRY_MAX);
    if (json_parse(a, entry, AUDIT_DEPTH_MAX + 2, &root, &inner) < 0) return not_ours(e);
    const value *version = value_get(&root, STR("version"));
    if (!version || version->kind != VALUE_NUMBER) return not_ours(e);
    if (version->number != VERSION)
        return err_set(e, ERR_UNSUPPORTED,
                       "the audit entry is of version %.0f: this Slipway knows %d", version->number,
                       VERSION);
    if (!read_time(value_path_str(&root, "time"), &x.time_us)) return not_ours(e);
    read_party(&root, "actor", &x.actor);
    x.action = value_path_str(&root, "action");
    read_party(&root, "subject", &x.subject);
    x.project = value_path_str(&root, "project");
    x.reason = value_path_str(&root, "reason");
    x.origin.address = value_path_str(&root, "origin.address");
    x.origin.request_id = value_path_str(&root, "origin.request_id");
    x.origin.user_agent = value_path_str(&root, "origin.user_agent");
    const value *details = value_get(&root, STR("details"));
    if (details) x.details = *details;
    read_inputs(a, value_get(&root, STR("inputs")), &x);
    json_out o = JSON_OUT(&again);
    audit_write_head(&o, &x);
    put_origin(&o, &x);
    if (judge(&x, &inner) < 0 || !str_starts(entry, strbuf_str(&again))) return not_ours(e);
    *ret = x;
    return 0;
}
