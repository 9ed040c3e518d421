// npy_file.h - a matrix of floats into a file that numpy.load reads.
#ifndef VB_OUTPUT_NPY_FILE_H
#define VB_OUTPUT_NPY_FILE_H

#include "base/text.h"

#include <stdint.h>

// Appends what stands before the values of a matrix [rows, cols] in f32, little endian, row by
// row: format 1.0 of NumPy's NEP 1.
void vb_npy_begin(vb_string *out, uint64_t rows, uint32_t cols);

#endif // VB_OUTPUT_NPY_FILE_H
