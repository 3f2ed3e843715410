/** Patterns of tensor names: `*` stands for any characters, `?` for one; a pattern matches a whole name. */

/** What is left as it is unless it is asked for by name: embeddings, norms, the head, and what is no weight of a layer. */
export const DEFAULT_SKIP: readonly string[] = [
  ...["*embed*", "*embd*", "*tok_emb*", "*pos_emb*", "*wte*", "*wpe*"],
  ...["*norm*", "*.ln?.*", "*ln_*", "*.bn?.*", "bn?.*"],
  ...["lm_head*", "*.lm_head*", "output.weight", "head.*", "*.head.*", "score.*", "*.score.*", "*classifier*"],
  ...["*.bias", "*mask*"],
];

/** The first pattern that a name matches. */
export function firstMatch(name: string, patterns: readonly string[]): string | undefined {
  return patterns.find((pattern) => matchesPattern(name, pattern));
}

/** Whether a name matches a pattern; takes time in proportion to the product of their lengths at most. */
export function matchesPattern(name: string, pattern: string): boolean {
  let at = 0; // in the name
  let next = 0; // in the pattern
  let star = -1; // the last star, and how far the name went when it was met
  let resume = 0;
  while (at < name.length) {
    if (pattern[next] === "*") {
      star = next++;
      resume = at;
    } else if (next < pattern.length && (pattern[next] === "?" || pattern[next] === name[at])) {
      next++;
      at++;
    } else if (star !== -1) {
      next = star + 1;
      at = ++resume;
    } else return false;
  }
  while (pattern[next] === "*") next++;
  return next === pattern.length;
}
