import { expect, test } from "bun:test";
import type { Event } from "./operations.ts";
import { findHasty, findOutsiders, findPuttingBack } from "./outsiders.ts";

const NAMESPACE = "/opt/teleport/default";
const says = (text: string): Event => ({ kind: "said", text: `DEBUG [UPDATER]   Change: ${text}.\n` });
const opens = (path: string): Event => ({
  call: "openat",
  kind: "open",
  path,
  creates: true,
  truncates: false,
  mode: 0o600,
});
const removes = (path: string): Event => ({ call: "unlink", kind: "remove", path });
const renames = (from: string, path: string): Event => ({ call: "rename", kind: "rename", from, path });

const CASES: { name: string; events: Event[]; outsiders: string[] }[] = [
  {
    name: "the journal, the lock and staging belong to the run",
    events: [
      opens(`${NAMESPACE}/update.journal`),
      opens(`${NAMESPACE}/update.lock`),
      opens(`${NAMESPACE}/.staging-1/release/bin/teleport`),
    ],
    outsiders: [],
  },
  {
    name: "the folder of the namespace may go when it is empty, and no other",
    events: [
      { call: "rmdir", kind: "remove", path: NAMESPACE },
      { call: "rmdir", kind: "remove", path: `${NAMESPACE}/versions` },
    ],
    outsiders: [`rmdir ${NAMESPACE}/versions`],
  },
  {
    name: "a change takes its path and its temporary name",
    events: [says("rewrite /etc/a"), opens("/etc/.a.teleport-update"), renames("/etc/.a.teleport-update", "/etc/a")],
    outsiders: [],
  },
  {
    name: "a change said too late does not count",
    events: [opens("/etc/a"), says("rewrite /etc/a")],
    outsiders: ["openat /etc/a"],
  },
  {
    name: "a path beside it is not its own",
    events: [says("rewrite /etc/a"), opens("/etc/a.new")],
    outsiders: ["openat /etc/a.new"],
  },
  {
    name: "where a link leads is not touched",
    events: [says("link /usr/bin/a to /opt/a"), removes("/opt/a")],
    outsiders: ["unlink /opt/a"],
  },
  {
    name: "a folder is not what lies in it",
    events: [says("make the directory /etc/a"), opens("/etc/a/b")],
    outsiders: ["openat /etc/a/b"],
  },
  {
    name: "a version goes with all that it holds",
    events: [says(`remove ${NAMESPACE}/versions/18.0.0`), removes(`${NAMESPACE}/versions/18.0.0/bin/tsh`)],
    outsiders: [],
  },
  {
    name: "nothing may be written into a version that goes",
    events: [says(`remove ${NAMESPACE}/versions/18.0.0`), opens(`${NAMESPACE}/versions/18.0.0/bin/tsh`)],
    outsiders: [`openat ${NAMESPACE}/versions/18.0.0/bin/tsh`],
  },
  {
    name: "both ends of a move count",
    events: [says("rewrite /etc/a"), renames("/etc/b", "/etc/a")],
    outsiders: ["rename /etc/b to /etc/a"],
  },
  {
    name: "an undo takes its path, and what it removes is one file",
    events: [
      { kind: "said", text: "DEBUG [UPDATER]   Undo: remove /etc/a.\n" },
      renames("/etc/.a.teleport-update", "/etc/a"),
      removes("/etc/a/b"),
    ],
    outsiders: ["unlink /etc/a/b"],
  },
];

test("the host is put back between two lines of the log", () => {
  const warns = (text: string): Event => ({ kind: "said", text: `WARN  [UPDATER]   ${text}\n` });
  const failed = warns("The change failed, putting the host back as it was. error:x");
  const back = warns("The host is back as it was before this run.");
  expect(findPuttingBack([says("rewrite /etc/a"), failed, opens("/etc/a"), back])).toEqual({ from: 1, to: 3 });
  expect(findPuttingBack([failed, opens("/etc/a")])).toBeUndefined();
});

test.each(CASES)("$name", ({ events, outsiders }) => {
  expect(findOutsiders(events)).toEqual(outsiders);
});

const JOURNAL = `${NAMESPACE}/update.journal`;
const syncs = (path: string): Event => ({ call: "fsync", kind: "sync", path });
const writes = (path: string): Event => ({ call: "write", kind: "write", path, bytes: undefined });
const CHANGE = opens("/etc/a");

const ANNOUNCED: { name: string; before: Event[]; hasty: string[] }[] = [
  {
    name: "a journal that is synced, file and name",
    before: [opens(JOURNAL), writes(JOURNAL), syncs(JOURNAL), syncs(NAMESPACE)],
    hasty: [],
  },
  { name: "its text only", before: [opens(JOURNAL), writes(JOURNAL), syncs(JOURNAL)], hasty: ["openat /etc/a"] },
  { name: "its name only", before: [opens(JOURNAL), writes(JOURNAL), syncs(NAMESPACE)], hasty: ["openat /etc/a"] },
  { name: "none of it", before: [opens(JOURNAL), writes(JOURNAL)], hasty: ["openat /etc/a"] },
];

test.each(ANNOUNCED)("a change after $name", ({ before, hasty }) => {
  expect(findHasty([...before, CHANGE])).toEqual(hasty);
});
