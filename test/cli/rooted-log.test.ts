import { describe, expect, test } from "bun:test";
import { rootedLog } from "../../src/cli/rooted-log.ts";
import { recordingLog } from "../support/recording-log.ts";

function logged(message: string, attributes?: Record<string, string | number | undefined>, root = "/srv/image") {
  const log = recordingLog();
  rootedLog(log, root).warn(message, attributes);
  return log.lines[0];
}

describe("behind `--root` a command of ours gets the root, so that nobody runs it on this machine", () => {
  test.each([
    ["run `teleport-update enable` again", "run `teleport-update enable --root /srv/image` again"],
    ["`teleport-update pin --force-version`", "`teleport-update pin --root /srv/image --force-version`"],
    [
      "run `HTTPS_PROXY=ADDRESS teleport-update enable --proxy-env`",
      "run `HTTPS_PROXY=ADDRESS teleport-update enable --root /srv/image --proxy-env`",
    ],
    [
      "`sudo --preserve-env=A,B teleport-update enable` or `sudo teleport-update status`",
      "`sudo --preserve-env=A,B teleport-update enable --root /srv/image` or `sudo teleport-update status --root /srv/image`",
    ],
  ])("in %s", (text, completed) => {
    expect(logged(text)?.message).toBe(completed);
    expect(logged("m", { hint: text })?.attributes).toEqual({ hint: completed });
  });

  test.each(["command", "or"])("where it is all of the attribute `%s`", (key) => {
    expect(logged("m", { [key]: "teleport-update enable --proxy-env", bytes: 1 })?.attributes).toEqual({
      [key]: "teleport-update enable --root /srv/image --proxy-env",
      bytes: 1,
    });
  });

  test("as a shell takes it", () => {
    expect(logged("`teleport-update enable`", {}, "/srv/my image")?.message).toBe(
      "`teleport-update enable --root '/srv/my image'`",
    );
  });
});

test.each([
  "run `teleport-update enable` on the host when it has booted",
  "`teleport-update mirror verify --at DIR`",
  "`teleport-update enable --root /elsewhere`",
  "was not installed by `teleport-update`",
  "`teleport-update.timer` is missing",
  "`systemctl enable teleport.service`",
])("what is for the booted host, or no command of ours, stays: %s", (text) => {
  expect(logged(text, { hint: text })).toMatchObject({ message: text, attributes: { hint: text } });
});

test("without `--root` nothing is changed", () => {
  const log = recordingLog();
  expect(rootedLog(log, "/")).toBe(log);
});
