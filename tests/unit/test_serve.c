// test_serve.c - who is answered, what is asked for, and in which order.
#include "serve/guard.h"
#include "serve/queue.h"
#include "serve/range.h"
#include "serve/request.h"
#include "serve/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN "0123456789abcdef"

typedef struct guard_case {
    const char *what;
    vb_credentials given;
    unsigned status;
} guard_case;

static void check_guard(const vb_guard *guard, const guard_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *why;
        const unsigned status = vb_guard_check(&why, guard, &cases[i].given);
        if (status != cases[i].status)
            print_error("%s\n", cases[i].what);
        assert_int_equal(status, cases[i].status);
        assert_true((status != 0) == (*why != '\0'));
    }
}

static void test_this_machine_alone(void **state)
{
    (void)state;
    const vb_guard guard = {.port = 8642};
    static const guard_case cases[] = {
        {"localhost", {.host = "localhost:8642"}, 0},
        {"any case", {.host = "LocalHost:8642"}, 0},
        {"v4", {.host = "127.0.0.1:8642"}, 0},
        {"v6", {.host = "[::1]:8642"}, 0},
        {"no host", {.host = NULL}, 400},
        {"another port", {.host = "localhost:80"}, 403},
        {"no port", {.host = "localhost"}, 403},
        {"port and more", {.host = "localhost:8642.evil"}, 403},
        {"negative port", {.host = "localhost:-1"}, 403},
        {"name and more", {.host = "localhost.evil:8642"}, 403},
        {"rebound name", {.host = "evil.example:8642"}, 403},
        {"own origin",
         {.host = "localhost:8642", .origin = "http://localhost:8642"},
         0},
        {"another origin", {.host = "localhost:8642", .origin = "http://evil"}, 403},
        {"another port's origin",
         {.host = "localhost:8642", .origin = "http://localhost:8643"},
         403},
        {"no origin", {.host = "localhost:8642", .origin = "null"}, 403},
        {"own page", {.host = "localhost:8642", .site = "same-origin"}, 0},
        {"typed", {.host = "localhost:8642", .site = "none"}, 0},
        {"another site", {.host = "localhost:8642", .site = "cross-site"}, 403},
        {"another port", {.host = "localhost:8642", .site = "same-site"}, 403},
        {"a link to the page",
         {.host = "localhost:8642", .site = "cross-site", .opens_page = true},
         0},
    };
    check_guard(&guard, cases, sizeof cases / sizeof *cases);
}

static void test_a_token(void **state)
{
    (void)state;
    const vb_guard guard = {.token = TOKEN, .port = 80, .any_host = true};
    static const guard_case cases[] = {
        {"none", {.host = "nas"}, 401},
        {"bearer", {.host = "nas", .authorization = "Bearer " TOKEN}, 0},
        {"a beginning", {.host = "nas", .authorization = "Bearer 0123456789"}, 401},
        {"more", {.host = "nas", .authorization = "Bearer " TOKEN "0"}, 401},
        {"another", {.host = "nas", .authorization = "Bearer 0123456789abcdeF"}, 401},
        {"basic", {.host = "nas", .authorization = "Basic " TOKEN}, 401},
        {"cookie", {.host = "nas", .cookie = "vblip_token=" TOKEN}, 0},
        {"among others", {.host = "nas", .cookie = "a=1; vblip_token=" TOKEN "; b"}, 0},
        {"an old one first",
         {.host = "nas", .cookie = "vblip_token=x; vblip_token=" TOKEN},
         0},
        {"another's", {.host = "nas", .cookie = "not_vblip_token=" TOKEN}, 401},
        {"part", {.host = "nas", .cookie = "vblip_token=0123"}, 401},
        {"empty", {.host = "nas", .cookie = ""}, 401},
        {"origin first",
         {.host = "nas", .cookie = "vblip_token=" TOKEN, .origin = "http://evil"},
         403},
    };
    check_guard(&guard, cases, sizeof cases / sizeof *cases);
}

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        uint64_t size;
        vb_range range;
    } cases[] = {
        {NULL, 10, {VB_RANGE_WHOLE, 0, 10}},
        {"bytes=0-", 10, {VB_RANGE_PART, 0, 10}},
        {"bytes=0-0", 10, {VB_RANGE_PART, 0, 1}},
        {"Bytes=3-5", 10, {VB_RANGE_PART, 3, 3}},
        {"bytes=9-99", 10, {VB_RANGE_PART, 9, 1}},
        {"bytes=0-99999999999999999999999", 10, {VB_RANGE_PART, 0, 10}},
        {"bytes=10-", 10, {VB_RANGE_BEYOND, 0, 0}},
        {"bytes=99999999999999999999999-", 10, {VB_RANGE_BEYOND, 0, 0}},
        {"bytes=-3", 10, {VB_RANGE_PART, 7, 3}},
        {"bytes=-30", 10, {VB_RANGE_PART, 0, 10}},
        {"bytes=-0", 10, {VB_RANGE_BEYOND, 0, 0}},
        {"bytes=0-", 0, {VB_RANGE_BEYOND, 0, 0}},
        {"bytes=-1", 0, {VB_RANGE_BEYOND, 0, 0}},
        {"bytes=5-3", 10, {VB_RANGE_WHOLE, 0, 10}},
        {"bytes=-", 10, {VB_RANGE_WHOLE, 0, 10}},
        {"bytes=", 10, {VB_RANGE_WHOLE, 0, 10}},
        {"bytes=1-2,4-5", 10, {VB_RANGE_WHOLE, 0, 10}},
        {"bytes=a-b", 10, {VB_RANGE_WHOLE, 0, 10}},
        {"bytes=1-2 ", 10, {VB_RANGE_WHOLE, 0, 10}},
        {"lines=1-2", 10, {VB_RANGE_WHOLE, 0, 10}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vb_range range = vb_range_read(cases[i].header, cases[i].size);
        assert_int_equal(range.kind, cases[i].range.kind);
        assert_int_equal(range.first, cases[i].range.first);
        assert_int_equal(range.count, cases[i].range.count);
    }
}

static void test_routes(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *id, *allowed; // id NULL: there is none
    } cases[] = {
        {"GET", "/", "", NULL},
        {"GET", "/api/status", "", NULL},
        {"POST", "/api/search", "", NULL},
        {"GET", "/media/0123456789abcdef", "0123456789abcdef", NULL},
        {"GET", "/thumbnail/00", "00", NULL},
        {"GET", "/media/", NULL, NULL},
        {"GET", "/media/0123456789abcdef0123", NULL, NULL},
        {"GET", "/media/../media/00", NULL, NULL},
        {"GET", "/media/00/", NULL, NULL},
        {"GET", "/media/{id}", NULL, NULL},
        {"GET", "//", NULL, NULL},
        {"GET", "/index.html", NULL, NULL},
        {"GET", "", NULL, NULL},
        {"GET", "/api/search", NULL, "POST"},
        {"POST", "/api/status", NULL, "GET, HEAD"},
        {"PUT", "/media/00", NULL, "GET, HEAD"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char id[VB_EXCHANGE_ID] = "";
        const char *allowed;
        const vb_route *route =
            vb_route_find(&allowed, id, cases[i].method, cases[i].path);
        assert_true((route != NULL) == (cases[i].id != NULL));
        if (route)
            assert_string_equal(id, cases[i].id);
        else
            assert_true(!allowed == !cases[i].allowed &&
                        (!allowed || strcmp(allowed, cases[i].allowed) == 0));
    }
}

// ----------------------------------------------------------------------------- requests

static vblip_status read_body(vb_request *out, vb_request_kind kind, const char *body,
                              vblip_error *err)
{
    *err = (vblip_error){0};
    return vb_request_read(out, kind, body, strlen(body), err);
}

static const char whole_search[] =
    "{\"query\": \"a dog\", \"then\": \"a cat\", \"within\": 30, \"min_p\": 0.5, "
    "\"dedupe\": 0.95, \"top\": 5, \"offset\": 10, \"rerank\": 16, \"include\": "
    "[\"*.mp4\"], \"exclude\": [], \"since\": 1.5, \"until\": 2, \"by_recording\": "
    "true}";

static void test_requests(void **state)
{
    (void)state;
    vb_request r;
    vblip_error err;
    assert_int_equal(read_body(&r, VB_REQUEST_SEARCH, whole_search, &err), VBLIP_OK);
    assert_string_equal(r.query, "a dog");
    assert_string_equal(r.then, "a cat");
    assert_true(r.within_s == 30 && r.min_p == 0.5 && r.dedupe == 0.95);
    assert_true(r.top == 5 && r.offset == 10 && r.rerank == 16 && r.by_recording);
    assert_true(r.include.count == 1 && r.exclude.count == 0 && r.until_s == 2);
    assert_string_equal(r.include.items[0], "*.mp4");
    assert_null(r.include.items[1]);
    vb_request_free(&r);
    assert_int_equal(read_body(&r, VB_REQUEST_SEARCH, "{\"query\":\"q\"}", &err),
                     VBLIP_OK);
    assert_true(r.rerank == VB_REQUEST_AUTO && !r.like);
    vb_request_free(&r);
    assert_int_equal(
        read_body(&r, VB_REQUEST_SEARCH, "{\"rerank\":\"auto\",\"query\":\"q\"}", &err),
        VBLIP_OK);
    assert_true(r.rerank == VB_REQUEST_AUTO);
    vb_request_free(&r);
    assert_int_equal(read_body(&r, VB_REQUEST_ASK,
                               "{\"recording\":\"00\",\"question\":\"who?\","
                               "\"answers\":[\"a\",\"b\"],\"start\":1,\"end\":2}",
                               &err),
                     VBLIP_OK);
    assert_int_equal(r.answers.count, 2);
    vb_request_free(&r);
}

// Every cut of a body is refused, and leaks nothing.
static void test_cut_requests(void **state)
{
    (void)state;
    for (size_t size = 0; size + 1 < sizeof whole_search; size++) {
        vb_request r;
        vblip_error err = {0};
        assert_int_equal(
            vb_request_read(&r, VB_REQUEST_SEARCH, whole_search, size, &err),
            VBLIP_ERR_FORMAT);
        assert_true(err.message[0] != '\0');
        vb_request_free(&r);
    }
}

static void test_refused_requests(void **state)
{
    (void)state;
    static const struct {
        vb_request_kind kind;
        const char *body, *message;
    } cases[] = {
        {VB_REQUEST_SEARCH, "[]", "body: expected an object"},
        {VB_REQUEST_SEARCH, "{}", "query: missing, and there is no `like`"},
        {VB_REQUEST_SEARCH, "{\"query\":\"\"}", "query: 0 bytes, expected 1 to 4096"},
        {VB_REQUEST_SEARCH, "{\"query\":7}", "query: expected a text"},
        {VB_REQUEST_SEARCH, "{\"query\":null}", "query: expected a text"},
        {VB_REQUEST_SEARCH, "{\"queery\":\"a\"}",
         "queery: not a field of this request"},
        {VB_REQUEST_SEARCH, "{\"question\":\"a\"}",
         "question: not a field of this request"},
        {VB_REQUEST_SEARCH, "{\"query\":\"a\",\"top\":0}", "top: 0, expected 1 to 200"},
        {VB_REQUEST_SEARCH, "{\"query\":\"a\",\"top\":1.5}",
         "top: 1.5, expected a whole number"},
        {VB_REQUEST_SEARCH, "{\"query\":\"a\",\"top\":\"5\"}",
         "top: expected a number"},
        {VB_REQUEST_SEARCH, "{\"query\":\"a\",\"rerank\":\"all\"}",
         "rerank: expected a number, or \"auto\""},
        {VB_REQUEST_SEARCH, "{\"query\":\"a\",\"rerank\":2.5}",
         "rerank: 2.5, expected a whole number"},
        {VB_REQUEST_SEARCH, "{\"query\":\"a\",\"min_p\":1.01}",
         "min_p: 1.01, expected 0 to 1"},
        {VB_REQUEST_SEARCH, "{\"query\":\"a\",\"include\":\"*\"}",
         "include: expected a list of texts"},
        {VB_REQUEST_SEARCH, "{\"query\":\"a\",\"include\":[1]}",
         "include: expected a list of texts"},
        {VB_REQUEST_SEARCH, "{\"query\":\"a\",\"by_recording\":1}",
         "by_recording: expected true or false"},
        {VB_REQUEST_SEARCH, "{\"query\":\"a\",\"start\":1}",
         "start, end: only with `like`"},
        {VB_REQUEST_SEARCH, "{\"like\":\"00\",\"start\":2,\"end\":1}",
         "end: not behind start"},
        {VB_REQUEST_SEARCH, "{\"like\":\"00\",\"min_p\":0.5}",
         "like: not together with then, min_p or rerank"},
        {VB_REQUEST_SEARCH, "{\"query\":\"a\",\"within\":5}",
         "within: only with `then`"},
        {VB_REQUEST_SEARCH, "{\"query\":\"a\",\"until\":9214646400}",
         "until: 9214646400, expected 0 to 9214646399"},
        {VB_REQUEST_SEARCH, "{\"query\":\"a\",\"since\":5,\"until\":4}",
         "until: before since"},
        {VB_REQUEST_ASK, "{\"question\":\"a\"}", "recording: missing"},
        {VB_REQUEST_ASK, "{\"recording\":\"00\"}", "question: missing"},
        {VB_REQUEST_CAPTIONS, "{\"recording\":\"00\",\"every\":1,\"shots\":true}",
         "every: not together with shots"},
        {VB_REQUEST_CAPTIONS, "{\"recording\":\"00\",\"start\":1}",
         "start: only with `end`"},
        {VB_REQUEST_CAPTIONS, "{\"recording\":\"00\",\"end\":1,\"shots\":true}",
         "end: not together with every or shots"},
        {VB_REQUEST_CAPTIONS, "{\"recording\":\"00\",\"every\":0}",
         "every: 0, expected 0.1 to 3600"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vb_request r;
        vblip_error err;
        assert_int_equal(read_body(&r, cases[i].kind, cases[i].body, &err),
                         VBLIP_ERR_FORMAT);
        assert_string_equal(err.message, cases[i].message);
        vb_request_free(&r);
    }
}

static void test_texts_of_a_request(void **state)
{
    (void)state;
    vb_string body = {0};
    vb_request r;
    vblip_error err;
    vb_string_puts(&body, "{\"query\":\"a\",\"include\":[\"0\"");
    for (int i = 1; i < VB_REQUEST_TEXTS; i++)
        vb_string_puts(&body, ",\"*\"");
    const size_t most = body.size;
    vb_string_puts(&body, "]}");
    assert_int_equal(read_body(&r, VB_REQUEST_SEARCH, body.bytes, &err), VBLIP_OK);
    assert_int_equal(r.include.count, VB_REQUEST_TEXTS);
    vb_request_free(&r);
    body.size = most;
    vb_string_puts(&body, ",\"*\"]}");
    assert_int_equal(read_body(&r, VB_REQUEST_SEARCH, body.bytes, &err),
                     VBLIP_ERR_FORMAT);
    assert_string_equal(err.message, "include: more than 256 texts");
    vb_request_free(&r);
    vb_string_free(&body);
}

// -------------------------------------------------------------------------------- queue

static void test_short_work_first(void **state)
{
    (void)state;
    enum { COUNT = 3 };
    static const vb_work kinds[COUNT] = {VB_WORK_LONG, VB_WORK_FRAMES, VB_WORK_MODEL};
    const unsigned models = 1u << VB_WORK_MODEL | 1u << VB_WORK_LONG;
    vb_queue *queue;
    vblip_error err = {0};
    vb_exchange *x[COUNT];
    assert_int_equal(vb_queue_open(&queue, &err), VBLIP_OK);
    for (int i = 0; i < COUNT; i++) {
        x[i] = vb_exchange_new();
        assert_true(vb_queue_put(queue, kinds[i], x[i]));
    }
    assert_ptr_equal(vb_queue_take(queue, models, 0), x[2]);
    assert_ptr_equal(vb_queue_take(queue, models, 0), x[0]);
    assert_null(vb_queue_take(queue, models, 1));
    vb_queue_shut(queue);
    assert_true(x[1]->ended && x[1]->status == 503);
    assert_null(vb_queue_take(queue, 1u << VB_WORK_FRAMES, 1000));
    assert_false(vb_queue_put(queue, VB_WORK_MODEL, x[1]));
    vb_exchange_drop(x[0]); // taken ones are held twice
    vb_exchange_drop(x[2]);
    for (int i = 0; i < COUNT; i++)
        vb_exchange_drop(x[i]);
    vb_queue_close(&queue);
}

static void test_a_full_queue(void **state)
{
    (void)state;
    vb_queue *queue;
    vblip_error err = {0};
    unsigned put = 0;
    assert_int_equal(vb_queue_open(&queue, &err), VBLIP_OK);
    for (bool room = true; room; put += room) {
        vb_exchange *x = vb_exchange_new();
        room = vb_queue_put(queue, VB_WORK_MODEL, x);
        vb_exchange_drop(x);
    }
    assert_true(put >= 200 && put <= 1000); // 200 may wait
    vb_queue_shut(queue);                   // frees them
    vb_queue_close(&queue);
}

static void count_wake(void *connection)
{
    ++*(int *)connection;
}

static void test_a_stream_wakes_its_reader(void **state)
{
    (void)state;
    int woken = 0;
    vb_string data = {0};
    vb_exchange *x = vb_exchange_new();
    x->wake = count_wake;
    x->connection = &woken;
    x->waiting = true;
    vb_exchange_begin_stream(x);
    assert_int_equal(woken, 1);
    vb_string_puts(&data, "{}");
    assert_true(vb_exchange_send(x, "caption", &data)); // nobody sleeps
    assert_int_equal(woken, 1);
    x->waiting = true;
    x->gone = true;
    assert_false(vb_exchange_send(x, "caption", &data));
    assert_int_equal(woken, 2);
    assert_string_equal(x->out.bytes,
                        "event: caption\ndata: {}\n\nevent: caption\ndata: {}\n\n");
    vb_string_free(&data);
    vb_exchange_drop(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_this_machine_alone),
        cmocka_unit_test(test_a_token),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_cut_requests),
        cmocka_unit_test(test_refused_requests),
        cmocka_unit_test(test_texts_of_a_request),
        cmocka_unit_test(test_short_work_first),
        cmocka_unit_test(test_a_full_queue),
        cmocka_unit_test(test_a_stream_wakes_its_reader),
    };
    return cmocka_run_group_tests_name("serve", tests, NULL, NULL);
}
