import type { Log, LogAttributes } from "../platform/log.ts";
import { shellWord } from "../platform/quote.ts";

/**
 * The log of a run under `--root DIR`: every command of ours that a line tells somebody to run gets `--root DIR`, as followed
 * to the letter it would else change the machine that builds the image. One place for all messages, so that none of them has
 * to think of it. A command that is followed by ` on the host` is for the host once it has booted, and stays as it is; so do
 * those for mirrors, which are no part of a host.
 */
export function rootedLog(log: Log, root: string): Log {
  if (root === "/") return log;
  const flag = ` --root ${shellWord(root)}`;
  const rooted =
    (level: keyof Log): Log[keyof Log] =>
    (message, attributes) =>
      log[level](completeIn(message, flag), attributes && completeAll(attributes, flag));
  return { debug: rooted("debug"), info: rooted("info"), warn: rooted("warn"), error: rooted("error") };
}

/** What may stand before the name of the program: sudo with its flags, variables. */
const OURS = "(?:sudo |--preserve-env=\\S+ |[A-Z_]+=\\S+ )*teleport-update (?!mirror\\b)[a-z][a-z-]*";
const IN_TEXT = new RegExp(`\`(${OURS})([^\`]*)\`(?! on the host\\b)`, "g");
const WHOLE = new RegExp(`^(${OURS})(.*)$`);
/** The attributes that are a command and nothing else. */
const COMMANDS = ["command", "or"];

function completeIn(text: string, flag: string): string {
  return text.replace(IN_TEXT, (_, command: string, rest: string) => `\`${complete(command, rest, flag)}\``);
}

function completeAll(attributes: LogAttributes, flag: string): LogAttributes {
  const pairs = Object.entries(attributes).map(([key, value]) => {
    if (typeof value !== "string") return [key, value];
    if (!COMMANDS.includes(key)) return [key, completeIn(value, flag)];
    return [key, value.replace(WHOLE, (_, command: string, rest: string) => complete(command, rest, flag))];
  });
  return Object.fromEntries(pairs);
}

/** Right behind the word of the command: at the end it could become the value of a flag that is named without one. */
function complete(command: string, rest: string, flag: string): string {
  return / --root\b/.test(rest) ? `${command}${rest}` : `${command}${flag}${rest}`;
}
