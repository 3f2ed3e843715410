/** Checks that need the training engine: what it computes is what deployment computes. */
import { RandomSource } from "../../core/random.ts";
import { BitLinear, predict, RMSNorm, relu, Sequential } from "../../nn/index.ts";
import { quantizers } from "../../quantizers/index.ts";
import { loadModel, modelToBytes } from "../../runtime/model-file.ts";
import { type CheckResult, compareBits, runCheck } from "./check.ts";

const SIZES = [37, 19, 5] as const;
const SAMPLES = 9;

/** A model of every quantizer, saved and loaded again on a backend, gives the bits of the training forward pass. */
export async function checkTraining(backend: string): Promise<CheckResult> {
  return await runCheck(`deployed on ${backend} equals training in all bits`, async () => {
    const random = new RandomSource(1);
    const inputs = Float32Array.from({ length: SAMPLES * SIZES[0] }, () => random.normal());
    let compared = 0;
    for (const { id: quantizer } of quantizers) {
      // Integer activations, which promise equality, also where a quantizer is usually paired with float ones.
      const options = { quantizer, activation: "int8" } as const;
      const module = new Sequential(
        new BitLinear(SIZES[0], SIZES[1], { ...options, seed: 1 }),
        new RMSNorm(SIZES[1]),
        relu,
        new BitLinear(SIZES[1], SIZES[2], { ...options, seed: 2 }),
      );
      const expected = await predict(module, inputs);
      using deployed = await module.deploy({ backend });
      using loaded = await loadModel(modelToBytes(deployed), { backend });
      compared += compareBits(`${quantizer}, deployed`, await deployed.run(inputs), expected);
      compared += compareBits(`${quantizer}, saved and loaded`, await loaded.run(inputs), expected);
    }
    return `${compared} outputs of ${quantizers.length} quantizers, deployed, and saved and loaded`;
  });
}
