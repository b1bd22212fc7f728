import { describe, expect, test } from "bun:test";
import { findIdentity } from "../../src/platform/drop-rights.ts";
import { hostProcesses } from "../../src/platform/host-processes.ts";

test("a user is found with its groups, by name or number", async () => {
  const nobody = await findIdentity(hostProcesses, "nobody");
  expect(nobody.user).toBeGreaterThan(0);
  expect(nobody.groups).toContain(nobody.group);
  expect(await findIdentity(hostProcesses, String(nobody.user))).toEqual(nobody);
});

describe("[threat serve-rights] nobody is served as", () => {
  test.each([
    ["root", "it has rights of root"],
    ["0", "it has rights of root"],
    ["no-such-user", "no such user"],
    ["--help", "no such user"],
    ["", "no such user"],
  ])("%j", async (name, reason) => {
    await expect(findIdentity(hostProcesses, name)).rejects.toMatchObject({
      code: "E_SERVE",
      message: expect.stringContaining(reason),
    });
  });
});
