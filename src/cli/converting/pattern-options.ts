/** Options that name tensors. */
import type { ConversionRule } from "../../convert/conversion-plan.ts";
import { planeQuantizers } from "../../convert/plane-quantizer.ts";
import { UsageError } from "../../core/errors.ts";
import type { Option } from "../options.ts";

const MOST_PLANES = 4;

/** An option that takes patterns, separated by commas; `nothing` is an empty list. */
export function patternsOption(help: string): Option<readonly string[] | undefined> {
  return { placeholder: "NAMES", help, fallback: undefined, parse: (text, flag) => parseList(text, flag) };
}

/** An option that takes rules, separated by commas. */
export function rulesOption(help: string): Option<readonly ConversionRule[] | undefined> {
  return {
    ...{ placeholder: "RULES", help, fallback: undefined },
    parse: (text, flag) => parseList(text, flag).map((rule) => parseRule(rule, flag)),
  };
}

function parseList(text: string, flag: string): string[] {
  if (text === "nothing") return [];
  const parts = text.split(",").map((part) => part.trim());
  if (parts.some((part) => part === "")) {
    throw new UsageError(`${flag} needs names, separated by commas, got ${JSON.stringify(text)}`);
  }
  return parts;
}

function parseRule(text: string, flag: string): ConversionRule {
  const end = text.lastIndexOf("=");
  const [quantizer, planes, ...more] = text.slice(end + 1).split(":");
  if (end < 1 || more.length > 0 || (quantizer === "" && planes === undefined)) {
    throw new UsageError(`${flag} needs PATTERN=QUANTIZER:PLANES, such as *.up.*=twn:2, got ${JSON.stringify(text)}`);
  }
  const ids = planeQuantizers.map(({ id }) => id);
  if (quantizer !== "" && !ids.includes(quantizer)) {
    throw new UsageError(`${flag} takes a quantizer of ${ids.join(", ")}, got ${JSON.stringify(quantizer)}`);
  }
  if (planes !== undefined && !/^[1-4]$/.test(planes)) {
    throw new UsageError(`${flag} takes 1 to ${MOST_PLANES} planes, got ${JSON.stringify(planes)}`);
  }
  return {
    pattern: text.slice(0, end),
    ...(quantizer !== "" && { quantizer }),
    ...(planes !== undefined && { planes: Number(planes) }),
  };
}
