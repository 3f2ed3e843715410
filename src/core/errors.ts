/** The errors of bitlinear: every message says what was expected, what was found and what to do next. */

/** Stable identifiers of the error classes, for programs that branch on `error.code`. */
export type ErrorCode = "SHAPE" | "UNSUPPORTED" | "FILE" | "DEVICE" | "USAGE" | "DIVERGED";

/** Base of every error that bitlinear throws on purpose; `code` never changes between releases. */
export class BitLinearError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** A size, a shape or a value range does not fit. */
export class ShapeError extends BitLinearError {
  constructor(message: string, options?: ErrorOptions) {
    super("SHAPE", message, options);
  }
}

/** What was asked for does not exist here; the message lists what would work. */
export class UnsupportedError extends BitLinearError {
  constructor(message: string, options?: ErrorOptions) {
    super("UNSUPPORTED", message, options);
  }
}

/** Where in a file a problem was found. */
export interface FileLocation {
  /** Path, URL or a name such as `"<bytes>"`. */
  file: string;
  /** Byte offset from the start of the file. */
  offset?: number;
  /** Name of the tensor that is affected. */
  tensor?: string;
}

/** A file is missing, damaged, hostile or of another version. */
export class FileError extends BitLinearError {
  readonly file: string;
  readonly offset: number | undefined;
  readonly tensor: string | undefined;

  constructor(message: string, location: FileLocation, options?: ErrorOptions) {
    const tensor = location.tensor === undefined ? "" : `, tensor ${JSON.stringify(location.tensor)}`;
    const offset = location.offset === undefined ? "" : `, byte ${location.offset}`;
    super("FILE", `${location.file}${tensor}${offset}: ${message}`, options);
    this.file = location.file;
    this.offset = location.offset;
    this.tensor = location.tensor;
  }
}

/** A compute device or its driver failed. */
export class DeviceError extends BitLinearError {
  constructor(message: string, options?: ErrorOptions) {
    super("DEVICE", message, options);
  }
}

/** A command or a function was called with options it cannot take (exit code 2 on the command line). */
export class UsageError extends BitLinearError {
  constructor(message: string, options?: ErrorOptions) {
    super("USAGE", message, options);
  }
}

/** Training produced a loss that is not a finite number. */
export class DivergedError extends BitLinearError {
  /** Optimizer step, counted from 1 over the whole training, at which the loss stopped being finite. */
  readonly step: number;

  constructor(message: string, step: number, options?: ErrorOptions) {
    super("DIVERGED", message, options);
    this.step = step;
  }
}
