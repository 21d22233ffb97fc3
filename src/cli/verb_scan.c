#include "base/fs.h"
#include "cli/console.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "scan/report.h"
#include "scan/scanner.h"
#include "scan/source.h"

#include <stdlib.h>
#include <string.h>

static int read_line(scanner *s, const scan_file *file, scan_out *out, err *e) {
    (void)s;
    (void)e;
    if (str_find(file->body, STR("SECRET")) >= 0) {
        finding f = {.kind = STR("secrets"),
                     .rule = STR("x"),
                     .message = STR("m"),
                     .path = file->path,
                     .level = LEVEL_HIGH};
        finding_identify(out->a, &f, STR("1"));
        ARENA_PUSH(out->a, out->findings.items, out->findings.count, out->findings.cap, f);
    }
    return 0;
}

static int run_scan(const options *given) {
    err e = {0};
    scan_source *source;
    scan_report report;
    scanner one = {.name = "secrets", .read = read_line};
    scanner *all[] = {&one};
    scan_options how = {.cache = getenv("SCAN_CACHE")};
    const char *path = given->arg_count ? given->args[0] : ".";
    if (scan_source_tree(given->a, path, &source, &e) < 0 ||
        scan_run(given->a, source, all, 1, &how, &report, &e) < 0) {
        console_error(&e);
        return 2;
    }
    report_head head = {.tool = "slipway scan", .root = str_from(path)};
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    report_json(&out, &report, &head);
    if (console_text(strbuf_str(&out)) != 0 || report.errors.count) return 2;
    return report.findings.count ? 1 : 0;
}

const verb verb_scan = {
    .name = "scan",
    .summary = "find leaked secrets and vulnerable dependencies",
    .arguments = "[PATH]",
    .max_args = 1,
    .complete = COMPLETE_FILE,
    .help = "Reads.",
    .run = run_scan,
};
