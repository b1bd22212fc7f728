import { expect, test } from "bun:test";
import { ENVIRONMENT_PAGE, formatEnvironmentPage } from "../../../scripts/docs/environment.ts";

test("docs/environment.md is current (else: npm run docs)", async () => {
  expect(await Bun.file(ENVIRONMENT_PAGE).text()).toBe(formatEnvironmentPage());
});
