/** Packages of `bench/peers`, which most checkouts do not install. */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** Why a package is absent that is not installed. */
export const NOT_INSTALLED = "not installed: npm ci --prefix bench/peers --ignore-scripts";

/** A package, or why it cannot be had. @returns whatever the package exports, which the caller knows by its documentation */
export function loadPackage<T>(name: string): { readonly package: T } | { readonly unavailable: string } {
  try {
    require.resolve(name);
  } catch {
    return { unavailable: NOT_INSTALLED };
  }
  try {
    return { package: require(name) };
  } catch (error) {
    return { unavailable: `it cannot be loaded: ${error instanceof Error ? error.message : error}` };
  }
}

/** The same for a package that is an ES module only. */
export async function importPackage<T>(
  name: string,
): Promise<{ readonly package: T } | { readonly unavailable: string }> {
  try {
    return { package: await import(name) };
  } catch (error) {
    const isAbsent = error instanceof Error && /Cannot find (package|module)/.test(error.message);
    return { unavailable: isAbsent ? NOT_INSTALLED : `it cannot be loaded: ${error}` };
  }
}
