// index_fixture.h - small indexes that tests make and open again.
#ifndef VB_TESTS_INDEX_FIXTURE_H
#define VB_TESTS_INDEX_FIXTURE_H

#include "index/index.h"

enum { DIMS = 32 };

extern const vb_index_fact stamp[2]; // what their vectors depend on

vb_index_options options_of(const char *path, bool write);
vb_index *open_at(const char *path, bool write); // what fails here fails the test

#endif // VB_TESTS_INDEX_FIXTURE_H
