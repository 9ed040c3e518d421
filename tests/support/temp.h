// temp.h - a folder for a test to fill, and files in it. What fails here aborts.
#ifndef VB_TESTS_TEMP_H
#define VB_TESTS_TEMP_H

#include <stddef.h>
#include <stdint.h>

enum { TEMP_FOLDER = 64, TEMP_PATH = 256 }; // bytes

void temp_make(char folder[TEMP_FOLDER]);
void temp_remove(const char *folder); // with all that is in it

// Set-up and tear-down of a group of tests that run in a folder of their own.
int temp_enter(void **state);
int temp_leave(void **state);

// The same, where the tests stay where they are and find it here.
extern char temp_folder[TEMP_FOLDER];
int temp_setup(void **state);
int temp_teardown(void **state);

// FOLDER/NAME, written to `out` and returned.
const char *temp_path(char out[TEMP_PATH], const char *folder, const char *name);

// Writes FOLDER/NAME, making the folders that NAME passes through.
void temp_write(const char *folder, const char *name, const char *text);

// Not synced: a test writes hundreds.
void temp_write_bytes(const char *path, const void *bytes, size_t size);

// A whole file in memory of its exact size, so that ASan sees a read one byte past the
// end. Free with free().
uint8_t *temp_read(size_t *size, const char *path);

#endif // VB_TESTS_TEMP_H
