#include "cli/audit_keys.h"

#include "agent/person.h"
#include "base/fs.h"

#include <string.h>

#define KEYS_MAX ((size_t)1 << 20) /* bytes of the file */
#define KEY_MAX  ((size_t)4 << 10) /* bytes of a file with one key */

int audit_key_given(arena *a, const char *given, sign_verifier *ret, err *e) {
    str text = str_from(given);
    err inner = {0};
    if (sign_verifier_parse(text, ret, &inner) == 0) return 0;
    /* A verifier key has two pluses, which few names of files have. */
    if (fs_read_file(a, given, KEY_MAX, &text, e) == 0) {
        if (sign_verifier_parse(text, ret, e) == 0) return 0;
        return err_context(e, "--key '%s'", given);
    }
    str name, rest;
    if (e && e->code == ERR_NOT_FOUND && str_cut(text, '+', &name, &rest)) *e = inner;
    return err_context(e, "--key");
}

static int keys_path(arena *a, const char **ret, err *e) {
    *ret = person_folder(a, "XDG_STATE_HOME", ".local/state", "slipway/audit-keys");
    if (*ret) return 0;
    return err_set(e, ERR_NOT_FOUND,
                   "there is no folder for the keys of audit logs: set HOME or XDG_STATE_HOME, or "
                   "use --key");
}

int audit_key_known(arena *a, str name, sign_verifier *ret, err *e) {
    const char *path;
    str text, line;
    unsigned number = 0;
    int r = keys_path(a, &path, e);
    if (r == 0) r = fs_read_own(a, path, KEYS_MAX, &text, e);
    if (r < 0) return r;
    while (str_line(&text, &line)) {
        sign_verifier v;
        number++;
        if (str_trim(line).len == 0 || line.ptr[0] == '#') continue;
        if (sign_verifier_parse(line, &v, e) < 0) return err_context(e, "%s:%u", path, number);
        if (!str_is(name, v.name)) continue;
        *ret = v;
        return 0;
    }
    return err_set(e, ERR_NOT_FOUND, "no key of a log '%.*s' is known", STR_ARG(name));
}

int audit_key_of_source(arena *a, audit_source *s, audit_trust *ret, err *e) {
    str text;
    sign_verifier known;
    err inner = {0};
    int r = audit_source_fetch(s, a, &(audit_file){.kind = AUDIT_KEY}, &text, e);
    if (r == 0) r = sign_verifier_parse(text, &ret->key, e);
    if (r < 0) {
        err_context(e, "which key the log is signed with is not known: use --key");
        return r;
    }
    r = audit_key_known(a, str_from(ret->key.name), &known, &inner);
    ret->is_new = r == ERR_NOT_FOUND;
    if (r < 0 && !ret->is_new) return err_set(e, r, "%s", inner.message);
    if (ret->is_new || sign_verifier_same(&known, &ret->key)) return 0;
    const char *path = "";
    keys_path(a, &path, &inner);
    return err_set(e, ERR_FAILED,
                   "the log '%s' was signed with the key %08x so far, and now says %08x: it is not "
                   "the same log. If its keeper has changed the key, remove the old one from '%s'",
                   known.name, known.id, ret->key.id, path);
}

int audit_key_remember(arena *a, const sign_verifier *key, const char **ret_path, err *e) {
    _cleanup_strbuf_ strbuf line = STRBUF_INIT;
    int r = keys_path(a, ret_path, e);
    if (r < 0) return r;
    ptrdiff_t slash = str_rfind_char(str_from(*ret_path), '/');
    const char *folder = arena_cstr(a, str_sub(str_from(*ret_path), 0, (size_t)slash));
    sign_verifier_write(&line, key);
    strbuf_addc(&line, '\n');
    r = fs_mkdirs(folder, 0777, e);
    return r < 0 ? r : fs_append(*ret_path, strbuf_str(&line), e);
}
