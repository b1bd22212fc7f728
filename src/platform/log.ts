/** Values that a log line may carry beside its message, printed as `key:value`. */
export type LogAttributes = Record<string, string | number | boolean | undefined>;

/** What the program says while it works. Goes to stderr only: stdout is data. */
export interface Log {
  debug(message: string, attributes?: LogAttributes): void;
  info(message: string, attributes?: LogAttributes): void;
  warn(message: string, attributes?: LogAttributes): void;
  error(message: string, attributes?: LogAttributes): void;
}
