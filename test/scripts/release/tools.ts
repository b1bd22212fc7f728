/** Where a tool is missing its tests are left out with a line that says so; CI has them all, so there they fail. */
export function isInstalled(tool: string): boolean {
  if (process.env["CI"] === "true" || Bun.which(tool) !== null) return true;
  console.log(`not tested with ${tool}, as it is not installed`);
  return false;
}
