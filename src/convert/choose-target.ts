/** Which file a conversion writes, from what was asked for or from its name. */
import { UnsupportedError, UsageError } from "../core/errors.ts";
import type { PlanOptions } from "./conversion-plan.ts";
import { targets } from "./targets/index.ts";
import type { Target, TargetFormat } from "./targets/target.ts";

/**
 * The target and format of a conversion.
 *
 * @throws UnsupportedError for unknown names, UsageError when the file's name asks for another target
 */
export function chooseTarget(
  out: string | undefined,
  { to, format: formatId }: Pick<PlanOptions, "to" | "format">,
): { target: Target; format: TargetFormat } {
  const target = to === undefined ? targetOfName(out, formatId) : targetById(to);
  if (out !== undefined && !target.extensions.some((extension) => out.toLowerCase().endsWith(extension))) {
    throw new UsageError(`a ${target.id} file is named *${target.extensions[0]}, got ${out}: give it that name`);
  }
  const format = formatId === undefined ? target.formats[0] : target.formats.find(({ id }) => id === formatId);
  if (format !== undefined) return { target, format };
  const elsewhere = targets.filter(({ formats }) => formats.some(({ id }) => id === formatId)).map(({ id }) => id);
  const advice = elsewhere.length === 0 ? "" : `; ${formatId} is a format of ${elsewhere.join(", ")}`;
  const ids = target.formats.map(({ id }) => id).join(", ");
  throw new UnsupportedError(`${target.id} files store ${ids}, not ${JSON.stringify(formatId)}${advice}`);
}

/** By the end of the name; of targets that share one, the first that stores the format. */
function targetOfName(out: string | undefined, formatId: string | undefined): Target {
  const hasFormat = ({ formats }: Target): boolean =>
    formatId === undefined || formats.some(({ id }) => id === formatId);
  if (out === undefined) return targets.find(hasFormat) ?? targets[0];
  const named = targets.filter(({ extensions }) => extensions.some((end) => out.toLowerCase().endsWith(end)));
  if (named.length > 0) return named.find(hasFormat) ?? named[0];
  const ends = [...new Set(targets.flatMap(({ extensions }) => extensions))].map((end) => `*${end}`);
  throw new UsageError(`the name of a converted file ends in ${ends.join(" or ")}, got ${out}`);
}

/** The target of an id. @throws UnsupportedError listing the ids there are */
export function targetById(id: string): Target {
  const target = targets.find((candidate) => candidate.id === id);
  if (target) return target;
  const ids = targets.map((candidate) => candidate.id).join(", ");
  throw new UnsupportedError(`there is no target ${JSON.stringify(id)}; choose one of: ${ids}`);
}
