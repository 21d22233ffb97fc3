/* api_own.c: what the frame itself answers, and the schemas that it speaks in. */
#include "server/api_parts.h"

static void healthz(api_call *c) {
    api_bytes(c, 200, "text/plain", STR("ok\n"));
}

static void readyz(api_call *c) {
    const api_config *k = &c->s->config;
    _cleanup_strbuf_ strbuf why = STRBUF_INIT;
    if (!k->ready || k->ready(k->context, &why)) {
        api_bytes(c, 200, "text/plain", STR("ready\n"));
        return;
    }
    api_busy(c, 503, 1, why.len ? strbuf_cstr(&why) : "the server is not ready yet");
}

static void version(api_call *c) {
    value v = value_object_new(c->a, true);
    value_set_str(c->a, &v, "version", STR(SLIPWAY_VERSION));
    value_set_str(c->a, &v, "api", STR("v1"));
    api_json(c, 200, &v);
}

static void openapi(api_call *c) {
    api_json_text(c, 200, c->s->document);
}

static const api_route rows[] = {
    {.id = "server.health",
     .method = "GET",
     .path = "/healthz",
     .tag = "server",
     .summary = "Whether the server is alive",
     .type = "text/plain",
     .handle = healthz},
    {.id = "server.ready",
     .method = "GET",
     .path = "/readyz",
     .tag = "server",
     .summary = "Whether the server can take work",
     .type = "text/plain",
     .handle = readyz},
    {.id = "server.version",
     .method = "GET",
     .path = "/api/v1/version",
     .tag = "server",
     .summary = "The version of the server and of its API",
     .answer = "Version",
     .handle = version},
    {.id = "server.openapi",
     .method = "GET",
     .path = "/api/v1/openapi.json",
     .tag = "server",
     .summary = "This document",
     .answer = "Document",
     .handle = openapi},
};

static const api_field problem_fields[] = {
    {.name = "type", .type = API_STRING, .required = true, .help = "always about:blank"},
    {.name = "title", .type = API_STRING, .required = true, .help = "the status in words"},
    {.name = "status", .type = API_INTEGER, .required = true, .help = "the HTTP status"},
    {.name = "detail", .type = API_STRING, .required = true, .help = "what went wrong, for people"},
    {.name = "instance",
     .type = API_STRING,
     .required = true,
     .help = "names this request in the server's log"},
    {.name = "errors",
     .type = API_LIST,
     .items = API_OBJECT,
     .schema = "ProblemError",
     .help = "what is wrong with parameters and members of the body"},
    {.name = NULL},
};

static const api_field error_fields[] = {
    {.name = "pointer", .type = API_STRING, .help = "where in the body, as a JSON pointer"},
    {.name = "parameter", .type = API_STRING, .help = "the name of a parameter"},
    {.name = "detail", .type = API_STRING, .required = true, .help = "what is wrong with it"},
    {.name = NULL},
};

static const api_field version_fields[] = {
    {.name = "version", .type = API_STRING, .required = true, .help = "of the program"},
    {.name = "api", .type = API_STRING, .required = true, .help = "of the API"},
    {.name = NULL},
};

static const api_field document_fields[] = {
    {.name = "openapi", .type = API_STRING, .required = true, .help = "the version of OpenAPI"},
    {.name = "info", .type = API_OBJECT, .required = true, .help = "name and version"},
    {.name = "servers", .type = API_LIST, .items = API_OBJECT, .help = "where the API is"},
    {.name = "tags", .type = API_LIST, .items = API_OBJECT, .help = "groups of operations"},
    {.name = "paths", .type = API_OBJECT, .required = true, .help = "the operations"},
    {.name = "components", .type = API_OBJECT, .required = true, .help = "the schemas"},
    {.name = NULL},
};

static const api_schema schemas[] = {
    {"Problem", "A failure (RFC 9457)", problem_fields},
    {"ProblemError", "One thing that is wrong", error_fields},
    {"Version", "Versions", version_fields},
    {"Document", "An OpenAPI document", document_fields},
};

const api_routes api_own_routes = {rows, sizeof rows / sizeof *rows};
const api_schemas api_own_schemas = {schemas, sizeof schemas / sizeof *schemas};
