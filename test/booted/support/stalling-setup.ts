import type { BootedHost } from "../../support/booted-host.ts";

const PIPE = "/run/stall-setup";

/**
 * What the stand-in updater of a release takes for `systemctl`, as ours looks in the system's own folders only. Once told
 * to stall, it says so when all files of the setup are written and read, and waits to be let go on.
 */
export const STALLING_SYSTEMCTL = {
  "/usr/local/sbin/systemctl": {
    content: `#!/bin/sh
if [ "$1" = enable ] && [ -e ${PIPE} ]; then
  echo reached >${PIPE}
  read -r _ <${PIPE}
fi
exec /usr/bin/systemctl "$@"
`,
    mode: 0o755,
  },
};

/** The next setup stalls; `reached` waits for that, `goOn` ends it. */
export async function stallSetup(host: BootedHost): Promise<{ reached(): Promise<unknown>; goOn(): Promise<unknown> }> {
  await host.exec(["mkfifo", PIPE]);
  return {
    reached: () => host.exec(["cat", PIPE]),
    goOn: () => host.exec(["sh", "-c", `exec 3>${PIPE}; rm ${PIPE}; echo go >&3`]),
  };
}
