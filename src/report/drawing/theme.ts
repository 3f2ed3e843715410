/**
 * Colours of plots and report, as CSS variables for light and dark screens.
 *
 * The hues are those of Okabe and Ito ("Color Universal Design", 2008), which stay apart under every common colour
 * blindness; they are darkened on white and lightened on black until they stand out from the ground.
 */

/** Number of series colours before they repeat. */
export const SERIES_COLORS = 6;

const LIGHT = {
  page: "#f4f5f7",
  panel: "#ffffff",
  ink: "#1b2430",
  muted: "#566171",
  line: "#dfe3e8",
  axis: "#9aa4b1",
  "series-0": "#0072b2",
  "series-1": "#d55e00",
  "series-2": "#008a64",
  "series-3": "#a84f84",
  "series-4": "#8a6d00",
  "series-5": "#566171",
  minus: "#0072b2",
  zero: "#a3acb8",
  plus: "#d55e00",
  good: "#0b7a4b",
  "good-ground": "#e3f5ec",
  bad: "#b42318",
  "bad-ground": "#fdeae8",
} as const;

const DARK: Readonly<Record<keyof typeof LIGHT, string>> = {
  page: "#0f1318",
  panel: "#181e25",
  ink: "#e7ebf0",
  muted: "#9fabb9",
  line: "#2b333d",
  axis: "#5d6976",
  "series-0": "#5ab4e5",
  "series-1": "#f08a4b",
  "series-2": "#3ecf9f",
  "series-3": "#dd97c3",
  "series-4": "#e0c04c",
  "series-5": "#9fabb9",
  minus: "#4aa8dc",
  zero: "#6b7785",
  plus: "#ec8443",
  good: "#5fd6a0",
  "good-ground": "#12372a",
  bad: "#ff8f85",
  "bad-ground": "#47201d",
};

/** Names of the colours; each can be used as `var(--NAME)` below a selector given to `themeRules`. */
export type ColorName = keyof typeof LIGHT;

/** CSS rules that define the colour variables for the elements of a selector, and follow the screen's colour scheme. */
export function themeRules(selector: string): string {
  const dark = `${selector}{${declarations(DARK)}}`;
  return `${selector}{color-scheme:light dark;${declarations(LIGHT)}}@media (prefers-color-scheme:dark){${dark}}`;
}

/** The CSS value of a colour. */
export function color(name: ColorName): string {
  return `var(--${name})`;
}

/** The CSS value of the colour of a series; colours repeat after `SERIES_COLORS`. */
export function seriesColor(index: number): string {
  return `var(--series-${index % SERIES_COLORS})`;
}

function declarations(colors: Readonly<Record<string, string>>): string {
  return Object.entries(colors)
    .map(([name, value]) => `--${name}:${value};`)
    .join("");
}
