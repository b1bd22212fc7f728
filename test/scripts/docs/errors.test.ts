import { expect, test } from "bun:test";
import { ERRORS_PAGE, formatErrorsPage } from "../../../scripts/docs/errors.ts";

test("docs/errors.md is current (else: npm run docs)", async () => {
  expect(await Bun.file(ERRORS_PAGE).text()).toBe(formatErrorsPage());
});
