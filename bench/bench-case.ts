/** What can be measured: the contract of every bench case. */

/** What the command line says about a run. */
export interface BenchOptions {
  /** A short run that tells whether the bench works, not how fast or good the code is. */
  readonly isQuick: boolean;
  /** How often a training is repeated, each time with another seed. */
  readonly seeds: number;
  /** The data directory; undefined when none is named. */
  readonly dataDirectory: string | undefined;
  /** Out × in of layers to time; undefined for those of the bench. */
  readonly shapes: readonly (readonly [number, number])[] | undefined;
  /** Where a bench may write files; undefined when none are wanted. */
  readonly outputDirectory: string | undefined;
  /** Says what is going on, to a person who waits. */
  note(text: string): void;
  /** Shows a person more than the table of figures does. */
  print(text: string): void;
  /** A line of JSON for a machine that wants more than the records of the figures. */
  emit(line: Readonly<Record<string, unknown>>): void;
}

/** What a figure should be. */
export type Target = { readonly atMost: number } | { readonly atLeast: number };

/** One figure, as often as it was measured. */
export interface Measurement {
  /** What was measured, with everything that tells it from its neighbours. */
  readonly name: string;
  readonly unit: string;
  /** At least one, in the order they were taken. */
  readonly samples: readonly number[];
  /** How they were taken, where the name does not say. */
  readonly method?: string;
  readonly target?: Target;
}

/** A case of the list. */
export interface BenchCase {
  readonly id: string;
  /** One line for the help text. */
  readonly summary: string;
  /** Measures, and gives each figure as soon as it is there. */
  run(options: BenchOptions): AsyncIterable<Measurement>;
}
