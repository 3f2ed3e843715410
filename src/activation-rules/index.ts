/** The activation rules: the only place that names them. */
import { UnsupportedError } from "../core/errors.ts";
import type { ActivationRule, ActivationRuleId } from "./activation-rule.ts";
import { int8 } from "./int8.ts";
import { none } from "./none.ts";
import { sign } from "./sign.ts";

export type { ActivationRule, ActivationRuleId, TracedActivation } from "./activation-rule.ts";

/** Every activation rule, the default first. */
export const activationRules: readonly ActivationRule[] = [int8, none, sign];

/**
 * The activation rule of a name.
 *
 * @throws UnsupportedError listing the names there are
 */
export function activationRule(id: ActivationRuleId): ActivationRule {
  const rule = activationRules.find((candidate) => candidate.id === id);
  if (rule) return rule;
  const ids = activationRules.map((candidate) => candidate.id).join(", ");
  throw new UnsupportedError(`there is no activation rule ${JSON.stringify(id)}; choose one of: ${ids}`);
}
