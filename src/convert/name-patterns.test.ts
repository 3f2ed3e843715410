/** Which names a pattern means. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_SKIP, firstMatch, matchesPattern } from "./name-patterns.ts";

test.each([
  ["layers.0.weight", "layers.0.weight", true],
  ["layers.0.weight", "layers.*", true],
  ["layers.0.weight", "*.weight", true],
  ["layers.0.weight", "layers.?.weight", true],
  ["layers.10.weight", "layers.?.weight", false],
  ["layers.0.weight", "layers", false],
  ["a*b", "a*b", true],
  ["", "*", true],
  ["", "?", false],
  ["abcabc", "*abc", true],
  ["abcab", "*abc", false],
  ["weights[0]", "weights[0]", true],
])("%s matches %s: %s", (name, pattern, matches) => {
  expect(matchesPattern(name, pattern)).toBe(matches);
});

test("a pattern means what the same regular expression means", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 12 });
  const patterns = fc.string({ unit: fc.constantFrom("a", "b", ".", "*", "?"), maxLength: 8 });
  fc.assert(
    fc.property(letters, patterns, (name, pattern) => {
      const text = pattern.replaceAll(".", "\\.").replaceAll("*", ".*").replaceAll("?", ".");
      expect(matchesPattern(name, pattern)).toBe(new RegExp(`^${text}$`).test(name));
    }),
  );
});

test("hostile patterns take no time", () => {
  const started = performance.now();
  expect(matchesPattern("a".repeat(10_000), `${"*a".repeat(30)}*b`)).toBe(false);
  expect(performance.now() - started).toBeLessThan(1000);
});

test.each([
  ["model.embed_tokens.weight", true],
  ["token_embd.weight", true],
  ["transformer.wte.weight", true],
  ["blk.0.attn_norm.weight", true],
  ["model.layers.0.input_layernorm.weight", true],
  ["transformer.h.0.ln_1.weight", true],
  ["lm_head.weight", true],
  ["output.weight", true],
  ["blk.0.attn_output.weight", false],
  ["model.layers.0.self_attn.q_proj.weight", false],
  ["model.layers.0.mlp.down_proj.weight", false],
  ["layers.0.weight", false],
  ["conv1.weight", false],
])("%s is skipped unless asked for: %s", (name, isSkipped) => {
  expect(firstMatch(name, DEFAULT_SKIP) !== undefined).toBe(isSkipped);
});
