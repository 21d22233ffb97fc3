/* What needs no engine: how a workflow's words become the API's, and how output is read. */
#include "unit.h"

#include "base/fs.h"
#include "base/json.h"
#include "base/process.h"
#include "sandbox/engine_api.h"
#include "sandbox/engine_clean.h"
#include "sandbox/engine_spec.h"
#include "sandbox/engine_tar.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static str text_of(arena *a, const value *v) {
    _cleanup_strbuf_ strbuf out = STRBUF_INIT;
    json_write(&out, v);
    return arena_str(a, strbuf_str(&out));
}

static void words_are_split_as_the_runner_does(void **state) {
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "[]"},
        {"  a\tb\nc ", "[\"a\",\"b\",\"c\"]"},
        {"--health-cmd \"redis-cli ping\"", "[\"--health-cmd\",\"redis-cli ping\"]"},
        {"a\"b c\"d", "[\"ab cd\"]"},
        {"'a b'", "[\"'a\",\"b'\"]"},
        {"\"\" x", "[\"\",\"x\"]"},
        {"\"say \"\"hi\"\"\"", "[\"say \\\"hi\\\"\"]"},
        {"a\\b \\\"c \"d\\\\\" e", "[\"a\\\\b\",\"\\\"c\",\"d\\\\\",\"e\"]"},
        {"\"open end", "[\"open end\"]"},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        str *words;
        size_t count;
        err e = {0};
        value list = value_array_new(a);
        assert_int_equal(engine_words(a, str_from(cases[i].text), &words, &count, &e), 0);
        for (size_t k = 0; k < count; k++)
            value_push(a, &list, value_string(words[k]));
        assert_str(text_of(a, &list), cases[i].words);
    }
}

/* The body that options, a port or a volume give, or the error. */
static str body_of(arena *a, int (*add)(arena *, engine_plan *, str, err *), const char *text) {
    engine_plan p;
    err e = {0};
    engine_plan_init(a, &p);
    if (add(a, &p, str_from(text), &e) < 0) return arena_printf(a, "ERROR: %s", e.message);
    return text_of(a, &p.body);
}

static void options_become_what_the_api_calls_them(void **state) {
    static const struct {
        const char *text, *body;
    } cases[] = {
        {"", "{\"HostConfig\":{}}"},
        {"--cpus 1.5", "{\"HostConfig\":{\"NanoCpus\":1500000000}}"},
        {"--memory=512m -m 1g", "{\"HostConfig\":{\"Memory\":1073741824}}"},
        {"--health-cmd \"pg_isready -U x\" --health-interval 1m30s --health-timeout 500ms "
         "--health-retries 5",
         "{\"HostConfig\":{},\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"pg_isready -U x\"],"
         "\"Interval\":90000000000,\"Timeout\":500000000,\"Retries\":5}}"},
        {"--no-healthcheck", "{\"HostConfig\":{},\"Healthcheck\":{\"Test\":[\"NONE\"]}}"},
        {"--privileged --init=false", "{\"HostConfig\":{\"Privileged\":true,\"Init\":false}}"},
        {"--user 1001:1001 -w /srv --hostname db",
         "{\"HostConfig\":{},\"User\":\"1001:1001\",\"WorkingDir\":\"/srv\",\"Hostname\":\"db\"}"},
        {"-e A=1 -e B=2 --env A=3", "{\"HostConfig\":{},\"Env\":[\"B=2\",\"A=3\"]}"},
        {"--cap-add NET_ADMIN --cap-add=SYS_TIME",
         "{\"HostConfig\":{\"CapAdd\":[\"NET_ADMIN\",\"SYS_TIME\"]}}"},
        {"--ulimit nofile=1024:2048 --ulimit core=-1",
         "{\"HostConfig\":{\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":1024,\"Hard\":2048},"
         "{\"Name\":\"core\",\"Soft\":-1,\"Hard\":-1}]}}"},
        {"--tmpfs /run:size=1m --sysctl a.b=1",
         "{\"HostConfig\":{\"Tmpfs\":{\"/run\":\"size=1m\"},\"Sysctls\":{\"a.b\":\"1\"}}}"},
        {"-p80", "{\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":"
                 "\"\"}]}},\"ExposedPorts\":{\"80/tcp\":{}}}"},
        {"--mount type=bind,src=/a,dst=/b,readonly",
         "{\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/a\",\"Target\":\"/b\","
         "\"ReadOnly\":true}]}}"},
        {"--network host",
         "ERROR: options: --network host: a job's containers share a network of their own, as on "
         "GitHub"},
        {"--gpus all", "ERROR: options: '--gpus' is not an option that is known here"},
        {"--memory lots", "ERROR: options: --memory: 'lots' is no size (such as 512m)"},
        {"--health-interval 10", "ERROR: options: --health-interval: '10' is no duration (such as "
                                 "1m30s)"},
        {"--cpus", "ERROR: options: --cpus needs a value"},
        {"stray", "ERROR: options: 'stray' is not an option that is known here"},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_str(body_of(a, engine_plan_options, cases[i].text), cases[i].body);
}

#define PORTS(bindings, exposed)                                                                   \
    "{\"HostConfig\":{\"PortBindings\":{" bindings "}},\"ExposedPorts\":{" exposed "}}"
#define BAD_PORT(text)                                                                             \
    "ERROR: '" text "' is no port: write CONTAINER, HOST:CONTAINER or IP:HOST:CONTAINER, each "    \
    "with /tcp, /udp or /sctp behind it if need be"

static void ports_have_the_forms_of_the_command_line(void **state) {
    static const struct {
        const char *text, *body;
    } cases[] = {
        {"5432", PORTS("\"5432/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"\"}]", "\"5432/tcp\":{}")},
        {"8080:80", PORTS("\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}]", "\"80/tcp\":{}")},
        {"127.0.0.1:53:5353/udp",
         PORTS("\"5353/udp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"53\"}]", "\"5353/udp\":{}")},
        {"[::1]::80",
         PORTS("\"80/tcp\":[{\"HostIp\":\"::1\",\"HostPort\":\"\"}]", "\"80/tcp\":{}")},
        {"8000-8001:80-81",
         PORTS("\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8000\"}],\"81/tcp\":[{\"HostIp\":\"\","
               "\"HostPort\":\"8001\"}]",
               "\"80/tcp\":{},\"81/tcp\":{}")},
        {"", BAD_PORT("")},
        {"http", BAD_PORT("http")},
        {"65536", BAD_PORT("65536")},
        {"80/icmp", BAD_PORT("80/icmp")},
        {"8000-8002:80-81", BAD_PORT("8000-8002:80-81")},
        {"81-80", BAD_PORT("81-80")},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_str(body_of(a, engine_plan_port, cases[i].text), cases[i].body);
}

static void volumes_are_binds_names_or_anonymous(void **state) {
    static const struct {
        const char *text, *body;
    } cases[] = {
        {"/a:/b", "{\"HostConfig\":{\"Binds\":[\"/a:/b\"]}}"},
        {"data:/b:ro", "{\"HostConfig\":{\"Binds\":[\"data:/b:ro\"]}}"},
        {"/cache", "{\"HostConfig\":{},\"Volumes\":{\"/cache\":{}}}"},
        {"/cache:ro", "{\"HostConfig\":{},\"Volumes\":{\"/cache\":{}}}"},
        {"./a:/b",
         "ERROR: the volume './a:/b' has a relative source: only absolute paths and names "
         "of volumes can be mounted"},
        {"/a:b",
         "ERROR: '/a:b' is no volume: write SOURCE:TARGET[:ro], where TARGET is an absolute "
         "path and SOURCE an absolute path or a volume's name"},
    };
    _cleanup_arena_ arena *a = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_str(body_of(a, engine_plan_volume, cases[i].text), cases[i].body);
}

static void a_container_has_its_environment_entrypoint_and_network(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    value container, labels = value_object_new(a, true);
    engine_plan p;
    err e = {0};
    value_set_str(a, &labels, "k", STR("v"));
    str text = STR("{\"image\":\"redis\",\"env\":{\"N\":1,\"B\":true},\"entrypoint\":\"my server\","
                   "\"command\":\"--port \\\"1 2\\\"\",\"options\":\"--network-alias cache\"}");
    assert_int_equal(json_parse(a, text, 0, &container, &e), 0);
    engine_plan_init(a, &p);
    assert_int_equal(engine_plan_container(a, &p, &container, &e), 0);
    engine_plan_join(a, &p, STR("net"), STR("redis"), &labels);
    assert_str(text_of(a, &p.body),
               "{\"HostConfig\":{\"NetworkMode\":\"net\"},\"Image\":\"redis\",\"Env\":[\"N=1\","
               "\"B=true\"],\"Entrypoint\":[\"my server\"],\"Cmd\":[\"--port\",\"1 2\"],"
               "\"Labels\":{\"k\":\"v\"},\"NetworkingConfig\":{\"EndpointsConfig\":{\"net\":{"
               "\"Aliases\":[\"cache\",\"redis\"]}}}}");
}

static int collect(void *context, str bytes) {
    strbuf_add(context, bytes);
    return 0;
}

static void output_is_put_together_from_pieces_of_any_size(void **state) {
    static const char stream[] = "\1\0\0\0\0\0\0\4out\n\2\0\0\0\0\0\0\4err\n\1\0\0\0\0\0\0\0";
    for (size_t size = 1; size < sizeof stream; size++) {
        _cleanup_strbuf_ strbuf out = STRBUF_INIT;
        engine_demux d = {.out = collect, .context = &out};
        str rest = {stream, sizeof stream - 1};
        while (rest.len) {
            assert_int_equal(engine_demux_feed(&d, str_sub(rest, 0, size)), 0);
            rest = str_sub(rest, size, rest.len);
        }
        assert_str(strbuf_str(&out), "out\nerr\n");
    }
    engine_demux d = {.out = collect};
    assert_int_equal(engine_demux_feed(&d, STR("HTTP/1.1 500")), ERR_INVALID);
}

static void registries_are_told_from_names(void **state) {
    static const struct {
        const char *image, *registry;
    } cases[] = {
        {"alpine", ""},
        {"library/alpine", ""},
        {"ghcr.io/o/i:1", "ghcr.io"},
        {"localhost/i", "localhost"},
        {"host:5000/i", "host:5000"},
        {"owner/name/x", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_str(engine_registry(str_from(cases[i].image)), cases[i].registry);
}

static void an_owner_is_dead_when_its_process_is_another(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    str own = engine_owner(a), part[4], rest = own;
    assert_true(engine_owner_lives(own));
    for (int i = 0; i < 4; i++)
        str_cut(rest, '.', &part[i], &rest);
    const struct {
        str owner;
        bool lives;
    } cases[] = {
        {arena_printf(a, "%.*s1", STR_ARG(own)), false},
        {arena_printf(a, "%.*s.%.*s.%.*s.999999999.5", STR_ARG(part[0]), STR_ARG(part[1]),
                      STR_ARG(part[2])),
         false},
        {arena_printf(a, "%.*s.other-boot.%.*s.%.*s.%.*s", STR_ARG(part[0]), STR_ARG(part[2]),
                      STR_ARG(part[3]), STR_ARG(rest)),
         false},
        {arena_printf(a, "%.*s.%.*s.1.999999999.5", STR_ARG(part[0]), STR_ARG(part[1])), true},
        {arena_printf(a, "elsewhere.%.*s.%.*s.999999999.5", STR_ARG(part[1]), STR_ARG(part[2])),
         true},
        {STR("somebody"), true},
        {STR(""), true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(engine_owner_lives(cases[i].owner), cases[i].lives);
}

static char *make_socket(arena *a, const char *dir, const char *name) {
    char *path = fs_join(a, dir, str_from(name));
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strncpy(at.sun_path, path, sizeof at.sun_path - 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    close(fd);
    return path;
}

static void the_engine_is_where_docker_host_says(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    char *dir, *found;
    err e = {0};
    assert_int_equal(fs_temp_dir(a, "slipway-engine-", &dir, &e), 0);
    char *path = make_socket(a, dir, "s");
    str host = arena_printf(a, "unix://%s", path);
    assert_int_equal(engine_find(a, host.ptr, NULL, &found, &e), 0);
    assert_string_equal(found, path);
    host = arena_printf(a, "unix://%s/none", dir);
    assert_int_equal(engine_find(a, host.ptr, NULL, &found, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.message, "DOCKER_HOST"));
    assert_int_equal(engine_find(a, "tcp://127.0.0.1:2375", NULL, &found, &e), ERR_UNSUPPORTED);
    if (access("/var/run/docker.sock", R_OK | W_OK) != 0) { /* Docker's may be another's */
        assert_int_equal(fs_mkdirs(fs_join(a, dir, STR("podman")), 0700, &e), 0);
        path = make_socket(a, dir, "podman/podman.sock");
        assert_int_equal(engine_find(a, NULL, dir, &found, &e), 0);
        assert_string_equal(found, path);
    }
    fs_remove(dir, &e);
}

static void a_folder_becomes_a_tar_that_others_read(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    char *dir, *out;
    err e = {0};
    str listed;
    const char *setup =
        "mkdir -p from/sub/empty to && cd from && echo hello > run && chmod 755 run && "
        "ln -s run link && mkfifo pipe && printf %0600d 0 > sub/exact && "
        "d=$(printf %0120d 1) && mkdir $d && echo deep > $d/$d";
    assert_int_equal(fs_temp_dir(a, "slipway-tar-", &dir, &e), 0);
    const char *const make[] = {"sh", "-c", setup, NULL};
    assert_int_equal(process_check(a, &(process_spec){.argv = make, .cwd = dir}, NULL, &e), 0);
    out = fs_join(a, dir, STR("out.tar"));
    int fd = open(out, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int from = open(fs_join(a, dir, STR("from")), O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(engine_tar(from, fd, &e), 0);
    close(fd), close(from);
    const char *compare = "tar -C to -xf out.tar && rm from/pipe && diff -r from to && "
                          "test -x to/run && readlink to/link && test -d to/sub/empty && "
                          "tar -tvf out.tar | grep -c 'root/root\\|0/0'";
    const char *const check[] = {"sh", "-c", compare, NULL};
    if (process_check(a, &(process_spec){.argv = check, .cwd = dir}, &listed, &e) < 0)
        fail_msg("%s", e.message);
    assert_str(listed, "run\n7\n");
    fs_remove(dir, &e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_split_as_the_runner_does),
        cmocka_unit_test(options_become_what_the_api_calls_them),
        cmocka_unit_test(ports_have_the_forms_of_the_command_line),
        cmocka_unit_test(volumes_are_binds_names_or_anonymous),
        cmocka_unit_test(a_container_has_its_environment_entrypoint_and_network),
        cmocka_unit_test(output_is_put_together_from_pieces_of_any_size),
        cmocka_unit_test(registries_are_told_from_names),
        cmocka_unit_test(an_owner_is_dead_when_its_process_is_another),
        cmocka_unit_test(the_engine_is_where_docker_host_says),
        cmocka_unit_test(a_folder_becomes_a_tar_that_others_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
