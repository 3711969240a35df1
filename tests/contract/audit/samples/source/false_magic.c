/* Bytes that start as a fat binary does, and are none: the magic alone, and with a head that leads to no entry. */
#include <stdint.h>

__attribute__((aligned(8))) const uint32_t magic_alone[8] = {0xBA55ED50u, 7, 7, 7, 7, 7, 7, 7};
__attribute__((aligned(8))) const uint32_t head_alone[28] = {0xBA55ED50u, 0x00100001u, 0x60, 0, 0x00090009u, 0x50};

uint32_t first_words(void) { return magic_alone[0] + head_alone[0]; }
