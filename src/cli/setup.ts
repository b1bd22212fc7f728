import { revision } from "../settings/revision.ts";
import { setup } from "../update/setup.ts";
import type { SETUP_FLAGS } from "./commands.ts";
import { openWorld, readNamespace } from "./context.ts";
import type { CommandInput } from "./program.ts";

/** `setup`: the step that a locked `enable` or `update` starts as its child (updater-core §4.8). */
export async function run(input: CommandInput<typeof SETUP_FLAGS>): Promise<number> {
  const { values } = input;
  const request = {
    namespace: readNamespace(input),
    revision: revision(values.version, values.flag),
    path: values.path,
    reload: values.reload,
    selinuxSsh: values["selinux-ssh"],
    tbot: values.tbot,
  };
  await setup(openWorld(input, request), request);
  return 0;
}
