/** The text of an `update.yaml` from the lines of its two halves. */
export function updateYaml(spec: readonly string[], status: readonly string[]): string {
  const indented = (lines: readonly string[]) => lines.map((line) => `    ${line}\n`).join("");
  return `version: v1\nkind: update_config\nspec:\n${indented(spec)}status:\n${indented(status)}`;
}
