#include "cli/crew.h"

#include <string.h>

bool cli_crew_agrees(cli_session *s, cli_exit code)
{
    cli_crew *crew = s->crew;
    if (!crew)
        return code == CLI_EXIT_DONE;
    if (crew->refused == CLI_EXIT_DONE)
        crew->refused = code;
    vblip_meet(s->member);
    crew->begun = crew->refused == CLI_EXIT_DONE;
    return crew->begun;
}

bool cli_crew_has_said(cli_session *s, const char *subject, const char *message)
{
    vb_string line = {0};
    if (!s->crew)
        return false;
    vb_string_appendf(&line, "%s: %s", subject, message);
    const bool before =
        !line.failed && vb_set_add(&s->crew->said, line.bytes) == VB_SEEN_BEFORE;
    vb_string_free(&line);
    return before;
}

cli_exit cli_crew_exit(const cli_session *s, cli_exit code)
{
    return s->crew && s->crew->refused != CLI_EXIT_DONE ? s->crew->refused : code;
}

vblip_status cli_crew_engine(cli_session *s, vblip_error *err)
{
    if (!s->crew)
        return cli_engine_open(s, NULL, err);
    cli_session *lead = s->crew->lead;
    if (!lead->engine) {
        const vblip_status status = cli_engine_open(lead, NULL, err);
        if (status != VBLIP_OK)
            return status;
    }
    s->engine = lead->engine;
    memcpy(s->device, lead->device, sizeof s->device);
    return VBLIP_OK;
}
