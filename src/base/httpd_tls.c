/* httpd_tls.c: the certificate that a client has shown.
 *
 * libmicrohttpd asks for one but takes whatever comes, also none; so whether it holds is judged
 * here, against the CA that the listener was given, each time that somebody wants to know, and
 * remembered for the connection while the certificate is valid. */
#include "base/httpd_parts.h"

#include "base/hash.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define URI_MAX    2048
#define SERIAL_MAX 64
#define NAMES_MAX  64

#define GNUTLS_FUNCTIONS(X)                                                                        \
    X(gnutls_certificate_get_peers)                                                                \
    X(gnutls_certificate_verification_status_print)                                                \
    X(gnutls_certificate_type_get2)                                                                \
    X(gnutls_certificate_verify_peers)                                                             \
    X(gnutls_strerror)                                                                             \
    X(gnutls_x509_crt_deinit)                                                                      \
    X(gnutls_x509_crt_get_expiration_time)                                                         \
    X(gnutls_x509_crt_get_serial)                                                                  \
    X(gnutls_x509_crt_get_subject_alt_name)                                                        \
    X(gnutls_x509_crt_import)                                                                      \
    X(gnutls_x509_crt_init)

static struct {
    bool loaded;
    GNUTLS_FUNCTIONS(LIBRARY_POINTER)
} tls;
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static int load(err *e) {
#define SYMBOL(name) LIBRARY_SYMBOL(tls, name)
    static const library_symbol symbols[] = {GNUTLS_FUNCTIONS(SYMBOL)};
#undef SYMBOL
    static const char *const files[] = {"libgnutls.so.30", NULL};
    pthread_mutex_lock(&loading);
    int r = library_load(files, "libgnutls30", symbols, sizeof symbols / sizeof *symbols,
                         &tls.loaded, e);
    pthread_mutex_unlock(&loading);
    return r;
}

static int refused(httpd_shown *s, int code, const char *why) {
    snprintf(s->why, sizeof s->why, "%s", why);
    return code;
}

static int verify(gnutls_session_t session, httpd_shown *s) {
    gnutls_typed_vdata_st purpose = {GNUTLS_DT_KEY_PURPOSE_OID,
                                     (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT, 0};
    unsigned status = 0;
    gnutls_datum_t text = {0};
    int r = tls.gnutls_certificate_verify_peers(session, &purpose, 1, &status);
    if (r < 0) return refused(s, ERR_INVALID, tls.gnutls_strerror(r));
    if (!status) return 0;
    r = tls.gnutls_certificate_verification_status_print(
        status, tls.gnutls_certificate_type_get2(session, GNUTLS_CTYPE_PEERS), &text, 0);
    refused(s, ERR_INVALID, r == 0 ? (const char *)text.data : "it does not hold");
    free(text.data); /* GnuTLS' own way to free, unless a program sets another */
    return ERR_INVALID;
}

/* Its one URI name; none where there are several, so that nobody picks one. */
static str uri_name(arena *a, gnutls_x509_crt_t crt) {
    char text[URI_MAX];
    str found = STR_EMPTY;
    unsigned count = 0;
    for (unsigned i = 0; i < NAMES_MAX; i++) {
        size_t size = sizeof text;
        int kind = tls.gnutls_x509_crt_get_subject_alt_name(crt, i, text, &size, NULL);
        if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) return count == 1 ? found : STR_EMPTY;
        if (kind < 0) return STR_EMPTY;
        if (kind != GNUTLS_SAN_URI) continue;
        count++;
        found = arena_str(a, (str){text, size});
    }
    return STR_EMPTY;
}

static int keep(httpd_shown *s, gnutls_x509_crt_t crt, str der) {
    uint8_t serial[SERIAL_MAX];
    char hex[2 * SERIAL_MAX + 1];
    size_t size = sizeof serial;
    if (tls.gnutls_x509_crt_get_serial(crt, serial, &size) < 0)
        return refused(s, ERR_INVALID, "it has no serial number");
    hex_encode(serial, size, hex);
    s->a = arena_new();
    s->until = (int64_t)tls.gnutls_x509_crt_get_expiration_time(crt);
    s->certificate.der = arena_str(s->a, der);
    s->certificate.serial = arena_str(s->a, str_from(hex));
    s->certificate.uri = uri_name(s->a, crt);
    return 1;
}

static int judge(gnutls_session_t session, httpd_shown *s) {
    unsigned count = 0;
    gnutls_x509_crt_t crt;
    const gnutls_datum_t *shown = tls.gnutls_certificate_get_peers(session, &count);
    if (!shown || !count) return refused(s, ERR_NOT_FOUND, "the client has shown no certificate");
    int r = verify(session, s);
    if (r < 0) return r;
    if (tls.gnutls_x509_crt_init(&crt) < 0) oom();
    r = ERR_INVALID;
    if (tls.gnutls_x509_crt_import(crt, &shown[0], GNUTLS_X509_FMT_DER) < 0)
        refused(s, r, "it cannot be read");
    else
        r = keep(s, crt, (str){(const char *)shown[0].data, shown[0].size});
    tls.gnutls_x509_crt_deinit(crt);
    return r;
}

int httpd_peer_certificate(httpd_request *r, httpd_certificate *ret, err *e) {
    httpd_shown *s = &r->link->shown;
    const union MHD_ConnectionInfo *info =
        r->link->listener->tls
            ? mhd.MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)
            : NULL;
    if (!info || !info->tls_session)
        return err_set(e, ERR_NOT_FOUND, "the connection is not encrypted");
    if (!s->judged) {
        if (load(e) < 0) return e ? e->code : ERR_UNSUPPORTED;
        s->judged = judge(info->tls_session, s);
    }
    if (s->judged == 1 && (int64_t)time(NULL) > s->until)
        s->judged = refused(s, ERR_INVALID, "it has expired");
    if (s->judged == ERR_NOT_FOUND) return err_set(e, ERR_NOT_FOUND, "%s", s->why);
    if (s->judged < 0)
        return err_set(e, s->judged, "the client's certificate is refused: %s", s->why);
    *ret = s->certificate;
    return 0;
}
