import { expect, test } from "bun:test";
import { UpdateError } from "../../src/platform/errors.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { emptyConfig, type UpdateConfig } from "../../src/settings/update-config.ts";
import { readUpdateConfig } from "../../src/settings/update-config-read.ts";
import { formatUpdateConfig } from "../../src/settings/update-config-write.ts";
import { recordFailure } from "../../src/update/record-failure.ts";
import { temporaryHost } from "../support/temporary-host.ts";
import { testWorld } from "../support/test-world.ts";

const NAMESPACE = namespaceFor("");
const ROLLBACK = new UpdateError("E_ROLLBACK", "not every change could be undone");

const configAt = (active: string): UpdateConfig => {
  const config = emptyConfig();
  const lastUpdate = { success: false, time: new Date(0), target: revision("18.1.0") };
  return { ...config, status: { ...config.status, lastUpdate, active: revision(active) } };
};

test.each(["18.0.0", "18.1.0"])("an update to 18.1.0 failed, and `update.yaml` names %s", async (active) => {
  using host = temporaryHost();
  const { lastUpdate, ...status } = configAt(active).status;
  const before = formatUpdateConfig({ ...configAt(active), status: { ...status, lastUpdate: undefined } });
  host.write(NAMESPACE.config, before);
  await recordFailure(testWorld(host.root), NAMESPACE, configAt("18.0.0"), ROLLBACK);
  if (active === "18.1.0") expect(host.files.readText(NAMESPACE.config, 1 << 16)).toBe(before);
  else expect(readUpdateConfig(host.files, NAMESPACE).status).toMatchObject({ ...status, lastUpdate });
});
