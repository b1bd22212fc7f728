import { describe, expect, test } from "bun:test";
import { requireRoot, warnOfUmask } from "../../src/cli/root-rights.ts";
import { recordingLog } from "../support/recording-log.ts";

describe("[core 7.1] umask", () => {
  test.each(["001", "011", "111", "220", "200", "222", "333", "444", "555", "666", "777"])(
    "%s is warned of",
    (mask) => {
      const log = recordingLog();
      warnOfUmask(Number.parseInt(mask, 8), log);
      expect(log.lines.map(({ level }) => level)).toEqual(["warn", "warn"]);
      expect(log.lines.every(({ message }) => message.includes("detected"))).toBe(true);
      expect(log.lines[0]?.attributes).toEqual({ umask: `0${mask}`, replacement: "0022" });
    },
  );

  test.each(["000", "002", "020", "022"])("%s is fine", (mask) => {
    const log = recordingLog();
    warnOfUmask(Number.parseInt(mask, 8), log);
    expect(log.lines).toEqual([]);
  });
});

describe("the root rule", () => {
  test.each([
    [0, "/"],
    [0, "/srv/image"],
    [1000, "/srv/image"],
  ])("user %d may change the host at %s", (user, root) => {
    expect(() => requireRoot(user, root, "teleport-update enable")).not.toThrow();
  });

  test.each([[1000], [undefined]])("user %p may not change this host", (user) => {
    expect(() => requireRoot(user, "/", "teleport-update enable")).toThrow(
      expect.objectContaining({ code: "E_NOT_ROOT", hint: "run the same command with `sudo`" }),
    );
  });
});
