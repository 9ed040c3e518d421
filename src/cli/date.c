#include "cli/date.h"

#include <string.h>
#include <time.h>

enum { LAST_YEAR = 2261 }; // whose nanoseconds fit 64 bits

// Reads `digits` digits to *out.
static bool read_digits(int *out, const char **text, int digits)
{
    *out = 0;
    for (int i = 0; i < digits; i++, ++*text) {
        if (**text < '0' || **text > '9')
            return false;
        *out = *out * 10 + (**text - '0');
    }
    return true;
}

static bool read_mark(const char **text, char mark)
{
    if (**text != mark)
        return false;
    ++*text;
    return true;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

bool cli_date_read(cli_date *out, const char *text)
{
    *out = (cli_date){0};
    if (!read_digits(&out->year, &text, 4) || !read_mark(&text, '-') ||
        !read_digits(&out->month, &text, 2) || !read_mark(&text, '-') ||
        !read_digits(&out->day, &text, 2))
        return false;
    if (out->year < 1970 || out->year > LAST_YEAR || out->month < 1 ||
        out->month > 12 || out->day < 1 || out->day > days_of(out->year, out->month))
        return false;
    out->timed = *text == 'T' || *text == ' ';
    if (!out->timed)
        return !*text;
    text++;
    if (!read_digits(&out->hour, &text, 2) || !read_mark(&text, ':') ||
        !read_digits(&out->minute, &text, 2))
        return false;
    if (*text && (!read_mark(&text, ':') || !read_digits(&out->second, &text, 2)))
        return false;
    return !*text && out->hour < 24 && out->minute < 60 && out->second < 60;
}

// Seconds since 1970. An hour that there is twice, when clocks are put back, is meant from
// its first second to its last.
static time_t seconds_of(const cli_date *date, bool last)
{
    time_t found = -1;
    for (int dst = -1; dst <= 1; dst++) {
        struct tm local = {
            .tm_year = date->year - 1900,
            .tm_mon = date->month - 1,
            .tm_mday = date->day + (last && !date->timed),
            .tm_hour = date->hour,
            .tm_min = date->minute,
            .tm_sec = date->second,
            .tm_isdst = dst,
        };
        struct tm same;
        const time_t at = mktime(&local);
        const bool as_typed = at != -1 && localtime_r(&at, &same) &&
                              same.tm_hour == date->hour && same.tm_min == date->minute;
        if (dst == -1 || (as_typed && (last ? at > found : at < found)))
            found = at;
    }
    return found > 0 ? found : 0;
}

int64_t cli_date_ns(const cli_date *date, bool last)
{
    const int64_t second = 1000000000;
    const int64_t ns = (int64_t)seconds_of(date, last) * second;
    if (!last)
        return ns ? ns : 1; // 0 means ever
    return date->timed ? ns + second - 1 : ns - 1;
}

// ------------------------------------------------------------------------------- clocks

static bool read_fraction(int64_t *us, const char *text, size_t size)
{
    int64_t unit = 100000;
    *us = 0;
    if (size == 0 || size > 6)
        return false;
    for (size_t i = 0; i < size; i++, unit /= 10) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *us += unit * (text[i] - '0');
    }
    return true;
}

bool cli_clock_read(int64_t *us, const char *text, size_t size)
{
    const char *dot = memchr(text, '.', size);
    const size_t whole = dot ? (size_t)(dot - text) : size;
    int64_t total = 0, part = 0, fraction = 0;
    int parts = 1, digits = 0;
    for (size_t i = 0; i < whole; i++) {
        if (text[i] == ':' && digits && parts < 3) {
            total = (total + part) * 60;
            part = 0;
            digits = 0;
            parts++;
        } else if (text[i] >= '0' && text[i] <= '9' && digits < 9) {
            part = part * 10 + (text[i] - '0');
            digits++;
        } else {
            return false;
        }
    }
    if (!digits || (parts > 1 && part >= 60) ||
        (dot && !read_fraction(&fraction, dot + 1, size - whole - 1)))
        return false;
    *us = (total + part) * 1000000 + fraction;
    return true;
}
