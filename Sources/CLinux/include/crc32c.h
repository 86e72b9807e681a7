#ifndef CLINUX_CRC32C_H
#define CLINUX_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), continued from `crc`; begin with 0. By the CPU's instruction where it has one. */
uint32_t iq_crc32c(uint32_t crc, const void *data, size_t length);
/* The same by table alone: for machines without the instruction, and to test one against the other. */
uint32_t iq_crc32c_table(uint32_t crc, const void *data, size_t length);

#endif
