import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { UpdateError } from "../platform/errors.ts";
import type { ImageRequest } from "../update/image.ts";
import type { ENROLL_FLAGS } from "./enroll-flags.ts";
import { usageError } from "./flag-words.ts";
import { defineFlags } from "./flags.ts";
import type { CommandInput } from "./program.ts";

/** The flags of `enable` and `pin` for images; they are for `--root` only. */
export const IMAGE_FLAGS = defineFlags({
  arch: {
    type: "enum",
    options: ["amd64", "arm64"],
    valueHint: "ARCH",
    description: "with --root: what the image is for, amd64 or arm64; its own programs tell where it has any",
  },
  updater: {
    type: "string",
    valueHint: "FILE",
    description: "with --root: the updater that stays in the image, where it cannot be this one",
  },
  offline: {
    type: "boolean",
    description:
      "with --root: do not ask the cluster; without --force-version the first boot installs what it advertises",
  },
});

/** What the flags ask about an image; they are refused with `E_USAGE` for the host that runs. Fails with `E_PATH`. */
export function imageRequest(command: "enable" | "pin", input: CommandInput<typeof ENROLL_FLAGS>): ImageRequest {
  const { values, sources, hostRoot } = input;
  const given = (["arch", "updater", "offline"] as const).find((name) => sources[name] !== "default");
  if (given !== undefined && hostRoot === "/")
    throw usageError(`flag \`--${given}\` is for images: give \`--root DIR\` too`);
  if (values.offline && values["force-version"] === "") refuseWithoutRelease(command, values);
  return {
    architecture: sources.arch === "default" ? undefined : values.arch,
    updater: values.updater === "" ? "" : realFile(values.updater),
    isOffline: values.offline,
  };
}

/** Without a version an offline image gets no release, and these flags are about one. */
function refuseWithoutRelease(command: "enable" | "pin", values: CommandInput<typeof ENROLL_FLAGS>["values"]): void {
  const asked = [
    command === "pin" ? "`pin`" : "",
    values["hand-over"] ? "`--hand-over`" : "",
    values.from === "" ? "" : "`--from`",
    values.digest === "" ? "" : "`--digest`",
  ].find((word) => word !== "");
  if (asked !== undefined) throw usageError(`${asked} with \`--offline\` needs \`--force-version VERSION\` too`);
}

function realFile(path: string): string {
  try {
    return realpathSync(resolve(path));
  } catch (cause) {
    throw new UpdateError("E_PATH", `\`--updater\` names no file: \`${path}\``, {
      hint: "name the executable of the updater for the image's processor",
      cause,
    });
  }
}
