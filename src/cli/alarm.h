// alarm.h - events that `watch` tells: a line, a thumbnail, and a command that is run.
#ifndef CLI_ALARM_H
#define CLI_ALARM_H

#include "base/set.h"
#include "cli/session.h"

enum { CLI_THUMBNAIL_WIDTH = 320 }; // pixels

// All-zero is one that told nothing.
typedef struct cli_alarm {
    vb_set names; // of thumbnails
    vb_string line, thumbnail;
} cli_alarm;

typedef struct cli_event {
    const char *alert, *path;
    const char *name; // for the thumbnail's
    bool timed;       // start and end mean something
    int64_t start_us, end_us;
    float p_match, itc, score;
    const uint8_t *picture; // JPEG; NULL: that of the middle is made from the file
    uint64_t picture_size;
} cli_event;

extern const vb_table cli_alarm_table;

// Non-zero stops the job.
int cli_alarm_tell(cli_session *s, cli_alarm *alarm, const cli_event *event);

// Says that watching has begun.
void cli_alarm_say_watching(cli_session *s, const char *what);

void cli_alarm_free(cli_alarm *alarm);

#endif // CLI_ALARM_H
