// address.h - addresses of streams: which there are, and how they are shown.
#ifndef VB_BASE_ADDRESS_H
#define VB_BASE_ADDRESS_H

#include "base/text.h"

// Whether `text` begins as an address does, with letters and "://".
bool vb_is_address(const char *text);

// Refuses an address of which nothing is read as a stream; the message shows it.
VB_CHECKED vblip_status vb_address_check(const char *address, vblip_error *err);

// Appends `address` without the user and password in it.
bool vb_address_show(vb_string *out, const char *address);

#endif // VB_BASE_ADDRESS_H
