/** What the command line writes into the metadata of models, and reads there. */

/** Key of the names of the classes, a JSON list of texts in the order of their indices. */
export const CLASSES_KEY = "classes";

/** Metadata of a model that was trained here; `settings` says how. */
export function modelMetadata(
  classes: readonly string[] | undefined,
  settings: Readonly<Record<string, string | number | undefined>>,
): Record<string, string> {
  const given = Object.entries(settings).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as const],
  );
  return { ...(classes && { [CLASSES_KEY]: JSON.stringify(classes) }), ...Object.fromEntries(given) };
}

/** The names of the classes; undefined where the model has none, or they are not a JSON list of texts. */
export function classesOf(metadata: Readonly<Record<string, string>>): readonly string[] | undefined {
  try {
    const classes: unknown = JSON.parse(metadata[CLASSES_KEY] ?? "null");
    return Array.isArray(classes) && classes.every((name) => typeof name === "string") ? classes : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // the key is anybody's to use
    throw error;
  }
}
