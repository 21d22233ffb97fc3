/* identity.c: an OpenID Connect issuer for the identity of jobs.
 *
 * The key is an RSA key of 2048 bits, because RS256 is what relying parties of GitHub's tokens
 * check. It is made when the first token is asked for, and kept in the data folder, readable by its
 * owner alone. The issuer is the address of the service: whoever is to trust these tokens must be
 * able to reach it, so they are of use on this machine.
 * Claims and subjects: https://docs.github.com/en/actions/reference/security/oidc */
#include "actions/service.h"

#include "actions/jwt.h"
#include "base/fs.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_BITS     2048
#define AUDIENCE_MAX 1024

struct identity {
    EVP_PKEY *key;
    strbuf modulus, exponent; /* base64url */
    strbuf name;              /* kid: the key's thumbprint (RFC 7638) */
};

/* ---- the key -------------------------------------------------------------------------------- */

static EVP_PKEY *read_key(const char *path) {
    EVP_PKEY *key = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
    if (f) {
        key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
        fclose(f);
    } else if (fd >= 0) {
        close(fd);
    }
    return key;
}

/* Of several processes that make a key at the same time, the first one's is kept. */
static int make_key(service *s, const char *path, EVP_PKEY **ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    char *temporary;
    int fd;
    int r = staging_file(s, a, &temporary, &fd, e);
    if (r < 0) return r;
    FILE *f = fdopen(fd, "w");
    if (!f) oom();
    EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
    bool written = key && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    written = fclose(f) == 0 && written;
    EVP_PKEY_free(key);
    if (!written) r = err_set(e, ERR_IO, "cannot make the key of identity tokens");
    if (r == 0 && link(temporary, path) < 0 && errno != EEXIST)
        r = err_sys(e, errno, "cannot make '%s'", path);
    unlink(temporary);
    if (r < 0) return r;
    *ret = read_key(path);
    return *ret ? 0
                : err_set(e, ERR_INVALID,
                          "'%s' is no key of identity tokens: remove it, a new one will be made",
                          path);
}

static void add_number(strbuf *out, const EVP_PKEY *key, const char *name) {
    BIGNUM *number = NULL;
    uint8_t bytes[KEY_BITS]; /* more than any key that we take */
    if (!EVP_PKEY_get_bn_param(key, name, &number) || BN_num_bytes(number) > (int)sizeof bytes)
        oom();
    int size = BN_bn2bin(number, bytes);
    BN_free(number);
    base64url_encode(out, (str){(const char *)bytes, (size_t)size});
}

static void name_key(struct identity *x) {
    _cleanup_strbuf_ strbuf text = STRBUF_INIT;
    uint8_t digest[32];
    strbuf_addf(&text, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", x->exponent.ptr,
                x->modulus.ptr);
    sha256 *h = sha256_new();
    sha256_add(h, text.ptr, text.len);
    sha256_end(h, digest);
    base64url_encode(&x->name, (str){(const char *)digest, sizeof digest});
}

static int open_identity(service *s, err *e) {
    if (s->identity) return 0;
    char *path = fs_join(s->a, s->data, STR("identity.pem"));
    EVP_PKEY *key = read_key(path);
    int r = key ? 0 : make_key(s, path, &key, e);
    if (r < 0) return r;
    if (!EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) < KEY_BITS ||
        EVP_PKEY_get_bits(key) > 4 * KEY_BITS) {
        EVP_PKEY_free(key);
        return err_set(e, ERR_INVALID,
                       "'%s' is no RSA key of %d bits: remove it, a new one will be made", path,
                       KEY_BITS);
    }
    struct identity *x = mem_alloc(sizeof *x);
    *x = (struct identity){.key = key};
    add_number(&x->modulus, key, OSSL_PKEY_PARAM_RSA_N);
    add_number(&x->exponent, key, OSSL_PKEY_PARAM_RSA_E);
    name_key(x);
    s->identity = x;
    return 0;
}

void identity_free(struct identity *x) {
    if (!x) return;
    EVP_PKEY_free(x->key);
    strbuf_done(&x->modulus);
    strbuf_done(&x->exponent);
    strbuf_done(&x->name);
    free(x);
}

/* ---- what is public ------------------------------------------------------------------------- */

static const char *const claim_names[] = {"sub",
                                          "aud",
                                          "exp",
                                          "iat",
                                          "iss",
                                          "jti",
                                          "nbf",
                                          "ref",
                                          "sha",
                                          "repository",
                                          "repository_id",
                                          "repository_owner",
                                          "repository_owner_id",
                                          "run_id",
                                          "run_number",
                                          "run_attempt",
                                          "actor",
                                          "actor_id",
                                          "workflow",
                                          "workflow_ref",
                                          "workflow_sha",
                                          "head_ref",
                                          "base_ref",
                                          "event_name",
                                          "ref_type",
                                          "ref_protected",
                                          "environment",
                                          "job_workflow_ref",
                                          "job_workflow_sha",
                                          "runner_environment",
                                          "repository_visibility"};

static value strings(arena *a, const char *const *items, size_t count) {
    value out = value_array_new(a);
    for (size_t i = 0; i < count; i++)
        value_push(a, &out, value_cstring(items[i]));
    return out;
}

static void answer_configuration(call *c) {
    static const char *const lists[][2] = {{"subject_types_supported", "public"},
                                           {"response_types_supported", "id_token"},
                                           {"id_token_signing_alg_values_supported", "RS256"},
                                           {"scopes_supported", "openid"}};
    value out = value_object_new(c->a, true);
    value_set_str(c->a, &out, "issuer", str_from(c->s->base));
    value_set_str(c->a, &out, "jwks_uri", arena_printf(c->a, "%s/.well-known/jwks", c->s->base));
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        value_set(c->a, &out, str_from(lists[i][0]), strings(c->a, &lists[i][1], 1));
    value_set(c->a, &out, STR("claims_supported"),
              strings(c->a, claim_names, sizeof claim_names / sizeof *claim_names));
    call_json(c, 200, &out);
}

static void answer_keys(call *c) {
    err e = {0};
    value out = value_object_new(c->a, true), keys = value_array_new(c->a);
    value key = value_object_new(c->a, true);
    pthread_mutex_lock(&c->s->lock);
    int r = open_identity(c->s, &e);
    if (r == 0) {
        const struct identity *x = c->s->identity;
        value_set_str(c->a, &key, "kty", STR("RSA"));
        value_set_str(c->a, &key, "alg", STR("RS256"));
        value_set_str(c->a, &key, "use", STR("sig"));
        value_set_str(c->a, &key, "kid", arena_str(c->a, strbuf_str(&x->name)));
        value_set_str(c->a, &key, "n", arena_str(c->a, strbuf_str(&x->modulus)));
        value_set_str(c->a, &key, "e", arena_str(c->a, strbuf_str(&x->exponent)));
    }
    pthread_mutex_unlock(&c->s->lock);
    if (r < 0) {
        twirp_error(c, TWIRP_INTERNAL, e.message);
        return;
    }
    value_push(c->a, &keys, key);
    value_set(c->a, &out, STR("keys"), keys);
    call_json(c, 200, &out);
}

void identity_public(call *c, str rest) {
    if (!str_is(httpd_method(c->r), "GET"))
        twirp_error(c, TWIRP_BAD_ROUTE, "this can only be read");
    else if (str_is(rest, "openid-configuration"))
        answer_configuration(c);
    else if (str_is(rest, "jwks"))
        answer_keys(c);
    else
        twirp_error(c, TWIRP_BAD_ROUTE, "there is no such document");
}

/* ---- tokens --------------------------------------------------------------------------------- */

/* A colon within a part is written %3A, so that the parts can be told apart. */
static void add_part(strbuf *out, str part) {
    for (size_t i = 0; i < part.len; i++) {
        if (part.ptr[i] == ':')
            strbuf_adds(out, "%3A");
        else
            strbuf_addc(out, part.ptr[i]);
    }
}

void identity_subject(strbuf *out, const actions_job *j) {
    str owner, name;
    str_cut(j->repository, '/', &owner, &name);
    strbuf_adds(out, "repo:");
    add_part(out, owner);
    if (j->immutable_subject) {
        strbuf_addc(out, '@');
        add_part(out, value_path_str(&j->claims, "repository_owner_id"));
    }
    strbuf_addc(out, '/');
    add_part(out, name);
    if (j->immutable_subject) {
        strbuf_addc(out, '@');
        add_part(out, value_path_str(&j->claims, "repository_id"));
    }
    if (j->environment.len) {
        strbuf_adds(out, ":environment:");
        add_part(out, j->environment);
    } else if (str_is(value_path_str(&j->claims, "event_name"), "pull_request")) {
        strbuf_adds(out, ":pull_request");
    } else {
        strbuf_adds(out, ":ref:");
        add_part(out, j->ref);
    }
}

static value make_claims(call *c, str audience) {
    const actions_job *j = &c->job->spec;
    _cleanup_strbuf_ strbuf subject = STRBUF_INIT;
    char id[NAME_SIZE];
    int64_t now = now_seconds();
    value out = value_object_new(c->a, true);
    random_hex(16, id);
    identity_subject(&subject, j);
    value_set_all(c->a, &out, &j->claims);
    value_set_str(c->a, &out, "jti", arena_str(c->a, str_from(id)));
    value_set_str(c->a, &out, "sub", arena_str(c->a, strbuf_str(&subject)));
    value_set_str(c->a, &out, "aud", audience);
    value_set_str(c->a, &out, "iss", str_from(c->s->base));
    value_set_str(c->a, &out, "ref", j->ref);
    value_set_str(c->a, &out, "repository", j->repository);
    if (j->environment.len) value_set_str(c->a, &out, "environment", j->environment);
    value_set(c->a, &out, STR("iat"), value_number((double)now));
    value_set(c->a, &out, STR("nbf"), value_number((double)now));
    value_set(c->a, &out, STR("exp"), value_number((double)now + c->s->limits.identity_seconds));
    return out;
}

static bool sign(const struct identity *x, str text, strbuf *out) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t size = (size_t)EVP_PKEY_get_size(x->key);
    strbuf_reserve(out, size);
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, x->key) > 0 &&
              EVP_DigestSign(ctx, (unsigned char *)out->ptr, &size, (const unsigned char *)text.ptr,
                             text.len) > 0;
    EVP_MD_CTX_free(ctx);
    if (ok) out->len = size;
    return ok;
}

static int make_token(call *c, str audience, strbuf *out, err *e) {
    int r = open_identity(c->s, e);
    if (r < 0) return r;
    _cleanup_strbuf_ strbuf signature = STRBUF_INIT;
    value header = value_object_new(c->a, true), claims = make_claims(c, audience);
    value_set_str(c->a, &header, "typ", STR("JWT"));
    value_set_str(c->a, &header, "alg", STR("RS256"));
    value_set_str(c->a, &header, "kid", strbuf_str(&c->s->identity->name));
    jwt_begin(out, &header, &claims);
    if (!sign(c->s->identity, strbuf_str(out), &signature))
        return err_set(e, ERR_FAILED, "the identity token could not be signed");
    jwt_end(out, strbuf_str(&signature));
    return 0;
}

void identity_begin(call *c) {
    str audience;
    err e = {0};
    _cleanup_strbuf_ strbuf token = STRBUF_INIT;
    value out = value_object_new(c->a, true);
    httpd_target_query(httpd_request_target(c->r), "audience", &audience);
    if (!audience.len) audience = c->job->spec.audience;
    if (!str_is(httpd_method(c->r), "GET")) {
        twirp_error(c, TWIRP_BAD_ROUTE, "identity tokens are asked for by GET");
        return;
    }
    if (audience.len > AUDIENCE_MAX || !utf8_valid(audience)) {
        twirp_error(c, TWIRP_INVALID, "the audience is too long or no text");
        return;
    }
    pthread_mutex_lock(&c->s->lock);
    int r = c->job->closed ? err_set(&e, ERR_NOT_FOUND, "the job has ended")
                           : make_token(c, audience, &token, &e);
    pthread_mutex_unlock(&c->s->lock);
    if (r < 0) {
        twirp_error(c, twirp_of(&e), e.message);
        return;
    }
    value_set_str(c->a, &out, "value", strbuf_str(&token));
    call_json(c, 200, &out);
}
