/** Panels byte by byte. */
#pragma once

/**
 * Packs matrices of many sizes and reads every byte by the words of layout.h, padding included.
 *
 * @throws std::runtime_error where a trit is not the one that was packed
 */
void check_panels();
