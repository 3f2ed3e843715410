/** Prints how long `import "bitlinear"` takes in a fresh process. */
const started = performance.now();
await import("bitlinear");
console.log(JSON.stringify({ milliseconds: performance.now() - started }));

export {};
