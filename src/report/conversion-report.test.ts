/** The page of a conversion shows what was measured, and nothing for what was not. */
import { expect, test } from "vitest";
import type { ConversionReport, LayerReport } from "../convert/conversion-report.ts";
import { conversionReport } from "./conversion-report.ts";

const layer: LayerReport = {
  ...{ name: "layers.0.weight", shape: [8, 16], from: "F32", to: "base3", quantizer: "optimal", planes: 1 },
  ...{ weightError: 0.4321, cosine: 0.9, sparsity: 0.4, outputError: undefined, dataFreeOutputError: undefined },
  ...{ bytesBefore: 512, bytesAfter: 64, bitsPerWeight: 4 },
  proof: { isLossless: true, text: "trits and scales equal" },
};

function page(layers: readonly LayerReport[]): string {
  const report: ConversionReport = {
    ...{ source: "a.safetensors", sourceDescription: "safetensors", out: "b.safetensors" },
    ...{ target: "checkpoint", format: "base3", layers, kept: { count: 0, bytes: 0 } },
    total: {
      ...{ weights: 128 * layers.length, weightError: 0.4, cosine: 0.9, sparsity: 0.4 },
      ...{ bytesBefore: 512 * layers.length, bytesAfter: 64 * layers.length, bitsPerWeight: 4 },
    },
    ...{ fileBytes: { before: 1000, after: 200 }, isLossless: undefined, notes: [], resumedTensors: 0, seconds: 1 },
  };
  return conversionReport({ report, curves: [], samples: [] });
}

test("layers without calibration inputs have no output error", () => {
  expect(page([layer])).not.toContain("Output error");
  const calibrated = { ...layer, name: "layers.1.weight", outputError: 0.1234, dataFreeOutputError: 0.2345 };
  const html = page([layer, calibrated]);
  const chart = html.slice(html.indexOf("Output error by layer"), html.indexOf("Bytes before and after"));
  expect(chart).toContain("layers.1");
  expect(chart).toContain("23.4%");
  expect(chart).toContain("12.3%");
  expect(chart).not.toContain("layers.0");
});

test("the table says what was rounded", () => {
  const proof = { isLossless: false, text: "trits equal, scales rounded by 0.00012" };
  const html = page([layer, { ...layer, name: "layers.1.weight", proof }]);
  expect(html).toContain("<td>✓ equal</td>");
  expect(html).toContain("<td>scales rounded by 0.00012</td>");
});

test("long names keep both of their ends in charts", () => {
  const html = page([{ ...layer, name: "model.layers.17.mlp.experts.down_projection.weight" }]);
  expect(html).toContain("layers.17.…own_projection");
});
