/* routes_audit.c: the audit log, as files for other people's verifiers and as pages for people. */
#include "server/routes.h"
#include "server/show.h"
#include "server/state.h"

#include "base/json.h"
#include "store/audit.h"

static void get_file(api_call *c) {
    audit_file file;
    store *s;
    str bytes;
    err e = {0};
    if (!audit_file_parse(api_path_str(c, "file"), &file)) {
        api_problem(c, 404, "the audit log has no file of that name");
        return;
    }
    int r = server_reader(call_server(c), &s, &e);
    if (r == 0) r = audit_read(s, c->a, &file, &bytes, &e);
    bool text = file.kind == AUDIT_CHECKPOINT || file.kind == AUDIT_KEY;
    if (r < 0)
        api_fail(c, &e);
    else
        api_bytes(c, 200, text ? "text/plain; charset=utf-8" : "application/octet-stream", bytes);
}

static const api_field file_path[] = {
    {.name = "file", .type = API_STRING, .help = "\"checkpoint\", \"key\", \"tile/…\"."}, {0}};

static const api_route rows[] = {
    {.id = "audit.file",
     .method = "GET",
     .path = "/audit/{file...}",
     .tag = "audit",
     .summary = "The audit log as tiles (c2sp.org/tlog-tiles)",
     .auth = API_PERSON,
     .right = RIGHT_AUDIT_READ,
     .parameters = file_path,
     .type = "application/octet-stream",
     .handle = get_file},
};
const api_routes audit_routes = {rows, sizeof rows / sizeof *rows};
const api_schemas audit_schemas = {NULL, 0};
