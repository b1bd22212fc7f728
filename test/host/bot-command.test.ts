import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { botCommands } from "../../src/host/bot-command.ts";

const service = (command: string) => `[Unit]\nDescription=x\n\n[Service]\nExecStart=${command}\n`;

describe("botCommands", () => {
  test.each<[string, string | undefined, string | undefined]>([
    ["/usr/local/bin/tbot start -c /etc/tbot.yaml", "/etc/tbot.yaml", undefined],
    ["/usr/local/bin/tbot -d start --config=/etc/a.yaml --config /etc/b.yaml", "/etc/b.yaml", undefined],
    ["/usr/local/bin/tbot -c /etc/tbot.yaml start", "/etc/tbot.yaml", undefined],
    ['-/usr/bin/tbot start "-c" "/etc/tbot.yaml"', "/etc/tbot.yaml", undefined],
    ['/bin/sh -c "exec tbot start --data-dir=/var/lib/bot"', undefined, "/var/lib/bot"],
    ["/usr/bin/env tbot start identity --storage file:///var/lib/bot", undefined, "/var/lib/bot"],
    ["/usr/bin/tbot start --storage memory://", undefined, undefined],
    ["/usr/bin/tbot start \\\n  -c \\\n  /etc/tbot.yaml", "/etc/tbot.yaml", undefined],
    ["/usr/bin/tbot start -c", undefined, undefined],
  ])("%j", (command, config, storage) => {
    expect(botCommands(service(command))).toEqual([{ config, storage }]);
  });

  test.each([
    service("/usr/bin/tbot configure -c /etc/tbot.yaml"),
    service("/usr/bin/nottbot start -c /etc/tbot.yaml"),
    service("/usr/bin/start tbot -c /etc/tbot.yaml"),
    "[Service]\n# ExecStart=/usr/bin/tbot start -c /etc/tbot.yaml\nExecStartPre=/usr/bin/tbot start -c /etc/tbot.yaml\n",
    "",
  ])("is none: %j", (unit) => {
    expect(botCommands(unit)).toEqual([]);
  });

  test("finds the configuration wherever the flags stand", () => {
    const flag = fc.constantFrom("-d", "--debug", "--oneshot", "--log-format=json");
    const spelling = fc.constantFrom("-c ", "--config ", "--config=");
    fc.assert(
      fc.property(fc.array(flag), fc.array(flag), spelling, fc.boolean(), (before, after, config, isGlobal) => {
        const named = `${config}/etc/tbot.yaml`;
        const words = [
          "/bin/tbot",
          ...(isGlobal ? [named] : []),
          "start",
          ...before,
          ...(isGlobal ? [] : [named]),
          ...after,
        ];
        expect(botCommands(service(words.join(" ")))).toEqual([{ config: "/etc/tbot.yaml", storage: undefined }]);
      }),
    );
  });

  test("takes any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(botCommands(`${text}\n${service(text)}`)).toBeArray();
      }),
    );
  });
});
