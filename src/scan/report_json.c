#include "scan/report.h"

static void write_findings(json_out *o, const char *key, const finding_list *findings) {
    json_key(o, key);
    json_open(o, '[');
    for (size_t i = 0; i < findings->count; i++) {
        finding f = findings->items[i];
        f.line_hash =
            STR_EMPTY; /* of the line as it is: a baseline is kept, and is no place for it */
        finding_write(o, &f);
    }
    json_close(o, ']');
}

size_t report_json(strbuf *out, const scan_report *r, const report_head *head) {
    json_out o = JSON_OUT(out);
    json_open(&o, '{');
    json_key_number(&o, "v", 1);
    json_key_str(&o, "tool", str_from(head->tool));
    json_key_str(&o, "version", STR(SLIPWAY_VERSION));
    json_key_str(&o, "root", head->root);
    if (head->commit.len) json_key_str(&o, "commit", head->commit);
    json_key(&o, "kinds");
    json_open(&o, '[');
    for (size_t i = 0; i < head->kind_count; i++)
        json_put_str(&o, str_from(head->kinds[i]));
    json_close(&o, ']');
    report_policy_write(&o, head);
    json_key_number(&o, "files", (double)r->file_count);
    json_key_number(&o, "suppressed", (double)head->suppressed);
    json_key_number(&o, "vex", (double)report_vex_count(r));
    json_key_number(&o, "baseline", (double)head->baseline);
    write_findings(&o, "findings", &r->findings);
    if (head->show_suppressed) write_findings(&o, "suppressed_findings", &r->suppressed);
    json_key(&o, "errors");
    json_open(&o, '[');
    for (size_t i = 0; i < r->errors.count; i++)
        scan_error_write(&o, &r->errors.items[i]);
    json_close(&o, ']');
    json_key(&o, "warnings");
    json_open(&o, '[');
    for (size_t i = 0; i < r->warnings.count; i++)
        scan_error_write(&o, &r->warnings.items[i]);
    json_close(&o, ']');
    json_close(&o, '}');
    strbuf_addc(out, '\n');
    return 0;
}
