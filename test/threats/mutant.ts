/** One rule of `docs/threat-model.md` taken out of the sources: the tests with its mark must fail then. */
export interface Mutant {
  /** The rule's name in the document. */
  rule: string;
  file: string;
  /** Text of `file` that occurs once. */
  take: string;
  /** What stands in its place without the rule. */
  leave: string;
  /** The files with tests of this rule, marked `[threat rule]`. */
  tests: readonly string[];
}
