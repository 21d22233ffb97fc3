#include "scan/secrets/findings.h"

#include "base/hash.h"
#include "scan/secrets/secrets.h"

#include <math.h>
#include <string.h>

#define EXCERPT_LINES  5
#define EXCERPT_BEFORE 80 /* bytes of a long line before the secret, and after its beginning */
#define EXCERPT_AFTER  160
#define NEIGHBOURS     64 /* findings whose secrets may stand again in the lines of one */
#define REPLACE_MIN    6  /* shorter secrets are not looked for elsewhere in the lines */
#define IDENTITY_BYTES 4  /* of a digest, within a scan */
#define TAG_BYTES      2  /* of a digest, in fingerprints */
#define NAME_BEFORE    60 /* bytes of a line before a secret, where a name would be */

#define HELP                                                                                       \
    "Revoke it where it was issued and make a new one first: it is in the history and in every "   \
    "copy. Then take it out of the file, and read it from the environment or a store of secrets."

/* ---- redaction ------------------------------------------------------------------------------ */

str secrets_redact(arena *a, str secret, size_t prefix) {
    if (prefix >= secret.len) prefix = 0;
    size_t rest = secret.len - prefix, shown = rest < 16 ? 0 : rest / 8 < 4 ? rest / 8 : 4;
    size_t end = prefix + shown;
    while (end > 0 && ((unsigned char)secret.ptr[end] & 0xC0) == 0x80)
        end--;
    str head = str_sub(secret, 0, end);
    for (size_t i = 0; i < head.len; i++) {
        if ((unsigned char)head.ptr[i] < ' ') head.len = i;
    }
    return arena_utf8(a, arena_printf(a, "%.*s***", STR_ARG(head)));
}

/* The longest keyword of its rule that the secret begins with. */
static size_t prefix_of(const secret_match *f) {
    size_t longest = 0;
    const str_list *keywords = &f->rule->keywords;
    for (size_t i = 0; i < keywords->count; i++) {
        str k = keywords->items[i];
        if (k.len < SECRET_PREFIX_MIN || k.len <= longest || k.len > f->value.len) continue;
        if (str_eq_nocase(str_sub(f->value, 0, k.len), k)) longest = k.len;
    }
    return longest;
}

typedef struct writer {
    arena *a;
    str path, text;
    const match_list *matches;
    str *shown;    /* of each match */
    size_t *reach; /* how far the secrets up to each go */
    text_lines lines;
    bool show_secrets, keep_values;
} writer;

static void show_all(writer *w) {
    w->shown = ARENA_ARRAY(w->a, str, w->matches->count);
    w->reach = ARENA_ARRAY(w->a, size_t, w->matches->count);
    for (size_t i = 0; i < w->matches->count; i++) {
        const secret_match *f = &w->matches->items[i];
        w->shown[i] = w->show_secrets ? arena_utf8(w->a, arena_str(w->a, f->value))
                                      : secrets_redact(w->a, f->value, prefix_of(f));
        w->reach[i] = f->secret.end;
        if (i && w->reach[i - 1] > w->reach[i]) w->reach[i] = w->reach[i - 1];
    }
}

/* ---- excerpts ------------------------------------------------------------------------------- */

/* The first match whose secret begins at `at` or later; they are sorted by that. */
static size_t first_from(const writer *w, size_t at) {
    size_t low = 0, high = w->matches->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const secret_match *f = &w->matches->items[middle];
        if (!f->whole_file && f->secret.start >= at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* The match whose secret is at `at`, of several the longest. */
static const secret_match *secret_at(const writer *w, size_t at, size_t *ret_index) {
    const secret_match *found = NULL;
    for (size_t i = first_from(w, at + 1); i-- > 0 && w->reach[i] > at;) {
        const secret_match *f = &w->matches->items[i];
        if (f->whole_file || at >= f->secret.end) continue;
        if (found && found->secret.end >= f->secret.end) continue;
        found = f;
        *ret_index = i;
    }
    return found;
}

static size_t next_secret(const writer *w, size_t at, size_t end) {
    size_t i = first_from(w, at);
    bool within = i < w->matches->count && w->matches->items[i].secret.start < end;
    return within ? w->matches->items[i].secret.start : end;
}

/* A stretch of the text with all secrets in it redacted, also those of other findings; where `hide`
 * also the few letters that are shown of one. */
static void copy_redacted(const writer *w, bool hide, strbuf *out, size_t at, size_t end) {
    while (at < end) {
        size_t index = 0;
        const secret_match *f = secret_at(w, at, &index);
        if (f) {
            bool whole = f->secret.start == at && !f->kinds;
            strbuf_add(out, whole && !hide ? w->shown[index] : STR("***"));
            at = f->secret.end;
            continue;
        }
        size_t stop = next_secret(w, at, end);
        strbuf_add(out, str_sub(w->text, at, stop));
        at = stop;
    }
}

static void copy_excerpt(const writer *w, strbuf *out, size_t at, size_t end) {
    if (w->show_secrets)
        strbuf_add(out, str_sub(w->text, at, end));
    else
        copy_redacted(w, false, out, at, end);
}

static str replace_all(arena *a, str in, str what, str by) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    ptrdiff_t at = str_find(in, what);
    if (at < 0) return in;
    while (at >= 0) {
        strbuf_add(&out, str_sub(in, 0, (size_t)at));
        strbuf_add(&out, by);
        in = str_sub(in, (size_t)at + what.len, in.len);
        at = str_find(in, what);
    }
    strbuf_add(&out, in);
    return arena_str(a, strbuf_str(&out));
}

/* The lines of a place; of long ones what is around the secret. */
static str excerpt_of(const writer *w, size_t index, uint32_t line, uint32_t end_line) {
    const secret_match *f = &w->matches->items[index];
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    size_t low = f->secret.start > EXCERPT_BEFORE ? f->secret.start - EXCERPT_BEFORE : 0,
           high = f->secret.start + EXCERPT_AFTER;
    if (end_line >= line + EXCERPT_LINES) end_line = line + EXCERPT_LINES - 1;
    for (uint32_t i = line; i <= end_line; i++) {
        str l = text_line(&w->lines, i);
        size_t start = (size_t)(l.ptr - w->text.ptr), end = start + l.len;
        bool is_long = l.len > EXCERPT_BEFORE + EXCERPT_AFTER;
        bool within = start > f->secret.start && end <= f->secret.end;
        if (i > line) strbuf_addc(&out, '\n');
        if (within && !w->show_secrets) { /* as are those that follow */
            strbuf_adds(&out, "***");
            break;
        }
        if (is_long && i == line && start < low) start = low, strbuf_adds(&out, "...");
        size_t stop = !is_long ? end : i == line ? high : start + EXCERPT_AFTER;
        copy_excerpt(w, &out, start, stop < end ? stop : end);
        if (stop < end) strbuf_adds(&out, "...");
    }
    str text = arena_str(w->a, strbuf_str(&out));
    size_t from = index > NEIGHBOURS ? index - NEIGHBOURS : 0;
    for (size_t i = from; i < w->matches->count && i <= index + NEIGHBOURS && !w->show_secrets;
         i++) {
        str secret = w->matches->items[i].value;
        if (secret.len >= REPLACE_MIN) text = replace_all(w->a, text, secret, w->shown[i]);
    }
    return arena_utf8(w->a, text);
}

/* ---- findings ------------------------------------------------------------------------------- */

static str without_stop(arena *a, str s) {
    s = str_trim(s);
    while (s.len && s.ptr[s.len - 1] == '.')
        s.len--;
    return arena_utf8(a, s);
}

static value list_of(arena *a, const str_list *items) {
    value list = value_array_new(a);
    for (size_t i = 0; i < items->count; i++)
        value_push(a, &list, value_string(arena_utf8(a, items->items[i])));
    return list;
}

/* The beginning of the secret's digest, in hex. */
static str digest_of(arena *a, str secret, size_t bytes) {
    char hex[65];
    sha256_hex(secret, hex);
    return arena_str(a, (str){hex, 2 * bytes});
}

/* JSON would change what is no UTF-8: it is left out, and then there is nothing to ask. */
static void add_value(const writer *w, value *to, str name, str text) {
    if (text.len && str_eq(arena_utf8(w->a, text), text))
        value_set(w->a, to, name, value_string(text));
}

static value values_of(const writer *w, const secret_match *f) {
    value values = value_object_new(w->a, true);
    add_value(w, &values, STR("secret"), f->value);
    for (unsigned i = 1; f->groups && i <= f->rule->pattern->count; i++) {
        if (f->rule->pattern->names[i].len)
            add_value(w, &values, f->rule->pattern->names[i], f->groups[i]);
    }
    return values;
}

static value properties_of(const writer *w, size_t index) {
    const secret_match *f = &w->matches->items[index];
    value p = value_object_new(w->a, true);
    value_set_str(w->a, &p, "match", f->whole_file ? STR("path") : STR("content"));
    if (!f->whole_file) {
        value_set_str(w->a, &p, "secret", w->shown[index]);
        value_set_str(w->a, &p, SCAN_IDENTITY, digest_of(w->a, f->value, IDENTITY_BYTES));
        value_set(w->a, &p, STR("entropy"), value_number(round(f->entropy * 100) / 100));
    }
    if (f->rule->tags.count) value_set(w->a, &p, STR("tags"), list_of(w->a, &f->rule->tags));
    if (w->keep_values && f->rule->verify)
        value_set(w->a, &p, STR(VALUES_PROPERTY), values_of(w, f));
    if (f->unless_commits)
        value_set(w->a, &p, STR(COMMITS_PROPERTY), list_of(w->a, f->unless_commits));
    if (!f->kinds) return p;
    value kinds = value_array_new(w->a);
    for (decode_kind k = 0; k < DECODE_KIND_COUNT; k++) {
        if (f->kinds & 1u << k) value_push(w->a, &kinds, value_cstring(decode_kind_name(k)));
    }
    value_set(w->a, &p, STR("decoded"), kinds);
    value_set(w->a, &p, STR("decode_depth"), value_number(f->depth));
    return p;
}

static finding make_finding(writer *w, size_t index) {
    const secret_match *f = &w->matches->items[index];
    const secret_rule *rule = f->rule;
    str title = rule->description.len ? rule->description : rule->id;
    finding out = {.kind = STR("secrets"),
                   .level = rule->level,
                   .rule = arena_utf8(w->a, rule->id),
                   .title = without_stop(w->a, title),
                   .help = rule->help.len ? arena_utf8(w->a, rule->help) : STR(HELP),
                   .help_uri = rule->help_uri,
                   .path = arena_utf8(w->a, w->path),
                   .properties = properties_of(w, index)};
    out.message =
        f->whole_file
            ? arena_printf(w->a, "%.*s: a file of this name is a secret as a whole",
                           STR_ARG(out.title))
            : arena_printf(w->a, "%.*s: %.*s", STR_ARG(out.title), STR_ARG(w->shown[index]));
    return out;
}

/* What stands before the secret in its line, and as much of its digest as tells it from the one
 * that takes its place, but not a guess of it from others: who has a report may know the rest. */
static void identify(const writer *w, size_t index, finding *f) {
    const secret_match *m = &w->matches->items[index];
    size_t from = (size_t)(text_line(&w->lines, f->line).ptr - w->text.ptr);
    if (m->secret.start - from > NAME_BEFORE) from = m->secret.start - NAME_BEFORE;
    _cleanup_strbuf_ strbuf before = STRBUF_INIT;
    copy_redacted(w, true, &before, from, m->secret.start);
    str text = str_trim(strbuf_str(&before)), tag = digest_of(w->a, m->value, TAG_BYTES);
    finding_identify(w->a, f, arena_printf(w->a, "%.*s#%.*s", STR_ARG(tag), STR_ARG(text)));
}

static void add_hashes(writer *w, scan_out *out, size_t from) {
    size_t count = out->findings.count - from;
    uint32_t *numbers = ARENA_ARRAY(w->a, uint32_t, count);
    str *hashes = ARENA_ARRAY(w->a, str, count);
    for (size_t i = 0; i < count; i++)
        numbers[i] = out->findings.items[from + i].line;
    text_line_hashes(w->a, w->text, numbers, count, hashes);
    for (size_t i = 0; i < count; i++)
        out->findings.items[from + i].line_hash = hashes[i];
}

static void add_path_finding(writer *w, scan_out *out, size_t index) {
    finding f = make_finding(w, index);
    finding_identify(w->a, &f, STR("path"));
    ARENA_PUSH(out->a, out->findings.items, out->findings.count, out->findings.cap, f);
}

/* Matches are sorted by place, so the findings' lines ascend. */
void findings_add(scan_out *out, str path, str text, const match_list *matches,
                  const findings_options *how) {
    writer w = {.a = out->a,
                .path = path,
                .text = text,
                .matches = matches,
                .show_secrets = how->show_secrets,
                .keep_values = how->keep_values};
    if (!matches->count) return;
    w.lines = text_lines_new(w.a, text);
    show_all(&w);
    for (size_t i = 0; i < matches->count; i++) {
        const secret_match *f = &matches->items[i];
        if (f->whole_file) add_path_finding(&w, out, i);
    }
    size_t from = out->findings.count;
    for (size_t i = 0; i < matches->count; i++) {
        const secret_match *f = &matches->items[i];
        uint32_t line, column;
        if (f->whole_file) continue;
        text_place(&w.lines, f->match.start, &line, &column);
        finding made = make_finding(&w, i);
        text_place(&w.lines, f->secret.start, &made.line, &made.column);
        text_place(&w.lines, f->secret.end, &made.end_line, &made.end_column);
        if (line != made.line)
            value_set(w.a, &made.properties, STR(LINE_PROPERTY), value_number(line));
        made.excerpt = excerpt_of(&w, i, made.line, made.end_line);
        identify(&w, i, &made);
        ARENA_PUSH(out->a, out->findings.items, out->findings.count, out->findings.cap, made);
    }
    if (out->findings.count > from) add_hashes(&w, out, from);
}
