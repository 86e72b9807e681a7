#include "crc32c.h"

#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* reflected */

static uint32_t table[8][256];

__attribute__((constructor)) static void fill_table(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		table[0][byte] = crc;
	}
	for (int row = 1; row < 8; row++)
		for (int byte = 0; byte < 256; byte++)
			table[row][byte] = table[row - 1][byte] >> 8 ^ table[0][table[row - 1][byte] & 0xff];
}

uint32_t iq_crc32c_table(uint32_t crc, const void *data, size_t length)
{
	const unsigned char *bytes = data;
	crc = ~crc;
	for (; length >= 8; length -= 8, bytes += 8) {
		uint64_t word;
		memcpy(&word, bytes, 8);
		word ^= crc;
		crc = table[7][word & 0xff] ^ table[6][word >> 8 & 0xff] ^ table[5][word >> 16 & 0xff] ^
		      table[4][word >> 24 & 0xff] ^ table[3][word >> 32 & 0xff] ^ table[2][word >> 40 & 0xff] ^
		      table[1][word >> 48 & 0xff] ^ table[0][word >> 56];
	}
	while (length--)
		crc = crc >> 8 ^ table[0][(crc ^ *bytes++) & 0xff];
	return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const void *data, size_t length)
{
	const unsigned char *bytes = data;
	uint64_t state = (uint32_t)~crc;
	for (; length >= 8; length -= 8, bytes += 8) {
		uint64_t word;
		memcpy(&word, bytes, 8);
		state = _mm_crc32_u64(state, word);
	}
	while (length--)
		state = _mm_crc32_u8((uint32_t)state, *bytes++);
	return ~(uint32_t)state;
}

uint32_t iq_crc32c(uint32_t crc, const void *data, size_t length)
{
	if (__builtin_cpu_supports("sse4.2"))
		return by_instruction(crc, data, length);
	return iq_crc32c_table(crc, data, length);
}
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>

__attribute__((target("crc"))) static uint32_t by_instruction(uint32_t crc, const void *data, size_t length)
{
	const unsigned char *bytes = data;
	crc = ~crc;
	for (; length >= 8; length -= 8, bytes += 8) {
		uint64_t word;
		memcpy(&word, bytes, 8);
		crc = __crc32cd(crc, word);
	}
	while (length--)
		crc = __crc32cb(crc, *bytes++);
	return ~crc;
}

/* Optional in ARMv8.0: the machine that compiles does not know for the one that runs. */
uint32_t iq_crc32c(uint32_t crc, const void *data, size_t length)
{
	if (getauxval(AT_HWCAP) & HWCAP_CRC32)
		return by_instruction(crc, data, length);
	return iq_crc32c_table(crc, data, length);
}
#else
uint32_t iq_crc32c(uint32_t crc, const void *data, size_t length)
{
	return iq_crc32c_table(crc, data, length);
}
#endif
