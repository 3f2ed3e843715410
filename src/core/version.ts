/** The version of this package. */

/** As in package.json; files say which release wrote them. */
export const VERSION = "0.1.0";
