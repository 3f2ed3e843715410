/** Files that a person chooses in a page are read in parts, and unpacked by what the browser has for it. */
import { expect, test } from "vitest";
import { openNpz, openSafetensors, tensorEntry, writeSafetensors } from "../../src/files/index.ts";

/** By NumPy, deflated; test/golden/npz.test.ts says what is in it. */
const archive = new URL("../golden/numpy/compressed.npz", import.meta.url);

test("a compressed .npz file, by address and as a File", async () => {
  const blob = await (await fetch(archive)).blob();
  for (const source of [archive, new File([blob], "model.npz")]) {
    await using reader = await openNpz(source);
    expect(reader.tensors.get("zeros")).toMatchObject({ dtype: "F32", shape: [300, 200] });
    const { values } = await reader.read("layers.0.weight");
    expect([...values]).toEqual([-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75]);
    expect((await reader.read("zeros")).values).toHaveLength(60_000);
  }
});

test("parts of a safetensors File", async () => {
  const file = new File([writeSafetensors([tensorEntry("w", [4], Uint8Array.of(1, 2, 3, 4))])], "model.safetensors");
  await using reader = await openSafetensors(file);
  expect([...(await reader.read("w", 1, 3))]).toEqual([2, 3]);
});
