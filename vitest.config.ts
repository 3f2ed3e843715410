import type { ViteUserConfig } from "vitest/config";

/** `unit` stands beside the sources; `suites` cross modules, train and start processes, so they may take longer. */
const config: ViteUserConfig = {
  test: {
    pool: "forks",
    maxWorkers: 2,
    allowOnly: false, // lint cannot watch for it: it takes our `fit` for a focused test
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["src/**/*.test.ts"], testTimeout: 30_000, hookTimeout: 30_000 },
      },
      {
        extends: true,
        test: { name: "suites", include: ["test/**/*.test.ts"], testTimeout: 180_000, hookTimeout: 180_000 },
      },
    ],
  },
};

export default config;
