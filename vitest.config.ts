import { playwright } from "@vitest/browser-playwright";
import type { TestProjectConfiguration, ViteUserConfig } from "vitest/config";
import { findChromium } from "./test/support/chromium.ts";

const chromium = findChromium();
/** What makes a page isolated from other origins, so that it has shared memory. */
const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/**
 * `unit` stands beside the sources; `suites` cross modules, train and start processes, so they may take longer. `browser` and
 * `isolated` run in a page without and with shared memory; where there is no Chromium, test/browser-tests.test.ts says so.
 */
const config: ViteUserConfig = {
  test: {
    pool: "forks",
    maxWorkers: 2,
    allowOnly: false, // lint cannot watch for it: it takes our `fit` for a focused test
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["src/**/*.test.ts"], testTimeout: 90_000, hookTimeout: 90_000 },
      },
      {
        extends: true,
        test: {
          name: "suites",
          include: ["test/**/*.test.ts"],
          exclude: ["test/browser/**"],
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      ...(chromium === undefined
        ? []
        : [inBrowser("browser", chromium, {}), inBrowser("isolated", chromium, isolation)]),
    ],
  },
};

function inBrowser(name: string, executablePath: string, headers: Record<string, string>): TestProjectConfiguration {
  return {
    extends: true,
    server: { headers },
    optimizeDeps: { include: ["fast-check"] }, // found later, it would reload the page
    test: {
      name,
      include: ["test/browser/**/*.test.ts"],
      testTimeout: 60_000,
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright({ launchOptions: { executablePath, args: ["--no-sandbox"] } }),
        instances: [{ browser: "chromium" }],
      },
    },
  };
}

export default config;
