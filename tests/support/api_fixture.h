// api_fixture.h - an engine and seeded models for tests that are users of the library.
#ifndef SUPPORT_API_FIXTURE_H
#define SUPPORT_API_FIXTURE_H

#include "vblip.h"

// The engine of the group of tests that runs, between its set-up and its tear-down.
extern vblip_engine *api_engine;
int api_setup(void **state);
int api_teardown(void **state);

// The seeded checkpoint `name` for `tasks` (0 = all that it has), or the test fails.
vblip_model *api_load(const char *name, uint32_t tasks);

// Fails the test with what `err` says unless `status` is VBLIP_OK.
void api_ok(vblip_status status, const vblip_error *err);

// Fails the test unless a call was refused with `expected` and a message that names
// `about`; the error was reset before.
void api_refused(vblip_status status, vblip_status expected, const vblip_error *err,
                 const char *about);

#endif // SUPPORT_API_FIXTURE_H
