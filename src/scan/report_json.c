#include "scan/report.h"

static void write_error(json_out *o, const scan_error *error) {
    json_open(o, '{');
    json_key_str(o, "path", error->path);
    json_key_number(o, "line", error->line);
    json_key_number(o, "column", error->column);
    json_key_str(o, "message", error->message);
    json_close(o, '}');
}

void report_json(strbuf *out, const scan_report *r, const report_head *head) {
    json_out o = JSON_OUT(out);
    json_open(&o, '{');
    json_key_number(&o, "v", 1);
    json_key_str(&o, "tool", str_from(head->tool));
    json_key_str(&o, "version", STR(SLIPWAY_VERSION));
    json_key_str(&o, "root", head->root);
    if (head->commit.len) json_key_str(&o, "commit", head->commit);
    json_key_number(&o, "files", (double)r->file_count);
    json_key_number(&o, "suppressed", (double)head->suppressed);
    json_key_number(&o, "baseline", (double)head->baseline);
    json_key(&o, "findings");
    json_open(&o, '[');
    for (size_t i = 0; i < r->findings.count; i++)
        finding_write(&o, &r->findings.items[i]);
    json_close(&o, ']');
    json_key(&o, "errors");
    json_open(&o, '[');
    for (size_t i = 0; i < r->errors.count; i++)
        write_error(&o, &r->errors.items[i]);
    json_close(&o, ']');
    json_close(&o, '}');
    strbuf_addc(out, '\n');
}
