// date.h - days and times as they are typed.
#ifndef CLI_DATE_H
#define CLI_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLI_DATE_FORM                                                                  \
    "a date from 1970 to 2261 is expected: 2026-05-01, 2026-05-01T18:30 or "           \
    "2026-05-01T18:30:15"

// Of the local calendar, as typed: it may be none that exists.
typedef struct cli_date {
    int year, month, day, hour, minute, second;
    bool timed; // hour and minute were given
} cli_date;

bool cli_date_read(cli_date *out, const char *text);

// Nanoseconds since 1970 by the zone of the environment; `last`: of the last instant that
// is meant.
int64_t cli_date_ns(const cli_date *date, bool last);

// Reads SECONDS, MINUTES:SECONDS or HOURS:MINUTES:SECONDS with up to six decimals, to
// microseconds.
bool cli_clock_read(int64_t *us, const char *text, size_t size);

#endif // CLI_DATE_H
