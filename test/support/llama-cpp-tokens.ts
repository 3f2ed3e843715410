/**
 * A program of its own, since llama.cpp may end its process: the tokens that it finds likeliest after each prompt.
 *
 *     tsx llama-cpp-tokens.ts model.gguf [[1, 2, 3], [4, 5]] 50      prints [[...50 tokens], [...50 tokens]] as the last line
 */
import { importPackage } from "../../bench/peers/installed-package.ts";

/** What is used of node-llama-cpp. */
export interface NodeLlamaCpp {
  getLlama(options: {
    gpu: false;
    build: "never";
    logLevel: "error";
    progressLogs: false;
    maxThreads: number;
  }): Promise<{ loadModel(options: { modelPath: string }): Promise<Model> }>;
}

interface Model {
  createContext(options: { contextSize: number }): Promise<{
    getSequence(): { evaluate(tokens: number[], options: { temperature: 0 }): AsyncIterable<number> };
    dispose(): Promise<void>;
  }>;
}

async function main(modelPath: string, prompts: number[][], count: number): Promise<void> {
  const imported = await importPackage<NodeLlamaCpp>("node-llama-cpp");
  if ("unavailable" in imported) throw new Error(imported.unavailable);
  const options = { gpu: false, build: "never", logLevel: "error", progressLogs: false, maxThreads: 1 } as const;
  const llama = await imported.package.getLlama(options);
  const model = await llama.loadModel({ modelPath });
  const found: number[][] = [];
  for (const prompt of prompts) {
    const context = await model.createContext({ contextSize: 128 });
    const tokens: number[] = [];
    for await (const token of context.getSequence().evaluate(prompt, { temperature: 0 })) {
      if (tokens.push(token) === count) break;
    }
    found.push(tokens);
    await context.dispose();
  }
  console.log(JSON.stringify(found));
  process.exit(0); // its threads would keep the process for a while
}

const [modelPath, prompts, count] = process.argv.slice(2);
if (modelPath !== undefined) await main(modelPath, JSON.parse(prompts), Number(count));
