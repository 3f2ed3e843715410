/** Histograms of weights, one for each layer. */
import type { Plot, Section } from "./html-report.ts";

/** Of a deep model, the rest is folded away. */
const MOST_OPEN_HISTOGRAMS = 9;

/** @param note what the histograms show */
export function histogramSections(plots: readonly Plot[], note: string): Section[] {
  if (plots.length === 0) return [];
  const section = { kind: "plots", columnCount: 3 } as const;
  const first = plots.slice(0, MOST_OPEN_HISTOGRAMS);
  const open: Section = { ...section, title: "Weights and their trits", note, plots: first };
  const rest = plots.slice(MOST_OPEN_HISTOGRAMS);
  if (rest.length === 0) return [open];
  return [open, { ...section, title: `Weights of ${rest.length} more layers`, isCollapsed: true, plots: rest }];
}
