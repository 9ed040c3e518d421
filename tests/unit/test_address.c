// test_address.c - which addresses are read, and that no password is shown.
#include "base/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_what_is_shown(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"rtsp://camera/1", "rtsp://camera/1"},
        {"rtsp://admin:secret@camera:554/1", "rtsp://camera:554/1"},
        {"rtsp://admin@camera", "rtsp://camera"},
        {"http://a:b@c@d/x@y", "http://d/x@y"}, // the last '@' of the host
        {"http://h/x@y?z=a@b", "http://h/x@y?z=a@b"},
        {"http://h:80/x@y", "http://h:80/x@y"},
        {"http://[::1]:80/x@y", "http://[::1]:80/x@y"},
        {"http://u:p@[::1]:80/x", "http://[::1]:80/x"},
        {"rtsp://u:pa/ss@h/x", "rtsp://h/x"}, // not allowed in a password, and typed
        {"rtsp://u:p?s#s@h/x", "rtsp://h/x"},
        {"udp://@239.0.0.1:1234", "udp://239.0.0.1:1234"},
        {"http://", "http://"},
        {"-", "-"},
        {"a@b", "a@b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_string shown = {0};
        assert_true(vb_address_show(&shown, rows[i][0]));
        assert_string_equal(shown.bytes, rows[i][1]);
        vb_string_free(&shown);
    }
}

static void test_which_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool address, read;
    } rows[] = {
        {"rtsp://h/1", true, true},
        {"RTSP://h/1", true, true},
        {"https://h", true, true},
        {"tcp://h:1", true, true},
        {"file:///etc/x", true, false},
        {"rtspx://h", true, false},
        {"rts://u:secret@h", true, false},
        {"concat://a|b", true, false},
        {"://h", false, false},
        {"-", false, false},
        {"a/b://c", false, false},
        {"", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vblip_error err = {0};
        assert_int_equal(vb_is_address(rows[i].text), rows[i].address);
        assert_int_equal(vb_address_check(rows[i].text, &err),
                         rows[i].read ? VBLIP_OK : VBLIP_ERR_ARGUMENT);
        assert_null(strstr(err.message, "secret"));
        assert_true(rows[i].read || strstr(err.message, "allowed: http, https"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_shown),
        cmocka_unit_test(test_which_are_read),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
